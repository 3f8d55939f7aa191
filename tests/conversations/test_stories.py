"""Runs the test stories of this folder through the trained model with Rasa's own story test.

A story passes when Rasa finds the intents, the entities and the actions that it names. Marks of the whole message (which red
flag, which boundary) stand at no place in the text, so a story can't name them; tests/channels looks at what they lead to.
"""
from __future__ import annotations

import asyncio
import logging
import re
from pathlib import Path
from typing import Any, Dict, Iterator, List, Set, Tuple

import pytest
import yaml

from server.settings import ROOT

HERE = Path(__file__).parent
BEHAVIOURS = {
    "happy_path",
    "follow_ups",
    "topic_switches",
    "corrections",
    "safety",
    "boundaries",
    "out_of_scope",
    "smalltalk",
    "moves",
    "typos",
}
AT_LEAST = 48


def _stories() -> Iterator[Tuple[str, Any]]:
    for path in sorted(HERE.rglob("test_*.yml")):
        for story in yaml.safe_load(path.read_text(encoding="utf-8"))["stories"]:
            yield f"{path.parent.name}: {story['story']}", story


STORIES = dict(_stories())


def _said(story: Any) -> List[str]:
    """What the visitor says in a story, without the marks of entities."""
    marked = [step["user"].strip() for step in story["steps"] if "user" in step]
    return [re.sub(r"\[([^]]+)\](?:\{[^}]*\}|\([^)]*\))", r"\1", text) for text in marked]


def test_there_are_stories_for_each_behaviour() -> None:
    assert {name.partition(":")[0] for name in STORIES} == BEHAVIOURS
    assert len(STORIES) >= AT_LEAST
    assert len(STORIES) == sum(1 for _ in _stories()), "two stories of one behaviour have the same name"


def test_no_story_repeats_a_training_example() -> None:
    from rasa.shared.importers.importer import TrainingDataImporter

    importer = TrainingDataImporter.load_from_config(
        str(ROOT / "config.yml"), str(ROOT / "domain.yml"), [str(ROOT / "data" / "nlu")]
    )
    learned = {_words_of(example.get("text")) for example in importer.get_nlu_data().training_examples if example.get("text")}

    assert len(learned) > 1000
    assert [text for story in STORIES.values() for text in _said(story) if _words_of(text) in learned] == []


@pytest.mark.parametrize("name", STORIES)
def test_story(name: str, faults: Dict[str, List[str]]) -> None:
    assert not faults[name], "\n".join(faults[name])


@pytest.fixture(scope="module")
def faults(model: Path) -> Dict[str, List[str]]:
    """What went otherwise than told, for each story."""
    from rasa.utils.log_utils import configure_structlog

    with pytest.MonkeyPatch.context() as quiet:
        # Rasa shows no progress bars then; its debug lines would be some hundred for each story.
        quiet.setenv("LOG_LEVEL", "ERROR")
        configure_structlog(logging.ERROR)
        return asyncio.run(_tell_all(model))


async def _tell_all(model: Path) -> Dict[str, List[str]]:
    from rasa.core.agent import Agent
    from rasa.core.test import _create_data_generator, _predict_tracker_actions

    agent, found = Agent.load(str(model)), {}
    for behaviour in sorted(BEHAVIOURS):
        stories = _create_data_generator(str(HERE / behaviour), agent, use_conversation_test_files=True)
        for tracker in stories.generate_story_trackers():
            outcome, _, _, _ = await _predict_tracker_actions(tracker, agent, use_e2e=True)
            found[f"{behaviour}: {tracker.sender_id}"] = list(_told_otherwise(outcome, tracker))
    return found


def _told_otherwise(outcome: Any, tracker: Any) -> Iterator[str]:
    texts = [event.text for event in tracker.events if event.type_name == "user"]
    for text, told, found in zip(texts, outcome.intent_targets, outcome.intent_predictions):
        if told != found:
            yield f"'{text}' is told to be {told}, and was taken for {found}"
    if outcome.action_targets != outcome.action_predictions:
        yield f"the actions are told to be {outcome.action_targets}, and were {outcome.action_predictions}"
    told, found = _places(outcome.entity_targets), _places(outcome.entity_predictions)
    for entity in sorted(told ^ found):
        yield f"{entity} is {'told, but was not found' if entity in told else 'found, but not told'}"


def _places(entities: List[Dict[str, Any]]) -> Set[Tuple[str, str, str, str]]:
    """Each entity that stands somewhere in the text: the text, the words, the kind and the value."""
    return {
        (entity["text"], entity["text"][entity["start"] : entity["end"]], entity["entity"], entity["value"])
        for entity in entities
        if entity["end"] > entity["start"]
    }


def _words_of(text: str) -> str:
    return " ".join(re.findall(r"[a-z0-9]+", text.lower().replace("'", "")))
