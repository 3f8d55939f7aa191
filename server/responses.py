"""Static replies: a response of the domain, with the numbers of the visitor's country and the reply contract filled in.

They need neither the action server nor a readable facts folder: the words stand in the trained model, and where the
numbers can't be read, general words take their place.
"""
from __future__ import annotations

import logging
from functools import cached_property
from typing import Any, Dict, Iterable, List, Optional, Text

from rasa.core.nlg.response import TemplatedNaturalLanguageGenerator
from rasa.shared.core.domain import Domain
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.utils.endpoints import EndpointConfig

from dystonia import aftercare
from dystonia.helplines import HELP_KINDS, Helplines
from dystonia.models import Voice
from dystonia.reply import OUT_OF_SCOPE_OTHER, Reply
from dystonia.store import FactErrors, served_version, shared_store
from dystonia.voices import naming, voice_for, wording_for
from server.aftercare import HELPLINE, kinds_in, red_flag_in

logger = logging.getLogger(__name__)

NAMED = ("treatment", "type")
LOOKALIKE = "lookalike"
DEFAULT_SUBJECT = "dystonia"
HELP_BUTTONS = ("Show me the helpline", "Help me find a person to talk to")
"""What stands under a crisis reply: one press leads to the numbers again (dystonia/aftercare.py)."""


WITHOUT_REMINDER = frozenset({"utter_forgotten", "utter_relieved", "utter_help_is_near", "utter_no_answer", "utter_numbers"})
"""Replies under which no number is repeated: they hold it, or whoever has a talk deleted may be watched, and nothing
may hint at it."""


class ResponseWriter(TemplatedNaturalLanguageGenerator):
    """Rasa's own response generator, plus ``{emergency}``, ``{crisis}``, ``{subject}``, ``{named}`` and the contract."""

    def __init__(self, endpoint_config: Optional[EndpointConfig], domain: Domain) -> None:
        super().__init__(domain.responses)

    async def generate(
        self, utter_action: Text, tracker: DialogueStateTracker, output_channel: Text, **kwargs: Any
    ) -> Optional[Dict[Text, Any]]:
        """The response with its numbers, or None when the domain has no such response."""
        line = self._helplines.line(tracker.get_slot("country"))
        words = {"emergency": line.emergency, "crisis": line.crisis_said, "subject": _subject(tracker), "named": "{named}"}
        response = await super().generate(utter_action, tracker, output_channel, **words, **kwargs)
        if response is None:
            return None
        told = (response.get("custom") or {}).get("reply") or {}
        kinds = kinds_in(tracker)
        cautions: List[Text] = []
        if told.get("kind") in HELP_KINDS:
            await self._help(response, told, tracker, output_channel, words, kinds)
        else:
            due = None if utter_action in WITHOUT_REMINDER else aftercare.due(kinds)
            cautions = self._fill(response, told, tracker, due)
        response["custom"] = self._contract(told, tracker, cautions).as_custom()
        return response

    def _fill(
        self, response: Dict[Text, Any], told: Dict[Text, Any], tracker: DialogueStateTracker, due: Optional[Text]
    ) -> List[Text]:
        """Fills a reply that is not urgent: what it offers, and where help is, first where a red flag is in doubt.

        Returns:
            The cautions that the reply carries then.
        """
        other = self._other_condition(tracker) if told.get("kind") == "out_of_scope" else None
        if other:
            response["text"] = OUT_OF_SCOPE_OTHER.format(other=other)
        parsed = tracker.latest_message.parse_data if tracker.latest_message else {}
        if told.get("kind") == "boundary":
            response["buttons"] = _asking(parsed.get("offers") or [])
        country = tracker.get_slot("country")
        if parsed.get("in_doubt"):
            caution, words, button = self._helplines.led(parsed["in_doubt"]["kind"], country)
            response["text"] = f"{words}\n\n{response['text']}"
            response["buttons"] = [*_asking([button]), *(response.get("buttons") or [])]
            return [caution]
        if due:
            response["text"] += "\n\n" + aftercare.reminder(self._helplines, country, due, red_flag_in(tracker))
            return [aftercare.HELP_IS_THERE]
        return []

    def _other_condition(self, tracker: DialogueStateTracker) -> Optional[str]:
        """The name of a condition taken for dystonia, where the message names one; None too when no fact can be read."""
        named = [str(entity["value"]) for entity in _entities(tracker) if entity.get("entity") == LOOKALIKE]
        try:
            return shared_store().name(named[0]) if named else None
        except FactErrors:
            return None

    async def _help(
        self,
        response: Dict[Text, Any],
        told: Dict[Text, Any],
        tracker: DialogueStateTracker,
        channel: Text,
        words: Dict[Text, Text],
        kinds: List[Text],
    ) -> None:
        """Fills an urgent reply: the words for this message, the numbers, and buttons that lead to help."""
        latest = tracker.latest_message
        text, asked = (latest.text or "", latest.parse_data.get(HELPLINE)) if latest else ("", None)
        times, wanted, voices = kinds.count(told["kind"]), list(told.get("numbers") or []), told.get("voices") or {}
        if told["kind"] == "crisis":
            response["buttons"] = _asking(HELP_BUTTONS)
            if asked:
                line = await super().generate("utter_helpline", tracker, channel, **words)
                response["text"] = line["text"] if line else response["text"]
            elif voices:
                response["text"] = wording_for(response["text"], voices, text, times)
        said = response["text"].replace("{named}", naming(text, told.get("named") or []))
        line_of_country = self._helplines.line(tracker.get_slot("country"))
        also = ["child"] if told["kind"] == "crisis" and voice_for(text) is Voice.young else []
        if latest and (latest.parse_data.get("in_doubt") or {}).get("kind") == "crisis":
            also.append("crisis")
        response["text"] = "\n\n".join([said, *self._helplines.paragraphs(line_of_country, told["kind"], wanted, times, also)])

    @cached_property
    def _helplines(self) -> Helplines:
        return Helplines.load()

    def _contract(self, told: Dict[Text, Any], tracker: DialogueStateTracker, cautions: List[Text]) -> Reply:
        latest = tracker.latest_message
        confidence = float(latest.intent.get("confidence", 1.0)) if latest else 1.0
        return Reply(
            kind=told.get("kind", "smalltalk"),
            about=_about(tracker),
            cards=list(told.get("cards") or []),
            sources=list(told.get("sources") or []),
            cautions=cautions,
            content=served_version(),
            confidence=round(min(1.0, max(0.0, confidence)), 4),
        )


def _asking(questions: Iterable[Text]) -> List[Dict[Text, Text]]:
    return [{"title": question, "payload": question} for question in questions]


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
