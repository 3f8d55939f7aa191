"""Stored talks, read message by message: which were not understood, or did not help, and why."""

from __future__ import annotations

import datetime
import json
import re
from collections import Counter
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Set, Tuple

from rasa.core.tracker_store import SQLTrackerStore

from dystonia.masking import mask
from dystonia.reply import Kind
from server.metrics import UNSURE

BATCH = 2000
"""Events read in one go: a longer reading would hold up "forget me", which cuts the write-ahead log short."""
URGENT = frozenset({Kind.crisis.value, Kind.emergency.value})
SECRET = URGENT | {Kind.boundary.value}
"""Kinds of reply to messages whose words are never shown."""

_NO_PRAISE = re.compile(
    r"n['’]t\b|\b(?:not?|never|none|nothing|(?:did|does|do|is|was|has|have|ca|wo)nt|useless|hopeless|wrong|incorrect|mistake|"
    r"rubbish|waste|bad|vague|confus\w+|misunderst\w+|disappoint\w+|complain\w*|off topic|in circles|same (?:thing|answer)|"
    r"when i asked|i asked about|could be better|out of date|broken|contradict|meh|thumbs down|(?:[12]|one|two) stars?)\b",
    re.I,
)
"""Feedback that is no praise."""
_QUESTIONS = ("ask_", "out_of_scope")
"""Beginnings of the intents of questions: "thank you" and "shorter" lack no card."""


class Reason(str, Enum):
    """Why a message counts as a gap; where several fit, the first."""

    failed = "got no answer, because something failed"
    refused = "refused as out of scope"
    asked_back = "asked back what was meant"
    corrected = "corrected by the visitor"
    unhelpful = "did not help, as the visitor said"
    unsure = "answered without being sure"


@dataclass(frozen=True)
class Gap:
    """A message that was not understood, or whose answer did not help.

    Attributes:
        conversation: a number that stands for the talk; its id is not kept.
        text: the message, masked.
        reason: why it counts.
        day: when it was written, in local time.
        picked: what the visitor chose when asked back, where it was not the first choice: a card's first question.
        complaint: what the visitor wrote of the answer, masked, where it did not help.
    """

    conversation: int
    text: str
    reason: Reason
    day: datetime.date
    picked: Optional[str] = None
    complaint: Optional[str] = None


@dataclass
class Account:
    """What the talks hold.

    Attributes:
        messages, conversations: how many were read.
        days: the first and the last day, where there is any message.
        secret: how many messages were a crisis, an emergency or beyond a boundary, by kind of reply.
        gaps: messages to be grouped.
        withheld: gaps that are left out, because their talk has a crisis or an emergency in it.
    """

    messages: int = 0
    conversations: int = 0
    days: Optional[Tuple[datetime.date, datetime.date]] = None
    secret: Counter = field(default_factory=Counter)
    gaps: List[Gap] = field(default_factory=list)
    withheld: int = 0


@dataclass
class _Turn:
    """A message, and what is known of its reply so far."""

    text: str
    intent: str
    day: datetime.date
    kind: Optional[str] = None
    confidence: float = 1.0
    choices: Tuple[str, ...] = ()
    unhelpful: bool = False
    complaint: Optional[str] = None


def read(store: SQLTrackerStore, since: float, progress: Callable[[int, int], None]) -> Account:
    """Reads all talks of a store.

    Args:
        store: any SQL tracker store of Rasa; it is only read.
        since: messages before this moment (seconds since 1970) are left out.
        progress: is told how many of how many events are read.
    """
    account = Account()
    numbers: Dict[str, int] = {}
    open_turns: Dict[int, _Turn] = {}
    urgent, unhelpful = _urgent(store), _unhelpful(store)
    for sender, event in _events(store, since, progress):
        number = numbers.setdefault(sender, len(numbers))
        if event["event"] == "user":
            turn = _opened(event)
            said_of_it = (sender, event.get("message_id") or "")
            turn.unhelpful, turn.complaint = said_of_it in unhelpful, unhelpful.get(said_of_it)
            before = open_turns.get(number)
            if before:
                _close(account, number, sender in urgent, before, turn)
            open_turns[number] = turn
        elif number in open_turns:
            _hear(open_turns[number], event)
    for sender, number in numbers.items():
        if number in open_turns:
            _close(account, number, sender in urgent, open_turns[number], None)
    account.conversations = len(open_turns)
    return account


def _events(
    store: SQLTrackerStore, since: float, progress: Callable[[int, int], None]
) -> Iterator[Tuple[str, Mapping[str, Any]]]:
    """Messages and replies with the id of their talk, in the order in which they were stored."""
    kept = store.SQLEvent
    wanted = (kept.type_name.in_(("user", "bot")), kept.timestamp >= since)
    with store.session_scope() as session:
        total = session.query(kept).filter(*wanted).count()
    done, last = 0, -1
    while True:
        with store.session_scope() as session:
            columns = session.query(kept.id, kept.sender_id, kept.data)
            batch = columns.filter(*wanted, kept.id > last).order_by(kept.id).limit(BATCH).all()
        if not batch:
            return
        for _, sender, data in batch:
            yield sender, json.loads(data)
        done, last = done + len(batch), batch[-1].id
        progress(done, total)


def _urgent(store: SQLTrackerStore) -> Set[str]:
    """The talks that ever had a crisis or an emergency in them."""
    kept = store.SQLEvent
    with store.session_scope() as session:
        return {sender for (sender,) in session.query(kept.sender_id).filter(kept.intent_name.in_(sorted(URGENT))).distinct()}


def _unhelpful(store: SQLTrackerStore) -> Dict[Tuple[str, str], Optional[str]]:
    """What did not help, as visitors of the chat widget pressed, by talk and message; other stores keep no such table."""
    feedback = getattr(store, "feedback", None)
    return feedback.unhelpful() if feedback else {}


def _opened(event: Mapping[str, Any]) -> _Turn:
    intent = ((event.get("parse_data") or {}).get("intent") or {}).get("name") or ""
    return _Turn(event.get("text") or "", intent, datetime.date.fromtimestamp(event["timestamp"]))


def _hear(turn: _Turn, event: Mapping[str, Any]) -> None:
    """Takes in one thing that was said in reply."""
    data = event.get("data") or {}
    reply = (data.get("custom") or {}).get("reply") or {}
    if "kind" in reply:
        turn.kind = reply["kind"]
        turn.confidence = float(reply.get("confidence", 1.0))
        turn.choices = tuple(button.get("payload", "") for button in data.get("buttons") or ())


def _close(account: Account, number: int, urgent: bool, turn: _Turn, after: Optional[_Turn]) -> None:
    """Judges a turn by its reply and by what the visitor wrote next."""
    account.messages += 1
    first, last = account.days or (turn.day, turn.day)
    account.days = (min(first, turn.day), max(last, turn.day))
    secret = _secret(turn)
    if secret:
        account.secret[secret] += 1
        return
    reason = _reason(turn, after)
    if reason is None or not turn.text.strip():
        return
    if urgent:
        account.withheld += 1
        return
    # Masked once more: talks of before there was masking are stored as they were typed.
    complaint = mask(turn.complaint) if turn.complaint else None
    account.gaps.append(Gap(number, mask(turn.text), reason, turn.day, _picked(turn, after), complaint))


def _secret(turn: _Turn) -> Optional[str]:
    """The kind of a message whose words are not shown; the intent tells it where the reply failed."""
    by_intent = turn.intent.partition("_")[0]
    return next((kind for kind in (turn.kind, by_intent) if kind in SECRET), None)


def _reason(turn: _Turn, after: Optional[_Turn]) -> Optional[Reason]:
    if not turn.intent.startswith(_QUESTIONS):
        return None
    if turn.kind in (None, Kind.unavailable.value):
        return Reason.failed
    if turn.kind == Kind.out_of_scope.value:
        return Reason.refused
    if turn.kind == Kind.clarify.value:
        return Reason.asked_back
    if after and after.intent == "correct":
        return Reason.corrected
    if turn.unhelpful or after and after.intent == "feedback" and _NO_PRAISE.search(after.text):
        return Reason.unhelpful
    return Reason.unsure if turn.kind == Kind.answer.value and turn.confidence < UNSURE else None


def _picked(turn: _Turn, after: Optional[_Turn]) -> Optional[str]:
    asked_back = turn.kind == Kind.clarify.value and after is not None
    return after.text if asked_back and after.text in turn.choices[1:] else None  # type: ignore[union-attr]
