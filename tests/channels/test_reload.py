"""Another model or other facts, and a stop, under load: no message that was taken in is lost, doubled or left without reply."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sqlite3
import threading
import uuid
from collections import Counter
from pathlib import Path
from typing import Dict, Iterator, List

import pytest
import requests

from server.settings import ROOT
from tests.running import answers, wait_until
from tests.supervised import Supervisor, is_there

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/stat").exists(), reason="child processes are looked for in /proc. Mend: run this on Linux."
)

FOLDERS = ("actions", "channels", "data", "dystonia", "facts", "nlu", "server", "widget")
FILES = ("config.yml", "credentials.yml", "domain.yml", "endpoints.yml", "requirements.txt")
BEFORE, AFTER = "dystonia of the eyelids and brow", "dystonia of both eyelids and the brow"
CALLERS = 6
REFUSAL = "503 The assistant is being stopped; this was not taken in. Send it again in a minute."


@pytest.fixture(scope="module")
def project(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project, whose facts a test may change."""
    project = tmp_path_factory.mktemp("reload") / "project"
    for name in FOLDERS:
        shutil.copytree(ROOT / name, project / name, ignore=shutil.ignore_patterns("__pycache__", "node_modules"))
    for name in FILES:
        shutil.copy(ROOT / name, project / name)
    (project / "models").mkdir()
    shutil.copy(model, project / "models")
    (project / "models" / "encoder").symlink_to(ROOT / "models" / "encoder")
    return project


@pytest.fixture(scope="module")
def running(project: Path) -> Iterator[Supervisor]:
    """The assistant, from that copy."""
    supervisor = Supervisor(project.parent, project)
    yield supervisor.greets()
    supervisor.stop()


class Load:
    """Callers who ask one question after the other, each in a talk of their own; half of them keep their connection."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._url = f"{supervisor.url}/webhooks/rest/webhook"
        self._store = supervisor.data / "talks.db"
        self._end = threading.Event()
        self.senders = [uuid.uuid4().hex for _ in range(CALLERS)]
        self.outcomes: Dict[str, List[str]] = {sender: [] for sender in self.senders}
        self.contents: List[str] = []
        self._threads = [threading.Thread(target=self._ask, args=(place, sender)) for place, sender in enumerate(self.senders)]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        wait_until(lambda: all(self.outcomes.values()), 30, "the first replies")
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        for thread in self._threads:
            thread.join()

    def count(self) -> "Counter[str]":
        """How often each outcome came."""
        return Counter(outcome for outcomes in self.outcomes.values() for outcome in outcomes)

    def more(self) -> None:
        """Waits until everyone has been answered again."""
        before = {sender: len(outcomes) for sender, outcomes in self.outcomes.items()}
        wait_until(lambda: all(len(self.outcomes[sender]) > count for sender, count in before.items()), 30, "further replies")

    def kept(self, sender: str) -> int:
        """How many messages of a caller are stored."""
        with contextlib.closing(sqlite3.connect(self._store, timeout=10)) as store:
            query = "SELECT count(*) FROM events WHERE type_name = 'user' AND sender_id = ?"
            return store.execute(query, (f"rest:{sender}",)).fetchone()[0]

    def _ask(self, place: int, sender: str) -> None:
        session = requests.Session()
        while not self._end.is_set():
            post = session.post if place % 2 else requests.post
            try:
                answer = post(self._url, json={"sender": sender, "message": "What is blepharospasm?"}, timeout=60)
            except requests.ConnectionError as error:
                refused = "Connection refused" in str(error)
                self.outcomes[sender].append("refused" if refused else "cut")
                self._end.wait(0.01)
                continue
            self.outcomes[sender].append(self._outcome(answer))

    def _outcome(self, answer: requests.Response) -> str:
        if answer.status_code != 200:
            return f"{answer.status_code} {answer.json()['error']}"
        said, told = answer.json()
        self.contents.append(told["custom"]["reply"]["content"])
        return str(told["custom"]["reply"]["kind"])


def edited(project: Path, before: str, after: str) -> None:
    """Changes words of a card."""
    path = project / "facts" / "cards" / "blepharospasm.yml"
    path.write_text(path.read_text().replace(before, after))


def test_new_facts_take_over_under_load_and_no_message_is_lost(running: Supervisor, project: Path) -> None:
    before = running.children()
    edited(project, BEFORE, AFTER)

    with Load(running) as load:
        status = running.reload()
        load.more()

    after = running.children()
    assert status["outcome"] == "replaced", running.said()
    assert load.count() == {"answer": sum(load.count().values())}
    assert {sender: load.kept(sender) for sender in load.senders} == {
        sender: len(outcomes) for sender, outcomes in load.outcomes.items()
    }
    assert not set(before.values()) & set(after.values()) and not any(map(is_there, before.values()))
    assert AFTER in running.say("What is blepharospasm?")[0]["text"]
    assert len(set(load.contents)) == 2, "replies of the old facts, then of the new ones"
    assert "ERROR" not in running.said(), running.said()
    edited(project, AFTER, BEFORE)


@pytest.mark.parametrize("words", [b"- id: broken", b"- [\xff broken"], ids=["no card", "no YAML"])
def test_broken_facts_never_take_over(running: Supervisor, project: Path, words: bytes) -> None:
    before = running.children()
    broken = project / "facts" / "cards" / "zz_broken.yml"
    broken.write_bytes(words)

    try:
        with Load(running) as load:
            status = running.reload()
            load.more()
    finally:
        broken.unlink()

    assert status["outcome"] == "kept" and "can't be used" in status["words"]
    assert "zz_broken.yml" in running.said()
    assert running.children() == before
    assert load.count() == {"answer": sum(load.count().values())}


def test_a_stop_answers_what_was_taken_in_and_refuses_the_rest_clearly(running: Supervisor) -> None:
    with Load(running) as load:
        load.more()
        running.process.send_signal(signal.SIGTERM)
        running.process.wait(60)

    count = load.count()
    # A connection may be cut in the very moment in which the port is closed: what it brought was not taken in.
    assert set(count) <= {"answer", "refused", "cut", REFUSAL} and count[REFUSAL], (count, running.said())
    assert {sender: load.kept(sender) for sender in load.senders} == {
        sender: outcomes.count("answer") for sender, outcomes in load.outcomes.items()
    }
    assert "Traceback" not in running.said()


def test_processes_do_not_outlive_a_supervisor_that_was_killed(model: Path, tmp_path: Path) -> None:
    supervisor = Supervisor(tmp_path)
    children = supervisor.greets().children()

    supervisor.process.kill()
    supervisor.process.wait()

    wait_until(lambda: not is_there(children["server.serve"]), 30, "the end of Rasa")
    assert not answers(f"{supervisor.url}/health")
    os.kill(children["server.action_server"], signal.SIGKILL)
