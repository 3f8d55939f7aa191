"""What the card ranking and the topics are made of: softmax regression, nearest examples, word pieces."""

from __future__ import annotations

import numpy as np

from nlu.nearest import MANY, Nearest
from nlu.softmax import fit_softmax, softmax


def unit(rows: int, seed: int) -> "np.ndarray":
    drawn = np.random.RandomState(seed).randn(rows, 384).astype(np.float32)
    return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)


def test_a_regression_tells_apart_what_can_be_told_apart_and_is_the_same_each_time() -> None:
    middles = unit(5, 1)
    classes = np.repeat(np.arange(5), 40)
    rows = middles[classes] + 0.1 * unit(200, 2)

    once, again = (fit_softmax(rows, classes, 5, seed=7) for _ in range(2))

    assert (once.logits(rows).argmax(axis=1) == classes).all()
    assert (once.weights == again.weights).all()


def test_probabilities_add_up_even_where_scores_are_huge() -> None:
    chances = softmax(np.array([[1e4, 0.0, -1e4], [0.0, 0.0, 0.0]]))

    assert np.allclose(chances.sum(axis=1), 1)
    assert chances[0, 0] == 1


def test_the_nearest_example_is_the_same_however_many_ask_at_once() -> None:
    examples, groups = unit(300, 3), np.random.RandomState(4).permutation(np.arange(300) % 20)
    nearest = Nearest.of(examples, groups, 20)
    asked = unit(MANY, 5)
    listed = np.tile(np.arange(20), (MANY, 1))
    by_hand = np.array([[(examples[groups == group] @ row).max() for group in range(20)] for row in asked])

    assert np.allclose(nearest.likeness(asked, listed), by_hand, atol=0.004)
    assert np.allclose(nearest.likeness(asked[:3], listed[:3]), by_hand[:3], atol=0.004)
    assert np.allclose(nearest.best(asked[:3], 20), by_hand[:3].max(axis=1), atol=0.004)
