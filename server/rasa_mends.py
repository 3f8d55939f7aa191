"""The changes that Rasa 3.6.21 itself needs: one module, each with its reason and a test that fails when stock changes."""
from __future__ import annotations

from typing import Any, Dict, Optional, Text

import rasa
import rasa.core.actions.action as rasa_action
import rasa.server as rasa_server
from jsonschema import Draft7Validator
from rasa.core.agent import Agent
from rasa.core.channels.channel import UserMessage
from rasa.core.processor import MessageProcessor
from rasa.core.tracker_store import TrackerStore
from rasa.shared.core.domain import Domain
from rasa.shared.core.trackers import AnySlotDict, DialogueStateTracker

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
    limit_action_time(action_timeout)
    hand_over_the_talk()
    leave_other_sites_to_the_channels()
    let_a_store_fail()


def compile_action_schema() -> None:
    """Checks action responses with one compiled validator.

    Stock calls ``jsonschema.validate`` for each response, which checks the constant schema itself every time: 58 % of a
    turn with an action.
    """
    validator = Draft7Validator(rasa_action.RemoteAction.action_response_format_spec())

    def validate(self: rasa_action.RemoteAction, result: Dict[Text, Any]) -> bool:
        validator.validate(result)
        return True

    rasa_action.RemoteAction._validate_action_result = validate  # type: ignore[method-assign]


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
    """Leaves a tracker store unwrapped that answers for its own failures (server/postgres_store.py).

    Stock puts one in memory in the place of a store that fails: what the visitor was told is stored is lost with the process.
    """
    stock = Agent._create_tracker_store

    def create(store: Optional[TrackerStore], domain: Domain) -> TrackerStore:
        if not getattr(store, "answers_for_failures", False):
            return stock(store, domain)
        store.domain = domain  # type: ignore[union-attr]
        return store  # type: ignore[return-value]

    Agent._create_tracker_store = staticmethod(create)  # type: ignore[method-assign, assignment]
