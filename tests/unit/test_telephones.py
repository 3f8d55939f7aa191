"""Numbers that can be pressed: each number of every helpline, to call or to text as its words say, and nothing else."""
from __future__ import annotations

import re
from typing import Dict, Optional

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as some

from dystonia.store import FACTS
from dystonia.telephones import pieces

FIELDS = ("emergency", "emergency_examples", "crisis", "urgent_health", "poison", "abuse", "child", "cannot_speak")
LINES = [
    entry[field] for entry in yaml.safe_load((FACTS / "helplines.yml").read_bytes()) for field in FIELDS if entry.get(field)
]


def pressed(line: str) -> Dict[str, Optional[str]]:
    """What can be pressed in a line, and what it opens."""
    return {piece.text: piece.href for piece in pieces(line) if piece.href}


@pytest.mark.parametrize(
    "line, expected",
    [
        ("999 (or 112)", {"999": "tel:999", "112": "tel:112"}),
        ("Samaritans 116 123 (free, any time) or text Shout on 85258", {"116 123": "tel:116123", "85258": "sms:85258"}),
        ("1-800-799-7233, or text START to 88788", {"1-800-799-7233": "tel:18007997233", "88788": "sms:88788"}),
        ("988 (call or text, any time)", {"988": "tel:988"}),
        ("Lifeline 13 11 14 (any time) or text 0477 13 11 14", {"13 11 14": "tel:131114", "0477 13 11 14": "sms:0477131114"}),
        ("Text 999. You must register first by texting the word register to 999.", {"999": "sms:999"}),
        ("15 or 112", {"15": "tel:15", "112": "tel:112"}),
        ("01 809 2166 (8am to 10pm; at night call 112)", {"01 809 2166": "tel:018092166", "112": "tel:112"}),
        ("02 2327 2327 (10 in the morning to midnight only)", {"02 2327 2327": "tel:0223272327"}),
        ("Register at 112.ie.", {"112.ie": "https://112.ie"}),
        ("findahelpline.com lists others", {"findahelpline.com": "https://findahelpline.com"}),
        ("1800RESPECT, 1800 737 732", {"1800 737 732": "tel:1800737732"}),
        ("Go within 24 hours, or wait 15 minutes; 50 % do.", {}),
        ("Numbers last checked 21 November 2026.", {}),
        ("Call 112. Checked May 2025, 1 June 2026.", {"112": "tel:112"}),
        ("choose option 2", {}),
        ("your local emergency number", {}),
        ("", {}),
    ],
)
def test_what_can_be_pressed(line: str, expected: Dict[str, str]) -> None:
    assert pressed(line) == expected


@pytest.mark.parametrize("line", LINES)
def test_no_number_of_a_helpline_is_left_to_copy(line: str) -> None:
    left = " ".join(piece.text for piece in pieces(line) if not piece.href)

    assert re.findall(r"\d{3}", left.replace("1800RESPECT", "")) == []


@given(some.text())
def test_the_pieces_are_the_line(line: str) -> None:
    assert "".join(piece.text for piece in pieces(line)) == line
