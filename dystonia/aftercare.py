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
_SHORT = 8
"""A message of more words than this says more than how things stand after an urgent reply."""

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
_NAMES_A_LINE = re.compile(
    r"\b(?:(?:emergency|ambulance|police) (?:phone )?number|samaritans|988|116 ?123"
    r"|(?:crisis|suicide|child|abuse|domestic (?:abuse|violence)) (?:help ?|hot)?lines?"
    r"|(?:who|(?:which|what) (?:number|line)) (?:do|can|should|shall|must) i "
    r"(?:call|ring|phone|dial)(?: in (?:an? |the )?\w+){0,2})\b"
)
"""Asks for a line by its name: that is told whatever came before."""
_ASKS_AGAIN = re.compile(
    r"^(?:and |ok |so |but )*"
    r"(?:what (?:now|next)|what (?:do|should|must|can|shall) (?:i|we) do(?: now| then)?|tell me what to do"
    r"|(?:say|repeat) (?:that|it)(?: again)?|shorter|again|how long (?:have|has|do|does) (?:i|he|she|they|it) (?:got|have|take)"
    r"|(?:what|whats) (?:will|is going to|going to) happen\b.*)$"
)
"""Asks what to do, or how it will go, right after an urgent reply: that is said again."""
_HOW_IT_STANDS = {
    "no_answer": r"(?:nobody|no ?one|they|it) (?:\w+ ){0,2}(?:answer\w*|picks? up|picking up)|no answer"
    r"|(?:line|number) (?:is |was )?(?:busy|engaged|dead)|cant get through|on hold",
    "help_is_near": r"(?:ambulance|paramedics?|help|doctor|nurse|police) (?:\w+ ){0,2}"
    r"(?:on (?:its|the|their|his|her) way|coming|here)|(?:ambulance|paramedics?|help) is with"
    r"|(?:i|we|ive|weve) (?:have |already |just )*(?:called|rang|rung|phoned|dialled) "
    r"(?:911|999|112|000|111|an ambulance|the ambulance|them)"
    r"|(?:at|in) (?:the )?(?:hospital|a ?(?:and|n) ?e|emergency room)(?: now)?|(?:is|are) with me now",
    "relieved": r"(?:better|fine|ok|okay|safe|calmer|breathing|awake) (?:now|again)|all (?:good|ok|fine) now"
    r"|(?:he|she|it|they|spasms?) (?:has |have )?(?:stopped|came out|woke up|came round)|its (?:out|over|stopped|gone)"
    r"|(?:can|can now) breathe (?:again|fine|normally)|false alarm",
}
_STANDS = [(name, re.compile(rf"\b(?:{words})\b")) for name, words in _HOW_IT_STANDS.items()]
"""What is told after an urgent reply of how things stand, and the intent that it is."""


def wants_a_line(text: str) -> bool:
    """Whether a short message asks for a number to call, a helpline or a person."""
    words = _plain(text)
    return len(words.split()) <= _A_FEW and bool(_ONLY_HELP.match(words) or _ASKS_FOR_A_LINE.search(words))


def names_a_line(text: str) -> bool:
    """Whether a message asks for an emergency number or a crisis line by its name."""
    words = _plain(text)
    return len(words.split()) <= _A_FEW and bool(_NAMES_A_LINE.search(words))


def asks_again(text: str) -> bool:
    """Whether a message, after an urgent reply, asks what to do or how it will go."""
    return bool(_ASKS_AGAIN.match(_plain(text)))


def how_it_stands(text: str) -> Optional[str]:
    """The intent of a short message that tells, after an urgent reply, how things stand; None where it tells nothing."""
    words = _plain(text)
    return next((name for name, pattern in _STANDS if len(words.split()) <= _SHORT and pattern.search(words)), None)


def _plain(text: str) -> str:
    return " ".join(re.sub(r"[^a-z0-9]+", " ", re.sub(r"[’'`´]", "", text.lower())).split())


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


def red_flag_said(events: Sequence[Mapping[str, Any]]) -> Optional[str]:
    """The red flag that the last urgent reply of a talk answered, from Rasa's events in their JSON form."""
    for event in reversed(events):
        told = ((event.get("data") or {}).get("custom") or {}).get("reply") or {}
        if event.get("event") == "bot" and told.get("kind") in HELP_KINDS:
            return next(
                (str(card).partition(".")[2] for card in told.get("cards") or () if str(card).startswith("red_flags.")), None
            )
    return None


def last_urgent(kinds: Sequence[str]) -> Optional[str]:
    """The kind of the last urgent reply of a talk, or None where there was none."""
    return next((kind for kind in reversed(kinds) if kind in HELP_KINDS), None)


def due(kinds: Sequence[str]) -> Optional[str]:
    """Which number stands under the next reply: the kind of the last urgent reply, for a few replies after it."""
    return last_urgent(kinds[-REMINDERS:])


def reminder(helplines: Helplines, country: Optional[str], kind: str, red_flag: Optional[str] = None) -> str:
    """The words under a reply that follows an urgent one, with the line that the red flag asks for (a child helpline, say)."""
    line = helplines.line(country)
    if kind == "crisis":
        contact = helplines.in_place_of_crisis(red_flag, country) or line.crisis_said
        return (
            f"If it gets too much, contact {contact}. In danger now, call {line.emergency}. "
            "Say help, and I will show the numbers again."
        )
    return f"If it gets worse, call {line.emergency}. Say help, and I will show you again what to do."


def reminded(answer: Answer, events: Sequence[Mapping[str, Any]], country: Optional[str], helplines: Helplines) -> Answer:
    """The answer with the number under it, where one is due after what was said in the talk (Rasa's events as JSON)."""
    kind = due(kinds_said(events))
    if kind is None:
        return answer
    line = reminder(helplines, country, kind, red_flag_said(events))
    return replace(answer, paragraphs=(*answer.paragraphs, line), cautions=(*answer.cautions, HELP_IS_THERE))
