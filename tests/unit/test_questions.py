"""Questions: where a message holds several, what counts as one, and which lean on what was said before."""
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlu.questions import is_question, refers_back, without_courtesies
from tests.unit.reading import parts, read


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("What is blepharospasm and how is it treated?", ["What is blepharospasm", "and how is it treated?"]),
        ("What causes it? Can it be cured?", ["What causes it?", "Can it be cured?"]),
        ("what is it, how is it treated, and who do I see", ["what is it,", "how is it treated,", "and who do I see"]),
        ("Does botox hurt or does it help?", ["Does botox hurt", "or does it help?"]),
        ("What is dystonia?\nWho treats it?", ["What is dystonia?", "Who treats it?"]),
    ],
    ids=["and", "two sentences", "commas", "or", "two lines"],
)
def test_a_message_is_split_where_another_question_begins(text: str, expected: list[str]) -> None:
    assert parts(text) == expected


def test_what_stands_around_a_single_question_is_no_part_and_is_still_searched_for_red_flags() -> None:
    reading = read("My mum has dystonia. What can she do? She is so tired.")

    assert parts("My mum has dystonia. What can she do? She is so tired.") == []
    assert [part.words for part in reading.asides] == ["my mum has dystonia.", "what can she do?", "she is so tired."]
    assert reading.stretches == [reading.parts[0], *reading.asides]


@pytest.mark.parametrize(
    ("text", "aside"),
    [
        ("what is blepharospasm and she's choking", "and she's choking"),
        ("how is it treated but wee looks like cola", "but wee looks like cola"),
        ("lovely page, my husband hits me, is there a leaflet on pillows", "my husband hits me,"),
        (f"{'We had a nice day out by the sea. ' * 12}He is choking.", "he is choking."),
    ],
    ids=["a statement", "without a subject", "between commas", "after a dozen sentences"],
)
def test_a_clause_that_may_tell_of_an_emergency_is_read_by_itself(text: str, aside: str) -> None:
    assert aside in [part.words for part in read(text).asides]


def test_what_stands_between_two_questions_is_an_aside() -> None:
    reading = read("What causes it? I feel awful. Can it be cured?")

    assert [part.words for part in reading.parts[1:]] == ["what causes it?", "can it be cured?"]
    assert [part.words for part in reading.asides] == ["i feel awful."]


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


# Lists of topics, and questions that nothing marks.


@pytest.mark.parametrize(
    ("text", "topics"),
    [
        ("symptoms and treatment of cervical dystonia", ["symptoms", "treatment_overview"]),
        ("cause, signs and outlook of blepharospasm please", ["cause", "symptoms", "prognosis"]),
        ("I need the symptoms of Meige syndrome, the cause, and the treatment", ["symptoms", "cause", "treatment_overview"]),
    ],
)
def test_each_topic_of_a_list_is_a_part_about_the_same_thing(text: str, topics: list[str]) -> None:
    pieces = read(text).parts[1:]

    assert [piece.topic_word for piece in pieces if piece.is_listed] == topics
    assert len({tuple(piece.subjects) for piece in pieces}) == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("is alcohol bad for dystonia what about coffee", ["is alcohol bad for dystonia", "what about coffee"]),
        ("how do they find it and if they do what can they do", ["how do they find it and if they do", "what can they do"]),
        ("does stress matter and if so how do I relax", ["does stress matter", "so how do I relax"]),
    ],
)
def test_a_question_begins_without_a_mark(text: str, expected: list[str]) -> None:
    assert [part for part in parts(text) if len(part.split()) > 2] == expected


@pytest.mark.parametrize("text", ["I can't say how it is done", "tell me which doctor to see", "what can I do when it hurts"])
def test_reported_questions_are_no_new_part(text: str) -> None:
    assert parts(text) == []


# What is picked from the last answer.

TREATMENTS = ["oral_medications", "botulinum_toxin", "surgery"]


@pytest.mark.parametrize(
    ("text", "card"),
    [
        ("tell me about the second one", "botulinum_toxin.what_is"),
        ("the first", "oral_medications.what_is"),
        ("and the third?", "surgery.what_is"),
        ("what was the last one you said", "surgery.what_is"),
        ("number 2 please", "botulinum_toxin.what_is"),
    ],
)
def test_an_ordinal_alone_picks_from_what_was_listed(text: str, card: str) -> None:
    assert read(text, listed=TREATMENTS).parts[0].picked == card


def test_an_ordinal_in_a_question_stands_for_the_thing() -> None:
    part = read("what are the risks of the second one?", listed=TREATMENTS).parts[0]

    assert (part.picked, part.subjects) == (None, ["botulinum_toxin"])


@pytest.mark.parametrize("text", ["how long does it last", "what are the first signs", "my second jab hurt", "the fourth one"])
def test_not_every_ordinal_points_at_what_was_listed(text: str) -> None:
    reading = read(text, listed=TREATMENTS)

    assert reading.parts[0].picked is None
    assert not any(mention.pointed_at for mention in reading.mentions)


@pytest.mark.parametrize("text", ["the second one", "eyelids", "the eye one please", "2"])
def test_what_was_offered_is_picked_by_its_place_or_by_a_word(text: str) -> None:
    offered = ["cervical_dystonia.what_is", "blepharospasm.what_is"]

    assert read(text, offered=offered, listed=TREATMENTS).parts[0].picked == "blepharospasm.what_is"


def test_a_new_question_picks_nothing() -> None:
    offered = ["cervical_dystonia.what_is", "blepharospasm.what_is"]

    assert read("does botulinum toxin hurt very much?", offered=offered).parts[0].picked is None


# What is carried over from the last question.

NECK_TREATED = {"topic": "treatment_overview", "cards": ["cervical_dystonia.treatment"]}


@pytest.mark.parametrize("text", ["what about the hand?", "and the hand", "for the hand as well?", "not the neck, the hand"])
def test_a_fragment_asks_the_last_question_about_something_else(text: str) -> None:
    part = read(text, ["cervical_dystonia"], **NECK_TREATED).parts[0]

    assert (part.carried, part.subjects, part.alone) == ("treatment_overview", ["hand_dystonia"], None)
    assert part.text.startswith("how is hand dystonia treated")


def test_children_are_asked_about_as_a_type_where_the_last_question_has_an_answer_for_them() -> None:
    asked = {"topic": "symptoms", "cards": ["generalized_dystonia.risks"]}

    part = read("what about children?", ["generalized_dystonia"], **asked).parts[0]

    assert (part.carried, part.subjects) == ("symptoms", ["childhood_dystonia"])


@pytest.mark.parametrize("text", ["coffee?", "and coffee"])
def test_a_fragment_can_change_a_side_and_keep_the_rest(text: str) -> None:
    assert read(text, ["dystonia"], topic="triggers", cards=["dystonia.stress"]).parts[0].carried == "triggers"


@pytest.mark.parametrize("text", ["blepharospasm", "what is the hand type called?", "thanks", "and dystonia?", "in the UK"])
def test_what_is_no_fragment_carries_nothing_over(text: str) -> None:
    assert read(text, ["cervical_dystonia"], **NECK_TREATED).parts[0].carried is None


@pytest.mark.parametrize("text", ["why?", "how come", "really?", "oh, when then?"])
def test_a_bare_question_is_completed_with_the_last_one(text: str) -> None:
    part = read(text.replace(",", ""), ["cervical_dystonia"], **NECK_TREATED).parts[0]

    assert part.is_bare
    assert part.text.endswith("how is cervical dystonia treated?")


@pytest.mark.parametrize("text", ["actually my question is about the jaw", "sorry i meant the jaw", "no, the jaw"])
def test_a_correction_is_seen_by_its_form(text: str) -> None:
    part = read(text, ["cervical_dystonia"], **NECK_TREATED).parts[0]

    assert part.corrects
    assert part.subjects == ["oromandibular_dystonia"]


@pytest.mark.parametrize("text", ["sorry, how is the jaw treated?", "no thanks", "no"])
def test_what_asks_or_names_nothing_is_no_correction(text: str) -> None:
    assert not read(text, ["cervical_dystonia"], **NECK_TREATED).parts[0].corrects


def test_a_question_that_names_nothing_is_read_alone_and_with_the_subject_of_the_talk() -> None:
    part = read("which kind works best for most people?", ["physical_therapy"]).parts[0]

    assert part.alone is not None
    assert (part.leans, part.subjects) == (False, ["physical_therapy"])


@pytest.mark.parametrize(
    ("text", "leans"), [("how is it treated", True), ("is that common", True), ("is there a group that helps", False)]
)
def test_some_words_plainly_lean(text: str, leans: bool) -> None:
    assert read(text, ["blepharospasm"]).parts[0].leans is leans


@pytest.mark.parametrize(
    ("typed", "plain"),
    [
        ("good morning, could you please tell me how long botox lasts, many thanks in advance", "how long botox lasts"),
        ("hi there, hope you are well. what causes dystonia? thanks so much!", "what causes dystonia"),
        ("hello there, lovely to find this page", "hello there, lovely to find this page"),
        ("thank you very much", "thank you very much"),
        ("hi im scared and my neck wont stop", "hi im scared and my neck wont stop"),
    ],
)
def test_courtesies_around_a_question_are_laid_aside_and_nothing_else(typed: str, plain: str) -> None:
    assert without_courtesies(typed) == plain


@pytest.mark.parametrize(
    "text", ["Could you please tell me,", "Hi there, I hope you don't mind me asking.", "Good evening everyone."]
)
def test_a_courtesy_before_a_question_is_no_question_beside_it(text: str) -> None:
    reading = read(f"{text} what is dystonia?")

    assert reading.parts[1:] == reading.asides == []
    assert reading.parts[0].text == "what is dystonia ?"
