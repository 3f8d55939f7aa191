"""What Slack and Telegram share: a turn of a talk, what is personal, and the few sentences that only a channel can say."""

from __future__ import annotations

import re
from typing import Any, Dict, Optional

from channels.chat_text import URGENT
from channels.intake import MAX_CHARACTERS, RateLimit, Refused, clean_message
from channels.turn import Handler, take_turn
from dystonia.masking import details
from dystonia.reply import UNAVAILABLE, Kind, Reply
from server.metrics import LIMITED

TURNS_A_MINUTE = 30.0
"""Turns that one talk may take; a person who types or presses does not reach it."""

URGENT_HELP = UNAVAILABLE[UNAVAILABLE.index("If it is urgent") :]
ONLY_WORDS = (
    "I can only read words, so I can't hear, see or open that. Please type your question; short or misspelt is fine. "
    f"{URGENT_HELP}"
)
TOO_LONG = (
    f"That was too long for me: I read up to {MAX_CHARACTERS:,} characters at a time. Please ask in a few sentences. "
    f"{URGENT_HELP}"
)
TOO_MANY = f"That was more than I can answer in a minute. Please wait a little, then ask again. {URGENT_HELP}"
BUTTON_GONE = "I no longer know what that button said. Please type your question."
KEPT = (
    "I keep what you write so that I can follow our talk, with names and numbers taken out. {how} and I delete it. I am a "
    "computer program and can't call for help."
)
GOES_PRIVATE = "That sounds personal, and others can read along here. Please write to me in private."
CAN_GO_PRIVATE = "Others can read along here. You can also write to me in private, at any time."

# Who speaks of themselves or their own. Where in doubt a question is taken for personal: that costs one press.
_OWN = re.compile(
    r"\b(?:my|mine|myself|our (?:son|daughter|child|kid|baby|mum|mom|mother|dad|father))\b"
    r"|\b(?:i|we)(?:['’](?:m|ve|d|re)|\s+(?:am|was|were|have|had|has|got|get|feel|felt|take|took|use|started|stopped|suffer|"
    r"can['’]?t|cannot|want to (?:die|end)))\b"
    r"(?!\s+(?:(?:a )?questions?|heard|read|(?:just )?(?:wondering|curious)|interested|looking|asking|like to))",
    re.IGNORECASE,
)


def is_personal(text: str, kind: str) -> bool:
    """Whether a message in a group belongs into a private talk.

    Args:
        text: what was said.
        kind: the kind of the reply to it: who gets a safety reply or is told a boundary spoke of a person.
    """
    return kind in (*URGENT, Kind.boundary.value) or bool(_OWN.search(text)) or bool(details(text))


def is_urgent(turn: Dict[str, Any]) -> bool:
    """Whether the reply is a safety reply, which is never held back."""
    return turn["reply"]["kind"] in URGENT


def fixed(text: str, kind: Kind = Kind.smalltalk) -> Dict[str, Any]:
    """A reply that depends on nothing, in the form of channels.turn.take_turn."""
    return {"text": text, "buttons": [], "reply": Reply(kind=kind.value).as_custom()["reply"]}


def failed() -> Dict[str, Any]:
    """What is said when nothing else can be."""
    return fixed(UNAVAILABLE, Kind.unavailable)


class Talks:
    """Takes turns in the talks of one channel."""

    def __init__(self, handler: Handler, channel: str, turns_a_minute: float = TURNS_A_MINUTE) -> None:
        """Sets Rasa's own handler, the channel's name and how many turns a talk may take in a minute."""
        self._handler = handler
        self._channel = channel
        self._limit = RateLimit(turns_a_minute, name="talk")

    async def turn(self, text: str, talk: str, event: Optional[str] = None) -> Dict[str, Any]:
        """The reply to a message, in the form of channels.turn.take_turn; what can't be read is answered too.

        Args:
            text: what was said.
            talk: the key of the talk.
            event: id of the event that said it: when it asks to be forgotten, all that waits before it is.
        """
        try:
            said = clean_message(text)
        except Refused:
            return fixed(TOO_LONG if len(text) > MAX_CHARACTERS else ONLY_WORDS)
        try:
            self._limit.check(talk)
        except Refused:
            LIMITED.labels(self._channel).inc()
            return fixed(TOO_MANY)
        return await take_turn(self._handler, said, talk, self._channel, model="", message_id=event)
