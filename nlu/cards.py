"""Cards: which of the store's cards answer a question, by six views of it and weights learned on the cards' own questions."""
from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Sequence, Text, Tuple

import joblib
import numpy as np
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.shared.nlu.constants import METADATA
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData
from scipy.optimize import minimize
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from dystonia import wording
from dystonia.models import Card
from dystonia.store import shared_store
from nlu.component import ReadingComponent
from nlu.encoder import MiniLmEncoder
from nlu.message import CARD, Part, reading_of
from nlu.sentence_encoder import shared_encoder

RIDGE = 1.0
OFFERED = 2
LISTED = 40
"""Cards weighed against each other while learning; the right one is among them for 97 of 100 questions."""


class Views(NamedTuple):
    """What the ranking looks at, each of shape (questions, cards)."""

    nearest: "np.ndarray"
    card: "np.ndarray"
    topic: "np.ndarray"
    opening: "np.ndarray"
    wording: "np.ndarray"
    subject: "np.ndarray"

    def stacked(self) -> "np.ndarray":
        """All views, also as seen against the other cards: shape (questions, cards, 8)."""
        return np.stack([*self, _standard(self.nearest), _standard(self.card)], axis=-1)


@DefaultV1Recipe.register([DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER], is_trainable=True)
class CardRetriever(ReadingComponent):
    """Gives each card a probability of being the answer.

    The views: cosine to the card's nearest question; a ridge regression from vector to card; a logistic one from vector to
    the card's topic; cosine to the card's opening words; tf-idf overlap with its text; whether it is about what is named. A
    softmax over a weighted sum of them is fitted on the cards' questions. Each half of a card's list is scored by what was
    learned from the other half: editors add questions at the end, so that the halves tend to come from different hands, as
    visitors' questions do.
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
        return {"candidates": 12}

    def train(self, training_data: TrainingData) -> Resource:
        """Learns from the cards' questions, which the importer marked with their card."""
        store = shared_store()
        examples = [example for example in training_data.training_examples if _card_of(example) in store.cards]
        cards = [store.cards[card_id] for card_id in sorted({_card_of(example) for example in examples})]
        position = {card.id: place for place, card in enumerate(cards)}
        owners = np.array([position[_card_of(example)] for example in examples])
        parts = [reading_of(example).parts[0] for example in examples]
        known = self._describe(cards)
        weights = self._weigh(known, parts, owners)
        self._model = {**known, **_fit(known, _vectors(parts), owners), "weights": weights}
        return self.persist()

    def keep(self, folder: Path) -> None:
        """Writes the fitted parts."""
        joblib.dump(self._model, folder / "cards.joblib")

    def restore(self, folder: Path) -> None:
        """Reads them back."""
        self._model = joblib.load(folder / "cards.joblib")

    def read(self, message: Message) -> None:
        """Sets the candidates of each part: card ids with their probability, best first."""
        reading = reading_of(message)
        if not reading.parts:
            return
        scores = _views(self._model, reading.views).stacked()
        chances = _softmax(scores @ self._model["weights"])
        by_topic = chances @ np.eye(len(self._model["topic_names"]))[self._model["topics"]]
        for part, chance, topics, nearest in zip(reading.views, chances, by_topic, scores[:, :, 0].max(axis=1)):
            order = np.argsort(-chance, kind="stable")[: self.config["candidates"]]
            part.cards = [(self._model["cards"][i], round(float(chance[i]), 4)) for i in order]
            part.card_topics = dict(zip(self._model["topic_names"], topics.tolist()))
            part.offers = [self._model["titles"][i] for i in order[:OFFERED]]
            part.likeness = float(nearest)

    @staticmethod
    def _describe(cards: Sequence[Card]) -> Dict[str, Any]:
        """What is known of the cards without any question: topics, subjects, opening words, text."""
        texts = [" ".join([card.question, *(passage.text for passage in card.passages)]).lower() for card in cards]
        overlap = TfidfVectorizer(sublinear_tf=True, token_pattern=r"[a-z0-9']+", stop_words="english")
        openings = [f"{card.question} {wording.sentences(card.lead.text)[0]}".lower() for card in cards]
        topics = sorted({card.topic.value for card in cards})
        slugs = sorted({slug for card in cards for slug in card.about})
        about = np.zeros((len(cards), len(slugs)), np.float32)
        for place, card in enumerate(cards):
            about[place, [slugs.index(slug) for slug in card.about]] = 1
        return {
            "cards": [card.id for card in cards],
            "titles": [card.question for card in cards],
            "topic_names": topics,
            "topics": np.array([topics.index(card.topic.value) for card in cards]),
            "about": about,
            "slugs": {slug: place for place, slug in enumerate(slugs)},
            "openings": shared_encoder().encode(openings),
            "texts": overlap.fit_transform(texts).astype(np.float32).T.tocsr(),
            "overlap": overlap,
        }

    def _weigh(self, known: Dict[str, Any], parts: List[Part], owners: "np.ndarray") -> "np.ndarray":
        vectors, halves = _vectors(parts), _halves(owners)
        listed, places = [], []
        for half in (False, True):
            inside = np.flatnonzero(halves == half)
            model = {**known, **_fit(known, vectors[halves != half], owners[halves != half])}
            scores = _views(model, [parts[i] for i in inside]).stacked()
            best = np.argsort(-(scores[:, :, -1] + scores[:, :, -2]), axis=1)[:, :LISTED]
            hits = best == owners[inside][:, None]
            found = hits.any(axis=1)
            listed.append(np.take_along_axis(scores, best[:, :, None], axis=1)[found])
            places.append(hits[found].argmax(axis=1))
        return _listwise_weights(np.concatenate(listed), np.concatenate(places))


def _card_of(example: Message) -> str:
    return (example.get(METADATA) or {}).get(CARD, "")


def _vectors(parts: Sequence[Part]) -> "np.ndarray":
    return np.stack([part.vector for part in parts])


def _fit(known: Dict[str, Any], vectors: "np.ndarray", owners: "np.ndarray") -> Dict[str, Any]:
    """Questions in the order of their cards, and both regressions."""
    order = np.argsort(owners, kind="stable")
    present, starts = np.unique(owners[order], return_index=True)
    design = np.hstack([vectors, np.ones((len(vectors), 1), np.float32)]).astype(np.float64)
    cards = np.eye(len(known["cards"]))[owners]
    solved = np.linalg.solve(design.T @ design + RIDGE * np.eye(design.shape[1]), design.T @ cards)
    topics = LogisticRegression(C=10, max_iter=80, tol=1e-2).fit(vectors, known["topics"][owners])
    return {
        "questions": vectors[order],
        "starts": starts,
        "present": present,
        "to_card": solved.astype(np.float32),
        "to_topic": np.vstack([topics.coef_.T, topics.intercept_]).astype(np.float32),
    }


def _halves(owners: "np.ndarray") -> "np.ndarray":
    """For each question whether it stands in the second half of its card's list."""
    second = np.zeros(len(owners), bool)
    for card in np.unique(owners):
        places = np.flatnonzero(owners == card)
        second[places[(len(places) + 1) // 2 :]] = True
    return second


def _views(model: Dict[str, Any], parts: Sequence[Part]) -> Views:
    vectors = _vectors(parts)
    nearest = np.full((len(vectors), len(model["cards"])), -1.0, np.float32)
    nearest[:, model["present"]] = np.maximum.reduceat(vectors @ model["questions"].T, model["starts"], axis=1)
    topics = _softmax(vectors @ model["to_topic"][:-1] + model["to_topic"][-1])
    return Views(
        nearest=nearest,
        card=vectors @ model["to_card"][:-1] + model["to_card"][-1],
        topic=np.log(topics + 1e-3)[:, model["topics"]],
        opening=vectors @ model["openings"].T,
        wording=np.asarray((model["overlap"].transform([part.text for part in parts]) @ model["texts"]).todense()),
        subject=_subject_hits(model, [part.subjects for part in parts]),
    )


def _subject_hits(model: Dict[str, Any], subjects: Sequence[Sequence[str]]) -> "np.ndarray":
    """Which share of its subjects a card is about."""
    asked = np.zeros((len(subjects), len(model["slugs"])), np.float32)
    for row, slugs in enumerate(subjects):
        known = [model["slugs"][slug] for slug in slugs if slug in model["slugs"]]
        asked[row, known] = 1 / max(1, len(known))
    return asked @ model["about"].T


def _standard(scores: "np.ndarray") -> "np.ndarray":
    return (scores - scores.mean(axis=1, keepdims=True)) / (scores.std(axis=1, keepdims=True) + 1e-6)


def _softmax(scores: "np.ndarray") -> "np.ndarray":
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def _listwise_weights(scores: "np.ndarray", right: "np.ndarray") -> "np.ndarray":
    """Weights that make the right card likeliest in a softmax over a list (ListNet, Cao and others, 2007)."""

    def loss(weights: "np.ndarray") -> Tuple[float, "np.ndarray"]:
        chances = _softmax(scores @ weights)
        wanted = scores[np.arange(len(right)), right]
        slope = ((chances[:, :, None] * scores).sum(axis=1) - wanted).mean(axis=0)
        value = -np.log(chances[np.arange(len(right)), right] + 1e-12).mean()
        return float(value + 1e-3 * weights @ weights), slope + 2e-3 * weights

    return minimize(loss, np.zeros(scores.shape[-1]), jac=True, method="L-BFGS-B").x
