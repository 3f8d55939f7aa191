"""`make run`: one command starts both processes, keeps both alive, and stops both."""
from __future__ import annotations

import os
import re
import signal
import socket
from pathlib import Path
from typing import Iterator

import pytest
import requests

from tests.running import START_SECONDS, answers, wait_until
from tests.supervised import Supervisor, is_there

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/stat").exists(), reason="child processes are looked for in /proc. Mend: run this on Linux."
)


@pytest.fixture
def supervisor(model: Path, tmp_path: Path) -> Iterator[Supervisor]:
    """A supervisor that is not started yet; the model is there."""
    supervisor = Supervisor(tmp_path)
    yield supervisor
    supervisor.stop()


@pytest.fixture
def running(supervisor: Supervisor) -> Supervisor:
    """A supervisor that has said where the assistant is."""
    return supervisor.greets()


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
    assert not any(is_there(child) for child in children.values())
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
