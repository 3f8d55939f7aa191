"""What else in the data folder may hold words of visitors: the editors' page, events of apps, damaged files, and backups."""

from __future__ import annotations

import shutil
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import Callable, Dict, Iterator, Sequence

from channels.seen import SqliteEvents
from server.talks import Talks

DAY = 24 * 3600.0
PAGE_DAYS = 7
"""How long the page of `make gaps` stays; it can be made anew at any time."""
BACKUP_DAYS = 7
"""How long a backup stays. Until then what is forgotten or too old is taken out of it too."""

PAGES = "gaps.html"
DAMAGED = "*.broken-*"
"""Database files that were set aside because they were damaged, as old as a backup may be."""
EVENT_FILES = ("slack.db", "telegram.db")
TALK_FILE = "talks.db"
DUMP_FILE = "talks.dump"
"""In a backup: talks that are kept in PostgreSQL, as its own program writes them."""
BACKUPS = "backups"
NAMED = "%Y-%m-%dT%H-%M-%SZ"
NAMES = "????-??-??T??-??-??Z"
"""How a backup's folder is named: by its time, in UTC."""


def remove(data: Path, names: str, before: float = float("inf")) -> None:
    """Removes the files of a pattern that were written before a time."""
    for path in data.glob(names):
        if path.stat().st_mtime < before:
            path.unlink(missing_ok=True)


def backups(data: Path) -> Iterator[Path]:
    """The folders of the backups, the oldest first."""
    yield from sorted((data / BACKUPS).glob(NAMES))


def made(backup: Path) -> float:
    """When a backup was made, by its name, in seconds since 1970."""
    return datetime.strptime(backup.name, NAMED).replace(tzinfo=timezone.utc).timestamp()


def event_files(folder: Path, clock: Callable[[], float] = time.time, but: Sequence[str] = ()) -> Iterator[SqliteEvents]:
    """What the apps have handed over and is kept in a folder, but for some; each is closed after its use."""
    for name in EVENT_FILES:
        if name not in but and (folder / name).is_file():
            events = SqliteEvents(folder / name, clock)
            try:
                yield events
            finally:
                events.close()


def clean_events(folder: Path, clock: Callable[[], float] = time.time, but: Sequence[str] = ()) -> None:
    """Takes out of the events of apps what has waited too long: where the channel is open, it does that itself."""
    for events in event_files(folder, clock, but):
        events.purge()


def clean_backup(backup: Path, before: float, forgotten: Dict[str, float], clock: Callable[[], float] = time.time) -> int:
    """Removes a backup that is too old, otherwise takes out of it what is too old or was forgotten since.

    Args:
        backup: its folder.
        before: talks whose last event lies before this go, in seconds since 1970.
        forgotten: which talks were erased, and when.
        clock: the present time.

    Returns:
        How many events were taken out.
    """
    if made(backup) < clock() - BACKUP_DAYS * DAY:
        shutil.rmtree(backup)
        return 0
    clean_events(backup, clock)
    if not (backup / TALK_FILE).is_file():
        return 0
    talks = Talks.at(f"sqlite:///{backup / TALK_FILE}", clock)
    try:
        deleted = talks.expire_all(before) + talks.forget_again(forgotten)
        if deleted:
            talks.tidy()
    finally:
        talks.close()
    return deleted
