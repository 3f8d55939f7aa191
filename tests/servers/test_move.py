"""From SQLite to PostgreSQL: nothing is lost, doubled or brought back, also where the move is broken off and done again."""
from __future__ import annotations

import asyncio
import fcntl
import json
import os
import time
import uuid
from contextlib import closing
from pathlib import Path
from typing import Iterator, List

import pytest
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import ActionExecuted, BotUttered, UserUttered

from channels.seen import Event, SqliteEvents
from channels.shared_events import SharedEvents
from server.postgres import Presence
from server.postgres_store import PostgresTalks
from server.run import MARK_FILE, STATUS_FILE, hold
from server.talks import Talks
from server.tracker_store import TalkStore
from tools import move
from tools.cluster.servers import Postgres

DOMAIN = Domain.from_dict({"version": "3.1", "intents": ["greet"]})


@pytest.fixture
def data(tmp_path: Path, postgres: Postgres, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The data folder of an assistant that is stopped; its settings name the database already."""
    monkeypatch.setenv("DYSTONIA_DATA", str(tmp_path))
    monkeypatch.setenv("DYSTONIA_POSTGRES_URL", postgres.url)
    return tmp_path


@pytest.fixture
def files(data: Path) -> Iterator[TalkStore]:
    """The talks in the file."""
    store = TalkStore(DOMAIN, db=str(data / "talks.db"))
    yield store
    store.engine.dispose()


@pytest.fixture
def database(postgres: Postgres) -> Iterator[PostgresTalks]:
    """The talks in the database."""
    store = PostgresTalks(DOMAIN, host=postgres.url)
    yield store
    store.engine.dispose()


@pytest.fixture
def talk() -> str:
    """A talk that no other test knows."""
    return f"slack:T1:direct:{uuid.uuid4().hex}"


def tell(store: "TalkStore | PostgresTalks", talk: str, *texts: str) -> None:
    """Goes on with a talk."""
    tracker = asyncio.run(store.get_or_create_tracker(talk))
    for text in texts:
        tracker.update(UserUttered(text, {"name": "greet"}), DOMAIN)
        tracker.update(BotUttered(f"You said: {text}"), DOMAIN)
        tracker.update(ActionExecuted("action_listen"), DOMAIN)
    asyncio.run(store.save(tracker))


def said(database: PostgresTalks, talk: str) -> List[str]:
    """What a visitor said, as the database tells it."""
    tracker = asyncio.run(database.retrieve_full_tracker(talk))
    return [event.text for event in tracker.events if isinstance(event, UserUttered)] if tracker else []


def test_all_that_is_kept_is_moved(
    files: TalkStore, database: PostgresTalks, data: Path, talk: str, postgres: Postgres, capsys: pytest.CaptureFixture[str]
) -> None:
    tell(files, talk, "first", "nul \x00, half \ud800 a pair, żółć 😀")
    files.feedback.keep(talk, "message-1", False, "too long")
    stored = files.talks.events(talk)
    waits, done = (Event(uuid.uuid4().hex, talk, time.time(), {"text": text}) for text in ("waits", "done"))
    with closing(SqliteEvents(data / "slack.db")) as events:
        assert events.receive(done) and events.receive(waits)
        events.keep(done.answered([]))

    assert move.main() == 0

    assert "1 talks and 1 entries" in (told := capsys.readouterr().out) and "2 events were moved, 1 of them" in told
    assert said(database, talk) == ["first", "nul \x00, half \ud800 a pair, żółć 😀"]
    assert database.talks.events(talk) == stored
    assert [entry["reason"] for entry in database.feedback.of(talk)] == ["too long"]
    with closing(SharedEvents(postgres.url, "slack")) as events:
        assert [event for event in events.waiting() if event.talk == talk] == [waits]
        assert not events.receive(done)
        assert events.erase(talk) == 1
    assert list(data.glob("*.db*")) == []
    tell(database, talk, "and it goes on")
    assert said(database, talk)[2:] == ["and it goes on"]
    assert move.main() == 0 and "Nothing is left" in capsys.readouterr().out


def test_a_move_that_was_broken_off_is_done_again(
    files: TalkStore, database: PostgresTalks, data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    talks = [f"widget:{number}-{uuid.uuid4().hex}" for number in range(5)]
    for each in talks:
        tell(files, each, f"said in {each}")
    monkeypatch.setattr(move, "AT_ONCE", 2)
    whole, pages = Talks.take_over, iter([True, False])

    def break_off(self: Talks, rows: object) -> int:
        if not next(pages, True):
            raise move.SQLAlchemyError("Quillfeather")
        return whole(self, rows)  # type: ignore[arg-type]

    with monkeypatch.context() as broken:
        broken.setattr(Talks, "take_over", break_off)
        assert move.main() == 1
    assert "make move again" in (told := capsys.readouterr().err) and "Quillfeather" not in told
    assert [bool(said(database, each)) for each in talks] == [True, True, False, False, False]
    assert (data / "talks.db").is_file()

    assert move.main() == 0

    assert "3 talks" in capsys.readouterr().out
    assert [said(database, each) for each in talks] == [[f"said in {each}"] for each in talks]


def test_what_was_said_before_comes_before_what_was_said_since(files: TalkStore, database: PostgresTalks, talk: str) -> None:
    tell(files, talk, "first")
    tell(database, talk, "second")

    assert move.main() == 0

    assert said(database, talk) == ["first", "second"]


def test_what_was_forgotten_at_one_place_is_not_brought_back_from_the_other(
    files: TalkStore, database: PostgresTalks, talk: str
) -> None:
    other = f"{talk}-2"
    tell(files, talk, "forgotten since")
    database.erase(talk)
    tell(database, other, "forgotten before")
    files.erase(other)

    assert move.main() == 0

    assert said(database, talk) == said(database, other) == []


@pytest.mark.parametrize("running", ["on the files", "on the database", "no more"])
def test_nothing_is_moved_while_an_assistant_runs(
    files: TalkStore,
    database: PostgresTalks,
    data: Path,
    talk: str,
    postgres: Postgres,
    running: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    tell(files, talk, "first")
    if running == "on the files":
        (data / STATUS_FILE).write_text(json.dumps({"pid": os.getpid()}))
    marked = hold(data / MARK_FILE, fcntl.LOCK_SH, os.O_CREAT) if running == "on the files" else None
    presence = Presence(postgres.url, shares_redis=True)
    if running != "on the database":
        presence.close()

    status = move.main()
    presence.close()
    if marked is not None:
        os.close(marked)

    assert (status, said(database, talk)) == ((0, ["first"]) if running == "no more" else (1, []))
    assert ("Mend: stop it" in capsys.readouterr().err) == (data / "talks.db").is_file() == (running != "no more")


def test_a_damaged_file_is_not_moved(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (data / "talks.db").write_bytes(b"SQLite format 3\0" + b"no such thing" * 1000)

    assert move.main() == 1

    assert "is damaged. Mend:" in capsys.readouterr().err and (data / "talks.db").is_file()


def test_without_a_database_nothing_is_moved(
    files: TalkStore, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("DYSTONIA_POSTGRES_URL")

    assert move.main() == 1

    assert "DYSTONIA_POSTGRES_URL is not set. Mend:" in capsys.readouterr().err
