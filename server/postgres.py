"""The PostgreSQL database that several instances share: how it is reached, its tables, and who may use it without Redis."""
from __future__ import annotations

import contextlib
import time
from typing import Iterator

import sqlalchemy as sa

from server.undone import Undone

POOL_SIZE = 8
"""Connections of one instance, and threads that wait for the database."""
PATIENCE_SECONDS = 30.0
"""How long a start waits for a database that is not there yet."""
_TABLES, _ALONE = 5_105_001, 5_105_002
"""Keys of advisory locks: for making tables, and for being the only instance."""


class Away(Undone):
    """The database could not be reached; its own words are not repeated, as they may quote what was to be kept."""


class NotKept(Undone):
    """Something was not stored: whoever sent it must be told to send it again."""


class CannotStart(Exception):
    """The servers that instances share can't be used; the message says which, why and what to do."""


def connect(url: str) -> sa.engine.Engine:
    """A pool of connections, each of which gives up after seconds instead of minutes.

    Args:
        url: ``postgresql://user:password@host:port/database``.
    """
    limits = "-c statement_timeout=5000 -c lock_timeout=4000 -c idle_in_transaction_session_timeout=10000"
    return sa.create_engine(
        url,
        pool_size=POOL_SIZE,
        max_overflow=0,
        pool_timeout=4,
        # Otherwise an error would quote what was to be stored, in the log.
        hide_parameters=True,
        connect_args={"connect_timeout": 2, "tcp_user_timeout": 4000, "options": limits, "application_name": "dystonia"},
    )


def wait_for(url: str, patience: float = PATIENCE_SECONDS) -> None:
    """Waits until the database lets this instance in.

    Raises:
        CannotStart: it did not.
    """
    engine = sa.create_engine(url, poolclass=sa.pool.NullPool, connect_args={"connect_timeout": 2})
    deadline = time.monotonic() + patience
    while True:
        try:
            engine.connect().close()
            return
        except sa.exc.OperationalError as error:
            if time.monotonic() > deadline:
                reason = str(error.orig).strip().splitlines()[0]
                raise CannotStart(
                    f"PostgreSQL can't be reached ({reason}). Mend: see that it runs, and that DYSTONIA_POSTGRES_URL names it "
                    "with the right user, password and database."
                ) from None
        time.sleep(0.2)


@contextlib.contextmanager
def making_tables(engine: sa.engine.Engine) -> Iterator[None]:
    """One instance at a time makes missing tables: PostgreSQL's own "if not exists" fails when two do it at once."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.select(sa.func.pg_advisory_lock(_TABLES)))
        try:
            yield
        finally:
            connection.execute(sa.select(sa.func.pg_advisory_unlock(_TABLES)))


class Presence:
    """This instance's mark in the database, for as long as it lives: either it is alone, or all share Redis.

    Without Redis nothing keeps the turns of a talk apart that two instances take at once.
    """

    def __init__(self, url: str, shares_redis: bool, patience: float = 5.0) -> None:
        """Makes the mark.

        Args:
            url: of the database.
            shares_redis: whether this instance uses Redis.
            patience: seconds to wait for an instance that is about to end.

        Raises:
            CannotStart: another instance is here, and it or this one does without Redis.
        """
        # A transaction that stays open would keep PostgreSQL from clearing up what was deleted.
        self._connection = sa.create_engine(url, poolclass=sa.pool.NullPool, isolation_level="AUTOCOMMIT").connect()
        mark = sa.func.pg_try_advisory_lock_shared if shares_redis else sa.func.pg_try_advisory_lock
        deadline = time.monotonic() + patience
        while not self._connection.execute(sa.select(mark(_ALONE))).scalar():
            if time.monotonic() > deadline:
                self.close()
                raise CannotStart(
                    "Another instance uses the same PostgreSQL database, and not all have Redis: they would mix up talks. "
                    "Mend: set the same DYSTONIA_REDIS_URL for every instance, or run one only."
                )
            time.sleep(0.2)

    def close(self) -> None:
        """Takes the mark away."""
        self._connection.close()
