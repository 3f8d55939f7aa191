"""Topics: which intent each part of a message has, how sure that is, and whether it belongs here at all."""
from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List, Sequence, Text, Tuple

import joblib
import numpy as np
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.shared.nlu.constants import INTENT, METADATA
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from nlu.adapter import is_unseen
from nlu.component import ReadingComponent
from nlu.encoder import MiniLmEncoder
from nlu.message import CARD, NAMED_KINDS, Part, Reading, reading_of
from nlu.nearest import Nearest
from nlu.softmax import fit_softmax, softmax
from nlu.tfidf import Terms, Tfidf

OUT_OF_SCOPE = "out_of_scope"
LOOKALIKE = "lookalike"
OURS = "dystonia"
NEAR = 8
"""Groups of examples, a card's or an intent's, in which the nearest example is looked for."""
FEWEST_STEPS = 200
"""Of Adam: with some hundred examples the usual epochs end before the weights have settled."""
FEWEST_FOREIGN = 50
"""So many held foreign examples are needed to fit the scope regression's seven weights; with fewer, ``SCOPE_WEIGHTS`` serve."""
SCOPE_WEIGHTS = (1.0, 0.5, 1.0, 0.0, 0.0, 0.0, 0.0)
"""Of the signs in ``_scope_signs``, where there is too little to fit them to (tools/public.py)."""


@DefaultV1Recipe.register([DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER], is_trainable=True)
class TopicClassifier(ReadingComponent):
    """Softmax regression over the sentence vector and character n-grams, with calibrated probabilities.

    Calibration: one temperature, fitted on the fifth of the examples that neither the first fit nor the encoder's adapter has
    seen (Guo and others, 2017). Scope: a second, small regression on the same fifth, over how the part scores and what it
    names; its threshold is the value that keeps the wanted share of what belongs here.
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
        """``kept``: share of in-scope messages that must be kept; ``evenness``: of classes, see ``fit_softmax``."""
        return {"components": 128, "evenness": 0.6, "char_weight": 0.6, "kept": 0.955, "seed": 20260721}

    def train(self, training_data: TrainingData) -> Resource:
        """Fits on four fifths to calibrate, then on all examples."""
        examples = [example for example in training_data.intent_examples if example.get("text")]
        readings = [reading_of(example) for example in examples]
        intents = np.array([example.get(INTENT) for example in examples])
        unseen = np.array([is_unseen(example.get("text")) for example in examples])
        fitted, held = np.flatnonzero(~unseen), np.flatnonzero(unseen)
        groups = np.array([(example.get(METADATA) or {}).get(CARD) or example.get(INTENT) for example in examples])
        first = self._fit([readings[i] for i in fitted], intents[fitted], groups[fitted])
        calibration = self._calibrate(first, [readings[i] for i in held], intents[held])
        self._model = {**self._fit(readings, intents, groups), **calibration}
        return self.persist()

    def keep(self, folder: Path) -> None:
        """Writes the fitted parts; joblib is scikit-learn's own way, and the model archive is our own file."""
        joblib.dump(self._model, folder / "topics.joblib")

    def restore(self, folder: Path) -> None:
        """Reads the fitted parts."""
        self._model = joblib.load(folder / "topics.joblib")

    def read(self, message: Message) -> None:
        """Sets topics and scope of each part."""
        reading = reading_of(message)
        if not reading.parts:
            return
        for part in reading.views:
            part.settle()
        logits = _logits(self._model, reading.views)
        chances = softmax(logits / self._model["temperature"])
        signs = _scope_signs(self._model, [(reading, part) for part in reading.views], logits)
        margins = signs @ self._model["scope_weights"] + self._model["scope_bias"] - self._model["scope_threshold"]
        for part, chance, margin in zip(reading.views, chances, margins):
            order = np.argsort(-chance)
            part.topics = [(str(self._model["intents"][i]), float(chance[i])) for i in order]
            part.scope, part.in_scope = float(margin), bool(margin >= 0)

    def _fit(self, readings: Sequence[Reading], intents: "np.ndarray", groups: "np.ndarray") -> Dict[str, Any]:
        from sklearn.decomposition import TruncatedSVD

        parts = [reading.parts[0] for reading in readings]
        characters = Tfidf(Terms(2, 4, of_words=False), min_df=2, max_features=8000)
        reduced = TruncatedSVD(self.config["components"], random_state=self.config["seed"])
        reduced.fit(characters.fit([part.text for part in parts]))
        vectors, foreign = np.stack([part.vector for part in parts]), intents == OUT_OF_SCOPE
        names, members = np.unique(groups[~foreign], return_inverse=True)
        classes, targets = np.unique(intents, return_inverse=True)
        model: Dict[str, Any] = {
            "characters": characters,
            "projection": np.ascontiguousarray(reduced.components_.T.astype(np.float32)),
            "char_weight": self.config["char_weight"],
            "ours": Nearest.of(vectors[~foreign], members, len(names)),
            "foreign": vectors[foreign],
            "intents": classes,
        }
        model["regression"] = fit_softmax(
            _features(model, parts), targets, len(classes), self.config["seed"], self.config["evenness"], FEWEST_STEPS
        )
        return model

    def _calibrate(self, model: Dict[str, Any], readings: Sequence[Reading], intents: "np.ndarray") -> Dict[str, Any]:
        pairs = [(reading, reading.parts[0]) for reading in readings]
        logits = _logits(model, [part for _, part in pairs])
        right = np.searchsorted(model["intents"], intents)
        temperatures = np.linspace(0.3, 3.0, 109)
        losses = [-np.log(softmax(logits / t)[np.arange(len(right)), right] + 1e-12).mean() for t in temperatures]
        signs, ours = _scope_signs(model, pairs, logits), intents != OUT_OF_SCOPE
        weights, bias = np.array(SCOPE_WEIGHTS), 0.0
        if (~ours).sum() >= FEWEST_FOREIGN:
            from sklearn.linear_model import LogisticRegression

            scope = LogisticRegression(C=1.0, max_iter=500).fit(signs, ours)
            weights, bias = scope.coef_[0], float(scope.intercept_[0])
        scores = signs @ weights + bias
        return {
            "temperature": float(temperatures[int(np.argmin(losses))]),
            "scope_weights": weights,
            "scope_bias": bias,
            "scope_threshold": float(np.quantile(scores[ours], 1 - self.config["kept"])),
        }


def _features(model: Dict[str, Any], parts: Sequence[Part]) -> "np.ndarray":
    weighed = [model["characters"].terms(part.text) for part in parts]
    reduced = np.stack([weights @ model["projection"][places] for places, weights in weighed])
    norms = np.linalg.norm(reduced, axis=1, keepdims=True)
    return np.hstack([np.stack([part.vector for part in parts]), model["char_weight"] * reduced / np.maximum(norms, 1e-9)])


def _logits(model: Dict[str, Any], parts: Sequence[Part]) -> "np.ndarray":
    return model["regression"].logits(_features(model, parts))


def _scope_signs(model: Dict[str, Any], parts: Sequence[Tuple[Reading, Part]], logits: "np.ndarray") -> "np.ndarray":
    """What the scope regression sees, shape (parts, 7): logits, nearest examples on both sides, and what is named.

    Without foreign examples the two signs that need them are 0.
    """
    vectors = np.stack([part.vector for _, part in parts])
    foreign = model["intents"] == OUT_OF_SCOPE
    best = logits[:, ~foreign].max(axis=1)
    kinds = [{(mention.kind, mention.slug) for mention in reading.mentions_in(part)} for reading, part in parts]
    return np.column_stack(
        [
            best,
            best - logits[:, foreign].max(axis=1) if foreign.any() else np.zeros(len(parts)),
            [model["ours"].best(vector, NEAR) for vector in vectors],
            (vectors @ model["foreign"].T).max(axis=1) if foreign.any() else np.zeros(len(parts)),
            [OURS in str(found) or any(kind == "type" for kind, _ in found) for found in kinds],
            [any(kind in NAMED_KINDS for kind, _ in found) for found in kinds],
            [any(kind == LOOKALIKE for kind, _ in found) for found in kinds],
        ]
    )
