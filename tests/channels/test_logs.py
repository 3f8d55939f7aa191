"""Health talk never reaches a log: not when all is well, not when a message is refused, not when a turn fails."""
from __future__ import annotations

import json
from pathlib import Path
from typing import Callable, Dict, Iterator

import pytest
import requests

from channels.telegram import SECRET_HEADER
from tests.running import ActionStandIn, RunningAssistant, Visitor, running_assistant, wait_until

TELLING = "Quillfeather"
"""A name that stands nowhere but in what the visitors of these tests say."""

SAYINGS = [
    f"My friend {TELLING} asks what dystonia is",
    f"{TELLING} can't breathe since the injection yesterday",
    f"I am {TELLING} and I want to kill myself",
    f"Should {TELLING} stop taking baclofen?",
    f"Which team does {TELLING} play for?",
    f"/restart {TELLING}",
]

LINE = ("time", "level", "logger", "message")
TELEGRAM_SECRET = "0123456789-abcdef"
NO_READING = "ALTER TABLE events RENAME TO laid_aside"
READING_AGAIN = "ALTER TABLE laid_aside RENAME TO events"
NO_WRITING = "CREATE TRIGGER full BEFORE INSERT ON events BEGIN SELECT RAISE(ABORT, 'the disk is full'); END"
WRITING_AGAIN = "DROP TRIGGER full"


@pytest.fixture(scope="module")
def alone(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningAssistant]:
    """An assistant that may be harmed: its action server does not run. It is asked for as many lines as there are, as JSON."""
    chatty = {"DYSTONIA_LOG": "json", "LOG_LEVEL": "DEBUG", "LOG_LEVEL_LIBRARIES": "DEBUG", "LOG_LEVEL_RASA": "DEBUG"}
    secrets = {"DYSTONIA_TELEGRAM_TOKEN": "1:abcdef", "DYSTONIA_TELEGRAM_SECRET": TELEGRAM_SECRET}
    nowhere = {"DYSTONIA_TELEGRAM_API_URL": "http://127.0.0.1:9"}
    with running_assistant(
        model, tmp_path_factory.mktemp("alone"), with_actions=False, **chatty, **secrets, **nowhere
    ) as running:
        yield running


def tell_all(visitor: Visitor) -> None:
    """Says everything that must not be found again; each saying gets one reply, whatever is broken."""
    for saying in SAYINGS:
        assert len(visitor.say(saying).raw) == 2


def test_no_message_is_logged_when_all_is_well(assistant: RunningAssistant) -> None:
    tell_all(assistant.visitor())

    assert assistant.files_holding(TELLING)
    assert TELLING not in assistant.log()


@pytest.mark.parametrize(
    "sent",
    [
        {"sender": "someone", "message": TELLING * 100},
        {"sender": "someone", "message": f"{TELLING}\x00"},
        {"sender": "someone", "message": f"{TELLING}\ud800"},
        {"sender": f"{TELLING}/", "message": "Hello"},
        {"sender": "someone", "message": {"text": TELLING}},
        {"sender": "someone", "message": TELLING, "padding": "x" * 20_000},
        {"sender": "someone", "message": TELLING, "padding": "x" * 200_000},
    ],
    ids=["long", "NUL", "half a character", "odd sender", "no text", "large body", "huge body"],
)
def test_no_refused_message_is_logged(assistant: RunningAssistant, sent: Dict[str, object]) -> None:
    assert assistant.post(json.dumps(sent).encode()).status in (400, 413)
    assert assistant.post(json.dumps(sent).encode()[:-1]).status in (400, 413)

    assert TELLING not in assistant.log()


@pytest.mark.parametrize(
    "stand_in",
    [
        lambda port: ActionStandIn(port, status=500, body=b"no"),
        lambda port: ActionStandIn(port, status=400, body=b'{"action_name": "action_answer", "error": "no"}'),
        lambda port: ActionStandIn(port, body=b"\xff"),
        lambda port: ActionStandIn(port, body=b'{"events": 5}'),
    ],
    ids=["500", "400", "no JSON", "another form"],
)
def test_no_message_is_logged_when_the_look_up_fails(alone: RunningAssistant, stand_in: Callable[[int], ActionStandIn]) -> None:
    with stand_in(alone.action_port):
        tell_all(alone.visitor())

    assert TELLING not in alone.log()


def test_no_message_is_logged_when_nothing_looks_up(alone: RunningAssistant) -> None:
    before = len(alone.log())

    tell_all(alone.visitor())

    assert len(alone.log()) > before
    assert TELLING not in alone.log()


@pytest.mark.parametrize(
    "harm, mend", [(NO_READING, READING_AGAIN), (NO_WRITING, WRITING_AGAIN)], ids=["not readable", "not writable"]
)
def test_no_message_is_logged_when_talks_cannot_be_kept(alone: RunningAssistant, harm: str, mend: str) -> None:
    visitor = alone.visitor()
    visitor.say("Hello")
    before = len(alone.log())

    alone.kept(harm)
    try:
        tell_all(visitor)
    finally:
        alone.kept(mend)

    assert len(alone.log()) > before
    assert TELLING not in alone.log()
    assert visitor.say("Hello").kind == "smalltalk"


def test_no_message_is_logged_when_a_stored_event_can_not_be_read(alone: RunningAssistant) -> None:
    visitor = alone.visitor()
    visitor.say("Hello")
    broken = json.dumps({"event": "no such event", "text": TELLING})
    before = len(alone.log())

    alone.kept("UPDATE events SET data = ? WHERE sender_id = ? AND type_name = 'user'", broken, f"rest:{visitor.sender}")
    visitor.say(f"What is dystonia, {TELLING}?")

    assert len(alone.log()) > before
    assert TELLING not in alone.log()


@pytest.mark.parametrize("body", ["{}", '{"message": {"text": "%s"}}', '{"update_id": 1, "message": "%s"}', '["%s"]', "%s"])
def test_no_odd_event_of_an_app_is_logged(alone: RunningAssistant, body: str) -> None:
    headers = {SECRET_HEADER: TELEGRAM_SECRET, "Content-Type": "application/json"}

    requests.post(f"{alone.url}/webhooks/telegram/webhook", (body % TELLING if "%" in body else body).encode(), headers=headers)

    assert TELLING not in alone.log()


def test_no_event_of_an_app_is_logged_when_the_app_is_away(alone: RunningAssistant) -> None:
    headers, chat = {SECRET_HEADER: TELEGRAM_SECRET}, {"id": 7, "type": "private"}
    message = {"message_id": 1, "date": 1, "chat": chat, "from": {"id": 7, "is_bot": False}, "text": SAYINGS[0]}

    requests.post(f"{alone.url}/webhooks/telegram/webhook", json={"update_id": 1, "message": message}, headers=headers)

    wait_until(lambda: "telegram.db" in alone.files_holding("sendMessage"), 20, "the reply that waits")
    assert TELLING not in alone.log()


def test_every_line_is_json_where_machines_read_it(alone: RunningAssistant) -> None:
    alone.visitor().say(SAYINGS[0])

    lines = [line for line in alone.rasa.log().splitlines() if line.startswith("{")]

    assert lines and {tuple(json.loads(line)) for line in lines} <= {LINE, (*LINE, "error")}
    assert [line for line in alone.rasa.log().splitlines() if not line.startswith("{") and "is open" not in line] == []
