"""What the card ranking and the topics are made of: softmax regression, nearest examples, word pieces."""

from __future__ import annotations

import numpy as np

from nlu.message import Part
from nlu.nearest import Nearest
from nlu.ranking import COMPARED, Overlap, Pieces, Shelves
from nlu.sentence_encoder import Encoded
from nlu.softmax import fit_softmax, log_softmax, log_sum, softmax


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


def test_logarithms_of_probabilities_are_those_of_the_probabilities() -> None:
    scores = np.array([[1.0, 2.0, -3.0], [800.0, 799.0, 0.0]])

    assert np.allclose(np.exp(log_softmax(scores)), softmax(scores))
    assert np.allclose(log_sum(scores), [np.log(np.exp(scores[0]).sum()), 800 + np.log1p(np.exp(-1))])


def test_the_nearest_example_is_found_in_each_group_that_is_asked_for() -> None:
    examples, groups = unit(300, 3), np.random.RandomState(4).permutation(np.arange(300) % 20)
    nearest = Nearest.of(examples, groups, 20)

    for asked in unit(5, 5):
        by_hand = np.array([(examples[groups == group] @ asked).max() for group in range(20)])
        some = np.array([7, 0, 19])
        assert np.allclose(nearest.likeness(asked, some), by_hand[some], atol=0.004)
        assert np.isclose(nearest.best(asked, 20), by_hand.max(), atol=0.004)


def test_few_cards_stand_on_one_shelf_and_all_are_compared() -> None:
    middles = unit(COMPARED, 6)

    assert Shelves.of(middles, seed=1).near(unit(1, 7)[0]).tolist() == list(range(COMPARED))


def test_of_many_cards_the_nearest_are_compared_and_none_is_lost() -> None:
    # Given ten times as many cards as are compared, each near one of 50 points,
    near = np.arange(10 * COMPARED) % 50
    middles = unit(50, 8)[near] + 0.02 * unit(len(near), 9)
    middles /= np.linalg.norm(middles, axis=1, keepdims=True)

    # when they are put on shelves,
    shelves = Shelves.of(middles, seed=1)

    # then each stands on one, and a question is compared with about as many as it should, the likest among them.
    assert sorted(np.concatenate(shelves.cards).tolist()) == list(range(len(near)))
    for question in unit(50, 8)[:10]:
        compared = shelves.near(question)
        assert COMPARED <= len(compared) <= 2 * COMPARED
        assert set(np.argsort(-(middles @ question))[:100]) <= set(compared)


def test_words_are_shared_with_the_cards_that_have_them() -> None:
    overlap = Overlap.of(["what helps a stiff neck", "what helps tired eyes", "how common is it"])

    shares = overlap.share(Part(0, 3, words="a stiff neck"), np.array([2, 1, 0]))

    assert shares[0] == shares[1] == 0 < shares[2] <= 1


def test_a_piece_is_as_near_to_a_card_as_to_the_nearest_piece_of_it() -> None:
    # Given two cards, of which the second holds just what is asked,
    def encoded(vectors: "np.ndarray") -> Encoded:
        return Encoded(vectors.mean(axis=0), np.arange(len(vectors)), vectors.astype(np.float16))

    directions = np.eye(384, 64, dtype=np.float32)
    first, second = unit(6, 10), unit(4, 11)
    pieces = Pieces.of([[encoded(first)], [encoded(second)]], directions)
    asked = second[:, :64] / np.linalg.norm(second[:, :64], axis=1, keepdims=True)

    # when its pieces are looked for in both,
    nearness = pieces.nearness(asked, np.full(4, 0.25, np.float32), np.array([1, 0]))

    # then the second has them all, and the first has what is likest.
    by_hand = first[:, :64] / np.linalg.norm(first[:, :64], axis=1, keepdims=True)
    assert np.allclose(nearness, [1.0, (asked @ by_hand.T).max(axis=1).mean()], atol=0.02)
