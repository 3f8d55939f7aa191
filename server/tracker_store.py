"""Where talks are kept: Rasa's SQL tracker store on SQLite, made quick, able to forget, and told no personal details."""
from __future__ import annotations

import copy
import logging
from collections import deque
from pathlib import Path
from typing import Any, Dict, Optional, Sequence, Text

import sqlalchemy as sa
from rasa.core.tracker_store import SQLTrackerStore
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import Event, UserUttered
from rasa.shared.core.trackers import DialogueStateTracker

from dystonia.masking import Detail, details, replaced
from server.live_talks import LiveTalks
from server.papers import remove_pages
from server.talks import TIDIED_AT_ONCE, Talks, set_up_sqlite

logger = logging.getLogger(__name__)

FORGET_ME = "forget_me"
"""The slot that asks for the talk to be erased when the turn is saved."""


MASKED = "masked"
"""In the parse data of a stored message: its personal details are out, and it need not be searched for them again."""


_WORDLESS = ("intent", "intent_ranking", "message_id", "metadata", "offers", "in_doubt", "for_one_person", MASKED)
"""What a parse holds that repeats no words of the message."""


class MaskedTalks:
    """What a tracker store of any kind needs in front of its own class, so that it never gets a personal detail.

    Rasa saves when the turn is over: what the visitor typed is understood and answered as it was typed.
    """

    async def save(self, tracker: DialogueStateTracker) -> None:
        """Stores the turn without personal details; a broker of events gets no other words either."""
        await super().save(masked(tracker))  # type: ignore[misc]


class TalkStore(MaskedTalks, LiveTalks, SQLTrackerStore):
    """SQLite with a write-ahead log and one kept connection: 6 ms a turn instead of 11 (measured with 32 callers).

    A write-ahead log alone would be slower, because Rasa opens a new connection for each session.
    """

    def __init__(self, domain: Optional[Domain] = None, db: Text = "var/talks.db", **kwargs: Any) -> None:
        """Opens the store; the folder is created when missing."""
        self._folder = Path(db).resolve().parent
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        kwargs.pop("host", None)
        super().__init__(domain=domain, db=db, **kwargs)
        self.engine.dispose()
        self.engine = sa.create_engine(
            f"sqlite:///{db}", poolclass=sa.pool.SingletonThreadPool, connect_args={"check_same_thread": False, "timeout": 10}
        )
        sa.event.listen(self.engine, "connect", set_up_sqlite)
        self.sessionmaker = sa.orm.session.sessionmaker(bind=self.engine)
        self.talks = Talks(self.engine)
        self.feedback = self.talks.feedback

    async def save(self, tracker: DialogueStateTracker) -> None:
        """Stores the turn, or erases the talk when the visitor asked for that."""
        if tracker.get_slot(FORGET_ME):
            self.erase(tracker.sender_id)
        else:
            await super().save(tracker)

    def erase(self, sender_id: Text) -> int:
        """Deletes everything that is kept of a talk, what was said of its answers, and the editors' page, which may quote it.

        Returns:
            How many stored events and entries of feedback were deleted.
        """
        self.let_go(sender_id)
        deleted = self.talks.erase(sender_id)
        remove_pages(self._folder)
        # Where the file is large, that is done when nobody writes (server/retention.py).
        self.talks.tidy(TIDIED_AT_ONCE)
        return deleted


def masked(tracker: DialogueStateTracker) -> DialogueStateTracker:
    """A copy of the tracker in which no message holds a personal detail; the tracker itself stays as it is."""
    kept = copy.copy(tracker)
    kept.events = deque(map(_masked_event, tracker.events), tracker.events.maxlen)
    said = [event for event in kept.events if isinstance(event, UserUttered)]
    if said and tracker.latest_message:
        kept.latest_message = said[-1]
    return kept


def _masked_event(event: Event) -> Event:
    if not isinstance(event, UserUttered) or not event.text or event.parse_data.get(MASKED):
        return event
    found = details(event.text)
    kept = copy.copy(event)
    kept.text = replaced(event.text, found)
    kept.parse_data = {**event.parse_data, MASKED: True}  # type: ignore[misc]
    if found:
        kept.parse_data = _masked_parse(kept.parse_data, kept.text, found)  # type: ignore[arg-type, assignment]
        kept.entities = kept.parse_data["entities"]
    return kept


def _masked_parse(parse: Dict[Text, Any], text: Text, found: Sequence[Detail]) -> Dict[Text, Any]:
    """The parse data of a masked message: what repeats its words is left out, and entities stand where they stand now.

    Repaired spelling may have changed a name, so it can't be looked for in what the pipeline repeats.
    """
    kept = {key: value for key, value in parse.items() if key in _WORDLESS}
    kept["text"] = text
    if "questions" in parse:
        kept["questions"] = [{**question, "text": ""} for question in parse["questions"]]
    kept["entities"] = [_moved(entity, found) for entity in parse.get("entities", []) if not _inside(entity, found)]
    return kept


def _inside(entity: Dict[Text, Any], found: Sequence[Detail]) -> bool:
    return any(detail.start < entity.get("end", 0) and entity.get("start", 0) < detail.end for detail in found)


def _moved(entity: Dict[Text, Any], found: Sequence[Detail]) -> Dict[Text, Any]:
    before = [detail for detail in found if detail.end <= entity.get("start", 0)]
    shift = sum(len(f"[{detail.kind}]") - (detail.end - detail.start) for detail in before)
    return {**entity, **{end: entity[end] + shift for end in ("start", "end") if end in entity}}
