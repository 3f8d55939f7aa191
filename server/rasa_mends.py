"""The changes that Rasa 3.6.21 itself needs: one module, each with its reason and a test that fails when stock changes."""
from __future__ import annotations

from functools import lru_cache
from graphlib import TopologicalSorter
from typing import Any, Dict, List, Optional, Sequence, Text, Tuple

import rasa
import rasa.core.actions.action as rasa_action
import rasa.server as rasa_server
from jsonschema import Draft7Validator
from rasa.core.agent import Agent
from rasa.core.channels.channel import UserMessage
from rasa.core.policies.rule_policy import RULES, RulePolicy
from rasa.core.processor import MessageProcessor
from rasa.core.tracker_store import InMemoryTrackerStore, TrackerStore
from rasa.engine.exceptions import GraphRunError
from rasa.engine.runner.dask import DaskGraphRunner
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import Event
from rasa.shared.core.trackers import AnySlotDict, DialogueStateTracker
from rasa.shared.utils.schemas.events import EVENT_SCHEMA

from dystonia.helplines import HELP_KINDS
from nlu.message import TALK
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
        raise RasaChanged(f"Rasa is {rasa.__version__}, these mends are for {RASA_VERSION}. Mend: make env, or check server/rasa_mends.py.")
    compile_action_schema()
    remember_event_types()
    walk_the_graph()
    ask_rules_by_intent_only()
    limit_action_time(action_timeout)
    hand_over_the_talk()
    leave_other_sites_to_the_channels()
    let_a_store_fail()


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
        wanted = tuple(targets or self._graph_schema.target_names)
        plans = self.__dict__.setdefault("_plans", {})
        if wanted not in plans:
            plans[wanted] = _in_order(self._build_dask_graph(self._graph_schema.minimal_graph_schema(list(wanted))))
        done = {name: (name, value) for name, value in (inputs or {}).items()}
        for name, step, needs in plans[wanted]:
            if name in done:
                raise GraphRunError(f"The input '{name}' has the name of a step of the model. Mend: give it another.")
            # A need that nothing has made is handed on by its name, which the step reports; so stock has it.
            done[name] = step(*(done.get(need, need) for need in needs))
        return dict(done[name] for name in wanted)

    DaskGraphRunner.run = run  # type: ignore[method-assign]


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


def limit_action_time(seconds: float) -> None:
    """Waits that long for an action. Stock waits 300 seconds, during which a visitor sees nothing."""
    rasa_action.DEFAULT_REQUEST_TIMEOUT = seconds  # type: ignore[attr-defined]


def hand_over_the_talk() -> None:
    """Lets the understanding see the talk, so that "and how is it treated?" and "the second one" are read as they are meant.

    Rasa has the tracker at hand when it parses a message, but passes only the message on to the pipeline. After an urgent
    reply, whoever asks for help or a number is led to it here (server/aftercare.py).
    """
    stock = MessageProcessor._parse_message_with_graph
    if getattr(stock, "hands_over_the_talk", False):
        return

    def parse(
        self: MessageProcessor, message: UserMessage, tracker: DialogueStateTracker, only_output_properties: bool = True
    ) -> Dict[Text, Any]:
        kept = message.metadata
        talk = {name: tracker.slots[name].value for name in HANDED_OVER if name in tracker.slots}
        # A tracker that knows any slot is Rasa's stand-in for none: whoever parses by hand hands the talk over by hand.
        message.metadata = kept if isinstance(tracker.slots, AnySlotDict) and kept else {**(kept or {}), TALK: talk}
        try:
            parsed = stock(self, message, tracker, only_output_properties)
        finally:
            message.metadata = kept
        parsed.pop("metadata", None)
        lead_to_help(parsed, tracker)
        # For the channel, should anything fail from here on (channels/turn.py).
        message.urgency = _urgency(parsed)  # type: ignore[attr-defined]
        return parsed

    parse.hands_over_the_talk = True  # type: ignore[attr-defined]
    MessageProcessor._parse_message_with_graph = parse  # type: ignore[method-assign]


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
