"""`make reach`: cards that people will not get to, because no question finds them or another card always wins, and cards alike.

Each half of a card's questions is held back in turn and asked of a ranking that has learned the rest. What the report calls
lost is therefore lost with half the questions only; visitors' own words are the better test (`make evaluate`).
"""

from __future__ import annotations

import re
import tempfile
from collections import Counter, defaultdict
from pathlib import Path
from typing import Dict, Iterator, List, NamedTuple, Sequence

import numpy as np

from dystonia.models import Card
from dystonia.store import FactStore

ALIKE = 0.86
"""Cosine of two leads from which they are shown side by side."""
OFTEN = 0.4
"""Share of a card's questions that go to one other card from which it is said to lose to it."""
MANY = 40
_NUMBER = re.compile(r"\b(?:\d[\d.,]*|one|two|three|four|five|six|seven|eight|nine|ten|half|third|quarter)\b", re.I)
_OPENING = re.compile(r"^(yes|no)\b", re.I)


class Reach(NamedTuple):
    """How often the held-back questions of a card found it first, in the first three, and which cards won instead."""

    card: str
    asked: int
    first: int
    in_three: int
    winners: Counter


class Pair(NamedTuple):
    """Two cards whose leads are alike, and why an editor should read them side by side."""

    one: str
    other: str
    likeness: float
    why: str


def report(store: FactStore) -> int:
    """Prints what an editor should look at; returns the exit status, 1 where a card is out of reach."""
    store = store.for_visitors()
    print("Reading and ranking all questions (about two minutes).", flush=True)
    reached = reach(store)
    asked = sum(each.asked for each in reached)
    print(
        f"{asked} questions, each half held back in turn: "
        f"{sum(each.first for each in reached) / asked:.0%} find their card first, "
        f"{sum(each.in_three for each in reached) / asked:.0%} in the first three."
    )
    unreachable = [each for each in reached if not each.in_three]
    print(f"\nNo question finds them: {len(unreachable)}")
    for each in unreachable:
        print(f"  {each.card}. Mend: add questions in words of its own, or join it to {each.winners.most_common(1)[0][0]}.")
    losing = [(each, *each.winners.most_common(1)[0]) for each in reached if each.winners]
    losing = sorted(
        ((each, winner, lost) for each, winner, lost in losing if lost >= OFTEN * each.asked), key=lambda item: -item[2]
    )
    print(f"\nLose to another card: {len(losing)}")
    for each, winner, lost in losing:
        print(f"  {each.card}: {lost} of {each.asked} questions go to {winner}. Mend: tell them apart, or join them.")
    pairs = sorted(alike(store), key=lambda pair: -pair.likeness)
    print(f"\nLeads alike: {len(pairs)}{f', the first {MANY}' if len(pairs) > MANY else ''}")
    for pair in pairs[:MANY]:
        print(f"  {pair.one} and {pair.other} ({pair.likeness:.2f}){pair.why}")
    return 1 if unreachable else 0


def reach(store: FactStore) -> List[Reach]:
    """What each card's held-back questions found, in the order of the store."""
    from rasa.shared.nlu.training_data.training_data import TrainingData

    from nlu.cards import CardRetriever, halves
    from nlu.message import reading_of

    with tempfile.TemporaryDirectory() as folder:
        examples = _read_examples(Path(folder))
        names = {name: place for place, name in enumerate(store.cards)}
        owners = np.array([names[example.get("metadata")["card"]] for example in examples])
        second = halves(owners)
        found: Dict[str, List[List[str]]] = defaultdict(list)
        for held_back in (False, True):
            retriever = _component(CardRetriever, Path(folder))
            retriever.train(TrainingData([example for example, late in zip(examples, second) if late != held_back]))
            asked = [example for example, late in zip(examples, second) if late == held_back]
            for example in retriever.process(asked):
                found[example.get("metadata")["card"]].append([card for card, _ in reading_of(example).parts[0].cards[:3]])
    return [
        Reach(
            card,
            len(found[card]),
            sum(best[0] == card for best in found[card]),
            sum(card in best for best in found[card]),
            Counter(best[0] for best in found[card] if best[0] != card),
        )
        for card in store.cards
    ]


def alike(store: FactStore) -> Iterator[Pair]:
    """Pairs of cards on one subject whose leads are alike."""
    from nlu.sentence_encoder import shared_encoder

    cards = list(store.cards.values())
    vectors = shared_encoder().encode([card.lead.text for card in cards])
    for first, second in zip(*np.nonzero(np.triu(vectors @ vectors.T, 1) >= ALIKE)):
        one, other = cards[first], cards[second]
        if set(one.about) & set(other.about):
            yield Pair(one.id, other.id, float(vectors[first] @ vectors[second]), _contradiction(one, other))


def _contradiction(one: Card, other: Card) -> str:
    """What two alike leads may disagree on; a person must judge."""
    openings = [_OPENING.match(card.lead.text) for card in (one, other)]
    if all(openings) and len({match[1].lower() for match in openings if match}) > 1:
        return ": one says yes, the other no"
    numbers = [sorted(found.lower() for found in _NUMBER.findall(card.lead.text)) for card in (one, other)]
    return ": different numbers" if all(numbers) and numbers[0] != numbers[1] else ""


def _read_examples(folder: Path) -> Sequence:
    """The cards' questions, read by the pipeline as far as the ranking needs."""
    from server import without_tensorflow

    without_tensorflow.install()
    from rasa.shared.nlu.training_data.training_data import TrainingData

    from nlu.encoder import MiniLmEncoder
    from nlu.importer import FactsImporter
    from nlu.questions import QuestionSplitter
    from nlu.vocabulary import VocabularyExtractor
    from nlu.words import SpacyWords, SpellingRepair

    examples = [example for example in FactsImporter.examples() if "card" in example.get("metadata")]
    data = TrainingData(examples)
    for kind in (SpacyWords, SpellingRepair, VocabularyExtractor, QuestionSplitter, MiniLmEncoder):
        component = _component(kind, folder)
        if hasattr(component, "train"):
            component.train(data)
        component.process_training_data(data)
    return examples


def _component(kind: type, folder: Path):
    from rasa.engine.storage.local_model_storage import LocalModelStorage
    from rasa.engine.storage.resource import Resource

    config: Dict[str, object] = getattr(kind, "get_default_config", dict)()
    return kind(config, LocalModelStorage(folder), Resource(kind.__name__))
