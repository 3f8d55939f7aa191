"""When the action server fails, visitors hear so at once; what needs no look-up is said as ever; and it heals by itself."""
from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Callable, Dict, Iterator

import pytest

from tests.running import ActionStandIn, RunningAssistant, running_assistant, wait_until

SECONDS = 2.5
"""The look-up is given up after two seconds; the rest is for a busy machine."""

NEEDS_NO_LOOK_UP = {
    "emergency": "I can't breathe since my injection yesterday",
    "crisis": "I want to kill myself",
    "boundary": "Should I stop taking my baclofen?",
    "out_of_scope": "Which team won the football last night?",
    "smalltalk": "Good morning!",
}
QUESTION = "What is blepharospasm?"
INVENTED = {"events": [{"event": "slot", "name": "about", "value": 5}], "responses": "Take two of these."}

Failure = Callable[[int], AbstractContextManager]

FAILURES: Dict[str, Failure] = {
    "dead": lambda port: nullcontext(),
    "slow": lambda port: ActionStandIn(port, body=b'{"events": [], "responses": []}', delay=5),
    "answering 500": lambda port: ActionStandIn(port, status=500, body=b"Internal Server Error"),
    "answering 400": lambda port: ActionStandIn(port, status=400, body=b'{"action_name": "action_answer", "error": "no"}'),
    "answering 404": lambda port: ActionStandIn(port, status=404, body=b"{}"),
    "answering no JSON": lambda port: ActionStandIn(port, body=b"\xff<html>"),
    "answering another form": lambda port: ActionStandIn(port, body=json.dumps(INVENTED).encode()),
    "answering nothing": lambda port: ActionStandIn(port, body=b""),
    "answering null": lambda port: ActionStandIn(port, body=b"null"),
    "saying nothing": lambda port: ActionStandIn(port, body=b'{"events": [], "responses": []}'),
}


@pytest.fixture(scope="module")
def alone(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningAssistant]:
    """An assistant whose action server does not run; each test puts something in its place, or nothing."""
    with running_assistant(model, tmp_path_factory.mktemp("alone"), with_actions=False) as running:
        yield running


@pytest.mark.parametrize("failure", FAILURES.values(), ids=list(FAILURES))
def test_a_visitor_is_told_in_time_and_the_talk_goes_on(alone: RunningAssistant, failure: Failure) -> None:
    visitor = alone.visitor()
    with failure(alone.action_port):
        began = time.monotonic()
        reply = visitor.say(QUESTION)
        took = time.monotonic() - began

        assert (reply.kind, len(reply.raw)) == ("unavailable", 2)
        assert "doctor" in reply.text and "112" in reply.text
        assert took < SECONDS
        for kind, message in NEEDS_NO_LOOK_UP.items():
            assert visitor.say(message).kind == kind


def test_a_failing_look_up_is_really_called(alone: RunningAssistant) -> None:
    with ActionStandIn(alone.action_port, status=500) as stand_in:
        alone.visitor().say(QUESTION)
        called_for_question = stand_in.calls
        for message in NEEDS_NO_LOOK_UP.values():
            alone.visitor().say(message)

        assert (called_for_question, stand_in.calls) == (1, 1)


def test_a_slow_look_up_holds_up_nobody_else(alone: RunningAssistant) -> None:
    with FAILURES["slow"](alone.action_port) as stand_in, ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(alone.visitor().say, QUESTION)
        wait_until(lambda: stand_in.calls == 1, 5, "the call for the action")

        began = time.monotonic()
        assert alone.visitor().say("Good morning!").kind == "smalltalk"

        assert time.monotonic() - began < 1
        assert not waiting.done()
        assert waiting.result().kind == "unavailable"


def test_a_stop_waits_for_a_turn_that_takes_long(alone: RunningAssistant) -> None:
    with FAILURES["slow"](alone.action_port) as stand_in, ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(alone.visitor().say, QUESTION)
        wait_until(lambda: stand_in.calls == 1, 5, "the call for the action")

        alone.rasa.stop()
        alone.rasa.start()

        assert waiting.result().kind == "unavailable"


def test_answers_come_back_with_the_action_server(alone: RunningAssistant) -> None:
    visitor = alone.visitor()
    assert visitor.say(QUESTION).kind == "unavailable"

    alone.actions.start()
    try:
        assert visitor.say(QUESTION).reply["cards"] == ["blepharospasm.what_is"]
        assert visitor.say("and how is it treated?").reply["about"] == ["blepharospasm"]
    finally:
        alone.actions.stop()
