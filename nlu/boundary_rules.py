"""Boundaries by rules that can be read: requests whose form alone says that only a doctor, or nobody, can answer them."""

from __future__ import annotations

import re
from typing import NamedTuple, Optional, Pattern, Tuple

_ONE = r"(?:i|we|my \w+|he|she|they)"
_CHANGE = (
    r"(?:stop|start|quit|double|halve|skip|increase|reduce|cut down|come off|go on"
    r"|go back on|switch|swap|change|wean|take (?:more|less|extra|an extra|another|two|half))"
)


class Rule(NamedTuple):
    """A boundary, and the form of words that crosses it."""

    boundary: str
    pattern: Pattern[str]


RULES: Tuple[Rule, ...] = tuple(
    Rule(boundary, re.compile(pattern, re.I))
    for boundary, pattern in (
        # "do I have it", "have I got dystonia", "is what my son has dystonia"
        (
            "diagnose_individual",
            rf"\b(?:do|does) {_ONE} (?:really |actually |definitely )?have (?!to\b)"
            r"(?:\w+ ){0,3}(?:dystonia|blepharospasm|torticollis|dysphonia|cramp|it)\b",
        ),
        (
            "diagnose_individual",
            r"\bhave i got (?!to\b)"
            r"|\bhas (?:my \w+|he|she) got (?!to\b)(?:\w+ ){0,2}(?:dystonia|blepharospasm)"
            r"|\bdiagnose (?:me|my)\b",
        ),
        # "should I stop my baclofen", "can she take an extra one"; not "can we start over"
        (
            "medicine_changes",
            rf"\b(?:should|can|could|may|must) {_ONE} (?:just |safely |now )?{_CHANGE}\b"
            r"(?! (?:\w+ )?(?:over|again|afresh|fresh|to something else|subjects?|topics?)\b)",
        ),
        (
            "medicine_changes",
            r"\b(?:what|which|how much|how many) (?:\w+ ){0,4}"
            r"(?:dose|dosage|mg|tablets|units)\b.*\b(?:should|for me|my \w+|i|he|she)\b",
        ),
        # "botox dose for neck?", "what is the usual dosage of baclofen"; not "after a missed dose of"
        (
            "medicine_changes",
            r"^\W*(?:(?:what|whats|what is|tell me|give me) (?:the |a )?)?"
            r"(?:usual |normal |typical |standard |right |correct |recommended |starting |best |average )?"
            r"(?:(?!missed|forgotten|skipped|low|high|my|a|an|each|next|last|after|if|when|why)\w+ ){0,2}"
            r"(?:dose|dosage|doses|dosages)(?: (?:of|for|in)\b|\W*$)",
        ),
        # "how much baclofen is too much"
        (
            "dangerous_amounts",
            r"\bhow (?:much|many) (?:\w+ ){1,4}(?:is|are|would be) (?:too (?:much|many)|dangerous|an overdose|safe)\b"
            r"|\bmaximum (?:safe )?(?:dose|amount)\b",
        ),
        # "will mine spread", "is my dystonia going to get worse"
        (
            "predict_course",
            r"\b(?:will (?:mine|my \w+)|(?:is|are) (?:mine|my \w+) going to) (?:\w+ ){0,2}"
            r"(?:spread|get worse|worsen|go away|come back|get better|stop)\b",
        ),
        # "promise me that it will go away"
        (
            "promise_cure",
            r"\bpromise me\b|\bcan you (?:promise|guarantee)\b"
            r"|\bwill (?:botox|dbs|it|this|the injections?) (?:cure|fix) (?:me|my|him|her)\b",
        ),
    )
)


def crossed(text: str) -> Optional[str]:
    """The id of the boundary that a message crosses by its form, or None."""
    plain = " ".join(text.lower().replace("'", "").split())
    return next((rule.boundary for rule in RULES if rule.pattern.search(plain)), None)
