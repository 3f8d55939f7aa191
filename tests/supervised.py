"""The whole assistant as `make run` starts it, for tests that stop, kill or reload it."""
from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List

import requests

from server.run import STATUS_FILE
from server.settings import ROOT
from tests.running import START_SECONDS, free_ports, wait_until


class Supervisor:
    """`python -m server.run` on ports and a data folder of its own, from this project or from a copy of it."""

    def __init__(self, folder: Path, project: Path = ROOT) -> None:
        self.project = project
        self.data = folder / "not there yet" / "data"
        self.port, self.action_port = free_ports(2)
        self.url = f"http://127.0.0.1:{self.port}"
        self._out = folder / "out.log"

    def start(self) -> "subprocess.Popen[bytes]":
        """Starts it, without waiting."""
        environment = {
            **os.environ,
            "DYSTONIA_HOST": "127.0.0.1",
            "DYSTONIA_PORT": str(self.port),
            "DYSTONIA_ACTION_PORT": str(self.action_port),
            "DYSTONIA_DATA": str(self.data),
            # Otherwise the environment's own commands would find the project that it was made for.
            "PYTHONPATH": str(self.project),
        }
        command = [sys.executable, "-W", "ignore", "-m", "server.run"]
        with self._out.open("wb") as out:
            self.process = subprocess.Popen(command, cwd=self.project, env=environment, stdout=out, stderr=subprocess.STDOUT)
        return self.process

    def greets(self) -> "Supervisor":
        """Starts it, and waits until it has said where the assistant is."""
        self.start()
        wait_until(lambda: self.url in self.said() or self.ended(), START_SECONDS, "the greeting")
        assert not self.ended(), self.said()
        return self

    def ended(self) -> bool:
        """Whether it has ended."""
        return self.process.poll() is not None

    def said(self) -> str:
        """Everything that it and its children have said."""
        return self._out.read_text(encoding="utf-8")

    def children(self) -> Dict[str, int]:
        """Its children: module and process id."""
        return {_module(child): child for child in _children(self.process.pid)}

    def status(self) -> Dict[str, Any]:
        """What it has written down for commands."""
        return json.loads((self.data / STATUS_FILE).read_text())

    def reload(self) -> Dict[str, Any]:
        """Has it take the present model and facts, and waits for what becomes of that."""
        before = self.status()["reloads"]
        self.process.send_signal(signal.SIGUSR1)
        wait_until(lambda: self.status()["reloads"] > before, 2 * START_SECONDS, "the end of the reload")
        return self.status()

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
            if is_there(child):
                os.kill(child, signal.SIGKILL)


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


def is_there(process: int) -> bool:
    """Whether a process runs."""
    return Path(f"/proc/{process}").exists()
