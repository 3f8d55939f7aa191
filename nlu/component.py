"""What all components of this pipeline share: one step over messages, and where what was learned is kept."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, Dict, List, Optional, Text, Type, TypeVar

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from dystonia.store import FACTS

C = TypeVar("C", bound="ReadingComponent")


class ReadingComponent(GraphComponent):
    """A step that adds to the reading of each message, in training and at run time alike."""

    def __init__(self, config: Dict[Text, Any], storage: ModelStorage, resource: Resource) -> None:
        self.config = config
        self._storage = storage
        self._resource = resource

    @classmethod
    def create(
        cls: Type[C],
        config: Dict[Text, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> C:
        """A new, untrained component."""
        return cls(config, model_storage, resource)

    @classmethod
    def load(
        cls: Type[C],
        config: Dict[Text, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> C:
        """The component as it was trained."""
        component = cls(config, model_storage, resource)
        if hasattr(cls, "train"):
            with model_storage.read_from(resource) as folder:
                component.restore(Path(folder))
        return component

    def restore(self, folder: Path) -> None:
        """Reads back what ``keep`` wrote; a component that learns nothing has nothing to read."""

    def keep(self, folder: Path) -> None:
        """Writes what was learned to a folder of the model."""

    def persist(self) -> Resource:
        """Puts what was learned into the model."""
        with self._storage.write_to(self._resource) as folder:
            self.keep(Path(folder))
        return self._resource

    def read(self, message: Message) -> None:
        """Adds this component's part to the reading of one message."""
        raise NotImplementedError

    def process(self, messages: List[Message]) -> List[Message]:
        """Reads messages at run time."""
        for message in messages:
            self.read(message)
        return messages

    def process_training_data(self, training_data: TrainingData) -> TrainingData:
        """Reads the training examples, so that the next components learn from what they will see."""
        self.process([example for example in training_data.training_examples if example.get("text")])
        return training_data

    @classmethod
    def fingerprint_addon(cls, config: Dict[Text, Any]) -> Optional[Text]:
        """Makes Rasa train again when the vocabulary, which is no training example, changes."""
        digest = hashlib.sha256()
        for name in ("vocabulary.yml", "countries.yml", "red_flags.yml"):
            digest.update((FACTS / name).read_bytes())
        return digest.hexdigest()


def write_json(path: Path, data: Any) -> None:
    """Writes data the same way each time, so that equal models are equal files."""
    path.write_text(json.dumps(data, ensure_ascii=False, sort_keys=True), encoding="utf-8")


def read_json(path: Path) -> Any:
    """Reads what ``write_json`` wrote."""
    return json.loads(path.read_text(encoding="utf-8"))
