"""SQLite files that have gone bad: set aside, never deleted, and whatever can still be read goes on in a fresh file.

SQLite itself survives a killed process. What breaks a file is below it: a failing disk, a copy made while it was written to,
a power cut on a disk that lies about what it has written.
"""
from __future__ import annotations

import logging
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any, Iterator, Optional, Tuple

from server.several import alone_in

logger = logging.getLogger(__name__)

MADE = "SELECT type, name, sql FROM sqlite_master WHERE sql NOT NULL ORDER BY type = 'index'"
"""What a file holds, tables first."""


def says_broken(error: Optional[BaseException]) -> bool:
    """Whether an error of sqlite3 says that the file is damaged or no database, and not that it is locked or the disk full."""
    return isinstance(error, sqlite3.DatabaseError) and not isinstance(
        error, (sqlite3.OperationalError, sqlite3.IntegrityError, sqlite3.ProgrammingError)
    )


def mend(path: Path) -> Optional[Path]:
    """Puts a fresh file, with all rows that can still be read, in the place of a broken one.

    A sound file costs half a second for each gigabyte. Where another process uses the folder, it is left to that one, which
    would go on writing to the file that is gone.

    Returns:
        Where the broken file is now; None where the file is sound, or there is none, or it is left to another process.
    """
    if not path.exists() or _sound(path) or not alone_in(path.parent):
        return None
    aside = path.with_name(f"{path.name}.broken-{time.strftime('%Y%m%d-%H%M%S')}-{time.time_ns() % 10**6:06}")
    for suffix in ("-wal", "-shm"):
        side = path.with_name(path.name + suffix)
        if side.exists():
            side.rename(aside.with_name(aside.name + suffix))
    path.rename(aside)
    kept = _copy(aside, path)
    logger.critical(
        "%s was damaged. It is now %s, and %d rows that could be read go on in a fresh file. Mend: check the disk; restore a "
        "backup if rows are missing; then delete that file, because it still holds what visitors said.",
        path,
        aside.name,
        kept,
    )
    return aside


def _sound(path: Path) -> bool:
    if not path.stat().st_size:
        # SQLite would take it for a new file without a word.
        return path.with_name(path.name + "-wal").exists()
    try:
        with closing(sqlite3.connect(path, timeout=10)) as connection:
            return bool(connection.execute("PRAGMA quick_check(1)").fetchone() == ("ok",))
    except sqlite3.Error as error:
        return not says_broken(error)


def _copy(broken: Path, fresh: Path) -> int:
    """Copies the tables of a broken file, row by row; returns how many rows there are now."""
    fresh.touch(mode=0o600)
    with closing(sqlite3.connect(broken)) as source, closing(sqlite3.connect(fresh)) as target:
        # With this, SQLite reads on in a file that was cut off.
        source.execute("PRAGMA writable_schema = ON")
        # Bytes that are no letters must not hide all rows behind them.
        source.text_factory = lambda raw: raw.decode("utf-8", "replace")
        try:
            made = source.execute(MADE).fetchall()
        except sqlite3.Error:
            return 0
        rows = 0
        for kind, name, statement in made:
            if name == "sqlite_sequence":
                continue
            target.execute(statement)
            rows += sum(_insert(target, name, row) for row in _readable(source, name)) if kind == "table" else 0
        target.commit()
        return rows


def _readable(source: sqlite3.Connection, table: str) -> Iterator[Tuple[Any, ...]]:
    """The rows of a table from its beginning to the damage, and from its end back to it."""
    reached = None
    for way in ("ASC", "DESC"):
        try:
            for rowid, *row in source.execute(f'SELECT rowid, * FROM "{table}" ORDER BY rowid {way}'):
                if way == "DESC" and reached is not None and rowid <= reached:
                    return
                reached = rowid if way == "ASC" else reached
                yield tuple(row)
            return
        except sqlite3.Error:
            continue


def _insert(target: sqlite3.Connection, table: str, row: Tuple[Any, ...]) -> int:
    return target.execute(f'INSERT OR IGNORE INTO "{table}" VALUES ({", ".join("?" * len(row))})', row).rowcount
