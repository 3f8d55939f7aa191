"""What Slack and Telegram share: what is personal, and sentences for what can't be read."""

from __future__ import annotations

import asyncio
from typing import Any, List

import pytest
from rasa.core.channels.channel import UserMessage

from channels.chat import ONLY_WORDS, TOO_LONG, TOO_MANY, Talks, failed, is_personal
from channels.intake import MAX_CHARACTERS


@pytest.mark.parametrize(
    "text",
    [
        "My neck hurts",
        "I have cervical dystonia, what helps?",
        "I’ve got spasms",
        "i'm so tired of this",
        "we were told it is dystonia",
        "I can't sleep",
        "is my son's dystonia genetic",
        "our daughter walks on her toes",
        "call me on 020 7946 0000",
    ],
)
def test_who_speaks_of_themselves_is_personal(text: str) -> None:
    assert is_personal(text, "answer")


@pytest.mark.parametrize(
    "text",
    [
        "What is dystonia?",
        "Can you tell me how dystonia is treated?",
        "I have a question: what is blepharospasm?",
        "I am curious what a sensory trick is",
        "I'd like to know about botulinum toxin",
        "Does it run in families?",
        "Which doctor treats dystonia?",
    ],
)
def test_a_general_question_is_not(text: str) -> None:
    assert not is_personal(text, "answer")


@pytest.mark.parametrize("kind", ["crisis", "emergency", "boundary"])
def test_what_is_answered_as_personal_is_personal(kind: str) -> None:
    assert is_personal("What is dystonia?", kind)


class Understanding:
    """Counts what comes through, and fails."""

    def __init__(self) -> None:
        self.texts: List[Any] = []

    async def __call__(self, message: UserMessage) -> None:
        """One message."""
        self.texts.append((message.text, message.sender_id, message.input_channel))
        raise ValueError


def turns(texts: List[str], rate: float = 100) -> "tuple[List[str], List[Any]]":
    """What is said to each, and what came through."""
    handler = Understanding()

    async def run() -> List[str]:
        talks = Talks(handler, "telegram", rate)
        return [(await talks.turn(text, "telegram:1"))["text"] for text in texts]

    return asyncio.run(run()), handler.texts


def test_what_can_not_be_read_does_not_come_through() -> None:
    said, came = turns(["/", "a\x00b", "\ud800", "x" * (MAX_CHARACTERS + 1)])

    assert said == [ONLY_WORDS, ONLY_WORDS, ONLY_WORDS, TOO_LONG] and came == []


def test_a_command_comes_through_as_words_and_a_failure_is_told() -> None:
    assert turns(["// /restart"]) == ([failed()["text"]], [("restart", "telegram:1", "telegram")])


def test_a_flood_is_told_to_wait_and_how_to_get_help() -> None:
    said, came = turns(["Hello"] * 5, rate=3)

    assert said[3:] == [TOO_MANY, TOO_MANY] and len(came) == 3
    assert all("112" in text for text in (TOO_MANY, TOO_LONG, ONLY_WORDS))
