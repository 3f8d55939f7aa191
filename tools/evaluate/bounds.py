"""What simpler ways make of the same questions: verdicts, one a question."""

from __future__ import annotations

import json
from typing import List, NamedTuple, Optional, Sequence

from server.settings import ROOT
from tools.evaluate.judging import Entry, fair

STOCK = ROOT / "reports" / "stock_predictions.json"
"""What the stock pipeline said, written by `make stock` (tools/stock.py)."""


class Stock(NamedTuple):
    """The verdicts on the stock pipeline, and how it was trained."""

    verdicts: List[bool]
    trained: str


def nearest_question(entries: Sequence[Entry]) -> List[bool]:
    """Whether the intent of the nearest training example, by the cosine of the same encoder, is a right one."""
    from nlu.sentence_encoder import shared_encoder
    from tools.stock import examples

    known = examples()
    encode = shared_encoder().encode
    nearest = (encode([entry["text"] for entry in entries]) @ encode([text for text, _ in known]).T).argmax(axis=1)
    return [_topic(known[int(place)][1]) in fair(entry) for place, entry in zip(nearest, entries)]


def stock(entries: Sequence[Entry]) -> Optional[Stock]:
    """Whether the stock `rasa init` pipeline's intent is a right one, of the questions it was asked; None where it was not."""
    if not STOCK.is_file():
        return None
    said = json.loads(STOCK.read_text(encoding="utf-8"))
    trained = f"{said['epochs']} epochs on {said['examples']} examples, {said['minutes']} minutes of training"
    asked = [entry for entry in entries if entry["text"] in said["intents"]]
    return Stock([_topic(said["intents"][entry["text"]]) in fair(entry) for entry in asked], trained)


def _topic(intent: str) -> str:
    return intent.replace("ask_", "", 1)
