"""Which card answers a question: what its words point to, weighed with what the talk is about."""
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dystonia.lookup import Lookup
from dystonia.question import Question, Talk
from dystonia.store import FactStore
from tests.unit.asking import NEW_TALK, TREATED, asked
from tests.unit.conftest import CARD_IDS

ABOUT_EYES = Talk(about=("blepharospasm",), topic="type_info")


@pytest.fixture(scope="module")
def lookup(store: FactStore) -> Lookup:
    """The look-up over the small facts."""
    return Lookup(store)


def best(lookup: Lookup, question: Question, talk: Talk = NEW_TALK) -> str:
    """The id of the card that answers best."""
    return lookup.rank(question, talk)[0].card.id


@pytest.mark.parametrize(
    ("about", "talk", "resolved"),
    [
        (("blepharospasm",), NEW_TALK, ("blepharospasm",)),
        (("neck",), NEW_TALK, ("cervical_dystonia",)),
        (("neck", "cervical_dystonia"), NEW_TALK, ("cervical_dystonia",)),
        ((), NEW_TALK, ()),
        ((), ABOUT_EYES, ("blepharospasm",)),
        (("neck",), ABOUT_EYES, ("cervical_dystonia",)),
        (("dystonia",), ABOUT_EYES, ("dystonia",)),
    ],
    ids=["named", "body part", "named twice", "nothing", "inherited", "replaced", "dystonia as a whole"],
)
def test_what_a_question_is_about(lookup: Lookup, about: tuple[str, ...], talk: Talk, resolved: tuple[str, ...]) -> None:
    assert lookup.resolve(Question("how is it treated?", about=about, refers_back=True), talk) == resolved


def test_what_is_ruled_out_is_neither_named_nor_inherited(lookup: Lookup) -> None:
    question = Question("not the eyes, the hand", about=("eyes", "hand"), excluded=("eyes",), refers_back=True)

    assert lookup.resolve(question, ABOUT_EYES) == ("hand_dystonia",)


def test_what_is_ruled_out_by_a_body_part_is_not_inherited_as_its_type(lookup: Lookup) -> None:
    question = Question("no, not the eyes", excluded=("eyes",), refers_back=True)

    assert "blepharospasm" not in lookup.resolve(question, ABOUT_EYES)


def test_a_cards_own_question_needs_no_subject_from_the_talk(lookup: Lookup) -> None:
    question = asked("How is dystonia treated?", "treatment_overview", {**TREATED, "dystonia.treatment": 0.9}, likeness=1.0)

    assert lookup.resolve(question, ABOUT_EYES) == ()
    assert best(lookup, question, ABOUT_EYES) == "dystonia.treatment"


def test_the_likeliest_card_comes_first(lookup: Lookup) -> None:
    cards = {"blepharospasm.cause": 0.2, "dystonia.what_is": 0.5, "hand_dystonia.what_is": 0.1}

    ranked = lookup.rank(asked("?", None, cards), NEW_TALK)

    assert [match.card.id for match in ranked] == ["dystonia.what_is", "blepharospasm.cause", "hand_dystonia.what_is"]


def test_among_equals_the_subject_of_the_talk_decides(lookup: Lookup) -> None:
    question = asked("how is it treated?", "treatment_overview", TREATED, refers_back=True)

    assert best(lookup, question, ABOUT_EYES) == "blepharospasm.treatment"
    assert best(lookup, question, Talk(about=("hand_dystonia",))) == "hand_dystonia.treatment"


def test_a_card_on_the_subject_is_weighed_though_no_word_points_to_it(lookup: Lookup) -> None:
    question = asked("and the signs?", "symptoms", {"cervical_dystonia.what_is": 0.01}, refers_back=True)

    assert "blepharospasm.symptoms" in {match.card.id for match in lookup.rank(question, ABOUT_EYES)}


def test_a_strong_new_question_is_not_bent_to_the_old_subject(lookup: Lookup) -> None:
    question = asked("what is the toxin?", "treatment_info", {"botulinum_toxin.what_is": 0.9}, about=("botulinum_toxin",))

    assert best(lookup, question, ABOUT_EYES) == "botulinum_toxin.what_is"


def test_what_is_ruled_out_loses_to_what_is_not(lookup: Lookup) -> None:
    cards = {"cervical_dystonia.treatment": 0.4, "hand_dystonia.treatment": 0.2}

    assert best(lookup, asked("not the neck", "treatment_overview", cards, excluded=("neck",))) == "hand_dystonia.treatment"


def test_cards_that_are_gone_since_training_are_passed_over(lookup: Lookup) -> None:
    ranked = lookup.rank(asked("?", None, {"gone.card": 0.9, "dystonia.what_is": 0.05}), NEW_TALK)

    assert [match.card.id for match in ranked] == ["dystonia.what_is"]


def test_nothing_known_gives_no_card(lookup: Lookup) -> None:
    assert lookup.rank(Question("who won the football?"), NEW_TALK) == []


@pytest.mark.parametrize(
    ("slug", "card"),
    [("blepharospasm", "blepharospasm.what_is"), ("botulinum_toxin", "botulinum_toxin.what_is"), ("no_such_slug", None)],
)
def test_the_card_that_introduces_a_subject(lookup: Lookup, slug: str, card: str | None) -> None:
    introduction = lookup.introduction(slug)

    assert (introduction.id if introduction else None) == card


def test_a_talk_can_be_about_types_and_treatments_only(lookup: Lookup) -> None:
    slugs = ["dystonia", "neck", "blepharospasm", "UK", "botulinum_toxin"]

    assert lookup.subjects(slugs) == ("blepharospasm", "botulinum_toxin")


@given(
    cards=st.dictionaries(st.sampled_from(CARD_IDS), st.floats(0, 1), max_size=6),
    about=st.lists(st.sampled_from(["blepharospasm", "cervical_dystonia", "dystonia"]), max_size=2),
    topic=st.sampled_from([None, "cause", "treatment_overview"]),
)
def test_shares_are_shares_best_first_and_always_the_same(
    lookup: Lookup, cards: dict[str, float], about: list[str], topic: str | None
) -> None:
    question, talk = asked("?", topic, cards, refers_back=True), Talk(about=tuple(about))

    ranked = lookup.rank(question, talk)

    shares = [match.share for match in ranked]
    assert shares == sorted(shares, reverse=True)
    assert sum(shares) <= 1.000_001
    assert all(0 <= share <= 1 for share in shares)
    assert len({match.card.id for match in ranked}) == len(ranked) >= len(cards)
    assert ranked == lookup.rank(question, talk)


@pytest.mark.parametrize("pair", [("blepharospasm", "cervical_dystonia"), ("botulinum_toxin", "deep_brain_stimulation")])
def test_the_real_facts_introduce_what_visitors_compare_most(real_store: FactStore, pair: tuple[str, str]) -> None:
    introductions = [Lookup(real_store).introduction(slug) for slug in pair]

    assert [card.about[0] for card in introductions if card] == list(pair)


def test_a_text_names_types_and_treatments_in_its_order(real_store: FactStore) -> None:
    text = "In the neck it is cervical dystonia; in the eyelids, blepharospasm. Botox helps; dystonia is rare."

    assert Lookup(real_store).named_in(text) == ("cervical_dystonia", "blepharospasm", "botulinum_toxin")


def test_a_bare_question_is_not_answered_with_what_was_just_said(lookup: Lookup) -> None:
    cards = {"blepharospasm.what_is": 0.6, "blepharospasm.cause": 0.2}
    talk = Talk(about=("blepharospasm",), cards=("blepharospasm.what_is",))

    assert best(lookup, asked("why?", None, cards, is_bare=True), talk) == "blepharospasm.cause"


def test_a_known_topic_of_a_named_subject_wins_over_likelier_cards(lookup: Lookup) -> None:
    cards = {"hand_dystonia.what_is": 0.9, "cervical_dystonia.treatment": 0.1}
    question = asked("no, the hand", "treatment_overview", cards, about=("hand",), topic_given=True)

    assert best(lookup, question) == "hand_dystonia.treatment"
