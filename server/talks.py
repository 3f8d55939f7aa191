"""What is kept of talks, in any SQL database: listed, handed to whom it belongs to, aged out, and erased to the last byte."""

from __future__ import annotations

import hashlib
import json
import time
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

import sqlalchemy as sa
from rasa.core.tracker_store import SQLTrackerStore

from server.feedback import Feedback
from server.steady_clock import SteadyClock

TIDIED_AT_ONCE = 16 * 1024 * 1024
"""Bytes of a SQLite file that is rewritten whenever something is erased: a tenth of a second (measured: 180 MB a second)."""

Row = Tuple[Any, ...]

_EVENTS = SQLTrackerStore.SQLEvent.__table__
_COLUMNS = [column for column in _EVENTS.c if column.name != "id"]
_FORGOTTEN = sa.Table(
    "forgotten",
    sa.MetaData(),
    sa.Column("talk", sa.String(64), primary_key=True),
    sa.Column("timestamp", sa.Float, nullable=False),
)
"""Which talks were erased, and when: a hash of the id, so that an older backup can be told to forget them too."""
_PULSE = sa.Table("pulse", sa.MetaData(), sa.Column("id", sa.Integer, primary_key=True), sa.Column("timestamp", sa.Float))
"""One row, which is written to see whether anything can be written."""


class Talks:
    """The tables of an SQL tracker store, with what was said of its answers."""

    def __init__(self, engine: sa.engine.Engine, clock: Callable[[], float] = time.time) -> None:
        """Makes the tables that are missing."""
        self._engine = engine
        self._clock = clock
        self.feedback = Feedback(engine, clock)
        self.steady_clock = SteadyClock(engine, clock)
        _EVENTS.create(engine, checkfirst=True)
        _FORGOTTEN.create(engine, checkfirst=True)
        _PULSE.create(engine, checkfirst=True)

    @classmethod
    def at(cls, url: Any, clock: Callable[[], float] = time.time) -> "Talks":
        """Those of a database, over connections of their own: of a SQLite file, one for each thread."""
        if sa.engine.make_url(url).get_backend_name() != "sqlite":
            return cls(sa.create_engine(url, pool_size=1, hide_parameters=True), clock)
        shared = {"check_same_thread": False}
        engine = sa.create_engine(url, poolclass=sa.pool.SingletonThreadPool, connect_args=shared, hide_parameters=True)
        sa.event.listen(engine, "connect", set_up_sqlite)
        return cls(engine, clock)

    @property
    def url(self) -> sa.engine.URL:
        """Of the database."""
        return self._engine.url

    def close(self) -> None:
        """Closes the connections."""
        self._engine.dispose()

    # What is there.

    def page(self, after: str, most: int) -> List[Tuple[str, float]]:
        """The next talks in the order of their ids, each with the time of its last event in seconds since 1970.

        Args:
            after: the last id of the page before; at first, an empty one.
            most: how many talks.
        """
        columns = _EVENTS.c.sender_id, sa.func.max(_EVENTS.c.timestamp)
        query = sa.select(*columns).where(_EVENTS.c.sender_id > after).group_by(_EVENTS.c.sender_id)
        return [(talk, last or 0.0) for talk, last in self._rows(query.order_by(_EVENTS.c.sender_id).limit(most))]

    def matching(self, pattern: str) -> List[str]:
        """The ids that a pattern names, in which ``*`` stands for anything; also those of which only feedback is left."""
        like = "%".join(_literal(part) for part in pattern.split("*"))
        query = sa.select(_EVENTS.c.sender_id).where(_EVENTS.c.sender_id.like(like, escape="\\")).distinct()
        return sorted({talk for (talk,) in self._rows(query)} | set(self.feedback.talks(like)))

    def of_person(self, talk: str) -> List[str]:
        """A talk, and others of the same person: in other channels of a team on Slack, in private and in groups on Telegram."""
        app, *names = talk.split(":")
        if app == "slack" and len(names) == 3:
            return sorted({talk, *self.matching(f"slack:{names[0]}:*:{names[2]}")})
        if app == "telegram":
            return sorted({talk, f"telegram:{names[-1]}", *self.matching(f"telegram:*:{names[-1]}")})
        return [talk]

    def events(self, talk: str) -> List[Dict[str, Any]]:
        """All that is stored of a talk, in order, as Rasa stored it."""
        query = sa.select(_EVENTS.c.data).where(_EVENTS.c.sender_id == talk).order_by(_EVENTS.c.id)
        return [json.loads(data) for (data,) in self._rows(query)]

    def last_event(self) -> float:
        """When anything was stored last, in seconds since 1970; 0 where nothing is."""
        rows = self._rows(sa.select(_EVENTS.c.timestamp).order_by(_EVENTS.c.id.desc()).limit(1))
        return rows[0][0] or 0.0 if rows else 0.0

    def forgotten(self) -> Dict[str, float]:
        """The talks that were erased: hash of the id, and when."""
        return {row.talk: row.timestamp for row in self._rows(_FORGOTTEN.select())}

    def try_writing(self) -> None:
        """Writes something, and raises the driver's error where that can't be done."""
        with self._engine.begin() as connection:
            if not connection.execute(_PULSE.update().where(_PULSE.c.id == 1).values(timestamp=self._clock())).rowcount:
                connection.execute(_PULSE.insert().values(id=1, timestamp=self._clock()))

    # What is taken away.

    def erase(self, talk: str) -> int:
        """Deletes all of a talk; returns how many events and entries of feedback that were."""
        with self._engine.begin() as connection:
            return self.erase_in(connection, talk)

    def erase_in(self, connection: sa.engine.Connection, talk: str) -> int:
        """The same within a transaction."""
        deleted = connection.execute(_EVENTS.delete().where(_EVENTS.c.sender_id == talk)).rowcount
        connection.execute(_FORGOTTEN.delete().where(_FORGOTTEN.c.talk == hash_of(talk)))
        connection.execute(_FORGOTTEN.insert().values(talk=hash_of(talk), timestamp=self._clock()))
        return int(deleted) + self.feedback.erase_in(connection, talk)

    def expire(self, talk: str, before: float) -> int:
        """Deletes all of a talk whose last event lies before a time; returns how many events and entries of feedback."""
        last = sa.select(sa.func.max(_EVENTS.c.timestamp)).where(_EVENTS.c.sender_id == talk).scalar_subquery()
        with self._engine.begin() as connection:
            deleted = connection.execute(_EVENTS.delete().where(_EVENTS.c.sender_id == talk, last < before)).rowcount
        return int(deleted) + (self.feedback.erase(talk) if deleted else 0)

    def expire_notes(self, before: float) -> int:
        """Deletes feedback, and notes of what was forgotten, from before a time; returns how many entries of feedback."""
        with self._engine.begin() as connection:
            connection.execute(_FORGOTTEN.delete().where(_FORGOTTEN.c.timestamp < before))
        return self.feedback.expire(before)

    def expire_all(self, before: float) -> int:
        """The same for all talks at once, where nobody waits: in a backup, say; returns the same."""
        old = [talk for talk, last in self.page("", 10**9) if last < before]
        return sum(self.expire(talk, before) for talk in old) + self.expire_notes(before)

    def note_forgotten(self, forgotten: Dict[str, float]) -> None:
        """Notes what was forgotten, by another database's notes."""
        with self._engine.begin() as connection:
            for talk, timestamp in forgotten.items():
                connection.execute(_FORGOTTEN.delete().where(_FORGOTTEN.c.talk == talk))
                connection.execute(_FORGOTTEN.insert().values(talk=talk, timestamp=timestamp))

    def forget_again(self, forgotten: Dict[str, float]) -> int:
        """In a backup, deletes what was forgotten since it was made; returns how many events that were."""
        deleted = 0
        with self._engine.begin() as connection:
            for (talk,) in connection.execute(sa.select(_EVENTS.c.sender_id).distinct()).fetchall():
                until = forgotten.get(hash_of(talk))
                if until is not None:
                    of_then = _EVENTS.c.sender_id == talk, _EVENTS.c.timestamp <= until
                    deleted += connection.execute(_EVENTS.delete().where(*of_then)).rowcount
                    deleted += self.feedback.erase_in(connection, talk, until)
        return deleted

    # What another database has kept.

    def rows(self, talks: Sequence[str]) -> Dict[str, List[Row]]:
        """All that is stored of some talks, in order, each event as its columns hold it, but for its own id."""
        with self._engine.connect() as connection:
            return _rows(connection, talks)

    def take_over(self, rows: Dict[str, List[Row]]) -> int:
        """Stores what another database holds of some talks, before what is here of them; returns how many talks that changed.

        What is here already is not stored twice.
        """
        with self._engine.begin() as connection:
            here = _rows(connection, list(rows))
            whole = {talk: _joined(old, here[talk]) for talk, old in rows.items()}
            changed = [talk for talk in whole if whole[talk] != here[talk]]
            if changed:
                connection.execute(_EVENTS.delete().where(_EVENTS.c.sender_id.in_(changed)))
                names = [column.name for column in _COLUMNS]
                connection.execute(_EVENTS.insert(), [dict(zip(names, row)) for talk in changed for row in whole[talk]])
        return len(changed)

    def tidy(self, most: Optional[int] = None) -> bool:
        """Leaves no byte of what was deleted in the files of the database.

        SQLite overwrites a deleted row, but not the copy of it that stays behind where it had once moved a row to another page
        (measured: after 1 of 120 erasures); only writing the file anew does. Other databases see to this themselves.

        Args:
            most: bytes from which the file is not rewritten, because a turn would have to wait for it.

        Returns:
            Whether it was done; if not, it must be tried again.
        """
        if self._engine.dialect.name != "sqlite":
            return True
        with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            pages, size = (connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("page_count", "page_size"))
            small = most is None or pages * size <= most
            if small:
                connection.exec_driver_sql("VACUUM")
            # What was deleted stays readable in the write-ahead log until it is folded in and cut short.
            busy = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").first()[0]
        return small and not busy

    def _rows(self, query: sa.sql.Selectable) -> List[Any]:
        with self._engine.connect() as connection:
            return connection.execute(query).fetchall()


def _joined(older: List[Row], newer: List[Row]) -> List[Row]:
    known = set(older)
    return [*older, *(row for row in newer if row not in known)]


def _rows(connection: sa.engine.Connection, talks: Sequence[str]) -> Dict[str, List[Row]]:
    query = sa.select(*_COLUMNS).where(_EVENTS.c.sender_id.in_(talks)).order_by(_EVENTS.c.id)
    found: Dict[str, List[Row]] = {talk: [] for talk in talks}
    for row in connection.execute(query):
        found[row.sender_id].append(tuple(row))
    return found


def forgotten_since(connection: sa.engine.Connection, talk: str, since: float) -> bool:
    """Whether a talk was erased after a time: a turn that was under way then must not store it again.

    A note from a future, as after a clock was set right, says nothing.
    """
    when = connection.execute(sa.select(_FORGOTTEN.c.timestamp).where(_FORGOTTEN.c.talk == hash_of(talk))).scalar()
    return when is not None and since <= when <= time.time()


def hash_of(talk: str) -> str:
    """What is noted of a talk that was erased."""
    return hashlib.sha256(talk.encode()).hexdigest()


def set_up_sqlite(connection: Any, _record: Any) -> None:
    """What each connection to a SQLite file is told: write quickly, and overwrite what is deleted."""
    cursor = connection.cursor()
    for pragma in ("busy_timeout=10000", "journal_mode=WAL", "synchronous=NORMAL", "secure_delete=ON", "temp_store=MEMORY"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _literal(part: str) -> str:
    return part.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
