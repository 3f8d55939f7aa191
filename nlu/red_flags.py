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
from sklearn.model_selection import StratifiedKFold, cross_val_predict

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

    The rules read the words. The classifier is two logistic regressions over the vectors of the parts: whether there is any
    red flag, and which. Its threshold is the lowest at which, over held-out fifths of the training examples, no more than the
    wanted share of ordinary examples is raised. A part that is plainly a question, by the rules' own account, vetoes the
    classifier but never the rules.
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
        """``false_alarms``: share of ordinary examples that may be raised; ``weight``: of a red flag against any other."""
        return {"false_alarms": 0.006, "weight": 4.0, "strength": 10.0, "seed": 20260721}

    def train(self, training_data: TrainingData) -> Resource:
        """Learns from the phrases of red_flags.yml against every other example."""
        examples = [example for example in training_data.training_examples if example.get("text")]
        vectors = np.stack([reading_of(example).parts[0].vector for example in examples])
        flags = np.array([(example.get(METADATA) or {}).get(RED_FLAG, NONE) for example in examples])
        urgent = flags != NONE
        any_flag = LogisticRegression(C=self.config["strength"], class_weight={True: self.config["weight"], False: 1.0}, max_iter=200)
        folds = StratifiedKFold(5, shuffle=True, random_state=self.config["seed"])
        held_out = cross_val_predict(any_flag, vectors, urgent, cv=folds, method="decision_function")
        which = LogisticRegression(C=self.config["strength"], max_iter=200, tol=1e-3).fit(vectors[urgent], flags[urgent])
        any_flag.fit(vectors, urgent)
        self._model = {
            "any": (any_flag.coef_[0].astype(np.float32), float(any_flag.intercept_[0])),
            "which": (np.ascontiguousarray(which.coef_.T.astype(np.float32)), which.intercept_.astype(np.float32)),
            "flags": which.classes_,
            "threshold": float(np.quantile(held_out[~urgent], 1 - self.config["false_alarms"])),
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
        parts = [part for part in reading.parts if not red_flag_rules.is_only_asking(reading.text(part.first, part.last))]
        suspects = [self._suspect(part.alone or part) for part in parts]
        sure = [suspect for suspect in suspects if suspect[1] >= self._model["threshold"]]
        if not sure:
            return None
        flag, score = max(sure, key=lambda suspect: suspect[1])
        return flag, float(1 / (1 + np.exp(-score)))

    def _suspect(self, part: Part) -> Tuple[str, float]:
        """The likeliest red flag of a part, and the score (logit) that there is any."""
        weights, bias = self._model["any"]
        which, biases = self._model["which"]
        return str(self._model["flags"][int(np.argmax(part.vector @ which + biases))]), float(part.vector @ weights + bias)
