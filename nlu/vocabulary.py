"""Entities: phrases of the vocabulary found in the repaired words by spaCy's phrase matcher."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Dict, List, Text

from rapidfuzz import fuzz
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.shared.nlu.constants import (
    ENTITIES,
    ENTITY_ATTRIBUTE_END,
    ENTITY_ATTRIBUTE_START,
    ENTITY_ATTRIBUTE_TYPE,
    ENTITY_ATTRIBUTE_VALUE,
    EXTRACTOR,
    PREDICTED_CONFIDENCE_KEY,
)
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData
from spacy.matcher import PhraseMatcher
from spacy.tokens import Doc

from dystonia.store import shared_store
from nlu.component import ReadingComponent, read_json, write_json
from nlu.message import Mention, Reading, reading_of
from nlu.words import SpellingRepair, shared_tokenizer

COUNTRY = "country"
HARDLY = 88.0
"""The likeness, in per cent, that a repaired word must have to what was typed for a country to count."""
_NEGATION = re.compile(
    r"\b(?:not|except|it isn't|it isnt|rather than|instead of|other than|no longer)(?: (?:the|my|in|about|on|a))*$", re.I
)


# Registered as a featurizer too: only those pass what they found on to the next components while Rasa trains.
@DefaultV1Recipe.register(
    [DefaultV1Recipe.ComponentType.MESSAGE_FEATURIZER, DefaultV1Recipe.ComponentType.ENTITY_EXTRACTOR], is_trainable=True
)
class VocabularyExtractor(ReadingComponent):
    """Finds what a message speaks of: types, treatments, parts of the body, sides of life, countries.

    Entity name is the vocabulary's kind, value its slug; of overlapping phrases the longest wins.
    """

    def __init__(self, config: Dict[Text, Any], storage: Any, resource: Any) -> None:
        super().__init__(config, storage, resource)
        self._nlp = shared_tokenizer()
        self._entries: List[Any] = []

    @classmethod
    def required_components(cls) -> List[type]:
        """Phrases are looked for in repaired words."""
        return [SpellingRepair]

    def train(self, training_data: TrainingData) -> Resource:
        """Takes the phrases from the vocabulary and the countries."""
        store = shared_store()
        self._use(
            [[term.slug, term.kind, term.phrases, [], term.stands_for] for term in store.terms.values()]
            + [[entry.country, COUNTRY, entry.phrases, entry.case_sensitive, None] for entry in store.countries.values()]
        )
        return self.persist()

    def keep(self, folder: Path) -> None:
        """Writes slug, kind, phrases and what it stands for, of each entry."""
        write_json(folder / "vocabulary.json", self._entries)

    def restore(self, folder: Path) -> None:
        """Reads the phrases back."""
        self._use(read_json(folder / "vocabulary.json"))

    def read(self, message: Message) -> None:
        """Adds the mentions, and Rasa's entities at the places where they were typed."""
        reading = reading_of(message)
        reading.mentions = self._find(reading)
        message.set(
            ENTITIES,
            message.get(ENTITIES, [])
            + [self._as_entity(reading, mention) for mention in reading.mentions if not mention.excluded],
            add_to_output=True,
        )

    def process_training_data(self, training_data: TrainingData) -> TrainingData:
        """Reads the examples without touching the entities that people marked in them."""
        for example in training_data.training_examples:
            if example.get("text"):
                reading = reading_of(example)
                reading.mentions = self._find(reading)
        return training_data

    def _use(self, entries: List[Any]) -> None:
        self._entries = entries
        self._kinds = {slug: (kind, stands_for) for slug, kind, _, _, stands_for in entries}
        self._any_case = PhraseMatcher(self._nlp.vocab, attr="LOWER")
        self._exact_case = PhraseMatcher(self._nlp.vocab, attr="ORTH")
        for slug, _, phrases, exact, _ in entries:
            self._any_case.add(slug, [self._nlp.make_doc(phrase.lower()) for phrase in phrases])
            if exact:
                self._exact_case.add(slug, [self._nlp.make_doc(phrase) for phrase in exact])

    def _find(self, reading: Reading) -> List[Mention]:
        if not reading.words:
            return []
        repaired = Doc(self._nlp.vocab, words=[word.repaired for word in reading.words])
        typed = Doc(self._nlp.vocab, words=[word.typed for word in reading.words])
        found = {
            (first, last): key
            for key, first, last in self._any_case(repaired)
            if self._kinds[self._nlp.vocab.strings[key]][0] != COUNTRY or _hardly_repaired(reading, first, last)
        }
        # A phrase as typed wins over the same place repaired: misspellings that people make often are in the vocabulary.
        found.update(
            {(first, last): key for matcher in (self._any_case, self._exact_case) for key, first, last in matcher(typed)}
        )
        taken: List[Mention] = []
        for (first, last), key in sorted(found.items(), key=lambda item: (item[0][0] - item[0][1], item[0][0])):
            if all(last <= other.first or other.last <= first for other in taken):
                slug = self._nlp.vocab.strings[key]
                kind, stands_for = self._kinds[slug]
                taken.append(Mention(slug, kind, first, last, _is_excluded(reading, first), stands_for))
        return sorted(taken, key=lambda mention: mention.first)

    @staticmethod
    def _as_entity(reading: Reading, mention: Mention) -> Dict[Text, Any]:
        return {
            ENTITY_ATTRIBUTE_TYPE: mention.kind,
            ENTITY_ATTRIBUTE_VALUE: mention.slug,
            ENTITY_ATTRIBUTE_START: reading.words[mention.first].start,
            ENTITY_ATTRIBUTE_END: reading.words[mention.last - 1].end,
            PREDICTED_CONFIDENCE_KEY: 1.0,
            EXTRACTOR: VocabularyExtractor.__name__,
        }


def _hardly_repaired(reading: Reading, first: int, last: int) -> bool:
    """Whether words are nearly as they were typed: "scotlnd" is a country, and "fr" or "sevicle" (service) is none."""
    words = reading.words[first:last]
    typed, repaired = (" ".join(getattr(word, form).lower() for word in words) for form in ("typed", "repaired"))
    return bool(fuzz.ratio(typed, repaired) >= HARDLY)


def _is_excluded(reading: Reading, first: int) -> bool:
    """Whether the words before a mention rule it out ("not the neck"); "does not work" is no such case."""
    before = reading.text(max(0, first - 4), first)
    return bool(_NEGATION.search(before))
