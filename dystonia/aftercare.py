"""After an urgent reply: the talk goes on, and the number stays in reach, under the next answers and on asking."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, List, Mapping, Optional, Sequence

from dystonia.helplines import HELP_KINDS, Helplines
from dystonia.reply import Answer

REMINDERS = 3
"""Under so many replies after the last urgent one the number stands."""
HELP_IS_THERE = "help_is_there"
"""In a reply's ``cautions`` where the number stands under it."""
_A_FEW = 16
"""A message of more words than this asks for more than a number."""

_ONLY_HELP = re.compile(
    r"^(?:(?:ok|okay|yes|please|pls|plz|can|could|i|you|need|want|give|send|show|get|find|me|the|a|that|some|again|now"
    r"|um|so|and) )*"
    r"(?:help|helpline|hotline|number|numbers|phone number|line|call|text|lifeline|someone|somebody)"
    r"(?: (?:me|please|pls|plz|now|again|then|number|line))*$"
)
_ASKS_FOR_A_LINE = re.compile(
    r"\b(?:help ?lines?|hot ?lines?|crisis lines?|crisis numbers?|crisis text|text lines?|chat lines?|lifeline"
    r"|samaritans|988|116 ?123"
    r"|(?:a|the|that|your|what|which|any|phone) (?:\w+ )?numbers?(?! of)\b"
    r"|(?:who|where|whom) (?:\w+ ){0,2}(?:can|could|do|should) i (?:call|ring|phone|text|talk to|speak to|contact|reach"
    r"|turn to|go)"
    r"|(?:someone|somebody|anyone|anybody|a person|people|a human) (?:\w+ ){0,4}(?:talk|speak|text|call|ring|listen|chat)"
    r"|(?:talk|speak|chat) (?:to|with) (?:someone|somebody|anyone|a person|a human)"
    r"|(?:can|could|may) i (?:text|call|ring|phone) (?:someone|somebody|them|it|instead|anyone))\b"
)


def wants_a_line(text: str) -> bool:
    """Whether a short message asks for a number to call, a helpline or a person."""
    words = " ".join(re.sub(r"[^a-z0-9]+", " ", re.sub(r"[’'`´]", "", text.lower())).split())
    return len(words.split()) <= _A_FEW and bool(_ONLY_HELP.match(words) or _ASKS_FOR_A_LINE.search(words))


def kinds_said(events: Sequence[Mapping[str, Any]]) -> List[str]:
    """The kinds of the replies of this talk, in order, from Rasa's events in their JSON form."""
    kinds: List[str] = []
    for event in events:
        if event.get("event") in ("restart", "session_started"):
            kinds = []
        elif event.get("event") == "bot":
            told = ((event.get("data") or {}).get("custom") or {}).get("reply") or {}
            if told.get("kind"):
                kinds.append(str(told["kind"]))
    return kinds


def last_urgent(kinds: Sequence[str]) -> Optional[str]:
    """The kind of the last urgent reply of a talk, or None where there was none."""
    return next((kind for kind in reversed(kinds) if kind in HELP_KINDS), None)


def due(kinds: Sequence[str]) -> Optional[str]:
    """Which number stands under the next reply: the kind of the last urgent reply, for a few replies after it."""
    return last_urgent(kinds[-REMINDERS:])


def reminder(helplines: Helplines, country: Optional[str], kind: str) -> str:
    """The line under a reply that follows an urgent one."""
    line = helplines.line(country)
    if kind == "crisis":
        return (
            f"If it gets too much, contact {line.crisis_said}. In danger now, call {line.emergency}. Say help, and I will show the "
            "numbers again."
        )
    return f"If it gets worse, call {line.emergency}. Say help, and I will show you again what to do."


def reminded(answer: Answer, kinds: Sequence[str], country: Optional[str], helplines: Helplines) -> Answer:
    """The answer with the number under it, where one is due."""
    kind = due(kinds)
    if kind is None:
        return answer
    line = reminder(helplines, country, kind)
    return replace(answer, paragraphs=(*answer.paragraphs, line), cautions=(*answer.cautions, HELP_IS_THERE))
