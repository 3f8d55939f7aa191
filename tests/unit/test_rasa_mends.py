"""The changes to Rasa: each does what it says, and none goes on when what it was made for has changed."""
from __future__ import annotations

import ast
import hashlib
import inspect
from types import ModuleType
from typing import Any, Dict, Iterator, Tuple

import jsonschema
import pytest
import rasa
import rasa.core.actions.action as rasa_action
import rasa.core.processor as rasa_processor
import rasa.server as rasa_server
from rasa.core.channels.channel import UserMessage
from rasa.shared.core.slots import AnySlot
from rasa.shared.core.trackers import DialogueStateTracker
from sanic import Sanic

from server import rasa_mends

STOCK: Dict[Tuple[ModuleType, str], str] = {
    (rasa_action, "RemoteAction._validate_action_result"): "24da0f6bdeb2d44f",
    (rasa_action, "RemoteAction.action_response_format_spec"): "6f492274727ebb10",
    (rasa_action, "RemoteAction.run"): "b530fc5a6789c82f",
    (rasa_processor, "MessageProcessor._parse_message_with_graph"): "72d339a8c2cf1b85",
    (rasa_server, "configure_cors"): "29bc6edc3e82d1d9",
}
"""What the mends replace or lean on, and the hash of its source in the Rasa that they were written for."""

REPLACED = {
    "rasa_action.RemoteAction._validate_action_result": "RemoteAction._validate_action_result",
    "rasa_action.DEFAULT_REQUEST_TIMEOUT": "RemoteAction.run",
    "MessageProcessor._parse_message_with_graph": "MessageProcessor._parse_message_with_graph",
    "rasa_server.configure_cors": "configure_cors",
}
"""Each thing of Rasa's that server/rasa_mends.py assigns to, and the function above that shows a change."""


@pytest.fixture(autouse=True)
def _rasa_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    """Gives Rasa its own functions back after each test."""
    monkeypatch.setattr(rasa_action.RemoteAction, "_validate_action_result", rasa_action.RemoteAction._validate_action_result)
    monkeypatch.setattr(rasa_action, "DEFAULT_REQUEST_TIMEOUT", rasa_action.DEFAULT_REQUEST_TIMEOUT)
    monkeypatch.setattr(rasa_server, "configure_cors", rasa_server.configure_cors)
    processor = rasa_processor.MessageProcessor
    monkeypatch.setattr(processor, "_parse_message_with_graph", processor._parse_message_with_graph)


@pytest.mark.parametrize("module, function", STOCK, ids=lambda value: value if isinstance(value, str) else "")
def test_stock_rasa_is_as_it_was_when_the_mends_were_written(module: ModuleType, function: str) -> None:
    found = hashlib.sha256(_stock_source(module, function).encode()).hexdigest()[:16]

    assert found == STOCK[module, function], f"{function} has changed: read it, check its mend, then put {found} here"


def test_every_mend_is_watched() -> None:
    watched = {function for _, function in STOCK}

    assert set(_assigned_to(rasa_mends)) == set(REPLACED)
    assert set(REPLACED.values()) <= watched


def test_another_rasa_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rasa, "__version__", "3.6.22")
    before = rasa_action.DEFAULT_REQUEST_TIMEOUT

    with pytest.raises(rasa_mends.RasaChanged, match="3.6.22.*Mend:"):
        rasa_mends.apply(before + 1)
    assert rasa_action.DEFAULT_REQUEST_TIMEOUT == before


def test_no_site_is_let_in_by_the_server_itself() -> None:
    rasa_mends.apply(1.5)
    app = Sanic("no_sites")

    rasa_server.configure_cors(app, "*")

    assert not [name for name in app.config if name.startswith("CORS_")]


def test_actions_are_waited_for_as_long_as_it_is_set() -> None:
    rasa_mends.apply(1.5)

    assert rasa_action.DEFAULT_REQUEST_TIMEOUT == 1.5


@pytest.mark.parametrize(
    "result, is_valid",
    [
        ({"events": [], "responses": []}, True),
        ({"events": [{"event": "slot", "name": "about", "value": ["dystonia"]}], "responses": [{"text": "Hello"}]}, True),
        ({"events": None, "responses": []}, False),
        ({"events": [{"name": "about"}]}, False),
        ({"responses": "Hello"}, False),
        ([], False),
        (None, False),
    ],
    ids=str,
)
def test_the_compiled_check_takes_and_refuses_what_the_stock_check_does(result: Any, is_valid: bool) -> None:
    action = rasa_action.RemoteAction("action_answer", None)
    rasa_mends.compile_action_schema()

    assert _passes(action, result) is is_valid
    assert _passes_stock(result) is is_valid


def test_the_understanding_sees_what_the_talk_is_about_and_nothing_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a pipeline that shows what it is handed,
    def stock(self: Any, message: UserMessage, tracker: Any, only_output_properties: bool = True) -> Dict[str, Any]:
        return {"text": message.text, "metadata": message.metadata, "seen": message.metadata}

    monkeypatch.setattr(rasa_processor.MessageProcessor, "_parse_message_with_graph", stock)
    # when a message comes in a talk about blepharospasm,
    rasa_mends.hand_over_the_talk()
    message = UserMessage("how is it treated", metadata={"kept": True})
    about = AnySlot("about", mappings=[{}], initial_value=["blepharospasm"], influence_conversation=False)
    listed = AnySlot("listed", mappings=[{}], initial_value=["botulinum_toxin"], influence_conversation=False)
    tracker = DialogueStateTracker("someone", [about, listed])
    parsed = rasa_processor.MessageProcessor._parse_message_with_graph(None, message, tracker)

    # then the pipeline is told so, and neither the message nor the parse keeps it.
    assert {"about": ["blepharospasm"], "listed": ["botulinum_toxin"]} in parsed["seen"].values()
    assert message.metadata == {"kept": True}
    assert "metadata" not in parsed


def test_mending_twice_changes_nothing_more() -> None:
    rasa_mends.apply(2.0)
    once = rasa_processor.MessageProcessor._parse_message_with_graph

    rasa_mends.apply(2.0)

    assert rasa_processor.MessageProcessor._parse_message_with_graph is once


def _stock_source(module: ModuleType, dotted: str) -> str:
    """A function's source as it stands in Rasa's file, whatever a mend has put in its place."""
    source = inspect.getsource(module)
    node: Any = ast.parse(source)
    for name in dotted.split("."):
        node = next(each for each in node.body if getattr(each, "name", None) == name)
    return ast.get_source_segment(source, node) or ""


def _assigned_to(module: ModuleType) -> Iterator[str]:
    """Attributes of imported things that a module assigns to."""
    tree = ast.parse(inspect.getsource(module))
    imports = [node for node in ast.walk(tree) if isinstance(node, (ast.Import, ast.ImportFrom))]
    imported = {alias.asname or alias.name for node in imports for alias in node.names}
    for node in ast.walk(tree):
        for target in node.targets if isinstance(node, ast.Assign) else []:
            dotted = ast.unparse(target)
            if isinstance(target, ast.Attribute) and dotted.partition(".")[0] in imported:
                yield dotted


def _passes(action: rasa_action.RemoteAction, result: Any) -> bool:
    try:
        return action._validate_action_result(result)
    except jsonschema.ValidationError:
        return False


def _passes_stock(result: Any) -> bool:
    try:
        jsonschema.validate(result, rasa_action.RemoteAction.action_response_format_spec())
        return True
    except jsonschema.ValidationError:
        return False
