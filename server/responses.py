"""Static replies: a response of the domain, with the numbers of the visitor's country and the reply contract filled in.

They need neither the action server nor a readable facts folder: the words stand in the trained model, and where the
numbers can't be read, general words take their place.
"""
from __future__ import annotations

import logging
from functools import cached_property
from typing import Any, Dict, List, Optional, Text

from rasa.core.nlg.response import TemplatedNaturalLanguageGenerator
from rasa.shared.core.domain import Domain
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.utils.endpoints import EndpointConfig

from dystonia.helplines import HELP_KINDS, Helplines
from dystonia.reply import OUT_OF_SCOPE_OTHER, Reply
from dystonia.store import FactErrors, content_version, shared_store

logger = logging.getLogger(__name__)

NAMED = ("treatment", "type")
LOOKALIKE = "lookalike"
DEFAULT_SUBJECT = "dystonia"


class ResponseWriter(TemplatedNaturalLanguageGenerator):
    """Rasa's own response generator, plus ``{emergency}``, ``{crisis}``, ``{subject}`` and the contract."""

    def __init__(self, endpoint_config: Optional[EndpointConfig], domain: Domain) -> None:
        super().__init__(domain.responses)

    async def generate(
        self, utter_action: Text, tracker: DialogueStateTracker, output_channel: Text, **kwargs: Any
    ) -> Optional[Dict[Text, Any]]:
        """The response with its numbers, or None when the domain has no such response."""
        line = self._helplines.line(tracker.get_slot("country"))
        words = {"emergency": line.emergency, "crisis": line.crisis, "subject": _subject(tracker)}
        response = await super().generate(utter_action, tracker, output_channel, **words, **kwargs)
        if response is None:
            return None
        told = (response.get("custom") or {}).get("reply") or {}
        if told.get("kind") in HELP_KINDS:
            wanted = told.get("numbers") or []
            response["text"] = "\n\n".join([response["text"], *self._helplines.paragraphs(line, told["kind"], wanted)])
        other = self._other_condition(tracker) if told.get("kind") == "out_of_scope" else None
        if other:
            response["text"] = OUT_OF_SCOPE_OTHER.format(other=other)
        if told.get("kind") == "boundary":
            offers = tracker.latest_message.parse_data.get("offers") or [] if tracker.latest_message else []
            response["buttons"] = [{"title": question, "payload": question} for question in offers]
        response["custom"] = self._contract(told, tracker).as_custom()
        doubt = tracker.latest_message.parse_data.get("in_doubt") if tracker.latest_message else None
        return self._helplines.lead(response, doubt["kind"], tracker.get_slot("country")) if doubt else response

    def _other_condition(self, tracker: DialogueStateTracker) -> Optional[str]:
        """The name of a condition that is taken for dystonia, where the message names one; None too when no fact can be read."""
        named = [str(entity["value"]) for entity in _entities(tracker) if entity.get("entity") == LOOKALIKE]
        try:
            return shared_store().name(named[0]) if named else None
        except FactErrors:
            return None

    @cached_property
    def _helplines(self) -> Helplines:
        return Helplines.load()

    @cached_property
    def _content(self) -> str:
        return content_version()

    def _contract(self, told: Dict[Text, Any], tracker: DialogueStateTracker) -> Reply:
        latest = tracker.latest_message
        confidence = float(latest.intent.get("confidence", 1.0)) if latest else 1.0
        return Reply(
            kind=told.get("kind", "smalltalk"),
            about=_about(tracker),
            cards=list(told.get("cards") or []),
            sources=list(told.get("sources") or []),
            content=self._content,
            confidence=round(min(1.0, max(0.0, confidence)), 4),
        )


def _entities(tracker: DialogueStateTracker) -> List[Dict[Text, Any]]:
    return tracker.latest_message.entities if tracker.latest_message else []


def _mentions(tracker: DialogueStateTracker) -> List[Dict[Text, Any]]:
    return [entity for entity in _entities(tracker) if entity.get("entity") in NAMED]


def _about(tracker: DialogueStateTracker) -> List[str]:
    return list(dict.fromkeys(str(entity["value"]) for entity in _mentions(tracker)))


def _subject(tracker: DialogueStateTracker) -> str:
    """What the message names, treatments before types: "should I stop my baclofen" is about baclofen."""
    mentions = sorted(_mentions(tracker), key=lambda entity: NAMED.index(entity["entity"]))
    return str(mentions[0]["value"]).replace("_", " ") if mentions else DEFAULT_SUBJECT
