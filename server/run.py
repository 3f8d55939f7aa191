"""Runs the assistant: trains where needed, starts the action server and Rasa, keeps both alive, stops both on Ctrl-C.

On SIGUSR1 (`make reload`) it starts both anew beside the old ones, with the present model and facts. When these are ready they
take over; until then, and where they never are, the old ones go on.
"""
from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional

from server.logs import tell
from server.model import path_for_inputs
from server.settings import ROOT, Settings, SettingsError

SOCKETS = "DYSTONIA_SOCKETS"
"""No setting: where a process that is started is told the numbers of the sockets that it is lent (server/serving.py)."""
START_SECONDS = 60
STOP_SECONDS = 25
"""Longer than a process takes to finish what is under way (server/serving.py, channels/delivery.py)."""
RESTARTS = 5
"""How often a process may die within a minute before the assistant gives up."""
STATUS_FILE = "run.json"
"""In the data folder, for `make reload` and `make doctor`: which process this is, and what became of the last reload."""
MARK_FILE = "run.lock"
"""Beside it: held for as long as a supervisor lives. After a power cut, the number in the other file may be anyone's."""
_LISTENING = {
    errno.EADDRINUSE: "stop what runs there, or set {} to another port",
    errno.EACCES: "set {} to a port over 1023",
}
"""What mends a port that can't be used, by the error."""
TOGETHER = (
    "Another assistant uses the folder %s: together they would mix up talks. Mend: stop one of them; for several at a time, "
    "set DYSTONIA_POSTGRES_URL and DYSTONIA_REDIS_URL (docs/deploy.md)."
)
BACKLOG = 100
"""Callers that wait at the socket while a process is replaced or started again."""


class NotUsable(Exception):
    """A process that was to be started can't be used; the words say why."""


@dataclass
class Process:
    """One of the two processes, and how to see that it answers.

    Attributes:
        name: for people.
        command: what is run.
        health: a page that can be read when it answers; None where it tells by itself.
        listener: the socket that it is lent, on which it serves when it is told to.
        model: what it serves, the last word of its command.
    """

    name: str
    command: List[str]
    environment: Dict[str, str]
    health: Optional[str] = None
    listener: Optional[socket.socket] = None
    model: Optional[Path] = None
    deaths: List[float] = field(default_factory=list)
    running: "subprocess.Popen[bytes] | None" = None
    serves: bool = False
    _line: Optional[socket.socket] = None
    _told: bytes = b""

    def start(self) -> None:
        """Starts it in a session of its own: Ctrl-C in the terminal reaches only the supervisor."""
        self.serves, self._told, environment, lent = False, b"", self.environment, []
        if self.listener is not None:
            self._hang_up()
            self._line, theirs = socket.socketpair()
            self._line.setblocking(False)
            lent = [self.listener.fileno(), theirs.fileno()]
            environment = {**environment, SOCKETS: ",".join(map(str, lent))}
        command = [*self.command, str(self.model)] if self.model else self.command
        self.running = subprocess.Popen(command, cwd=ROOT, env=environment, start_new_session=True, pass_fds=lent)
        if lent:
            theirs.close()

    def answers(self) -> bool:
        """Whether its health page can be read, or it has said that it could serve."""
        if self.health is None:
            return bool(self.findings())
        try:
            with urllib.request.urlopen(self.health, timeout=1) as page:
                return page.status == 200
        except OSError:
            return False

    def findings(self) -> Dict[str, Any]:
        """What it has said last of whether it is ready (server/health.py); empty before."""
        if self._line is not None:
            with contextlib.suppress(BlockingIOError, ConnectionError):
                while more := self._line.recv(65536):
                    self._told += more
        whole = self._told.rpartition(b"\n")[0]
        return json.loads(whole.rpartition(b"\n")[2]) if whole else {}

    def let_serve(self) -> None:
        """Lets it serve on the socket that it was lent."""
        self.serves = True
        if self._line is not None:
            with contextlib.suppress(OSError):
                self._line.sendall(b"serve")

    def died(self) -> bool:
        """Whether it has ended by itself."""
        return self.running is not None and self.running.poll() is not None

    def stop(self, number: int = signal.SIGTERM) -> None:
        """Asks it to finish what is under way and to end; after a while, ends it."""
        if self.running is None or self.died():
            return
        self.running.send_signal(number)
        try:
            self.running.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.running.kill()
            self.running.wait()
        self._hang_up()

    def _hang_up(self) -> None:
        if self._line is not None:
            self._line.close()
            self._line = None


class Stop(Exception):
    """Someone asked the assistant to stop."""


def main() -> int:
    """Runs until it is stopped; returns the exit status."""
    # SIGHUP: the terminal was closed.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _on_signal)
    try:
        settings = Settings.from_environment()
        settings.check_data()
        return Supervisor(settings).run()
    except (SettingsError, NotUsable) as error:
        print(error, file=sys.stderr)
        return 1
    except Stop:
        return 0


class Supervisor:
    """Keeps the processes of one assistant alive, and replaces them when it is asked to."""

    def __init__(self, settings: Settings) -> None:
        """Takes the port.

        Raises:
            SettingsError: a port or the data folder can't be used.
        """
        self._settings = settings
        (rasa, *others) = settings.ports
        self._listener = listening(*rasa)
        for port in others:
            listening(*port).close()
        self._processes: List[Process] = []
        self._next: List[Process] = []
        self._reloads = 0
        self._asked = False
        self._mark = _mark(settings)

    def run(self) -> int:
        """Runs until it is stopped; returns the exit status.

        Raises:
            SettingsError: no model could be trained.
            NotUsable: the processes did not start, or ended again and again.
        """
        signal.signal(signal.SIGUSR1, self._on_request)
        self._note("starting")
        model = self._model(subprocess.run)
        try:
            self._processes = self._made(model, self._settings.action_port)
            self._start(lambda: all(process.answers() for process in self._processes), self._processes, subprocess.run)
            for process in self._processes:
                process.let_serve()
            self._note("serving")
            _greet(self._settings)
            while True:
                self._tend(0.5)
                if self._asked:
                    self._reload()
        except Stop:
            tell("\nStopping ...", self._settings.log)
            return 0
        finally:
            # Who comes now is told by Rasa that it ends, and does not wait here for nobody.
            self._listener.close()
            # Rasa first: until it has finished what is under way, it needs the action server.
            for process in [*reversed(self._next), *reversed(self._processes)]:
                process.stop()
            with contextlib.suppress(OSError):
                (self._settings.data / STATUS_FILE).unlink(missing_ok=True)

    def _model(self, run: Callable[..., Any]) -> Path:
        """The model for the present inputs, trained where there is none.

        Raises:
            SettingsError: it could not be trained.
        """
        model = path_for_inputs()
        if not model.is_file():
            # In a process of its own: what training needs in memory is given back before serving starts.
            trained = run([sys.executable, "-W", "ignore", "-m", "server.model"], cwd=ROOT)
            if trained.returncode:
                raise SettingsError("The model could not be trained; the reason is above.")
        return model

    def _made(self, model: Path, action_port: Optional[int]) -> List[Process]:
        """The processes for a model, not started yet; without a port for them, actions run inside Rasa."""
        environment = {**os.environ, "RASA_TELEMETRY_ENABLED": "false"}
        python = [sys.executable, "-W", "ignore", "-m"]
        others = []
        if action_port:
            environment["DYSTONIA_ACTION_PORT"] = str(action_port)
            health = f"http://127.0.0.1:{action_port}/health"
            others = [Process("action server", [*python, "server.action_server"], environment, health)]
        return [*others, Process("Rasa", [*python, "server.serve"], environment, listener=self._listener, model=model)]

    def _start(self, holds: Callable[[], bool], processes: List[Process], run: Callable[..., Any]) -> None:
        """Starts processes and waits until something holds of them.

        Raises:
            NotUsable: one ended, or it did not come to hold in time.
            SettingsError: no model could be trained.
        """
        for process in processes:
            process.start()
        try:
            self._wait_for(holds, processes)
        except NotUsable:
            if not self._has_new_model(processes[-1], run):
                raise
            processes[-1].start()
            self._wait_for(holds, processes)

    def _has_new_model(self, rasa: Process, run: Callable[..., Any]) -> bool:
        """Whether Rasa can do with another model: it moves a damaged one away before it ends (server/serve.py).

        Raises:
            SettingsError: no model could be trained.
        """
        if not rasa.died() or rasa.model is None or rasa.model.is_file():
            return False
        rasa.model = self._model(run)
        return True

    def _tend(self, seconds: float) -> None:
        """Starts again what has died, and waits a little.

        Raises:
            NotUsable: one died too often.
            SettingsError: no model could be trained in the place of a damaged one.
        """
        for process in self._processes:
            if process.died():
                self._revive(process)
            elif not process.serves and process.answers():
                process.let_serve()
        time.sleep(seconds)

    def _wait_for(self, holds: Callable[[], bool], processes: List[Process]) -> None:
        """Waits until something holds of processes that were started.

        Raises:
            NotUsable: one ended, or it did not come to hold in time.
        """
        deadline = time.monotonic() + START_SECONDS
        while not holds():
            for process in processes:
                if process.died():
                    raise NotUsable(f"The {process.name} ended while starting; the reason is above.")
            if time.monotonic() > deadline:
                late = " and the ".join(process.name for process in processes if not process.answers()) or "assistant"
                raise NotUsable(f"The {late} did not answer within {START_SECONDS} s. Mend: see the messages above.")
            if processes is self._processes:
                time.sleep(0.05)
            else:
                self._tend(0.05)

    def _revive(self, process: Process) -> None:
        now = time.monotonic()
        process.deaths = [death for death in process.deaths if now - death < 60] + [now]
        if len(process.deaths) > RESTARTS:
            often = f"ended {len(process.deaths)} times within a minute"
            raise NotUsable(f"The {process.name} {often}. Mend: see its messages above.")
        tell(f"The {process.name} ended; it is started again.", self._settings.log, "WARNING")
        self._has_new_model(process, subprocess.run)
        process.start()

    # Another model or other facts, with no message lost.

    def _reload(self) -> None:
        self._asked = False
        tell("Reloading: the present model and facts are made ready; until then the old ones go on ...", self._settings.log)
        self._note("reloading")
        try:
            self._next = self._made(self._model(self._run_beside), _free_port() if self._settings.action_port else None)
            ready = lambda: self._next[0].answers() and self._next[-1].findings().get("ready", False)  # noqa: E731
            self._start(ready, self._next, self._run_beside)
        except (NotUsable, SettingsError, OSError) as reason:
            for process in self._next:
                process.stop()
            self._finish_reload("kept", f"The old model and facts go on, because the new ones can't be used. {reason}")
            return
        *others, rasa = self._processes
        rasa.stop(signal.SIGUSR1)
        for process in self._next:
            process.let_serve()
        for process in others:
            process.stop()
        self._processes, self._next = self._next, []
        found = self._processes[-1].findings()
        self._finish_reload("replaced", f"Reloaded: model {found['model']}, facts {found['content']}.")

    def _run_beside(self, command: List[str], cwd: Path) -> "subprocess.Popen[bytes]":
        """Runs a command to its end, while the processes are tended."""
        running = subprocess.Popen(command, cwd=cwd, start_new_session=True)
        try:
            while running.poll() is None:
                self._tend(0.2)
        finally:
            if running.poll() is None:
                running.terminate()
        return running

    def _finish_reload(self, outcome: str, words: str) -> None:
        self._next = []
        self._reloads += 1
        tell(words, self._settings.log, "ERROR" if outcome == "kept" else "INFO")
        self._note("serving", outcome=outcome, words=words)

    def _note(self, state: str, **more: str) -> None:
        """Writes down how things stand, for commands; serving does not depend on it."""
        noted = {"pid": os.getpid(), "state": state, "reloads": self._reloads, "url": self._settings.url, **more}
        path = self._settings.data / STATUS_FILE
        with contextlib.suppress(OSError):
            written = path.with_suffix(".new")
            written.write_text(json.dumps(noted))
            written.replace(path)

    def _on_request(self, number: int, frame: object) -> None:
        self._asked = True


def _greet(settings: Settings) -> None:
    body = '{"sender": "me", "message": "What is dystonia?"}'
    key = '-H "Authorization: Bearer $DYSTONIA_REST_KEY" ' if settings.rest_key else ""
    rest = f"  make chat\n  curl -s {settings.url}/webhooks/rest/webhook {key}-d '{body}'\n" if settings.rest_is_open else ""
    tell(
        f"\nThe assistant answers at {settings.url} (stop it with Ctrl-C). Try it from another terminal:\n"
        f"  {settings.url}/widget/demo shows the chat widget on a page\n"
        f"{rest}",
        settings.log,
    )


def listening(name: str, host: str, port: int) -> socket.socket:
    """A socket that callers may wait at.

    Raises:
        SettingsError: the port can't be used.
    """
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        # Python adds where it tried to listen, which is said already.
        reason = (error.strerror or "").partition(" (while")[0]
        mend = _LISTENING.get(error.errno or 0, "set DYSTONIA_HOST to an address of this machine, such as 127.0.0.1")
        raise SettingsError(f"Port {port} on {host} can't be used ({reason}). Mend: {mend.format(name)}.") from None


def _mark(settings: Settings) -> int:
    """Marks the data folder as used; says loudly where another supervisor uses it, which may be meant for a moment.

    Raises:
        SettingsError: the mark is someone else's.
    """
    mark = settings.data / MARK_FILE
    try:
        os.close(hold(mark, fcntl.LOCK_EX | fcntl.LOCK_NB, os.O_CREAT))
    except BlockingIOError:
        if not settings.postgres_url:
            tell(TOGETHER % settings.data, settings.log, "ERROR")
    except PermissionError:
        raise settings.foreign() from None
    return hold(mark, fcntl.LOCK_SH)


def hold(mark: Path, how: int, open_as: int = 0) -> int:
    """Holds a mark: a supervisor shares it with others, a command that needs that none runs has it alone; returns its number.

    Raises:
        OSError: there is none, or it is held by another.
    """
    held = os.open(mark, os.O_RDWR | open_as, 0o600)
    try:
        fcntl.flock(held, how)
    except OSError:
        os.close(held)
        raise
    return held


def _free_port() -> int:
    """A port for the action server that comes: the old one keeps its own until it goes."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _on_signal(number: int, frame: object) -> None:
    raise Stop


if __name__ == "__main__":
    sys.exit(main())
