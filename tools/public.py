"""`make public DATA=folder`: the project's own components on public data, with few examples an intent.

Shows what the components are worth beyond the questions they were made for. The data's own examples take the place of the
facts: spelling is repaired to their words, and there is no vocabulary of names. Nothing is downloaded, and the data are no
part of this project: BANKING77 (Casanueva and others, 2020) is CC BY 4.0, CLINC150 (Larson and others, 2019) CC BY 3.0.
The stock figures are those of `rasa init`'s pipeline (DIET), trained on one draw of the same kind.
"""
from __future__ import annotations

import csv
import json
import random
import re
import sys
import tempfile
from collections import Counter, defaultdict
from pathlib import Path
from statistics import mean
from typing import Any, Callable, Dict, Iterable, List, NamedTuple, Optional, Sequence

import numpy as np
from rasa.engine.storage.local_model_storage import LocalModelStorage
from rasa.engine.storage.resource import Resource
from rasa.shared.nlu.constants import INTENT, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData
from sklearn.metrics import roc_auc_score

from nlu.component import write_json
from nlu.encoder import MiniLmEncoder
from nlu.message import Part, reading_of
from nlu.questions import QuestionSplitter
from nlu.topics import OUT_OF_SCOPE, TopicClassifier
from nlu.vocabulary import VocabularyExtractor
from nlu.words import SpacyWords, SpellingRepair
from server.settings import ROOT
from tools.held_out import with_slips

REPORT = ROOT / "reports" / "public.json"
BANKING = "https://github.com/PolyAI-LDN/task-specific-datasets, folder banking_data (BANKING77, CC BY 4.0)"
CLINC = "https://github.com/clinc/oos-eval, folder data (CLINC150, CC BY 3.0)"
SOURCES = {"train.csv": BANKING, "test.csv": BANKING, "data_full.json": CLINC}
EXAMPLES = 10
"""Training examples drawn of each intent."""
DRAWS = 3
INTENTS = 30
"""Of CLINC's 150 intents, so many are drawn."""
KEPT = 0.95
SEED = 20261121


class DataError(RuntimeError):
    """The data are missing or not what was expected."""


class Example(NamedTuple):
    """A message and its intent."""

    text: str
    intent: str


class Row(NamedTuple):
    """One line of the table: figure, what it is, the goal, and what stock Rasa reached."""

    figure: str
    label: str
    goal: Optional[float]
    stock: Optional[float]


ROWS = (
    Row("banking77_accuracy", "BANKING77, 77 intents: accuracy", 0.86, 0.617),
    Row("banking77_accuracy_slips", "  with one or two slips (mean of the next two)", 0.83, 0.553),
    Row("banking77_accuracy_1_slip", "    with one slip", None, None),
    Row("banking77_accuracy_2_slips", "    with two slips", None, None),
    Row("clinc30_accuracy", "CLINC, 30 intents: accuracy", None, 0.917),
    Row("clinc30_oos_recall", "  out-of-scope recall at 95 % kept", 0.97, 0.673),
    Row("clinc30_oos_auroc", "  out-of-scope AUROC", None, 0.950),
    Row("clinc30_foreign_accuracy", "CLINC, with its 100 out-of-scope examples: accuracy", None, None),
    Row("clinc30_foreign_oos_recall", "  out-of-scope recall at 95 % kept", None, None),
    Row("clinc30_foreign_oos_auroc", "  out-of-scope AUROC", None, None),
)

Figures = Dict[str, float]


class Pipeline:
    """The components up to the topics, trained on some examples as Rasa trains them."""

    def __init__(self, examples: Sequence[Example], folder: Path) -> None:
        """Keeps what is learned in an empty folder."""
        self._storage = LocalModelStorage(folder)
        words = Counter(word for example in examples for word in re.findall(r"[a-z]+", example.text.lower()))
        self._learned(SpellingRepair, "words.json", words)
        self._learned(VocabularyExtractor, "vocabulary.json", [])
        self._steps = [
            step.load({}, self._storage, Resource(step.__name__), None)
            for step in (SpacyWords, SpellingRepair, VocabularyExtractor, QuestionSplitter, MiniLmEncoder)
        ]
        self._steps.append(self._topics(examples))

    def read(self, texts: Iterable[str]) -> List[Part]:
        """What is made of each message as a whole."""
        messages = [Message({TEXT: text}) for text in texts]
        for step in self._steps:
            step.process(messages)
        return [reading_of(message).parts[0] for message in messages]

    def _learned(self, step: type, file: str, content: Any) -> None:
        with self._storage.write_to(Resource(step.__name__)) as folder:
            write_json(Path(folder) / file, content)

    def _topics(self, examples: Sequence[Example]) -> TopicClassifier:
        data = TrainingData([Message({TEXT: example.text, INTENT: example.intent}) for example in examples])
        for step in self._steps:
            step.process_training_data(data)
        resource, config = Resource(TopicClassifier.__name__), TopicClassifier.get_default_config()
        TopicClassifier.create(config, self._storage, resource, None).train(data)
        return TopicClassifier.load(config, self._storage, resource, None)


def main(arguments: Sequence[str]) -> int:
    """Measures and prints; writes reports/public.json."""
    try:
        figures = measured(Path(arguments[0] if arguments else ""), print)
    except DataError as error:
        print(error, file=sys.stderr)
        return 1
    REPORT.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    print(f"\n{EXAMPLES} examples an intent, means over {DRAWS} draws:\n\n{table(figures)}")
    return 0


def measured(folder: Path, tell: Callable[[str], None]) -> Figures:
    """All figures: means over the draws.

    Raises:
        DataError: a file is missing, or has other content than expected.
    """
    check(folder)
    draws: List[Figures] = []
    for draw in range(DRAWS):
        tell(f"Draw {draw + 1} of {DRAWS}, one or two minutes ...")
        draws.append({**banking(folder, draw), **clinc(folder, draw), **clinc(folder, draw, foreign=True)})
    return {row.figure: round(mean(figures[row.figure] for figures in draws), 4) for row in ROWS}


def check(folder: Path) -> None:
    """Whether all files are there.

    Raises:
        DataError: names each missing file and where it comes from.
    """
    missing = [f"  {name} from {source}" for name, source in SOURCES.items() if not (folder / name).is_file()]
    if missing:
        listed = "\n".join(missing)
        mend = "Mend: put them there by hand, then: make public DATA=folder."
        raise DataError(f"These files are missing in the folder '{folder}':\n{listed}\n{mend}")


def banking(folder: Path, draw: int) -> Figures:
    """BANKING77's whole test set, clean and with slips, after one draw of its training examples."""
    test = _table_of(folder / "test.csv")
    with tempfile.TemporaryDirectory() as kept:
        pipeline = Pipeline(drawn(_table_of(folder / "train.csv"), draw), Path(kept))
        clean, *slipped = (
            accuracy(pipeline.read(with_slips(example.text, slips, SEED) for example in test), test) for slips in (0, 1, 2)
        )
    return {
        "banking77_accuracy": clean,
        "banking77_accuracy_slips": mean(slipped),
        "banking77_accuracy_1_slip": slipped[0],
        "banking77_accuracy_2_slips": slipped[1],
    }


def clinc(folder: Path, draw: int, foreign: bool = False) -> Figures:
    """A draw of CLINC's intents, beside all its out-of-scope test messages.

    Args:
        foreign: whether its out-of-scope training examples are learned from.
    """
    sets = _clinc_sets(folder / "data_full.json")
    names = sorted({example.intent for example in sets["train"]})
    intents = set(random.Random(f"{SEED}:{draw}").sample(names, min(INTENTS, len(names))))
    examples = drawn([example for example in sets["train"] if example.intent in intents], draw)
    test = [example for example in sets["test"] if example.intent in intents]
    with tempfile.TemporaryDirectory() as kept:
        pipeline = Pipeline(examples + (sets["oos_train"] if foreign else []), Path(kept))
        ours, others = (pipeline.read(example.text for example in messages) for messages in (test, sets["oos_test"]))
    inside, outside = ([part.scope for part in parts] for parts in (ours, others))
    name = "clinc30_foreign" if foreign else "clinc30"
    return {
        f"{name}_accuracy": accuracy(ours, test),
        f"{name}_oos_recall": recall_at(KEPT, inside, outside),
        f"{name}_oos_auroc": float(roc_auc_score([1] * len(inside) + [0] * len(outside), inside + outside)),
    }


def drawn(examples: Sequence[Example], draw: int) -> List[Example]:
    """``EXAMPLES`` of each intent; the same draw gives the same ones.

    Raises:
        DataError: an intent has fewer.
    """
    texts: Dict[str, List[str]] = defaultdict(list)
    for example in examples:
        texts[example.intent].append(example.text)
    scarce = sorted(intent for intent, found in texts.items() if len(found) < EXAMPLES)
    if scarce:
        few = ", ".join(scarce)
        raise DataError(f"These intents have fewer than {EXAMPLES} training examples: {few}. Mend: fetch the file anew.")
    chance = random.Random(f"{SEED}:{draw}")
    return [Example(text, intent) for intent in sorted(texts) for text in chance.sample(texts[intent], EXAMPLES)]


def accuracy(parts: Sequence[Part], examples: Sequence[Example]) -> float:
    """Share of messages whose likeliest intent is the right one; out of scope is no choice for a message that belongs here."""
    found = [next(intent for intent, _ in part.topics if intent != OUT_OF_SCOPE) for part in parts]
    return mean(intent == example.intent for intent, example in zip(found, examples))


def recall_at(kept: float, inside: Sequence[float], outside: Sequence[float]) -> float:
    """Share of foreign messages that score below the threshold which keeps that share of those that belong."""
    return float((np.array(outside) < np.quantile(inside, 1 - kept)).mean())


def table(figures: Figures) -> str:
    """The figures beside goals and stock Rasa's."""
    width = max(len(row.label) for row in ROWS)
    lines = [f"  {'':<{width}}  here   goal   stock"]
    for row in ROWS:
        verdict = "" if row.goal is None else "  met" if figures[row.figure] >= row.goal else "  missed"
        numbers = "  ".join(map(_figure, (figures[row.figure], row.goal, row.stock)))
        lines.append(f"  {row.label:<{width}}  {numbers}{verdict}".rstrip())
    return "\n".join(lines)


def _figure(value: Optional[float]) -> str:
    return "  -  " if value is None else f"{value:.3f}"


def _table_of(path: Path) -> List[Example]:
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    if not rows or not {"text", "category"} <= set(rows[0]):
        raise DataError(f"{path} has no columns 'text' and 'category'. Mend: fetch it anew from {SOURCES[path.name]}.")
    return [Example(row["text"], row["category"]) for row in rows]


def _clinc_sets(path: Path) -> Dict[str, List[Example]]:
    try:
        sets = json.loads(path.read_text(encoding="utf-8"))
        names = ("train", "test", "oos_train", "oos_test")
        found = {name: [Example(text, intent) for text, intent in sets[name]] for name in names}
    except (ValueError, KeyError) as error:
        raise DataError(f"{path} can't be read ({error!r}). Mend: fetch it anew from {SOURCES[path.name]}.") from error
    found["oos_train"] = [Example(example.text, OUT_OF_SCOPE) for example in found["oos_train"]]
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
