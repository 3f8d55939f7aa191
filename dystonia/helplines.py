"""Numbers to call, by country, in words that a reply can carry. Works, in general words, without any file."""
from __future__ import annotations

import datetime
import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Dict, List, Optional, Sequence, Tuple

import yaml

from dystonia.models import Helpline
from dystonia.reply import Answer, Button
from dystonia.store import FACTS, UNKNOWN_COUNTRY, FactErrors, shared_store

logger = logging.getLogger(__name__)

HELP_KINDS = ("emergency", "crisis")
"""Kinds of reply that list numbers after what they say."""

REPLACE_CRISIS = ("abuse", "child")
"""Lines that are shown in the place of the crisis line where a red flag asks for them; a country that has none gets words."""

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
    crisis_in_a_sentence="a local crisis line (findahelpline.com lists free ones)",
    urgent_health=None,
    poison=None,
    abuse="a local abuse helpline; findahelpline.com lists them",
    child="a local child helpline; findahelpline.com lists them",
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
        "You can also contact {crisis}.",
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
            logger.error(
                "facts/helplines.yml can't be read (%s); replies name no local numbers. Mend: make facts.", type(error).__name__
            )
            return cls({})

    def line(self, country: Optional[str]) -> Helpline:
        """The numbers of a country, or the general words while it is not known."""
        return self.lines.get(country or UNKNOWN_COUNTRY) or self.lines.get(UNKNOWN_COUNTRY) or _GENERAL

    def led(self, kind: str, country: Optional[str]) -> Tuple[str, str, str]:
        """What leads a reply to a message that may be an emergency or a crisis: id of the caution, words, and button.

        Args:
            kind: ``emergency`` or ``crisis``.
            country: the visitor's, where known.
        """
        line, (caution, words, button) = self.line(country), IF_SO[kind]
        return caution, words.format(emergency=line.emergency_examples or line.emergency, crisis=line.crisis_said), button

    def lead(self, answer: Answer, kind: str, country: Optional[str]) -> Answer:
        """An answer led by where help is."""
        caution, words, button = self.led(kind, country)
        return replace(
            answer,
            paragraphs=(words, *answer.paragraphs),
            buttons=(Button.asking(button), *answer.buttons),
            cautions=(caution, *answer.cautions),
        )

    def in_place_of_crisis(self, red_flag: Optional[str], country: Optional[str]) -> Optional[str]:
        """The line a red flag asks for in place of the crisis line (an abuse helpline, say); None where it asks for none."""
        try:
            flag = shared_store().red_flags.get(red_flag or "")
        except FactErrors:
            return None
        wanted = next((name for name in (flag.numbers if flag else ()) if name in REPLACE_CRISIS), None)
        return self._extra(self.line(country), wanted) if wanted else None

    def paragraphs(
        self, line: Helpline, kind: str, wanted: Sequence[str], times: int = 0, also: Sequence[str] = ()
    ) -> List[str]:
        """What an urgent reply adds: the numbers and when they were checked, and that the talk goes on.

        Args:
            line: the numbers to list.
            kind: ``emergency`` or ``crisis``.
            wanted: extra lines that the red flag asks for, such as ``poison``.
            also: extra lines for whoever wrote, beside the crisis line.
            times: how many replies of this kind the talk has had before; what is said after the numbers changes with it.
        """
        numbers = [f"Emergency: {line.emergency_examples or line.emergency}."]
        if "crisis" in (kind, *also) and not set(wanted) & set(REPLACE_CRISIS):
            numbers.append(f"Crisis line: {line.crisis}.")
        lines = {name: self._extra(line, name) for name in (*wanted, *also) if name in _LABELS}
        numbers += [f"{_LABELS[name]}: {number}." for name, number in lines.items() if number]
        numbers.append(f"If you cannot speak: {line.cannot_speak or 'Ask someone near you to call.'}")
        if line.country == UNKNOWN_COUNTRY:
            numbers.append("Tell me your country, and I will give its numbers.")
        numbers.append(f"Numbers last checked {line.checked.day} {line.checked:%B %Y}.")
        return ["\n".join(numbers), _AFTERCARE[kind][times % len(_AFTERCARE[kind])]]

    def _extra(self, line: Helpline, name: str) -> Optional[str]:
        if name in REPLACE_CRISIS:
            return getattr(line, name) or getattr(self.line(None), name)
        return getattr(line, name)


_AFTERCARE = {
    "emergency": (
        "I am a computer program and can't call for you. Once help is on its way, I am still here for your questions.",
        "I can't call for you, so please make that call, or have someone make it. I am still here afterwards.",
    ),
    "crisis": (
        "I am a computer program and can't call for you, but I am still here. We can go on talking about dystonia, or I can "
        "help you to find a person to talk to.",
        "I am a program and can't call for you. I am still here, for anything you want to ask, or to show you the numbers "
        "again.",
        "I can't call for you, but you can come back here at any time. Ask me anything about dystonia, or say help for the "
        "numbers.",
        "I am still here, though I can't call for you. Would you rather talk about something else for a while, or find a "
        "person?",
    ),
}
