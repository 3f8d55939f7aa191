"""`make move`: takes along what is kept in the files of the data folder into the PostgreSQL database of the settings.

It can be broken off and done again: what has arrived is not stored twice, and a file goes when all of it is seen to be there.
"""

from __future__ import annotations

import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import List

from sqlalchemy.exc import SQLAlchemyError

from channels.seen import SqliteEvents
from channels.shared_events import SharedEvents
from server.papers import APPS, EVENT_FILES, TALK_FILE
from server.postgres import CannotStart, Presence, wait_for
from server.settings import Settings, SettingsError
from server.several import alone_in
from server.talks import Talks
from tools.backup import BESIDE, NotDone
from tools.reload import NotRunning, status

AT_ONCE = 200
"""Talks that are stored in one transaction."""
PATIENCE_SECONDS = 5.0
STOP = "Mend: stop it (Ctrl-C, or systemctl stop), make move, and start it again."


def main() -> int:
    """Moves everything; returns the exit status."""
    try:
        settings = Settings.from_environment()
        settings.check_owner()
        there = files(settings.data)
        if not there:
            print(f"Nothing is left to move in {settings.data}.")
            return 0
        for line in move(settings, there):
            print(line, flush=True)
    except (SettingsError, CannotStart, NotDone) as fault:
        print(fault, file=sys.stderr)
        return 1
    except (SQLAlchemyError, sqlite3.Error) as error:
        # Not the error's own words, which may quote a row.
        print(f"It was broken off ({type(error).__name__}); nothing is lost. Mend: make move again.", file=sys.stderr)
        return 1
    return 0


def files(data: Path) -> List[Path]:
    """The files of talks and of events that are in the data folder."""
    return [data / name for name in (TALK_FILE, *EVENT_FILES) if (data / name).is_file()]


def move(settings: Settings, there: List[Path]) -> List[str]:
    """Moves what these files hold; returns what was done, in words.

    Raises:
        NotDone: nothing was moved, because the assistant runs, a file is damaged, or no database is set.
        CannotStart: the database can't be reached.
    """
    url = settings.postgres_url
    if not url:
        raise NotDone("DYSTONIA_POSTGRES_URL is not set. Mend: set it to the database that shall keep the talks.")
    _check(settings, there)
    wait_for(url, PATIENCE_SECONDS)
    with closing(_alone_at(url)):
        done = []
        if settings.talks in there:
            done.append(_move_talks(settings.talks, url))
        for app in APPS:
            if settings.data / f"{app}.db" in there:
                done.append(_move_events(settings.data / f"{app}.db", url, app))
    return done


def _check(settings: Settings, there: List[Path]) -> None:
    try:
        status(settings)
    except NotRunning:
        if not alone_in(settings.data):
            raise NotDone(f"The assistant runs with {settings.data}. {STOP}") from None
    else:
        raise NotDone(f"The assistant runs with {settings.data}. {STOP}")
    damaged = [str(path) for path in there if not _is_whole(path)]
    if damaged:
        mend = "make run once without DYSTONIA_POSTGRES_URL, which saves what can be read"
        raise NotDone(f"{', '.join(damaged)} is damaged. Mend: {mend}.")


def _alone_at(url: str) -> Presence:
    """Keeps instances from using the database meanwhile."""
    try:
        return Presence(url, shares_redis=False, patience=0)
    except CannotStart:
        raise NotDone(f"An instance of the assistant uses the database. {STOP}") from None


def _move_talks(file: Path, url: str) -> str:
    with closing(Talks.at(f"sqlite:///{file}")) as old, closing(Talks.at(url)) as new:
        # What was forgotten at one place is not brought back from the other.
        forgotten, notes = old.forgotten(), new.forgotten()
        old.forget_again(notes)
        new.forget_again(forgotten)
        new.note_forgotten({talk: max(when, notes.get(talk, when)) for talk, when in forgotten.items()})
        talks, entries = _take_over(old, new), new.feedback.take_over(old.feedback.all())
        if _take_over(old, new) or new.feedback.take_over(old.feedback.all()):
            raise NotDone(f"Not all of {file} has arrived. Mend: see that nobody else writes to it, then make move again.")
    _remove(file)
    return f"{file.name}: {talks} talks and {entries} entries of feedback were moved. The file is gone."


def _take_over(old: Talks, new: Talks) -> int:
    moved, after = 0, ""
    while page := old.page(after, AT_ONCE):
        moved += new.take_over(old.rows([talk for talk, _ in page]))
        after = page[-1][0]
    return moved


def _move_events(file: Path, url: str, app: str) -> str:
    with closing(SqliteEvents(file)) as old, closing(SharedEvents(url, app)) as new:
        moved = new.take_over(old.rows())
        waiting = len(old.waiting())
    _remove(file)
    return f"{file.name}: {moved} events were moved, {waiting} of them to be answered. The file is gone."


def _remove(file: Path) -> None:
    for ending in ("", *BESIDE):
        file.with_name(file.name + ending).unlink(missing_ok=True)


def _is_whole(path: Path) -> bool:
    try:
        with closing(sqlite3.connect(path, timeout=10)) as kept:
            return bool(kept.execute("PRAGMA quick_check").fetchone() == ("ok",))
    except sqlite3.DatabaseError:
        return False


if __name__ == "__main__":
    sys.exit(main())
