"""Gaps grouped by meaning, with the cards that come nearest to each group."""

from __future__ import annotations

import datetime
import re
from collections import Counter
from dataclasses import dataclass
from typing import Callable, Dict, List, NamedTuple, Sequence, Set, Tuple

import numpy as np
from sklearn.cluster import AgglomerativeClustering

from dystonia.lookup import GENERAL
from dystonia.store import FactStore
from tools.gaps.talks import Gap, Reason

DISTANCE = 0.55
"""Mean cosine distance from which two groups stay apart, once what all messages have in common is taken out.

*Measured* on 51 made-up messages, 39 of them of eight subjects: every pair that it put together was right, and it put together
63 of 100 that belong so; with plain sentence vectors it is 32 of 100 before subjects are mixed.
"""
LARGE = 10
"""Wordings from which a group may hold several questions on one subject, and is parted once more."""
FINER = 0.4
"""The distance for that."""
MOST = 5000
"""Different wordings that are grouped: time and memory grow with their square (200 MB and some seconds at this many)."""
MISSING = 0.6
"""Likeness to the nearest card below which a card is missing."""
NEAR = 0.75
"""Likeness from which a refusal is likely a mistake."""
EXAMPLES = 3
LONGEST = 160
"""Characters of an example that are shown."""
CARDS = 3
CENTRAL = 30
"""The most central wordings of a group, by which its nearest cards are found."""
AT_ONCE = 500

Encode = Callable[[Sequence[str]], "np.ndarray"]
Progress = Callable[[str, int, int], None]


class Near(NamedTuple):
    """A card near a group: its id, its first question, and the likeness (mean cosine to its nearest question, 0 to 1)."""

    card: str
    question: str
    likeness: float


@dataclass(frozen=True)
class Group:
    """Gaps that mean much the same.

    Attributes:
        messages, conversations: how many.
        reasons: why they count as gaps, the most frequent first.
        days: the first and the last day.
        examples: the most central wordings, masked and shortened.
        near: the nearest cards, the nearest first.
        picked: what visitors chose when asked back, where it was not the first choice, and how often.
        complaints: what visitors wrote of the answers, shortened; none unless enough conversations have one.
    """

    messages: int
    conversations: int
    reasons: Tuple[Tuple[Reason, int], ...]
    days: Tuple[datetime.date, datetime.date]
    examples: Tuple[str, ...]
    near: Tuple[Near, ...]
    picked: Tuple[Tuple[str, int], ...] = ()
    complaints: Tuple[str, ...] = ()

    @property
    def hint(self) -> str:
        """What an editor may do about it."""
        reasons = dict(self.reasons)
        likeness = self.near[0].likeness if self.near else 0.0
        if reasons.get(Reason.failed, 0) * 2 > self.messages:
            return "Something failed behind the answer. Tell whoever runs the assistant; no card is at fault."
        if likeness < MISSING:
            return "A card is missing, if this belongs here at all."
        if likeness >= NEAR and reasons.get(Reason.refused, 0) * 2 >= self.messages:
            return "Often refused, though a card is near. Add these words to the questions of that card."
        return "The card lacks this wording. Add it to its questions, if that card answers it."


@dataclass(frozen=True)
class Grouping:
    """All gaps sorted.

    Attributes:
        groups: those of enough conversations, the largest first.
        small: messages in smaller groups; they are only counted.
        apart: messages that were left out, because there were too many wordings and they are like none that were grouped.
    """

    groups: Tuple[Group, ...]
    small: int
    apart: int = 0


@dataclass
class _Wording:
    """Messages of the same words."""

    text: str
    gaps: List[Gap]

    @property
    def conversations(self) -> Set[int]:
        return {gap.conversation for gap in self.gaps}


def grouped(gaps: Sequence[Gap], store: FactStore, smallest: int, encode: Encode, progress: Progress) -> Grouping:
    """Groups the gaps.

    Args:
        gaps: what was not understood.
        store: the facts, for the nearest cards.
        smallest: different conversations that a group must have to be shown.
        encode: gives sentences their vectors, float32 of shape (sentences, numbers), each of length 1.
        progress: is told what is being done, and how much of how much is done.
    """
    wordings = _wordings(gaps)
    if len({gap.conversation for gap in gaps}) < smallest:
        return Grouping((), len(gaps))
    cards = _Cards(store, encode, progress)
    plain = _plain_text(store)
    vectors = cards.apart(_encoded([plain(wording.text) for wording in wordings], encode, "Reading messages", progress))
    labels = _labels(vectors, DISTANCE)

    def enough(members: "np.ndarray") -> bool:
        return len(set().union(*(wordings[i].conversations for i in members))) >= smallest

    groups, small = [], 0
    for members in _each(labels):
        for part in _parted(members, vectors, enough):
            alike = [wordings[i] for i in part]
            if enough(part):
                groups.append(_group(alike, vectors[part], cards, smallest))
            else:
                small += sum(len(wording.gaps) for wording in alike)
    apart = sum(len(wordings[i].gaps) for i in np.flatnonzero(labels < 0))
    groups.sort(key=lambda group: (-group.conversations, -group.messages, group.examples))
    return Grouping(tuple(groups), small, apart)


def _wordings(gaps: Sequence[Gap]) -> List[_Wording]:
    """Messages of the same words taken together: those of most conversations first, then the newest."""
    found: Dict[str, _Wording] = {}
    for gap in gaps:
        key = " ".join(re.findall(r"\w+", gap.text.casefold())) or gap.text
        found.setdefault(key, _Wording(gap.text, [])).gaps.append(gap)
    newest = sorted(found.values(), key=lambda wording: max(gap.day for gap in wording.gaps), reverse=True)
    return sorted(newest, key=lambda wording: -len(wording.conversations))


def _plain_text(store: FactStore) -> Callable[[str], str]:
    """Takes out of a text what tells no two messages apart here: "with dystonia", and the marks of masked details."""
    names = store.terms[GENERAL].phrases if GENERAL in store.terms else [GENERAL]
    shell = r"(?:\b(?:with|for|of|have|has|having|my|about|in|from|and)\s+)*"
    common = re.compile(rf"{shell}\b(?:{'|'.join(map(re.escape, sorted(names, key=len, reverse=True)))})\b|\[[a-z ]+\]", re.I)
    return lambda text: " ".join(common.sub(" ", text).split()) or text


def _encoded(texts: Sequence[str], encode: Encode, doing: str, progress: Progress) -> "np.ndarray":
    pieces = []
    for start in range(0, len(texts), AT_ONCE):
        pieces.append(encode(texts[start : start + AT_ONCE]))
        progress(doing, min(start + AT_ONCE, len(texts)), len(texts))
    return np.concatenate(pieces)


def _each(labels: "np.ndarray") -> List["np.ndarray"]:
    """The places of each label."""
    return [np.flatnonzero(labels == label) for label in range(labels.max() + 1)]


def _parted(members: "np.ndarray", vectors: "np.ndarray", enough: Callable[["np.ndarray"], bool]) -> List["np.ndarray"]:
    """A group, or the questions in a large one that enough people asked, and what is left over."""
    if len(members) < LARGE:
        return [members]
    labels = _labels(vectors[members], FINER)
    parts = [members[places] for places in _each(labels)]
    asked = [part for part in parts if enough(part)]
    rest = np.concatenate([members[labels < 0], *(part for part in parts if not enough(part))])
    return [*asked, rest] if len(rest) else asked


def _labels(vectors: "np.ndarray", distance: float) -> "np.ndarray":
    """The group of each wording; -1 for those beyond the first ``MOST`` that are like no group."""
    if len(vectors) == 1:
        return np.zeros(1, int)
    model = AgglomerativeClustering(n_clusters=None, affinity="cosine", linkage="average", distance_threshold=distance)
    first = model.fit_predict(vectors[:MOST])
    if len(vectors) <= MOST:
        return first
    middles = np.stack([_middle(vectors[:MOST][first == label]) for label in range(first.max() + 1)])
    rest = []
    for start in range(MOST, len(vectors), AT_ONCE):
        likeness = vectors[start : start + AT_ONCE] @ middles.T
        rest.append(np.where(likeness.max(axis=1) >= 1 - distance, likeness.argmax(axis=1), -1))
    return np.concatenate([first, *rest])


def _middle(vectors: "np.ndarray") -> "np.ndarray":
    middle = vectors.mean(axis=0)
    return middle / (np.linalg.norm(middle) + 1e-9)


class _Cards:
    """The questions of all cards that visitors can read, as vectors."""

    def __init__(self, store: FactStore, encode: Encode, progress: Progress) -> None:
        self._cards = list(store.for_visitors().cards.values())
        questions = [question for card in self._cards for question in card.questions]
        self._encode = encode
        self._vectors = _encoded(questions, encode, "Reading the cards' questions", progress)
        self._starts = np.cumsum([0, *(len(card.questions) for card in self._cards[:-1])])

    def apart(self, vectors: "np.ndarray") -> "np.ndarray":
        """Vectors without what all questions have in common, each of length 1 again."""
        rest = vectors - self._vectors.mean(axis=0)
        return rest / (np.linalg.norm(rest, axis=1, keepdims=True) + 1e-9)

    def near(self, texts: Sequence[str]) -> Tuple[Near, ...]:
        """The cards nearest to some wordings."""
        likeness = np.maximum.reduceat(self._encode(texts) @ self._vectors.T, self._starts, axis=1).mean(axis=0)
        best = np.argsort(-likeness, kind="stable")[:CARDS]
        return tuple(Near(self._cards[i].id, self._cards[i].question, float(likeness[i])) for i in best)


def _group(wordings: Sequence[_Wording], vectors: "np.ndarray", cards: _Cards, smallest: int) -> Group:
    gaps = [gap for wording in wordings for gap in wording.gaps]
    central = np.argsort(-(vectors @ _middle(vectors)), kind="stable")
    days = [gap.day for gap in gaps]
    return Group(
        messages=len(gaps),
        conversations=len({gap.conversation for gap in gaps}),
        reasons=tuple(Counter(gap.reason for gap in gaps).most_common()),
        days=(min(days), max(days)),
        examples=tuple(dict.fromkeys(_shortened(wordings[i].text) for i in central[:EXAMPLES])),
        near=cards.near([wordings[i].text for i in central[:CENTRAL]]),
        picked=tuple(Counter(gap.picked for gap in gaps if gap.picked).most_common()),
        complaints=_complaints(gaps, smallest),
    )


def _complaints(gaps: Sequence[Gap], smallest: int) -> Tuple[str, ...]:
    """What was written of the answers, under the same rule as the messages: never the words of one or two people alone."""
    told = [gap for gap in gaps if gap.complaint]
    if len({gap.conversation for gap in told}) < smallest:
        return ()
    return tuple(dict.fromkeys(_shortened(gap.complaint or "") for gap in told))


def _shortened(text: str) -> str:
    plain = " ".join(text.split())
    return plain if len(plain) <= LONGEST else f"{plain[: LONGEST - 1].rstrip()}…"
