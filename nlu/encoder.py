"""The pipeline's sentence encoder: a vector for each part of a message."""
from __future__ import annotations

from typing import Any, Dict, List, Text

from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.shared.nlu.training_data.message import Message

from nlu.component import ReadingComponent
from nlu.message import Part, Reading, reading_of
from nlu.questions import QuestionSplitter
from nlu.sentence_encoder import shared_encoder


@DefaultV1Recipe.register([DefaultV1Recipe.ComponentType.MESSAGE_FEATURIZER], is_trainable=False)
class MiniLmEncoder(ReadingComponent):
    """Sets the vector of each part (nlu/sentence_encoder.py)."""

    def __init__(self, config: Dict[Text, Any], storage: Any, resource: Any) -> None:
        super().__init__(config, storage, resource)
        self._encoder = shared_encoder()

    @classmethod
    def required_components(cls) -> List[type]:
        """Parts come first."""
        return [QuestionSplitter]

    def read(self, message: Message) -> None:
        """Encodes the parts of one message."""
        self.process([message])

    def process(self, messages: List[Message]) -> List[Message]:
        """Encodes the parts of all messages one by one: padding them to one length would cost more than it saves."""
        parts = [part for message in messages for part in _to_encode(reading_of(message))]
        for part, encoded in zip(parts, self._encoder.read([part.text for part in parts])):
            part.vector, part.encoded = encoded.vector, encoded
        return messages


def _to_encode(reading: Reading) -> List[Part]:
    return [*reading.views, *reading.asides]
