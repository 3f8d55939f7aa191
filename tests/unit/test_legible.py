"""Odd letters are put right before anything is understood; what people usually write stays as it is."""
from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.legible import legible


@pytest.mark.parametrize(
    "typed, read",
    [
        ("ｉ ｗａｎｔ ｔｏ ｄｉｅ", "i want to die"),
        ("𝐈 𝐰𝐚𝐧𝐭 𝐭𝐨 𝐝𝐢𝐞", "I want to die"),
        ("ⓘ ⓦⓐⓝⓣ ⓣⓞ ⓓⓘⓔ", "i want to die"),
        ("і саnt brеаthе", "i cant breathe"),
        ("i̶ ̶w̶a̶n̶t̶ ̶t̶o̶ ̶d̶i̶e̶", "i want to die"),
        ("i c a n t b r e a t h e", "i cant breathe"),
        ("m y  h u s b a n d  h i t s  m e", "my husband hits me"),
        ("i-w-a-n-t-t-o-d-i-e", "i want to die"),
        ("I want to d i e", "I want to die"),
        ("s.u.i.c.i.d.e", "suicide"),
        ("I\nwant\nto\ndie", "I want to die"),
    ],
)
def test_odd_letters_are_read(typed: str, read: str) -> None:
    assert legible(typed) == read


@pytest.mark.parametrize(
    "text",
    [
        "What is dystonia?",
        "I have DYT1, e.g. a form of it",
        "Я хочу умереть",
        "café, Ménière, naïve",
        "Is it type A or B?",
        "½ of it, 5 °C, 3 €",
        "I'm a bit worried",
        "One thing.\nAnother thing?",
        "botox in my neck on monday\nand now I can hardly swallow",
        "",
    ],
)
def test_what_people_usually_write_stays(text: str) -> None:
    assert legible(text) == text


@given(st.text(max_size=300))
def test_any_text_can_be_read_and_twice_is_as_once(text: str) -> None:
    once = legible(text)

    assert legible(legible(once)) == legible(once)


def test_a_message_of_letters_apart_holds_nobody_up() -> None:
    legible("a b c d")
    began = time.process_time()
    legible("x " * 500)

    assert time.process_time() - began < 0.5
