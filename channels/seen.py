"""What Slack and Telegram have handed over: each event is taken in once, and kept until its reply has been sent.

An event is *received* (its content is kept), then *handled* (its reply is kept, its content is not), then *done* (nothing
is kept but its id, so that it is known when it comes again). A process that dies in between goes on where it stopped.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Protocol, Sequence, Tuple

from server import salvage

CONTENT_SECONDS = 24 * 3600.0
"""How long an event waits to be answered. After a day a reply helps nobody, and words are not kept for longer."""
ID_SECONDS = 7 * 24 * 3600.0
"""How long an id is remembered. Telegram sends an update again for up to a day, Slack an event for a few hours."""

Call = Dict[str, Any]
"""One call to the app's interface: ``{"method": ..., "arguments": {...}}``."""


@dataclass(frozen=True)
class Event:
    """Something that happened in an app and wants a reply.

    Attributes:
        id: the same each time the app sends it (see ``event_id``).
        talk: key of the talk it belongs to; events of one talk are answered in order.
        received: when it was taken in, in seconds since 1970.
        content: what the channel needs to answer it; None once it was handled.
        calls: its reply; None until it was handled.
        sent: how many of the calls have been made.
    """

    id: str
    talk: str
    received: float
    content: Optional[Dict[str, Any]]
    calls: Optional[Tuple[Call, ...]] = None
    sent: int = 0

    @property
    def done(self) -> bool:
        """Whether all of its reply was sent."""
        return self.calls is not None and self.sent >= len(self.calls)

    def answered(self, calls: Sequence[Call]) -> "Event":
        """The event once it was handled: its reply in place of its content."""
        return replace(self, content=None, calls=tuple(calls))

    def one_more_sent(self) -> "Event":
        """The event after its next call was made."""
        return replace(self, sent=self.sent + 1)


def event_id(*parts: Any) -> str:
    """An id from what tells events apart. It is a hash, so that no chat's or person's id stays behind in it."""
    return hashlib.sha256(json.dumps([str(part) for part in parts]).encode()).hexdigest()[:32]


class EventStore(Protocol):
    """What a place for events must do. Each call is lasting when it returns.

    SQLite below is one, for one process at a time; in PostgreSQL several instances share another (channels/shared_events.py).
    """

    def receive(self, event: Event) -> bool:
        """Takes an event in; False when it is known already."""

    def lost(self, event: Event) -> bool:
        """Whether a waiting event must be left alone: it was erased, or another instance has taken it over."""

    def keep(self, event: Event) -> None:
        """Keeps how far a handled event is; of one that is done, nothing is left but its id."""

    def waiting(self) -> List[Event]:
        """All events that are not done, in the order they were received."""

    def purge(self) -> int:
        """Gives up what has waited too long and forgets old ids; returns how many events were given up."""

    def erase(self, talk: str, before: Optional[str] = None) -> int:
        """Empties the events of a talk that wait, which are then not answered; returns how many there were.

        Args:
            talk: its key.
            before: id of an event; it and those that came after it are left.
        """

    def talks(self) -> List[str]:
        """The talks that have events waiting."""

    def close(self) -> None:
        """Closes the store."""


_SCHEMA = """
CREATE TABLE IF NOT EXISTS events (
    place INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    received REAL NOT NULL,
    talk TEXT,
    content TEXT,
    calls TEXT,
    sent INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS waiting ON events (place) WHERE talk IS NOT NULL;
"""
_EMPTY = "talk = NULL, content = NULL, calls = NULL"


class SqliteEvents:
    """An ``EventStore`` in one file. What is deleted is overwritten, and there is no write-ahead log to keep it.

    Each change is on the disk when the call returns (1.5 ms on the machine it was measured on), because the app is told
    that an event has arrived and does not send it again.
    """

    PRAGMAS = ("journal_mode=TRUNCATE", "synchronous=FULL", "secure_delete=ON", "temp_store=MEMORY")

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        """Opens the file, made when missing, readable by its owner only."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path, self._clock = path, clock
        self._open()

    def _open(self) -> None:
        self._path.touch(mode=0o600)
        self._connection = sqlite3.connect(str(self._path), timeout=10, isolation_level=None)
        for pragma in self.PRAGMAS:
            self._connection.execute(f"PRAGMA {pragma}")
        self._connection.executescript(_SCHEMA)

    def receive(self, event: Event) -> bool:
        """Takes an event in; False when it is known already."""
        row = (event.id, event.received, event.talk, json.dumps(event.content))
        return self._change("INSERT OR IGNORE INTO events (id, received, talk, content) VALUES (?, ?, ?, ?)", row) == 1

    def lost(self, event: Event) -> bool:
        """Whether a waiting event was erased; one that went with a damaged file was not."""
        return bool(self._execute("SELECT 1 FROM events WHERE id = ? AND talk IS NULL", (event.id,))[1])

    def keep(self, event: Event) -> None:
        """Keeps how far a handled event is; of one that is done, nothing is left but its id."""
        if event.done:
            self._change(f"UPDATE events SET {_EMPTY} WHERE id = ?", (event.id,))
        else:
            reply = (json.dumps(event.calls), event.sent, event.id)
            self._change("UPDATE events SET content = NULL, calls = ?, sent = ? WHERE id = ? AND talk IS NOT NULL", reply)

    def waiting(self) -> List[Event]:
        """All events that are not done, in the order they were received."""
        _, rows = self._execute(
            "SELECT id, talk, received, content, calls, sent FROM events WHERE talk IS NOT NULL ORDER BY place"
        )
        return [
            Event(id_, talk, received, json.loads(content or "null"), tuple(json.loads(calls)) if calls else None, sent)
            for id_, talk, received, content, calls, sent in rows
        ]

    def purge(self) -> int:
        """Gives up what has waited too long and forgets old ids; returns how many events were given up."""
        now = self._clock()
        given_up = self._change(f"UPDATE events SET {_EMPTY} WHERE talk IS NOT NULL AND received < ?", (now - CONTENT_SECONDS,))
        self._change("DELETE FROM events WHERE talk IS NULL AND received < ?", (now - ID_SECONDS,))
        self._tidy()
        return given_up

    def erase(self, talk: str, before: Optional[str] = None) -> int:
        """Empties the events of a talk that wait, but for the one with the id ``before`` and those after it."""
        older = "place < ifnull((SELECT place FROM events WHERE id = ?), 9e18)"
        erased = self._change(f"UPDATE events SET {_EMPTY} WHERE talk = ? AND {older}", (talk, before))
        self._tidy()
        return erased

    def talks(self) -> List[str]:
        """The talks that have events waiting."""
        return [talk for (talk,) in self._connection.execute("SELECT DISTINCT talk FROM events WHERE talk IS NOT NULL")]

    def rows(self) -> List[Dict[str, Any]]:
        """All that is kept, as it is stored, in order: what waits, and the ids of what is done."""
        names = ("id", "received", "talk", "content", "calls", "sent")
        return [dict(zip(names, row)) for row in self._execute(f"SELECT {', '.join(names)} FROM events ORDER BY place")[1]]

    def close(self) -> None:
        """Closes the file."""
        self._connection.close()

    def _tidy(self) -> None:
        # What is deleted is overwritten, but not the copy that stays behind where SQLite had once moved it to another page.
        self._connection.execute("VACUUM")

    def _change(self, statement: str, values: Tuple[Any, ...]) -> int:
        return self._execute(statement, values)[0]

    def _execute(self, statement: str, values: Tuple[Any, ...] = ()) -> Tuple[int, List[Tuple[Any, ...]]]:
        """How many rows were changed, and what was found. A file that turns out to be damaged is set aside first."""
        try:
            cursor = self._connection.execute(statement, values)
            return cursor.rowcount, cursor.fetchall()
        except sqlite3.DatabaseError as error:
            if not salvage.says_broken(error):
                raise
        self.close()
        salvage.mend(self._path)
        self._open()
        cursor = self._connection.execute(statement, values)
        return cursor.rowcount, cursor.fetchall()
