"""What visitors said of answers (helpful or not, and why), in a table beside the talks, so that both are forgotten together."""
from __future__ import annotations

import math
import time
from typing import Any, Callable, Dict, List, Optional, Tuple

import sqlalchemy as sa

from dystonia.masking import mask

_TABLE = sa.Table(
    "feedback",
    sa.MetaData(),
    sa.Column("sender_id", sa.String(255), primary_key=True),
    sa.Column("message_id", sa.String(255), primary_key=True),
    sa.Column("helpful", sa.Boolean, nullable=False),
    sa.Column("reason", sa.Text),
    sa.Column("timestamp", sa.Float, nullable=False),
)


class Feedback:
    """The table, in the database of an SQL tracker store."""

    def __init__(self, engine: sa.engine.Engine, clock: Callable[[], float] = time.time) -> None:
        self._engine = engine
        self._clock = clock
        _TABLE.create(engine, checkfirst=True)

    def keep(self, sender_id: str, message_id: str, helpful: bool, reason: Optional[str]) -> None:
        """Keeps what a visitor says of the reply to a message, in the place of what was said of it before.

        Personal details in the reason are masked.
        """
        said = {"helpful": helpful, "reason": mask(reason) if reason else None, "timestamp": self._clock()}
        with self._engine.begin() as connection:
            connection.execute(_TABLE.delete().where(_is(sender_id, message_id)))
            connection.execute(_TABLE.insert().values(sender_id=sender_id, message_id=message_id, **said))

    def erase(self, sender_id: str) -> int:
        """Deletes all that a visitor said of answers; returns how many entries there were."""
        with self._engine.begin() as connection:
            return self.erase_in(connection, sender_id)

    def erase_in(self, connection: sa.engine.Connection, sender_id: str, until: float = math.inf) -> int:
        """The same within a transaction, up to a time."""
        of_then = _TABLE.c.sender_id == sender_id, _TABLE.c.timestamp <= until
        return int(connection.execute(_TABLE.delete().where(*of_then)).rowcount)

    def expire(self, before: float) -> int:
        """Deletes what was said before a time; returns how many entries there were."""
        with self._engine.begin() as connection:
            return int(connection.execute(_TABLE.delete().where(_TABLE.c.timestamp < before)).rowcount)

    def talks(self, like: str) -> List[str]:
        """The talks with feedback whose ids are like a pattern of SQL, with a backslash before what stands for itself."""
        query = sa.select(_TABLE.c.sender_id).where(_TABLE.c.sender_id.like(like, escape="\\")).distinct()
        with self._engine.connect() as connection:
            return [talk for (talk,) in connection.execute(query)]

    def of(self, sender_id: str) -> List[Dict[str, Any]]:
        """All that a visitor said of answers, in order."""
        query = _TABLE.select().where(_TABLE.c.sender_id == sender_id).order_by(_TABLE.c.timestamp)
        with self._engine.connect() as connection:
            return [dict(row._mapping) for row in connection.execute(query)]

    def all(self) -> List[Dict[str, Any]]:
        """All that was said, as it is stored."""
        with self._engine.connect() as connection:
            return [dict(row._mapping) for row in connection.execute(_TABLE.select())]

    def take_over(self, entries: List[Dict[str, Any]]) -> int:
        """Keeps what another database has kept, where nothing is kept of the same reply; returns how many entries that were."""
        here = {(entry["sender_id"], entry["message_id"]) for entry in self.all()}
        new = [entry for entry in entries if (entry["sender_id"], entry["message_id"]) not in here]
        with self._engine.begin() as connection:
            if new:
                connection.execute(_TABLE.insert(), new)
        return len(new)

    def unhelpful(self) -> Dict[Tuple[str, str], Optional[str]]:
        """The messages whose replies did not help, by talk and message id, each with the reason, where one was given."""
        with self._engine.connect() as connection:
            rows = connection.execute(_TABLE.select().where(_TABLE.c.helpful.is_(False))).fetchall()
        return {(row.sender_id, row.message_id): row.reason for row in rows}


def _is(sender_id: str, message_id: str) -> sa.sql.ColumnElement:
    return sa.and_(_TABLE.c.sender_id == sender_id, _TABLE.c.message_id == message_id)
