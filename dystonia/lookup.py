"""Which card answers a question: the understanding's probabilities, weighed with what the talk is about."""
from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import cached_property
from typing import Dict, FrozenSet, Iterable, List, Optional, Tuple

from dystonia.models import Card
from dystonia.question import Question, Talk
from dystonia.store import FactStore

SUBJECT_KINDS = frozenset({"type", "treatment"})
"""Kinds of vocabulary entry that say what a talk is about; the others colour the question."""
GENERAL = "dystonia"
LONGEST_NAME = 6
"""Words of the longest name that is looked for in a card's text."""
EXACT = 0.97
"""A likeness above which a question is one of a card's own, and needs no subject from the talk."""

# Weights, in log probability. Chosen on tests/understanding/development (`make tune`), never on the held-out sets.
FLOOR = 1e-4
INHERITED = 1.0
STRANGER = 2.0
SAME_TOPIC = 1.0
GIVEN_TOPIC = 10.0
RULED_OUT = 6.0
ELSEWHERE = 3.0
JUST_SAID = 4.0
NEARLY_ITS_OWN = 0.85
"""Against a card of the last answer, where "why?" asks for more than it said."""
COLOURED = 2.5
"""For a card about a side that is named ("and can she still drive"), where the subject is that of the talk."""
ASIDE = 8.0
"""Against a card about another subject, where subject and topic are certain."""

_WORDS = re.compile(r"[a-z0-9']+")


@dataclass(frozen=True)
class Match:
    """A card, and its share of the belief in all cards that were weighed (0 to 1)."""

    card: Card
    share: float


class Lookup:
    """Ranks the cards of a store for a question."""

    def __init__(self, store: FactStore) -> None:
        self._store = store
        self._subjects = frozenset(
            slug for slug, term in store.terms.items() if term.kind in SUBJECT_KINDS and slug != GENERAL
        )

    def resolve(self, question: Question, talk: Talk) -> Tuple[str, ...]:
        """What the question is about once "it" and "the hand one" are understood."""
        named = self._named(question)
        if self.subjects(named) or GENERAL in named or question.likeness >= EXACT and not question.refers_back:
            return named
        return named + tuple(slug for slug in self.subjects(talk.about) if slug not in (*named, *self._excluded(question)))

    def subjects(self, slugs: Iterable[str]) -> Tuple[str, ...]:
        """Those of some slugs that a talk can be about: types and treatments, but not dystonia as a whole."""
        return tuple(slug for slug in slugs if slug in self._subjects)

    def named_in(self, text: str) -> Tuple[str, ...]:
        """The types and treatments that a text names, in order; a part of the body stands for its type."""
        words, place, found = _WORDS.findall(text.lower()), 0, []
        while place < len(words):
            for last in range(min(len(words), place + LONGEST_NAME), place, -1):
                slug = self._slug_of.get(" ".join(words[place:last]))
                if slug:
                    found.append(slug)
                    place = last - 1
                    break
            place += 1
        return self.subjects(dict.fromkeys(found))

    def introduction(self, slug: str) -> Optional[Card]:
        """The card that says what a type or treatment is, or None."""
        cards = [card for card in self._store.cards_by_slug.get(slug, ()) if card.about[0] == slug]
        by_name = [card for card in cards if card.id.endswith((".what_is", ".what_are"))]
        by_topic = [card for card in cards if card.topic.value in ("type_info", "treatment_info", "forms_by_distribution")]
        return next(iter(by_name + by_topic), None)

    @cached_property
    def _slug_of(self) -> Dict[str, str]:
        phrases = ((phrase, term.slug) for term in self._store.terms.values() for phrase in term.phrases)
        return {" ".join(_WORDS.findall(phrase.lower())): self._store.subject(slug) for phrase, slug in phrases}

    def rank(self, question: Question, talk: Talk) -> List[Match]:
        """The cards that may answer, best first."""
        named = self._named(question)
        resolved = frozenset(self.subjects(self.resolve(question, talk)))
        inherited = resolved - frozenset(named)
        place = self.country(question, talk)
        beliefs = {
            card: math.log(max(chance, FLOOR))
            + self._leaning(card, question, inherited)
            - ELSEWHERE * self._is_elsewhere(card, place)
            - JUST_SAID * (card.id in talk.cards and self._wants_another(question))
            for card, chance in self._pool(question, resolved).items()
        }
        total = sum(math.exp(belief) for belief in beliefs.values()) + self._unlisted(question)
        ranked = sorted(beliefs.items(), key=lambda item: (-item[1], item[0].id))
        return [Match(self._at_home(card, place), math.exp(belief) / total) for card, belief in ranked]

    @staticmethod
    def _wants_another(question: Question) -> bool:
        """Whether a question that leans on the talk surely isn't answered by what was just said."""
        return question.is_bare or question.refers_back and question.likeness < NEARLY_ITS_OWN

    def country(self, question: Question, talk: Talk) -> Optional[str]:
        """The country that a question names, else the visitor's, where known."""
        return next((slug for slug in question.about if slug in self._store.countries), talk.country)

    def _is_elsewhere(self, card: Card, place: Optional[str]) -> bool:
        """Whether a card is about another country than the one that is meant."""
        countries = frozenset(card.about) & frozenset(self._store.countries)
        return bool(place and countries and place not in countries)

    def _at_home(self, card: Card, place: Optional[str]) -> Card:
        """The country's own card in the place of one whose answer depends on the country."""
        if not (card.by_country and place):
            return card
        linked = (self._store.cards[card_id] for card_id in card.see_also)
        return next((other for other in linked if place in other.about), card)

    def _named(self, question: Question) -> Tuple[str, ...]:
        excluded = self._excluded(question)
        named = dict.fromkeys(self._store.subject(slug) for slug in question.about)
        return tuple(slug for slug in named if slug not in excluded)

    def _excluded(self, question: Question) -> FrozenSet[str]:
        return frozenset(self._store.subject(slug) for slug in question.excluded)

    def _pool(self, question: Question, subjects: FrozenSet[str]) -> Dict[Card, float]:
        """The candidates, and the cards on the subject that the words alone could not point to."""
        pool = {self._store.cards[card_id]: chance for card_id, chance in question.candidates if card_id in self._store.cards}
        for slug in sorted(subjects | frozenset(question.about if question.topic_given else ())):
            for card in self._store.cards_by_slug.get(slug, ()):
                if card.topic.value == question.topic:
                    pool.setdefault(card, FLOOR)
        return pool

    def _leaning(self, card: Card, question: Question, inherited: FrozenSet[str]) -> float:
        about = frozenset(self.subjects(card.about))
        same_topic = card.topic.value == question.topic
        leaning = GIVEN_TOPIC * (question.topic_given and same_topic)
        if about & self._excluded(question):
            leaning -= RULED_OUT
        if inherited and about & inherited:
            leaning += INHERITED + SAME_TOPIC * same_topic
        elif inherited and about:
            leaning -= STRANGER
        if question.topic_given and about.isdisjoint(self.subjects(self._named(question)) or about):
            leaning -= ASIDE
        if (inherited or question.topic_given) and frozenset(question.about) & frozenset(card.about):
            leaning += COLOURED
        return leaning

    @staticmethod
    def _unlisted(question: Question) -> float:
        """The belief in cards that were not listed at all."""
        return max(0.0, 1.0 - sum(chance for _, chance in question.candidates))
