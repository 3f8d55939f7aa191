"""Tf-idf of one text: the same weights as scikit-learn's, whatever the text."""
from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer

from nlu.tfidf import Tfidf

TEXTS = ["what is dystonia", "how is dystonia treated", "is it my neck or my neck and my hand", "what can I do about my hand"]
SETTINGS = ({"ngram_range": (1, 2), "token_pattern": r"[a-z0-9']+"}, {"analyzer": "char_wb", "ngram_range": (2, 4), "min_df": 2})


@pytest.mark.parametrize("settings", SETTINGS, ids=["words", "characters"])
@given(text=st.text(alphabet="abcdehikmnotuwy '\u00e9\n", max_size=60))
def test_a_text_has_the_weights_that_the_library_gives_it(settings: dict, text: str) -> None:
    ours, stock = Tfidf(**settings), TfidfVectorizer(sublinear_tf=True, **settings)
    ours.fit(TEXTS)
    stock.fit(TEXTS)

    for each in (text, *TEXTS):
        found = np.zeros(len(stock.vocabulary_))
        places, weights = ours.terms(each)
        found[places] = weights
        assert np.allclose(found, stock.transform([each]).toarray()[0], atol=1e-5)


def test_it_is_the_same_after_it_was_kept() -> None:
    ours = Tfidf(ngram_range=(1, 1))
    ours.fit(TEXTS)
    before = ours.terms("my neck")

    after = pickle.loads(pickle.dumps(ours)).terms("my neck")

    assert all((one == other).all() for one, other in zip(before, after))


def test_a_text_of_unknown_words_has_no_terms() -> None:
    ours = Tfidf(ngram_range=(1, 1))
    ours.fit(TEXTS)

    assert [len(each) for each in ours.terms("xyzzy")] == [0, 0]
