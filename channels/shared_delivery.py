"""Events in, replies out, where several instances share the events: each talk's are answered by one at a time."""
from __future__ import annotations

import logging
import time
from typing import Any, Deque, Dict

from channels.delivery import Delivery
from channels.seen import Event
from channels.shared_events import SharedEvents

logger = logging.getLogger(__name__)

LOOK_SECONDS = 0.5
"""How often an instance says that it is still there, and looks for events that nobody answers."""


class SharedDelivery(Delivery):
    """A ``Delivery`` of events that several instances answer: each talk's by one at a time."""

    _store: SharedEvents
    _away = False

    def start(self) -> None:
        """Begins to look for events. Needs a running event loop."""
        self._in_background(self._look())
        self._in_background(self._purge_now_and_then())

    def accept(self, id_: str, talk: str, content: Dict[str, Any]) -> bool:
        """Takes an event in; it is answered in the background, here or by the instance that the talk belongs to.

        Returns:
            False when it was taken in before, by any instance.
        """
        if self.stopping or not self._store.receive(Event(id_, talk, time.time(), content)):
            return False
        self._take_up()
        return True

    def _take_up(self) -> None:
        for event in self._store.claim():
            self._enqueue(event)

    async def _look(self) -> None:
        while not self.stopping:
            try:
                self._store.renew()
                self._take_up()
                self._away = False
            except Exception as error:  # noqa: BLE001 - whatever it is, it must go on saying that it is there
                self._say_away(error)
            await self._pause(LOOK_SECONDS, 0)

    async def _deliver(self, queue: Deque[Event]) -> None:
        """As for one instance; what another one has taken over is left to it, and while nobody can tell, nothing is sent."""
        try:
            if self._store.sure or self._store.lost(queue[0]):
                return await super()._deliver(queue)
        except Exception as error:  # noqa: BLE001 - what can't be kept just now stays in the queue
            self._say_away(error)
        await self._pause(LOOK_SECONDS, 0)

    def _may_send(self, event: Event) -> bool:
        return self._store.sure and super()._may_send(event)

    def _say_away(self, error: Exception) -> None:
        if not self._away:
            logger.error("The events of %s can't be reached (%s); they wait.", self._channel, type(error).__name__)
        self._away = True
