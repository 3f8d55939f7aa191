"""Backup and restore: what is kept comes back, but not what was forgotten or has grown too old since."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import sqlite3
import stat
from contextlib import closing
from pathlib import Path
from typing import List

import pytest
import sqlalchemy as sa

from channels.seen import Event, SqliteEvents
from server.papers import DAY, backups
from server.run import MARK_FILE, hold
from server.settings import Settings
from server.several import USE_FILE
from server.talks import Talks
from tools import backup

NOW = 1_700_000_000.0


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A site that has kept nothing yet."""
    monkeypatch.delenv(backup.POSTGRES, raising=False)
    settings = Settings(data=tmp_path / "var")
    monkeypatch.setattr(Settings, "from_environment", classmethod(lambda cls: settings))
    return settings


def tell(settings: Settings, talk: str, days: float = 0) -> None:
    """Keeps a message of so many days ago."""
    settings.data.mkdir(exist_ok=True)
    with closing(Talks.at(f"sqlite:///{settings.talks}")):
        engine = sa.create_engine(f"sqlite:///{settings.talks}", poolclass=sa.pool.NullPool)
        at = backup.time.time() - days * DAY
        with engine.begin() as connection:
            connection.execute(
                sa.text("INSERT INTO events (sender_id, type_name, timestamp, data) VALUES (:talk, 'user', :at, :data)"),
                {"talk": talk, "at": at, "data": json.dumps({"event": "user", "text": "Quillfeather", "timestamp": at})},
            )


def kept(settings: Settings) -> List[str]:
    """The talks that are kept."""
    with closing(Talks.at(f"sqlite:///{settings.talks}")) as talks:
        return [talk for talk, _ in talks.page("", 100)]


def test_what_was_kept_comes_back(settings: Settings) -> None:
    tell(settings, "widget:one")
    (settings.data / "widget_secret").write_text("s" * 32)
    events = SqliteEvents(settings.data / "slack.db")
    events.receive(Event("1", "slack:T:D:U", NOW, {"text": "words"}))
    events.close()

    copy = backup.back_up(settings)
    for path in settings.data.glob("*.*"):
        path.unlink()
    (settings.data / "widget_secret").unlink()

    assert backup.restore(settings, copy) is None
    assert kept(settings) == ["widget:one"]
    assert (settings.data / "widget_secret").read_text() == "s" * 32
    back = SqliteEvents(settings.data / "slack.db")
    assert [event.content for event in back.waiting()] == [{"text": "words"}]
    back.close()


def test_a_backup_is_for_its_owner_alone(settings: Settings) -> None:
    tell(settings, "widget:one")

    copy = backup.back_up(settings)

    assert stat.S_IMODE(copy.stat().st_mode) == stat.S_IMODE(copy.parent.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in copy.iterdir()} == {0o600}


def test_a_backup_is_whole_while_someone_writes(settings: Settings) -> None:
    tell(settings, "widget:one")
    with closing(sqlite3.connect(settings.talks)) as writer:
        writer.execute("INSERT INTO events (sender_id, type_name, timestamp, data) VALUES ('widget:two', 'user', 1, '{}')")

        copy = backup.back_up(settings)

        writer.rollback()
    with closing(sqlite3.connect(copy / "talks.db")) as talks:
        assert talks.execute("SELECT sender_id FROM events").fetchall() == [("widget:one",)]
        assert talks.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_what_was_forgotten_since_does_not_come_back(settings: Settings) -> None:
    tell(settings, "widget:one")
    tell(settings, "widget:two")
    copy = backup.back_up(settings)
    with closing(Talks.at(f"sqlite:///{settings.talks}")) as talks:
        talks.erase("widget:one")

    backup.restore(settings, copy)

    assert kept(settings) == ["widget:two"]


def test_what_has_grown_too_old_does_not_come_back(settings: Settings) -> None:
    tell(settings, "widget:old", days=settings.keep_days + 1)
    tell(settings, "widget:young")

    backup.restore(settings, backup.back_up(settings))

    assert kept(settings) == ["widget:young"]


def test_what_stood_there_before_is_a_backup_itself(settings: Settings) -> None:
    tell(settings, "widget:one")
    copy = backup.back_up(settings)
    tell(settings, "widget:two")

    before = backup.restore(settings, copy)

    assert kept(settings) == ["widget:one"]
    assert list(backups(settings.data)) == [copy, before]
    backup.restore(settings, before)
    assert kept(settings) == ["widget:one", "widget:two"]


def test_a_damaged_file_is_put_right_by_a_backup(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    tell(settings, "widget:one")
    copy = backup.back_up(settings)
    settings.talks.write_bytes(b"\xff" * 8192)

    with pytest.raises(backup.NotDone, match="can't be written"):
        backup.restore(settings, copy)
    settings.talks.rename(settings.data / "damaged")

    backup.restore(settings, copy)
    assert kept(settings) == ["widget:one"]


def test_while_the_assistant_runs_nothing_is_put_back(settings: Settings) -> None:
    tell(settings, "widget:one")
    copy = backup.back_up(settings)
    for mark in (MARK_FILE, USE_FILE):
        running = hold(settings.data / mark, fcntl.LOCK_SH, os.O_CREAT)
        with pytest.raises(backup.NotDone, match="Mend: stop it"):
            backup.restore(settings, copy)
        os.close(running)

    backup.restore(settings, copy)


def test_what_can_not_be_written_replaces_nothing(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    tell(settings, "widget:one")
    copy = backup.back_up(settings)
    tell(settings, "widget:two")
    copying = backup._copy

    def fill_the_disk(source: Path, target: Path) -> None:
        copying(source, target)
        if copy in source.parents:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(backup, "_copy", fill_the_disk)

    with pytest.raises(backup.NotDone, match="Mend: see to room"):
        backup.restore(settings, copy)

    assert kept(settings) == ["widget:one", "widget:two"]
    assert list(settings.data.glob("restore-*")) == []


def test_an_empty_file_is_no_backup(settings: Settings) -> None:
    tell(settings, "widget:one")
    copy = backup.back_up(settings)
    (copy / "talks.db").write_bytes(b"")

    with pytest.raises(backup.NotDone, match="Mend: take another backup"):
        backup.restore(settings, copy)
    assert kept(settings) == ["widget:one"]


def test_root_leaves_no_files_that_the_assistant_could_not_delete(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tell(settings, "widget:one")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(Path, "stat", lambda path: type("Stat", (), {"st_uid": 998, "st_mode": stat.S_IFDIR}))

    assert backup.main(["backup"]) == 1
    assert "belongs to someone else. Mend:" in capsys.readouterr().err


def test_a_damaged_backup_is_refused_and_changes_nothing(settings: Settings) -> None:
    tell(settings, "widget:one")
    copy = backup.back_up(settings)
    (copy / "talks.db").write_bytes(b"SQLite format 3\x00" + b"\xff" * 4096)

    with pytest.raises(backup.NotDone, match="damaged"):
        backup.restore(settings, copy)

    assert kept(settings) == ["widget:one"]


@pytest.mark.parametrize("command", [["backup"], ["restore", "no/such/folder"]])
def test_what_can_not_be_done_is_said_with_its_mend(
    settings: Settings, command: List[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert backup.main(command) == 1
    assert "Mend:" in capsys.readouterr().err


def test_postgresql_is_copied_by_its_own_program(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    program = programs / "pg_dump"
    writes = 'echo "$PGHOST $PGPASSWORD $PGDATABASE" > "${word#--file=}"'
    program.write_text(f"#!/bin/sh\nfor word; do case $word in --file=*) {writes};; esac; done\n")
    program.chmod(0o755)
    monkeypatch.setenv(backup.POSTGRES, "postgresql://me:hush@db.example/talks")
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")

    copy = backup.back_up(settings)

    assert (copy / backup.DUMP_FILE).read_text() == "db.example hush talks\n"


def test_without_postgresqls_program_that_is_said(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(backup.POSTGRES, "postgresql://me:hush@db.example/talks")
    monkeypatch.setenv("PATH", "")

    with pytest.raises(backup.NotDone, match="pg_dump is not installed. Mend: .*postgresql-client"):
        backup.back_up(settings)
    assert list(backups(settings.data)) == []
