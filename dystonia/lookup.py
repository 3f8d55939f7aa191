"""Which card answers a question: by what it resembles, what it is about and what kind of question it is."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, FrozenSet, Iterable, List, Optional, Tuple

from dystonia.models import Card
from dystonia.question import Question, Talk
from dystonia.store import FactStore

SUBJECT_KINDS = frozenset({"type", "treatment"})
"""Kinds of vocabulary entry that say what a talk is about; the others colour the question."""
GENERAL = "dystonia"

# Weights, in units of cosine similarity. Set on the cards' own questions, each held out in turn (`make tune`), never on
# the held-out sets of tests/understanding.
TOPIC_WEIGHT = 0.12
NAMED_WEIGHT = 0.22
MISSED_WEIGHT = 0.25
STRANGER_WEIGHT = 0.10
INHERITED_WEIGHT = 0.18
EXACT = 0.985
"""A similarity above which a question is one of the card's own questions."""


@dataclass(frozen=True)
class Match:
    """A card, and how well it answers (similarity plus bonuses; above 1 for a near-verbatim question on its subject)."""

    card: Card
    score: float
    similarity: float


class Lookup:
    """Ranks the cards of a store for a question."""

    def __init__(self, store: FactStore) -> None:
        self._store = store
        self._lineage = {slug: _lineage(store, slug) for slug in store.terms}
        self._subjects = {
            slug for slug, term in store.terms.items() if term.kind in SUBJECT_KINDS and slug != GENERAL
        }

    def resolve(self, question: Question, talk: Talk) -> Tuple[str, ...]:
        """What the question is about once "it" and "the hand one" are understood."""
        named = self._named(question)
        if self._main_subjects(named) or GENERAL in named:
            return named
        inherited = tuple(slug for slug in talk.about if slug not in named and slug not in question.excluded)
        return named + inherited if self._inherits(question, named, talk) else named

    def subjects(self, slugs: Iterable[str]) -> Tuple[str, ...]:
        """Those of some slugs that a talk can be about: types and treatments, but not dystonia as a whole."""
        return tuple(slug for slug in slugs if slug in self._subjects)

    def introduction(self, slug: str) -> Optional[Card]:
        """The card that says what a type or treatment is, or None."""
        cards = [card for card in self._store.cards_by_slug.get(slug, ()) if card.about[0] == slug]
        by_name = [card for card in cards if card.id.endswith((".what_is", ".what_are"))]
        by_topic = [card for card in cards if card.topic.value in ("type_info", "treatment_info", "forms_by_distribution")]
        return next(iter(by_name + by_topic), None)

    def rank(self, question: Question, talk: Talk) -> List[Match]:
        """The cards that may answer, best first."""
        similarity = dict(question.candidates)
        named = self._named(question)
        resolved = self.resolve(question, talk)
        inherited = tuple(slug for slug in resolved if slug not in named)
        matches = [
            Match(card, self._score(card, question, named, inherited, similarity.get(card.id)), similarity.get(card.id, 0.0))
            for card in self._pool(similarity, resolved, question.topic)
        ]
        return sorted(matches, key=lambda match: (-match.score, match.card.id))

    def _named(self, question: Question) -> Tuple[str, ...]:
        excluded = {self._store.subject(slug) for slug in question.excluded}
        named = dict.fromkeys(self._store.subject(slug) for slug in question.about)
        return tuple(slug for slug in named if slug not in excluded)

    def _main_subjects(self, slugs: Iterable[str]) -> FrozenSet[str]:
        return frozenset(slug for slug in slugs if slug in self._subjects)

    def _inherits(self, question: Question, named: Tuple[str, ...], talk: Talk) -> bool:
        if not talk.about:
            return False
        best = question.candidates[0][1] if question.candidates else 0.0
        return question.refers_back or best < EXACT

    def _pool(self, similarity: Dict[str, float], resolved: Tuple[str, ...], topic: Optional[str]) -> List[Card]:
        pool = {card_id: self._store.cards[card_id] for card_id in similarity if card_id in self._store.cards}
        for slug in self._main_subjects(resolved):
            for card in self._store.cards_by_slug.get(slug, ()):
                if card.topic.value == topic:
                    pool.setdefault(card.id, card)
        return list(pool.values())

    def _score(
        self,
        card: Card,
        question: Question,
        named: Tuple[str, ...],
        inherited: Tuple[str, ...],
        similarity: Optional[float],
    ) -> float:
        floor = min((score for _, score in question.candidates), default=0.3)
        score = floor - 0.05 if similarity is None else similarity
        if card.topic.value == question.topic:
            score += TOPIC_WEIGHT * question.confidence
        covered = self._covered(card)
        main, about = self._main_subjects(named), self._main_subjects(card.about)
        if main:
            hits = main & covered
            score += NAMED_WEIGHT * len(hits) / len(main) - (0 if hits else MISSED_WEIGHT)
            score -= STRANGER_WEIGHT * (not about <= self._related(main))
        elif inherited:
            carried = self._main_subjects(inherited)
            score += INHERITED_WEIGHT * bool(carried & covered)
            score -= STRANGER_WEIGHT * bool(about and not about & self._related(carried))
        elif about and not question.refers_back:
            score -= STRANGER_WEIGHT * 0.5
        minor = frozenset(named) - main - {GENERAL}
        score += 0.08 * len(minor & set(card.about))
        if main and set(card.about) - main - {GENERAL} - set(named) and card.topic.value != question.topic:
            score -= 0.02
        return score

    def _covered(self, card: Card) -> FrozenSet[str]:
        return frozenset(card.about)

    def _related(self, slugs: Iterable[str]) -> FrozenSet[str]:
        return frozenset(relative for slug in slugs for relative in self._lineage.get(slug, (slug,)))


def _lineage(store: FactStore, slug: str) -> Tuple[str, ...]:
    lineage: List[str] = []
    current: Optional[str] = slug
    while current and current not in lineage:
        lineage.append(current)
        current = store.terms[current].parent
    return tuple(lineage)
