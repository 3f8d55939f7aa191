"""Answers: what is said, with which safety words, what is offered next, and how a talk goes on."""
from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dystonia.compose import Answerer, Said
from dystonia.models import Review, State
from dystonia.question import Question, Talk
from dystonia.reply import OUT_OF_SCOPE, Answer, Kind, as_text
from dystonia.store import FactStore
from tests.unit.asking import (
    EYES,
    EYES_TREATED,
    HOW_TREATED,
    NECK,
    NECK_TREATED,
    NEW_TALK,
    TREATED,
    WHAT_IS,
    asked,
    plain,
    vague,
)
from tests.unit.conftest import CARD_IDS

TOXIN_IN_FULL = "The effect of the toxin can spread, hours to weeks later. Trouble swallowing is an emergency."
TOXIN_IN_SHORT = "Remember that the toxin can spread."
GENERAL_IN_FULL = "This is general information, not medical advice."


def talk_after(answerer: Answerer, *turns: Question) -> Talk:
    """The talk after some questions, each answered in a turn of its own."""
    talk = NEW_TALK
    for question in turns:
        talk = answerer.answer([question], talk).talk
    return talk


def titles(answer: Answer) -> list[str]:
    """What stands on the buttons."""
    return [button.title for button in answer.buttons]


# One question.


def test_an_answer_is_lead_points_caution_and_sources_in_this_order(answerer: Answerer) -> None:
    said = answerer.answer([EYES], NEW_TALK)

    assert said.answer.kind is Kind.answer
    assert said.answer.paragraphs == (
        "Blepharospasm squeezes the eyes shut. The eyes themselves are healthy.",
        "• It comes to both eyes.\n• Bright light can make it worse.",
        GENERAL_IN_FULL,
        "Sources: Eye Clinic (2020). Checked 1 January 2026.",
    )


def test_an_answer_gives_account_of_itself(answerer: Answerer) -> None:
    answer = answerer.answer([EYES_TREATED], NEW_TALK).answer

    assert (answer.topics, answer.about, answer.cards) == (
        ("treatment_overview",),
        ("blepharospasm",),
        ("blepharospasm.treatment",),
    )
    assert answer.sources == ("eye-clinic", "regulator", "neck-clinic", "hand-clinic")
    assert set(answer.cautions) == {"toxin_warning", "general_information"}
    assert 0.9 <= answer.confidence <= 1


def test_the_line_of_sources_names_three_with_dates_and_counts_the_rest(answerer: Answerer) -> None:
    answer = answerer.answer([EYES_TREATED], NEW_TALK).answer

    assert answer.paragraphs[-1].startswith("Sources: Eye Clinic (2020); Regulator (May 2022); Neck Clinic (2021); and 1 more.")


def test_a_card_past_its_review_date_says_so(answerer: Answerer) -> None:
    late = answerer.answer([plain("blepharospasm.cause", "cause", "blepharospasm")], NEW_TALK).answer
    fresh = answerer.answer([EYES], NEW_TALK).answer

    assert "due to be checked again by 1 January 2020" in as_text(late)
    assert "due to be checked" not in as_text(fresh)


def test_a_question_that_no_card_knows_is_out_of_scope_and_changes_nothing(answerer: Answerer) -> None:
    talk = talk_after(answerer, EYES)

    said = answerer.answer([Question("who won the football?")], talk)

    assert said == Said(dataclasses.replace(said.answer, kind=Kind.out_of_scope, paragraphs=(OUT_OF_SCOPE,)), talk)
    assert (said.answer.cards, said.answer.sources) == ((), ())


def test_no_question_at_all_is_out_of_scope(answerer: Answerer) -> None:
    assert answerer.answer([], NEW_TALK).answer.kind is Kind.out_of_scope


# Next questions.


def test_buttons_offer_at_most_three_of_the_linked_cards_in_their_order(answerer: Answerer) -> None:
    answer = answerer.answer([EYES], NEW_TALK).answer

    assert titles(answer) == ["What are the signs of blepharospasm?", "How is blepharospasm treated?", "What is dystonia?"]
    assert all(button.payload == button.title for button in answer.buttons)


def test_buttons_offer_nothing_that_was_said_before(answerer: Answerer) -> None:
    talk = talk_after(answerer, EYES_TREATED)

    assert titles(answerer.answer([EYES], talk).answer) == [
        "What are the signs of blepharospasm?",
        "What is dystonia?",
        "What is hand dystonia?",
    ]


@given(said=st.lists(st.sampled_from(CARD_IDS), unique=True), card_id=st.sampled_from(CARD_IDS))
def test_no_button_ever_repeats_the_talk_or_the_answer_itself(
    answerer: Answerer, store: FactStore, said: list[str], card_id: str
) -> None:
    card = store.cards[card_id]

    turn = answerer.answer([plain(card_id, card.topic.value, card.about[0])], Talk(said=tuple(said)))

    spoken = {store.cards[each].question for each in (*said, *turn.answer.cards)}
    assert not spoken & set(titles(turn.answer))
    assert len(turn.answer.buttons) <= 3


def test_an_unsure_answer_offers_the_runner_up_first(answerer: Answerer) -> None:
    unsure = asked("eyes, what about them", "type_info", {"blepharospasm.what_is": 0.4, "dystonia.treatment": 0.15})

    answer = answerer.answer([unsure], NEW_TALK).answer

    assert answer.cards == ("blepharospasm.what_is",)
    assert titles(answer)[0] == "How is dystonia treated?"


# Safety words.


def test_a_caution_is_full_the_first_time_and_short_after(answerer: Answerer) -> None:
    first = answerer.answer([EYES_TREATED], NEW_TALK)
    second = answerer.answer([NECK_TREATED], first.talk)

    assert TOXIN_IN_FULL in first.answer.paragraphs
    assert TOXIN_IN_SHORT not in first.answer.paragraphs
    assert TOXIN_IN_SHORT in second.answer.paragraphs
    assert TOXIN_IN_FULL not in second.answer.paragraphs
    assert "toxin_warning" in second.answer.cautions


def test_a_card_never_loses_its_caution(answerer: Answerer) -> None:
    talk = talk_after(answerer, EYES_TREATED, NECK_TREATED)

    for said in (answerer.repeat(talk), answerer.shorter(talk), answerer.answer([EYES_TREATED], talk)):
        assert TOXIN_IN_SHORT in said.answer.paragraphs


def test_two_cards_with_the_same_caution_carry_it_once(answerer: Answerer) -> None:
    text = as_text(answerer.answer([EYES_TREATED, NECK_TREATED], NEW_TALK).answer)

    assert text.count(TOXIN_IN_FULL) == 1
    assert TOXIN_IN_SHORT not in text


def test_general_information_is_said_once_in_a_talk(answerer: Answerer) -> None:
    first = answerer.answer([EYES], NEW_TALK)
    second = answerer.answer([NECK], first.talk)

    assert GENERAL_IN_FULL in first.answer.paragraphs
    assert "eneral information" not in as_text(second.answer)
    assert second.answer.cautions == ()


def test_an_answer_that_may_be_taken_for_one_persons_says_first_that_it_is_general(answerer: Answerer) -> None:
    first = answerer.in_general(answerer.answer([EYES_TREATED], NEW_TALK))
    second = answerer.in_general(answerer.answer([NECK_TREATED], first.talk))

    assert (first.answer.paragraphs[0], second.answer.paragraphs[0]) == ("I can't judge one person's case.", "Only in general.")
    assert first.answer.cautions[0] == second.answer.cautions[0] == "one_person"
    assert first.answer.cards == ("blepharospasm.treatment",)


# The subject of the talk.


def test_a_follow_up_inherits_the_subject(answerer: Answerer) -> None:
    talk = talk_after(answerer, EYES)

    answer = answerer.answer([HOW_TREATED], talk).answer

    assert answer.cards == ("blepharospasm.treatment",)
    assert answer.about == ("blepharospasm",)


def test_a_follow_up_inherits_the_subject_through_several_turns(answerer: Answerer) -> None:
    either = {"blepharospasm.symptoms": 0.1, "cervical_dystonia.symptoms": 0.1}
    signs = asked("and its signs?", "symptoms", either, refers_back=True)

    talk = talk_after(answerer, NECK, HOW_TREATED)

    assert answerer.answer([signs], talk).answer.cards == ("cervical_dystonia.symptoms",)


def test_the_same_follow_up_without_a_talk_speaks_of_no_type(answerer: Answerer) -> None:
    anyone = {**TREATED, "dystonia.treatment": 0.3}

    said = answerer.answer([asked("how is it treated?", "treatment_overview", anyone, refers_back=True)], NEW_TALK)

    assert said.answer.cards == ("dystonia.treatment",)


def test_a_new_subject_replaces_the_old_one(answerer: Answerer) -> None:
    talk = talk_after(answerer, EYES, NECK)

    said = answerer.answer([HOW_TREATED], talk)

    assert said.answer.cards == ("cervical_dystonia.treatment",)
    assert said.talk.about == ("cervical_dystonia",)


def test_a_part_of_the_body_names_its_type(answerer: Answerer) -> None:
    cards = {**TREATED, "hand_dystonia.treatment": 0.4}
    hand = asked("what about the hand?", "treatment_overview", cards, about=("hand",), refers_back=True)

    said = answerer.answer([hand], talk_after(answerer, EYES_TREATED))

    assert said.answer.cards == ("hand_dystonia.treatment",)
    assert said.talk.about == ("hand_dystonia",)


def test_a_correction_redoes_the_last_question(answerer: Answerer) -> None:
    talk = talk_after(answerer, NECK_TREATED)
    cards = {"hand_dystonia.what_is": 0.4, "hand_dystonia.treatment": 0.1, "cervical_dystonia.treatment": 0.02}
    no_the_hand = asked("no, the hand one", None, cards, about=("hand",), refers_back=True)

    said = answerer.correct(no_the_hand, talk)

    assert said.answer.cards == ("hand_dystonia.treatment",)
    assert said.talk.about == ("hand_dystonia",)
    assert said.talk.topic == "treatment_overview"


def test_a_correction_can_rule_out_what_was_said(answerer: Answerer) -> None:
    talk = talk_after(answerer, NECK)
    not_the_neck = asked("not the neck, the eyes", None, WHAT_IS, about=("eyes",), excluded=("neck",), refers_back=True)

    said = answerer.correct(not_the_neck, talk)

    assert said.answer.cards == ("blepharospasm.what_is",)


def test_a_correction_at_the_start_of_a_talk_is_an_ordinary_question(answerer: Answerer) -> None:
    assert answerer.correct(EYES, NEW_TALK).answer == answerer.answer([EYES], NEW_TALK).answer


# More than one question, more than one subject.


def test_a_compound_question_gets_all_parts_in_the_order_asked(answerer: Answerer) -> None:
    there = answerer.answer([EYES, NECK_TREATED, HOW_TREATED], NEW_TALK).answer
    back = answerer.answer([NECK_TREATED, EYES], NEW_TALK).answer

    assert there.cards[:2] == ("blepharospasm.what_is", "cervical_dystonia.treatment")
    assert there.topics[:2] == ("type_info", "treatment_overview")
    assert back.cards == ("cervical_dystonia.treatment", "blepharospasm.what_is")
    assert as_text(back).index("Injections into the neck") < as_text(back).index("squeezes the eyes shut")


def test_a_part_leans_on_the_part_before_it(answerer: Answerer) -> None:
    assert answerer.answer([EYES, HOW_TREATED], NEW_TALK).answer.cards == ("blepharospasm.what_is", "blepharospasm.treatment")


def test_a_compound_question_has_one_line_of_sources_for_all(answerer: Answerer) -> None:
    answer = answerer.answer([EYES, NECK], NEW_TALK).answer

    assert answer.sources == ("eye-clinic", "neck-clinic")
    assert [paragraph for paragraph in answer.paragraphs if paragraph.startswith("Sources:")] == [answer.paragraphs[-1]]


def test_a_foreign_part_does_not_spoil_the_answer_to_the_other(answerer: Answerer) -> None:
    answer = answerer.answer([Question("who won?"), EYES], NEW_TALK).answer

    assert (answer.kind, answer.cards) == (Kind.answer, ("blepharospasm.what_is",))


def test_no_card_is_said_twice_in_one_answer(answerer: Answerer) -> None:
    assert answerer.answer([EYES, EYES], NEW_TALK).answer.cards.count("blepharospasm.what_is") == 1


def test_two_types_are_compared_side_by_side(answerer: Answerer) -> None:
    compare = asked("eyes or neck, how do they differ?", "comparison", WHAT_IS, about=("blepharospasm", "cervical_dystonia"))

    said = answerer.answer([compare], NEW_TALK)

    assert said.answer.topics == ("comparison",)
    assert said.answer.about == said.talk.about == ("blepharospasm", "cervical_dystonia")
    assert said.answer.cards == ("blepharospasm.what_is", "cervical_dystonia.what_is")
    assert said.answer.paragraphs[:4] == (
        "Blepharospasm: Blepharospasm squeezes the eyes shut. The eyes themselves are healthy.",
        "• It comes to both eyes.\n• Bright light can make it worse.",
        "Cervical dystonia: Cervical dystonia turns or tilts the head.",
        "• It is the most common focal type.",
    )


def test_two_treatments_are_compared_though_a_type_is_named_beside_them(answerer: Answerer) -> None:
    about = ("cervical_dystonia", "botulinum_toxin", "deep_brain_stimulation")
    compare = asked("is dbs better than botox for the neck", "comparison", {"cervical_dystonia.what_is": 0.2}, about=about)

    cards = answerer.answer([compare], NEW_TALK).answer.cards

    assert [card.split(".")[0] for card in cards] == ["botulinum_toxin", "deep_brain_stimulation"]


def test_a_comparison_that_has_its_own_card_is_answered_by_it(answerer: Answerer) -> None:
    treatments = ("botulinum_toxin", "deep_brain_stimulation")
    compare = asked("toxin or surgery?", "comparison", {"comparison.toxin_or_stimulation": 0.7}, about=treatments)

    assert answerer.answer([compare], NEW_TALK).answer.cards == ("comparison.toxin_or_stimulation",)


# Going on.


def test_shorter_says_the_first_sentence_of_the_last_card(answerer: Answerer) -> None:
    answer = answerer.shorter(talk_after(answerer, EYES)).answer

    assert answer.paragraphs[0] == "Blepharospasm squeezes the eyes shut."
    assert len(answer.paragraphs) == 2
    assert answer.paragraphs[1].startswith("Sources: Eye Clinic (2020).")
    assert answer.cards == ("blepharospasm.what_is",)


def test_repeat_says_the_last_answer_in_full_again(answerer: Answerer) -> None:
    said = answerer.answer([EYES], NEW_TALK)

    again = answerer.repeat(said.talk)

    assert again.answer.paragraphs[:2] == said.answer.paragraphs[:2]
    assert again.talk == said.talk


def test_repeat_after_shorter_is_full_again(answerer: Answerer) -> None:
    said = answerer.answer([EYES_TREATED], NEW_TALK)

    assert answerer.repeat(answerer.shorter(said.talk).talk).answer.paragraphs[:2] == said.answer.paragraphs[:2]


def test_more_walks_through_what_is_linked_and_never_says_a_card_twice(answerer: Answerer) -> None:
    talk, walked = talk_after(answerer, EYES), []
    while (said := answerer.more(talk)).answer.kind is Kind.answer:
        walked += said.answer.cards
        talk = said.talk

    assert walked[0] == "blepharospasm.symptoms"
    assert len(walked) == len(set(walked)) >= 3
    assert "blepharospasm.what_is" not in walked


def test_when_there_is_no_more_it_says_so_and_offers_a_way_on(answerer: Answerer) -> None:
    everything = Talk(cards=("blepharospasm.what_is",), about=("blepharospasm",), said=tuple(CARD_IDS))

    answer = answerer.more(everything).answer

    assert answer.kind is Kind.smalltalk
    assert "nothing to add" in as_text(answer)
    assert answer.buttons


@pytest.mark.parametrize("move", ["shorter", "repeat", "more", "pick", "decline"])
def test_every_move_at_the_start_of_a_talk_gets_a_reply(answerer: Answerer, move: str) -> None:
    answer = getattr(answerer, move)(NEW_TALK).answer

    assert answer.kind is Kind.smalltalk
    assert as_text(answer)
    assert answer.buttons


@pytest.mark.parametrize("move", ["shorter", "repeat", "more", "pick", "decline"])
def test_a_talk_kept_from_before_a_card_was_renamed_goes_on(answerer: Answerer, move: str) -> None:
    gone = ("blepharospasm.old_name",)

    answer = getattr(answerer, move)(Talk(about=("old_slug",), cards=gone, said=gone, offered=gone, cautions=("old",))).answer

    assert as_text(answer)
    assert answer.cards != gone


# When it is not clear what is meant.


def test_an_unclear_question_is_asked_about_with_the_nearest_cards(answerer: Answerer) -> None:
    said = answerer.answer([vague("blepharospasm.what_is", "hand_dystonia.what_is")], NEW_TALK)

    assert said.answer.kind is Kind.clarify
    assert "not sure what you mean" in as_text(said.answer)
    assert titles(said.answer) == ["What is blepharospasm?", "What is hand dystonia?"]
    assert (said.answer.cards, said.talk.said) == ((), ())


def test_it_asks_back_twice_and_then_names_the_nearest_and_a_person(answerer: Answerer) -> None:
    unclear = vague(*CARD_IDS[:8])
    first = answerer.answer([unclear], NEW_TALK)
    second = answerer.answer([unclear], first.talk)
    third = answerer.answer([unclear], second.talk)

    assert [turn.answer.kind for turn in (first, second, third)] == [Kind.clarify] * 3
    assert ["not sure what you mean" in as_text(turn.answer) for turn in (first, second, third)] == [True, True, False]
    assert "doctor" in as_text(third.answer)
    assert third.answer.buttons


def test_what_was_offered_in_vain_is_not_offered_again_at_once(answerer: Answerer) -> None:
    unclear = vague(*CARD_IDS[:8])
    first = answerer.answer([unclear], NEW_TALK)

    second = answerer.answer([unclear], first.talk)

    assert not set(titles(first.answer)) & set(titles(second.answer))


def test_an_answer_in_between_starts_the_count_anew(answerer: Answerer) -> None:
    unclear = vague(*CARD_IDS[:8])
    talk = talk_after(answerer, unclear, unclear, EYES)

    assert "not sure what you mean" in as_text(answerer.answer([unclear], talk).answer)


def test_yes_to_an_offer_says_the_first_card_offered(answerer: Answerer) -> None:
    said = answerer.answer([vague("hand_dystonia.what_is", "blepharospasm.what_is")], NEW_TALK)
    first_offered = said.talk.offered[0]

    picked = answerer.pick(said.talk)

    assert picked.answer.cards == (first_offered,)
    assert (picked.talk.offered, picked.talk.clarified) == ((), 0)


def test_yes_after_an_answer_says_more(answerer: Answerer) -> None:
    talk = talk_after(answerer, EYES)

    assert answerer.pick(talk) == answerer.more(talk)


def test_no_presses_nothing_on_anyone(answerer: Answerer) -> None:
    said = answerer.decline(answerer.answer([vague("hand_dystonia.what_is")], NEW_TALK).talk)

    assert said.answer.kind is Kind.smalltalk
    assert said.answer.cards == ()
    assert (said.talk.offered, said.talk.clarified) == ((), 0)


# Whatever is asked.

questions = st.builds(
    Question,
    text=st.text(max_size=20),
    topic=st.sampled_from([None, "type_info", "treatment_overview", "comparison", "cause"]),
    confidence=st.floats(0, 1),
    about=st.lists(st.sampled_from(["blepharospasm", "neck", "botulinum_toxin", "dystonia", "unknown"]), max_size=3).map(tuple),
    excluded=st.lists(st.sampled_from(["hand", "blepharospasm"]), max_size=1).map(tuple),
    candidates=st.lists(st.tuples(st.sampled_from([*CARD_IDS, "gone.card"]), st.floats(0, 0.2)), max_size=5).map(tuple),
    likeness=st.floats(-1, 1),
    refers_back=st.booleans(),
)


@given(turns=st.lists(st.lists(questions, min_size=1, max_size=3), min_size=1, max_size=4))
def test_any_talk_gets_a_whole_reply_each_turn(answerer: Answerer, store: FactStore, turns: list[list[Question]]) -> None:
    talk = NEW_TALK
    for turn in turns:
        said = answerer.answer(turn, talk)
        talk = Talk.from_slots(said.talk.as_slots())

        assert said.answer.kind in (Kind.answer, Kind.clarify, Kind.out_of_scope)
        assert all(paragraph.strip() for paragraph in said.answer.paragraphs)
        assert (said.answer.kind is Kind.answer) == bool(said.answer.cards) == bool(said.answer.sources)
        assert set(said.answer.cautions) >= {caution for card in said.answer.cards for caution in store.cards[card].cautions}
        assert 0 <= said.answer.confidence <= 1
        assert talk == said.talk


def test_a_clinician_who_reviewed_a_card_is_named_and_the_caution_no_longer_denies_it(store: FactStore) -> None:
    review = Review(name="A. Name", profession="neurologist", date="2026-05-01")
    card = store.cards["blepharospasm.what_is"].copy(update={"state": State.reviewed, "clinician": review})
    reviewed = Answerer(dataclasses.replace(store, cards={**store.cards, card.id: card}))

    said = as_text(reviewed.answer([EYES], NEW_TALK).answer)

    assert said.endswith("Reviewed by A. Name, neurologist, 1 May 2026.")
    assert store.cautions["general_information"].short in said
    assert store.cautions["general_information"].full.text not in said


# Which of two is meant.

TORN = {"blepharospasm.what_is": 0.3, "hand_dystonia.treatment": 0.28}


def test_two_close_readings_that_differ_are_asked_about_with_both_as_buttons(answerer: Answerer) -> None:
    said = answerer.answer([asked("that thing", None, TORN)], NEW_TALK)

    assert said.answer.kind is Kind.clarify
    assert titles(said.answer) == ["What is blepharospasm?", "How is hand dystonia treated?"]
    assert said.talk.offered == said.talk.asked_back == ("blepharospasm.what_is", "hand_dystonia.treatment")


@pytest.mark.parametrize(
    "more",
    [{"likeness": 0.9}, {"topic_given": True}, {"picked": True}],
    ids=["nearly a card's own question", "the topic is known", "picked"],
)
def test_nothing_is_asked_back_where_one_reading_is_clear_otherwise(answerer: Answerer, more: dict[str, object]) -> None:
    assert answerer.answer([asked("that thing", None, TORN, **more)], NEW_TALK).answer.kind is Kind.answer


def test_the_same_is_never_asked_back_twice(answerer: Answerer) -> None:
    torn = asked("that thing", None, TORN)
    talk = talk_after(answerer, torn, EYES)

    again = answerer.answer([torn], talk)

    assert again.answer.kind is Kind.answer


def test_a_new_question_instead_of_a_pick_is_simply_answered(answerer: Answerer) -> None:
    said = answerer.answer([NECK_TREATED], talk_after(answerer, asked("that thing", None, TORN)))

    assert said.answer.cards == ("cervical_dystonia.treatment",)
    assert (said.talk.offered, said.talk.clarified) == ((), 0)


def test_no_to_both_names_what_is_near_and_a_person_to_ask(answerer: Answerer) -> None:
    answer = answerer.decline(talk_after(answerer, asked("that thing", None, TORN))).answer

    assert "doctor" in as_text(answer)
    assert answer.buttons


# What "the second one" is.


def test_without_a_list_the_second_one_is_the_second_button(answerer: Answerer) -> None:
    assert answerer.answer([EYES], NEW_TALK).talk.listed[1] == "blepharospasm.treatment"


def test_of_two_answers_the_second_one_is_the_subject_of_the_second(answerer: Answerer) -> None:
    assert answerer.answer([EYES, NECK], NEW_TALK).talk.listed == ("blepharospasm", "cervical_dystonia")


def test_a_pick_leaves_the_list_as_it_was(answerer: Answerer) -> None:
    talk = dataclasses.replace(NEW_TALK, listed=("hand_dystonia", "blepharospasm"))

    assert answerer.answer([dataclasses.replace(EYES, picked=True)], talk).talk.listed == talk.listed


def test_the_real_list_of_treatments_is_counted_in_its_order(real_store: FactStore) -> None:
    question = asked("How is dystonia treated?", "treatment_overview", {"dystonia.treatment": 0.99}, likeness=1.0)

    listed = Answerer(real_store).answer([question], NEW_TALK).talk.listed

    assert listed[:3] == ("oral_medications", "botulinum_toxin", "surgery")


# Corrections and comparisons that lean on the talk.


def test_a_correction_to_what_the_last_question_does_not_fit_is_a_question_of_its_own(answerer: Answerer) -> None:
    toxin = asked("sorry, I meant the toxin", "treatment_info", {"botulinum_toxin.what_is": 0.9}, about=("botulinum_toxin",))

    said = answerer.correct(toxin, talk_after(answerer, plain("blepharospasm.cause", "cause", "blepharospasm")))

    assert (said.answer.cards, said.answer.topics) == (("botulinum_toxin.what_is",), ("treatment_info",))


def test_a_correction_that_names_a_topic_asks_for_that(answerer: Answerer) -> None:
    cards = {"blepharospasm.what_is": 0.5, "blepharospasm.symptoms": 0.01}
    signs = asked("no, the signs of it in the eyes", None, cards, about=("eyes",), topic_word="symptoms")

    assert answerer.correct(signs, talk_after(answerer, NECK_TREATED)).answer.cards == ("blepharospasm.symptoms",)


def test_how_is_that_different_sets_a_subject_against_that_of_the_talk(answerer: Answerer) -> None:
    differs = asked("how is that different from the neck one", "comparison", WHAT_IS, about=("neck",), refers_back=True)

    answer = answerer.answer([differs], talk_after(answerer, EYES)).answer

    assert set(answer.cards) == {"blepharospasm.what_is", "cervical_dystonia.what_is"}
    assert answer.topics == ("comparison",)


def test_a_comparison_does_not_swallow_the_question_beside_it(answerer: Answerer) -> None:
    differs = asked("eyes or neck?", "comparison", WHAT_IS, about=("blepharospasm", "cervical_dystonia"))

    hand_treated = plain("hand_dystonia.treatment", "treatment_overview", "hand_dystonia")
    answer = answerer.answer([differs, hand_treated], NEW_TALK).answer

    assert answer.topics == ("comparison", "treatment_overview")
    assert answer.cards[-1] == "hand_dystonia.treatment"
