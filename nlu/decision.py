"""What a message is, decided in one place: crisis > emergency > boundary > question > out of scope, and which questions."""
from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List, Optional, Text, Tuple

import numpy as np
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.shared.nlu.constants import (
    ENTITIES,
    ENTITY_ATTRIBUTE_TYPE,
    ENTITY_ATTRIBUTE_VALUE,
    EXTRACTOR,
    INTENT,
    INTENT_NAME_KEY,
    INTENT_RANKING_KEY,
    METADATA,
    PREDICTED_CONFIDENCE_KEY,
)
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from dystonia.store import shared_store
from nlu.encoder import MiniLmEncoder
from nlu.component import ReadingComponent, read_json, write_json
from nlu.importer import BOUNDARY, RED_FLAG, intent_of
from nlu.message import QUESTIONS, Mention, Part, Reading, reading_of
from nlu.questions import is_question, refers_back
from nlu.red_flag_rules import is_only_asking
from nlu.red_flags import LIKELIEST, SIGNAL
from nlu.topics import OUT_OF_SCOPE, best_topic
from nlu.vocabulary import COUNTRY

ASKS = "ask_"
BOUNDARIES = "boundary_"
URGENT = ("crisis", "emergency")
NAMED = frozenset({"type", "treatment", "cause", "test", "symptom", "aspect", "body_region", "organisation"})
LOOKALIKE = "lookalike"
EXACT = 0.97
"""A similarity above which a message is one of a card's own questions, whatever else speaks against it."""


@DefaultV1Recipe.register([DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER], is_trainable=True)
class MessageDecision(ReadingComponent):
    """Sets Rasa's intent and the questions that actions answer."""

    def __init__(self, config: Dict[Text, Any], storage: Any, resource: Any) -> None:
        super().__init__(config, storage, resource)
        self._boundaries: List[str] = []
        self._vectors = np.zeros((0, 0), dtype=np.float32)
        self._flag_intents: Dict[str, str] = {}

    @classmethod
    def required_components(cls) -> List[type]:
        """Vectors for training; at run time topics, cards and red flags stand before it in config.yml."""
        return [MiniLmEncoder]

    def train(self, training_data: TrainingData) -> Resource:
        """Keeps how people ask for each boundary, and which intent each red flag is."""
        marked = [example for example in training_data.training_examples if (example.get(METADATA) or {}).get(BOUNDARY)]
        self._boundaries = [example.get(METADATA)[BOUNDARY] for example in marked]
        self._vectors = np.stack([reading_of(example).parts[0].vector for example in marked])
        self._boundary_intents = [example.get(INTENT) for example in marked]
        self._flag_intents = {flag.id: intent_of(flag) for flag in shared_store().red_flags.values()}
        return self.persist()

    def keep(self, folder: Path) -> None:
        """Writes ids, intents and vectors."""
        kept = {"boundaries": self._boundaries, "intents": self._boundary_intents, "red_flags": self._flag_intents}
        write_json(folder / "decision.json", kept)
        np.save(folder / "boundaries.npy", self._vectors)

    def restore(self, folder: Path) -> None:
        """Reads them back."""
        kept = read_json(folder / "decision.json")
        self._boundaries, self._boundary_intents = kept["boundaries"], kept["intents"]
        self._flag_intents = kept["red_flags"]
        self._vectors = np.load(folder / "boundaries.npy")

    def read(self, message: Message) -> None:
        """Decides, and writes the decision where Rasa and the actions look for it."""
        reading = reading_of(message)
        asked = _questions(reading)
        intent, confidence = self._intent(message, reading, asked)
        message.set(INTENT, {INTENT_NAME_KEY: intent, PREDICTED_CONFIDENCE_KEY: confidence}, add_to_output=True)
        ranking = [{INTENT_NAME_KEY: name, PREDICTED_CONFIDENCE_KEY: round(chance, 4)} for name, chance in asked[0].topics[:3]] if asked else []
        message.set(INTENT_RANKING_KEY, ranking, add_to_output=True)
        if intent.startswith(ASKS) or intent in ("correct", "nlu_fallback", OUT_OF_SCOPE, "affirm"):
            message.set(QUESTIONS, [_as_output(reading, part) for part in asked], add_to_output=True)

    def process_training_data(self, training_data: TrainingData) -> TrainingData:
        """Examples keep the intents that people gave them."""
        return training_data

    def _intent(self, message: Message, reading: Reading, asked: List[Part]) -> Tuple[str, float]:
        if SIGNAL in reading.signals:
            flag, confidence = reading.signals[SIGNAL]  # type: ignore[misc]
            _add_entity(message, RED_FLAG, flag)
            return self._flag_intents[flag], confidence
        if not asked:
            return OUT_OF_SCOPE, 1.0
        if best_topic(reading.parts[0])[0] in URGENT and not is_only_asking(reading.text(0, len(reading.words))):
            flag = reading.signals[LIKELIEST][0]  # type: ignore[index]
            _add_entity(message, RED_FLAG, flag)
            return self._flag_intents[flag], best_topic(reading.parts[0])[1]
        for part in asked:
            topic, confidence = best_topic(part)
            if topic.startswith(BOUNDARIES):
                _add_entity(message, BOUNDARY, self._boundary(part, topic))
                return topic, confidence
        if all(not _in_scope(reading, part) for part in asked):
            return OUT_OF_SCOPE, best_topic(asked[0])[1]
        return _calm(next(part for part in asked if _in_scope(reading, part)))

    def _boundary(self, part: Part, intent: str) -> str:
        """The boundary whose phrasings are nearest, among those of the intent."""
        likeness = self._vectors @ part.vector
        among = [i for i, kept in enumerate(self._boundary_intents) if kept == intent]
        return self._boundaries[max(among, key=lambda i: likeness[i])]


def _calm(part: Part) -> Tuple[str, float]:
    """The likeliest intent that is not urgent: what is plainly a question gets its answer."""
    return next((topic for topic in part.topics if topic[0] not in URGENT), (OUT_OF_SCOPE, 0.0))


def _questions(reading: Reading) -> List[Part]:
    """The parts to answer: each question of a compound message, the one inside a story, or the whole."""
    if not reading.parts:
        return []
    whole, *pieces = reading.parts
    if _likeness(whole) >= EXACT:
        return [whole]
    asking = [piece for piece in pieces if is_question(piece.text) and _in_scope(reading, piece) and _is_subject(best_topic(piece)[0])]
    distinct = [piece for i, piece in enumerate(asking) if all(_differ(reading, piece, earlier) for earlier in asking[:i])]
    return distinct or [whole]


def _is_subject(intent: str) -> bool:
    return intent.startswith((ASKS, BOUNDARIES))


def _differ(reading: Reading, one: Part, other: Part) -> bool:
    """Two parts are two questions when their topics or their subjects differ."""
    return best_topic(one)[0] != best_topic(other)[0] or _slugs(reading, one) != _slugs(reading, other)


def _slugs(reading: Reading, part: Part) -> List[str]:
    return list(dict.fromkeys(mention.slug for mention in reading.mentions_in(part) if mention.kind in NAMED and not mention.excluded))


def _likeness(part: Part) -> float:
    return part.cards[0][1] if part.cards else 0.0


def _in_scope(reading: Reading, part: Part) -> bool:
    """Whether a part belongs here: it resembles what we know, and is not about a look-alike with no tie to dystonia."""
    topic, _ = best_topic(part)
    if topic == OUT_OF_SCOPE:
        return _likeness(part) >= EXACT
    if not topic.startswith(ASKS):
        return part.familiarity >= 0 or len(part.text.split()) <= 6
    kinds = {mention.kind for mention in reading.mentions_in(part)}
    if LOOKALIKE in kinds and not kinds & {"type", "treatment"} and not refers_back(part.text):
        return _likeness(part) >= EXACT
    return part.familiarity >= 0


def _as_output(reading: Reading, part: Part) -> Dict[Text, Any]:
    topic, confidence = best_topic(part)
    mentions: List[Mention] = reading.mentions_in(part)
    if not any(mention.kind in ("type", "treatment", "body_region") for mention in mentions):
        # A story names its subject once; the question at its end leans on it.
        mentions = mentions + [mention for mention in reading.mentions if mention.kind in ("type", "treatment") and mention not in mentions]
    kept = [mention for mention in mentions if mention.kind in NAMED | {LOOKALIKE}]
    return {
        "text": reading.text(part.first, part.last),
        "topic": topic[len(ASKS) :] if topic.startswith(ASKS) else None,
        "confidence": round(confidence, 4),
        "about": list(dict.fromkeys(mention.slug for mention in kept if not mention.excluded)),
        "excluded": list(dict.fromkeys(mention.slug for mention in kept if mention.excluded)),
        "cards": [list(candidate) for candidate in part.cards],
        "in_scope": _in_scope(reading, part),
        "refers_back": refers_back(reading.text(part.first, part.last)),
    }


def _add_entity(message: Message, name: str, value: str) -> None:
    entity = {ENTITY_ATTRIBUTE_TYPE: name, ENTITY_ATTRIBUTE_VALUE: value, "start": 0, "end": 0, EXTRACTOR: MessageDecision.__name__}
    message.set(ENTITIES, message.get(ENTITIES, []) + [entity], add_to_output=True)
