"""Collects the examples that the adapter may see, has it trained in the environment with TensorFlow, and puts it in place."""
from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Dict, List

from rasa.engine.storage.local_model_storage import LocalModelStorage
from rasa.engine.storage.resource import Resource
from rasa.shared.importers.importer import TrainingDataImporter
from rasa.shared.nlu.constants import INTENT, METADATA, TEXT

from nlu import sentence_encoder
from nlu.adapter import ADAPTER, is_unseen
from nlu.importer import BOUNDARY, NOT_THIS, RED_FLAG
from nlu.message import CARD, reading_of
from nlu.questions import QuestionSplitter
from nlu.vocabulary import VocabularyExtractor
from nlu.words import SpacyWords, SpellingRepair
from server.settings import ROOT
from tools import environment

STEPS = (SpacyWords, SpellingRepair, VocabularyExtractor, QuestionSplitter)
"""What stands before the encoder in config.yml: the adapter learns from texts as the encoder gets them."""


def main() -> int:
    """Writes nlu/adapter.npz; returns the exit status."""
    python = environment.ensure_stock()
    rows = examples()
    print(f"{len(rows)} examples; about {len(rows) // 4000} minutes on two cores.", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        texts, graph, target = (Path(folder) / name for name in ("examples.json", "encoder.onnx", "adapter.npz"))
        texts.write_text(json.dumps(rows), encoding="utf-8")
        sentence_encoder.write_plain(graph)
        command = [
            str(python),
            "-m",
            "tools.adapter.training",
            *map(str, (texts, graph, sentence_encoder.tokenizer_path(), target)),
        ]
        if subprocess.run(command, cwd=ROOT, env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}, check=False).returncode:
            print("The adapter was not trained, and the old one is kept. Mend: see the words above.", file=sys.stderr)
            return 1
        ADAPTER.write_bytes(target.read_bytes())
    print(f"Written: {ADAPTER.relative_to(ROOT)}. Now: make train, make tune.")
    return 0


def examples() -> List[Dict[str, Any]]:
    """Text, intent, card and alarm of each training example that the adapter may see."""
    importer = TrainingDataImporter.load_from_config(str(ROOT / "config.yml"), str(ROOT / "domain.yml"), [str(ROOT / "data")])
    data = importer.get_nlu_data()
    with tempfile.TemporaryDirectory() as folder:
        storage = LocalModelStorage(Path(folder))
        for step in STEPS:
            component = step(step.get_default_config(), storage, Resource(step.__name__))
            if hasattr(component, "train"):
                component.train(data)
            component.process_training_data(data)
    rows = []
    for example in data.training_examples:
        if example.get(TEXT) and not is_unseen(example.get(TEXT)):
            marks = example.get(METADATA) or {}
            alarm = marks.get(RED_FLAG) or marks.get(BOUNDARY) or ""
            rows.append(
                {
                    "text": reading_of(example).parts[0].text,
                    "intent": example.get(INTENT) or NOT_THIS,
                    "card": marks.get(CARD),
                    "alarm": alarm,
                }
            )
    return rows


if __name__ == "__main__":
    sys.exit(main())
