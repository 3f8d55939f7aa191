"""Fact files that can't be used: the assistant does not start, and says where the fault is, also where actions run inside."""
from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from server.settings import ROOT
from tests.running import free_ports

FOLDERS = ("actions", "channels", "data", "dystonia", "facts", "nlu", "server", "widget")
FILES = ("config.yml", "credentials.yml", "domain.yml", "endpoints.yml", "requirements.txt")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project in which one fact file is no YAML."""
    project = tmp_path_factory.mktemp("broken") / "project"
    for name in FOLDERS:
        shutil.copytree(ROOT / name, project / name, ignore=shutil.ignore_patterns("__pycache__", "node_modules"))
    for name in FILES:
        shutil.copy(ROOT / name, project / name)
    (project / "facts" / "cards" / "blepharospasm.yml").write_bytes(b"- id: [broken \xff")
    return project


@pytest.mark.parametrize("module", ["server.serve", "server.run"])
def test_broken_facts_are_said_at_the_start(project: Path, tmp_path: Path, module: str) -> None:
    (port,) = free_ports(1)
    environment = {**os.environ, "DYSTONIA_PORT": str(port), "DYSTONIA_DATA": str(tmp_path), "PYTHONPATH": str(project)}
    environment.pop("DYSTONIA_ACTION_PORT", None)
    arguments = ["no model"] if module == "server.serve" else []

    ended = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", module, *arguments],
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert ended.returncode == 1
    assert "blepharospasm.yml, line 1" in ended.stderr and "Mend:" in ended.stderr
    assert "Traceback" not in ended.stderr
