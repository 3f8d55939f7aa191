"""Where talks are kept: Rasa's SQL tracker store on SQLite, made quick, able to forget, and told no personal details."""
from __future__ import annotations

import contextlib
import copy
import logging
from collections import deque
from pathlib import Path
from typing import Any, Dict, Generator, Optional, Sequence, Text

import sqlalchemy as sa
from rasa.core.tracker_store import SQLTrackerStore
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import Event, SessionStarted, UserUttered
from rasa.shared.core.trackers import DialogueStateTracker

from dystonia.masking import Detail, details, replaced
from server import salvage
from server.live_talks import LiveTalks
from server.papers import PAGES, erase_events, remove
from server.talks import TIDIED_AT_ONCE, Talks, set_up_sqlite
from server.undone import Undone
from server.unsaved import UnsavedTalks, in_words, is_damage

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


class TalkStore(MaskedTalks, UnsavedTalks, LiveTalks, SQLTrackerStore):
    """SQLite with a write-ahead log and one kept connection: 6 ms a turn instead of 11 (measured with 32 callers).

    A write-ahead log alone would be slower, because Rasa opens a new connection for each session.
    """

    def __init__(self, domain: Optional[Domain] = None, db: Text = "var/talks.db", **kwargs: Any) -> None:
        """Opens the store; the folder is created when missing, and a damaged file is set aside (server/salvage.py)."""
        self._path = Path(db).resolve()
        self._folder = self._path.parent
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        salvage.mend(self._path)
        kwargs.pop("host", None)
        super().__init__(domain=domain, db=db, **kwargs)
        self.engine.dispose()
        self.engine = sa.create_engine(
            f"sqlite:///{db}",
            poolclass=sa.pool.SingletonThreadPool,
            connect_args={"check_same_thread": False, "timeout": 10},
            hide_parameters=True,  # an error would quote what a visitor said
        )
        sa.event.listen(self.engine, "connect", set_up_sqlite)
        self.sessionmaker = sa.orm.session.sessionmaker(bind=self.engine)
        self.talks = Talks(self.engine)
        self.feedback = self.talks.feedback

    async def save(self, tracker: DialogueStateTracker) -> None:
        """Stores the turn, or erases the talk when the visitor asked for that.

        Raises:
            Undone: it could not be erased, so that the visitor must not be told that it was.
        """
        if not tracker.get_slot(FORGET_ME):
            await super().save(tracker)
            return
        try:
            self.erase(tracker.sender_id, asked_by(tracker))
        except sa.exc.SQLAlchemyError as error:
            raise Undone(f"a talk could not be erased: {in_words(error)}") from None

    def erase(self, sender_id: Text, asked_by: Optional[Text] = None) -> int:
        """Deletes everything that is kept of a talk, what was said of its answers, and the editors' page, which may quote it.

        So it does with the other talks of the same person on Slack or Telegram.

        Args:
            sender_id: the talk.
            asked_by: id of the event of an app that asked for it, which is still to be answered.

        Returns:
            How many stored events, entries of feedback and waiting events of apps were deleted.
        """
        deleted = 0
        for talk in self.talks.of_person(sender_id):
            self.let_go(talk)
            deleted += self.talks.erase(talk) + erase_events(self._folder, talk, asked_by)
            self.forget_waiting(talk)
        remove(self._folder, PAGES)
        # Where the file is large, that is done when nobody writes (server/retention.py).
        self.talks.tidy(TIDIED_AT_ONCE)
        return deleted

    def mend(self, error: Exception) -> bool:
        """Goes on in a fresh file where an error shows that this one is damaged (server/salvage.py)."""
        if not is_damage(error):
            return False
        self.engine.dispose()
        salvage.mend(self._path)
        Talks(self.engine)
        return True

    @contextlib.contextmanager
    def session_scope(self) -> Generator[Any, None, None]:
        """A session. Rasa's own takes a stored event that is no JSON for a missing schema, and ends the server."""
        with contextlib.closing(self.sessionmaker()) as session:
            yield session

    def _event_query(self, session: Any, sender_id: Text, fetch_events_from_all_sessions: bool) -> Any:
        """The events of a talk in the order they were stored. Rasa's own loses the session when the clock is set back."""
        own = session.query(self.SQLEvent).filter(self.SQLEvent.sender_id == sender_id)
        if not fetch_events_from_all_sessions:
            starts = sa.and_(self.SQLEvent.sender_id == sender_id, self.SQLEvent.type_name == SessionStarted.type_name)
            latest = session.query(sa.func.max(self.SQLEvent.id)).filter(starts).scalar_subquery()
            own = own.filter(self.SQLEvent.id >= sa.func.coalesce(latest, 0))
        return own.order_by(self.SQLEvent.id)


def asked_by(tracker: DialogueStateTracker) -> Optional[Text]:
    """Id of the message that a turn answers, as its channel named it."""
    return tracker.latest_message.message_id if tracker.latest_message else None


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
