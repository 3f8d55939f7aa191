"""The stock bot of `make bench`: a project as `rasa init` writes it, 15 intents of 10 examples, and one custom action."""
from __future__ import annotations

import json
from itertools import zip_longest
from typing import Iterable, Sequence, TypeVar

import yaml

from dystonia.models import Card
from dystonia.store import FactStore

QUESTION_INTENTS = 14
EXAMPLES = 10
GREETINGS = ("hey", "hello", "hi", "hello there", "good morning", "good evening", "hey there", "good afternoon", "hiya", "yo")
SOURCE_MARK = "Source:"
GREETING = "Hey! How are you?"

T = TypeVar("T")

CONFIG = {
    "recipe": "default.v1",
    "assistant_id": "stock",
    "language": "en",
    "pipeline": [
        {"name": "WhitespaceTokenizer"},
        {"name": "RegexFeaturizer"},
        {"name": "LexicalSyntacticFeaturizer"},
        {"name": "CountVectorsFeaturizer"},
        {"name": "CountVectorsFeaturizer", "analyzer": "char_wb", "min_ngram": 1, "max_ngram": 4},
        {"name": "DIETClassifier", "epochs": 100},
        {"name": "EntitySynonymMapper"},
        {"name": "ResponseSelector", "epochs": 100},
        {"name": "FallbackClassifier", "threshold": 0.3, "ambiguity_threshold": 0.1},
    ],
    "policies": [
        {"name": "MemoizationPolicy"},
        {"name": "RulePolicy"},
        {"name": "UnexpecTEDIntentPolicy", "max_history": 5, "epochs": 100},
        {"name": "TEDPolicy", "max_history": 5, "epochs": 100},
    ],
}
"""What `rasa init` writes and the documentation of 3.6 suggests, with nothing tuned."""

FLOOR_CONFIG = {
    "recipe": "default.v1",
    "assistant_id": "floor",
    "language": "en",
    "pipeline": [{"name": "KeywordIntentClassifier"}, {"name": "FallbackClassifier", "threshold": 0.3}],
    "policies": [{"name": "RulePolicy"}],
}
"""No statistics at all: what is no greeting, word for word, is the fallback, and one rule answers that."""
FALLBACK = "nlu_fallback"

ACTION = '''"""The one action: says the fact that belongs to the intent."""
import json
from pathlib import Path

from rasa_sdk import Action

FACTS = json.loads((Path(__file__).parent / "facts.json").read_text())


class ActionFacts(Action):
    def name(self):
        return "action_facts"

    def run(self, dispatcher, tracker, domain):
        dispatcher.utter_message(text=FACTS[tracker.latest_message["intent"]["name"]])
        return []
'''


def project_files(store: FactStore) -> dict[str, str]:
    """The stock bot's project: name and text of each file. Its questions and its facts come from the fact cards."""
    topics = question_topics(store)
    facts = {f"ask_{topic}": f"{_cards(store, topic)[0].lead.text}\n{SOURCE_MARK} the fact cards" for topic in topics}
    intents = {"greet": list(GREETINGS), **{f"ask_{topic}": questions(store, topic) for topic in topics}}
    return {
        "config.yml": _yaml(CONFIG),
        "domain.yml": _yaml(_domain(list(intents))),
        "data/nlu.yml": _yaml({"version": "3.1", "nlu": [{"intent": i, "examples": _listed(e)} for i, e in intents.items()]}),
        "data/rules.yml": _yaml({"version": "3.1", "rules": _rules(list(intents))}),
        "data/stories.yml": _yaml({"version": "3.1", "stories": _stories(list(facts))}),
        "credentials.yml": "rest:\n",
        "actions.py": ACTION,
        "facts.json": json.dumps(facts, ensure_ascii=False),
    }


def floor_files(store: FactStore) -> dict[str, str]:
    """The project of a bare Rasa bot: it knows greetings, and says the same fact to all else, by the same custom action."""
    text = _cards(store, question_topics(store)[0])[0].lead.text
    greet = {"intent": "greet", "examples": _listed(GREETINGS)}
    bye = {"intent": "bye", "examples": _listed(("farewell", "goodbye"))}
    rules = [*_rules(["greet"])[:1], {"rule": "All else", "steps": [{"intent": FALLBACK}, {"action": "action_facts"}]}]
    return {
        **project_files(store),
        "config.yml": _yaml(FLOOR_CONFIG),
        "domain.yml": _yaml(_domain(["greet", "bye", FALLBACK])),
        "data/nlu.yml": _yaml({"version": "3.1", "nlu": [greet, bye]}),
        "data/rules.yml": _yaml({"version": "3.1", "rules": rules}),
        "data/stories.yml": _yaml({"version": "3.1", "stories": []}),
        "facts.json": json.dumps({FALLBACK: f"{text}\n{SOURCE_MARK} the fact cards"}, ensure_ascii=False),
    }


def question_topics(store: FactStore) -> list[str]:
    """The first topics, by name, with enough questions to train on."""
    topics = sorted({card.topic.value for card in store.cards.values()})
    return [topic for topic in topics if len(questions(store, topic)) == EXAMPLES][:QUESTION_INTENTS]


def questions(store: FactStore, topic: str) -> list[str]:
    """Ten questions of a topic, from as many cards as there are."""
    return in_turn(card.questions for card in _cards(store, topic))[:EXAMPLES]


def in_turn(groups: Iterable[Sequence[T]]) -> list[T]:
    """The first of each group, then the second of each, and so on."""
    missing = object()
    return [entry for row in zip_longest(*groups, fillvalue=missing) for entry in row if entry is not missing]  # type: ignore[misc]


def _cards(store: FactStore, topic: str) -> list[Card]:
    return sorted((card for card in store.cards.values() if card.topic.value == topic), key=lambda card: card.id)


def _domain(intents: list[str]) -> dict[str, object]:
    return {
        "version": "3.1",
        "intents": intents,
        "actions": ["action_facts"],
        "responses": {"utter_greet": [{"text": GREETING}], "utter_please_rephrase": [{"text": "Could you rephrase that?"}]},
        "session_config": {"session_expiration_time": 60, "carry_over_slots_to_new_session": True},
    }


def _rules(intents: list[str]) -> list[dict[str, object]]:
    action = {"greet": "utter_greet", "nlu_fallback": "utter_please_rephrase"}
    return [
        {"rule": f"After {intent}", "steps": [{"intent": intent}, {"action": action.get(intent, "action_facts")}]}
        for intent in [*intents, "nlu_fallback"]
    ]


def _stories(intents: list[str]) -> list[dict[str, object]]:
    """Talks of a greeting and two questions, which TED learns from."""
    greeted = [{"intent": "greet"}, {"action": "utter_greet"}]
    asked = {intent: [{"intent": intent}, {"action": "action_facts"}] for intent in intents}
    pairs = zip(intents, intents[1:] + intents[:1], strict=True)
    return [{"story": f"{one}, {other}", "steps": [*greeted, *asked[one], *asked[other]]} for one, other in pairs]


def _listed(lines: Sequence[str]) -> str:
    return "".join(f"- {' '.join(line.split())}\n" for line in lines)


def _yaml(data: object) -> str:
    # By way of JSON, so that steps which stand in several stories are written out in each.
    return yaml.safe_dump(json.loads(json.dumps(data)), sort_keys=False, allow_unicode=True)
