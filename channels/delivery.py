"""Events in, replies out: every event that was taken in is answered once, in order, whatever fails in between.

A channel says how an event is answered (which calls to make) and how a call is made. This module sees to the rest: the
app is told at once that the event has arrived; the events of one talk are worked on one after another; what can't be sent
is tried again; what was under way when the process ended is taken up when it starts again.

One gap can't be closed from this side: where the process is killed after the app has taken a message and before that was
written down (some milliseconds), the message is sent again. Neither app lets a message be named so that it takes it once;
a reply said twice harms less than one that is lost.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from typing import Any, Awaitable, Callable, Deque, Dict, Optional, Sequence, Set

from channels.seen import CONTENT_SECONDS, Call, Event, EventStore
from server.metrics import CHANNEL_ERRORS

logger = logging.getLogger(__name__)

FIRST_WAIT = 1.0
LONGEST_WAIT = 60.0
TRIES = 5
"""How often an event that can't be answered is tried before the visitor is told so."""
AT_ONCE = 8
"""Events that are answered, and calls that are made, at the same time. Telegram takes 30 messages a second in all."""
STOP_SECONDS = 8.0
"""How long a stop waits for what is under way; the supervisor waits ten (server/run.py)."""
PURGE_SECONDS = 3600.0


class TryLater(Exception):
    """The app could not be reached or has asked to wait.

    Attributes:
        seconds: how long it asked to wait, None where it did not say.
        reason: a code for the log; never words of a visitor.
    """

    def __init__(self, reason: str, seconds: Optional[float] = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.seconds = seconds


class WillNotSend(Exception):
    """The app will never take this call: the visitor has gone, or has shut the assistant out.

    Attributes:
        reason: a code for the log; never words of a visitor.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Delivery:
    """The events of one channel, from their arrival to their sent replies."""

    def __init__(
        self,
        channel: str,
        store: EventStore,
        answer: Callable[[Event], Awaitable[Sequence[Call]]],
        sorry: Callable[[Event], Sequence[Call]],
        send: Callable[[Call], Awaitable[None]],
    ) -> None:
        """Sets how events are answered.

        Args:
            channel: name for the log.
            store: where events are kept.
            answer: the calls that answer an event; may raise TryLater.
            sorry: the calls that say that it did not work.
            send: makes a call; raises TryLater or WillNotSend.
        """
        self._channel = channel
        self._store = store
        self._answer = answer
        self._sorry = sorry
        self._send = send
        self._queues: Dict[str, Deque[Event]] = {}
        self._tasks: Set["asyncio.Task[None]"] = set()
        self._stopping = asyncio.Event()
        self._room = asyncio.Semaphore(AT_ONCE)

    def start(self) -> None:
        """Takes up what was left when the process ended. Needs a running event loop."""
        self._give_up_old()
        for event in self._store.waiting():
            self._enqueue(event)
        self._in_background(self._purge_now_and_then())

    async def stop(self) -> None:
        """Lets what is under way come to its end; what waits stays in the store. Then closes the store."""
        self._stopping.set()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=STOP_SECONDS)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        self._store.close()

    def accept(self, id_: str, talk: str, content: Dict[str, Any]) -> bool:
        """Takes an event in; it is answered in the background.

        Returns:
            False when it was taken in before, and nothing is done.
        """
        event = Event(id_, talk, time.time(), content)
        if self._stopping.is_set() or not self._store.receive(event):
            return False
        self._enqueue(event)
        return True

    @property
    def stopping(self) -> bool:
        """Whether nothing is taken in any more: the app must be told to send it again."""
        return self._stopping.is_set()

    def _enqueue(self, event: Event) -> None:
        if event.talk in self._queues:
            self._queues[event.talk].append(event)
        else:
            self._queues[event.talk] = deque([event])
            self._in_background(self._work(event.talk))

    def _in_background(self, work: Awaitable[None]) -> None:
        # The loop itself holds tasks only weakly.
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _work(self, talk: str) -> None:
        queue = self._queues[talk]
        failed, wait = 0, FIRST_WAIT
        while queue and not self._stopping.is_set():
            try:
                await self._deliver(queue)
                failed, wait = 0, FIRST_WAIT
            except Exception as error:  # noqa: BLE001 - a full disk, say: the next event must be answered all the same
                failed += 1
                CHANNEL_ERRORS.labels(self._channel, "not_kept").inc()
                # Not the error's own words, which may quote the message.
                logger.error("An event of %s could not be kept: %s (try %d).", self._channel, type(error).__name__, failed)
                if failed < TRIES:
                    wait = await self._pause(None, wait)
                else:
                    queue.popleft()
        del self._queues[talk]

    async def _deliver(self, queue: Deque[Event]) -> None:
        """Brings the first event of a talk to its end; where something fails in between, the queue knows how far it is."""
        if self._store.lost(queue[0]):
            queue.popleft()
            return
        if queue[0].calls is None:
            calls = await self._calls(queue[0])
            if calls is None:
                return
            queue[0] = queue[0].answered(calls)
        self._store.keep(queue[0])
        while not queue[0].done:
            if not await self._made(queue[0]):
                return
            queue[0] = queue[0].one_more_sent()
            self._store.keep(queue[0])
        queue.popleft()

    async def _calls(self, event: Event) -> Optional[Sequence[Call]]:
        """The calls that answer an event; None when the process stops first."""
        failed = 0
        wait = FIRST_WAIT
        while not self._stopping.is_set():
            seconds: Optional[float] = None
            try:
                async with self._room:
                    return await self._answer(event)
            except TryLater as later:
                CHANNEL_ERRORS.labels(self._channel, "later").inc()
                if self._too_old(event, later.reason):
                    return ()
                seconds = later.seconds
            except Exception as error:  # noqa: BLE001 - whatever it was, the visitor gets a reply
                failed += 1
                CHANNEL_ERRORS.labels(self._channel, "not_answered").inc()
                logger.error("An event of %s could not be answered: %s (try %d).", self._channel, type(error).__name__, failed)
                if failed >= TRIES:
                    return self._sorry(event)
            wait = await self._pause(seconds, wait)
        return None

    async def _made(self, event: Event) -> bool:
        """Makes the next call, as often as it takes; False when the process stops first."""
        call = (event.calls or ())[event.sent]
        wait = FIRST_WAIT
        while not self._stopping.is_set() and self._may_send(event):
            try:
                async with self._room:
                    await self._send(call)
                return True
            except WillNotSend as never:
                CHANNEL_ERRORS.labels(self._channel, "not_taken").inc()
                logger.warning("%s does not take %s: %s.", self._channel, call["method"], never.reason)
                return True
            except TryLater as later:
                CHANNEL_ERRORS.labels(self._channel, "later").inc()
                if self._too_old(event, later.reason):
                    return True
                wait = await self._pause(later.seconds, wait)
        return False

    def _may_send(self, event: Event) -> bool:
        """Whether the reply is still to be sent, and by this process."""
        return not self._store.lost(event)

    def _too_old(self, event: Event, reason: str) -> bool:
        if time.time() - event.received < CONTENT_SECONDS:
            return False
        logger.error("An event of %s was given up after a day: %s.", self._channel, reason)
        return True

    async def _pause(self, seconds: Optional[float], wait: float) -> float:
        """Waits as long as was asked, or ever longer; returns how long to wait next time."""
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds if seconds is not None else wait)
        except asyncio.TimeoutError:
            pass
        return wait if seconds is not None else min(2 * wait, LONGEST_WAIT)

    async def _purge_now_and_then(self) -> None:
        while not self._stopping.is_set():
            await self._pause(PURGE_SECONDS, 0)
            if not self._stopping.is_set():
                self._give_up_old()

    def _give_up_old(self) -> None:
        given_up = self._store.purge()
        if given_up:
            logger.error("%d events of %s were given up after a day.", given_up, self._channel)
