"""The machine's clock jumps, as when it was wrong at the start and is set right: talks go on, in order, each turn once."""
from __future__ import annotations

import asyncio
import os
import time
import uuid
from pathlib import Path
from typing import Callable, Iterator

import pytest
from rasa.core.lock_store import InMemoryLockStore

from channels.sessions import LASTS
from server.retention import Retention
from server.talks import Talks
from tests.running import RunningAssistant, running_assistant
from tests.widget_client import WidgetClient

HOUR = 3600
QUESTION = "What is blepharospasm?"
FOLLOW_UP = "and how is it treated?"

SetClock = Callable[[int], None]


@pytest.fixture(scope="module")
def seconds_off(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file that says how far the clock is off."""
    path = tmp_path_factory.mktemp("clock") / "seconds"
    path.write_text("0")
    return path


@pytest.fixture(scope="module")
def assistant(model: Path, seconds_off: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningAssistant]:
    """An assistant whose Rasa asks another clock."""
    with running_assistant(model, tmp_path_factory.mktemp("clock"), clock=seconds_off) as running:
        yield running


@pytest.fixture
def clock(seconds_off: Path) -> Iterator[SetClock]:
    """Sets the clock, so many seconds forward or back from the true time."""

    def set_to(seconds: int) -> None:
        fresh = seconds_off.with_suffix(".new")
        fresh.write_text(str(seconds))
        os.replace(fresh, seconds_off)

    yield set_to
    set_to(0)


@pytest.mark.parametrize("jump", [-365 * 24 * HOUR, -HOUR, 2 * HOUR, 365 * 24 * HOUR], ids="{:+d} s".format)
def test_a_talk_goes_on_over_a_jump_and_back(assistant: RunningAssistant, clock: SetClock, jump: int) -> None:
    visitor = assistant.visitor()
    assert visitor.say(QUESTION).reply["about"] == ["blepharospasm"]

    clock(jump)
    assert visitor.say(FOLLOW_UP).reply["about"] == ["blepharospasm"]
    assert visitor.say("I can't breathe since my injection").kind == "emergency"

    clock(0)
    assert visitor.say(FOLLOW_UP).reply["about"] == ["blepharospasm"]
    query = "SELECT json_extract(data, '$.text') FROM events WHERE sender_id = ? AND type_name = 'user' ORDER BY id"
    said = [text for (text,) in assistant.kept(query, f"rest:{visitor.sender}")]
    assert said == [QUESTION, FOLLOW_UP, "I can't breathe since my injection", FOLLOW_UP]
    assert "Traceback" not in assistant.log()


@pytest.mark.parametrize("jump", [-HOUR, HOUR], ids="{:+d} s".format)
def test_a_message_repeated_after_a_jump_is_still_heard_once(assistant: RunningAssistant, clock: SetClock, jump: int) -> None:
    visitor, message_id = WidgetClient.opened(assistant), uuid.uuid4().hex
    visitor.say(QUESTION)
    clock(jump)
    first = visitor.say(FOLLOW_UP, message_id)
    clock(0)

    assert visitor.say(FOLLOW_UP, message_id) == first
    assert [turn["said"] for turn in visitor.turns()] == [QUESTION, FOLLOW_UP]


def test_a_session_that_a_jump_has_ended_says_so_and_a_new_one_is_given(assistant: RunningAssistant, clock: SetClock) -> None:
    visitor = WidgetClient.opened(assistant)
    clock(LASTS + HOUR)

    assert visitor.send("POST", "message", {"message": QUESTION}).status_code == 401
    assert WidgetClient.opened(assistant).say(QUESTION)["reply"]["kind"] == "answer"

    clock(0)
    assert visitor.say(QUESTION)["reply"]["kind"] == "answer"


def test_no_talk_is_deleted_while_the_clock_is_a_year_ahead(
    assistant: RunningAssistant, clock: SetClock, seconds_off: Path
) -> None:
    visitor = assistant.visitor()
    visitor.say(QUESTION)

    def delete_what_is_too_old() -> int:
        talks = Talks.at(f"sqlite:///{assistant.data / 'talks.db'}", lambda: time.time() + float(seconds_off.read_text()))
        retention = Retention(talks, assistant.data, 30, InMemoryLockStore().lock)
        try:
            return asyncio.run(retention.run())
        finally:
            retention.close()

    assert delete_what_is_too_old() == 0
    clock(365 * 24 * HOUR)
    assistant.visitor().say(QUESTION)  # dated by the wrong clock
    assert delete_what_is_too_old() == 0

    clock(0)
    assert delete_what_is_too_old() == 0
    assert visitor.say(FOLLOW_UP).reply["about"] == ["blepharospasm"]
