"""Talks that are going on, kept in memory between their turns, so that a turn costs the same however long the talk is.

Stock Rasa reads and replays all events of a talk several times in each turn: to load it, to copy it, to ask the policies, to
call an action and to count what is stored. *Measured:* the 200th turn of a talk took 6.5 times its fifth; now 0.9 times. The
dialogue is handed the last few turns, and what the earlier ones left behind: the slots, and the urgent replies. The store
has all (``retrieve_full_tracker``).
"""
from __future__ import annotations

import copy
import json
import time
from collections import OrderedDict, deque
from typing import Any, Callable, Deque, Dict, Iterator, List, Optional, Text, Tuple

import sqlalchemy as sa
from rasa.core.tracker_store import SQLTrackerStore
from rasa.shared.core.events import BotUttered, Event, Restarted, SessionStarted, UserUttered
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.shared.nlu.constants import INTENT_NAME_KEY

from dystonia.helplines import HELP_KINDS
from server.talks import forgotten_since

TURNS = 4
"""Turns of a talk that the dialogue is handed. Rules look back over two, memorised stories over three states of a talk."""
MOST_TALKS = 400
"""Talks kept at a time; one takes up to 85 KB. Those that find no room are read from the store, as stock reads all."""
IDLE_SECONDS = 1800.0
"""A talk is let go of after so long without a message: well before Rasa begins a new session, which needs all its events."""


class LiveTalk(DialogueStateTracker):
    """The end of a talk: its last turns, the slots as they stood before them, and every urgent reply.

    Attributes:
        stored: how many of its events the store has.
    """

    stored = 0
    _slots_before: Dict[Text, Any] = {}

    @classmethod
    def of(cls, tracker: DialogueStateTracker) -> "LiveTalk":
        """The end of a talk that has just been stored."""
        talk = cls(tracker.sender_id, ())
        vars(talk).update(vars(tracker.copy()))
        events, last = list(tracker.events), _begin_of_last_turns(tracker.events)
        if last:
            before = tracker.init_copy()
            for event in events[:last]:
                before.update(event)
            talk._slots_before = before.current_slot_values()
        talk.events = deque([*_urgent(events[:last]), *events[last:]])
        talk.stored = len(talk.events)
        return talk

    def copy(self) -> "LiveTalk":
        """The same talk, to go on with; stock replays all events."""
        talk = copy.copy(self)
        talk.events = self.events.copy()
        talk.slots = {name: copy.copy(slot) for name, slot in self.slots.items()}
        return talk

    def init_copy(self) -> DialogueStateTracker:
        """The talk as it stood before its last turns: policies replay them from here."""
        before = super().init_copy()
        if not any(isinstance(event, (Restarted, SessionStarted)) for event in self.events):
            for name, value in self._slots_before.items():
                before.slots[name].value = value
        return before


def _begin_of_last_turns(events: Deque[Event]) -> int:
    """Where the last turns begin: after the listening that comes before a message."""
    said = [place for place, event in enumerate(events) if isinstance(event, UserUttered)]
    return said[-TURNS] - 1 if len(said) > TURNS and said[-TURNS] > 0 else 0


def _urgent(events: List[Event]) -> Iterator[Event]:
    """The urgent replies since the talk was last begun anew: what is said of help depends on them (dystonia/aftercare.py)."""
    begun = max((place for place, event in enumerate(events) if isinstance(event, (Restarted, SessionStarted))), default=0)
    for event in events[begun:]:
        told = ((event.data or {}).get("custom") or {}).get("reply") if isinstance(event, BotUttered) else None
        if told and told.get("kind") in HELP_KINDS:
            yield event


class LiveTalks:
    """What an SQL tracker store needs in front of its own class to keep the talks that are going on in memory.

    A talk is only taken from memory when its last event is still the last one stored: another process may have gone on with
    it, or erased it.
    """

    def __init__(self, *args: Any, clock: Callable[[], float] = time.monotonic, **kwargs: Any) -> None:
        """Sets up the store; ``clock`` tells seconds."""
        super().__init__(*args, **kwargs)
        self._clock = clock
        self._talks: "OrderedDict[Text, Tuple[float, LiveTalk]]" = OrderedDict()

    async def retrieve(self, sender_id: Text) -> Optional[DialogueStateTracker]:
        """The talk as the dialogue needs it: the last turns of one that is going on, the session of any other."""
        self._let_idle_talks_go()
        last = self._last_stored(sender_id)
        if last is None:
            self.let_go(sender_id)
            return None
        _, talk = self._talks.get(sender_id, (0.0, None))
        if talk is not None and talk.events[-1].timestamp == last:
            return talk.copy()
        return await super().retrieve(sender_id)  # type: ignore[misc]

    async def save(self, tracker: DialogueStateTracker) -> None:
        """Stores the new events of a talk in one statement, and keeps the talk for its next turn.

        Of a talk that another process has erased during the turn, nothing is stored.
        """
        last = self._last_stored(tracker.sender_id)
        if last is None and self._was_erased(tracker):
            self.let_go(tracker.sender_id)
            return
        await self.stream_events(tracker)  # type: ignore[attr-defined]
        rows = [_row(tracker.sender_id, event) for event in self._new_events(tracker, last)]
        if rows:
            with self.engine.begin() as connection:  # type: ignore[attr-defined]
                connection.execute(_EVENTS.insert(), rows)
        if tracker.events:
            self._talks[tracker.sender_id] = (self._clock(), LiveTalk.of(tracker))
            self._talks.move_to_end(tracker.sender_id)

    def let_go(self, sender_id: Text) -> None:
        """Forgets a talk that is erased."""
        self._talks.pop(sender_id, None)

    def _let_idle_talks_go(self) -> None:
        while self._talks:
            oldest, (since, _) = next(iter(self._talks.items()))
            if len(self._talks) <= MOST_TALKS and self._clock() - since < IDLE_SECONDS:
                return
            self.let_go(oldest)

    def _was_erased(self, tracker: DialogueStateTracker) -> bool:
        if not tracker.events:
            return False
        with self.engine.connect() as connection:  # type: ignore[attr-defined]
            return forgotten_since(connection, tracker.sender_id, tracker.events[0].timestamp)

    def _new_events(self, tracker: DialogueStateTracker, last: Optional[float]) -> List[Event]:
        if isinstance(tracker, LiveTalk):
            return list(tracker.events)[tracker.stored :]
        if last is None:
            return list(tracker.events)
        with self.session_scope() as session:  # type: ignore[attr-defined]
            return list(self._additional_events(session, tracker))  # type: ignore[attr-defined]

    def _last_stored(self, sender_id: Text) -> Optional[float]:
        """When the last stored event of a talk happened; None where none is stored."""
        with self.engine.connect() as connection:  # type: ignore[attr-defined]
            return connection.execute(_LAST, {"sender_id": sender_id}).scalar()


_EVENTS = SQLTrackerStore.SQLEvent.__table__
_OF_TALK = _EVENTS.c.sender_id == sa.bindparam("sender_id")
_LAST = sa.select(_EVENTS.c.timestamp).where(_OF_TALK).order_by(_EVENTS.c.id.desc()).limit(1)


def _row(sender_id: Text, event: Event) -> Dict[Text, Any]:
    """An event as Rasa's own SQL store writes it."""
    told = event.as_dict()
    return {
        "sender_id": sender_id,
        "type_name": event.type_name,
        "timestamp": told.get("timestamp"),
        "intent_name": told.get("parse_data", {}).get("intent", {}).get(INTENT_NAME_KEY),
        "action_name": told.get("name"),
        "data": json.dumps(told),
    }
