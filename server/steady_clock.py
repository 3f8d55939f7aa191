"""The time by which ages are counted: the machine's clock, but not at once where it has leapt.

A clock that is wrong by a year makes every talk too old in the same moment, and what was deleted does not come back when it is
set right. That nobody has talked proves nothing, and neither does a new message, which is stamped by the same clock. So a leap
is believed after a day on which nobody has set the clock right, or when the next process begins after that day. Until then ages
are counted by the time before it: a server that was off for months still deletes within a day or so of its start.
"""
from __future__ import annotations

import logging
import time
from datetime import datetime, timezone
from functools import partial
from typing import Callable, Optional, Tuple

import sqlalchemy as sa

logger = logging.getLogger(__name__)

LEAP_SECONDS = 2 * 24 * 3600.0
"""What the clock may be ahead of, or behind, the time that was believed last: a weekend without power is no leap."""
DOUBT_SECONDS = 24 * 3600.0

_NOTED = sa.Table(
    "clock",
    sa.MetaData(),
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("believed", sa.Float, nullable=False),
    sa.Column("doubted", sa.Float),
    sa.Column("ahead", sa.Float),
)
"""One row: the time that was believed last, what the clock said when it was first doubted, since when talks are ahead of it."""

# Nobody can set it, and unlike the monotonic clock it goes on while the machine sleeps.
since_boot = partial(time.clock_gettime, getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class SteadyClock:
    """A clock whose last time is noted in a database, so that a leap shows over a restart too."""

    def __init__(
        self,
        engine: sa.engine.Engine,
        clock: Callable[[], float] = time.time,
        running: Callable[[], float] = since_boot,
    ) -> None:
        """Makes the table where it is missing.

        Args:
            engine: of the database.
            clock: the machine's clock, in seconds since 1970.
            running: seconds that no one can set.
        """
        self._engine = engine
        self._clock = clock
        self._running = running
        self._doubting_since: Optional[float] = None
        _NOTED.create(engine, checkfirst=True)

    def now(self) -> Tuple[float, bool]:
        """The time to count ages by, in seconds since 1970, and whether it is the clock's own. What is found is noted."""
        now, noted = self._clock(), self._noted()
        doubted = self._doubted(now, noted) if noted else None
        believed = now if doubted is None else noted.believed
        self._note(believed=believed, doubted=doubted)
        if doubted is None:
            self._doubting_since = None
        else:
            logger.warning(
                "The clock says %s, and said %s when it was last looked at: nothing is deleted by its age until it has said so "
                "for a day. Mend: see whether the clock is right (timedatectl); where it is, do nothing.",
                _date(now),
                _date(believed),
            )
        return believed, doubted is None

    def ahead_since(self, now: float, any_is: bool) -> float:
        """Since when there are talks that a clock which was ahead has dated into the future; now, where there are none."""
        noted = self._noted()
        since = noted.ahead if any_is and noted and noted.ahead is not None else now
        self._note(ahead=since if any_is else None)
        return float(since)

    def _noted(self) -> Optional[sa.engine.Row]:
        with self._engine.connect() as connection:
            return connection.execute(_NOTED.select()).first()

    def _note(self, **values: Optional[float]) -> None:
        try:
            with self._engine.begin() as connection:
                if not connection.execute(_NOTED.update().values(**values)).rowcount:
                    connection.execute(_NOTED.insert().values(id=1, **values))
        except sa.exc.IntegrityError:
            pass  # Another instance has noted its own in this very moment.

    def _doubted(self, now: float, noted: sa.engine.Row) -> Optional[float]:
        """What the clock said when it was first doubted; None where it is believed."""
        if abs(now - noted.believed) <= LEAP_SECONDS:
            return None
        if noted.doubted is None or now < noted.doubted:
            self._doubting_since = self._running()
            return now
        # Another leap within the day is no day.
        here = self._doubting_since is None or self._running() - self._doubting_since >= DOUBT_SECONDS
        return None if here and now - noted.doubted >= DOUBT_SECONDS else float(noted.doubted)


def _date(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat(" ", "minutes")
