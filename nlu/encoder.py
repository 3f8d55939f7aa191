"""The pipeline's sentence encoder: a vector for each part of a message."""
from __future__ import annotations

from typing import Any, Dict, List, Text

from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from nlu.component import ReadingComponent
from nlu.message import reading_of
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
        """Begins to encode the parts of one message; whoever needs the vector of a part settles it."""
        reading = reading_of(message)
        for part in [*reading.views, *reading.asides]:
            part.encoding = self._encoder.begin(part.text)

    def process_training_data(self, training_data: TrainingData) -> TrainingData:
        """Encodes all parts of the examples, on all cores."""
        readings = [reading_of(example) for example in training_data.training_examples if example.get("text")]
        parts = [part for reading in readings for part in [*reading.views, *reading.asides]]
        for part, encoded in zip(parts, self._encoder.read([part.text for part in parts])):
            part.vector, part.encoded = encoded.vector, encoded
        return training_data
