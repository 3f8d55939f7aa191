"""Word pieces of sentences, seen in context: how rare each is, and what a sentence means by its rarer words."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple, Sequence

import numpy as np

from nlu.message import Part
from nlu.sentence_encoder import Encoded

MARKS = 0.5
"""Weight of the marks of start and end beside that of words, which is their rarity."""


class Rarity(NamedTuple):
    """The weight of each word piece by its id: the logarithm of how seldom it occurs."""

    weights: "np.ndarray"

    @classmethod
    def of(cls, parts: Sequence[Part]) -> "Rarity":
        """By how many of some parts hold each piece."""
        seen = Counter(piece for part in parts for piece in set(part.encoded.pieces.tolist()))
        weights = np.full(max(seen) + 2, np.log(len(parts)), np.float32)
        weights[list(seen)] = [max(MARKS, np.log(len(parts) / (1 + count))) for count in seen.values()]
        return cls(weights)

    def shares(self, encoded: Encoded) -> "np.ndarray":
        """The share of each piece of a sentence, shape (pieces,); a piece never seen counts as the rarest."""
        shares = self.weights[np.minimum(encoded.pieces, len(self.weights) - 1)]
        shares[[0, -1]] = MARKS
        return shares / shares.sum()

    def features(self, parts: Sequence[Part]) -> "np.ndarray":
        """The vector of each part, and beside it the mean of its pieces by rarity: shape (parts, 768)."""
        means = np.stack([self.shares(part.encoded) @ part.encoded.in_context.astype(np.float32) for part in parts])
        means /= np.linalg.norm(means, axis=1, keepdims=True)
        return np.hstack([np.stack([part.vector for part in parts]), means]).astype(np.float32)
