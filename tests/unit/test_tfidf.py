"""Tf-idf of one text: the same weights as scikit-learn's, whatever the text."""
from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer

from nlu.tfidf import Terms, Tfidf

TEXTS = ["what is dystonia", "how is dystonia treated", "is it my neck or my neck and my hand", "what can I do about my hand"]
WORDS, LETTERS = Terms(1, 3), Terms(2, 4, of_words=False)
LIBRARY = {
    WORDS: {"ngram_range": (1, 3), "token_pattern": r"[a-z0-9']+", "min_df": 1},
    LETTERS: {"analyzer": "char_wb", "ngram_range": (2, 4), "min_df": 2},
}


@pytest.mark.parametrize("terms", [WORDS, LETTERS], ids=["words", "characters"])
@given(text=st.text(alphabet="abcdehikmnotuwy '\u00e9\u4e2d\ud800\n", max_size=60))
def test_a_text_has_the_weights_that_the_library_gives_it(terms: Terms, text: str) -> None:
    stock = TfidfVectorizer(sublinear_tf=True, **LIBRARY[terms])
    ours = Tfidf(terms, min_df=LIBRARY[terms]["min_df"])
    ours.fit(TEXTS)
    stock.fit(TEXTS)

    for each in (text, *TEXTS):
        assert np.allclose(np.sort(ours.terms(each)[1]), np.sort(stock.transform([each]).data), atol=1e-5)


@pytest.mark.parametrize("terms", [WORDS, LETTERS], ids=["words", "characters"])
def test_learning_gives_each_text_the_weights_that_it_gets_later(terms: Terms) -> None:
    ours = Tfidf(terms)

    learned = ours.fit(TEXTS).toarray()

    for text, row in zip(TEXTS, learned):
        places, weights = ours.terms(text)
        assert np.flatnonzero(row).tolist() == places.tolist()
        assert np.allclose(row[places], weights, atol=1e-6)


def test_two_texts_share_a_term_where_they_share_the_words() -> None:
    ours = Tfidf(WORDS)
    ours.fit(TEXTS)

    mine, other = (set(ours.terms(text)[0].tolist()) for text in ("my hand", "what can I do about my hand"))

    assert mine < other
    assert len(mine) == 3, "my, hand, my hand"


def test_it_is_the_same_after_it_was_kept() -> None:
    ours = Tfidf(Terms(1, 1))
    ours.fit(TEXTS)
    before = ours.terms("my neck")

    after = pickle.loads(pickle.dumps(ours)).terms("my neck")

    assert all((one == other).all() for one, other in zip(before, after))


@pytest.mark.parametrize("text", ["xyzzy", "", "?!"])
def test_a_text_of_unknown_words_has_no_terms(text: str) -> None:
    ours = Tfidf(Terms(1, 1))
    ours.fit(TEXTS)

    assert [len(each) for each in ours.terms(text)] == [0, 0]
