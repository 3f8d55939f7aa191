"""Red flags: two detectors that know nothing of each other, readable rules and a classifier. Either can raise."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional, Text, Tuple

import joblib
import numpy as np
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.shared.nlu.constants import INTENT, METADATA
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from dystonia.store import shared_store
from nlu import red_flag_rules
from nlu.adapter import is_unseen
from nlu.component import ReadingComponent
from nlu.encoder import MiniLmEncoder
from nlu.importer import NOT_THIS, RED_FLAG, intent_of
from nlu.message import Reading, reading_of, text_of
from nlu.nearest import STEPS, in_steps
from nlu.pieces import Rarity
from nlu.softmax import Softmax, fit_softmax, log_softmax, log_sum
from nlu.tfidf import Terms, Tfidf

NONE = ""
CRISIS, EMERGENCY = "crisis", "emergency"
SIGNAL = "red_flag"
"""In a reading's signals: the red flag raised and how sure that is."""
EVEN_ASKED = 0.0
"""A score from which even what is plainly a question is raised: "is it wrong to wish I was dead"."""
DOUBT = "red_flag_in_doubt"
"""In a reading's signals: the red flag that is too likely to say nothing of, and not likely enough to be raised."""
BREATHING = "breathing_trouble"
"""The red flag that no other takes the place of."""
NEAREST, ALIKE = 3, 12.0
"""So many nearest phrases of a red flag count for its name, and so much their mean cosine; chosen on development messages."""
FLAGGED, SOUNDING = "red_flag:", "sounds_like"
"""What the classes are called that are a red flag, and that only sound like one; the others are intents."""


class _Seen(NamedTuple):
    """What the classifier sees of some parts: features of shape (parts, 768), and their words."""

    vectors: "np.ndarray"
    words: List[str]

    def where(self, chosen: "np.ndarray") -> "_Seen":
        """Those of some of the parts."""
        return _Seen(self.vectors[chosen], [words for words, keep in zip(self.words, chosen) if keep])


class _Thresholds(NamedTuple):
    """Scores from which a kind is raised by the whole message, by a piece of it, and is left in doubt."""

    whole: float
    piece: float
    doubt: float


class _ByWords(NamedTuple):
    """A logistic regression over the words of a part, without the words that tell nothing.

    Attributes:
        terms: places of the words that tell something, in order.
        weights: of shape (terms, classes).
        bias: of shape (classes,).
    """

    terms: "np.ndarray"
    weights: "np.ndarray"
    bias: "np.ndarray"

    @classmethod
    def fit(cls, counted: Any, classes: "np.ndarray", **settings: Any) -> "_ByWords":
        """From weighed words, sparse, of shape (parts, words), and the class of each part."""
        from sklearn.linear_model import LogisticRegression

        fitted = LogisticRegression(**settings).fit(counted, classes)
        terms = np.flatnonzero(fitted.coef_.any(axis=0))
        return cls(terms, fitted.coef_[:, terms].T.astype(np.float32, order="C"), fitted.intercept_.astype(np.float32))

    def logits(self, places: "np.ndarray", weights: "np.ndarray") -> "np.ndarray":
        """Of shape (classes,), for the places and weights of a part's words (nlu/tfidf.py)."""
        found = np.minimum(np.searchsorted(self.terms, places), len(self.terms) - 1)
        known = self.terms[found] == places
        return weights[known] @ self.weights[found[known]] + self.bias


class _Naming(NamedTuple):
    """What tells red flags apart, beside the regression over vectors: one over words, and every phrase that is known.

    ``phrases``: their vectors, in steps (nlu/nearest.py), shape (phrases, 384), those of each red flag together; ``ends``:
    where each red flag's end.
    """

    by_words: _ByWords
    phrases: "np.ndarray"
    ends: "np.ndarray"

    def scores(self, places: "np.ndarray", weights: "np.ndarray", vector: "np.ndarray") -> "np.ndarray":
        """How much a part speaks for each red flag, in the order of their names."""
        alike = np.split(self.phrases.astype(np.float32) @ (vector / np.float32(STEPS)), self.ends[:-1])
        nearest = np.array([np.sort(likeness)[-NEAREST:].mean() for likeness in alike])
        return log_softmax(self.by_words.logits(places, weights)) + ALIKE * nearest


class _Detector(NamedTuple):
    """The regressions of the classifier: three that tell whether there is a red flag, and what more helps to tell which."""

    by_vector: Softmax
    counter: Tfidf
    by_words: _ByWords
    which: Softmax
    classes: "np.ndarray"
    flagged: "np.ndarray"
    naming: Optional[_Naming]

    def scores(self, seen: _Seen) -> Tuple["np.ndarray", List[str]]:
        """How much each part speaks for a red flag (log odds, added up), and for which by its vectors alone."""
        urgent, which = self.by_vector.logits(seen.vectors), self.which.logits(seen.vectors)
        odds = log_sum(which[:, self.flagged]) - log_sum(which[:, ~self.flagged])
        by_words = np.array([self.by_words.logits(*self.counter.terms(words))[0] for words in seen.words])
        names = self.classes[self.flagged][which[:, self.flagged].argmax(axis=1)]
        return urgent[:, 1] - urgent[:, 0] + by_words + odds, [name[len(FLAGGED) :] for name in names]

    def name(self, seen: _Seen) -> str:
        """The red flag that a single part speaks for, by all that tells them apart."""
        places, weights = self.counter.terms(seen.words[0])
        by_vector = log_softmax(self.which.logits(seen.vectors)[0, self.flagged])
        told = by_vector + self.naming.scores(places, weights, seen.vectors[0, : self.naming.phrases.shape[1]])  # type: ignore[union-attr]
        return str(self.classes[self.flagged][told.argmax()])[len(FLAGGED) :]


@DefaultV1Recipe.register([DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER], is_trainable=True)
class RedFlagDetector(ReadingComponent):
    """Raises at most one red flag for a message, the most urgent one.

    The rules read the words. The classifier adds up three scores of a part: two regressions, over its vectors and over its
    words, that tell whether there is any red flag, and one over its vectors that tells which red flag, or which intent. The
    whole message and each piece of it are scored, a piece against a threshold of its own: out of its setting it is easily
    misheard. Crisis and emergency have thresholds of their own: the lowest at which no more than the wanted share of ordinary
    examples is raised, each example scored by what was learned from the other half. A part that is plainly a question, by the
    rules' own account, needs a far higher score. What falls short of its threshold, but not by much, is left in doubt: the
    message is answered, and the answer is led by where help is.
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
        """``whole``, ``pieces``, ``doubt``: share of ordinary examples that either kind may raise by the whole, or by a piece,
        or leave in doubt."""
        return {"whole": 0.006, "pieces": 0.002, "doubt": 0.03, "strength": 10.0, "seed": 20260721}

    def train(self, training_data: TrainingData) -> Resource:
        """Learns from the phrases of red_flags.yml against every other example."""
        examples = [example for example in training_data.training_examples if example.get("text")]
        marks = [example.get(METADATA) or {} for example in examples]
        flags = np.array([mark.get(RED_FLAG, NONE) for mark in marks])
        # A piece of an ordinary message is ordinary; which piece of an urgent one is urgent, nobody has marked.
        parts = [
            (row, part)
            for row, example in enumerate(examples)
            for part in reading_of(example).stretches[: None if flags[row] == NONE else 1]
        ]
        rows, parts = np.array([row for row, _ in parts]), [part for _, part in parts]
        pieces = np.append(False, rows[1:] == rows[:-1])
        rarity = Rarity.of([part for part, piece in zip(parts, pieces) if not piece])
        seen = _Seen(rarity.features(parts), [part.words for part in parts])
        names = np.array(
            [FLAGGED + flag if flag else example.get(INTENT) or SOUNDING for flag, example in zip(flags, examples)]
        )[rows]
        second = np.random.RandomState(self.config["seed"]).permutation(len(examples))[rows] % 2 == 1
        scores, likeliest = np.empty(len(parts)), np.empty(len(parts), object)
        for half in (False, True):
            learned = self._fit(seen.where(second != half), names[second != half], to_name=False)
            scores[second == half], likeliest[second == half] = learned.scores(seen.where(second == half))
        ordinary = np.array([not flag and NOT_THIS not in mark for flag, mark in zip(flags, marks)])[rows]
        # Those that the encoder's adapter has learned from look tamer to it than what visitors write.
        ordinary &= np.array([is_unseen(example.get("text")) for example in examples])[rows]
        ordinary &= ~np.array([red_flag_rules.is_only_asking(part.words) for part in parts])
        crises = {flag.id for flag in shared_store().red_flags.values() if intent_of(flag) == CRISIS}
        crisis, room = np.isin(likeliest.astype(str), sorted(crises)), (ordinary & ~pieces).sum()
        thresholds = {}
        for kind, likely in ((CRISIS, crisis), (EMERGENCY, ~crisis)):
            whole, piece, doubt = (
                _exceeded_by(int(self.config[share] * room), scores[ordinary & likely & (pieces == of_piece)])
                for of_piece, share in ((False, "whole"), (True, "pieces"), (False, "doubt"))
            )
            thresholds[kind] = _Thresholds(whole, max(whole, piece), doubt)
        self._model = {"rarity": rarity, "detector": self._fit(seen, names), "thresholds": thresholds, "crises": crises}
        return self.persist()

    def _fit(self, seen: _Seen, names: "np.ndarray", to_name: bool = True) -> _Detector:
        """``to_name``: whether the red flag itself matters, not only its kind, which takes the longest to learn."""
        classes, targets = np.unique(names, return_inverse=True)
        flagged = np.char.startswith(classes, FLAGGED)
        urgent = flagged[targets]
        words = Tfidf(Terms(1, 3), min_df=2)
        counted = words.fit(seen.words)
        return _Detector(
            fit_softmax(seen.vectors, urgent.astype(int), 2, self.config["seed"]),
            words,
            _ByWords.fit(counted, urgent, C=self.config["strength"], solver="liblinear"),
            fit_softmax(seen.vectors, targets, len(classes), self.config["seed"]),
            classes,
            flagged,
            self._naming(counted[urgent], seen.vectors[urgent], names[urgent]) if to_name else None,
        )

    def _naming(self, counted: Any, vectors: "np.ndarray", names: "np.ndarray") -> _Naming:
        order = np.argsort(names, kind="stable")
        width = vectors.shape[1] // 2  # The first half is the sentence's vector (nlu/pieces.py).
        return _Naming(
            _ByWords.fit(counted, names, C=self.config["strength"], max_iter=60),
            in_steps(vectors[order, :width]),
            np.cumsum(np.unique(names, return_counts=True)[1]),
        )

    def keep(self, folder: Path) -> None:
        """Writes the fitted weights."""
        joblib.dump(self._model, folder / "red_flags.joblib")

    def restore(self, folder: Path) -> None:
        """Reads them back."""
        self._model = joblib.load(folder / "red_flags.joblib")

    def read(self, message: Message) -> None:
        """Notes a red flag in the reading's signals; the decision is made later, in one place."""
        reading = reading_of(message)
        if reading.parts:
            self._classify(reading)
        by_rules = self._by_rules(text_of(message), reading)
        if by_rules:
            certain = red_flag_rules.is_certain(text_of(message)) or not reading.parts
            # A second opinion that it sounds like nothing of the kind ("hurt myself laughing") leaves it in doubt.
            seconded = reading.signals or certain
            reading.signals[SIGNAL if seconded else DOUBT] = by_rules if certain else self._named(by_rules, reading)

    def _named(self, by_rules: Tuple[str, float], reading: Reading) -> Tuple[str, float]:
        """What an uncertain rule has found: of the kind that it says, the classifier knows better which, if as urgent."""
        classified: Any = reading.signals.get(SIGNAL) or reading.signals.get(DOUBT)
        if not classified or by_rules[0] == BREATHING or self._kind(classified[0]) != self._kind(by_rules[0]):
            return by_rules
        return classified if red_flag_rules.urgency(classified[0]) <= red_flag_rules.urgency(by_rules[0]) else by_rules

    @staticmethod
    def _by_rules(text: str, reading: Reading) -> Optional[Tuple[str, float]]:
        # As typed and as repaired: a repair must never hide an emergency.
        for wording in (text, reading.text(0, len(reading.words))):
            raised = red_flag_rules.raised(wording)
            if raised:
                return raised[0], 1.0
        return None

    def _classify(self, reading: Reading) -> None:
        heard = [part.alone or part for part in reading.stretches]
        for part in heard:
            part.settle()
        detector: _Detector = self._model["detector"]
        seen = _Seen(self._model["rarity"].features(heard), [part.words for part in heard])
        scores, flags = detector.scores(seen)
        found: Dict[str, List[Tuple[str, float, int]]] = {SIGNAL: [], DOUBT: []}
        for place, (part, flag, score) in enumerate(zip(reading.stretches, flags, scores)):
            thresholds: _Thresholds = self._model["thresholds"][self._kind(flag)]
            is_whole = part is reading.parts[0]
            level = thresholds.whole if is_whole else thresholds.piece
            if red_flag_rules.is_only_asking(reading.text(part.first, part.last)):
                level = max(level, EVEN_ASKED)
            if score > level:
                found[SIGNAL].append((flag, score, place))
            elif score > (thresholds.doubt if is_whole else thresholds.whole):
                found[DOUBT].append((flag, score, place))
        for signal, suspects in found.items():
            if suspects:
                _, score, place = max(suspects, key=lambda suspect: (self._kind(suspect[0]) == CRISIS, suspect[1]))
                named = detector.name(_Seen(seen.vectors[place : place + 1], seen.words[place : place + 1]))
                reading.signals[signal] = named, float(1 / (1 + np.exp(-score)))

    def _kind(self, flag: str) -> str:
        return CRISIS if flag in self._model["crises"] else EMERGENCY


def _exceeded_by(count: int, scores: "np.ndarray") -> float:
    """The lowest threshold that no more than so many of some scores exceed."""
    return float(np.sort(scores)[::-1][min(count, len(scores) - 1)])
