"""Red flags: two detectors that know nothing of each other, readable rules and a classifier. Either can raise."""
from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List, Optional, Text, Tuple

import joblib
import numpy as np
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.shared.nlu.constants import METADATA
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData
from sklearn.linear_model import LogisticRegression

from nlu import red_flag_rules
from nlu.component import ReadingComponent
from nlu.encoder import MiniLmEncoder
from nlu.importer import RED_FLAG
from nlu.message import Part, Reading, reading_of, text_of

NONE = ""
SIGNAL = "red_flag"
"""In a reading's signals: the red flag raised and how sure that is."""


@DefaultV1Recipe.register([DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER], is_trainable=True)
class RedFlagDetector(ReadingComponent):
    """Raises at most one red flag for a message, the most urgent one.

    The rules read the words; the classifier is a logistic regression over the vectors of the parts. A message that is
    plainly a question, by the rules' own account, vetoes the classifier but never the rules.
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
        """``threshold``: probability of any red flag above which the classifier raises."""
        return {"threshold": 0.6, "strength": 20.0}

    def train(self, training_data: TrainingData) -> Resource:
        """Learns from the phrases of red_flags.yml against every other example."""
        examples = [example for example in training_data.training_examples if example.get("text")]
        vectors = np.stack([reading_of(example).parts[0].vector for example in examples])
        flags = np.array([(example.get(METADATA) or {}).get(RED_FLAG, NONE) for example in examples])
        regression = LogisticRegression(C=self.config["strength"], max_iter=200, tol=1e-3)
        regression.fit(vectors, flags)
        self._model = {
            "weights": np.ascontiguousarray(regression.coef_.T.astype(np.float32)),
            "bias": regression.intercept_.astype(np.float32),
            "flags": regression.classes_,
        }
        return self.persist()

    def keep(self, folder: Path) -> None:
        """Writes the fitted weights."""
        joblib.dump(self._model, folder / "red_flags.joblib")

    def restore(self, folder: Path) -> None:
        """Reads them back."""
        self._model = joblib.load(folder / "red_flags.joblib")

    def read(self, message: Message) -> None:
        """Notes a red flag in the reading's signals; the decision is made later, in one place."""
        reading = reading_of(message)
        raised = self._by_rules(text_of(message), reading) or self._by_classifier(reading)
        if raised:
            reading.signals[SIGNAL] = raised

    @staticmethod
    def _by_rules(text: str, reading: Reading) -> Optional[Tuple[str, float]]:
        # As typed and as repaired: a repair must never hide an emergency.
        for wording in (text, reading.text(0, len(reading.words))):
            raised = red_flag_rules.raised(wording)
            if raised:
                return raised[0], 1.0
        return None

    def _by_classifier(self, reading: Reading) -> Optional[Tuple[str, float]]:
        suspects = [self._suspect(part.alone or part) for part in reading.parts if not red_flag_rules.is_only_asking(self._words(reading, part))]
        sure = [suspect for suspect in suspects if suspect[1] >= self.config["threshold"]]
        return max(sure, key=lambda suspect: suspect[1]) if sure else None

    @staticmethod
    def _words(reading: Reading, part: Part) -> str:
        return reading.text(part.first, part.last)

    def _suspect(self, part: Part) -> Tuple[str, float]:
        """The likeliest red flag of a part, and how likely it is that there is any."""
        logits = part.vector @ self._model["weights"] + self._model["bias"]
        chances = np.exp(logits - logits.max())
        chances /= chances.sum()
        none = int(np.flatnonzero(self._model["flags"] == NONE)[0])
        order = [int(i) for i in np.argsort(-chances) if i != none]
        return str(self._model["flags"][order[0]]), float(1 - chances[none])
