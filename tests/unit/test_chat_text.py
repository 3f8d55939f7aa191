"""What is said takes the form of Slack and of Telegram, and nothing of it is lost on the way."""

from __future__ import annotations

import html
import re
from typing import Any, Dict, List

import pytest
from hypothesis import given
from hypothesis import strategies as some

from channels.chat_text import (
    mrkdwn,
    pressed,
    shortened,
    slack_messages,
    split,
    telegram_html,
    telegram_keyboard,
    telegram_length,
    telegram_texts,
)
from dystonia.helplines import Helplines

WORDS = some.text(some.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\u2060\ufffd"), min_size=1, max_size=60)
TEXTS = some.lists(WORDS, min_size=1, max_size=5).map(" ".join).filter(str.strip)
LONG_TEXTS = some.builds(
    lambda text, times, end: (text + end) * times, TEXTS, some.integers(1, 30), some.sampled_from([". ", "\n\n", "\n", " ", ""])
)
NUMBERS = ["116 123", "0800 1111", "1-800-222-1222", "+44 (0)20 7946 0000", "988", "13 11 14", "(03) 9999 0000"]


def turn(
    text: str, kind: str = "answer", buttons: "List[str] | None" = None, sources: "List[Dict[str, Any]] | None" = None
) -> Dict[str, Any]:
    """A reply as channels.turn.take_turn gives it."""
    return {
        "text": text,
        "buttons": [{"title": button, "payload": button} for button in buttons or []],
        "reply": {"kind": kind, "sources": sources or []},
    }


def visible(text: str) -> str:
    """A text without white space, in which alone pieces may differ."""
    return "".join(text.split())


def read_on_slack(text: str) -> str:
    """What Slack shows of escaped mrkdwn."""
    return text.replace("\u2060", "").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


# Splitting


@given(LONG_TEXTS, some.integers(1, 300))
def test_pieces_fit_and_hold_every_character_in_order(text: str, limit: int) -> None:
    pieces = split(text, lambda piece: len(piece) <= limit)

    assert all(0 < len(piece) <= limit and piece == piece.strip() for piece in pieces)
    assert visible("".join(pieces)) == visible(text)


@given(
    some.lists(
        some.sampled_from([*NUMBERS, "Call", "now:", "or text", "Samaritans.", "Any time.\n\n"]), min_size=1, max_size=80
    ),
    some.integers(20, 80),
)
def test_a_telephone_number_is_never_cut(words: List[str], limit: int) -> None:
    text = "".join(word + (" or " if word in NUMBERS else " ") for word in words)

    pieces = split(text, lambda piece: len(piece) <= limit)

    for number in NUMBERS:
        whole = re.compile(rf"(?<![\d-]){re.escape(number)}(?![\d-])")
        assert sum(len(whole.findall(piece)) for piece in pieces) == len(whole.findall(text))


def test_a_text_is_cut_between_sentences() -> None:
    assert split("One is short. Two is too. Three.", lambda piece: len(piece) <= 26) == ["One is short. Two is too.", "Three."]


def test_a_text_that_fits_is_left_as_it_is() -> None:
    text = "One.\n\n• Two\n• Three"

    assert split(text, lambda piece: len(piece) <= 100) == [text]


# Telegram


@given(LONG_TEXTS, some.sampled_from(["answer", "crisis"]))
def test_telegram_messages_fit_and_read_as_what_was_said(text: str, kind: str) -> None:
    messages = telegram_texts(turn(text, kind))

    assert all(0 < telegram_length(message) <= 4096 for message in messages)
    shown = "".join(html.unescape(re.sub(r"</?b>", "", message)) for message in messages)
    assert visible(shown) == visible(text)


@given(some.text(max_size=300))
def test_nothing_said_is_taken_for_a_tag(text: str) -> None:
    assert set(re.findall(r"<[^>]*>", telegram_html(text))) == set()


def test_an_urgent_reply_begins_in_bold() -> None:
    assert telegram_texts(turn("Call 112 <now>.\n\nThen this.", "emergency")) == ["<b>Call 112 &lt;now&gt;.</b>\n\nThen this."]


@given(some.lists(some.text(min_size=1, max_size=300), max_size=30, unique=True))
def test_buttons_stand_one_in_a_row_with_short_ids_that_lead_back_to_their_words(questions: List[str]) -> None:
    keyboard = telegram_keyboard(turn("Hello", buttons=questions)["buttons"])

    assert [len(row) for row in keyboard] == [1] * len(questions)
    for row, question in zip(keyboard, questions):
        data = row[0]["callback_data"]
        assert len(data.encode()) <= 64
        assert pressed({"data": data, "message": {"reply_markup": {"inline_keyboard": keyboard}}}) == question


@pytest.mark.parametrize(
    "callback", [{}, {"data": "say:1"}, {"data": "say:1", "message": {}}, {"message": {"reply_markup": {}}}]
)
def test_a_press_whose_message_is_gone_says_nothing(callback: Dict[str, Any]) -> None:
    assert pressed(callback) == ""


# Slack


@given(LONG_TEXTS, some.sampled_from(["answer", "crisis"]))
def test_slack_sections_fit_and_read_as_what_was_said(text: str, kind: str) -> None:
    messages = slack_messages(turn(text, kind))

    sections = [block["text"]["text"] for message in messages for block in message["blocks"]]
    assert all(0 < len(section) <= 3000 for section in sections)
    assert visible(read_on_slack("".join(sections)).replace("*", "")) == visible(text).replace("*", "")
    assert visible(read_on_slack("".join(message["text"] for message in messages))) == visible(text)


@given(some.text(max_size=300))
def test_nothing_said_is_taken_for_a_mark_or_a_mention(text: str) -> None:
    shown = mrkdwn(text)

    assert not re.search(r"(?<!\u2060)[*_~`]|[*_~`](?!\u2060)|[<>]|&(?!amp;|lt;|gt;)", shown)


@given(some.lists(some.text(min_size=1, max_size=300), max_size=40))
def test_slack_takes_25_buttons_in_rows_of_five(questions: List[str]) -> None:
    blocks = slack_messages(turn("Hello", buttons=questions))[-1]["blocks"][1:]
    buttons = [button for block in blocks for button in block["elements"]]

    assert all(block["type"] == "actions" and len(block["elements"]) <= 5 for block in blocks)
    assert [button["value"] for button in buttons] == questions[:25]
    assert all(0 < len(button["text"]["text"]) <= 75 for button in buttons)
    assert len({button["action_id"] for button in buttons}) == len(buttons)


def test_a_long_title_ends_at_a_word() -> None:
    assert shortened("What happens if I stop baclofen", 20) == "What happens if I…"
    assert shortened("short", 20) == "short"
    assert shortened("x" * 30, 20) == "x" * 19 + "…"


# Both


SOURCES = [
    {"publisher": "Toxins & Co", "date": "2020", "url": "https://example.org/a?b=1&c=2"},
    {"publisher": "An Office", "date": "undated", "url": None},
    {"publisher": "Else", "date": "2019", "url": "javascript:alert(1)"},
]
SOURCE_LINE = "It is so.\n\nSources: Toxins & Co (2020); An Office (undated); Else (2019). Checked 1 May 2026."


def test_a_publisher_with_an_address_becomes_a_link() -> None:
    said = turn(SOURCE_LINE, sources=SOURCES)

    assert '<a href="https://example.org/a?b=1&amp;c=2">Toxins &amp; Co</a> (2020); An Office' in telegram_texts(said)[0]
    assert (
        "<https://example.org/a?b=1&amp;c=2|Toxins &amp; Co> (2020); An Office"
        in slack_messages(said)[0]["blocks"][0]["text"]["text"]
    )
    assert telegram_texts(said)[0].count("<a ") == 1


@pytest.mark.parametrize("kind", ["crisis", "emergency"])
def test_every_number_of_a_safety_reply_stands_whole_on_both(kind: str) -> None:
    helplines = Helplines.load()
    for country in [None, *("US", "UK", "EU", "AU", "NZ", "CA", "IN", "IE")]:
        line = helplines.line(country)
        text = "\n\n".join(["Call now. " * 330, *helplines.paragraphs(line, kind, []), line.emergency, line.crisis])
        for number in filter(None, re.findall(r"\+?\d[\d ()-]*\d", text)):
            assert any(number in html.unescape(message) for message in telegram_texts(turn(text, kind)))
            sections = [block["text"]["text"] for message in slack_messages(turn(text, kind)) for block in message["blocks"]]
            assert any(number in section for section in sections)
