"""The two bots of `make bench`: how each is trained, started, asked and weighed. Loopback only."""
from __future__ import annotations

import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Optional, Sequence

from dystonia.store import FactStore
from server.settings import ROOT
from tools.bench_stock import GREETING, SOURCE_MARK, floor_files, project_files
from tools.environment import WITH_TENSORFLOW

FOLDER = ROOT / "var" / "bench"
START_SECONDS = 180
TRAIN_SECONDS = 3600
STOP_SECONDS = 10

class BenchError(RuntimeError):
    """Something could not be measured; the message says what and how to mend it."""


@dataclass(frozen=True)
class Bot:
    """A trained bot that can be started.

    Attributes:
        name: for the report.
        rasa: command of the Rasa process, with ``{port}`` where its port goes.
        actions: command of the action server, with ``{action_port}``; empty where the Rasa process runs the actions.
        folder: where both run.
        environment: what both find in it, with the same places and ``{data}``, a folder of this run, to fill in.
        files: what is put into that folder, by name, with the same places.
        acted: marks of a reply that the custom action made.
        greeted: marks of the reply to a greeting.
        model: the trained model.
    """

    name: str
    rasa: Sequence[str]
    actions: Sequence[str]
    folder: Path
    environment: dict[str, str]
    files: dict[str, str]
    acted: Sequence[str]
    greeted: Sequence[str]
    model: Path


@dataclass
class Running:
    """A bot whose processes are running; a context that ends them.

    Args:
        bot: which.
        first_question: asked until it is answered.
        data: where it keeps its talks; without one, in a folder of this run.

    Raises:
        BenchError: on entry, when there is no answer in time.
    """

    bot: Bot
    first_question: str
    data: Optional[Path] = None
    url: str = ""
    cold_start: float = 0.0
    _processes: list["subprocess.Popen[bytes]"] = field(default_factory=list)
    _data: str = ""

    def __enter__(self) -> "Running":
        self._data = tempfile.mkdtemp(prefix="bench-")
        port, action_port = free_ports(2)
        self.url = f"http://127.0.0.1:{port}/webhooks/rest/webhook"
        places = {"port": port, "action_port": action_port, "data": self.data or self._data}
        environment = {**_clean_environment(), **{name: value.format(**places) for name, value in self.bot.environment.items()}}
        for name, text in self.bot.files.items():
            Path(self._data, name).write_text(text.format(**places), encoding="utf-8")
        started = time.perf_counter()
        try:
            for role, command in (("actions", self.bot.actions), ("rasa", self.bot.rasa)):
                if not command:
                    continue
                with _log(self.bot.name, role).open("wb") as log:
                    filled = [part.format(**places) for part in command]
                    self._processes.append(
                        subprocess.Popen(filled, cwd=self.bot.folder, env=environment, stdout=log, stderr=subprocess.STDOUT)
                    )
            self._wait_for_answer(started + START_SECONDS)
        except BaseException:
            self._stop()
            raise
        self.cold_start = time.perf_counter() - started
        return self

    def __exit__(self, *error: object) -> None:
        self._stop()

    @property
    def pid(self) -> int:
        """Of the Rasa process."""
        return self._processes[-1].pid

    def memory(self) -> tuple[float, float]:
        """Resident memory in MB, shared pages counted in parts: of the Rasa process, and of all."""
        return pss(self.pid), sum(pss(process.pid) for process in self._processes)

    def processor_seconds(self) -> float:
        """Processor time that all processes have used so far; unlike a clock, it hardly minds what else the machine does."""
        stats = [Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split() for process in self._processes]
        # User and system time are fields 14 and 15 of the line; the split begins with field 3.
        return sum(int(stat[11]) + int(stat[12]) for stat in stats) / os.sysconf("SC_CLK_TCK")

    def ask(self, message: str) -> str:
        """The reply to a message in a talk of its own, as it comes over the wire."""
        body = json.dumps({"sender": uuid.uuid4().hex, "message": message}).encode()
        request = urllib.request.Request(self.url, body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as reply:
            return str(reply.read().decode())

    def end(self) -> Path:
        """Ends the processes; returns the data folder, which is there until the context ends."""
        self._end_processes()
        return self.data or Path(self._data)

    def _wait_for_answer(self, deadline: float) -> None:
        while time.perf_counter() < deadline and all(process.poll() is None for process in self._processes):
            try:
                # Whatever it says: a stock bot, trained anew, may not understand this very question.
                if any(item.get("text") for item in json.loads(self.ask(self.first_question))):
                    return
            except OSError:
                pass  # nothing listens yet
            time.sleep(0.02)
        raise BenchError(f"The bot '{self.bot.name}' did not answer. Mend: see {_log(self.bot.name, '*')}.")

    def _stop(self) -> None:
        self._end_processes()
        shutil.rmtree(self._data, ignore_errors=True)

    def _end_processes(self) -> None:
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def assistant(model: Path) -> Bot:
    """The assistant, as `make run` starts it."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    return Bot(
        name="assistant",
        rasa=[sys.executable, "-W", "ignore", "-m", "server.serve", str(model)],
        actions=[],
        folder=ROOT,
        environment={"DYSTONIA_PORT": "{port}", "DYSTONIA_DATA": "{data}"},
        files={},
        acted=('"kind":"answer"', '"kind":"clarify"'),
        greeted=('"kind":"smalltalk"',),
        model=model,
    )


def stock(interpreter: Path, store: FactStore) -> Bot:
    """A bot as `rasa init` would have it, with one custom action."""
    return _plain_bot("stock", interpreter, project_files(store))


def floor(interpreter: Path, store: FactStore) -> Bot:
    """A bare Rasa bot, that understands nothing and says one thing: what Rasa itself costs, whatever is built on it."""
    return _plain_bot("floor", interpreter, floor_files(store))


def training_seconds(bot: Bot) -> float:
    """How long the training of a stock or a bare bot took."""
    return float(json.loads((bot.folder / "training.json").read_text())["seconds"])


def train_assistant() -> float:
    """Trains the assistant from scratch, beside the model that there is; returns the seconds it took."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    return _train("assistant", [sys.executable, "-W", "ignore", "-m", "rasa"], ROOT, FOLDER / "assistant")


def _plain_bot(name: str, interpreter: Path, files: dict[str, str]) -> Bot:
    """A bot of stock Rasa; trained once for the same files, packages and processor."""
    key = hashlib.sha256("\0".join([*chain(*sorted(files.items())), WITH_TENSORFLOW.read_text(), processor()]).encode())
    folder = FOLDER / f"{name}-{key.hexdigest()[:12]}"
    trained = folder / "training.json"
    python = [str(interpreter), "-W", "ignore", "-m", "rasa"]
    if not trained.is_file():
        for file, text in files.items():
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            (folder / file).write_text(text, encoding="utf-8")
        trained.write_text(json.dumps({"seconds": _train(name, python, folder, folder / "models")}))
    model = folder / "models" / "bench.tar.gz"
    places = ["-i", "127.0.0.1", "--port", "{port}", "--endpoints", "{data}/endpoints.yml"]
    return Bot(
        name=name,
        rasa=[*python, "run", *places, "--model", str(model)],
        actions=[*python, "run", "actions", "--port", "{action_port}"],
        folder=folder,
        environment={"SANIC_HOST": "127.0.0.1"},
        files={"endpoints.yml": "action_endpoint:\n  url: http://127.0.0.1:{action_port}/webhook\n"},
        acted=(SOURCE_MARK,),
        greeted=(GREETING,),
        model=model,
    )


def free_ports(count: int) -> list[int]:
    """Ports of the loopback address that nothing listens on."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [bound.getsockname()[1] for bound in sockets]
    for bound in sockets:
        bound.close()
    return ports


def pss(pid: int) -> float:
    """Resident memory of a process in MB, pages that it shares counted in parts (the kernel's "proportional set size")."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    raise BenchError(f"The kernel tells no memory of process {pid}. Mend: run this on Linux 4.14 or newer.")


def processor() -> str:
    """The processor's model name."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return "unknown"


def install_size(interpreter: Path, package: str = "") -> float:
    """MB of the files that an environment's packages installed: of all, or of one package and what it needs."""
    done = subprocess.run([str(interpreter), "-W", "ignore", "-c", _SIZE, package], capture_output=True, text=True, check=True)
    return int(done.stdout) / 1e6


_SIZE = """
import re, sys
from importlib.metadata import distributions
from packaging.requirements import Requirement

def plain(name):
    return re.sub("[-_.]+", "-", name).lower()

installed = {plain(d.metadata["Name"]): d for d in distributions()}
wanted = [plain(sys.argv[1])] if sys.argv[1] else list(installed)
counted = set()
while wanted:
    name = wanted.pop()
    if name in counted or name not in installed:
        continue
    counted.add(name)
    for line in installed[name].requires or []:
        needed = Requirement(line)
        if needed.marker is None or needed.marker.evaluate({"extra": ""}):
            wanted.append(plain(needed.name))
paths = {file.locate() for name in counted for file in installed[name].files or []}
print(sum(path.stat().st_size for path in paths if path.is_file()))
"""


def _train(name: str, rasa: Sequence[str], folder: Path, models: Path) -> float:
    print(f"Training the bot '{name}' ...", flush=True)
    with tempfile.TemporaryDirectory() as cache, _log(name, "training").open("wb") as log:
        # An empty cache: from scratch, and the project's own cache stays as it is.
        environment = {**_clean_environment(), "RASA_CACHE_DIRECTORY": cache}
        command = [*rasa, "train", "--force", "--fixed-model-name", "bench", "--out", str(models)]
        started = time.perf_counter()
        done = subprocess.run(
            command, cwd=folder, env=environment, stdout=log, stderr=subprocess.STDOUT, timeout=TRAIN_SECONDS, check=False
        )
    if done.returncode:
        raise BenchError(f"The bot '{name}' could not be trained. Mend: see {_log(name, 'training')}.")
    return time.perf_counter() - started


def _clean_environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DYSTONIA_", "SANIC_", "PYTHON"))}
    return {**kept, "RASA_TELEMETRY_ENABLED": "false", "SQLALCHEMY_SILENCE_UBER_WARNING": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}


def _log(bot: str, role: str) -> Path:
    return FOLDER / f"{bot}-{role}.log"
