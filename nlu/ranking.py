"""Ranking: what is seen of a question and a card, from ten sides, and which cards are looked at at all."""

from __future__ import annotations

from typing import Any, Dict, List, NamedTuple, Sequence, Tuple

import numpy as np

from nlu.message import Part
from nlu.nearest import Nearest, gathered
from nlu.pieces import Rarity
from nlu.sentence_encoder import Encoded
from nlu.softmax import Softmax, log_softmax
from nlu.tfidf import Terms, Tfidf

LISTED = 24
"""Cards that are looked at closely; the right one is among them for 98 of 100 questions."""
COMPARED = 1000
"""Where there are more cards than this, only those on the nearest shelves are compared at all, about so many."""
SAMPLED = 20
"""So many cards for each shelf tell where the shelves are."""
PIECE = 64
"""Numbers kept of a word piece's vector; with twice as many, the ranking of the cards' own questions is no better."""
ALIKE = 0.8
"""Pieces of one card with a cosine over this count as one."""
BYTE = 127


class Shelves(NamedTuple):
    """Cards by likeness, so that a question need not be compared with all of them.

    Attributes:
        middles: of the shelves, shape (shelves, 384).
        cards: places of the cards on each shelf.
    """

    middles: "np.ndarray"
    cards: List["np.ndarray"]

    @classmethod
    def of(cls, middles: "np.ndarray", seed: int) -> "Shelves":
        """Of cards with these middles, shape (cards, 384): as many shelves as cards on each, or one where there are few."""
        count = len(middles)
        if count <= COMPARED:
            return cls(middles[:1], [np.arange(count)])
        from scipy.cluster.vq import kmeans2

        shelves = round(count**0.5)
        some = middles[np.random.RandomState(seed).choice(count, min(count, SAMPLED * shelves), replace=False)]
        found, _ = kmeans2(some, shelves, iter=10, minit="++", seed=seed)
        nearest = (middles @ found.T).argmax(axis=1)
        cards = [np.flatnonzero(nearest == number) for number in range(shelves)]
        filled = [number for number, places in enumerate(cards) if len(places)]
        return cls(found[filled], [cards[number] for number in filled])

    def near(self, vector: "np.ndarray") -> "np.ndarray":
        """Places of the cards on the shelves nearest to a question."""
        if len(self.cards) == 1:
            return self.cards[0]
        chosen: List["np.ndarray"] = []
        for shelf in np.argsort(-(self.middles @ vector)):
            chosen.append(self.cards[shelf])
            if sum(map(len, chosen)) >= COMPARED:
                break
        return np.concatenate(chosen)


class Overlap(NamedTuple):
    """The words of each card by their rarity, alone and in pairs.

    Attributes:
        counter: knows the words.
        terms: places of the words of all cards, card after card.
        weights: of the same.
        spans: where each card's begin and end, shape (cards, 2).
    """

    counter: Tfidf
    terms: "np.ndarray"
    weights: "np.ndarray"
    spans: "np.ndarray"

    @classmethod
    def of(cls, texts: Sequence[str]) -> "Overlap":
        """Of one text a card."""
        counter = Tfidf(Terms(1, 2))
        weighed = counter.fit(texts).tocsr()
        return cls(counter, weighed.indices, weighed.data, np.column_stack([weighed.indptr[:-1], weighed.indptr[1:]]))

    def share(self, part: Part, cards: "np.ndarray") -> "np.ndarray":
        """How much of the words of a part some cards have, before names were put into one spelling; shape (cards,)."""
        asked = np.zeros(self.counter.size, np.float32)
        places, weights = self.counter.terms(part.words)
        asked[places] = weights
        (terms, starts), (had, _) = (gathered(rows, self.spans[cards]) for rows in (self.terms, self.weights))
        return np.add.reduceat(asked[terms] * had, starts)


class Pieces(NamedTuple):
    """The word pieces of all cards in context, one below the other in steps of 1/127, and where each card's begin and end."""

    vectors: "np.ndarray"
    spans: "np.ndarray"

    @classmethod
    def of(cls, groups: Sequence[Sequence[Encoded]], directions: "np.ndarray") -> "Pieces":
        """Those of some sentences a card, likes counted once."""
        nothing = np.zeros((1, PIECE), np.float32)
        turned_groups = ([turned(each, directions) for each in group] for group in groups)
        kept = [_distinct(np.concatenate(group)) if group else nothing for group in turned_groups]
        bounds = np.cumsum([0, *map(len, kept)])
        vectors = np.rint(np.concatenate(kept) * BYTE).astype(np.int8)
        return cls(vectors, np.column_stack([bounds[:-1], bounds[1:]]))

    def nearness(self, pieces: "np.ndarray", weights: "np.ndarray", cards: "np.ndarray") -> "np.ndarray":
        """How near the pieces of a question have a like in each of some cards: weighted mean cosine, shape (cards,)."""
        theirs, starts = gathered(self.vectors, self.spans[cards], np.float32)
        return np.maximum.reduceat(theirs @ pieces.T, starts, axis=0) @ (weights / np.float32(BYTE))


class Known(NamedTuple):
    """What is known before any question is matched to a card.

    Attributes:
        topics: number of each card's topic.
        about: whether a card is about a subject, shape (cards, subjects).
        subjects: places of the subjects, by slug.
        openings: vectors of the cards' opening words, shape (cards, 384).
        told_words, told: words and word pieces of the cards' texts.
        rarity, directions: how word pieces are weighed and shortened.
    """

    topics: "np.ndarray"
    about: "np.ndarray"
    subjects: Dict[str, int]
    openings: "np.ndarray"
    told_words: Overlap
    told: Pieces
    rarity: Rarity
    directions: "np.ndarray"


class Learned(NamedTuple):
    """What is learned from the cards' questions: they themselves, two regressions, their words and word pieces."""

    questions: Nearest
    shelves: Shelves
    to_card: Softmax
    to_topic: Softmax
    asked_words: Overlap
    asked: Pieces


def seen(known: Known, learned: Learned, part: Part) -> Tuple["np.ndarray", "np.ndarray"]:
    """The likeliest cards for a part and what is seen of them, also as it stands out among them.

    Returns:
        Places of cards, shape (listed,), and signs, shape (listed, 20): the nearest question first.
    """
    vector: Any = part.vector
    compared = learned.shelves.near(vector)
    chances = _of_classes(learned.to_card, known.rarity.features([part])[0], compared)
    middle = learned.questions.middles[compared] @ vector
    first = np.argsort(-(_standard(middle) + _standard(chances)), kind="stable")[:LISTED]
    cards = compared[first]
    pieces, weights = turned(part.encoded, known.directions), known.rarity.shares(part.encoded)  # type: ignore[arg-type]
    topics = _log_chances(learned.to_topic.logits(vector))
    signs = np.column_stack(
        [
            learned.questions.likeness(vector, cards),
            chances[first],
            middle[first],
            topics[known.topics[cards]],
            known.openings[cards] @ vector,
            known.told_words.share(part, cards),
            learned.asked_words.share(part, cards),
            _subject_hits(known, part.subjects, cards),
            learned.asked.nearness(pieces, weights, cards),
            known.told.nearness(pieces, weights, cards),
        ]
    )
    return cards, np.hstack([signs, _standard(signs)])


def turned(encoded: Encoded, directions: "np.ndarray") -> "np.ndarray":
    """Word pieces on the directions in which pieces differ most, shape (pieces, PIECE), each of length 1."""
    pieces = encoded.in_context.astype(np.float32) @ directions
    return pieces / np.linalg.norm(pieces, axis=1, keepdims=True)


def directions_of(parts: Sequence[Part]) -> "np.ndarray":
    """The directions in which word pieces differ most, shape (384, PIECE)."""
    some = np.concatenate([part.encoded.in_context for part in parts[::5]]).astype(np.float32)  # type: ignore[union-attr]
    return np.linalg.eigh(np.cov(some.T))[1][:, ::-1][:, :PIECE].astype(np.float32)


def _distinct(pieces: "np.ndarray") -> "np.ndarray":
    alike, kept = pieces @ pieces.T > ALIKE, []
    covered = np.zeros(len(pieces), bool)
    for place in range(len(pieces)):
        if not covered[place]:
            kept.append(place)
            covered |= alike[place]
    return pieces[kept]


def _of_classes(regression: Softmax, features: "np.ndarray", classes: "np.ndarray") -> "np.ndarray":
    """Log chances of some classes among themselves."""
    if len(classes) == len(regression.bias):
        return _log_chances(regression.logits(features))
    return _log_chances(regression.weights.T[classes] @ features + regression.bias[classes])


def _log_chances(logits: "np.ndarray") -> "np.ndarray":
    return np.log(np.exp(log_softmax(logits)) + 1e-4)


def _subject_hits(known: Known, slugs: Sequence[str], cards: "np.ndarray") -> "np.ndarray":
    """Which share of its subjects each of some cards is about."""
    places = list({known.subjects[slug] for slug in slugs if slug in known.subjects})
    return known.about[np.ix_(cards, places)].sum(axis=1) / max(1, len(places))


def _standard(scores: "np.ndarray") -> "np.ndarray":
    return (scores - scores.mean(axis=0)) / (scores.std(axis=0) + 1e-6)
