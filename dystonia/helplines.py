"""Numbers to call, by country, in words that a reply can carry. Works, in general words, without any file."""
from __future__ import annotations

import datetime
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence

import yaml

from dystonia.models import Helpline
from dystonia.store import FACTS, UNKNOWN_COUNTRY

logger = logging.getLogger(__name__)

HELP_KINDS = ("emergency", "crisis")
"""Kinds of reply that list numbers after what they say."""

_LABELS = {
    "urgent_health": "Urgent health advice",
    "poison": "Poison advice",
    "abuse": "Abuse helpline",
    "child": "Child helpline",
}
_GENERAL = Helpline(
    country=UNKNOWN_COUNTRY,
    emergency="your local emergency number",
    emergency_examples="112 in Europe and India, 911 in the US and Canada, 999 in the UK, 000 in Australia, 111 in New Zealand",
    crisis="a local crisis line; findahelpline.com lists free ones by country",
    urgent_health=None,
    poison=None,
    abuse=None,
    child=None,
    cannot_speak=None,
    checked=datetime.date(2026, 11, 21),
    sources=["int-findahelpline"],
)
"""What is said when the file can't be read; the same words as its entry ``unknown``."""

IF_SO = {
    "emergency": (
        "if_happening_now",
        "If this is happening to someone now, do not wait for me: call {emergency}.",
        "It is happening now",
    ),
    "crisis": (
        "if_not_safe",
        "If you, or someone you care about, may not be safe, please talk to a person now. In danger, call {emergency}. "
        "The crisis line is {crisis}.",
        "I am not safe right now",
    ),
}
"""What leads a reply where a red flag is in doubt: its id among the cautions, the words, and the button that says it is so."""


@dataclass(frozen=True)
class Helplines:
    """The numbers of each country."""

    lines: Dict[str, Helpline]

    @classmethod
    def load(cls, folder: Path = FACTS) -> "Helplines":
        """Reads the numbers; a file that can't be read leaves the general words, and a line in the log."""
        try:
            entries = yaml.safe_load((folder / "helplines.yml").read_bytes())
            return cls({entry["country"]: Helpline(**entry) for entry in entries})
        except (OSError, yaml.YAMLError, ValueError, TypeError, KeyError) as error:
            logger.error("facts/helplines.yml can't be read (%s); replies name no local numbers. Mend: make facts.", type(error).__name__)
            return cls({})

    def line(self, country: Optional[str]) -> Helpline:
        """The numbers of a country, or the general words while it is not known."""
        return self.lines.get(country or UNKNOWN_COUNTRY) or self.lines.get(UNKNOWN_COUNTRY) or _GENERAL

    def lead(self, reply: Dict[str, Any], kind: str, country: Optional[str]) -> Dict[str, Any]:
        """A reply led by where help is, for a message that may be an emergency or a crisis.

        Args:
            reply: ``text``, ``buttons`` and ``custom`` as a channel gets them.
            kind: ``emergency`` or ``crisis``.
            country: the visitor's, where known.
        """
        line, (caution, words, button) = self.line(country), IF_SO[kind]
        told = dict(reply["custom"]["reply"])
        told["cautions"] = [caution, *told["cautions"]]
        return {
            **reply,
            "text": f"{words.format(emergency=line.emergency_examples or line.emergency, crisis=line.crisis)}\n\n{reply['text']}",
            "buttons": [{"title": button, "payload": button}, *(reply.get("buttons") or [])],
            "custom": {"reply": told},
        }

    def paragraphs(self, line: Helpline, kind: str, wanted: Sequence[str]) -> List[str]:
        """What an urgent reply adds: the numbers, then that this program can't call, and that the talk goes on.

        Args:
            line: the numbers to list.
            kind: ``emergency`` or ``crisis``.
            wanted: extra lines that the red flag asks for, such as ``poison``.
        """
        numbers = [f"Emergency: {line.emergency_examples or line.emergency}."]
        if kind == "crisis":
            numbers.append(f"Crisis line: {line.crisis}.")
        numbers += [f"{_LABELS[name]}: {getattr(line, name)}." for name in wanted if name in _LABELS and getattr(line, name)]
        if line.cannot_speak:
            numbers.append(f"If you cannot speak: {line.cannot_speak}")
        if line.country == UNKNOWN_COUNTRY:
            numbers.append("Tell me your country, and I will give its numbers.")
        return ["\n".join(numbers), _AFTERCARE[kind]]


_AFTERCARE = {
    "emergency": "I am a computer program and can't call for you. Once help is on its way, I am still here for your questions.",
    "crisis": "I am a computer program and can't call for you, but I am still here. We can go on talking about dystonia, or I can "
    "help you to find a person to talk to.",
}
