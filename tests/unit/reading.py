"""The first components of the pipeline, trained on the real facts and run as Rasa runs them."""
from __future__ import annotations

import tempfile
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple, Sequence

from rasa.engine.storage.local_model_storage import LocalModelStorage
from rasa.engine.storage.resource import Resource
from rasa.shared.nlu.constants import METADATA, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from nlu.message import TALK, Mention, Reading, reading_of
from nlu.questions import QuestionSplitter
from nlu.vocabulary import VocabularyExtractor
from nlu.words import SpacyWords, SpellingRepair


class Components(NamedTuple):
    """The components, in the order in which they read."""

    words: SpacyWords
    repair: SpellingRepair
    vocabulary: VocabularyExtractor
    splitter: QuestionSplitter


@lru_cache(maxsize=1)
def components() -> Components:
    """The components as they are after training and loading: what they keep in a model is all they know."""
    classes = (SpacyWords, SpellingRepair, VocabularyExtractor, QuestionSplitter)
    with tempfile.TemporaryDirectory() as folder:
        storage = LocalModelStorage(Path(folder))
        for each in (SpellingRepair, VocabularyExtractor):
            each.create({}, storage, Resource(each.__name__), None).train(TrainingData())
        return Components(*(each.load({}, storage, Resource(each.__name__), None) for each in classes))


def parse(text: str, about: Sequence[str] = (), **talk: Any) -> Message:
    """A message after all components have read it; ``about`` is what the talk is about, ``talk`` its other slots."""
    message = Message({TEXT: text, METADATA: {TALK: {"about": list(about), **talk}}})
    for component in components():
        component.process([message])
    return message


def read(text: str, about: Sequence[str] = (), **talk: Any) -> Reading:
    """What was understood of a message."""
    return reading_of(parse(text, about, **talk))


def mentions(text: str) -> list[Mention]:
    """What a message names."""
    return read(text).mentions


def slugs(text: str) -> list[str]:
    """What a message names and does not rule out, in order."""
    return [mention.slug for mention in mentions(text) if not mention.excluded]


def parts(text: str) -> list[str]:
    """The words of each part of a message after the whole, as typed."""
    reading = read(text)
    spans = [reading.words[part.first : part.last] for part in reading.parts[1:]]
    return ["".join(word.typed + word.space for word in span).strip() for span in spans]
