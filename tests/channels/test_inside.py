"""The assistant as it ships: one process, which runs the actions itself and keeps the talks that go on in memory."""
from __future__ import annotations

from pathlib import Path
from typing import Iterator

import pytest

from tests.running import RunningAssistant, running_assistant


@pytest.fixture(scope="module")
def alone(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningAssistant]:
    """One process, with no action server anywhere."""
    with running_assistant(model, tmp_path_factory.mktemp("inside"), inside=True) as running:
        yield running


def test_questions_are_answered_by_actions(alone: RunningAssistant) -> None:
    visitor = alone.visitor()

    assert visitor.say("What is blepharospasm?").kind == "answer"
    assert visitor.say("and how is it treated?").reply["about"] == ["blepharospasm"]


def test_a_long_talk_is_stored_whole_and_still_knows_its_subject(alone: RunningAssistant) -> None:
    visitor = alone.visitor()
    visitor.say("What is blepharospasm?")
    for _ in range(6):
        assert visitor.say("Thank you").kind == "smalltalk"

    assert visitor.say("how is it treated?").reply["about"] == ["blepharospasm"]
    (messages,) = alone.kept("SELECT count(*) FROM events WHERE type_name = 'user' AND sender_id LIKE ?", f"%{visitor.sender}")
    assert messages == (8,)


def test_what_is_forgotten_is_not_in_memory_either(alone: RunningAssistant) -> None:
    visitor = alone.visitor()
    visitor.say("What is blepharospasm?")
    visitor.say("forget me")

    assert visitor.say("and how is it treated?").reply["about"] != ["blepharospasm"]


def test_nothing_is_reported_as_broken(alone: RunningAssistant) -> None:
    alone.visitor().say("What is dystonia?")

    assert "ERROR" not in alone.log() and "Traceback" not in alone.log()
