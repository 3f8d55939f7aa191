"""Softmax regression, fitted in a second where a general solver takes ten: many classes, short dense vectors."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

EPOCHS = 10
BATCH = 512
STEP = 0.03
DECAY = 1e-4
SCALE = 3.2
"""Unit vectors are this much longer while fitting, which weakens the decay; found on the cards' own questions."""


class Softmax(NamedTuple):
    """Weights of shape (features, classes), those of a class side by side, and biases of shape (classes,)."""

    weights: "np.ndarray"
    bias: "np.ndarray"

    def logits(self, features: "np.ndarray") -> "np.ndarray":
        """Of shape (rows, classes), for features of shape (rows, features)."""
        return features @ self.weights + self.bias


def fit_softmax(
    features: "np.ndarray", classes: "np.ndarray", count: int, seed: int, evenness: float = 0.0, steps: int = 0
) -> Softmax:
    """Fits by Adam (Kingma and Ba, 2015) with a step that falls to nothing; the same seed gives the same weights.

    Args:
        features: shape (rows, features).
        classes: the class of each row, 0 to count - 1.
        evenness: 0 where each example counts the same, 1 where each class does, whatever its number of examples.
        steps: at least so many, by more epochs where there are few examples.
    """
    sizes = np.maximum(np.bincount(classes, minlength=count), 1)
    shares = (sizes ** -float(evenness))[classes].astype(np.float32)
    shares /= shares.mean()
    shuffle = np.random.RandomState(seed)
    features = features.astype(np.float32) * np.float32(SCALE)
    values = [np.zeros((features.shape[1], count), np.float32), np.zeros(count, np.float32)]
    means, squares = ([np.zeros_like(value) for value in values] for _ in range(2))
    batches = -(-len(features) // BATCH)
    epochs = max(EPOCHS, -(-steps // batches))
    rounds = epochs * batches
    done = 0
    for _ in range(epochs):
        order = shuffle.permutation(len(features))
        for first in range(0, len(order), BATCH):
            rows = order[first : first + BATCH]
            error = softmax(features[rows] @ values[0] + values[1])
            error[np.arange(len(rows)), classes[rows]] -= 1
            error *= (shares[rows] / len(rows))[:, None]
            done += 1
            step = STEP * (1 - done / rounds)
            for value, mean, square, slope in zip(
                values, means, squares, (features[rows].T @ error + DECAY * values[0], error.sum(axis=0))
            ):
                mean += 0.1 * (slope - mean)
                square += 0.01 * (slope * slope - square)
                value -= step * (mean / (1 - 0.9**done)) / (np.sqrt(square / (1 - 0.99**done)) + 1e-8)
    return Softmax(np.asfortranarray(values[0] * np.float32(SCALE)), values[1])


def softmax(logits: "np.ndarray") -> "np.ndarray":
    """Probabilities along the last axis."""
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def log_softmax(logits: "np.ndarray") -> "np.ndarray":
    """Logarithms of the probabilities along the last axis."""
    lowered = logits - logits.max(axis=-1, keepdims=True)
    return lowered - np.log(np.exp(lowered).sum(axis=-1, keepdims=True))


def log_sum(logits: "np.ndarray") -> "np.ndarray":
    """The logarithm of the sum of the powers along the last axis."""
    highest = logits.max(axis=-1)
    return highest + np.log(np.exp(logits - highest[..., None]).sum(axis=-1))
