"""Cards: which of the store's cards have questions like this one."""
from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List, Text

import numpy as np
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.shared.nlu.constants import METADATA
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from nlu.component import ReadingComponent, read_json, write_json
from nlu.encoder import MiniLmEncoder
from nlu.message import CARD, reading_of


@DefaultV1Recipe.register([DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER], is_trainable=True)
class CardRetriever(ReadingComponent):
    """Ranks cards by the cosine between a part's vector and their nearest question."""

    def __init__(self, config: Dict[Text, Any], storage: Any, resource: Any) -> None:
        super().__init__(config, storage, resource)
        self._cards: List[str] = []
        self._starts = np.zeros(0, dtype=np.int64)
        self._vectors = np.zeros((0, 0), dtype=np.float32)

    @classmethod
    def required_components(cls) -> List[type]:
        """Vectors come first."""
        return [MiniLmEncoder]

    @staticmethod
    def get_default_config() -> Dict[Text, Any]:
        """``candidates``: how many cards are handed on for a part."""
        return {"candidates": 10}

    def train(self, training_data: TrainingData) -> Resource:
        """Keeps the vectors of the cards' questions, which the importer marked with their card."""
        questions = sorted(
            ((example.get(METADATA) or {}).get(CARD), position, example)
            for position, example in enumerate(training_data.training_examples)
            if (example.get(METADATA) or {}).get(CARD)
        )
        self._cards = sorted({card for card, _, _ in questions})
        self._vectors = np.stack([reading_of(example).parts[0].vector for _, _, example in questions])
        self._index([card for card, _, _ in questions])
        return self.persist()

    def keep(self, folder: Path) -> None:
        """Writes card ids, where each card's questions start, and the vectors."""
        write_json(folder / "cards.json", {"cards": self._cards, "starts": self._starts.tolist()})
        np.save(folder / "questions.npy", self._vectors)

    def restore(self, folder: Path) -> None:
        """Reads them back."""
        kept = read_json(folder / "cards.json")
        self._cards, self._starts = kept["cards"], np.array(kept["starts"], dtype=np.int64)
        self._vectors = np.load(folder / "questions.npy")

    def read(self, message: Message) -> None:
        """Sets the candidates of each part."""
        for part in reading_of(message).parts:
            best = np.maximum.reduceat(self._vectors @ part.vector, self._starts)
            order = np.argsort(-best, kind="stable")[: self.config["candidates"]]
            part.cards = [(self._cards[i], round(float(best[i]), 3)) for i in order]

    def _index(self, owners: List[str]) -> None:
        self._starts = np.array([position for position, card in enumerate(owners) if position == 0 or owners[position - 1] != card])
