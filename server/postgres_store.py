"""Talks in PostgreSQL, for several instances: no turn is lost or mixed up, whatever becomes of the locks or of the database.

Rasa's own store on PostgreSQL was left for these: a failing database is replaced by memory without a word, so that what was
acknowledged is lost with the process; two turns that end at once overwrite each other's place; a value that PostgreSQL does
not take ends the process; and everything else waits while it waits for the disk.
"""
from __future__ import annotations

import asyncio
import json
import logging
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence, Text, TypeVar

import psycopg2
import sqlalchemy as sa
from rasa.core.brokers.broker import EventBroker
from rasa.core.tracker_store import SQLTrackerStore
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import SessionStarted
from rasa.shared.core.trackers import DialogueStateTracker

from channels import shared_events
from server.postgres import POOL_SIZE, Away, NotKept, connect, making_tables
from server.talks import Talks, forgotten_since
from server.tracker_store import FORGET_ME, asked_by, masked

logger = logging.getLogger(__name__)

PAUSES = (0.05, 0.2, 0.5, 1.0)
"""Seconds between the tries of one reading or writing: a database that starts again is back after about one."""
AWAY = (sa.exc.OperationalError, sa.exc.InterfaceError, sa.exc.TimeoutError, psycopg2.OperationalError, psycopg2.InterfaceError)
"""What is raised when the database can't be reached; SQLAlchemy does not put all of the driver's errors into its own."""
_EVENTS = SQLTrackerStore.SQLEvent.__table__

Result = TypeVar("Result")


@dataclass
class Mark:
    """How far a tracker stands in the database.

    Attributes:
        last: id of the last stored event; 0 where there is none.
        events: how many of the tracker's events are stored.
        unread: the database could not be read, and nothing of this tracker may be stored.
    """

    last: int = 0
    events: int = 0
    unread: bool = False


class PostgresTalks(SQLTrackerStore):
    """Rasa's tables in PostgreSQL, with masking, erasing and feedback as on SQLite (server/tracker_store.py).

    A turn is stored in one transaction, and only on top of what it has read: where another turn of the talk came between (a
    lock was lost with Redis, say), it is not stored and the visitor is told to try again. Where the database is away, a turn
    still goes on with an empty talk: it is not stored, but an emergency gets its reply (channels/turn.py).
    """

    def __init__(
        self, domain: Optional[Domain] = None, host: Text = "", event_broker: Optional[EventBroker] = None, **kwargs: Any
    ) -> None:
        """Connects, and makes the tables where they are missing; ``host`` is the whole address, as Rasa names it."""
        self.engine = connect(host)
        self.sessionmaker = sa.orm.session.sessionmaker(bind=self.engine)
        with making_tables(self.engine):
            self.Base.metadata.create_all(self.engine)
            self.talks = Talks(self.engine)
            shared_events.EVENTS.create(self.engine, checkfirst=True)
        self.feedback = self.talks.feedback
        self._threads = ThreadPoolExecutor(POOL_SIZE, thread_name_prefix="talks")
        # Past Rasa's own, which opens its own connections and waits for the database without end.
        super(SQLTrackerStore, self).__init__(domain, event_broker, **kwargs)

    @contextmanager
    def session_scope(self) -> Iterator[sa.orm.Session]:
        """A session; unlike Rasa's, a value that can't be stored does not end the process."""
        with self.sessionmaker() as session:
            yield session

    async def retrieve(self, sender_id: Text) -> Optional[DialogueStateTracker]:
        """The talk since it last began; an empty one, of which nothing is stored, while the database is away."""
        try:
            return await self._read(sender_id, whole=False)
        except Away as away:
            logger.error("A talk could not be read (%s): its turn is not stored.", away)
            return _marked(self.init_tracker(sender_id), Mark(unread=True))

    async def retrieve_full_tracker(self, conversation_id: Text) -> Optional[DialogueStateTracker]:
        """The whole talk.

        Raises:
            Away: the database could not be reached.
        """
        return await self._read(conversation_id, whole=True)

    async def save(self, tracker: DialogueStateTracker) -> None:
        """Stores what is new, without personal details, or erases the talk when the visitor asked for that.

        Raises:
            Away: the database could not be reached.
            NotKept: the talk could not be read before, or has gone on meanwhile, or holds what the database does not take.
        """
        mark: Mark = tracker.__dict__.setdefault("stored_mark", Mark())
        if mark.unread:
            if tracker.events:
                raise NotKept("the talk could not be read")
        elif tracker.get_slot(FORGET_ME):
            await self._tried(partial(self.erase, tracker.sender_id, asked_by(tracker)))
        elif len(tracker.events) > mark.events:
            await self.stream_events(tracker)
            rows = [_row(tracker.sender_id, event) for event in islice(masked(tracker).events, mark.events, None)]
            mark.last = await self._tried(partial(self._append, tracker.sender_id, mark.last, rows))
            mark.events = len(tracker.events)

    def erase(self, sender_id: Text, asked_by: Optional[Text] = None) -> int:
        """Deletes everything that is kept of a talk, as on SQLite; editors' pages go within the hour (server/retention.py)."""
        talks, deleted = self.talks.of_person(sender_id), 0
        with self.engine.begin() as connection:
            for talk in talks:
                _one_at_a_time(connection, talk)
                deleted += connection.execute(shared_events.erasing(talk, asked_by)).rowcount
                deleted += self.talks.erase_in(connection, talk)
        return deleted

    async def _read(self, sender_id: Text, whole: bool) -> Optional[DialogueStateTracker]:
        rows = await self._tried(partial(self._rows, sender_id, whole))
        if not rows:
            return None
        tracker = DialogueStateTracker.from_dict(sender_id, [json.loads(row.data) for row in rows], self.domain.slots)
        return _marked(tracker, Mark(rows[-1].id, len(rows)))

    def _rows(self, sender_id: Text, whole: bool) -> Sequence[Any]:
        asked = sa.select(_EVENTS.c.id, _EVENTS.c.data).where(_EVENTS.c.sender_id == sender_id).order_by(_EVENTS.c.id)
        if not whole:
            began = sa.select(sa.func.max(_EVENTS.c.id)).where(
                _EVENTS.c.sender_id == sender_id, _EVENTS.c.type_name == SessionStarted.type_name
            )
            asked = asked.where(_EVENTS.c.id >= sa.func.coalesce(began.scalar_subquery(), 0))
        # One statement needs no transaction, which would cost two more ways to the database.
        with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            return connection.execute(asked).fetchall()

    def _append(self, sender_id: Text, last: int, rows: List[Dict[Text, Any]]) -> int:
        """Stores events after the one with the id ``last``, if that is still the last one; returns the new last id."""
        with self.engine.begin() as connection:
            _one_at_a_time(connection, sender_id)
            since = sa.select(_EVENTS.c.id, _EVENTS.c.data).where(_EVENTS.c.sender_id == sender_id, _EVENTS.c.id >= last)
            there = connection.execute(since.order_by(_EVENTS.c.id)).fetchall()
            if last and (not there or there.pop(0).id != last):
                raise NotKept("the talk was erased meanwhile")
            if not last and not there and forgotten_since(connection, sender_id, rows[0]["timestamp"]):
                raise NotKept("the talk was erased meanwhile")
            if not there:
                added = connection.execute(_EVENTS.insert().values(rows).returning(_EVENTS.c.id)).fetchall()
                return int(max(row.id for row in added))
        # The connection may have broken after these very events were stored, and before that was heard of.
        if [row.data for row in there] == [row["data"] for row in rows]:
            return int(there[-1].id)
        raise NotKept("the talk has gone on meanwhile")

    async def _tried(self, work: Callable[[], Result]) -> Result:
        """Does something with the database in a thread, again where it was away.

        Raises:
            Away: it still is.
            NotKept: there is something that it does not take.
        """
        for pause in (*PAUSES, None):
            try:
                return await self._in_thread(work)
            except AWAY as error:
                if pause is None:
                    raise Away(type(error).__name__) from None
                await asyncio.sleep(pause)
            except (sa.exc.DBAPIError, ValueError) as error:
                raise NotKept(type(error).__name__) from None
        raise AssertionError("the last pause is None")

    async def _in_thread(self, work: Callable[[], Result]) -> Result:
        running = asyncio.get_running_loop().run_in_executor(self._threads, work)
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            # The talk's lock is let go of after this: until then the thread must have come to its end.
            await asyncio.wait([running])
            raise


def _marked(tracker: DialogueStateTracker, mark: Mark) -> DialogueStateTracker:
    tracker.stored_mark = mark  # type: ignore[attr-defined]
    return tracker


def _row(sender_id: Text, event: Any) -> Dict[Text, Any]:
    data = event.as_dict()
    return {
        "sender_id": sender_id,
        "type_name": event.type_name,
        "timestamp": data.get("timestamp"),
        "intent_name": data.get("parse_data", {}).get("intent", {}).get("name"),
        "action_name": data.get("name"),
        "data": json.dumps(data),
    }


def _one_at_a_time(connection: sa.engine.Connection, sender_id: Text) -> None:
    """Until this transaction ends, no other one writes to the talk."""
    connection.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(sender_id, 0))))
