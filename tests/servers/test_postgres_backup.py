"""Backup and restore where talks are in PostgreSQL, by its own programs: whole, or not at all."""
from __future__ import annotations

import os
import uuid
from pathlib import Path
from typing import Iterator, List

import pytest
from rasa.shared.core.domain import Domain

from server.papers import DUMP_FILE
from server.postgres import Presence
from server.postgres_store import PostgresTalks
from server.settings import Settings
from tests.servers.test_postgres_talks import read, turn
from tools import backup
from tools.cluster.servers import Postgres


@pytest.fixture
def settings(postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """An instance whose talks are in PostgreSQL."""
    programs = Path(postgres.program("pg_dump")).parent
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setenv(backup.POSTGRES, postgres.url)
    return Settings(data=tmp_path / "var", postgres_url=postgres.url)


@pytest.fixture
def store(postgres: Postgres) -> Iterator[PostgresTalks]:
    """Where it keeps them."""
    store = PostgresTalks(Domain.empty(), host=postgres.url)
    yield store
    store.engine.dispose()


def kept(postgres: Postgres, *senders: str) -> List[int]:
    """How many messages are kept of each talk."""
    query = "SELECT count(*) FROM events WHERE sender_id = %s AND type_name = 'user'"
    return [postgres.rows(query, sender)[0][0] for sender in senders]


def test_talks_come_back_but_for_what_was_forgotten(settings: Settings, store: PostgresTalks, postgres: Postgres) -> None:
    forgotten, lost = (f"rest:{uuid.uuid4().hex}" for _ in range(2))
    for sender in (forgotten, lost):
        turn(store, read(store, sender), "Hello")
    copy = backup.back_up(settings)
    store.erase(forgotten)
    postgres.rows("DELETE FROM events WHERE sender_id = %s RETURNING id", lost)

    backup.restore(settings, copy)

    assert kept(postgres, forgotten, lost) == [0, 1]


def test_half_a_dump_changes_nothing(settings: Settings, store: PostgresTalks, postgres: Postgres) -> None:
    sender = f"rest:{uuid.uuid4().hex}"
    copy = backup.back_up(settings)
    turn(store, read(store, sender), "Hello")
    settings.data.joinpath("widget_secret").write_text("the present one")
    dump = copy / DUMP_FILE
    dump.write_bytes(dump.read_bytes()[: dump.stat().st_size * 3 // 4])

    with pytest.raises(backup.NotDone, match="pg_restore failed"):
        backup.restore(settings, copy)

    assert kept(postgres, sender) == [1]
    assert settings.data.joinpath("widget_secret").read_text() == "the present one"


def test_while_any_instance_runs_nothing_is_put_back(settings: Settings, postgres: Postgres) -> None:
    copy = backup.back_up(settings)
    instance = Presence(postgres.url, shares_redis=True)

    with pytest.raises(backup.NotDone, match="every instance"):
        backup.restore(settings, copy)
    instance.close()
