"""Runs the assistant: trains where needed, starts the action server and Rasa, keeps both alive, stops both on Ctrl-C."""
from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass, field
from typing import Dict, List

from server.model import path_for_inputs
from server.settings import ROOT, Settings, SettingsError

START_SECONDS = 60
STOP_SECONDS = 10
RESTARTS = 5
"""How often a process may die within a minute before the assistant gives up."""


@dataclass
class Process:
    """One of the two processes, and how to see that it answers."""

    name: str
    command: List[str]
    health: str
    deaths: List[float] = field(default_factory=list)
    running: "subprocess.Popen[bytes] | None" = None

    def start(self, environment: Dict[str, str]) -> None:
        """Starts it in a session of its own: Ctrl-C in the terminal reaches only the supervisor."""
        self.running = subprocess.Popen(self.command, cwd=ROOT, env=environment, start_new_session=True)

    def answers(self) -> bool:
        """Whether its health page can be read."""
        try:
            with urllib.request.urlopen(self.health, timeout=1) as page:
                return page.status == 200
        except OSError:
            return False

    def died(self) -> bool:
        """Whether it has ended by itself."""
        return self.running is not None and self.running.poll() is not None

    def stop(self) -> None:
        """Asks it to end; after ten seconds, ends it."""
        if self.running is None or self.died():
            return
        self.running.terminate()
        try:
            self.running.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.running.kill()
            self.running.wait()


class Stop(Exception):
    """Someone asked the assistant to stop."""


def main() -> int:
    """Runs until it is stopped; returns the exit status."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _on_signal)
    try:
        settings = Settings.from_environment()
        for name, host, port in (("DYSTONIA_PORT", settings.host, settings.port), ("DYSTONIA_ACTION_PORT", "127.0.0.1", settings.action_port)):
            _check_port(name, host, port)
        return _supervise(settings, _processes(settings))
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 1
    except Stop:
        return 0


def _processes(settings: Settings) -> List[Process]:
    model = path_for_inputs()
    if not model.is_file():
        # In a process of its own: what training needs in memory is given back before serving starts.
        trained = subprocess.run([sys.executable, "-W", "ignore", "-m", "server.model"], cwd=ROOT, check=False)
        if trained.returncode:
            raise SettingsError("The model could not be trained; the reason is above.")
    python = [sys.executable, "-W", "ignore", "-m"]
    return [
        Process("action server", [*python, "server.action_server"], f"http://127.0.0.1:{settings.action_port}/health"),
        Process("Rasa", [*python, "server.serve", str(model)], f"{settings.url}/webhooks/rest/"),
    ]


def _supervise(settings: Settings, processes: List[Process]) -> int:
    environment = {**os.environ, "RASA_TELEMETRY_ENABLED": "false"}
    try:
        for process in processes:
            process.start(environment)
        if not _wait_for(processes):
            return 1
        _greet(settings)
        while True:
            time.sleep(0.5)
            for process in processes:
                if process.died() and not _revive(process, environment):
                    return 1
    except Stop:
        print("\nStopping ...", flush=True)
        return 0
    finally:
        for process in processes:
            process.stop()


def _wait_for(processes: List[Process]) -> bool:
    deadline = time.monotonic() + START_SECONDS
    waiting = list(processes)
    while waiting and time.monotonic() < deadline:
        for process in list(waiting):
            if process.died():
                print(f"The {process.name} ended while starting; the reason is above.", file=sys.stderr)
                return False
            if process.answers():
                waiting.remove(process)
        time.sleep(0.05)
    for process in waiting:
        print(f"The {process.name} did not answer within {START_SECONDS} s. Mend: see its messages above.", file=sys.stderr)
    return not waiting


def _revive(process: Process, environment: Dict[str, str]) -> bool:
    now = time.monotonic()
    process.deaths = [death for death in process.deaths if now - death < 60] + [now]
    if len(process.deaths) > RESTARTS:
        print(f"The {process.name} ended {len(process.deaths)} times within a minute. Mend: see its messages above.", file=sys.stderr)
        return False
    print(f"The {process.name} ended; it is started again.", file=sys.stderr, flush=True)
    process.start(environment)
    return True


def _greet(settings: Settings) -> None:
    body = '{"sender": "me", "message": "What is dystonia?"}'
    print(
        f"\nThe assistant answers at {settings.url} (stop it with Ctrl-C). Try it from another terminal:\n"
        f"  make chat\n"
        f"  {settings.url}/widget/demo shows the chat widget on a page\n"
        f"  curl -s {settings.url}/webhooks/rest/webhook -d '{body}'\n",
        flush=True,
    )


def _check_port(name: str, host: str, port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise SettingsError(
                f"Port {port} on {host} can't be used ({error.strerror}). Mend: stop what runs there, or set {name} to another port."
            ) from None


def _on_signal(number: int, frame: object) -> None:
    raise Stop


if __name__ == "__main__":
    sys.exit(main())
