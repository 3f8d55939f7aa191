"""What a message is, decided in one place: crisis > emergency > boundary > question > out of scope, and which questions."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Dict, List, Text, Tuple

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

from dystonia.aftercare import names_a_line
from dystonia.store import shared_store
from nlu import boundary_rules
from nlu.component import ReadingComponent, read_json, write_json
from nlu.encoder import MiniLmEncoder
from nlu.importer import BOUNDARY, RED_FLAG, intent_of
from nlu.message import FOR_ONE_PERSON, IN_DOUBT, OFFERS, QUESTIONS, SCOPE, Part, Reading, reading_of, text_of
from nlu.questions import is_question, refers_back
from nlu.red_flags import DOUBT, SIGNAL
from nlu.topics import LOOKALIKE, OUT_OF_SCOPE
from nlu.vocabulary import COUNTRY

ASKS = "ask_"
BOUNDARIES = "boundary_"
DIAGNOSIS = "boundary_diagnosis"
COMPARISON = "ask_comparison"
CORRECT = "correct"
_COMPARES = re.compile(
    r"\b(?:differen\w+|versus|vs|compared?|comparison|same as|better than|worse than|which (?:one )?is)\b", re.I
)
TELL_COUNTRY = "tell_country"
BYE, DENY = "bye", "deny"
NUMBERS = "numbers"
"""The intent of a message that asks for an emergency number or a crisis line by its name."""
NEVER_ASKED = frozenset({"thank", "greet", BYE, "affirm", DENY, "feedback", "lament", CORRECT})
"""Small talk and moves that no question is."""
_FAREWELL = re.compile(
    r"\b(?:good ?(?:bye|night)|bye+|by[e ]*bye|farewell|see (?:you|ya|u)|cheerio|ta ?ta"
    r"|take care|later|cya|ciao|off now|going now|gotta go)\b"
)
_REFUSAL = re.compile(
    r"^\W*(?:no\b|nope|nah|not? (?:that|it|this|those|really|quite|what|either)"
    r"|neither|none|wrong|negative|don'?t|never ?mind)"
)
URGENT = ("crisis", "emergency")
DOUBTED = "in_doubt"
"""The intent of a message that belongs nowhere, and may be a cry for help."""
NAMED = frozenset(
    {"type", "treatment", "cause", "test", "symptom", "aspect", "body_region", "organisation", "country", LOOKALIKE}
)
ABOUT_US = "ask_sources"
HALF = 0.5
SURELY_FOREIGN = 0.9
CLASSIFIED = 0.65
"""How much the classifier's view of a topic counts beside that of the cards; chosen on the development questions."""
HELD = 0.65
"""The share of boundaries, in what is a boundary or a question, from which a boundary is held; chosen likewise."""
HELD_OF_ALL = 0.25
"""The share of boundaries, in everything that it may be, below which none is held."""
NEARLY_HELD = 0.12
"""The same share, from which a question is answered, and the answer says first that it judges nobody's case.
Chosen likewise."""
CLEAR = 0.35
"""A probability from which a piece of a message counts as a question of its own."""
SHORT = 6
"""A part of so many words has the topic that one of them is."""
CARRIED = 0.9
"""How sure it is that a fragment asks what was asked last."""
SURELY_A_MOVE = 0.9
"""A probability from which a goodbye counts that says no word of farewell."""
SURELY_TALK = 0.95
"""A probability from which a question that leans on the talk is small talk or a move after all."""
LIKE_OURS = 0.45
"""A likeness to a card's question from which a question that names nothing may be about what the talk is about."""
LIKE_OURS_THOUGH_FOREIGN = 0.6
"""The same, where the words alone look foreign."""
LEANING = 0.7
"""How much a question's reading with the subject of the talk counts, where its words say that they lean on it."""
BY_RULE = 20.0
"""How far, in log odds, a rule moves the scope score that it overrules: past every message that the score decides."""
LIKE_A_BOUNDARY = 0.45
"""A likeness to the nearest phrasing below which no boundary is held."""
KNOWN_CARD, KNOWN_LIKENESS = 0.8, 0.7
"""A card's probability, and a likeness to its questions, from which a message belongs here though its words look foreign."""
EXACT = 0.97
"""A likeness above which a message is one of a card's own questions, whatever else speaks against it."""


@DefaultV1Recipe.register([DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER], is_trainable=True)
class MessageDecision(ReadingComponent):
    """Sets Rasa's intent and the questions that actions answer."""

    def __init__(self, config: Dict[Text, Any], storage: Any, resource: Any) -> None:
        super().__init__(config, storage, resource)
        self._boundaries: List[str] = []
        self._boundary_intents: List[str] = []
        self._vectors = np.zeros((0, 0), dtype=np.float32)
        self._flag_intents: Dict[str, str] = {}
        self._intent_of_boundary: Dict[str, str] = {}

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
        self._intent_of_boundary = {boundary.id: boundary.intent for boundary in shared_store().boundaries.values()}
        return self.persist()

    def keep(self, folder: Path) -> None:
        """Writes ids, intents and vectors."""
        kept = {
            "boundaries": self._boundaries,
            "intents": self._boundary_intents,
            "red_flags": self._flag_intents,
            "intent_of_boundary": self._intent_of_boundary,
        }
        write_json(folder / "decision.json", kept)
        np.save(folder / "boundaries.npy", self._vectors)

    def restore(self, folder: Path) -> None:
        """Reads them back."""
        kept = read_json(folder / "decision.json")
        self._boundaries, self._boundary_intents = kept["boundaries"], kept["intents"]
        self._flag_intents, self._intent_of_boundary = kept["red_flags"], kept["intent_of_boundary"]
        self._vectors = np.load(folder / "boundaries.npy")

    def read(self, message: Message) -> None:
        """Decides, and writes the decision where Rasa and the actions look for it."""
        reading = reading_of(message)
        for part in reading.views:
            _join_topics(part)
            _doubt_small_talk(reading, part)
            _settle_comparison(reading, part)
        reading.parts = [_better_view(reading, part) for part in reading.parts]
        if _names_dystonia(reading):
            for part in reading.parts:
                part.topics = [topic for topic in part.topics if topic[0] != OUT_OF_SCOPE]
        asked = _questions(reading)
        intent, confidence = self._intent(message, reading, asked)
        if DOUBT in reading.signals and intent != NUMBERS:
            flag = reading.signals[DOUBT][0]  # type: ignore[index]
            # Beside an emergency, too, a crisis must not be lost.
            if intent not in URGENT or (intent, self._flag_intents[flag]) == URGENT[::-1]:
                message.set(IN_DOUBT, {RED_FLAG: flag, "kind": self._flag_intents[flag]}, add_to_output=True)
            intent = DOUBTED if intent == OUT_OF_SCOPE else intent
        if intent == OUT_OF_SCOPE:
            # "What is the capital of France" says nothing of where the visitor is.
            message.set(ENTITIES, [entity for entity in message.get(ENTITIES, []) if entity[ENTITY_ATTRIBUTE_TYPE] != COUNTRY])
        message.set(INTENT, {INTENT_NAME_KEY: intent, PREDICTED_CONFIDENCE_KEY: confidence}, add_to_output=True)
        first = asked[0].topics[:3] if asked else []
        ranking = [{INTENT_NAME_KEY: name, PREDICTED_CONFIDENCE_KEY: round(chance, 4)} for name, chance in first]
        message.set(INTENT_RANKING_KEY, ranking, add_to_output=True)
        message.set(SCOPE, _scope(asked, intent in (OUT_OF_SCOPE, DOUBTED)), add_to_output=True)
        if intent.startswith(ASKS) or intent == CORRECT:
            if any(part.boundary >= NEARLY_HELD and part.likeness < EXACT for part in asked):
                message.set(FOR_ONE_PERSON, True, add_to_output=True)
            message.set(QUESTIONS, [_as_output(reading, part) for part in asked], add_to_output=True)

    def process_training_data(self, training_data: TrainingData) -> TrainingData:
        """Examples keep the intents that people gave them."""
        return training_data

    def _intent(self, message: Message, reading: Reading, asked: List[Part]) -> Tuple[str, float]:
        if SIGNAL in reading.signals:
            flag, confidence = reading.signals[SIGNAL]  # type: ignore[misc]
            _add_entity(message, RED_FLAG, flag)
            return self._flag_intents[flag], confidence
        if names_a_line(text_of(message)):
            return NUMBERS, 1.0
        if _only_a_country(reading):
            return TELL_COUNTRY, 1.0
        belongs = len(asked) > 1 or _names_dystonia(reading)
        ours = asked if belongs else [part for part in asked if _in_scope(part) or _tells_of_an_ache(reading, part)]
        if not ours:
            return OUT_OF_SCOPE, asked[0].topics[0][1] if asked else 1.0
        by_form = boundary_rules.crossed(reading.text(0, len(reading.words)))
        if by_form:
            return self._hold(message, by_form, ours[0], 1.0)
        for part in ours:
            intent, confidence = part.topics[0]
            if intent.startswith(BOUNDARIES):
                boundary, likeness = self._boundary(part, intent)
                if likeness >= LIKE_A_BOUNDARY:
                    return self._hold(message, boundary, part, confidence)
                part.topics = [topic for topic in part.topics if not topic[0].startswith(BOUNDARIES)]
        return ours[0].topics[0]

    def _hold(self, message: Message, boundary: str, part: Part, confidence: float) -> Tuple[str, float]:
        """Notes the boundary, and what can be told about the subject instead."""
        _add_entity(message, BOUNDARY, boundary)
        message.set(OFFERS, part.offers, add_to_output=True)
        return self._intent_of_boundary[boundary], confidence

    def _boundary(self, part: Part, intent: str) -> Tuple[str, float]:
        """The boundary with the nearest phrasing, among those of the intent, and how like it is (cosine)."""
        likeness = self._vectors @ part.vector
        nearest = max((i for i, kept in enumerate(self._boundary_intents) if kept == intent), key=lambda i: likeness[i])
        return self._boundaries[nearest], float(likeness[nearest])


def _join_topics(part: Part) -> None:
    """Joins the classifier's view of the topic with that of the cards, a weighted geometric mean, within what is a question.

    First comes the likeliest intent of the likeliest kind: many topics share the belief that a message is a question, and
    a boundary that outweighs each of them need not outweigh them all. Urgent intents are left to the two detectors of red
    flags, which have spoken by now.
    """
    chances = {intent: chance for intent, chance in part.topics if intent not in URGENT}
    asked = sum(chance for intent, chance in chances.items() if intent.startswith(ASKS))
    joined = {
        ASKS + topic: chances.get(ASKS + topic, 0.0) ** CLASSIFIED * mass ** (1 - CLASSIFIED)
        for topic, mass in part.card_topics.items()
    }
    total = sum(joined.values()) or 1.0
    chances.update({intent: asked * chance / total for intent, chance in joined.items()})
    whole = sum(chances.values()) or 1.0
    kinds: Dict[str, float] = {}
    for intent, chance in chances.items():
        kinds[_kind(intent)] = kinds.get(_kind(intent), 0.0) + chance
    crossing = kinds.get(BOUNDARIES, 0.0)
    part.boundary = crossing / (asked + crossing) if asked + crossing else 0.0
    if part.boundary < HELD or crossing < HELD_OF_ALL * sum(kinds.values()):
        kinds.pop(BOUNDARIES, None)
    likeliest = max(kinds, key=kinds.__getitem__)
    order = sorted(chances.items(), key=lambda topic: (_kind(topic[0]) != likeliest, -topic[1]))
    part.topics = [(intent, chance / whole) for intent, chance in order]


def _doubt_small_talk(reading: Reading, part: Part) -> None:
    """Puts small talk and moves behind a question, where the message asks something and they are not nearly sure.

    "Thank you. And what about the tablets?" is no thanks; a goodbye without a word of farewell is seldom one, nor is
    "I'm not ok" a no; what is meant instead must be said, and so must a country.
    """
    intent, chance = part.topics[0]
    asked = intent in NEVER_ASKED and reading.asks
    unsaid = (
        (intent == BYE and not _FAREWELL.search(part.words))
        or (intent == CORRECT and not part.topic_word)
        or (intent == DENY and not _REFUSAL.search(part.words))
    )
    if intent == TELL_COUNTRY and not any(mention.kind == COUNTRY for mention in reading.mentions):
        part.topics = [*part.topics[1:], part.topics[0]]
        return _doubt_small_talk(reading, part)
    if chance < (SURELY_TALK if asked else HALF if intent == CORRECT else SURELY_A_MOVE if unsaid else 0):
        part.topics = sorted(part.topics, key=lambda topic: topic[0] in NEVER_ASKED)


def _kind(intent: str) -> str:
    """What sort of intent it is: each move and each piece of small talk is one by itself."""
    return next((kind for kind in (ASKS, BOUNDARIES) if intent.startswith(kind)), intent)


def _settle_comparison(reading: Reading, part: Part) -> None:
    """Two things named, and words that set them against each other: a comparison, whatever else the words resemble."""
    sides = {
        mention.subject or mention.slug for mention in reading.mentions_in(part) if mention.subject or mention.kind == LOOKALIKE
    }
    if len(sides) > 1 and _COMPARES.search(reading.text(part.first, part.last)):
        rest = [topic for topic in part.topics if topic[0] != COMPARISON]
        part.topics = [(COMPARISON, max(HALF, part.topics[0][1])), *rest]
        part.in_scope = part.in_scope or len({mention.subject for mention in reading.mentions_in(part)} - {None}) > 1


def _better_view(reading: Reading, part: Part) -> Part:
    """A part as it leans on the talk, weighed with how it reads alone.

    Alone it stands where it is small talk, a move, or a question that a card knows as it is. What only completes the last
    question, or picks from what was listed, has its topic from there.
    """
    alone = part.alone
    if part.picked or part.carried or part.is_bare or part.corrects:
        _take_from_the_talk(part)
        if alone is not None:
            alone.topics = part.topics
        return alone or part
    if alone is None:
        return part
    alone.topic_word = part.topic_word
    intent, chance = alone.topics[0]
    about_the_talk = intent.startswith((ASKS, BOUNDARIES, OUT_OF_SCOPE)) and intent != ABOUT_US
    asks = reading.asks if part is reading.parts[0] else is_question(part.words)
    if alone.likeness >= EXACT or not about_the_talk and chance >= (SURELY_TALK if asks else HALF):
        return alone
    if not part.leans:
        if not (about_the_talk or asks) or not _plausible(alone):
            return alone
        part.topics, part.cards = _weighed(part.topics, alone.topics, HALF), _weighed(part.cards, alone.cards, HALF)
    elif reading.mentions_in(part):
        # It names something, if only a side of life: "and can she still drive".
        part.cards = _weighed(part.cards, alone.cards, LEANING)
    return part


def _take_from_the_talk(part: Part) -> None:
    """Gives a part that says little itself what it has from the talk: its card, or its topic."""
    intent, chance = part.topics[0]
    if part.picked:
        card = shared_store().cards[part.picked]
        part.cards, part.topics = [(card.id, 1.0)], [(ASKS + card.topic.value, 1.0)]
        part.likeness, part.in_scope = 1.0, True
    elif part.corrects:
        if not intent.startswith(BOUNDARIES) or chance < HALF:
            part.topics = [(CORRECT, max(CARRIED, chance)), *(topic for topic in part.topics if topic[0] != CORRECT)]
    else:
        asked = [topic for topic in part.topics if topic[0].startswith(ASKS)]
        intent = ASKS + part.carried if part.carried else asked[0][0]
        part.topics = [(intent, CARRIED), *((other, chance * (1 - CARRIED)) for other, chance in asked if other != intent)]
        part.in_scope = True


def _plausible(alone: Part) -> bool:
    """Whether a question that names nothing and leans on nothing may be about what the talk is about."""
    intent, chance = alone.topics[0]
    foreign = intent == OUT_OF_SCOPE
    if not intent.startswith((ASKS, BOUNDARIES, OUT_OF_SCOPE)) and chance < HALF:
        return True
    return alone.likeness >= (LIKE_OURS_THOUGH_FOREIGN if foreign else LIKE_OURS) or alone.in_scope and not foreign


def _weighed(one: List[Tuple[str, float]], other: List[Tuple[str, float]], weight: float) -> List[Tuple[str, float]]:
    """Two rankings as one: the first counts by the weight, the second by the rest."""
    joined = {name: weight * chance for name, chance in one}
    for name, chance in other:
        joined[name] = joined.get(name, 0.0) + (1 - weight) * chance
    return sorted(joined.items(), key=lambda item: -item[1])


def _questions(reading: Reading) -> List[Part]:
    """The parts to answer: each question of a compound message, or the whole."""
    if not reading.parts:
        return []
    whole, *pieces = reading.parts
    if whole.likeness >= EXACT:
        return [whole]
    if _in_scope(whole):
        # A piece is short, and may look foreign by itself; it is taken at its word where the message belongs here.
        for piece in pieces:
            _take_at_its_word(piece)
    if pieces and all(piece.is_listed for piece in pieces):
        return pieces
    asking = [piece for piece in pieces if piece.topics[0][0].startswith((ASKS, BOUNDARIES)) and piece.topics[0][1] >= CLEAR]
    if not _in_scope(whole):
        asking = [piece for piece in asking if _in_scope(piece)]
    distinct = [piece for i, piece in enumerate(asking) if all(_differ(piece, earlier) for earlier in asking[:i])]
    if len(distinct) == 1 and any(mention.pointed_at for mention in reading.mentions_in(distinct[0])):
        return distinct
    return distinct if len(distinct) > 1 else [whole]


def _take_at_its_word(piece: Part) -> None:
    """Leaves the chance that a piece is foreign to its other topics; a topic that it names by a noun is its topic."""
    ours = [topic for topic in piece.topics if topic[0] != OUT_OF_SCOPE]
    whole = sum(chance for _, chance in ours)
    if whole and piece.topics[0][0] == OUT_OF_SCOPE:
        piece.topics = [(intent, chance / whole) for intent, chance in ours]
    named = ASKS + piece.topic_word if piece.topic_word else None
    if named and piece.topics[0][0] != named and piece.last - piece.first <= SHORT:
        piece.topics = [(named, HALF), *(topic for topic in piece.topics if topic[0] != named)]


def _differ(one: Part, other: Part) -> bool:
    """Two parts are two questions when their topics, their subjects or their likeliest cards differ."""
    return any(
        mine != its
        for mine, its in (
            (one.topics[0][0], other.topics[0][0]),
            (one.subjects, other.subjects),
            ([card for card, _ in one.cards[:1]], [card for card, _ in other.cards[:1]]),
        )
    )


def _only_a_country(reading: Reading) -> bool:
    """Whether a message names a country and hardly anything else: the answer to "tell me your country"."""
    countries = [mention for mention in reading.mentions if mention.kind == COUNTRY]
    said = sum(mention.last - mention.first for mention in countries)
    alone = len(countries) == 1 and len(reading.mentions) == 1 and len(reading.words) - said <= 4
    return alone and not is_question(reading.text(0, len(reading.words)))


def _names_dystonia(reading: Reading) -> bool:
    """Whether the message names dystonia or a type of it: then it belongs here, whatever else it speaks of."""
    return any(mention.kind == "type" for mention in reading.mentions)


def _in_scope(part: Part) -> bool:
    """Whether a part belongs here: what is surely small talk does, all else must resemble what we know."""
    intent, chance = part.topics[0]
    if part.likeness >= EXACT:
        return True
    if part.alone is not None:
        # It leans on what was said before, which belonged here.
        return intent != OUT_OF_SCOPE or chance < SURELY_FOREIGN
    surely_talk = chance >= HALF and not intent.startswith((ASKS, BOUNDARIES))
    return intent != OUT_OF_SCOPE and (part.in_scope or surely_talk or _has_its_card(part))


def _tells_of_an_ache(reading: Reading, part: Part) -> bool:
    """Whether a part says what ails a part of the body ("my shoulder aches"), though nothing in it speaks of dystonia."""
    intent, chance = part.topics[0]
    kinds = {mention.kind for mention in reading.mentions_in(part)}
    return (
        intent == DIAGNOSIS
        and chance >= HALF
        and bool(kinds & {"symptom", "body_region"})
        and LOOKALIKE not in kinds
        and not reading.asks
    )


def _has_its_card(part: Part) -> bool:
    return bool(part.cards) and part.cards[0][1] >= KNOWN_CARD and part.likeness >= KNOWN_LIKENESS


def _scope(asked: List[Part], refused: bool) -> float:
    """How surely a message belongs here: below 0 it was refused. Where a rule overruled the score, the rule moves it."""
    margin = max((part.scope for part in asked), default=0.0)
    moved = 0.0 if refused == (margin < 0) else -BY_RULE if refused else BY_RULE
    return round(margin + moved, 4)


def _as_output(reading: Reading, part: Part) -> Dict[Text, Any]:
    topic, confidence = next((each for each in part.topics if each[0].startswith(ASKS)), (None, 0.0))
    if part.is_listed and part.topic_word:
        topic, confidence = ASKS + part.topic_word, 1.0
    mentions = [mention for mention in reading.mentions_in(part) if mention.kind in NAMED]
    earlier = [mention for mention in reading.mentions if mention.subject and mention.last <= part.first]
    if not any(mention.subject for mention in mentions):
        mentions += earlier[-1:]
    about = [mention.slug for mention in mentions if not mention.excluded]
    if part.is_listed or part.carried:
        about += part.subjects
    words = reading.text(part.first, part.last)
    return {
        "text": words,
        "topic": topic[len(ASKS) :] if topic else None,
        "confidence": round(confidence, 4),
        "about": list(dict.fromkeys(about)),
        "excluded": list(dict.fromkeys(mention.slug for mention in mentions if mention.excluded)),
        "cards": [list(candidate) for candidate in part.cards],
        "likeness": round(part.likeness, 3),
        "refers_back": refers_back(words),
        "topic_given": bool(part.carried or part.is_listed),
        "topic_word": part.topic_word,
        "picked": part.picked is not None,
        "is_bare": part.is_bare,
    }


def _add_entity(message: Message, name: str, value: str) -> None:
    entity = {
        ENTITY_ATTRIBUTE_TYPE: name,
        ENTITY_ATTRIBUTE_VALUE: value,
        "start": 0,
        "end": 0,
        EXTRACTOR: MessageDecision.__name__,
    }
    message.set(ENTITIES, message.get(ENTITIES, []) + [entity], add_to_output=True)
