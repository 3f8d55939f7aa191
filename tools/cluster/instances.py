"""The assistant's instances, and all that they share, as one thing that is started, hurt and stopped."""
from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, Dict, Iterator, List, Optional

import requests

from server.settings import ROOT
from tools.cluster.servers import Nginx, Postgres, Program, Valkey, free_port

SECRET = "a secret that only the instances of this moment share"
SITE = "http://localhost:8000"
"""The site that the widget's visitors come from: one on the loopback address is let in without more."""


@dataclass
class Instance(Program):
    """Rasa and its action server, watched over by ``server.run``, which starts again what dies."""

    settings: Dict[str, str] = field(default_factory=dict)
    core: Optional[int] = None
    action_port: int = field(default_factory=free_port)
    name = "an instance"

    @property
    def url(self) -> str:
        """Its own address, past the proxy."""
        return f"http://127.0.0.1:{self.port}"

    def environment(self) -> Dict[str, str]:
        """Its settings."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("DYSTONIA_")}
        return {
            **kept,
            "PYTHONPATH": str(ROOT),
            "DYSTONIA_PORT": str(self.port),
            "DYSTONIA_ACTION_PORT": str(self.action_port),
            "DYSTONIA_DATA": str(self.folder / "data"),
            **self.settings,
        }

    def command(self) -> List[str]:
        """As `make run` does it, on one core where that is wanted."""
        on_core = [] if self.core is None else ["taskset", "--cpu-list", str(self.core)]
        return [*on_core, sys.executable, "-W", "ignore", "-m", "server.run"]

    def ready(self) -> bool:
        """Whether a message sent now would be answered and kept."""
        try:
            return requests.get(f"{self.url}/ready", timeout=5).status_code == 200
        except requests.RequestException:
            return False

    def kill_rasa(self) -> None:
        """Ends the Rasa process in the middle of whatever it does; who watches over it stays."""
        for process in children(self.running.pid if self.running else 0):
            if b"server.serve" in Path(f"/proc/{process}/cmdline").read_bytes():
                os.kill(process, signal.SIGKILL)

    def kill(self) -> None:
        """The whole instance, as when its machine dies."""
        processes = children(self.running.pid if self.running else 0)
        super().kill()
        for process in processes:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)


@dataclass
class Cluster:
    """All servers. ``say`` takes a line for each that has started."""

    folder: Path
    postgres: Postgres
    valkey: Valkey
    nginx: Nginx
    instances: List[Instance]

    @property
    def url(self) -> str:
        """Where visitors' messages go."""
        return self.nginx.url

    def start(self, say: Callable[[str], object] = lambda line: None) -> None:
        """Starts everything.

        Raises:
            ServerFailed: something does not start.
        """
        self.postgres.make()
        self.nginx.make()
        for server in (self.postgres, self.valkey):
            say(f"{server.name} listens on port {server.port} after {server.start():.1f} s")
        with ThreadPoolExecutor() as pool:
            for instance, seconds in zip(self.instances, pool.map(Program.start, self.instances)):
                say(f"instance with Rasa on port {instance.port}, actions on {instance.action_port}: {seconds:.1f} s")
        say(f"{self.nginx.name} listens on port {self.nginx.port} after {self.nginx.start():.1f} s")

    def stop(self) -> None:
        """Stops everything."""
        with ThreadPoolExecutor() as pool:
            list(pool.map(Program.stop, (self.nginx, *self.instances)))
        for server in (self.valkey, self.postgres):
            server.stop()

    def log(self) -> str:
        """All that the instances have said."""
        return "".join(instance.log() for instance in self.instances)


@contextlib.contextmanager
def cluster(count: int = 2, cores: bool = False, **settings: str) -> Iterator[Cluster]:
    """A cluster that has not started yet, in a temporary folder; it is stopped and its folder removed in the end.

    Args:
        count: of instances.
        cores: whether each instance is held to a core of its own.
        settings: further variables of the environment of the instances.
    """
    # Not in pytest's folder, where PostgreSQL's user may not go.
    folder = Path(tempfile.mkdtemp(prefix="dystonia-cluster-"))
    folder.chmod(0o711)
    places = [folder / name for name in ("postgres", "valkey", "nginx", *(f"instance-{number}" for number in range(count)))]
    for place in places:
        place.mkdir()
    postgres, valkey = Postgres(places[0]), Valkey(places[1])
    shared = {
        "DYSTONIA_POSTGRES_URL": postgres.url,
        "DYSTONIA_REDIS_URL": valkey.url,
        "DYSTONIA_WIDGET_SECRET": SECRET,
        "DYSTONIA_PROXIES": "1",
        **settings,
    }
    own = sorted(os.sched_getaffinity(0)) if cores else [None] * count
    instances = [Instance(place, settings=shared, core=core) for place, core in zip(places[3:], own)]
    nginx = Nginx(places[2], instances=[instance.port for instance in instances])
    made = Cluster(folder, postgres, valkey, nginx, instances)
    try:
        yield made
    finally:
        made.stop()
        shutil.rmtree(folder, ignore_errors=True)


def children(process: int) -> List[int]:
    """The processes that a process has started; none where there is no /proc."""
    try:
        return [int(child) for child in Path(f"/proc/{process}/task/{process}/children").read_text().split()]
    except OSError:
        return []


