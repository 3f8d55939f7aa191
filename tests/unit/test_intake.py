"""What a message must be before it goes further, and how many of them a caller may send."""
from __future__ import annotations

import json
import unicodedata
from typing import Any, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as some

from channels.intake import MAX_BYTES, MAX_CHARACTERS, MAX_SENDER, RateLimit, Refused, clean_message, clean_sender, parse_body

ANY_TEXT = some.text(some.characters(blacklist_categories=()), max_size=MAX_CHARACTERS + 20)
COMMAND_STARTS = some.text("/ \t\n\u00a0\u200b\u2003", max_size=8)
JSON_VALUES = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats(allow_nan=False) | some.text(),
    lambda inner: some.lists(inner) | some.dictionaries(some.text(), inner),
    max_leaves=10,
)


def refusal(take_in: Callable[[Any], Any], sent: Any) -> Refused:
    """How something is refused."""
    with pytest.raises(Refused) as refused:
        take_in(sent)
    assert str(refused.value) == refused.value.reason
    return refused.value


# Messages.


@given(ANY_TEXT)
def test_a_message_is_refused_with_a_reason_or_becomes_safe_words(message: str) -> None:
    try:
        text = clean_message(message)
    except Refused as refused:
        assert refused.status == 400 and refused.reason.endswith(".")
        return
    assert text and text == text.strip()
    assert not text.startswith("/")
    assert len(message) <= MAX_CHARACTERS
    assert unicodedata.is_normalized("NFC", text)
    assert text.encode("utf-8")
    assert not any(unicodedata.category(character) in ("Cf", "Cs") for character in text)


@given(ANY_TEXT)
def test_cleaning_what_is_clean_changes_nothing(message: str) -> None:
    try:
        text = clean_message(message)
    except Refused:
        return
    # Composing characters can only make a text shorter, so a second cleaning never refuses it.
    assert clean_message(text) == text


@given(start=COMMAND_STARTS, rest=some.sampled_from(["restart", 'ask_cause{"about": "x"}', "session_start"]))
def test_no_run_of_slashes_and_spaces_makes_a_command(start: str, rest: str) -> None:
    assert clean_message(f"{start}/{start}{rest}") == rest


@pytest.mark.parametrize(
    "message", ["and/or", "1/2 of it", "Why?\n/restart", "What is dystonia?", "żółć", "😀", "\U0001faf6", "\U0001fadf"]
)
def test_what_people_write_stays_as_it_is(message: str) -> None:
    assert clean_message(message) == message


def test_a_letter_and_its_accent_become_one_character() -> None:
    assert clean_message("cafe\u0301") == "café"


def test_line_breaks_of_word_processors_are_line_breaks() -> None:
    assert clean_message("A question.\vA second one.\fThe next page.") == "A question.\nA second one.\nThe next page."


@pytest.mark.parametrize("message", [None, 1, 1.0, True, b"Hello", [], {}, ("Hello",)])
def test_what_is_no_text_is_refused(message: Any) -> None:
    assert "not text" in refusal(clean_message, message).reason


@pytest.mark.parametrize("message", ["", " ", "\n", "/", "// /", "\u200b", "\u202e/\ufeff"])
def test_what_says_nothing_is_refused(message: str) -> None:
    assert "empty" in refusal(clean_message, message).reason


@pytest.mark.parametrize(
    "character", ["\x00", "\x08", "\x1b", "\x7f", "\x9f", "\ud800", "\udfff", "\ufffe", "\ufdd0", "\U0010ffff"], ids=ascii
)
def test_characters_that_no_one_types_are_refused(character: str) -> None:
    assert "control characters" in refusal(clean_message, f"Hello{character}").reason


def test_a_message_of_just_the_limit_is_taken_and_one_more_is_refused() -> None:
    assert len(clean_message("x" * MAX_CHARACTERS)) == MAX_CHARACTERS == 1000
    assert str(MAX_CHARACTERS + 1) in refusal(clean_message, "x" * (MAX_CHARACTERS + 1)).reason


# Senders.


@given(some.text("abcXYZ019._@:+=-", min_size=1, max_size=MAX_SENDER))
def test_an_id_is_taken_as_it_is(sender: str) -> None:
    assert clean_sender(sender) == sender


@given(some.text(some.characters(blacklist_categories=()), max_size=20))
def test_a_sender_is_refused_or_is_plain_ascii_without_spaces(sender: str) -> None:
    try:
        taken = clean_sender(sender)
    except Refused as refused:
        assert refused.status == 400
        return
    assert taken == sender and sender.isascii() and sender.isprintable() and not set(sender) & set(" /'\"\\")


@pytest.mark.parametrize("sender", [None, 5, "", "a b", "a\n", "\ud800", "a\x00", "é", "x" * (MAX_SENDER + 1)], ids=repr)
def test_what_is_no_id_is_refused(sender: Any) -> None:
    assert "'sender' is no id" in refusal(clean_sender, sender).reason


# Bodies.


@given(some.dictionaries(some.text(), JSON_VALUES, max_size=4))
def test_an_object_is_read_as_json_reads_it(sent: Any) -> None:
    body = json.dumps(sent).encode()

    if len(body) <= MAX_BYTES:
        assert parse_body(body) == sent


@given(some.binary(max_size=300))
def test_any_bytes_are_refused_with_a_reason_or_are_an_object(body: bytes) -> None:
    try:
        assert isinstance(parse_body(body), dict)
    except Refused as refused:
        assert refused.status == 400


@pytest.mark.parametrize(
    "body, reason",
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"[" * 10_000, "not JSON"),
        (b"[]", "not a JSON object"),
        (b"null", "not a JSON object"),
        (b'"Hello"', "not a JSON object"),
        (b'{"message": "\xff"}', "not UTF-8"),
        ('{"message": "Hello"}'.encode("utf-16"), "not UTF-8"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_what_is_no_object_is_refused(body: bytes, reason: str) -> None:
    assert reason in refusal(parse_body, body).reason


def test_a_body_of_just_the_limit_is_taken_and_one_more_is_too_large() -> None:
    body = b'{"message": "Hello"}'.ljust(MAX_BYTES)

    assert parse_body(body) == {"message": "Hello"}
    assert refusal(parse_body, body + b" ").status == 413


# The limit for each caller.


class Clock:
    """Time that passes when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def taken(limit: RateLimit, caller: str, tries: int) -> int:
    """How many of so many messages at one moment are taken."""
    count = 0
    for _ in range(tries):
        try:
            limit.check(caller)
            count += 1
        except Refused as refused:
            assert refused.status == 429
    return count


def test_a_burst_is_taken_and_the_rest_is_refused() -> None:
    assert taken(RateLimit(5, Clock()), "203.0.113.7", 9) == 5


def test_callers_do_not_share_a_limit() -> None:
    limit = RateLimit(2, Clock())
    taken(limit, "203.0.113.7", 5)

    assert taken(limit, "203.0.113.8", 5) == 2


def test_waiting_gives_messages_back() -> None:
    clock = Clock()
    limit = RateLimit(6, clock)
    taken(limit, "203.0.113.7", 6)

    clock.now += 30

    assert taken(limit, "203.0.113.7", 6) == 3


def test_no_wait_gives_more_than_a_burst() -> None:
    clock = Clock()
    limit = RateLimit(6, clock)
    taken(limit, "203.0.113.7", 1)

    clock.now += 3600

    assert taken(limit, "203.0.113.7", 20) == 6


def test_callers_who_are_long_gone_take_no_room() -> None:
    clock = Clock()
    limit = RateLimit(2, clock)
    for number in range(RateLimit.MOST_CALLERS):
        limit.check(f"caller {number}")
    clock.now += 61

    limit.check("someone new")

    assert len(limit._buckets) == 1
