"""`make run`: one command starts both processes, keeps both alive, and stops both."""
from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Dict, Iterator, List

import pytest
import requests

from server.settings import ROOT
from tests.running import START_SECONDS, answers, free_ports, wait_until

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for child processes in /proc")


class Supervisor:
    """`python -m server.run` on ports and a data folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.port, self.action_port = free_ports(2)
        self.url = f"http://127.0.0.1:{self.port}"
        self._out = folder / "out.log"
        self._folder = folder

    def start(self) -> "subprocess.Popen[bytes]":
        """Starts it, without waiting."""
        environment = {
            **os.environ,
            "DYSTONIA_HOST": "127.0.0.1",
            "DYSTONIA_PORT": str(self.port),
            "DYSTONIA_ACTION_PORT": str(self.action_port),
            "DYSTONIA_DATA": str(self._folder / "not there yet" / "data"),
        }
        command = [sys.executable, "-W", "ignore", "-m", "server.run"]
        with self._out.open("wb") as out:
            self.process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=out, stderr=subprocess.STDOUT)
        return self.process

    def ended(self) -> bool:
        """Whether it has ended."""
        return self.process.poll() is not None

    def said(self) -> str:
        """Everything that it and its children have said."""
        return self._out.read_text(encoding="utf-8")

    def children(self) -> Dict[str, int]:
        """Its children: module and process id."""
        return {_module(child): child for child in _children(self.process.pid)}

    def say(self, message: str) -> List[dict]:
        """Sends a message as the printed curl line does."""
        body = {"sender": "me", "message": message}
        return requests.post(f"{self.url}/webhooks/rest/webhook", json=body, timeout=30).json()

    def stop(self) -> None:
        """Ends it, and what a failed test may have left of its children."""
        if self.ended():
            return
        children = _children(self.process.pid)
        self.process.terminate()
        self.process.wait(30)
        for child in children:
            if _is_there(child):
                os.kill(child, signal.SIGKILL)


@pytest.fixture
def supervisor(model: Path, tmp_path: Path) -> Iterator[Supervisor]:
    """A supervisor that is not started yet; the model is there."""
    supervisor = Supervisor(tmp_path)
    yield supervisor
    supervisor.stop()


@pytest.fixture
def running(supervisor: Supervisor) -> Supervisor:
    """A supervisor that has said where the assistant is."""
    supervisor.start()
    wait_until(lambda: supervisor.url in supervisor.said() or supervisor.ended(), START_SECONDS, "the greeting")
    assert not supervisor.ended(), supervisor.said()
    return supervisor


@pytest.mark.parametrize("taken, setting", [("port", "DYSTONIA_PORT"), ("action_port", "DYSTONIA_ACTION_PORT")])
def test_a_port_in_use_is_said_in_one_sentence(supervisor: Supervisor, taken: str, setting: str) -> None:
    port = getattr(supervisor, taken)
    with socket.create_server(("127.0.0.1", port)):
        status = supervisor.start().wait(30)

    (line,) = supervisor.said().splitlines()
    assert status == 1
    assert f"Port {port}" in line and "Mend:" in line and setting in line


def test_the_greeting_holds_when_it_is_said(running: Supervisor) -> None:
    said = running.said()
    (sent,) = re.findall(r"curl -s (\S+) -d '(.*)'", said)

    answer = requests.post(sent[0], data=sent[1], timeout=30).json()

    assert "make chat" in said and "Ctrl-C" in said
    assert answer[1]["custom"]["reply"]["kind"] == "answer"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_a_signal_stops_both_processes(running: Supervisor, number: int) -> None:
    children = running.children()
    assert set(children) == {"server.action_server", "server.serve"}

    running.process.send_signal(number)

    assert running.process.wait(30) == 0
    assert not any(_is_there(child) for child in children.values())
    assert not answers(f"{running.url}/webhooks/rest/")
    assert "Traceback" not in running.said()


def test_a_killed_action_server_is_started_again(running: Supervisor) -> None:
    before = running.children()

    os.kill(before["server.action_server"], signal.SIGKILL)

    wait_until(lambda: "started again" in running.said(), 10, "the new start")
    wait_until(lambda: answers(f"http://127.0.0.1:{running.action_port}/health"), START_SECONDS, "the action server")
    after = running.children()
    assert after["server.action_server"] != before["server.action_server"]
    assert after["server.serve"] == before["server.serve"]
    assert running.say("What is blepharospasm?")[1]["custom"]["reply"]["kind"] == "answer"


def _children(parent: int) -> List[int]:
    return [int(stat.parent.name) for stat in Path("/proc").glob("[0-9]*/stat") if _parent(stat) == parent]


def _parent(stat: Path) -> int:
    try:
        # The second field is the command in brackets, which may hold spaces; the fourth is the parent.
        return int(stat.read_text().rpartition(")")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return 0


def _module(process: int) -> str:
    words = Path(f"/proc/{process}/cmdline").read_bytes().decode().split("\0")
    return words[words.index("-m") + 1]


def _is_there(process: int) -> bool:
    return Path(f"/proc/{process}").exists()
