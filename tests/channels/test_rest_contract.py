"""What every reply over REST looks like, for each kind of reply and through a talk."""
from __future__ import annotations

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator, validators

from dystonia.reply import Kind
from dystonia.store import content_version
from server.settings import ROOT
from tests.running import Reply, RunningAssistant, Visitor

ONE_OF_EACH = {
    Kind.answer: "What is blepharospasm?",
    Kind.smalltalk: "Good morning!",
    Kind.boundary: "Should I stop taking my baclofen?",
    Kind.emergency: "I can't breathe since my injection yesterday",
    Kind.crisis: "I want to kill myself",
    Kind.out_of_scope: "Which team won the football last night?",
}


@pytest.fixture
def visitor(assistant: RunningAssistant) -> Visitor:
    """Someone whom the assistant has never met."""
    return assistant.visitor()


@pytest.fixture(scope="module")
def schema() -> Any:
    """The contract as it is published."""
    published = json.loads((ROOT / "docs" / "reply.schema.json").read_text(encoding="utf-8"))
    checker = validators.validator_for(published, Draft202012Validator)
    checker.check_schema(published)
    return checker(published)


@pytest.mark.parametrize("kind", ONE_OF_EACH)
def test_a_reply_is_one_text_and_one_account_of_itself(visitor: Visitor, kind: Kind) -> None:
    reply = visitor.say(ONE_OF_EACH[kind])

    assert [sorted(set(item) - {"buttons"}) for item in reply.raw] == [["recipient_id", "text"], ["custom", "recipient_id"]]
    assert all(item["recipient_id"] == visitor.sender for item in reply.raw)
    assert reply.text.strip()
    assert list(reply.raw[1]["custom"]) == ["reply"]


@pytest.mark.parametrize("kind", ONE_OF_EACH)
def test_a_reply_names_its_kind_its_facts_and_its_model(visitor: Visitor, model: Any, kind: Kind) -> None:
    told = visitor.say(ONE_OF_EACH[kind]).reply

    assert told["kind"] == kind.value
    assert told["content"] == content_version()
    assert told["model"].startswith(model.name.partition(".")[0])
    assert 0 <= told["confidence"] <= 1


@pytest.mark.parametrize("kind", ONE_OF_EACH)
def test_a_reply_follows_the_published_schema(visitor: Visitor, schema: Any, kind: Kind) -> None:
    told = visitor.say(ONE_OF_EACH[kind]).reply

    assert [error.message for error in schema.iter_errors(told)] == []


def test_the_schema_refuses_a_reply_of_no_known_kind(visitor: Visitor, schema: Any) -> None:
    told = visitor.say(ONE_OF_EACH[Kind.answer]).reply

    assert not schema.is_valid({**told, "kind": "guess"})
    assert not schema.is_valid({name: value for name, value in told.items() if name != "content"})


def test_an_answer_says_what_it_rests_on(visitor: Visitor) -> None:
    reply = visitor.say("What is blepharospasm?")

    assert reply.reply["topics"] == ["type_info"]
    assert reply.reply["about"] == ["blepharospasm"]
    assert reply.reply["cards"] == ["blepharospasm.what_is"]
    assert all(source["title"] and source["publisher"] for source in reply.reply["sources"])
    assert reply.reply["sources"][0]["publisher"] in reply.text


def test_buttons_ask_questions_that_are_answered(visitor: Visitor) -> None:
    buttons = visitor.say("What is blepharospasm?").buttons

    assert 2 <= len(buttons) <= 3
    for button in buttons:
        assert visitor.say(button["payload"]).kind == "answer", button


def test_an_emergency_lists_numbers_and_the_talk_goes_on(visitor: Visitor) -> None:
    urgent = visitor.say(ONE_OF_EACH[Kind.emergency])

    assert "112" in urgent.text and "999" in urgent.text
    assert visitor.say("What is cervical dystonia?").reply["cards"] == ["cervical_dystonia.what_is"]


def test_numbers_are_those_of_the_country_once_it_is_known(visitor: Visitor) -> None:
    visitor.say("Is there a dystonia group in Ireland?")

    crisis = visitor.say(ONE_OF_EACH[Kind.crisis])

    assert "Tell me your country" not in crisis.text
    assert "911" not in crisis.text


def test_a_follow_up_keeps_the_subject(visitor: Visitor) -> None:
    visitor.say("What is blepharospasm?")

    reply = visitor.say("and how is it treated?")

    assert (reply.reply["topics"], reply.reply["about"]) == (["treatment_overview"], ["blepharospasm"])


def test_a_new_subject_replaces_the_old_one(visitor: Visitor) -> None:
    visitor.say("What is blepharospasm?")
    visitor.say("What is cervical dystonia?")

    assert visitor.say("what causes it?").reply["about"] == ["cervical_dystonia"]


def test_each_part_of_a_compound_question_is_answered_in_order(visitor: Visitor) -> None:
    reply = visitor.say("What is cervical dystonia and how is it treated?")

    assert reply.reply["topics"] == ["type_info", "treatment_overview"]
    assert reply.reply["cards"] == ["cervical_dystonia.what_is", "cervical_dystonia.treatment"]


def test_a_comparison_is_about_both(visitor: Visitor) -> None:
    told = visitor.say("What is the difference between baclofen and benzodiazepines?").reply

    assert told["topics"] == ["comparison"]
    assert told["about"] == ["baclofen", "benzodiazepines"]


def test_a_correction_asks_the_same_about_something_else(visitor: Visitor) -> None:
    visitor.say("What is blepharospasm?")
    visitor.say("how is it treated?")

    told = visitor.say("no, I meant the neck one").reply

    assert (told["topics"], told["about"]) == (["treatment_overview"], ["cervical_dystonia"])


def test_shorter_says_the_same_card_in_fewer_words(visitor: Visitor) -> None:
    full = visitor.say("How is blepharospasm treated?")

    short = visitor.say("shorter please")

    assert short.reply["cards"] == full.reply["cards"]
    assert len(short.text) < len(full.text)


def test_repeat_says_the_same_card(visitor: Visitor) -> None:
    first = visitor.say("What are the symptoms of blepharospasm?")

    again = visitor.say("say that again")

    assert again.reply["cards"] == first.reply["cards"]
    assert again.text.splitlines()[0] == first.text.splitlines()[0]


def test_more_says_another_card(visitor: Visitor) -> None:
    first = visitor.say("What is blepharospasm?")

    more = visitor.say("tell me more")

    assert more.kind == "answer"
    assert not set(more.reply["cards"]) & set(first.reply["cards"])


def test_a_caution_is_full_once_and_short_after(visitor: Visitor) -> None:
    first, second = visitor.say("What is botulinum toxin?"), visitor.say("How does botulinum toxin work?")

    assert "toxin_warning" in first.reply["cautions"] and "toxin_warning" in second.reply["cautions"]
    assert _words(first, "toxin") > _words(second, "toxin") > 0


def _words(reply: Reply, subject: str) -> int:
    """How long the paragraph of warning about a subject is."""
    warnings = [part for part in reply.text.split("\n\n") if subject in part and "emergency" in part]
    return sum(len(warning.split()) for warning in warnings)


def test_starting_over_leaves_nothing_to_repeat(visitor: Visitor) -> None:
    visitor.say("What is blepharospasm?")

    assert visitor.say("start over").kind == "smalltalk"
    assert visitor.say("say that again").reply["cards"] == []


def test_forget_me_leaves_no_trace_in_any_file(assistant: RunningAssistant, visitor: Visitor) -> None:
    for message in ("My friend Featherstonehaugh asks what dystonia is", "What is blepharospasm?"):
        visitor.say(message)
    assert assistant.files_holding("Featherstonehaugh") and assistant.files_holding(visitor.sender)

    reply = visitor.say("Please forget me")

    assert "deleted" in reply.text
    assert assistant.files_holding("Featherstonehaugh") == []
    assert assistant.files_holding(visitor.sender) == []
    assert visitor.say("say that again").reply["cards"] == []


def test_forget_me_leaves_the_talks_of_others(assistant: RunningAssistant, visitor: Visitor) -> None:
    other = assistant.visitor()
    other.say("What is blepharospasm?")
    visitor.say("What is cervical dystonia?")

    visitor.say("forget me")

    assert other.say("say that again").reply["cards"] == ["blepharospasm.what_is"]


def test_talks_at_the_same_time_do_not_mix(assistant: RunningAssistant) -> None:
    first, second = assistant.visitor(), assistant.visitor()
    first.say("What is blepharospasm?")
    second.say("What is cervical dystonia?")

    assert first.say("what causes it?").reply["about"] == ["blepharospasm"]
    assert second.say("what causes it?").reply["about"] == ["cervical_dystonia"]
