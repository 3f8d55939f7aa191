"""The readable rules: what raises a red flag by its words, what only asks, and what needs no second opinion."""
from __future__ import annotations

import pytest

from nlu import red_flag_rules


@pytest.mark.parametrize(
    ("text", "flag"),
    [
        ("I can't breathe properly", "breathing_trouble"),
        ("what do i do if i cant swallow since my botox", "botulinum_spread"),
        ("It is happening now", "other_emergency"),
        ("I'm not safe right now", "suicidal_thoughts"),
    ],
)
def test_words_that_say_it_is_happening_raise_their_red_flag(text: str, flag: str) -> None:
    assert flag in red_flag_rules.raised(text)


@pytest.mark.parametrize(
    "text",
    [
        "Can botox make swallowing hard?",
        "what if I can't swallow one day",
        "I can breathe fine",
        "I had trouble swallowing years ago",
    ],
)
def test_what_asks_in_general_is_denied_or_is_over_raises_nothing(text: str) -> None:
    assert red_flag_rules.raised(text) == []
    assert red_flag_rules.is_only_asking(text)


@pytest.mark.parametrize("text", ["what do I do if I took too many today", "is it bad that he can't swallow since Friday"])
def test_a_question_that_is_tied_to_what_has_happened_does_not_only_ask(text: str) -> None:
    assert not red_flag_rules.is_only_asking(text)


def test_only_words_that_nobody_types_by_chance_need_no_second_opinion() -> None:
    assert red_flag_rules.is_certain("It is happening now")
    assert not red_flag_rules.is_certain("hurt myself laughing")


def test_exhaustion_by_spasms_is_no_storm() -> None:
    assert red_flag_rules.raised("my dystonia is making me exhausted") == []
