"""What a message speaks of: names, synonyms, older terms and misspellings of the vocabulary, longest match first."""
from __future__ import annotations

from functools import lru_cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dystonia.store import FACTS, FactStore
from tests.unit.reading import mentions, parse, slugs


@lru_cache(maxsize=1)
def store() -> FactStore:
    """The real facts, read when a test asks for them: a fault in them must not hide the other tests."""
    return FactStore.load(FACTS)


def some_term(data: st.DataObject) -> str:
    """Any entry of the vocabulary."""
    return data.draw(st.sampled_from(sorted(store().terms)))


@pytest.mark.parametrize(
    ("text", "slug"),
    [
        ("What is cervical dystonia?", "cervical_dystonia"),
        ("What is neck dystonia?", "cervical_dystonia"),
        ("What is spasmodic torticollis?", "cervical_dystonia"),
        ("My hands clench when I write, is there a test?", "hand"),
        ("what is blefarospasm", "blepharospasm"),
        ("tell me about dbs", "deep_brain_stimulation"),
        ("TELL ME ABOUT BOTOX", "botulinum_toxin"),
    ],
    ids=["name", "synonym", "older term", "body part", "misspelling", "abbreviation", "capitals"],
)
def test_a_subject_is_found_by_any_of_its_names(text: str, slug: str) -> None:
    assert slug in slugs(text)


def test_every_phrase_of_the_vocabulary_leads_to_its_entry() -> None:
    phrases = [(phrase, slug) for slug, term in store().terms.items() for phrase in term.phrases]

    assert len(phrases) > 1000
    assert [(phrase, slug) for phrase, slug in phrases if slugs(f"tell me about {phrase} please") != [slug]] == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("dystonia", ["dystonia"]),
        ("focal dystonia", ["focal_dystonia"]),
        ("neck dystonia", ["cervical_dystonia"]),
        ("dystonia of the neck", ["cervical_dystonia"]),
        ("dystonia and my neck", ["dystonia", "neck"]),
        ("deep brain stimulation for the brain", ["deep_brain_stimulation"]),
    ],
)
def test_the_longest_phrase_wins_and_none_overlap(text: str, found: list[str]) -> None:
    assert [slug for slug in slugs(text) if slug != "brain"] == found


@given(st.data(), st.integers(1, 4))
def test_mentions_stand_in_order_and_never_overlap(data: st.DataObject, count: int) -> None:
    terms = [some_term(data) for _ in range(count)]

    found = mentions(" . ".join(store().name(term) for term in terms))

    assert [mention.slug for mention in found] == terms
    assert all(one.last <= other.first for one, other in zip(found, found[1:], strict=False))


@given(st.text(max_size=80))
def test_any_text_is_read(text: str) -> None:
    assert all(mention.slug in store().terms or mention.slug in store().countries for mention in mentions(text))


@pytest.mark.parametrize(
    ("text", "excluded", "kept"),
    [
        ("no, not the neck, the hand", {"neck"}, {"hand"}),
        ("not cervical dystonia but hand dystonia", {"cervical_dystonia"}, {"hand_dystonia"}),
        ("anything other than botox", {"botulinum_toxin"}, set()),
        ("the hand instead of the neck", {"neck"}, {"hand"}),
        ("everything except dbs", {"deep_brain_stimulation"}, set()),
    ],
)
def test_what_is_ruled_out_is_marked(text: str, excluded: set[str], kept: set[str]) -> None:
    found = mentions(text)

    assert {mention.slug for mention in found if mention.excluded} == excluded
    assert {mention.slug for mention in found if not mention.excluded} == kept


@pytest.mark.parametrize(
    ("text", "slug"),
    [
        ("it does not work for my neck", "neck"),
        ("I could not sleep because of my dystonia", "dystonia"),
        ("why do doctors not know blepharospasm", "blepharospasm"),
        ("Isn't blepharospasm a kind of dystonia?", "blepharospasm"),
    ],
)
def test_a_not_about_something_else_rules_nothing_out(text: str, slug: str) -> None:
    assert slug in slugs(text)


@pytest.mark.parametrize("text", ["I feel dystopian today", "muscular dystrophy", "is Estonia nice", "a helping hint"])
def test_what_only_looks_alike_is_not_dystonia(text: str) -> None:
    assert "dystonia" not in slugs(text)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Is there a group in the UK?", ["UK"]),
        ("we live in scotland", ["UK"]),
        ("I am in the US", ["US"]),
        ("please help us", []),
        ("a support group in Dublin", ["Ireland"]),
        ("we live in scotlnd", ["UK"]),
        ("fr what is this even", []),
        ("is the sevicle free", []),
    ],
)
def test_countries_are_found_and_us_is_not_the_us(text: str, found: list[str]) -> None:
    assert [slug for slug in slugs(text) if slug in store().countries] == found


def test_entities_are_given_to_rasa_with_kind_slug_and_the_place_where_they_were_typed() -> None:
    text = "Is blefarospasm painful?"

    (entity,) = [entity for entity in parse(text).get("entities") if entity["entity"] == "type"]

    assert entity["value"] == "blepharospasm"
    assert text[entity["start"] : entity["end"]] == "blefarospasm"


def test_what_is_ruled_out_is_no_entity() -> None:
    assert "neck" not in {entity["value"] for entity in parse("not the neck, the hand").get("entities")}
