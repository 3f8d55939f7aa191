"""Nearest examples: how like a vector is to the most similar example of a group, without comparing it to all examples."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

MANY = 100
"""From so many rows on, one product of all with all is quicker than looking the groups up."""


STEPS = 400
"""Numbers of a unit vector are kept in steps of 1/400, a byte each: a quarter of the memory, and cosines within 0.002."""


class Nearest(NamedTuple):
    """Unit vectors of examples, those of a group one below the other, where each group begins, and the groups' middles."""

    examples: "np.ndarray"
    starts: "np.ndarray"
    middles: "np.ndarray"

    @classmethod
    def of(cls, vectors: "np.ndarray", groups: "np.ndarray", count: int) -> "Nearest":
        """From vectors of shape (examples, features), and the group of each, 0 to count - 1; no group may be empty."""
        order = np.argsort(groups, kind="stable")
        starts = np.searchsorted(groups[order], np.arange(count))
        middles = np.add.reduceat(vectors[order], starts, axis=0)
        steps = np.clip(np.rint(vectors[order] * STEPS), -127, 127).astype(np.int8)
        return cls(steps, starts, middles / np.linalg.norm(middles, axis=1, keepdims=True))

    def likeness(self, vectors: "np.ndarray", listed: "np.ndarray") -> "np.ndarray":
        """Cosine to the nearest example of each listed group, of the shape of ``listed``: (rows, groups)."""
        if len(vectors) >= MANY:
            return np.take_along_axis(
                np.maximum.reduceat(vectors @ _unpacked(self.examples).T, self.starts, axis=1), listed, axis=1
            )
        ends = np.append(self.starts[1:], len(self.examples))
        found = np.empty(listed.shape, np.float32)
        for row, groups in enumerate(listed):
            spans = [self.examples[self.starts[group] : ends[group]] for group in groups]
            likeness = _unpacked(np.concatenate(spans)) @ vectors[row]
            found[row] = np.maximum.reduceat(likeness, np.cumsum([0, *map(len, spans[:-1])]))
        return found

    def best(self, vectors: "np.ndarray", width: int) -> "np.ndarray":
        """Cosine to the nearest example of the ``width`` groups whose middles are nearest; shape (rows,)."""
        middles = vectors @ self.middles.T
        listed = np.argpartition(-middles, min(width, middles.shape[1]) - 1, axis=1)[:, :width]
        return self.likeness(vectors, listed).max(axis=1)


def _unpacked(steps: "np.ndarray") -> "np.ndarray":
    return steps.astype(np.float32) / np.float32(STEPS)
