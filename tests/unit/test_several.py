"""Two processes on the same talks: never without a word."""
from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Iterator

import pytest

from server import several
from server.run import SOCKETS, Supervisor
from server.settings import ROOT, Settings
from tests.running import free_ports

HOLD = """
from server import several
from server.settings import Settings

several.join(Settings.from_environment())
print(flush=True)
input()
"""


@pytest.fixture(autouse=True)
def _lets_go(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(several, "_held", [])
    yield
    for mark in several._held:
        mark.close()


def test_one_process_is_told_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    several.join(Settings(data=tmp_path / "data"))

    assert caplog.text == ""


def test_a_second_process_on_the_same_folder_is_said_loudly(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    environment = {"DYSTONIA_DATA": str(tmp_path), "PYTHONPATH": str(ROOT)}
    other = subprocess.Popen([sys.executable, "-c", HOLD], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert other.stdout and other.stdout.readline() == b"\n"

        several.join(Settings(data=tmp_path))
    finally:
        other.communicate(b"\n")

    assert "ERROR" in caplog.text and "Mend: stop one of them" in caplog.text


def test_a_second_supervisor_on_the_same_folder_is_said_loudly(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = [Settings(data=tmp_path, port=port) for port in free_ports(2)]

    supervisors = [Supervisor(each) for each in settings]

    assert capsys.readouterr().err.count("Mend: stop one of them") == 1
    for supervisor in supervisors:
        supervisor._listener.close()
        os.close(supervisor._mark)


def test_a_process_that_takes_over_is_told_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(several, "alone_in", lambda folder: False)
    monkeypatch.setenv(SOCKETS, "3,4")

    several.join(Settings(data=tmp_path))

    assert caplog.text == ""


def test_when_the_other_has_ended_nothing_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    environment = {"DYSTONIA_DATA": str(tmp_path), "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", HOLD], env=environment, input=b"\n", check=True, capture_output=True)

    several.join(Settings(data=tmp_path))

    assert caplog.text == ""
