"""What else in the data folder may hold words of visitors: the editors' page, events of apps, damaged files, and backups."""

from __future__ import annotations

import shutil
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import Callable, Dict, Iterator, Optional, Sequence

from channels.seen import EventStore, SqliteEvents
from channels.shared_events import SharedEvents
from server.talks import Talks

DAY = 24 * 3600.0
PAGE_DAYS = 7
"""How long the page of `make gaps` stays; it can be made anew at any time."""
BACKUP_DAYS = 7
"""How long a backup stays. Until then what is forgotten or too old is taken out of it too."""

PAGES = "gaps.html"
DAMAGED = "*.broken-*"
"""Database files that were set aside because they were damaged, as old as a backup may be."""
APPS = ("slack", "telegram")
EVENT_FILES = tuple(f"{app}.db" for app in APPS)
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


def shared_events(talks: Talks, clock: Callable[[], float] = time.time) -> Iterator[SharedEvents]:
    """What the apps have handed over and is kept beside the talks, in PostgreSQL; each is closed after its use."""
    for app in APPS if talks.url.get_backend_name() == "postgresql" else ():
        events = SharedEvents(talks.url, app, clock)
        try:
            yield events
        finally:
            events.close()


def waiting_events(data: Path, talks: Talks) -> Iterator[EventStore]:
    """What the apps have handed over, wherever it is kept."""
    yield from event_files(data)
    yield from shared_events(talks)


def erase_events(folder: Path, talk: str, before: Optional[str] = None) -> int:
    """Empties the events of a talk that wait in a folder, up to the one with an id; returns how many there were."""
    others = [name for name in EVENT_FILES if name != f"{talk.partition(':')[0]}.db"]
    return sum(events.erase(talk, before) for events in event_files(folder, but=others))


def left_behind(data: Path, talks: Talks) -> Iterator[Path]:
    """The data folder, where a file of talks is left in it though they are kept in PostgreSQL now (tools/move.py)."""
    if talks.url.get_backend_name() == "postgresql" and (data / TALK_FILE).is_file():
        yield data


def clean_events(folder: Path, clock: Callable[[], float] = time.time, but: Sequence[str] = ()) -> None:
    """Takes out of the events of apps what has waited too long: where the channel is open, it does that itself."""
    for events in event_files(folder, clock, but):
        events.purge()


def clean_shared_events(talks: Talks, clock: Callable[[], float]) -> None:
    """The same in PostgreSQL."""
    for events in shared_events(talks, clock):
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
    return clean_talks(backup, before, forgotten, clock) if (backup / TALK_FILE).is_file() else 0


def clean_talks(folder: Path, before: float, forgotten: Dict[str, float], clock: Callable[[], float] = time.time) -> int:
    """Takes out of a file of talks that nobody uses what is too old or was forgotten; returns how many events."""
    talks = Talks.at(f"sqlite:///{folder / TALK_FILE}", clock)
    try:
        deleted = talks.expire_all(before) + talks.forget_again(forgotten)
        if deleted:
            talks.tidy()
    finally:
        talks.close()
    return deleted
