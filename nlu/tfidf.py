"""Words and characters by their rarity, one text at a time: what scikit-learn's tf-idf learned, without scikit-learn."""
from __future__ import annotations

import hashlib
import re
from typing import Any, NamedTuple, Sequence, Tuple

import numpy as np

_WORD = re.compile(r"[a-z0-9']+")
_SPACE = ord(" ")
_STEP = np.uint64(0x9E3779B97F4A7C15)
"""An odd number of 64 bits, by which the number of a term is multiplied when another word or character is added to it."""


class Terms(NamedTuple):
    """What counts as a term: so many words, or characters within a word, one after the other."""

    shortest: int
    longest: int
    of_words: bool = True

    def numbers(self, text: str) -> "np.ndarray":
        """A number of 64 bits for each term of a text; none is kept as text: 100,000 strings take 15 MB, their numbers 1."""
        if self.of_words:
            words = np.array([_number(word) for word in _WORD.findall(text.lower())], np.uint64)
            return self._joined(words, np.zeros(len(words), bool))
        spaced = f" {' '.join(text.lower().split())} "
        letters = np.frombuffer(spaced.encode("utf-32-le", "surrogatepass"), np.uint32).astype(np.uint64)
        return self._joined(letters, letters == _SPACE)

    def _joined(self, numbers: "np.ndarray", gaps: "np.ndarray") -> "np.ndarray":
        """The numbers of the terms of each length; a gap, which is between two words, may only stand at a term's ends."""
        terms, joined, whole = [], numbers, np.ones(len(numbers), bool)
        for length in range(1, self.longest + 1):
            if length > 1:
                joined = joined[: len(numbers) - length + 1] * _STEP + numbers[length - 1 :]
                whole = whole[: len(joined)]
            if length > 2:
                whole = whole & ~gaps[length - 2 : length - 2 + len(whole)]
            if length >= self.shortest:
                terms.append(joined[whole])
        return np.concatenate(terms)


class Tfidf:
    """A ``TfidfVectorizer`` with sublinear counts and rows of length 1.

    ``terms`` gives for one text what its ``transform`` gives, in a fiftieth of the time: a message is one text, and three
    components weigh its words. The library itself is needed to learn only.
    """

    def __init__(self, terms: Terms, **settings: Any) -> None:
        """``settings`` are the vectorizer's: ``min_df``, ``max_features``."""
        self._terms, self._settings = terms, settings
        self._numbers, self._idf = np.zeros(0, np.uint64), np.zeros(0, np.float32)

    @property
    def size(self) -> int:
        """How many terms are known."""
        return len(self._numbers)

    def fit(self, texts: Sequence[str]) -> Any:
        """Learns the terms of some texts; returns their weights, sparse, of shape (texts, terms).

        Raises:
            ValueError: no text has a term, or two terms have one number.
        """
        from sklearn.feature_extraction.text import TfidfVectorizer

        counted = TfidfVectorizer(sublinear_tf=True, dtype=np.float32, analyzer=self._terms.numbers, **self._settings)
        weights = counted.fit_transform(texts)
        numbers = np.fromiter(counted.vocabulary_.keys(), np.uint64, len(counted.vocabulary_))
        places = np.fromiter(counted.vocabulary_.values(), np.intp, len(numbers))
        order = np.argsort(numbers)
        self._numbers, self._idf = numbers[order], counted.idf_[places[order]].astype(np.float32)
        return weights[:, places[order]]

    def terms(self, text: str) -> Tuple["np.ndarray", "np.ndarray"]:
        """The places of a text's known terms, in order, and their weights; both of shape (terms in the text,)."""
        numbers = self._terms.numbers(text)
        places = np.searchsorted(self._numbers, numbers)
        known = self._numbers[np.minimum(places, len(self._numbers) - 1)] == numbers
        found, counts = np.unique(places[known], return_counts=True)
        weights = (np.log(counts.astype(np.float32)) + 1) * self._idf[found]
        return found, weights / max(float(np.linalg.norm(weights)), 1e-9)


def _number(word: str) -> int:
    return int.from_bytes(hashlib.blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")
