"""The self-test: before the first message is taken, each red flag must be caught and answered by the model that was loaded."""

from __future__ import annotations

import re
from typing import Any, List, Optional, Sequence, Text

from rasa.core.agent import Agent
from rasa.core.channels.channel import UserMessage
from rasa.shared.core.constants import ACTION_LISTEN_NAME
from rasa.shared.core.events import ActionExecuted, SlotSet, UserUttered
from rasa.shared.core.trackers import DialogueStateTracker

from dystonia.helplines import HELP_KINDS
from dystonia.models import RedFlag
from dystonia.store import FactStore, shared_store
from nlu.importer import RED_FLAG, intent_of

HARMLESS = "What is dystonia?"
"""Must raise nothing: a model that cries wolf at this would do so at everything."""
_UNFILLED = re.compile(r"\{\w*\}")


class SelfTestFailed(RuntimeError):
    """The loaded model misses emergencies; ``faults`` says which, what was expected and how to mend it."""

    def __init__(self, faults: Sequence[Text]) -> None:
        self.faults = list(faults)
        listed = "\n".join(f"  {fault}" for fault in faults)
        super().__init__(
            f"The assistant does not start, because its self-test failed ({len(self.faults)} faults):\n{listed}\n"
            "Mend: run 'make facts', then 'make train', and start again. If it stays, go back to the last version of "
            "facts/ that "
            "started, or see docs/safety.md."
        )


async def check(agent: Agent, store: Optional[FactStore] = None) -> None:
    """Sends one message for each red flag, and a harmless one, through the loaded model and the static replies.

    Nothing is stored and no action server is asked. The whole takes about as long as thirty messages: half a second.

    Raises:
        SelfTestFailed: any was missed, taken for another, or would get no reply.
    """
    faults: List[Text] = []
    for flag in (store or shared_store()).red_flags.values():
        faults += [f"{flag.id}: '{flag.self_test}' {fault}" for fault in await _faults(agent, flag)]
    faults += _faults_of_rules(agent)
    raised = (await agent.processor.parse_message(UserMessage(HARMLESS)))["intent"]["name"]
    if raised in HELP_KINDS:
        faults.append(f"'{HARMLESS}' is taken for {raised}; expected a plain question")
    if faults:
        raise SelfTestFailed(faults)


async def _faults(agent: Agent, flag: RedFlag) -> List[Text]:
    expected = intent_of(flag)
    message = UserMessage(flag.self_test)
    parse = await agent.processor.parse_message(message)
    intent = parse["intent"]["name"]
    found = next((entity["value"] for entity in parse.get("entities", []) if entity["entity"] == RED_FLAG), None)
    if intent != expected:
        return [f"is taken for {intent}; expected {expected}"]
    if found != flag.id:
        return [f"is taken for the red flag {found}; expected {flag.id}"]
    response = await agent.processor.nlg.generate(f"utter_{expected}", _tracker(agent, message, parse, flag), "self-test")
    return list(_faults_of(response, flag, expected))


def _faults_of_rules(agent: Agent) -> List[Text]:
    """Whether an urgent intent leads to its static reply, and to nothing else."""
    faults = []
    for kind in HELP_KINDS:
        tracker = DialogueStateTracker.from_events("self-test", [ActionExecuted(ACTION_LISTEN_NAME)], agent.domain.slots)
        tracker.update(UserUttered("", {"name": kind, "confidence": 1.0}))
        predicted = agent.predict_next_with_tracker(tracker)
        best = max((predicted or {}).get("scores") or [{"action": "nothing", "score": 0.0}], key=lambda each: each["score"])[
            "action"
        ]
        if best != f"utter_{kind}":
            faults.append(f"{kind}: the rules lead to {best}; expected utter_{kind}")
    return faults


def _tracker(agent: Agent, message: UserMessage, parse: Any, flag: RedFlag) -> DialogueStateTracker:
    tracker = DialogueStateTracker.from_events("self-test", [], agent.domain.slots)
    tracker.update(UserUttered(message.text, parse["intent"], parse["entities"], parse_data=parse))
    tracker.update(SlotSet(RED_FLAG, flag.id))
    return tracker


def _faults_of(response: Any, flag: RedFlag, expected: Text) -> List[Text]:
    if not response or not (response.get("text") or "").strip():
        return [f"gets no reply; expected the static response utter_{expected}"]
    told = (response.get("custom") or {}).get("reply") or {}
    faults = []
    if told.get("kind") != expected:
        faults.append(f"gets a reply of kind {told.get('kind')}; expected {expected}")
    if f"red_flags.{flag.id}" not in (told.get("cards") or []):
        faults.append(
            f"gets a reply that is not its own ({', '.join(told.get('cards') or ['none'])}); expected red_flags.{flag.id}"
        )
    if _UNFILLED.search(response["text"]) or "Emergency: " not in response["text"]:
        faults.append("gets a reply without numbers; expected those of facts/helplines.yml")
    return faults
