"""Nearest examples: how like a vector is to the most similar example of a group, without comparing it to all examples."""

from __future__ import annotations

from typing import Any, NamedTuple, Tuple

import numpy as np

STEPS = 400
"""Numbers of a unit vector are kept in steps of 1/400, a byte each: a quarter of the memory, and cosines within 0.002."""


class Nearest(NamedTuple):
    """Unit vectors of examples in steps, those of a group one below the other.

    Attributes:
        examples: int8 of shape (examples, features).
        spans: where each group begins and ends, shape (groups, 2).
        middles: of the groups, float32 of shape (groups, features), length 1.
    """

    examples: "np.ndarray"
    spans: "np.ndarray"
    middles: "np.ndarray"

    @classmethod
    def of(cls, vectors: "np.ndarray", groups: "np.ndarray", count: int) -> "Nearest":
        """From vectors of shape (examples, features), and the group of each, 0 to count - 1; no group may be empty."""
        order = np.argsort(groups, kind="stable")
        bounds = np.searchsorted(groups[order], np.arange(count + 1))
        middles = np.add.reduceat(vectors[order], bounds[:-1], axis=0)
        return cls(
            in_steps(vectors[order]),
            np.column_stack([bounds[:-1], bounds[1:]]),
            middles / np.linalg.norm(middles, axis=1, keepdims=True),
        )

    def likeness(self, vector: "np.ndarray", groups: "np.ndarray") -> "np.ndarray":
        """Cosine to the nearest example of each of some groups, of the shape of ``groups``."""
        examples, starts = gathered(self.examples, self.spans[groups], np.float32)
        return np.maximum.reduceat(examples @ (vector / np.float32(STEPS)), starts)

    def best(self, vector: "np.ndarray", width: int) -> float:
        """Cosine to the nearest example of the ``width`` groups whose middles are nearest."""
        middles = self.middles @ vector
        return float(self.likeness(vector, np.argpartition(-middles, min(width, len(middles)) - 1)[:width]).max())


def in_steps(vectors: "np.ndarray") -> "np.ndarray":
    """Unit vectors in steps of 1/400, int8."""
    return np.clip(np.rint(vectors * STEPS), -127, 127).astype(np.int8)


def gathered(rows: "np.ndarray", spans: "np.ndarray", kind: Any = None) -> Tuple["np.ndarray", "np.ndarray"]:
    """The rows of some spans one below the other, as another kind of number if need be, and where each span begins in them."""
    stretches = [rows[start:end] for start, end in spans.tolist()]
    return np.concatenate(stretches, dtype=kind), np.cumsum([0, *map(len, stretches[:-1])])
