"""Spelling repair: slips are mended, and no word becomes another that means something else."""
from __future__ import annotations

import re
import string
from functools import lru_cache
from typing import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rapidfuzz.distance import OSA

from dystonia.store import FACTS, FactStore
from nlu.words import PROTECTED
from tests.unit.reading import components, parse, read

EVERYDAY = "about again because could doctor does eyes head help hurt know like mother often pain some what when work".split()
NEVER_DYSTONIA = ("dystrophy", "dystopia", "dysphagia")


@lru_cache(maxsize=1)
def medical() -> list[str]:
    """Every word of the vocabulary's names, read when a test asks for them: a fault in the facts must not hide other tests."""
    terms = FactStore.load(FACTS).terms.values()
    phrases = " ".join(phrase for term in terms for phrase in (term.name, *term.synonyms, *term.older_terms))
    return sorted(set(re.findall(r"[a-z]+", phrases.lower())))


def repaired(word: str) -> str:
    """A word as the pipeline takes it."""
    return components().repair.repair(word)


def slips_of(word: str) -> set[str]:
    """Every word one slip away: a letter left out, added, changed, or swapped with the next."""
    halves = [(word[:place], word[place:]) for place in range(len(word) + 1)]
    left_out = {head + tail[1:] for head, tail in halves if tail}
    swapped = {head + tail[1] + tail[0] + tail[2:] for head, tail in halves if len(tail) > 1}
    changed = {head + letter + tail[1:] for head, tail in halves if tail for letter in string.ascii_lowercase}
    added = {head + letter + tail for head, tail in halves for letter in string.ascii_lowercase}
    return (left_out | swapped | changed | added) - {word}


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("distonia", "dystonia"),
        ("dystona", "dystonia"),
        ("dsytonia", "dystonia"),
        ("blefarospasm", "blepharospasm"),
        ("torticolis", "torticollis"),
        ("botulinim", "botulinum"),
        ("levadopa", "levodopa"),
        ("treatmnet", "treatment"),
        ("becuase", "because"),
        ("docter", "doctor"),
    ],
)
def test_a_slip_is_mended(typed: str, meant: str) -> None:
    assert repaired(typed) == meant


@given(st.data(), st.sampled_from([str.lower, str.upper, str.capitalize]))
def test_a_known_word_stays_in_any_case(data: st.DataObject, cased: Callable[[str], str]) -> None:
    word = cased(data.draw(st.sampled_from(medical() + EVERYDAY)))

    assert repaired(word) == word


@pytest.mark.parametrize("word", sorted(PROTECTED | set(NEVER_DYSTONIA)))
def test_a_lookalike_of_a_medical_term_stays(word: str) -> None:
    assert repaired(word) == word


@pytest.mark.parametrize("word", NEVER_DYSTONIA)
def test_a_lookalike_with_a_slip_does_not_become_dystonia(word: str) -> None:
    nearer_to_it = {slip for slip in slips_of(word) if OSA.distance(slip, word) < OSA.distance(slip, "dystonia")}

    assert len(nearer_to_it) > 100
    assert sorted(slip for slip in nearer_to_it if repaired(slip) == "dystonia")[:10] == []


def test_no_medical_word_becomes_another() -> None:
    assert {word: repaired(word) for word in medical() if repaired(word) != word} == {}


@given(st.data())
def test_a_long_medical_word_with_one_slip_becomes_itself_or_something_as_near(data: st.DataObject) -> None:
    word = data.draw(st.sampled_from([word for word in medical() if len(word) >= 9]))
    slip = data.draw(st.sampled_from(sorted(slips_of(word))))

    assert OSA.distance(slip, repaired(slip)) <= 1


@pytest.mark.parametrize("typed", ["a", "ms", "dbs", "abc", "12", "x2", "www.example.org", "c'est", "…", "", "дистония"])
def test_what_is_short_or_no_plain_word_stays(typed: str) -> None:
    assert repaired(typed) == typed


@given(st.text(max_size=12))
def test_any_text_is_taken_and_the_second_repair_changes_nothing(typed: str) -> None:
    once = repaired(typed)

    assert repaired(typed) == once
    assert repaired(once) == once


@given(st.text(max_size=60))
def test_words_stand_where_they_were_typed(text: str) -> None:
    straight = text.translate(str.maketrans("’‘`´“”", "''''\"\""))

    for word in read(text).words:
        assert straight[word.start : word.end] == word.typed


def test_a_message_keeps_what_was_typed_beside_what_was_meant() -> None:
    words = read("Is distonia painfl?").words

    assert [word.typed for word in words] == ["Is", "distonia", "painfl", "?"]
    assert [word.repaired for word in words] == ["Is", "dystonia", "painful", "?"]


def test_curly_apostrophes_read_as_straight_ones() -> None:
    assert [word.typed for word in read("what’s wrong").words] == [word.typed for word in read("what's wrong").words]


def test_rasas_own_tokens_are_set_too() -> None:
    assert [token.text for token in parse("What is dystonia?").get("text_tokens")] == ["What", "is", "dystonia", "?"]


@pytest.mark.parametrize(
    ("typed", "meant"), [("byee", "bye"), ("helllo", "hello"), ("dystoniaa", "dystonia"), ("bottox", "botox")]
)
def test_a_doubled_letter_is_taken_out_before_anything_else_is_tried(typed: str, meant: str) -> None:
    assert repaired(typed) == meant
