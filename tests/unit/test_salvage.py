"""A damaged SQLite file is set aside whole, what can be read of it goes on, and a sound one is left alone."""
from __future__ import annotations

import fcntl
import random
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Callable, Set

import pytest

from server import salvage

ROWS = 2000
PAGE = 4096


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A file with two tables, one of many pages."""
    path = tmp_path / "talks.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE events (id INTEGER PRIMARY KEY AUTOINCREMENT, sender TEXT, data TEXT)")
        connection.execute("CREATE TABLE feedback (sender TEXT, message TEXT, PRIMARY KEY (sender, message))")
        connection.execute("CREATE INDEX by_sender ON events (sender)")
        rows = [(f"rest:{number % 50}", f"{number} " + "x" * 400) for number in range(ROWS)]
        connection.executemany("INSERT INTO events (sender, data) VALUES (?, ?)", rows)
        connection.executemany("INSERT INTO feedback VALUES (?, ?)", [(f"rest:{number}", "first") for number in range(20)])
        connection.commit()
    return path


def ids(path: Path) -> Set[int]:
    """The events that a file holds."""
    with closing(sqlite3.connect(path)) as connection:
        return {id_ for (id_,) in connection.execute("SELECT id FROM events")}


def overwrite(path: Path, page: int, pages: int = 1) -> None:
    """Random bytes in the place of pages."""
    with path.open("r+b") as file:
        file.seek(page * PAGE)
        file.write(random.Random(page).randbytes(pages * PAGE))


def halve(path: Path) -> None:
    """The second half of the file is gone."""
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2 // PAGE * PAGE)


def test_a_sound_file_is_left_alone(store: Path) -> None:
    before = store.read_bytes()

    assert salvage.mend(store) is None
    assert store.read_bytes() == before


def test_where_there_is_no_file_none_is_made(tmp_path: Path) -> None:
    assert salvage.mend(tmp_path / "none.db") is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("page", [60, 120, 200])
def test_rows_before_and_behind_the_damage_go_on(store: Path, page: int) -> None:
    overwrite(store, page, 2)
    damaged = store.read_bytes()

    aside = salvage.mend(store)

    assert aside is not None and aside.read_bytes() == damaged
    assert len(ids(store)) >= ROWS - 2 * PAGE // 400 - 4 and {1, ROWS} <= ids(store)


def test_the_fresh_file_has_the_same_tables_and_numbers_go_on(store: Path) -> None:
    overwrite(store, 100)

    salvage.mend(store)

    with closing(sqlite3.connect(store)) as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'")}
        assert tables == {"events", "feedback", "by_sender"}
        assert connection.execute("SELECT count(*) FROM feedback").fetchone() == (20,)
        assert connection.execute("INSERT INTO events (sender) VALUES ('rest:new')").lastrowid == ROWS + 1
    assert salvage.mend(store) is None


@pytest.mark.parametrize(
    "spoil, kept",
    [
        (halve, True),
        (lambda path: overwrite(path, 0), False),
        (lambda path: path.write_bytes(b"no database, but a text that someone has put in its place"), False),
        (lambda path: path.write_bytes(b"\0" * 8 * PAGE), False),
    ],
    ids=["cut off", "head gone", "another file", "nothing but zeros"],
)
def test_whatever_is_left_the_assistant_can_start(store: Path, spoil: Callable[[Path], None], kept: bool) -> None:
    spoil(store)

    assert salvage.mend(store) is not None
    with closing(sqlite3.connect(store)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert not kept or len(ids(store)) > ROWS // 4


def test_an_empty_file_is_said_to_be_one(store: Path, caplog: pytest.LogCaptureFixture) -> None:
    store.write_bytes(b"")

    assert salvage.mend(store) is not None
    assert "was damaged" in caplog.text


def test_the_log_names_both_files_and_what_to_do_and_no_words_of_a_talk(store: Path, caplog: pytest.LogCaptureFixture) -> None:
    overwrite(store, 100)

    aside = salvage.mend(store)

    (record,) = caplog.records
    assert record.levelname == "CRITICAL"
    assert aside and all(words in record.message for words in (str(store), aside.name, "Mend:", "delete"))
    assert "xxx" not in record.message


@pytest.mark.parametrize("statement", ["SELECT nothing", "INSERT INTO feedback VALUES ('rest:1', 'first')"])
def test_a_wrong_statement_is_no_damage(store: Path, statement: str) -> None:
    with closing(sqlite3.connect(store)) as connection, pytest.raises(sqlite3.Error) as error:
        connection.execute(statement)

    assert not salvage.says_broken(error.value)


def test_a_file_is_left_to_another_process_that_uses_the_folder(store: Path) -> None:
    overwrite(store, 100)
    damaged = store.read_bytes()
    with (store.parent / "in_use").open("a") as mark:
        fcntl.flock(mark, fcntl.LOCK_EX)
        assert salvage.mend(store) is None and store.read_bytes() == damaged

    assert salvage.mend(store) is not None


def test_a_locked_file_is_left_alone(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    connect = sqlite3.connect
    monkeypatch.setattr(salvage.sqlite3, "connect", lambda path, timeout=0: connect(path, timeout=0))
    with closing(connect(store)) as other:
        other.execute("BEGIN EXCLUSIVE")

        assert salvage.mend(store) is None
