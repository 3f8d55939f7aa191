"""A figure with its interval and its goal, and the sections that figures stand in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Callable, List, NamedTuple, Optional, Sequence

import numpy as np

from tools.evaluate.measures import interval

MILLISECONDS = "ms"


class Goal(NamedTuple):
    """What a figure should reach, or stay under."""

    bound: float
    at_most: bool = False

    def met(self, value: float) -> bool:
        """Whether a value reaches the goal; the interval is not asked."""
        return value <= self.bound if self.at_most else value >= self.bound

    def __str__(self) -> str:
        return f"{'≤' if self.at_most else '≥'} {self.bound:g}"


@dataclass(frozen=True)
class Figure:
    """One line of the report.

    Attributes:
        name: the same from run to run, so that runs can be compared.
        value: a share from 0 to 1, or milliseconds.
        low, high: its 95 % interval; equal to the value where it has none.
        count: how many messages it rests on.
        unit: ``ms``, or nothing for a share.
    """

    name: str
    value: float
    low: float
    high: float
    count: int
    goal: Optional[Goal] = None
    unit: str = ""


@dataclass
class Section:
    """Figures that belong together, and what a reader must know of them."""

    title: str
    about: str
    figures: List[Figure] = field(default_factory=list)

    def share(self, name: str, verdicts: Sequence[object], goal: Optional[Goal] = None) -> None:
        """Adds the share of true ones."""
        listed = np.array([bool(verdict) for verdict in verdicts], float)
        self.add(name, lambda places: float(listed[places].mean()), len(listed), goal)

    def add(
        self, name: str, statistic: Callable[["np.ndarray"], float], size: int, goal: Optional[Goal] = None, unit: str = ""
    ) -> None:
        """Adds a statistic of some messages, with its interval; 0 where there are none."""
        value = statistic(np.arange(size)) if size else 0.0
        low, high = interval(statistic, size)
        self.figures.append(Figure(name, value, low, high, size, goal, unit))

    def bare(self, name: str, value: float, count: int, unit: str = "") -> None:
        """Adds a value that has no interval."""
        self.figures.append(Figure(name, value, value, value, count, unit=unit))
