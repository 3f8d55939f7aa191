"""The measures themselves: plain numbers in, plain numbers out."""

from __future__ import annotations

from collections import Counter
from typing import Any, Callable, Iterable, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np

SEED = 20261121
"""Of everything that is drawn by chance, so that two runs on one model give the same figures."""
DRAWS = 1000
BINS = 10
Interval = Tuple[float, float]


class Bin(NamedTuple):
    """Answers of about the same confidence: how many, their mean confidence, and the share of them that were right."""

    count: int
    confidence: float
    right: float


class Found(NamedTuple):
    """How well a set of things was found."""

    precision: float
    recall: float
    f1: float


def share(verdicts: Iterable[Any]) -> float:
    """Share of true ones; 0 of none."""
    listed = list(verdicts)
    return sum(map(bool, listed)) / len(listed) if listed else 0.0


def interval(statistic: Callable[["np.ndarray"], float], size: int) -> Interval:
    """The 95 % interval of a statistic by the percentile bootstrap (Efron, 1979; Efron and Tibshirani, 1993, chapter 13).

    Args:
        statistic: the figure of some messages, told by their places, in which a place may stand more than once.
        size: how many messages there are. What hangs together, as the turns of a dialogue do, is drawn together.
    """
    chance = np.random.default_rng(SEED)
    drawn = [statistic(chance.integers(0, size, size)) for _ in range(DRAWS)] if size else [0.0]
    low, high = np.percentile(drawn, [2.5, 97.5])
    return float(low), float(high)


def macro_f1(truth: Sequence[str], found: Sequence[Optional[str]]) -> float:
    """Mean F1 over the classes that occur in the truth."""
    hits = Counter(right for right, said in zip(truth, found) if right == said)
    wanted, given = Counter(truth), Counter(found)
    return sum(2 * hits[name] / (wanted[name] + given[name]) for name in wanted) / len(wanted) if wanted else 0.0


def found(hits: int, given: int, wanted: int) -> Found:
    """Precision, recall and F1 from counts; 0 where there is nothing to divide by."""
    return Found(
        hits / given if given else 0.0, hits / wanted if wanted else 0.0, 2 * hits / (given + wanted) if given + wanted else 0.0
    )


def reliability(confidences: Sequence[float], right: Sequence[bool]) -> List[Bin]:
    """Answers in ten equally wide bins of confidence; a bin holds its upper bound, not its lower. Empty bins are kept."""
    sure, verdicts = np.asarray(confidences, float), np.asarray(right, float)
    places = np.clip(np.ceil(sure * BINS).astype(int) - 1, 0, BINS - 1)
    bins = []
    for place in range(BINS):
        inside = places == place
        count = int(inside.sum())
        bins.append(Bin(count, *((float(sure[inside].mean()), float(verdicts[inside].mean())) if count else (0.0, 0.0))))
    return bins


def calibration_error(confidences: Sequence[float], right: Sequence[bool]) -> float:
    """Expected calibration error: how far confidence and share of right answers lie apart, over ten bins.

    Guo, Pleiss, Sun and Weinberger, "On calibration of modern neural networks", ICML 2017.
    """
    bins = reliability(confidences, right)
    return sum(each.count * abs(each.confidence - each.right) for each in bins) / max(1, sum(each.count for each in bins))


def auroc(ours: "np.ndarray", foreign: "np.ndarray") -> float:
    """Chance that what belongs here scores higher than what does not; ties count half (Hanley and McNeil, 1982)."""
    ordered = np.sort(ours)
    above = len(ours) - np.searchsorted(ordered, foreign, side="right")
    level = np.searchsorted(ordered, foreign, side="right") - np.searchsorted(ordered, foreign, side="left")
    return float((above + level / 2).sum() / (len(ours) * len(foreign)))


def threshold_keeping(kept: float, ours: "np.ndarray") -> float:
    """The highest score from which at least this share of what belongs here is kept."""
    needed = int(np.ceil(round(kept * len(ours), 6)))
    return float(np.sort(ours)[::-1][max(0, needed - 1)])


def refused_at(kept: float, ours: "np.ndarray", foreign: "np.ndarray") -> float:
    """Share of foreign messages that score under the threshold which keeps this share of what belongs here."""
    return float((foreign < threshold_keeping(kept, ours)).mean())


def scope_curve(ours: "np.ndarray", foreign: "np.ndarray") -> List[Tuple[float, float]]:
    """Share kept of what belongs here, and share refused of what does not, at every threshold; strictest last."""
    scores = np.unique(np.concatenate([ours, foreign]))
    thresholds = np.append(scores, scores[-1] + 1)
    kept = 1 - np.searchsorted(np.sort(ours), thresholds) / len(ours)
    refused = np.searchsorted(np.sort(foreign), thresholds) / len(foreign)
    return [(float(each), float(other)) for each, other in zip(kept, refused)]
