"""Retention by age: what is older than the site keeps it is deleted, by itself, in steps too small to hold up a turn."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, AsyncContextManager, Callable, Optional, Sequence

from server.metrics import CLOCK_DOUBTED, DELETED, RETENTION_RUNS, RETENTION_SUCCESS
from server.papers import (
    BACKUP_DAYS,
    DAMAGED,
    DAY,
    PAGE_DAYS,
    PAGES,
    backups,
    clean_backup,
    clean_events,
    clean_shared_events,
    clean_talks,
    left_behind,
    remove,
)
from server.steady_clock import LEAP_SECONDS
from server.talks import TIDIED_AT_ONCE, Talks

logger = logging.getLogger(__name__)

FIRST = 60.0
"""Seconds from the start to the first run: the first visitors come first."""
EVERY = 3600.0
"""Seconds from the end of one run to the next."""
STEP = 200
"""Talks that are looked at in one step."""
PAUSE = 0.05
"""Seconds between two steps."""
QUIET = 60.0
"""Seconds without a message after which a large file may be rewritten: a turn would have to wait for that."""
PATIENCE = 24 * 3600.0
"""How long a quiet moment is waited for."""

Lock = Callable[[str], AsyncContextManager[Any]]


class Retention:
    """Deletes talks by the age of their last event; feedback, editors' pages, events of apps and backups by their own.

    The work is done in a thread and over a connection of its own. A talk is deleted under its own lock, so never in the
    middle of a turn.
    """

    def __init__(
        self,
        talks: Talks,
        data: Path,
        keep_days: int,
        lock: Lock,
        clock: Callable[[], float] = time.time,
        pause: float = PAUSE,
        in_use: Sequence[str] = (),
    ) -> None:
        """Sets what is kept for how long.

        Args:
            talks: where talks are.
            data: folder of all other files.
            keep_days: days after its last event that a talk is kept.
            lock: the lock of a talk, by its id.
            clock: the present time, in seconds since 1970, where no age depends on it (server/steady_clock.py).
            pause: seconds between two steps.
            in_use: files of events whose channels are open.
        """
        self._talks = talks
        self._data = data
        self._keep = keep_days * DAY
        self._lock = lock
        self._clock = clock
        self._pause = pause
        self._in_use = in_use
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="retention")
        self._task: Optional["asyncio.Task[None]"] = None
        self._tidied = 0.0
        self._untidy: Optional[float] = None
        """Since when something that was deleted may still be readable in the file."""

    def start(self) -> None:
        """Runs every hour from now on. Needs a running event loop."""
        self._task = asyncio.create_task(self._keep_running())

    async def _keep_running(self) -> None:
        await asyncio.sleep(FIRST)
        while True:
            try:
                DELETED.inc(await self.run())
                RETENTION_RUNS.labels("done").inc()
                RETENTION_SUCCESS.set_to_current_time()
            except Exception as error:  # noqa: BLE001 - a full disk, say: it must go on when there is room again
                RETENTION_RUNS.labels("failed").inc()
                # Not the error's own words, which may quote a row.
                logger.error("What is too old could not be deleted: %s. It is tried again in an hour.", type(error).__name__)
            await asyncio.sleep(EVERY)

    async def run(self) -> int:
        """Deletes what is too old; returns how many events and entries of feedback that were."""
        now, believed = await self._in_thread(self._talks.steady_clock.now)
        CLOCK_DOUBTED.set(not believed)
        before = now - self._keep
        deleted = await self._expire_talks(now, believed)
        deleted += await self._in_thread(self._talks.expire_notes, before)
        remove(self._data, PAGES, now - PAGE_DAYS * DAY)
        remove(self._data, DAMAGED, now - BACKUP_DAYS * DAY)
        await self._in_thread(clean_events, self._data, lambda: now, self._in_use)
        await self._in_thread(clean_shared_events, self._talks, lambda: now)
        await self._tidy(deleted > 0)
        forgotten = await self._in_thread(self._talks.forgotten)
        # Another instance, on another machine, may have forgotten a talk that the page here quotes.
        remove(self._data, PAGES, max(forgotten.values(), default=0.0))
        for folder in left_behind(self._data, self._talks):
            deleted += await self._in_thread(clean_talks, folder, before, forgotten)
        for backup in backups(self._data):
            deleted += await self._in_thread(clean_backup, backup, before, forgotten, lambda: now)
        return deleted

    def close(self) -> None:
        """Ends after the step that is under way."""
        if self._task is not None:
            self._task.cancel()
        self._worker.shutdown()
        self._talks.close()

    async def _expire_talks(self, now: float, believed: bool) -> int:
        deleted, after, ahead = 0, "", []
        while page := await self._in_thread(self._talks.page, after, STEP):
            deleted += await self._expire([talk for talk, last in page if last < now - self._keep], now - self._keep)
            ahead += [talk for talk, last in page if last > now + LEAP_SECONDS]
            after = page[-1][0]
            await asyncio.sleep(self._pause)
        if believed:
            # Their own dates would keep them for as long as the clock was ahead.
            since = await self._in_thread(self._talks.steady_clock.ahead_since, now, bool(ahead))
            deleted += await self._expire(ahead if since < now - self._keep else [], math.inf)
        return deleted

    async def _expire(self, talks: Sequence[str], before: float) -> int:
        deleted = 0
        for talk in talks:
            async with self._lock(talk):
                deleted += await self._in_thread(self._talks.expire, talk, before)
        return deleted

    async def _tidy(self, deleted: bool) -> None:
        """Rewrites a small file at once, a large one when nobody writes, or after a day."""
        now = self._clock()
        erased = max((await self._in_thread(self._talks.forgotten)).values(), default=0.0)
        if self._untidy is None and (deleted or erased > self._tidied):
            self._untidy = now
        if self._untidy is None:
            return
        quiet = now - await self._in_thread(self._talks.last_event) > QUIET
        at_most = None if quiet or now - self._untidy > PATIENCE else TIDIED_AT_ONCE
        if await self._in_thread(self._talks.tidy, at_most):
            self._tidied, self._untidy = now, None

    async def _in_thread(self, work: Callable[..., Any], *arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._worker, work, *arguments)
