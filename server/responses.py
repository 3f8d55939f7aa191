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
from dystonia.reply import Reply
from dystonia.store import content_version

logger = logging.getLogger(__name__)

NAMED = ("treatment", "type")
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
        if told.get("kind") == "boundary":
            offers = tracker.latest_message.parse_data.get("offers") or [] if tracker.latest_message else []
            response["buttons"] = [{"title": question, "payload": question} for question in offers]
        response["custom"] = self._contract(told, tracker).as_custom()
        return response

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


def _mentions(tracker: DialogueStateTracker) -> List[Dict[Text, Any]]:
    entities = tracker.latest_message.entities if tracker.latest_message else []
    return [entity for entity in entities if entity.get("entity") in NAMED]


def _about(tracker: DialogueStateTracker) -> List[str]:
    return list(dict.fromkeys(str(entity["value"]) for entity in _mentions(tracker)))


def _subject(tracker: DialogueStateTracker) -> str:
    """What the message names, treatments before types: "should I stop my baclofen" is about baclofen."""
    mentions = sorted(_mentions(tracker), key=lambda entity: NAMED.index(entity["entity"]))
    return str(mentions[0]["value"]).replace("_", " ") if mentions else DEFAULT_SUBJECT
