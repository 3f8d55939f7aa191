"""Actions inside the Rasa process: they answer as an action server does, and what they say when they fail stays out of logs."""
from __future__ import annotations

import asyncio
from typing import Any, Dict

import pytest
from rasa.core.actions.action import RemoteAction

from dystonia.store import shared_store
from server.actions_inside import ActionFailed, ActionsInside
from server.serve import endpoints
from server.settings import Settings


def call(action: str = "action_answer", text: str = "What is dystonia?") -> Dict[str, Any]:
    """A call as Rasa makes it."""
    card = next(card for card in shared_store().cards.values() if card.topic.value == "definition")
    questions = [{"text": text, "topic": "definition", "about": ["dystonia"], "cards": [[card.id, 1.0]]}]
    latest = {"text": text, "intent": {"name": "ask_definition", "confidence": 1.0}, "entities": [], "questions": questions}
    tracker = {"sender_id": "someone", "slots": {}, "latest_message": latest, "events": []}
    return {"next_action": action, "tracker": tracker}


def test_an_action_answers_in_the_form_that_rasa_takes() -> None:
    answer = asyncio.run(ActionsInside().request(json=call()))

    assert RemoteAction("action_answer", None)._validate_action_result(answer)
    assert answer["responses"][0]["text"]
    assert {event["event"] for event in answer["events"]} == {"slot"}


def test_a_failing_action_says_no_word_of_the_message(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise ValueError("Quillfeather has asked something")

    monkeypatch.setattr("actions.actions.answerer", fail)

    with pytest.raises(ActionFailed) as failed:
        asyncio.run(ActionsInside().request(json=call(text="I am Quillfeather")))
    assert "ValueError" in str(failed.value) and "Quillfeather" not in str(failed.value)
    assert failed.value.__cause__ is None and failed.value.__suppress_context__


def test_an_unknown_action_fails_likewise() -> None:
    with pytest.raises(ActionFailed, match="action_unknown failed with ActionNotFoundException"):
        asyncio.run(ActionsInside().request(json=call("action_unknown")))


def test_actions_run_inside_unless_the_port_of_an_action_server_is_set() -> None:
    assert isinstance(endpoints(Settings.from_environment({})).action, ActionsInside)

    apart = endpoints(Settings.from_environment({"DYSTONIA_ACTION_PORT": "6055"})).action
    assert (type(apart) is not ActionsInside, apart.url) == (True, "http://127.0.0.1:6055/webhook")
