"""Numbers and sites in the words of a helpline, so that a channel can make them links: nobody should have to copy a number.

The words themselves stay as they are; whoever puts the pieces together again has the line that was said.
"""
from __future__ import annotations

import re
from calendar import month_name
from dataclasses import dataclass
from typing import List, Optional, Tuple

_NUMBER = re.compile(r"(?<![\w.])\d(?:[ -]?\d){1,13}(?!\w|\.\w)")
"""Two digits or more, with single spaces or hyphens between them."""
_TEXTED = re.compile(r"\btext(?:ing)?\b(?:(?!\bcall\b)[^,.;()])*$", re.I)
"""What stands before a number that is texted: "text Shout on", "text START to", "texting the word register to"."""
_AMOUNT = re.compile(
    r"^\s*(?:am|pm|in the (?:morning|afternoon|evening)|seconds?|minutes?|hours?|days?|weeks?|months?|years?)\b|^\s?%", re.I
)
"""What stands after a number that nobody calls."""
_DATE = re.compile(rf"\b(?:\d{{1,2}} )?(?:{'|'.join(month_name[1:])}) \d{{4}}\b")
"""When the numbers were last checked."""
_SITE = re.compile(r"\b[a-z0-9-]+(?:\.[a-z0-9-]+)*\.(?:com|org|ie)\b")


@dataclass(frozen=True)
class Piece:
    """A stretch of a line, and what a press on it opens: ``tel:``, ``sms:`` or ``https:``; None for plain words."""

    text: str
    href: Optional[str] = None


def pieces(line: str) -> List[Piece]:
    """A line of an urgent reply, cut into plain words and what can be pressed."""
    found = sorted([*_numbers(line), *_sites(line)], key=lambda match: match[0].start())
    cut: List[Piece] = []
    end = 0
    for match, href in found:
        if match.start() > end:
            cut.append(Piece(line[end : match.start()]))
        cut.append(Piece(match[0], href))
        end = match.end()
    if end < len(line):
        cut.append(Piece(line[end:]))
    return cut


def _numbers(line: str) -> List[Tuple[re.Match, str]]:
    found: List[Tuple[re.Match, str]] = []
    in_dates = {place for date in _DATE.finditer(line) for place in range(*date.span())}
    for match in _NUMBER.finditer(line):
        if match.start() in in_dates or _AMOUNT.match(line[match.end() :]):
            continue
        scheme = "sms" if _TEXTED.search(line[: match.start()]) else "tel"
        found.append((match, f"{scheme}:{re.sub(r'[ -]', '', match[0])}"))
    return found


def _sites(line: str) -> List[Tuple[re.Match, str]]:
    return [(match, f"https://{match[0]}") for match in _SITE.finditer(line)]
