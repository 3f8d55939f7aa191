"""Cards: which of the store's cards answer a question, seen from nine sides, with weights learned on the cards' own questions."""

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

from dystonia import wording
from dystonia.models import Card
from dystonia.store import shared_store
from nlu.adapter import is_unseen
from nlu.component import ReadingComponent
from nlu.encoder import MiniLmEncoder
from nlu.message import CARD, Part, reading_of
from nlu.nearest import Nearest
from nlu.pieces import Rarity
from nlu.sentence_encoder import Encoded, shared_encoder
from nlu.softmax import fit_softmax, softmax
from nlu.tfidf import Tfidf

OFFERED = 2
LISTED = 24
"""Cards that are looked at closely; the right one is among them for 98 of 100 questions."""
PIECE = 128
"""Numbers kept of a word piece's vector; so many lose nothing that the ranking notices."""
ALIKE = 0.8
"""Pieces of one card with a cosine over this count as one."""


@DefaultV1Recipe.register([DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER], is_trainable=True)
class CardRetriever(ReadingComponent):
    """Gives each card a probability of being the answer.

    Cards are listed by a softmax regression from vector to card and by the middle of their questions. Those listed are seen
    from more sides: cosine to the nearest question and to the opening words; a regression from vector to topic; tf-idf overlap
    with the text; whether it is about what is named; how near each word piece of the question has a like in the card's
    questions, and in its text (late interaction: Khattab and Zaharia, 2020). A softmax over a weighted sum is fitted on the
    cards'
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
        known = _describe(cards, parts)
        unseen = np.array([is_unseen(example.get("text")) for example in examples])
        weights = self._weigh(known, parts, owners, unseen)
        self._model = {**known, **self._fit(known, parts, owners), "weights": weights}
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
        listed, signs = _signs(self._model, reading.views)
        chances = softmax(signs @ self._model["weights"])
        topics = np.eye(len(self._model["topic_names"]))[self._model["topics"]]
        for part, places, chance, nearest in zip(reading.views, listed, chances, signs[:, :, 0].max(axis=1)):
            order = np.argsort(-chance, kind="stable")
            ranked = [(places[i], float(chance[i])) for i in order[: self.config["candidates"]]]
            part.cards = [(self._model["cards"][place], round(share, 4)) for place, share in ranked]
            part.card_topics = dict(zip(self._model["topic_names"], (chance @ topics[places]).tolist()))
            part.offers = [self._model["titles"][place] for place, _ in ranked[:OFFERED]]
            part.likeness = float(nearest)

    def _fit(self, known: Dict[str, Any], parts: Sequence[Part], owners: "np.ndarray") -> Dict[str, Any]:
        """What is learned from questions: they themselves, two regressions, the word pieces of each card."""
        vectors, seed = _vectors(parts), self.config["seed"]
        return {
            "questions": Nearest.of(vectors, owners, len(known["cards"])),
            "to_card": fit_softmax(known["rarity"].features(parts), owners, len(known["cards"]), seed),
            "to_topic": fit_softmax(vectors, known["topics"][owners], len(known["topic_names"]), seed),
            "asked_words": _Overlap.of(
                [" ".join(parts[i].words for i in np.flatnonzero(owners == card)) for card in range(len(known["cards"]))]
            ),
            "asked": _Pieces.of(
                [[parts[i].encoded for i in np.flatnonzero(owners == card)] for card in range(len(known["cards"]))], known
            ),
        }

    def _weigh(self, known: Dict[str, Any], parts: List[Part], owners: "np.ndarray", unseen: "np.ndarray") -> "np.ndarray":
        second = halves(owners)
        lists, places = [], []
        for half in (False, True):
            inside, outside = np.flatnonzero((second == half) & unseen), np.flatnonzero(second != half)
            model = {**known, **self._fit(known, [parts[i] for i in outside], owners[outside])}
            listed, signs = _signs(model, [parts[i] for i in inside])
            hits = listed == owners[inside][:, None]
            found = hits.any(axis=1)
            lists.append(signs[found])
            places.append(hits[found].argmax(axis=1))
        return _listwise_weights(np.concatenate(lists), np.concatenate(places))


class _Overlap(NamedTuple):
    """The words of all cards by their rarity, alone and in pairs, in a sparse matrix of shape (words, cards)."""

    counter: Tfidf
    words: Any

    @classmethod
    def of(cls, texts: Sequence[str]) -> "_Overlap":
        """Of one text a card."""
        counter = Tfidf(token_pattern=r"[a-z0-9']+", ngram_range=(1, 2))
        return cls(counter, counter.fit(texts).T.tocsr())

    def share(self, parts: Sequence[Part]) -> "np.ndarray":
        """How much of the words of each part a card has, before names were put into one spelling; shape (parts, cards)."""
        found = np.zeros((len(parts), self.words.shape[1]), np.float32)
        starts = self.words.indptr
        for row, part in enumerate(parts):
            for word, weight in zip(*self.counter.terms(part.words)):
                cards = slice(starts[word], starts[word + 1])
                found[row, self.words.indices[cards]] += weight * self.words.data[cards]
        return found


class _Pieces(NamedTuple):
    """The word pieces of all cards, one below the other in steps of 1/127, and where each card's begin."""

    vectors: "np.ndarray"
    starts: "np.ndarray"

    @classmethod
    def of(cls, groups: Sequence[Sequence[Encoded]], known: Dict[str, Any]) -> "_Pieces":
        """Those of some sentences a card, likes counted once."""
        kept = [_distinct(np.concatenate([_turned(known, each) for each in group])) if group else _NOTHING for group in groups]
        return cls(np.rint(np.concatenate(kept) * 127).astype(np.int8), np.cumsum([0, *map(len, kept)]))

    def nearness(self, pieces: "np.ndarray", weights: "np.ndarray", cards: "np.ndarray") -> "np.ndarray":
        """How near the pieces of a question have a like in each of some cards: weighted mean cosine, shape (cards,)."""
        spans = [self.vectors[self.starts[card] : self.starts[card + 1]] for card in cards]
        likeness = pieces @ np.concatenate(spans, dtype=np.float32).T
        return weights @ (np.maximum.reduceat(likeness, np.cumsum([0, *map(len, spans[:-1])]), axis=1) / 127)


_NOTHING = np.zeros((1, PIECE), np.float32)


def _turned(known: Dict[str, Any], encoded: Encoded) -> "np.ndarray":
    """Word pieces on the directions in which pieces differ most, each of length 1."""
    turned = encoded.in_context.astype(np.float32) @ known["directions"]
    return turned / np.linalg.norm(turned, axis=1, keepdims=True)


def _distinct(pieces: "np.ndarray") -> "np.ndarray":
    alike, kept = pieces @ pieces.T > ALIKE, []
    covered = np.zeros(len(pieces), bool)
    for place in range(len(pieces)):
        if not covered[place]:
            kept.append(place)
            covered |= alike[place]
    return pieces[kept]


def _describe(cards: Sequence[Card], parts: Sequence[Part]) -> Dict[str, Any]:
    """What is known before any question is matched to a card: topics, subjects, texts; rarity and directions of pieces."""
    texts = [" ".join([card.question, *(passage.text for passage in card.passages)]).lower() for card in cards]
    openings = [f"{card.question} {wording.sentences(card.lead.text)[0]}".lower() for card in cards]
    topics = sorted({card.topic.value for card in cards})
    slugs = sorted({slug for card in cards for slug in card.about})
    about = np.zeros((len(cards), len(slugs)), np.float32)
    for place, card in enumerate(cards):
        about[place, [slugs.index(slug) for slug in card.about]] = 1
    known: Dict[str, Any] = {
        "cards": [card.id for card in cards],
        "titles": [card.question for card in cards],
        "topic_names": topics,
        "topics": np.array([topics.index(card.topic.value) for card in cards]),
        "about": about,
        "slugs": {slug: place for place, slug in enumerate(slugs)},
        "openings": shared_encoder().encode(openings),
        "told_words": _Overlap.of(texts),
        "rarity": Rarity.of(parts),
        "directions": _directions(parts),
    }
    known["told"] = _Pieces.of([[each] for each in shared_encoder().read(texts)], known)
    return known


def _directions(parts: Sequence[Part]) -> "np.ndarray":
    """The directions in which word pieces differ most, shape (384, PIECE)."""
    some = np.concatenate([part.encoded.in_context for part in parts[::5]]).astype(np.float32)
    return np.linalg.eigh(np.cov(some.T))[1][:, ::-1][:, :PIECE].astype(np.float32)


def _card_of(example: Message) -> str:
    return (example.get(METADATA) or {}).get(CARD, "")


def _vectors(parts: Sequence[Part]) -> "np.ndarray":
    return np.stack([part.vector for part in parts])


def halves(owners: "np.ndarray") -> "np.ndarray":
    """For each question whether it stands in the second half of its card's list."""
    second = np.zeros(len(owners), bool)
    for card in np.unique(owners):
        places = np.flatnonzero(owners == card)
        second[places[(len(places) + 1) // 2 :]] = True
    return second


def _signs(model: Dict[str, Any], parts: Sequence[Part]) -> Tuple["np.ndarray", "np.ndarray"]:
    """The likeliest cards of each part and what is seen of them, also as it stands out among them.

    Returns:
        Places of cards, shape (parts, listed), and signs, shape (parts, listed, 20): the nearest question first.
    """
    vectors = _vectors(parts)
    learned = _log_chances(model["to_card"].logits(model["rarity"].features(parts)))
    middle = vectors @ model["questions"].middles.T
    listed = np.argsort(-(_standard(middle) + _standard(learned)), axis=1, kind="stable")[:, :LISTED]
    views = (
        learned,
        middle,
        _log_chances(model["to_topic"].logits(vectors))[:, model["topics"]],
        vectors @ model["openings"].T,
        model["told_words"].share(parts),
        model["asked_words"].share(parts),
        _subject_hits(model, [part.subjects for part in parts]),
    )
    near = np.zeros((*listed.shape, 2), np.float32)
    for row, part in enumerate(parts):
        pieces, weights = _turned(model, part.encoded), model["rarity"].shares(part.encoded)
        near[row, :, 0] = model["asked"].nearness(pieces, weights, listed[row])
        near[row, :, 1] = model["told"].nearness(pieces, weights, listed[row])
    nearest = model["questions"].likeness(vectors, listed)
    seen = np.stack([nearest, *(np.take_along_axis(view, listed, axis=1) for view in views)], axis=-1)
    signs = np.concatenate([seen, near], axis=-1)
    return listed, np.concatenate([signs, _standard(signs)], axis=-1)


def _log_chances(logits: "np.ndarray") -> "np.ndarray":
    return np.log(softmax(logits) + 1e-4)


def _subject_hits(model: Dict[str, Any], subjects: Sequence[Sequence[str]]) -> "np.ndarray":
    """Which share of its subjects a card is about."""
    asked = np.zeros((len(subjects), len(model["slugs"])), np.float32)
    for row, slugs in enumerate(subjects):
        known = [model["slugs"][slug] for slug in slugs if slug in model["slugs"]]
        asked[row, known] = 1 / max(1, len(known))
    return asked @ model["about"].T


def _standard(scores: "np.ndarray") -> "np.ndarray":
    return (scores - scores.mean(axis=1, keepdims=True)) / (scores.std(axis=1, keepdims=True) + 1e-6)


def _listwise_weights(scores: "np.ndarray", right: "np.ndarray") -> "np.ndarray":
    """Weights that make the right card likeliest in a softmax over a list (ListNet, Cao and others, 2007)."""

    def loss(weights: "np.ndarray") -> Tuple[float, "np.ndarray"]:
        chances = softmax(scores @ weights)
        wanted = scores[np.arange(len(right)), right]
        slope = ((chances[:, :, None] * scores).sum(axis=1) - wanted).mean(axis=0)
        value = -np.log(chances[np.arange(len(right)), right] + 1e-12).mean()
        return float(value + 1e-3 * weights @ weights), slope + 2e-3 * weights

    return minimize(loss, np.zeros(scores.shape[-1]), jac=True, method="L-BFGS-B").x
