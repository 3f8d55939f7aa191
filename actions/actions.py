"""The two actions of the assistant."""
from __future__ import annotations

from functools import lru_cache
from typing import Any, Callable, Dict, List, Text

from rasa_sdk import Action, Tracker
from rasa_sdk.events import EventType, SlotSet
from rasa_sdk.executor import CollectingDispatcher

from dystonia import aftercare
from dystonia.compose import Answerer, Said
from dystonia.helplines import Helplines
from dystonia.question import Talk, from_message
from dystonia.reply import Kind, Reply, as_text
from dystonia.store import shared_store


@lru_cache(maxsize=1)
def answerer() -> Answerer:
    """The core, over these facts."""
    return Answerer(shared_store())


class ActionAnswer(Action):
    """Answers the questions of the latest message from the fact store."""

    def name(self) -> Text:
        """As the domain calls it."""
        return "action_answer"

    def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Dict[Text, Any]) -> List[EventType]:
        """Answers, and remembers what the talk is about."""
        talk, questions = Talk.from_slots(tracker.slots), from_message(tracker.latest_message)
        if tracker.latest_message["intent"]["name"] == "correct":
            return _say(answerer().correct(questions[0], talk), talk, tracker, dispatcher)
        return _say(answerer().answer(questions, talk), talk, tracker, dispatcher)


class ActionContinue(Action):
    """Goes on from the last answer: more, shorter, again, yes, no."""

    def name(self) -> Text:
        """As the domain calls it."""
        return "action_continue"

    def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Dict[Text, Any]) -> List[EventType]:
        """Does what the intent says."""
        talk, core = Talk.from_slots(tracker.slots), answerer()
        moves: Dict[Text, Callable[[Talk], Said]] = {
            "more": core.more,
            "shorter": core.shorter,
            "repeat": core.repeat,
            "affirm": core.pick,
            "deny": core.decline,
            "tell_country": core.located,
        }
        return _say(moves[tracker.latest_message["intent"]["name"]](talk), talk, tracker, dispatcher)


def _say(said: Said, before: Talk, tracker: Tracker, dispatcher: CollectingDispatcher) -> List[EventType]:
    """Hands the answer to the channel in the contract's form, with the number where it is due; sets slots that changed."""
    store, doubt = shared_store(), tracker.latest_message.get("in_doubt")
    if tracker.latest_message.get("for_one_person") and said.answer.kind is Kind.answer:
        said = answerer().in_general(said)
    answer, lines = said.answer, Helplines(store.helplines)
    if doubt:
        answer = lines.lead(answer, doubt["kind"], said.talk.country)
    else:
        answer = aftercare.reminded(answer, tracker.events, said.talk.country, lines)
    dispatcher.utter_message(
        text=as_text(answer),
        buttons=[{"title": button.title, "payload": button.payload} for button in answer.buttons],
        json_message=Reply.of(answer, store).as_custom(),
    )
    kept = before.as_slots()
    return [SlotSet(name, value) for name, value in said.talk.as_slots().items() if value != kept[name]]
