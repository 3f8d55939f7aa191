"""Training data out of the facts: what cards, red flags and boundaries know about how people ask."""

from __future__ import annotations

import hashlib
from typing import Any, Dict, Iterator, List, Optional, Text, Union

from rasa.shared.core.domain import Domain
from rasa.shared.core.training_data.structures import StoryGraph
from rasa.shared.exceptions import RasaException
from rasa.shared.importers.importer import TrainingDataImporter
from rasa.shared.importers.rasa import RasaFileImporter
from rasa.shared.nlu.constants import INTENT, METADATA, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from dystonia.models import Lean, Passage, RedFlag, Urgency
from dystonia.reply import FIRST_QUESTIONS, OUT_OF_SCOPE, Kind, source_entry
from dystonia.store import FactStore, shared_store
from nlu.message import CARD, READING
from server.without_tensorflow import tensorflow_is_real

RED_FLAG = "red_flag"
BOUNDARY = "boundary"
NOT_THIS = "sounds_like"
"""In the metadata of a training example: the red flag it is, the boundary it crosses, the red flag it only sounds like."""

NEEDS_TENSORFLOW = frozenset(
    {
        "DIETClassifier",
        "TEDPolicy",
        "ResponseSelector",
        "UnexpecTEDIntentPolicy",
        "ConveRTFeaturizer",
        "LanguageModelFeaturizer",
    }
)


class FactsImporter(TrainingDataImporter):
    """Rasa's files, plus examples and responses that are written once, in ``facts/``."""

    def __init__(
        self,
        config_file: Optional[Text] = None,
        domain_path: Optional[Text] = None,
        training_data_paths: Optional[Union[List[Text], Text]] = None,
        **kwargs: Any,
    ) -> None:
        self._files = RasaFileImporter(config_file, domain_path, training_data_paths)

    @property
    def _store(self) -> FactStore:
        return shared_store()

    def get_config(self) -> Dict:
        """The configuration.

        Raises:
            RasaException: it names a component that needs TensorFlow, which is not installed.
        """
        config = self._files.get_config()
        named = {str(step.get("name")) for part in ("pipeline", "policies") for step in config.get(part) or []}
        if named & NEEDS_TENSORFLOW and not tensorflow_is_real():
            raise RasaException(
                f"config.yml names {', '.join(sorted(named & NEEDS_TENSORFLOW))}, which needs TensorFlow, "
                "and TensorFlow is not installed. Mend: make env TENSORFLOW=1, or take the component out."
            )
        return config

    def get_config_file_for_auto_config(self) -> Optional[Text]:
        """Nothing is configured automatically."""
        return self._files.get_config_file_for_auto_config()

    def get_stories(self, exclusion_percentage: Optional[int] = None) -> StoryGraph:
        """Rules and stories stand in files of their own."""
        return self._files.get_stories(exclusion_percentage)

    def get_conversation_tests(self) -> StoryGraph:
        """Test stories stand in files of their own."""
        return self._files.get_conversation_tests()

    def get_nlu_data(self, language: Optional[Text] = "en") -> TrainingData:
        """The examples of data/nlu and those that the facts hold."""
        return self._files.get_nlu_data(language).merge(TrainingData(list(self.examples())))

    def get_domain(self) -> Domain:
        """The domain, with a response for each red flag and boundary."""
        domain = self._files.get_domain().as_dict()
        for name, variations in self._responses().items():
            # Those of the file have no condition: they are said when no other fits, so they stay beside the others.
            domain["responses"][name] = variations + domain["responses"].get(name, [])
        return Domain.from_dict(domain)

    @classmethod
    def examples(cls) -> Iterator[Message]:
        """Every way of asking that the facts hold, each marked with what it leads to."""
        store = shared_store()
        for card in store.cards.values():
            for question in card.questions:
                yield _example(question, f"ask_{card.topic.value}", CARD, card.id)
        for flag in store.red_flags.values():
            yield from cls._red_flag_examples(flag)
        for boundary in store.boundaries.values():
            for phrase in boundary.people_might_say:
                yield _example(phrase, boundary.intent, BOUNDARY, boundary.id)

    @staticmethod
    def _red_flag_examples(flag: RedFlag) -> Iterator[Message]:
        raised = flag.people_might_say + [each.say for each in flag.ambiguous if each.treat_as is Lean.emergency]
        for phrase in raised:
            yield _example(phrase, intent_of(flag), RED_FLAG, flag.id)
        for phrase in flag.not_this:
            yield FactExample({TEXT: phrase, METADATA: {NOT_THIS: flag.id}})

    def _responses(self) -> Dict[Text, List[Dict[Text, Any]]]:
        responses: Dict[Text, List[Dict[Text, Any]]] = {
            "utter_out_of_scope": [
                {
                    "text": OUT_OF_SCOPE,
                    "buttons": [{"title": button.title, "payload": button.payload} for button in FIRST_QUESTIONS],
                    "custom": {"reply": {"kind": Kind.out_of_scope.value}},
                }
            ],
        }
        for flag in self._store.red_flags.values():
            reply = {
                **self._told(intent_of(flag), f"red_flags.{flag.id}", flag.reply),
                "numbers": flag.numbers,
                **_voices(flag),
            }
            responses.setdefault(f"utter_{intent_of(flag)}", []).append(_response(flag.reply.text, RED_FLAG, flag.id, reply))
        for boundary in self._store.boundaries.values():
            reply = self._told(Kind.boundary.value, f"boundaries.{boundary.id}", boundary.reply)
            responses.setdefault("utter_boundary", []).append(_response(boundary.reply.text, BOUNDARY, boundary.id, reply))
        return responses

    def _told(self, kind: str, card: str, passage: Passage) -> Dict[str, Any]:
        return {"kind": kind, "cards": [card], "sources": [source_entry(self._store, source) for source in passage.sources]}


def intent_of(flag: RedFlag) -> str:
    """Crisis lines answer a crisis, emergency services an emergency."""
    return "crisis" if flag.urgency is Urgency.crisis_line else "emergency"


class FactExample(Message):
    """An example out of the facts. Rasa copies and hashes all examples a dozen times before it trains; these make it cheap."""

    def __deepcopy__(self, memo: Dict[int, Any]) -> "FactExample":
        return FactExample(dict(self.data))

    def fingerprint(self) -> Text:
        """As Rasa's own: changes with what the example holds."""
        reading = self.data.get(READING)
        content = (self.data[TEXT], self.data.get(INTENT), self.data[METADATA], reading and reading.fingerprint())
        return hashlib.sha256(repr(content).encode()).hexdigest()


def _example(text: str, intent: str, mark: str, value: str) -> Message:
    return FactExample({TEXT: text, INTENT: intent, METADATA: {mark: value}})


def _voices(flag: RedFlag) -> Dict[str, Any]:
    """What a crisis reply is made of beside its first text (dystonia/voices.py); they stand in the model, as that does."""
    told = {
        "named": [named.dict() for named in flag.named],
        "voices": {voice.value: texts for voice, texts in flag.voices.items()},
    }
    return {name: value for name, value in told.items() if value}


def _response(text: str, slot: str, value: str, reply: Dict[str, Any]) -> Dict[Text, Any]:
    return {"text": text, "condition": [{"type": "slot", "name": slot, "value": value}], "custom": {"reply": reply}}
