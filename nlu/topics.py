"""Topics: which intent each part of a message has, how sure that is, and whether it belongs here at all."""
from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List, Text, Tuple

import joblib
import numpy as np
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.shared.nlu.constants import INTENT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

from nlu.component import ReadingComponent
from nlu.encoder import MiniLmEncoder
from nlu.message import Part, Reading, reading_of

OUT_OF_SCOPE = "out_of_scope"


@DefaultV1Recipe.register([DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER], is_trainable=True)
class TopicClassifier(ReadingComponent):
    """Logistic regression over the sentence vector and character n-grams, with calibrated probabilities.

    Calibration: one temperature, fitted on a fifth of the examples that the first fit has not seen (Guo and others,
    2017). Scope: the largest logit plus the cosine to the nearest in-scope example, both in units of their spread on that
    fifth; below the ``kept`` quantile of it a message counts as foreign.
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
        """``strength``: inverse regularisation; ``kept``: share of in-scope messages that must be kept."""
        return {"strength": 30.0, "components": 200, "char_weight": 0.6, "kept": 0.98, "seed": 20260721, "ranking": 6}

    def train(self, training_data: TrainingData) -> Resource:
        """Fits on four fifths to calibrate, then on all examples."""
        examples = [example for example in training_data.intent_examples if example.get("text")]
        texts = [reading_of(example).parts[0].text for example in examples]
        vectors = np.stack([reading_of(example).parts[0].vector for example in examples])
        intents = np.array([example.get(INTENT) for example in examples])
        seed = self.config["seed"]
        fitted, held = train_test_split(np.arange(len(texts)), test_size=0.2, random_state=seed, stratify=intents)
        first = self._fit([texts[i] for i in fitted], vectors[fitted], intents[fitted])
        calibration = self._calibrate(first, [texts[i] for i in held], vectors[held], intents[held])
        self._model = {**self._fit(texts, vectors, intents), **calibration}
        return self.persist()

    def keep(self, folder: Path) -> None:
        """Writes the fitted parts; joblib is scikit-learn's own way, and the model archive is our own file."""
        joblib.dump(self._model, folder / "topics.joblib")

    def restore(self, folder: Path) -> None:
        """Reads the fitted parts."""
        self._model = joblib.load(folder / "topics.joblib")

    def read(self, message: Message) -> None:
        """Sets topics and familiarity of each part, and Rasa's intent from the whole message."""
        reading: Reading = reading_of(message)
        if not reading.parts:
            return
        vectors = np.stack([part.vector for part in reading.parts])
        logits = _logits(self._model, [part.text for part in reading.parts], vectors)
        chances = _softmax(logits / self._model["temperature"])
        for part, logit, chance, nearest in zip(reading.parts, logits, chances, self._nearest(self._model, vectors)):
            order = np.argsort(-chance)[: self.config["ranking"]]
            part.topics = [(str(self._model["intents"][i]), float(chance[i])) for i in order]
            part.familiarity = float(_familiarity(self._model, logit, nearest) - self._model["threshold"])

    def _fit(self, texts: List[str], vectors: "np.ndarray", intents: "np.ndarray") -> Dict[str, Any]:
        characters = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), min_df=2, max_features=8000, sublinear_tf=True)
        reduced = TruncatedSVD(self.config["components"], random_state=self.config["seed"])
        reduced.fit(characters.fit_transform(texts))
        model: Dict[str, Any] = {
            "characters": characters,
            "projection": np.ascontiguousarray(reduced.components_.T.astype(np.float32)),
            "char_weight": self.config["char_weight"],
            "known": vectors[intents != OUT_OF_SCOPE],
        }
        regression = LogisticRegression(C=self.config["strength"], max_iter=200, tol=1e-3)
        regression.fit(_features(model, texts, vectors), intents)
        model["weights"] = np.ascontiguousarray(regression.coef_.T.astype(np.float32))
        model["bias"] = regression.intercept_.astype(np.float32)
        model["intents"] = regression.classes_
        return model

    def _calibrate(self, model: Dict[str, Any], texts: List[str], vectors: "np.ndarray", intents: "np.ndarray") -> Dict[str, Any]:
        logits = _logits(model, texts, vectors)
        right = np.searchsorted(model["intents"], intents)
        temperatures = np.linspace(0.3, 3.0, 109)
        losses = [-np.log(_softmax(logits / t)[np.arange(len(right)), right] + 1e-12).mean() for t in temperatures]
        nearest = self._nearest(model, vectors)
        ours = intents != OUT_OF_SCOPE
        scale = {
            "temperature": float(temperatures[int(np.argmin(losses))]),
            "logit_spread": float(logits.max(axis=1)[ours].std()),
            "cosine_spread": float(nearest[ours].std()),
        }
        scores = [_familiarity({**model, **scale}, logit, near) for logit, near in zip(logits[ours], nearest[ours])]
        return {**scale, "threshold": float(np.quantile(scores, 1 - self.config["kept"]))}

    @staticmethod
    def _nearest(model: Dict[str, Any], vectors: "np.ndarray") -> "np.ndarray":
        return (vectors @ model["known"].T).max(axis=1)


def _features(model: Dict[str, Any], texts: List[str], vectors: "np.ndarray") -> "np.ndarray":
    reduced = np.asarray(model["characters"].transform(texts) @ model["projection"])
    norms = np.linalg.norm(reduced, axis=1, keepdims=True)
    return np.hstack([vectors, model["char_weight"] * reduced / np.maximum(norms, 1e-9)])


def _logits(model: Dict[str, Any], texts: List[str], vectors: "np.ndarray") -> "np.ndarray":
    return _features(model, texts, vectors) @ model["weights"] + model["bias"]


def _familiarity(model: Dict[str, Any], logits: "np.ndarray", nearest: float) -> float:
    """The largest logit of an intent that belongs here plus the cosine to what is known, each by its spread."""
    ours = logits[model["intents"] != OUT_OF_SCOPE].max()
    foreign = logits[model["intents"] == OUT_OF_SCOPE].max(initial=-np.inf)
    lost = max(0.0, float(foreign - ours)) if np.isfinite(foreign) else 0.0
    return float(ours / model["logit_spread"] + nearest / model["cosine_spread"] - lost)


def _softmax(logits: "np.ndarray") -> "np.ndarray":
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def best_topic(part: Part) -> Tuple[str, float]:
    """The likeliest intent of a part and its probability."""
    return part.topics[0] if part.topics else (OUT_OF_SCOPE, 0.0)
