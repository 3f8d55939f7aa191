"""What is asked and what came of it: the messages with their turns, and everything that is measured on them."""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Dict, Iterator, List, Sequence, Tuple

from tools.assistant import Assistant, Turn
from tools.evaluate.figures import Figure, Section
from tools.evaluate.judging import Entry
from tools.evaluate.measures import Bin


@dataclass
class Evaluation:
    """Everything that was measured.

    Attributes:
        sections: the figures, in reading order.
        topics: accuracy of each topic.
        confusions: how often a topic (first) was taken for another (second).
        curve: scope, see ``measures.scope_curve``; ``at`` is the working point on it.
        bins: reliability of the answers' confidence.
        losses: what each change that must not matter costs.
        speed: median and 95th percentile, in milliseconds, of each component.
    """

    sections: List[Section] = field(default_factory=list)
    topics: List[Figure] = field(default_factory=list)
    confusions: "Counter[Tuple[str, str]]" = field(default_factory=Counter)
    curve: List[Tuple[float, float]] = field(default_factory=list)
    at: Tuple[float, float] = (0.0, 0.0)
    bins: List[Bin] = field(default_factory=list)
    losses: List[Figure] = field(default_factory=list)
    speed: Dict[str, Tuple[float, float]] = field(default_factory=dict)

    def section(self, title: str, about: str) -> Section:
        """A new section at the end."""
        self.sections.append(Section(title, about))
        return self.sections[-1]


@dataclass
class Asked:
    """Single questions and foreign messages, with what came of them as they were typed."""

    single: List[Entry]
    turns: List[Turn]
    foreign: List[Entry]
    refused: List[Turn]


def turns_of(assistant: Assistant, entries: Sequence[Entry], what: str) -> List[Turn]:
    """What came of each entry's text, outside of any talk."""
    return [assistant.turn(entry["text"]) for entry in progress(entries, what)]


def progress(entries: Sequence[Any], what: str) -> Iterator[Any]:
    """The entries, with a line on the terminal that says how far one is."""
    for count, entry in enumerate(entries):
        if count % 50 == 0:
            print(f"\r{what}: {count}/{len(entries)}".ljust(60), end="", file=sys.stderr, flush=True)
        yield entry
    print(f"\r{' ' * 60}\r", end="", file=sys.stderr, flush=True)
