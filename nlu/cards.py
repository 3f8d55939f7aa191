"""Cards: which of them answer a question, seen from ten sides (nlu/ranking.py), with weights learned on their own questions."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List, Sequence, Text, Tuple

import joblib
import numpy as np
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.shared.nlu.constants import METADATA
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from dystonia import wording
from dystonia.models import Card
from dystonia.store import shared_store
from nlu.adapter import is_unseen
from nlu.component import ReadingComponent
from nlu.encoder import MiniLmEncoder
from nlu.message import CARD, Part, reading_of
from nlu.nearest import Nearest
from nlu.pieces import Rarity
from nlu.ranking import Known, Learned, Overlap, Pieces, Shelves, directions_of, seen
from nlu.sentence_encoder import shared_encoder
from nlu.softmax import fit_softmax, softmax

OFFERED = 2


@DefaultV1Recipe.register([DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER], is_trainable=True)
class CardRetriever(ReadingComponent):
    """Gives each card a probability of being the answer.

    Cards are listed by a softmax regression from vector to card and by the middle of their questions. Those listed are seen
    from more sides: cosine to the nearest question and to the opening words; a regression from vector to topic; tf-idf overlap
    with the text; whether it is about what is named; how near each word piece of the question has a like in the card's
    questions, and in its text (late interaction: Khattab and Zaharia, 2020). A softmax over a weighted sum is fitted on the
    questions that the encoder's adapter has not seen. Each half of a card's list is scored by what was learned from the other
    half: editors add questions at the end, so that the halves tend to come from different hands, as visitors' questions do.
    """

    def __init__(self, config: Dict[Text, Any], storage: Any, resource: Any) -> None:
        super().__init__(config, storage, resource)
        self._model: Dict[str, Any] = {}

    @classmethod
    def required_components(cls) -> List[type]:
        """Vectors come first."""
        return [MiniLmEncoder]

    @staticmethod
    def get_default_config() -> Dict[Text, Any]:
        """``candidates``: how many cards are handed on for a part."""
        return {"candidates": 12, "seed": 20260721}

    def train(self, training_data: TrainingData) -> Resource:
        """Learns from the cards' questions, which the importer marked with their card."""
        store = shared_store()
        examples = [example for example in training_data.training_examples if _card_of(example) in store.cards]
        cards = [store.cards[card_id] for card_id in sorted({_card_of(example) for example in examples})]
        position = {card.id: place for place, card in enumerate(cards)}
        owners = np.array([position[_card_of(example)] for example in examples])
        parts = [reading_of(example).parts[0] for example in examples]
        topics = sorted({card.topic.value for card in cards})
        known = _describe(cards, topics, parts)
        unseen = np.array([is_unseen(example.get("text")) for example in examples])
        self._model = {
            "cards": [card.id for card in cards],
            "titles": [card.question for card in cards],
            "topics": topics,
            "known": known,
            "learned": self._learn(known, parts, owners),
            "weights": self._weigh(known, parts, owners, unseen),
        }
        return self.persist()

    def keep(self, folder: Path) -> None:
        """Writes the fitted parts."""
        joblib.dump(self._model, folder / "cards.joblib")

    def restore(self, folder: Path) -> None:
        """Reads them back."""
        self._model = joblib.load(folder / "cards.joblib")

    def read(self, message: Message) -> None:
        """Sets the candidates of each part: card ids with their probability, best first."""
        for part in reading_of(message).views:
            places, signs = seen(self._model["known"], self._model["learned"], part)
            chances = softmax(signs @ self._model["weights"])
            order = np.argsort(-chances, kind="stable")
            ranked = [(places[i], float(chances[i])) for i in order[: self.config["candidates"]]]
            topics = np.bincount(self._model["known"].topics[places], chances, len(self._model["topics"]))
            part.cards = [(self._model["cards"][place], round(share, 4)) for place, share in ranked]
            part.card_topics = dict(zip(self._model["topics"], topics.tolist()))
            part.offers = [self._model["titles"][place] for place, _ in ranked[:OFFERED]]
            part.likeness = float(signs[:, 0].max())

    def _learn(self, known: Known, parts: Sequence[Part], owners: "np.ndarray") -> Learned:
        vectors, seed, count = np.stack([part.vector for part in parts]), self.config["seed"], len(known.topics)
        theirs = [[parts[i] for i in np.flatnonzero(owners == card)] for card in range(count)]
        questions = Nearest.of(vectors, owners, count)
        return Learned(
            questions=questions,
            shelves=Shelves.of(questions.middles, seed),
            to_card=fit_softmax(known.rarity.features(parts), owners, count, seed),
            to_topic=fit_softmax(vectors, known.topics[owners], known.topics.max() + 1, seed),
            asked_words=Overlap.of([" ".join(part.words for part in group) for group in theirs]),
            asked=Pieces.of([[part.encoded for part in group] for group in theirs], known.directions),
        )

    def _weigh(self, known: Known, parts: List[Part], owners: "np.ndarray", unseen: "np.ndarray") -> "np.ndarray":
        second = halves(owners)
        lists, places = [], []
        for half in (False, True):
            inside, outside = np.flatnonzero((second == half) & unseen), np.flatnonzero(second != half)
            learned = self._learn(known, [parts[i] for i in outside], owners[outside])
            for i in inside:
                listed, signs = seen(known, learned, parts[i])
                found = np.flatnonzero(listed == owners[i])
                if len(found):
                    lists.append(signs)
                    places.append(found[0])
        return _listwise_weights(np.stack(lists), np.array(places))


def _describe(cards: Sequence[Card], topics: Sequence[str], parts: Sequence[Part]) -> Known:
    """Topics, subjects and texts of the cards; rarity and directions of pieces."""
    texts = [" ".join([card.question, *(passage.text for passage in card.passages)]).lower() for card in cards]
    openings = [f"{card.question} {wording.sentences(card.lead.text)[0]}".lower() for card in cards]
    slugs = sorted({slug for card in cards for slug in card.about})
    about = np.array([[slug in card.about for slug in slugs] for card in cards])
    directions = directions_of(parts)
    return Known(
        topics=np.array([topics.index(card.topic.value) for card in cards]),
        about=about,
        subjects={slug: place for place, slug in enumerate(slugs)},
        openings=shared_encoder().encode(openings),
        told_words=Overlap.of(texts),
        told=Pieces.of([[each] for each in shared_encoder().read(texts)], directions),
        rarity=Rarity.of(parts),
        directions=directions,
    )


def _card_of(example: Message) -> str:
    return (example.get(METADATA) or {}).get(CARD, "")


def halves(owners: "np.ndarray") -> "np.ndarray":
    """For each question whether it stands in the second half of its card's list."""
    second = np.zeros(len(owners), bool)
    for card in np.unique(owners):
        places = np.flatnonzero(owners == card)
        second[places[(len(places) + 1) // 2 :]] = True
    return second


def _listwise_weights(scores: "np.ndarray", right: "np.ndarray") -> "np.ndarray":
    """Weights that make the right card likeliest in a softmax over a list (ListNet, Cao and others, 2007)."""

    from scipy.optimize import minimize

    def loss(weights: "np.ndarray") -> Tuple[float, "np.ndarray"]:
        chances = softmax(scores @ weights)
        wanted = scores[np.arange(len(right)), right]
        slope = ((chances[:, :, None] * scores).sum(axis=1) - wanted).mean(axis=0)
        value = -np.log(chances[np.arange(len(right)), right] + 1e-12).mean()
        return float(value + 1e-3 * weights @ weights), slope + 2e-3 * weights

    return minimize(loss, np.zeros(scores.shape[-1]), jac=True, method="L-BFGS-B").x
