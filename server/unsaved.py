"""Turns that could not be stored: kept in memory, so that the talk goes on, and stored as soon as that works again.

This is for the one process that has a SQLite file for itself. In PostgreSQL a turn that can't be stored is given up, and the
visitor told to try again (server/postgres_store.py): the next turn may go to another instance, which would know nothing of it.
"""
from __future__ import annotations

import logging
import sqlite3
from typing import Any, Awaitable, Callable, Dict, Iterator, Optional, Set, Text

from rasa.shared.core.trackers import DialogueStateTracker

from server import salvage

logger = logging.getLogger(__name__)

MOST_TALKS = 1000
"""How many talks wait in memory; about 20 MB."""


class UnsavedTalks:
    """What a SQL tracker store needs in front of its own class, so that a full disk or a damaged file loses no turn."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._waiting: Dict[Text, DialogueStateTracker] = {}
        self._unread: Set[Text] = set()
        super().__init__(*args, **kwargs)

    async def save(self, tracker: DialogueStateTracker) -> None:
        """Stores a turn, and with it whatever waits; or lets it wait."""
        self._waiting.pop(tracker.sender_id, None)
        self._waiting[tracker.sender_id] = tracker
        await self.store_waiting()

    async def store_waiting(self) -> None:
        """Stores what waits, as far as that works."""
        while self._waiting:
            # What was said last first: where that can be stored, the rest can, too.
            talk, waiting = next(reversed(self._waiting.items()))
            try:
                await self._mended(super().save, waiting)  # type: ignore[misc]
            except Exception as error:  # noqa: BLE001 - whatever it is, the visitor gets the reply
                self._say_waiting(error)
                return
            if self._waiting.get(talk) is waiting:
                del self._waiting[talk]
            self._unread.discard(talk)

    async def retrieve(self, sender_id: Text) -> Optional[DialogueStateTracker]:
        """The talk, to go on with; one that can't be read begins anew, and what is stored of it stays as it is."""
        if sender_id in self._waiting:
            # A copy: a turn that fails half-way must leave no trace in it.
            return self._waiting[sender_id].copy()
        self._unread.discard(sender_id)
        try:
            return await self._mended(super().retrieve, sender_id)  # type: ignore[misc]
        except Exception as error:  # noqa: BLE001 - a visitor whose talk can't be read is still answered
            logger.error("A talk could not be read (%s); it begins anew.", in_words(error))
            self._unread.add(sender_id)
            return None

    async def retrieve_full_tracker(self, conversation_id: Text) -> Optional[DialogueStateTracker]:
        """The whole talk, with what waits to be stored of it; without what is stored, where that is no talk."""
        try:
            whole = await self._mended(super().retrieve_full_tracker, conversation_id)  # type: ignore[misc]
        except ValueError as error:
            logger.error("A talk could not be read (%s).", in_words(error))
            whole = None
        waiting = self._waiting.get(conversation_id)
        if whole is None or waiting is None:
            return whole or waiting and waiting.copy()
        new = self._new_events(waiting, self._last_stored(conversation_id))  # type: ignore[attr-defined]
        whole.update_with_events(new, self.domain)  # type: ignore[attr-defined]
        return whole

    def forget_waiting(self, sender_id: Text) -> None:
        """Leaves nothing of a talk in memory: to be called when it was erased."""
        self._waiting.pop(sender_id, None)
        self._unread.discard(sender_id)

    def mend(self, error: Exception) -> bool:
        """Mends what an error shows to be broken; returns whether to try again."""
        return False

    async def _mended(self, work: Callable[[Any], Awaitable[Any]], of: Any) -> Any:
        try:
            return await work(of)
        except Exception as error:  # noqa: BLE001 - raised again where it can't be mended
            if not self.mend(error):
                raise
            return await work(of)

    def _additional_events(self, session: Any, tracker: DialogueStateTracker) -> Iterator:
        # Rasa counts what is stored and leaves out as many: wrong, where what is stored was not read.
        if tracker.sender_id in self._unread:
            return iter(tracker.events)
        return super()._additional_events(session, tracker)  # type: ignore[misc]

    def _say_waiting(self, error: Exception) -> None:
        if len(self._waiting) > MOST_TALKS:
            del self._waiting[next(iter(self._waiting))]
            logger.critical("More than %d talks wait to be stored: the oldest is lost.", MOST_TALKS)
        logger.error(
            "A turn could not be stored (%s). It was answered; %d talks wait in memory until they can be. Mend: see whether "
            "the disk is full or may not be written to.",
            in_words(error),
            len(self._waiting),
        )


def in_words(error: BaseException) -> str:
    """An error for the log. Only SQLite's own words are repeated: others may quote a visitor."""
    cause = getattr(error, "orig", error)
    return f"{type(error).__name__}: {cause}" if isinstance(cause, sqlite3.Error) else type(error).__name__


def is_damage(error: BaseException) -> bool:
    """Whether an error, of SQLAlchemy too, says that a SQLite file is damaged."""
    return salvage.says_broken(getattr(error, "orig", error))
