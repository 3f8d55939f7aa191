"""A model file that is damaged: the process does not serve with it, says so, and makes way for another."""
from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from server.settings import ROOT
from tests.running import free_ports


def test_a_damaged_model_is_said_and_set_aside(model: Path, tmp_path: Path) -> None:
    cut_short = tmp_path / "cut-short.tar.gz"
    cut_short.write_bytes(model.read_bytes()[: model.stat().st_size // 20])
    (port,) = free_ports(1)

    ended = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "server.serve", str(cut_short)],
        cwd=ROOT,
        env={**os.environ, "DYSTONIA_PORT": str(port), "DYSTONIA_DATA": str(tmp_path / "data")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert ended.returncode == 1
    assert "the model was damaged; it is now cut-short.tar.gz.damaged" in ended.stderr and "Traceback" not in ended.stderr
    assert not cut_short.exists() and cut_short.with_name("cut-short.tar.gz.damaged").exists()
