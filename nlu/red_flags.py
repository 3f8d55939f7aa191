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
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from dystonia.store import shared_store
from nlu import red_flag_rules
from nlu.component import ReadingComponent
from nlu.encoder import MiniLmEncoder
from nlu.importer import NOT_THIS, RED_FLAG, intent_of
from nlu.message import Reading, reading_of, text_of

NONE = ""
CRISIS, EMERGENCY = "crisis", "emergency"
SIGNAL = "red_flag"
"""In a reading's signals: the red flag raised and how sure that is."""


@DefaultV1Recipe.register([DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER], is_trainable=True)
class RedFlagDetector(ReadingComponent):
    """Raises at most one red flag for a message, the most urgent one.

    The rules read the words. The classifier sums two logistic regressions, over the vector and over the words of a part, that
    tell whether there is any red flag; a third tells which. Crisis and emergency have thresholds of their own: the lowest at
    which, over held-out fifths of the training examples, no more than the wanted share of ordinary examples is raised. A part
    that is plainly a question, by the rules' own account, vetoes the classifier but never the rules.
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
        """``false_alarms``: share of ordinary examples that either kind may raise."""
        return {"false_alarms": 0.006, "strength": 10.0, "seed": 20260721}

    def train(self, training_data: TrainingData) -> Resource:
        """Learns from the phrases of red_flags.yml against every other example."""
        examples = [example for example in training_data.training_examples if example.get("text")]
        parts = [reading_of(example).parts[0] for example in examples]
        vectors = np.stack([part.vector for part in parts])
        flags = np.array([(example.get(METADATA) or {}).get(RED_FLAG, NONE) for example in examples])
        sounding = np.array([NOT_THIS in (example.get(METADATA) or {}) for example in examples])
        urgent = flags != NONE
        words = TfidfVectorizer(ngram_range=(1, 3), min_df=2, sublinear_tf=True, token_pattern=r"[a-z0-9']+")
        counted = words.fit_transform([part.text for part in parts])
        by_vector = LogisticRegression(C=self.config["strength"], max_iter=200)
        by_words = LogisticRegression(C=self.config["strength"], solver="liblinear")
        folds = StratifiedKFold(5, shuffle=True, random_state=self.config["seed"])
        held_out = sum(
            cross_val_predict(model, seen, urgent, cv=folds, method="decision_function")
            for model, seen in ((by_vector, vectors), (by_words, counted))
        )
        which = LogisticRegression(C=self.config["strength"], max_iter=200, tol=1e-3).fit(vectors[urgent], flags[urgent])
        crisis = {flag.id for flag in shared_store().red_flags.values() if intent_of(flag) == CRISIS}
        self._model = {
            "by_vector": by_vector.fit(vectors, urgent),
            "words": words,
            "by_words": by_words.fit(counted, urgent),
            "which": which,
            "crises": crisis,
            "thresholds": {},
        }
        ordinary = ~urgent & ~sounding
        asking = np.array([red_flag_rules.is_only_asking(example.get("text")) for example in examples])
        calls_crisis = np.isin(which.predict(vectors), sorted(crisis))
        for kind, likely in ((CRISIS, calls_crisis), (EMERGENCY, ~calls_crisis)):
            scores = np.sort(held_out[ordinary & likely & ~asking])[::-1]
            self._model["thresholds"][kind] = float(scores[min(len(scores) - 1, int(self.config["false_alarms"] * ordinary.sum()))])
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
        if not parts:
            return None
        vectors = np.stack([(part.alone or part).vector for part in parts])
        counted = self._model["words"].transform([(part.alone or part).text for part in parts])
        scores = self._model["by_vector"].decision_function(vectors) + self._model["by_words"].decision_function(counted)
        flags = [str(flag) for flag in self._model["which"].predict(vectors)]
        sure = [(flag, score) for flag, score in zip(flags, scores) if score >= self._model["thresholds"][self._kind(flag)]]
        if not sure:
            return None
        flag, score = max(sure, key=lambda suspect: (self._kind(suspect[0]) == CRISIS, suspect[1]))
        return flag, float(1 / (1 + np.exp(-score)))

    def _kind(self, flag: str) -> str:
        return CRISIS if flag in self._model["crises"] else EMERGENCY
