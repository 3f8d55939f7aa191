"""What the 28 red flags say: enough in two sentences, plain, with numbers; a crisis in several voices; cautions."""

from __future__ import annotations

import re
from itertools import chain
from typing import Iterator, List, Tuple

import pytest

from dystonia import wording
from dystonia.compose import Answerer
from dystonia.models import Card, RedFlag, Urgency, Voice
from dystonia.question import Question, Talk
from dystonia.store import shared_store

STORE = shared_store()
FLAGS = STORE.red_flags
CRISES = [flag for flag in FLAGS.values() if flag.urgency is Urgency.crisis_line]
EACH_FLAG = pytest.mark.parametrize("flag", FLAGS.values(), ids=list(FLAGS))
EACH_CRISIS = pytest.mark.parametrize("flag", CRISES, ids=[flag.id for flag in CRISES])

EASY = 6.0
"""The highest US school grade that an urgent reply may need."""
SHOW = {
    "abuse_or_violence": ["abuse"],
    "child_or_adult_at_risk": ["child", "abuse"],
    "baclofen_overdose": ["poison"],
    "overdose": ["poison"],
}
STOPPING_IS_DANGEROUS = {"baclofen", "benzodiazepines", "levodopa", "anticholinergics", "oral_medications", "vmat2_inhibitors"}
TOXIN = re.compile(r"\bbotulinum\b|\btoxins?\b|\bbotox\b|\bdysport\b|\bxeomin\b", re.I)
FOUR_POINTS = (
    r"spread",
    r"hours to weeks",
    r"swallowing, speaking or breathing[^.]* emergency",
    r"units differ between products",
)


def said(flag: RedFlag) -> Iterator[str]:
    """Every text that a red flag may be answered with."""
    return chain([flag.reply.text], *flag.voices.values())


def own_texts(flag: RedFlag) -> List[str]:
    """What is said to someone who speaks of themselves: the first time, the second ..."""
    return [flag.reply.text, *flag.voices.get(Voice.yourself, [])]


def test_there_are_28() -> None:
    assert len(FLAGS) == 28


@EACH_FLAG
def test_the_first_two_sentences_stand_alone(flag: RedFlag) -> None:
    for text in said(flag):
        start = " ".join(wording.sentences(text)[:2])

        assert "{emergency}" in start or "emergency department" in start, start
        if flag.urgency is Urgency.same_day:
            assert re.search(r"\btoday\b|\bnow\b", start), start
        if flag.urgency is Urgency.crisis_line:
            assert "{crisis}" in start or "helpline" in start or "protection line" in start, start


@EACH_FLAG
def test_a_reply_says_what_to_do_while_help_comes(flag: RedFlag) -> None:
    assert len(wording.sentences(flag.reply.text)) >= 3


@EACH_FLAG
def test_a_reply_is_easy_to_read(flag: RedFlag) -> None:
    for text in said(flag):
        filled = text.replace("{emergency}", "112").replace("{crisis}", "a crisis line").replace("{named}", "this")

        assert wording.reading_grade(filled) <= EASY, text


@EACH_FLAG
def test_a_reply_rests_on_sources_and_shows_the_lines_it_needs(flag: RedFlag) -> None:
    assert flag.reply.sources
    if flag.id in SHOW:
        assert list(flag.numbers) == SHOW[flag.id]
    assert flag.self_test in flag.people_might_say


@EACH_CRISIS
def test_a_crisis_has_four_different_texts(flag: RedFlag) -> None:
    texts = own_texts(flag)

    assert len(texts) >= 4 and len(set(said(flag))) == len(list(said(flag)))
    assert len({wording.sentences(text)[0] for text in texts}) == len(texts)


@EACH_CRISIS
def test_a_crisis_reply_is_short_names_what_was_said_and_asks_nothing_clinical(flag: RedFlag) -> None:
    assert "{named}" in flag.reply.text
    for text in said(flag):
        assert len(text.split()) <= 90, text
        # No question at all: neither plan, nor means, nor how long.
        assert "?" not in text, text


@pytest.mark.parametrize("voice", [Voice.someone_else, Voice.young, Voice.grieving])
def test_despair_is_met_in_every_voice(voice: Voice) -> None:
    assert len(FLAGS["suicidal_thoughts"].voices[voice]) >= 3


def test_a_carer_who_may_mean_themselves_is_told_that_it_holds_for_them_too() -> None:
    for flag in (FLAGS["suicidal_thoughts"], FLAGS["abuse_or_violence"]):
        assert "you too" in flag.voices[Voice.someone_else][0]


def test_replies_on_violence_say_how_to_clear_the_chat() -> None:
    texts = own_texts(FLAGS["abuse_or_violence"])

    assert "say forget me" in texts[0] and sum("forget me" in text for text in texts) >= 2
    assert not any(
        re.search(r"\bleave him\b|\bleave her\b|\bconfront\b|\breport\b", text) for text in said(FLAGS["abuse_or_violence"])
    )


# Cautions, over all cards.


def twice(card: Card) -> Tuple[str, str]:
    """What a card's answer says the first time in a talk, and the second."""
    question = Question(card.question, card.topic.value, 1.0, tuple(card.about), candidates=((card.id, 1.0),), likeness=1.0)
    core = Answerer(STORE)
    first = core.answer([question], Talk())
    second = core.repeat(first.talk)
    assert card.id in first.answer.cards, card.id
    return " ".join(first.answer.paragraphs), " ".join(second.answer.paragraphs)


def on_toxin() -> List[Card]:
    """Cards whose answer speaks of botulinum toxin."""
    return [card for card in STORE.cards.values() if any(TOXIN.search(passage.text) for passage in card.passages)]


def test_every_toxin_answer_says_the_four_points_each_time() -> None:
    assert len(on_toxin()) >= 80
    for card in on_toxin():
        for text in twice(card):
            missing = [point for point in FOUR_POINTS if not re.search(point, text, re.I)]
            assert not missing, (card.id, missing)


def test_every_card_on_a_dangerous_subject_carries_its_caution() -> None:
    toxin = [card.id for card in on_toxin() if "toxin_warning" not in card.cautions]
    on_medicines = [card for card in STORE.cards.values() if STOPPING_IS_DANGEROUS & set(card.about)]

    assert toxin == []
    assert len(on_medicines) >= 30
    assert [card.id for card in on_medicines if "never_stop_suddenly" not in card.cautions] == []


def test_no_caution_is_dropped_the_second_time() -> None:
    for card in STORE.cards.values():
        if card.cautions:
            first, second = twice(card)
            for caution in card.cautions:
                assert " ".join(STORE.cautions[caution].full.text.split()) in first, (card.id, caution)
                assert STORE.cautions[caution].short in second, (card.id, caution)


def test_general_information_is_said_once_in_a_talk() -> None:
    words = STORE.cautions["general_information"].full.text
    first, second = twice(STORE.cards["dystonia.what_is"])

    assert words in first and words not in second
