"""Real servers for tests: the assistant's own processes on free ports, a stand-in action server, a visitor's view of them."""
from __future__ import annotations

import contextlib
import json
import os
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

import requests

from server.settings import ROOT

START_SECONDS = 90
"""Longer than any start took on a busy machine with two cores; a healthy one takes a few seconds."""


def wait_until(holds: Callable[[], bool], seconds: float, what: str) -> None:
    """Looks again and again until something holds; fails, saying what did not come, after so many seconds."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"{what} did not come within {seconds} s"
        time.sleep(0.02)


def free_ports(count: int) -> List[int]:
    """Ports of the loopback address that nothing listens on."""
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


@dataclass(frozen=True)
class Reply:
    """What came back over HTTP: the status, and the items of the reply, or what was said instead of them."""

    status: int
    raw: Any

    @property
    def text(self) -> str:
        """What the visitor reads."""
        return "\n".join(item["text"] for item in self.raw if "text" in item)

    @property
    def buttons(self) -> List[Dict[str, str]]:
        """The suggested questions."""
        return [button for item in self.raw for button in item.get("buttons", [])]

    @property
    def reply(self) -> Dict[str, Any]:
        """The account that the reply gives of itself."""
        return next(item["custom"]["reply"] for item in self.raw if "custom" in item)

    @property
    def kind(self) -> str:
        """Its kind."""
        return self.reply["kind"]

    @property
    def error(self) -> str:
        """The reason, where the message was refused."""
        return self.raw["error"]


@dataclass
class ServerProcess:
    """One of the project's processes, the file that takes all it says, and the folder of the project that it runs from."""

    module: str
    arguments: Tuple[str, ...]
    environment: Dict[str, str]
    health: str
    log_file: Path
    folder: Path = ROOT
    _process: "Optional[subprocess.Popen[bytes]]" = None

    def start(self) -> None:
        """Starts it and waits until its health page answers."""
        command = [sys.executable, "-W", "ignore", "-m", self.module, *self.arguments]
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(
                command, cwd=self.folder, env=self.environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )
        wait_until(self._answers_or_ended, START_SECONDS, f"an answer of {self.module}")
        assert self._process.poll() is None, f"{self.module} ended while starting:\n{self.log()}"

    def stop(self) -> None:
        """Asks it to end and waits for that."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(20)
            self._process = None

    def kill(self) -> None:
        """Ends it at once, as a crash does."""
        assert self._process is not None, f"{self.module} does not run"
        self._process.kill()
        self.stop()

    def log(self) -> str:
        """Everything it has said so far."""
        return self.log_file.read_text(encoding="utf-8", errors="replace")

    def _answers_or_ended(self) -> bool:
        return answers(self.health) or self._process is not None and self._process.poll() is not None


def answers(url: str) -> bool:
    """Whether a page can be read."""
    try:
        return requests.get(url, timeout=1).status_code == 200
    except requests.RequestException:
        return False


@dataclass
class RunningAssistant:
    """Rasa and the action server, apart, so that a test can stop one of them."""

    url: str
    data: Path
    rasa: ServerProcess
    actions: ServerProcess
    action_port: int
    _session: requests.Session = field(default_factory=requests.Session)

    def say(self, sender: str, message: Any, **more: Any) -> Reply:
        """Sends a message as a Rasa REST client does; ``more`` goes into the body."""
        return self.post(json.dumps({"sender": sender, "message": message, **more}).encode())

    def post(self, body: bytes, query: str = "") -> Reply:
        """Sends any bytes."""
        answer = self._session.post(f"{self.url}/webhooks/rest/webhook{query}", data=body, timeout=30)
        is_json = answer.headers.get("Content-Type", "").startswith("application/json")
        return Reply(answer.status_code, answer.json() if is_json else answer.text)

    def visitor(self) -> "Visitor":
        """Someone new."""
        return Visitor(self, uuid.uuid4().hex)

    def alive(self) -> bool:
        """Whether it still answers a greeting."""
        return self.visitor().say("Hello").kind == "smalltalk"

    def log(self) -> str:
        """Everything that either process has said."""
        return self.rasa.log() + self.actions.log()

    def kept(self, query: str, *values: str) -> List[Tuple[Any, ...]]:
        """Rows of the file that keeps the talks."""
        return self.kept_in("talks.db", query, *values)

    def kept_in(self, file: str, query: str, *values: str) -> List[Tuple[Any, ...]]:
        """Rows of one of its files."""
        with contextlib.closing(sqlite3.connect(self.data / file, timeout=10)) as store:
            rows = store.execute(query, values).fetchall()
            store.commit()
            return rows

    def files_holding(self, words: str) -> List[str]:
        """Names of the files in the data folder whose bytes hold these words."""
        return [path.name for path in sorted(self.data.rglob("*")) if path.is_file() and words.encode() in path.read_bytes()]


@dataclass(frozen=True)
class Visitor:
    """One talk with the assistant."""

    assistant: RunningAssistant
    sender: str

    def say(self, message: str) -> Reply:
        """Says something; it must be taken in."""
        reply = self.assistant.say(self.sender, message)
        assert reply.status == 200, reply.raw
        return reply


@contextlib.contextmanager
def running_assistant(
    model: Path,
    folder: Path,
    with_actions: bool = True,
    project: Path = ROOT,
    clock: Optional[Path] = None,
    inside: bool = False,
    **settings: str,
) -> Iterator[RunningAssistant]:
    """The assistant, with a data folder of its own; without actions, nothing listens where Rasa looks for them.

    Args:
        model: the trained model.
        folder: where talks and logs are kept.
        with_actions: whether the action server runs too.
        inside: whether the Rasa process runs the actions, as it does where no port of an action server is set.
        project: the folder that the code and the facts are taken from.
        clock: a file that says by how many seconds Rasa's clock is off (tests/faults/jumping_clock.py).
        settings: further variables of its environment.
    """
    port, action_port = free_ports(2)
    environment = {
        **os.environ,
        "DYSTONIA_HOST": "127.0.0.1",
        "DYSTONIA_PORT": str(port),
        "DYSTONIA_ACTION_PORT": str(action_port),
        "DYSTONIA_DATA": str(folder / "data"),
        **settings,
    }
    if inside:
        del environment["DYSTONIA_ACTION_PORT"]
    url = f"http://127.0.0.1:{port}"
    health = f"http://127.0.0.1:{action_port}/health"
    actions = ServerProcess("server.action_server", (), environment, health, folder / "actions.log", project)
    serve = ("tests.faults.jumping_clock", str(clock), "server.serve") if clock else ("server.serve",)
    arguments = (*serve[1:], str(model))
    rasa = ServerProcess(serve[0], arguments, environment, f"{url}/webhooks/rest/", folder / "rasa.log", project)
    actions.log_file.touch()
    starting = [rasa, actions] if with_actions and not inside else [rasa]
    try:
        with ThreadPoolExecutor() as pool:
            list(pool.map(ServerProcess.start, starting))
        yield RunningAssistant(url, folder / "data", rasa, actions, action_port)
    finally:
        for process in (rasa, actions):
            process.stop()


class ActionStandIn:
    """Stands where the action server should: answers what the test says, after as long as it says."""

    def __init__(self, port: int, status: int = 200, body: bytes = b"", delay: float = 0.0) -> None:
        self.calls = 0
        self._ended = threading.Event()
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:  # noqa: N802 - the name is the library's
                stand_in.calls += 1
                self.rfile.read(int(self.headers["Content-Length"]))
                stand_in._ended.wait(delay)
                with contextlib.suppress(OSError):
                    self.send_response(status)
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Says nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})

    def __enter__(self) -> "ActionStandIn":
        self._thread.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._ended.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
