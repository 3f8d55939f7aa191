"""Questions: where a message holds several, what counts as one, and which lean on what was said before."""
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlu.questions import is_question, refers_back
from tests.unit.reading import parts, read


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("What is blepharospasm and how is it treated?", ["What is blepharospasm", "and how is it treated?"]),
        ("What causes it? Can it be cured?", ["What causes it?", "Can it be cured?"]),
        ("what is it, how is it treated, and who do I see", ["what is it,", "how is it treated,", "and who do I see"]),
        ("Does botox hurt or does it help?", ["Does botox hurt", "or does it help?"]),
        ("My mum has dystonia. What can she do?", ["My mum has dystonia.", "What can she do?"]),
        ("What is dystonia?\nWho treats it?", ["What is dystonia?", "Who treats it?"]),
    ],
    ids=["and", "two sentences", "commas", "or", "story then question", "two lines"],
)
def test_a_message_is_split_where_another_question_begins(text: str, expected: list[str]) -> None:
    assert parts(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "What is dystonia?",
        "neck and shoulder pain",
        "What helps with pain and stiffness?",
        "physical, occupational and speech therapy",
        "Hello.",
        "Hi! What is dystonia?",
        "?",
        "",
    ],
)
def test_a_message_with_one_question_stays_whole(text: str) -> None:
    assert parts(text) == []


def test_the_whole_message_is_always_the_first_part() -> None:
    reading = read("What causes it? Can it be cured?")

    assert (reading.parts[0].first, reading.parts[0].last) == (0, len(reading.words))


@given(st.integers(1, 40))
def test_no_message_has_more_parts_than_can_be_answered(count: int) -> None:
    found = parts(" ".join(f"What is thing number {number}?" for number in range(count)))

    assert len(found) <= 10
    assert not found or found[-1].endswith(f"{count - 1}?")


@given(st.text(max_size=120))
def test_parts_of_any_message_follow_each_other(text: str) -> None:
    whole, *pieces = read(text).parts

    assert all(whole.first <= piece.first < piece.last <= whole.last for piece in pieces)
    assert all(one.last <= other.first for one, other in zip(pieces, pieces[1:], strict=False))


def test_all_names_of_a_subject_read_the_same() -> None:
    texts = {read(f"What is {name}?").parts[0].text for name in ("cervical dystonia", "neck dystonia", "spasmodic torticollis")}

    assert len(texts) == 1


@pytest.mark.parametrize(
    ("text", "about", "subjects"),
    [
        ("how is it treated?", ["blepharospasm"], ["blepharospasm"]),
        ("how is cervical dystonia treated?", ["blepharospasm"], ["cervical_dystonia"]),
        ("what about the neck?", ["blepharospasm"], ["cervical_dystonia"]),
    ],
    ids=["leans on the talk", "names another", "names a part of the body"],
)
def test_a_question_without_a_subject_leans_on_the_talk(text: str, about: list[str], subjects: list[str]) -> None:
    assert read(text, about).parts[0].subjects == subjects


def test_a_part_leans_on_the_part_before_it_and_not_on_the_talk() -> None:
    reading = read("What is blepharospasm and how is it treated?", about=["cervical_dystonia"])

    assert [part.subjects for part in reading.parts[1:]] == [["blepharospasm"], ["blepharospasm"]]


@pytest.mark.parametrize(
    "text",
    [
        "What is dystonia?",
        "what is dystonia",
        "what's a geste",
        "Can it be cured",
        "and how is it treated",
        "hi can you tell me about botox",
        "tell me about botox",
        "I want to know if it is inherited",
        "dystonia?",
        "isn't it rare",
        "is there any hope",
    ],
)
def test_what_asks_is_a_question(text: str) -> None:
    assert is_question(text)


@pytest.mark.parametrize("text", ["My mum has dystonia.", "thank you", "neck dystonia", "I was told it", "the whatnot", ""])
def test_what_only_tells_is_no_question(text: str) -> None:
    assert not is_question(text)


@given(st.text(max_size=40))
def test_a_question_mark_always_asks(text: str) -> None:
    assert is_question(f"{text}?")


@pytest.mark.parametrize(
    "text",
    [
        "and how is it treated?",
        "does it get worse with time?",
        "what about children who have had it?",
        "how long?",
        "why",
        "is that painful for most people?",
        "do the injections hurt very much?",
        "but can they be stopped again later?",
    ],
)
def test_words_that_lean_on_the_talk_refer_back(text: str) -> None:
    assert refers_back(text)


@pytest.mark.parametrize(
    "text",
    [
        "What is the most common type of dystonia?",
        "How is cervical dystonia treated in children?",
        "Which doctor knows most about blepharospasm?",
        "Itching after botulinum toxin injections in the neck",
    ],
)
def test_words_that_stand_by_themselves_do_not(text: str) -> None:
    assert not refers_back(text)


@given(st.sampled_from(["it", "its", "that", "them", "this", "those"]))
def test_a_pronoun_refers_back_in_any_case(pronoun: str) -> None:
    assert refers_back(f"How do people live with {pronoun} day by day?")
    assert refers_back(f"HOW DO PEOPLE LIVE WITH {pronoun.upper()} DAY BY DAY?")
