"""One turn: whatever fails behind it, there is one reply, and it begins with where help is if the message was urgent."""
from __future__ import annotations

import asyncio
from typing import Any, Dict, Optional

import pytest
from rasa.core.channels.channel import UserMessage

from channels.turn import take_turn
from dystonia.helplines import IF_SO
from dystonia.reply import UNAVAILABLE
from server.undone import Undone


def failing_turn(urgency: Optional[str]) -> Dict[str, Any]:
    """What a visitor gets when a message was understood, and everything after that failed."""

    async def handler(message: UserMessage) -> None:
        message.urgency = urgency
        raise ConnectionError

    return asyncio.run(take_turn(handler, "something", "rest:someone", "rest", "a-model"))


def test_a_turn_that_fails_says_so_and_whom_to_ask() -> None:
    turn = failing_turn(None)

    assert (turn["text"], turn["buttons"]) == (UNAVAILABLE, [])
    assert (turn["reply"]["kind"], turn["reply"]["cautions"], turn["reply"]["model"]) == ("unavailable", [], "a-model")


@pytest.mark.parametrize("urgency", list(IF_SO))
def test_an_urgent_turn_that_fails_begins_with_where_help_is(urgency: str) -> None:
    caution, _, button = IF_SO[urgency]

    turn = failing_turn(urgency)

    assert "999" in turn["text"].split("\n\n")[0] and turn["text"].endswith(UNAVAILABLE)
    assert turn["buttons"] == [{"title": button, "payload": button}]
    assert (turn["reply"]["kind"], turn["reply"]["cautions"]) == ("unavailable", [caution])


def test_what_was_said_is_not_sent_where_it_was_not_done() -> None:
    async def handler(message: UserMessage) -> None:
        said = {"text": "I have deleted it.", "custom": {"reply": {"kind": "smalltalk"}}}
        await message.output_channel.send_response("someone", said)
        raise Undone("the disk is full")

    turn = asyncio.run(take_turn(handler, "forget me", "rest:someone", "rest", "a-model"))

    assert (turn["text"], turn["reply"]["kind"]) == (UNAVAILABLE, "unavailable")


def test_a_message_that_was_not_even_understood_gets_the_plain_words() -> None:
    async def handler(message: UserMessage) -> None:
        raise ConnectionError

    assert asyncio.run(take_turn(handler, "something", "rest:someone", "rest", "a-model"))["text"] == UNAVAILABLE


def said_but_not_stored(kind: str) -> Dict[str, Any]:
    """What a visitor gets when the reply was made and could not be stored."""

    async def handler(message: UserMessage) -> None:
        custom = {"reply": {"kind": kind}}
        await message.output_channel.send_response("rest:someone", {"text": "A reply.", "custom": custom})
        raise ConnectionError

    return asyncio.run(take_turn(handler, "something", "rest:someone", "rest", "a-model"))


def test_a_reply_that_the_next_turn_would_not_know_of_is_not_given() -> None:
    turn = said_but_not_stored("answer")

    assert (turn["text"], turn["reply"]["kind"]) == (UNAVAILABLE, "unavailable")


@pytest.mark.parametrize("kind", ["emergency", "crisis"])
def test_help_is_given_also_where_it_could_not_be_stored(kind: str) -> None:
    turn = said_but_not_stored(kind)

    assert (turn["text"], turn["reply"]["kind"]) == ("A reply.", kind)
