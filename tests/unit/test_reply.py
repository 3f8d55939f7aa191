"""The reply contract: schema and code say the same, and every answer of the core keeps it."""
from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft7Validator

from dystonia.compose import Answerer
from dystonia.models import TOPICS
from dystonia.question import Talk
from dystonia.reply import (
    OUT_OF_SCOPE,
    UNAVAILABLE,
    Answer,
    Button,
    Kind,
    Reply,
    as_text,
    source_entry,
    unique,
)
from dystonia.store import FACTS, FactStore
from tests.unit.asking import EYES, NECK_TREATED, NEW_TALK, vague

SCHEMA: dict[str, Any] = json.loads((FACTS.parent / "docs" / "reply.schema.json").read_text(encoding="utf-8"))
WHOLE = Reply(
    kind="answer",
    topics=["definition"],
    about=["dystonia"],
    cards=["dystonia.what_is"],
    sources=[{"id": "a", "title": "A", "publisher": "B", "url": None, "date": "undated"}],
    cautions=["general_information"],
    content="0123456789ab",
    model="a1b2c3.tar.gz",
    confidence=0.5,
).as_custom()["reply"]


def faults(reply: dict[str, Any]) -> list[str]:
    """What the schema has against a reply."""
    return [error.message for error in Draft7Validator(SCHEMA).iter_errors(reply)]


# Schema and code in step.


def test_the_schema_is_a_schema_of_draft_7() -> None:
    assert SCHEMA["$schema"] == "http://json-schema.org/draft-07/schema#"
    Draft7Validator.check_schema(SCHEMA)


def test_the_schema_lists_the_fields_of_a_reply_and_no_others() -> None:
    fields = [field.name for field in dataclasses.fields(Reply)]

    assert list(SCHEMA["properties"]) == SCHEMA["required"] == fields
    assert SCHEMA["additionalProperties"] is False


def test_the_schema_lists_the_kinds_in_the_order_that_wins() -> None:
    assert SCHEMA["properties"]["kind"]["enum"] == [kind.value for kind in Kind]


def test_the_schema_lists_the_topics() -> None:
    assert SCHEMA["properties"]["topics"]["items"]["enum"] == list(TOPICS)


def test_the_schema_lists_the_fields_of_a_source_and_no_others(store: FactStore) -> None:
    entry = SCHEMA["properties"]["sources"]["items"]

    assert list(entry["properties"]) == entry["required"] == list(source_entry(store, "eye-clinic"))
    assert entry["additionalProperties"] is False


def test_every_field_that_is_not_plain_says_what_it_holds() -> None:
    assert [name for name, field in SCHEMA["properties"].items() if not field.get("description")] == []


# What the schema lets through and what it refuses.


def test_a_whole_reply_passes() -> None:
    assert faults(WHOLE) == []


@pytest.mark.parametrize("field", list(WHOLE))
def test_a_reply_without_one_of_its_fields_is_refused(field: str) -> None:
    assert faults({name: value for name, value in WHOLE.items() if name != field})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("kind", "guess"),
        ("topics", ["weather"]),
        ("topics", ["cause", "cause"]),
        ("topics", "cause"),
        ("about", ["has spaces in it"]),
        ("cards", ["no_dot"]),
        ("sources", ["dystonia-europe"]),
        ("sources", [{"id": "a", "title": "A", "publisher": "B", "url": None}]),
        ("sources", [{"id": "a", "title": "A", "publisher": "B", "url": None, "date": "2020", "page": 3}]),
        ("cautions", ["Not An Id"]),
        ("content", ""),
        ("model", None),
        ("confidence", 1.01),
        ("confidence", -0.01),
        ("confidence", "high"),
        ("text", "one more field"),
    ],
)
def test_a_reply_with_a_wrong_value_is_refused(field: str, value: object) -> None:
    assert faults({**WHOLE, field: value})


@given(st.sampled_from(list(Kind)), st.lists(st.sampled_from(TOPICS), unique=True), st.floats(0, 1))
def test_every_kind_with_any_topics_passes(kind: Kind, topics: list[str], confidence: float) -> None:
    assert faults({**WHOLE, "kind": kind.value, "topics": topics, "confidence": confidence}) == []


# What the code makes keeps the contract.


@pytest.mark.parametrize("kind", [Kind.answer, Kind.clarify, Kind.out_of_scope, Kind.smalltalk], ids=lambda kind: kind.value)
def test_each_kind_of_answer_of_the_core_keeps_the_contract(answerer: Answerer, store: FactStore, kind: Kind) -> None:
    answers = {
        Kind.answer: lambda: answerer.answer([EYES, NECK_TREATED], NEW_TALK),
        Kind.clarify: lambda: answerer.answer([vague("hand_dystonia.what_is")], NEW_TALK),
        Kind.out_of_scope: lambda: answerer.answer([], NEW_TALK),
        Kind.smalltalk: lambda: answerer.decline(NEW_TALK),
    }

    answer = answers[kind]().answer

    assert answer.kind is kind
    assert faults(Reply.of(answer, store).with_model("a1b2c3").as_custom()["reply"]) == []


def test_every_real_card_keeps_the_contract(real_store: FactStore) -> None:
    answerer = Answerer(real_store)
    answers = [answerer.repeat(Talk(cards=(card,))).answer for card in real_store.cards]

    assert [fault for answer in answers for fault in faults(Reply.of(answer, real_store).as_custom()["reply"])] == []


def test_a_reply_tells_what_the_answer_holds(answerer: Answerer, store: FactStore) -> None:
    answer = answerer.answer([EYES], NEW_TALK).answer

    told = Reply.of(answer, store)

    assert (told.kind, told.cards, told.about) == ("answer", ["blepharospasm.what_is"], ["blepharospasm"])
    assert told.sources == [
        {"id": "eye-clinic", "title": "Eyelids", "publisher": "Eye Clinic", "url": "https://eyes.example/lids", "date": "2020"}
    ]
    assert told.content == store.version


def test_naming_the_model_changes_nothing_else() -> None:
    reply = Reply(kind="answer", confidence=0.4)

    assert dataclasses.asdict(reply.with_model("m")) == {**dataclasses.asdict(reply), "model": "m"}


@given(st.floats(allow_nan=False))
def test_confidence_is_always_between_nought_and_one(store: FactStore, confidence: float) -> None:
    assert 0 <= Reply.of(Answer(Kind.answer, ("Text.",), confidence=confidence), store).confidence <= 1


# Text.


def test_paragraphs_stand_apart_and_points_under_each_other() -> None:
    assert as_text(Answer(Kind.answer, ("Lead.", "• One.\n• Two.", "Sources: A."))) == "Lead.\n\n• One.\n• Two.\n\nSources: A."


def test_a_button_sends_what_stands_on_it() -> None:
    assert Button.asking("What is dystonia?") == Button("What is dystonia?", "What is dystonia?")


@pytest.mark.parametrize("words", ["112", "911", "999", "doctor", "pharmacist", "try again"])
def test_when_all_fails_there_is_still_a_person_to_turn_to(words: str) -> None:
    assert words in UNAVAILABLE


def test_out_of_scope_says_what_it_can_help_with() -> None:
    assert "dystonia" in OUT_OF_SCOPE
    assert "treatment" in OUT_OF_SCOPE


# Helpers.


@given(st.lists(st.sampled_from("abcd")))
def test_unique_keeps_each_item_once_in_the_order_of_first_use(items: list[str]) -> None:
    kept = unique(items)

    assert sorted(kept) == sorted(set(items))
    assert [items.index(item) for item in kept] == sorted(items.index(item) for item in kept)
