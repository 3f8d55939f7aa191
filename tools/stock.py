"""`make stock`: what Rasa's own `rasa init` pipeline, trained on the same examples, says of the held-out questions.

Runs in an environment of its own with TensorFlow, and takes long; the answers are kept in reports/stock_predictions.json.
"""
from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import List, Tuple

import yaml

from server.settings import ROOT
from tools import environment
from tools.held_out import read

PIPELINE = [
    {"name": "WhitespaceTokenizer"},
    {"name": "RegexFeaturizer"},
    {"name": "LexicalSyntacticFeaturizer"},
    {"name": "CountVectorsFeaturizer"},
    {"name": "CountVectorsFeaturizer", "analyzer": "char_wb", "min_ngram": 1, "max_ngram": 4},
    {"name": "DIETClassifier", "epochs": 100, "constrain_similarities": True},
    {"name": "EntitySynonymMapper"},
    {"name": "FallbackClassifier", "threshold": 0.3, "ambiguity_threshold": 0.1},
]
"""As `rasa init` of 3.6.21 writes it, less the ResponseSelector, which has nothing to select here."""

_PARSE = """
import asyncio, json, sys
from rasa.core.agent import Agent
agent = Agent.load(sys.argv[1])
texts = json.load(open(sys.argv[2]))
async def parse():
    return {text: (await agent.parse_message(text))["intent"]["name"] for text in texts}
json.dump(asyncio.run(parse()), open(sys.argv[3], "w"))
"""


def examples() -> List[Tuple[str, str]]:
    """Text and intent of every training example, in order."""
    from rasa.shared.importers.importer import TrainingDataImporter

    importer = TrainingDataImporter.load_from_config(str(ROOT / "config.yml"), str(ROOT / "domain.yml"), [str(ROOT / "data")])
    return [(example.get("text"), example.get("intent")) for example in importer.get_nlu_data().intent_examples]


def main() -> int:
    """Trains the stock pipeline and keeps its answers; `--epochs N` for a shorter trial, which the report then names."""
    epochs = int(sys.argv[sys.argv.index("--epochs") + 1]) if "--epochs" in sys.argv else 100
    rasa = environment.ensure_stock().parent
    known = examples()
    texts = [entry["text"] for name in ("single", "in_scope_lookalikes") for entry in read(name)]
    variables = {**os.environ, "RASA_TELEMETRY_ENABLED": "false", "TF_CPP_MIN_LOG_LEVEL": "3"}
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        _write(place, known, epochs)
        print(f"Training the stock pipeline on {len(known)} examples, {epochs} epochs ...", flush=True)
        started = time.monotonic()
        command = [str(rasa / "rasa"), "train", "nlu", "--nlu", "nlu.yml", "--config", "config.yml"]
        command += ["--fixed-model-name", "stock"]
        subprocess.run(command, cwd=place, env=variables, check=True)
        minutes = round((time.monotonic() - started) / 60, 1)
        (place / "texts.json").write_text(json.dumps(texts))
        parse = [str(rasa / "python"), "-c", _PARSE, "models/stock.tar.gz", "texts.json", "intents.json"]
        subprocess.run(parse, cwd=place, env=variables, check=True)
        intents = json.loads((place / "intents.json").read_text())
    report = {"epochs": epochs, "examples": len(known), "minutes": minutes, "intents": intents}
    (ROOT / "reports" / "stock_predictions.json").write_text(json.dumps(report, indent=0, ensure_ascii=False) + "\n")
    return 0


def _write(place: Path, known: List[Tuple[str, str]], epochs: int) -> None:
    pipeline = [{**step, "epochs": epochs} if "epochs" in step else step for step in PIPELINE]
    config = {"recipe": "default.v1", "language": "en", "assistant_id": "stock", "pipeline": pipeline}
    (place / "config.yml").write_text(yaml.safe_dump(config))
    intents: dict = {}
    for text, intent in known:
        intents.setdefault(intent, []).append(f"- {' '.join(text.split())}")
    nlu = [{"intent": intent, "examples": "\n".join(lines) + "\n"} for intent, lines in intents.items()]
    (place / "nlu.yml").write_text(yaml.safe_dump({"version": "3.1", "nlu": nlu}, allow_unicode=True))


if __name__ == "__main__":
    sys.exit(main())
