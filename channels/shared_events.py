"""The events of Slack and Telegram in PostgreSQL: taken in by any instance, answered by one, taken over when that one dies.

They stand there and not in Redis because the app was told that they have arrived and does not send them again: they must
outlive whatever is killed.
"""
from __future__ import annotations

import json
import time
import uuid
from typing import Any, Callable, Dict, List, Optional, Set

import sqlalchemy as sa

from channels.seen import CONTENT_SECONDS, ID_SECONDS, Event
from server.postgres import connect, making_tables

LEASE_SECONDS = 10.0
"""How long the events of an instance that says nothing are left to it."""

EVENTS = sa.Table(
    "app_events",
    sa.MetaData(),
    sa.Column("place", sa.BigInteger, primary_key=True),
    sa.Column("channel", sa.String(32), nullable=False),
    sa.Column("id", sa.String(64), nullable=False),
    sa.Column("received", sa.Float, nullable=False),
    sa.Column("talk", sa.String(255)),
    sa.Column("content", sa.Text),
    sa.Column("calls", sa.Text),
    sa.Column("sent", sa.Integer, nullable=False, server_default="0"),
    sa.Column("owner", sa.String(32)),
    sa.Column("owned_until", sa.DateTime(timezone=True)),
    sa.UniqueConstraint("channel", "id"),
)
_WAITING = sa.Index("app_events_waiting", EVENTS.c.channel, EVENTS.c.talk, postgresql_where=EVENTS.c.talk.is_not(None))
_EMPTY: Dict[str, Any] = {"talk": None, "content": None, "calls": None, "owner": None, "owned_until": None}
# clock_timestamp() is the database's clock, so that those of the instances may differ.
_NOW = sa.func.clock_timestamp()
_LEASE = sa.text(f"interval '{LEASE_SECONDS} seconds'")


class SharedEvents:
    """An ``EventStore`` (channels/seen.py) of one channel, for several instances.

    What waits belongs to an instance for as long as it says so; all that waits of one talk belongs to the same one.
    """

    def __init__(self, url: str, channel: str, clock: Callable[[], float] = time.time) -> None:
        """Connects, and makes the table where it is missing."""
        self._engine = connect(url)
        self._clock = clock
        self._channel = channel
        self._owner = uuid.uuid4().hex
        self._mine: Set[str] = set()
        self._sure_until = 0.0
        with making_tables(self._engine):
            EVENTS.create(self._engine, checkfirst=True)

    def receive(self, event: Event) -> bool:
        """Takes an event in; False when it is known already."""
        row = {"id": event.id, "channel": self._channel, "received": event.received, "talk": event.talk}
        insert = sa.dialects.postgresql.insert(EVENTS).values(**row, content=json.dumps(event.content))
        return self._change(insert.on_conflict_do_nothing()) == 1

    def claim(self) -> List[Event]:
        """Makes what waits this instance's own, talk by talk, where it is no other's; returns what is new, in its order."""
        began, others = time.monotonic(), EVENTS.alias()
        # When the database was away, nobody could say that they are still there.
        lived = _NOW - sa.func.pg_postmaster_start_time() > _LEASE
        taken = sa.exists().where(
            others.c.channel == self._channel,
            others.c.talk == EVENTS.c.talk,
            others.c.owner.is_not(None),
            others.c.owner != self._owner,
            sa.or_(others.c.owned_until > _NOW, sa.not_(lived)),
        )
        # Of its own, too, it may not have heard: the connection broke after they were made its own.
        new = sa.or_(EVENTS.c.owner.is_(None), EVENTS.c.owner != self._owner, EVENTS.c.id.not_in(self._mine))
        free = sa.and_(self._waiting, new, sa.not_(taken))
        claimed = EVENTS.update().where(free).values(owner=self._owner, owned_until=_NOW + _LEASE)
        with self._engine.begin() as connection:
            # Two instances must not both find the same talk free.
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(self._channel, 1))))
            rows = connection.execute(claimed.returning(*EVENTS.c)).fetchall()
        if not self._mine:
            self._sure_until = began + LEASE_SECONDS
        self._mine |= {row.id for row in rows}
        return [_event(row) for row in sorted(rows, key=lambda row: row.place)]

    def renew(self) -> None:
        """Says that this instance is still there; learns which events another one has taken over meanwhile."""
        began = time.monotonic()
        mine = sa.and_(EVENTS.c.channel == self._channel, EVENTS.c.owner == self._owner)
        with self._engine.begin() as connection:
            rows = connection.execute(EVENTS.update().where(mine).values(owned_until=_NOW + _LEASE).returning(EVENTS.c.id))
            self._mine &= {row.id for row in rows}
        self._sure_until = began + LEASE_SECONDS

    def lost(self, event: Event) -> bool:
        """Whether another instance has taken the event over, or it was erased."""
        if event.id in self._mine:
            asked = sa.select(EVENTS.c.owner).where(EVENTS.c.channel == self._channel, EVENTS.c.id == event.id)
            with self._engine.connect() as connection:
                if connection.execute(asked).scalar() != self._owner:
                    self._mine.discard(event.id)
        return event.id not in self._mine

    @property
    def sure(self) -> bool:
        """Whether no other instance can have taken over what was not lost."""
        return time.monotonic() < self._sure_until

    def keep(self, event: Event) -> None:
        """Keeps how far a handled event is; of one that is done, nothing is left but its id."""
        reply = _EMPTY if event.done else {"content": None, "calls": json.dumps(event.calls), "sent": event.sent}
        own = sa.and_(EVENTS.c.channel == self._channel, EVENTS.c.id == event.id, EVENTS.c.owner == self._owner)
        if not self._change(EVENTS.update().where(own).values(**reply)) or event.done:
            self._mine.discard(event.id)

    def waiting(self) -> List[Event]:
        """All events that are not done, whosever they are, in the order they were received."""
        with self._engine.connect() as connection:
            rows = connection.execute(sa.select(EVENTS).where(self._waiting).order_by(EVENTS.c.place)).fetchall()
        return [_event(row) for row in rows]

    def purge(self) -> int:
        """Gives up what has waited too long and forgets old ids; returns how many events were given up."""
        old = sa.and_(self._waiting, EVENTS.c.received < self._clock() - CONTENT_SECONDS)
        forgotten = sa.and_(EVENTS.c.channel == self._channel, EVENTS.c.talk.is_(None))
        given_up = self._change(EVENTS.update().where(old).values(**_EMPTY))
        self._change(EVENTS.delete().where(forgotten, EVENTS.c.received < self._clock() - ID_SECONDS))
        return given_up

    def erase(self, talk: str, before: Optional[str] = None) -> int:
        """Empties the events of a talk that wait, but for the one with the id ``before`` and those after it."""
        return self._change(erasing(talk, before).where(EVENTS.c.channel == self._channel))

    def talks(self) -> List[str]:
        """The talks that have events waiting."""
        return sorted({event.talk for event in self.waiting()})

    def take_over(self, rows: List[Dict[str, Any]]) -> int:
        """Keeps what a file has kept (``SqliteEvents.rows``) and is not known here; returns how many events that were."""
        known = sa.dialects.postgresql.insert(EVENTS).on_conflict_do_nothing()
        return sum(self._change(known.values(channel=self._channel, **row)) for row in rows)

    def close(self) -> None:
        """Leaves what still waits to the others."""
        try:
            self._change(EVENTS.update().where(EVENTS.c.owner == self._owner).values(owner=None, owned_until=None))
        except sa.exc.SQLAlchemyError:
            pass  # They get it when the lease ends.
        self._engine.dispose()

    @property
    def _waiting(self) -> sa.sql.ColumnElement:
        return sa.and_(EVENTS.c.channel == self._channel, EVENTS.c.talk.is_not(None))

    def _change(self, statement: Any) -> int:
        with self._engine.begin() as connection:
            return int(connection.execute(statement).rowcount)


def erasing(talk: str, before: Optional[str] = None) -> sa.sql.Update:
    """The statement that empties the events of a talk that wait, but for those that came with the id ``before`` or after it."""
    change = EVENTS.update().where(EVENTS.c.talk == talk).values(**_EMPTY)
    if before is None:
        return change
    others = EVENTS.alias()
    since = sa.select(sa.func.min(others.c.place)).where(others.c.id == before).scalar_subquery()
    return change.where(sa.or_(since.is_(None), EVENTS.c.place < since))


def _event(row: Any) -> Event:
    calls = tuple(json.loads(row.calls)) if row.calls else None
    return Event(row.id, row.talk, row.received, json.loads(row.content or "null"), calls, row.sent)
