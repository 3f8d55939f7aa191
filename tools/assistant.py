"""The trained assistant without its servers: parses with Rasa, answers with the core. For measuring."""
from __future__ import annotations

import asyncio
import logging
import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Dict, Optional, Text

from rasa.core.channels.channel import UserMessage

from dystonia.compose import Answerer
from dystonia.question import Talk, from_message
from dystonia.reply import Answer, Kind
from dystonia.store import ONE_PERSON, shared_store
from nlu.message import TALK
from nlu.vocabulary import COUNTRY

_STATIC = {"crisis": Kind.crisis, "emergency": Kind.emergency, "out_of_scope": Kind.out_of_scope, "in_doubt": Kind.out_of_scope}
_MOVES = {
    "more": Answerer.more,
    "shorter": Answerer.shorter,
    "repeat": Answerer.repeat,
    "affirm": Answerer.pick,
    "deny": Answerer.decline,
}


@dataclass(frozen=True)
class Turn:
    """What came of one message: Rasa's parse, the reply's kind, and the answer where the core gave one."""

    parse: Dict[Text, Any]
    kind: Kind
    talk: Talk
    answer: Optional[Answer] = None

    @property
    def intent(self) -> Text:
        """The intent that the dialogue acts on."""
        return self.parse["intent"]["name"]

    @property
    def holds(self) -> bool:
        """Whether no judgement on one person is given: the reply is none on the subject, or says first that it is general."""
        led = self.answer is not None and ONE_PERSON in self.answer.cautions
        return led or self.kind in (Kind.boundary, Kind.emergency, Kind.crisis, Kind.out_of_scope)

    @property
    def helps(self) -> bool:
        """Whether the first thing said is where help is: it is an emergency or a crisis, or may be one."""
        return self.kind in (Kind.emergency, Kind.crisis) or "in_doubt" in self.parse


class Assistant:
    """A trained model and the facts."""

    def __init__(self, model: Path) -> None:
        """Loads the model as Rasa's server does."""
        warnings.simplefilter("ignore")
        logging.disable(logging.WARNING)
        from rasa.core.agent import Agent
        from rasa.utils.log_utils import configure_structlog

        configure_structlog(logging.ERROR)
        self._agent = Agent.load(str(model))
        self._answerer = Answerer(shared_store())
        self._loop = asyncio.new_event_loop()

    def parse(self, text: Text, talk: Talk = Talk()) -> Dict[Text, Any]:  # noqa: B008 - a talk is frozen
        """Rasa's parse of a message, in a talk."""
        message = UserMessage(text, metadata={TALK: talk.as_slots()})
        return self._loop.run_until_complete(self._agent.processor.parse_message(message))

    def nodes(self) -> Dict[Text, Any]:
        """The nodes of Rasa's graph by name, in which the components run; to time them."""
        return self._agent.processor.graph_runner._instantiated_nodes

    def turn(self, text: Text, talk: Talk = Talk()) -> Turn:  # noqa: B008 - a talk is frozen
        """The reply to a message in a talk, by the same intents and actions as the rules in data/rules."""
        parse = self.parse(text, talk)
        intent = parse["intent"]["name"]
        named = [entity["value"] for entity in parse["entities"] if entity["entity"] == COUNTRY]
        talk = replace(talk, country=named[-1] if named else talk.country)
        if intent in _STATIC:
            return Turn(parse, _STATIC[intent], talk)
        if intent.startswith("boundary_"):
            return Turn(parse, Kind.boundary, talk)
        if intent.startswith("ask_") or intent == "correct":
            questions = from_message(parse)
            said = self._answerer.correct(questions[0], talk) if intent == "correct" else self._answerer.answer(questions, talk)
            said = self._answerer.in_general(said) if parse.get("for_one_person") and said.answer.kind is Kind.answer else said
        elif intent in _MOVES:
            said = _MOVES[intent](self._answerer, talk)
        elif intent == "tell_country" and talk.asks_country:
            said = self._answerer.located(talk)
        else:
            return Turn(parse, Kind.smalltalk, Talk() if intent == "start_over" else talk)
        return Turn(parse, said.answer.kind, said.talk, said.answer)
