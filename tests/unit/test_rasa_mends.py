"""The changes to Rasa: each does what it says, and none goes on when what it was made for has changed."""
from __future__ import annotations

import ast
import asyncio
import hashlib
import inspect
import itertools
import json
import tarfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any, Dict, Iterator, List, Tuple
from unittest.mock import AsyncMock, Mock

import jsonschema
import pytest
import rasa
import rasa.core.actions.action as rasa_action
import rasa.core.agent as rasa_agent
import rasa.core.policies.rule_policy as rule_policy
import rasa.core.processor as rasa_processor
import rasa.core.tracker_store as rasa_store
import rasa.engine.runner.dask as rasa_runner
import rasa.engine.storage.local_model_storage as rasa_storage
import rasa.graph_components.providers.domain_provider as rasa_provider
import rasa.server as rasa_server
import rasa.shared.core.events as rasa_events
import rasa.shared.utils.schemas.events as event_schemas
from rasa.core.channels.channel import UserMessage
from rasa.engine.constants import PLACEHOLDER_MESSAGE
from rasa.engine.exceptions import GraphRunError
from rasa.engine.graph import GraphComponent, GraphSchema, SchemaNode
from rasa.engine.storage.resource import Resource
from rasa.shared.core.domain import Domain
from rasa.shared.core.slots import AnySlot
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.shared.nlu.training_data.message import Message
from sanic import Sanic

from nlu.message import Part, reading_of
from server import rasa_mends

STOCK: Dict[Tuple[ModuleType, str], str] = {
    (rasa_action, "RemoteAction._validate_action_result"): "24da0f6bdeb2d44f",
    (rasa_action, "RemoteAction.action_response_format_spec"): "6f492274727ebb10",
    (rasa_action, "RemoteAction.run"): "b530fc5a6789c82f",
    (rasa_processor, "MessageProcessor.parse_message"): "1cd8ac2218759de2",
    (rasa_processor, "MessageProcessor._parse_message_with_graph"): "72d339a8c2cf1b85",
    (rasa_storage, "LocalModelStorage._extract_archive_to_directory"): "c182d988e41ef45b",
    (rasa_provider, "DomainProvider.load"): "9b14edae4d3484a5",
    (rasa_server, "configure_cors"): "29bc6edc3e82d1d9",
    (rasa_runner, "DaskGraphRunner.run"): "ce0438b9b8e79330",
    (rasa_runner, "DaskGraphRunner._build_dask_graph"): "0035c0b37188c4b1",
    (rasa_events, "Event.resolve_by_type"): "ffabe9999fc8f7f3",
    (rule_policy, "RulePolicy._find_action_from_rules"): "9a6c28d7af23def6",
    (rule_policy, "RulePolicy._get_possible_keys"): "ae2257980a444fb0",
    (rule_policy, "RulePolicy._predict"): "d0f079b86973bf96",
    (rasa_agent, "Agent._create_tracker_store"): "44b81a5829031ff2",
    (rasa_store, "SQLTrackerStore._additional_events"): "5ad906f458419020",
    (rasa_store, "SQLTrackerStore._event_query"): "6484d8ac7d14284b",
    (rasa_store, "SQLTrackerStore.session_scope"): "c9bfcdd595e4b02b",
}
"""What the mends, and the stores, replace or lean on, and the hash of its source in the Rasa that they were written for."""

REPLACED = {
    "rasa_action.RemoteAction._validate_action_result": "RemoteAction._validate_action_result",
    "rasa_action.DEFAULT_REQUEST_TIMEOUT": "RemoteAction.run",
    "LocalModelStorage._extract_archive_to_directory": "LocalModelStorage._extract_archive_to_directory",
    "DomainProvider.load": "DomainProvider.load",
    "MessageProcessor.parse_message": "MessageProcessor.parse_message",
    "rasa_server.configure_cors": "configure_cors",
    "DaskGraphRunner.run": "DaskGraphRunner.run",
    "Event.resolve_by_type": "Event.resolve_by_type",
    "RulePolicy._find_action_from_rules": "RulePolicy._find_action_from_rules",
    "RulePolicy._get_possible_keys": "RulePolicy._get_possible_keys",
    "Agent._create_tracker_store": "Agent._create_tracker_store",
}
"""Each thing of Rasa's that server/rasa_mends.py assigns to, and the function above that shows a change."""


@pytest.fixture(autouse=True)
def _rasa_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    """Gives Rasa its own functions back after each test."""
    monkeypatch.setattr(rasa_action.RemoteAction, "_validate_action_result", rasa_action.RemoteAction._validate_action_result)
    monkeypatch.setattr(rasa_action, "DEFAULT_REQUEST_TIMEOUT", rasa_action.DEFAULT_REQUEST_TIMEOUT)
    monkeypatch.setattr(rasa_server, "configure_cors", rasa_server.configure_cors)
    processor = rasa_processor.MessageProcessor
    monkeypatch.setattr(processor, "parse_message", processor.parse_message)
    storage = rasa_storage.LocalModelStorage
    monkeypatch.setattr(storage, "_extract_archive_to_directory", staticmethod(storage._extract_archive_to_directory))
    monkeypatch.setattr(rasa_provider.DomainProvider, "load", classmethod(rasa_provider.DomainProvider.load.__func__))
    monkeypatch.setattr(rasa_runner.DaskGraphRunner, "run", rasa_runner.DaskGraphRunner.run)
    monkeypatch.setattr(rasa_events.Event, "resolve_by_type", staticmethod(rasa_events.Event.resolve_by_type))
    policy = rule_policy.RulePolicy
    monkeypatch.setattr(policy, "_find_action_from_rules", policy._find_action_from_rules)
    monkeypatch.setattr(policy, "_get_possible_keys", policy._get_possible_keys)
    create = rasa_agent.Agent._create_tracker_store
    monkeypatch.setattr(rasa_agent.Agent, "_create_tracker_store", staticmethod(create))


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


def test_a_store_that_fails_may_say_so_and_nothing_is_kept_elsewhere() -> None:
    rasa_mends.apply(1.5)
    store = rasa_store.InMemoryTrackerStore(Domain.empty())
    store.save = AsyncMock(side_effect=ConnectionError)  # type: ignore[method-assign]
    served = rasa_agent.Agent._create_tracker_store(store, Domain.empty())

    with pytest.raises(ConnectionError):
        asyncio.run(served.save(DialogueStateTracker("rest:someone", [])))
    assert served is store


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


EVENTS: List[Dict[str, Any]] = [
    {"event": "slot", "name": "about", "value": 1, "timestamp": 2.5},
    {"event": "slot", "name": 3},
    {"event": "bot", "text": "Hello", "data": {}},
    {"event": "bot", "text": 5},
    {"event": "user", "text": "Hello", "parse_data": {"entities": [{"entity": "type"}]}},
    {"event": "user", "text": "Hello", "parse_data": {"entities": [{"entity": "type", "value": "x"}]}},
    {"event": "action", "name": "action_listen", "policy": 1},
    {"event": "followup", "name": "action_listen"},
    {"event": "followup"},
    {"event": "slot", "name": "about", "value": 1, "timestamp": "now"},
    {"event": "no such event"},
    {"event": ["slot"]},
    "slot",
]


@pytest.mark.parametrize("event", EVENTS, ids=str)
def test_each_event_is_taken_or_refused_as_by_the_stock_check(event: Any) -> None:
    action = rasa_action.RemoteAction("action_answer", None)
    rasa_mends.compile_action_schema()

    assert _passes(action, {"events": [event], "responses": []}) is _passes_stock({"events": [event], "responses": []})


def test_every_sort_of_event_has_a_schema_of_its_own() -> None:
    names = {sort["properties"]["event"]["const"] for sort in event_schemas.EVENT_SCHEMA["oneOf"]}

    assert set(rasa_mends._by_name(event_schemas.EVENT_SCHEMA)) == names


def test_events_are_known_by_name_as_before() -> None:
    rasa_mends.remember_event_types()

    assert rasa_events.Event.resolve_by_type("slot") is rasa_events.SlotSet
    assert rasa_events.Event.resolve_by_type("topic") is None
    with pytest.raises(ValueError, match="no such"):
        rasa_events.Event.resolve_by_type("no such")


def test_steps_run_after_those_they_need_and_others_do_not_run() -> None:
    # Given a graph in no order, of which one step is not asked for,
    ran: List[str] = []
    needs = {"last": {"one": "first", "two": "second"}, "second": {"one": "first"}, "first": {"x": "given"}, "not asked": {}}
    runner = _runner(needs, ran)
    rasa_mends.walk_the_graph()

    # when it runs twice,
    results = [runner.run(inputs={"given": value}, targets=["last"]) for value in (1, 10)]

    # then each time it does so in order, from what was given.
    assert ran == ["first", "second", "last"] * 2
    assert results == [{"last": 6}, {"last": 24}]


def test_an_input_that_has_the_name_of_a_step_is_refused() -> None:
    rasa_mends.walk_the_graph()

    with pytest.raises(GraphRunError, match="'first'.*Mend"):
        _runner({"first": {}}, []).run(inputs={"first": 1}, targets=["first"])


@pytest.mark.parametrize("user, searched", [({"intent": "greet"}, False), ({"text": "hello there"}, True)])
def test_rules_about_words_are_looked_for_only_where_there_are_any(
    user: Dict[str, str], searched: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = ("utter_greet", "the rule", False)
    monkeypatch.setattr(rule_policy.RulePolicy, "_find_action_from_rules", lambda *_: found)
    rasa_mends.ask_rules_by_intent_only()
    policy = object.__new__(rule_policy.RulePolicy)
    policy.lookup = {rule_policy.RULES: {json.dumps([{"prev_action": {}}, {"user": user}]): "utter_greet"}}
    tracker = DialogueStateTracker("someone", [])

    assert policy._find_action_from_rules(tracker, None, True) == (found if searched else (None, None, False))
    assert policy._find_action_from_rules(tracker, None, False) == found


STATES = [
    {},
    {"prev_action": {"action_name": "action_listen"}},
    {"prev_action": {"action_name": "action_listen"}, "user": {"intent": "greet"}},
    {"prev_action": {"action_name": "action_listen"}, "user": {"intent": "ask"}, "slots": {"told": (1.0,)}},
    {"prev_action": {"action_name": "utter_greet"}, "user": {"intent": "greet"}},
    {"prev_action": {"action_name": "utter_greet"}, "user": {"intent": "should_not_be_set"}},
]


def test_a_talk_fits_the_rules_that_it_fits_by_stock() -> None:
    # Given a rule for each pair of states,
    policy = object.__new__(rule_policy.RulePolicy)
    rules = {json.dumps([one, other]): "utter_greet" for one in STATES for other in STATES}
    stock = rule_policy.RulePolicy._get_possible_keys
    rasa_mends.look_rules_up()

    # when any talk of up to three states is compared with them, then the same rules fit.
    for talk in (list(states) for length in (1, 2, 3) for states in itertools.product(STATES, repeat=length)):
        assert policy._get_possible_keys(rules, talk) == stock(policy, rules, talk)


def test_the_understanding_sees_what_the_talk_is_about_and_nothing_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a pipeline that shows what it is handed,
    async def understood(_: Any, message: UserMessage, *__: Any) -> Dict[str, Any]:
        return {"text": message.text, "metadata": message.metadata, "seen": message.metadata}

    monkeypatch.setattr(rasa_mends, "_understood", understood)
    processor = Mock(http_interpreter=None)
    # when a message comes in a talk about blepharospasm,
    rasa_mends.hand_over_the_talk()
    message = UserMessage("how is it treated", metadata={"kept": True})
    about = AnySlot("about", mappings=[{}], initial_value=["blepharospasm"], influence_conversation=False)
    listed = AnySlot("listed", mappings=[{}], initial_value=["botulinum_toxin"], influence_conversation=False)
    tracker = DialogueStateTracker("someone", [about, listed])
    parsed = asyncio.run(rasa_processor.MessageProcessor.parse_message(processor, message, tracker))

    # then the pipeline is told so, and neither the message nor the parse keeps it.
    assert {"about": ["blepharospasm"], "listed": ["botulinum_toxin"]} in parsed["seen"].values()
    assert message.metadata == {"kept": True}
    assert "metadata" not in parsed


def test_while_one_message_is_encoded_other_turns_go_on() -> None:
    # Given a pipeline whose encoder waits until another turn has gone on,
    went_on = threading.Event()

    def begin(*given: Tuple[str, Any]) -> Tuple[str, Any]:
        message = Message({"text": given[0][1][0].text, "intent": {"name": "greet"}}, {"text", "intent"})
        reading_of(message).parts = [Part(0, 1, encoding=threads.submit(went_on.wait, 5))]
        return "encoded", [message]

    threads = ThreadPoolExecutor(1)
    runner = _runner({"encoded": {"messages": PLACEHOLDER_MESSAGE}}, [])
    runner._instantiated_nodes["encoded"] = begin
    processor = Mock(http_interpreter=None, graph_runner=runner)
    processor.model_metadata.nlu_target = "encoded"
    rasa_mends.hand_over_the_talk()

    # when a message is parsed beside another turn,
    async def both() -> Dict[str, Any]:
        parsing = asyncio.create_task(rasa_processor.MessageProcessor.parse_message(processor, UserMessage("hello")))
        await asyncio.sleep(0)
        went_on.set()
        return await parsing

    # then neither waits for the other, and what nothing was found for is there as stock has it.
    assert asyncio.run(both()) == {"text": "hello", "intent": {"name": "greet"}, "entities": []}
    assert went_on.is_set()


def test_a_model_is_loaded_as_by_stock(tmp_path: Path) -> None:
    # Given a model's archive, and the folder of a domain,
    (tmp_path / "domain.yml").write_text('version: "3.1"\nintents: [greet]\nresponses:\n  utter_yes:\n  - text: Yes\n')
    with tarfile.open(tmp_path / "model.tar.gz", "w:gz") as packed:
        packed.add(tmp_path / "domain.yml", "components/domain/domain.yml")
    rasa_mends.load_a_model_once()

    # when both are loaded,
    rasa_storage.LocalModelStorage._extract_archive_to_directory(tmp_path / "model.tar.gz", tmp_path / "unpacked")
    storage = rasa_storage.LocalModelStorage(tmp_path / "unpacked" / "components")
    provider = rasa_provider.DomainProvider.load({}, storage, Resource("domain"), execution_context=Mock())

    # then the domain is the one that stock reads from the same file.
    assert provider.provide_inference().as_dict() == Domain.from_directory(str(tmp_path / "unpacked")).as_dict()


def test_mending_twice_changes_nothing_more() -> None:
    rasa_mends.apply(2.0)
    once = rasa_processor.MessageProcessor.parse_message

    rasa_mends.apply(2.0)

    assert rasa_processor.MessageProcessor.parse_message is once


def _runner(needs: Dict[str, Dict[str, str]], ran: List[str]) -> rasa_runner.DaskGraphRunner:
    """A runner of steps that add up what they are given, and one."""

    def step(name: str) -> Any:
        def run(*given: Tuple[str, int]) -> Tuple[str, int]:
            ran.append(name)
            return name, 1 + sum(value for _, value in given)

        return run

    nodes = {
        name: SchemaNode(needed, GraphComponent, "create", "run", {}, is_target=True) for name, needed in needs.items()
    }
    runner = object.__new__(rasa_runner.DaskGraphRunner)
    runner._graph_schema = GraphSchema(nodes)
    runner._instantiated_nodes = {name: step(name) for name in needs}
    return runner


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
