"""The changes that Rasa 3.6.21 itself needs: one module, each with its reason and a test that fails when stock changes."""
from __future__ import annotations

import asyncio
import tarfile
from functools import lru_cache, partial
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any, Dict, Generator, List, Optional, Sequence, Set, Text, Tuple, Type, Union

import rasa
import rasa.core.actions.action as rasa_action
import rasa.server as rasa_server
import rasa.shared.utils.io
from jsonschema import Draft7Validator
from rasa.core.agent import Agent
from rasa.core.channels.channel import UserMessage
from rasa.core.policies.rule_policy import RULES, RulePolicy
from rasa.core.processor import MessageProcessor
from rasa.core.tracker_store import InMemoryTrackerStore, TrackerStore
from rasa.engine.constants import PLACEHOLDER_MESSAGE, PLACEHOLDER_TRACKER
from rasa.engine.exceptions import GraphRunError
from rasa.engine.runner.dask import DaskGraphRunner
from rasa.engine.storage.local_model_storage import LocalModelStorage
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.graph_components.providers.domain_provider import DomainProvider
from rasa.shared.core.constants import PREVIOUS_ACTION, SHOULD_NOT_BE_SET, USER
from rasa.shared.core.domain import Domain, State
from rasa.shared.core.events import Event
from rasa.shared.core.trackers import AnySlotDict, DialogueStateTracker
from rasa.shared.nlu.constants import ACTION_NAME, ENTITIES, INTENT, INTENT_NAME_KEY, PREDICTED_CONFIDENCE_KEY, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.utils.schemas.events import EVENT_SCHEMA

from dystonia.helplines import HELP_KINDS
from nlu.message import TALK, reading_of
from server.aftercare import lead_to_help

RASA_VERSION = "3.6.21"
HANDED_OVER = ("about", "topic", "cards", "offered", "listed")
"""The slots that the understanding sees."""


class RasaChanged(RuntimeError):
    """Rasa is not the version that these mends were made for."""


def apply(action_timeout: float) -> None:
    """Applies all mends.

    Args:
        action_timeout: seconds to wait for an action.

    Raises:
        RasaChanged: another Rasa is installed.
    """
    if rasa.__version__ != RASA_VERSION:
        raise RasaChanged(
            f"Rasa is {rasa.__version__}, these mends are for {RASA_VERSION}. Mend: make env, or check server/rasa_mends.py."
        )
    load_a_model_once()
    compile_action_schema()
    remember_event_types()
    walk_the_graph()
    ask_rules_by_intent_only()
    look_rules_up()
    limit_action_time(action_timeout)
    hand_over_the_talk()
    leave_other_sites_to_the_channels()
    let_a_store_fail()


def load_a_model_once() -> None:
    """Unpacks a model in one pass, and reads its domain once.

    Stock unpacks it twice, the first time to look for names that lead out of the folder, and parses and checks the domain three
    times. The model is made here, was checked when it was trained, and holds pickles: who could plant one needs no such name.
    """

    def unpack(model: Union[Text, Path], folder: Path) -> None:
        with tarfile.open(model, mode="r|gz") as packed:
            packed.extractall(folder)
        LocalModelStorage._assert_not_rasa2_archive(folder)

    def load(
        cls: Type[DomainProvider], config: Dict[Text, Any], model_storage: ModelStorage, resource: Resource, **_: Any
    ) -> DomainProvider:
        with model_storage.read_from(resource) as folder:
            (file,) = folder.glob("*.yml")
            return cls(model_storage, resource, Domain.from_dict(rasa.shared.utils.io.read_yaml_file(file)))

    LocalModelStorage._extract_archive_to_directory = staticmethod(unpack)  # type: ignore[method-assign, assignment]
    DomainProvider.load = classmethod(load)  # type: ignore[method-assign, assignment]


def compile_action_schema() -> None:
    """Checks action responses with compiled validators, and each event by the schema of events of its name.

    Stock calls ``jsonschema.validate`` for each response, which checks the constant schema itself every time (58 % of a turn
    with an action), and each event against the schemas of all 23 sorts of event.
    """
    whole = Draft7Validator(rasa_action.RemoteAction.action_response_format_spec())
    around = Draft7Validator({**whole.schema, "properties": {**whole.schema["properties"], "events": {"type": "array"}}})
    sorts = _by_name(EVENT_SCHEMA)

    def validate(self: rasa_action.RemoteAction, result: Dict[Text, Any]) -> bool:
        around.validate(result)
        for event in result.get("events", []):
            named = sorts.get(str(event.get("event"))) if isinstance(event, dict) else None
            (named or whole).validate(event if named else {"events": [event]})
        return True

    rasa_action.RemoteAction._validate_action_result = validate  # type: ignore[method-assign]


def _by_name(schema: Dict[Text, Any]) -> Dict[Text, Draft7Validator]:
    """A validator for each name that just one sort of event has."""
    shared = {key: value for key, value in schema.items() if key != "oneOf"}
    named = [(sort["properties"]["event"].get("const"), sort) for sort in schema["oneOf"]]
    names = [name for name, _ in named]
    return {name: Draft7Validator({**shared, "oneOf": [sort]}) for name, sort in named if name and names.count(name) == 1}


def remember_event_types() -> None:
    """Looks the class of an event up once. Stock searches all classes for each event: 0.1 ms, for twenty events a turn."""
    stock = Event.resolve_by_type
    if not hasattr(stock, "cache_info"):
        Event.resolve_by_type = staticmethod(lru_cache(maxsize=None)(stock))  # type: ignore[method-assign, assignment]


def walk_the_graph() -> None:
    """Runs the steps of a model one after the other, in an order that is found once.

    Stock has dask find it anew three times a turn, and renders the whole talk for a line of the log that nobody reads.
    """

    def run(
        self: DaskGraphRunner, inputs: Optional[Dict[Text, Any]] = None, targets: Optional[List[Text]] = None
    ) -> Dict[Text, Any]:
        steps = _steps(self, inputs or {}, targets or self._graph_schema.target_names)
        try:
            done = None
            while True:
                done = steps.send(done)()
        except StopIteration as end:
            return dict(end.value)

    DaskGraphRunner.run = run  # type: ignore[method-assign]


def _steps(
    runner: DaskGraphRunner, inputs: Dict[Text, Any], targets: Sequence[Text]
) -> Generator["partial[Any]", Any, List[Tuple[Text, Any]]]:
    """Gives out each step of a model in order, to be run, and is told what came of it; returns what was wanted, by name."""
    plans, wanted = runner.__dict__.setdefault("_plans", {}), tuple(targets)
    if wanted not in plans:
        plans[wanted] = _in_order(runner._build_dask_graph(runner._graph_schema.minimal_graph_schema(list(wanted))))
    done = {name: (name, value) for name, value in inputs.items()}
    for name, step, needs in plans[wanted]:
        if name in done:
            raise GraphRunError(f"The input '{name}' has the name of a step of the model. Mend: give it another.")
        # A need that nothing has made is handed on by its name, which the step reports; so stock has it.
        done[name] = yield partial(step, *(done.get(need, need) for need in needs))
    return [done[name] for name in wanted]


def _in_order(graph: Dict[Text, Any]) -> List[Tuple[Text, Any, Sequence[Text]]]:
    """The steps of a graph, each after those that it needs."""
    before = {name: {need for need in needs if need in graph} for name, (_, *needs) in graph.items()}
    return [(name, graph[name][0], graph[name][1:]) for name in TopologicalSorter(before).static_order()]


def ask_rules_by_intent_only() -> None:
    """Leaves out the search for a rule about the very words of a message, where every rule names an intent.

    Stock replays the talk for that search before it does so for the intent.
    """
    stock = RulePolicy._find_action_from_rules
    if getattr(stock, "by_intent_only", False):
        return

    def find(
        self: RulePolicy, tracker: DialogueStateTracker, domain: Domain, use_text_for_last_user_input: bool
    ) -> Tuple[Optional[Text], Optional[Text], bool]:
        if use_text_for_last_user_input and not tracker.active_loop_name and _all_name_an_intent(self):
            return None, None, False
        return stock(self, tracker, domain, use_text_for_last_user_input)

    find.by_intent_only = True  # type: ignore[attr-defined]
    RulePolicy._find_action_from_rules = find  # type: ignore[method-assign]


def _all_name_an_intent(policy: RulePolicy) -> bool:
    known = policy.__dict__
    if "_all_name_an_intent" not in known:
        last_states = [policy._rule_key_to_state(rule)[-1] for rule in policy.lookup[RULES]]
        known["_all_name_an_intent"] = all((state.get("user") or {}).get("intent") for state in last_states)
    return bool(known["_all_name_an_intent"])


def look_rules_up() -> None:
    """Compares a talk with the rules that end as it does. Stock compares it with each rule, twice a turn."""
    stock = RulePolicy._get_possible_keys
    if getattr(stock, "looks_up", False):
        return

    def find(self: RulePolicy, lookup: Dict[Text, Text], states: List[State]) -> Set[Text]:
        if not states or not states[-1].get(PREVIOUS_ACTION):
            return stock(self, lookup, states)
        known, by_end = self.__dict__.get("_by_end", (None, {}))
        if known is not lookup:
            by_end = {}
            for rule, action in lookup.items():
                by_end.setdefault(_end(self._rule_key_to_state(rule)[-1]), {})[rule] = action
            self.__dict__["_by_end"] = lookup, by_end
        intent, before = _end(states[-1])
        ends = {(asked, done) for asked in (intent, None) for done in (before, None)}
        return stock(self, {rule: action for end in ends for rule, action in by_end.get(end, {}).items()}, states)

    find.looks_up = True  # type: ignore[attr-defined]
    RulePolicy._get_possible_keys = find  # type: ignore[method-assign]


def _end(state: State) -> Tuple[Optional[Text], Optional[Text]]:
    """The intent and the action before it that a state names; the intent of a rule that forbids any is none."""
    intent, action = (state.get(USER) or {}).get(INTENT), (state.get(PREVIOUS_ACTION) or {}).get(ACTION_NAME)
    return (None if intent == SHOULD_NOT_BE_SET else intent), action  # type: ignore[return-value]


def limit_action_time(seconds: float) -> None:
    """Waits that long for an action. Stock waits 300 seconds, during which a visitor sees nothing."""
    rasa_action.DEFAULT_REQUEST_TIMEOUT = seconds  # type: ignore[attr-defined]


def hand_over_the_talk() -> None:
    """Lets the understanding see the talk, so that "and how is it treated?" and "the second one" are read as they are meant.

    Rasa has the tracker at hand when it parses a message, but passes only the message on to the pipeline. After an urgent
    reply, whoever asks for help or a number is led to it here (server/aftercare.py). Stock's search for intents and entities
    that the domain has not is left out: they were trained together, and it makes an empty domain for each message.
    """
    stock = MessageProcessor.parse_message
    if getattr(stock, "hands_over_the_talk", False):
        return

    async def parse(
        self: MessageProcessor,
        message: UserMessage,
        tracker: Optional[DialogueStateTracker] = None,
        only_output_properties: bool = True,
    ) -> Dict[Text, Any]:
        if self.http_interpreter:
            return await stock(self, message, tracker, only_output_properties)
        tracker = tracker or DialogueStateTracker.from_events(message.sender_id, [])
        kept = message.metadata
        talk = {name: tracker.slots[name].value for name in HANDED_OVER if name in tracker.slots}
        # A tracker that knows any slot is Rasa's stand-in for none: whoever parses by hand hands the talk over by hand.
        message.metadata = kept if isinstance(tracker.slots, AnySlotDict) and kept else {**(kept or {}), TALK: talk}
        try:
            parsed = await _understood(self, message, tracker, only_output_properties)
        finally:
            message.metadata = kept
        parsed.pop("metadata", None)
        lead_to_help(parsed, tracker)
        # For the channel, should anything fail from here on (channels/turn.py).
        message.urgency = _urgency(parsed)  # type: ignore[attr-defined]
        return parsed

    parse.hands_over_the_talk = True  # type: ignore[attr-defined]
    MessageProcessor.parse_message = parse  # type: ignore[method-assign]


async def _encoded(made: Any) -> None:
    """Waits for what is being encoded of the message that a step has made, if anything: the next step needs it."""
    for message in made if isinstance(made, list) else ():
        for part in reading_of(message).views if isinstance(message, Message) else ():
            if part.encoding is not None:
                await asyncio.wrap_future(part.encoding)


async def _understood(
    processor: MessageProcessor, message: UserMessage, tracker: DialogueStateTracker, only_output_properties: bool
) -> Dict[Text, Any]:
    """What the pipeline makes of a message. The encoder, a quarter of a turn, runs beside other turns; stock has them wait."""
    target = processor.model_metadata.nlu_target
    inputs = {PLACEHOLDER_MESSAGE: [message], PLACEHOLDER_TRACKER: tracker}
    steps = _steps(processor.graph_runner, inputs, [target])  # type: ignore[arg-type]
    try:
        done = None
        while True:
            done = steps.send(done)()
            await _encoded(done[1])
    except StopIteration as end:
        ((_, (parsed, *_)),) = end.value
    nothing: Dict[Text, Any] = {TEXT: "", INTENT: {INTENT_NAME_KEY: None, PREDICTED_CONFIDENCE_KEY: 0.0}, ENTITIES: []}
    return {**nothing, **parsed.as_dict(only_output_properties=only_output_properties)}


def _urgency(parsed: Dict[Text, Any]) -> Optional[Text]:
    """``emergency`` or ``crisis`` where a parsed message is one, or may be one."""
    intent = (parsed.get("intent") or {}).get("name")
    return intent if intent in HELP_KINDS else (parsed.get("in_doubt") or {}).get("kind")


def leave_other_sites_to_the_channels() -> None:
    """Lets each channel answer for itself which sites may call it (channels/origins.py).

    Stock puts Sanic-Cors over all routes: it answers every browser's preflight itself, before the channel sees it, and allows
    credentials.
    """
    rasa_server.configure_cors = lambda app, cors_origins="": None


def let_a_store_fail() -> None:
    """Leaves the tracker store to answer for its own failures (server/unsaved.py, server/postgres_store.py).

    Stock logs what a store says when it fails, with the words that it quotes, and keeps the whole talk in a second store in
    memory, from which nothing is ever read, written or deleted: after a failed "forget me", too.
    """

    def create(store: Optional[TrackerStore], domain: Domain) -> TrackerStore:
        kept = store or InMemoryTrackerStore(domain)
        kept.domain = domain
        return kept

    Agent._create_tracker_store = staticmethod(create)  # type: ignore[method-assign, assignment]
