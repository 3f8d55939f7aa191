"""`make evaluate`: how well held-out questions are understood, beside two bounds on the same data."""
from __future__ import annotations

import json
import sys
import time
from statistics import median
from typing import Any, Dict, Iterable, List, Optional, Sequence, Tuple

from dystonia.question import Talk
from dystonia.reply import Kind
from server.model import path_for_inputs
from server.settings import ROOT
from tools.assistant import Assistant, Turn
from tools.held_out import read, with_slips

SLIPS = 2
SEED = 20261121
STOCK = ROOT / "reports" / "stock_predictions.json"
"""What the stock pipeline said, written by `make stock` (tools/stock.py)."""

Row = Tuple[str, str]


def main() -> int:
    """Measures and prints; writes reports/understanding.json."""
    assistant = Assistant(path_for_inputs())
    single = read("single") + read("in_scope_lookalikes")
    foreign = read("out_of_scope")
    rows: List[Row] = []
    figures: Dict[str, float] = {}

    def note(name: str, value: float) -> None:
        figures[name] = round(value, 4)
        rows.append((name, f"{value:.3f}"))

    clean = [assistant.turn(entry["text"]) for entry in _progress(single, "single questions")]
    slipped = [assistant.turn(with_slips(entry["text"], SLIPS, SEED)) for entry in _progress(single, "with slips")]
    refused = [assistant.turn(entry["text"]) for entry in _progress(foreign, "out of scope")]
    note("topic accuracy", accuracy(clean, single))
    note("topic macro F1", macro_f1([topic_of(turn) for turn in clean], single))
    note(f"topic accuracy, {SLIPS} slips a message", accuracy(slipped, single))
    note("subject found (recall of slugs)", recall(clean, single))
    note("out of scope refused", share(turn.kind is Kind.out_of_scope for turn in refused))
    for near in (False, True):
        picked = [turn for turn, entry in zip(refused, foreign) if entry["near"] is near]
        note(f"  of which {'near misses' if near else 'plainly foreign'}", share(turn.kind is Kind.out_of_scope for turn in picked))
    note("in scope kept (not refused)", share(turn.kind is not Kind.out_of_scope for turn in clean))
    note("in scope answered", share(turn.kind is Kind.answer for turn in clean))
    note("in scope asked back", share(turn.kind is Kind.clarify for turn in clean))
    first, in_three, answered = right_cards(assistant, _progress(read("cards"), "cards"))
    note("right card first", first)
    note("right card in the first three", in_three)
    note("right card answered", answered)
    note("small talk and moves", share(assistant.turn(e["text"]).intent == e["intent"] for e in read("moves")))
    note("compound: every part's topic", share(compound_answered(assistant.turn(e["text"]), e) for e in read("compound")))
    turns, dialogues = follow_ups(assistant, read("follow_ups"))
    note("follow-up turns right", turns)
    note("whole dialogues right", dialogues)
    note("milliseconds a message, median", _milliseconds(assistant, [entry["text"] for entry in single[:200]]))
    print(f"\nHeld out: {len(single)} single questions, {len(foreign)} out of scope. Model {path_for_inputs().stem.split('.')[0]}.\n")
    _table(rows)
    print("\nTopic accuracy on the same questions, by two bounds trained on the same examples:")
    _table([("nearest question (MiniLM, cosine)", f"{nearest_question(assistant, single):.3f}"), ("stock `rasa init` pipeline", _stock(single))])
    (ROOT / "reports" / "understanding.json").write_text(json.dumps(figures, indent=1) + "\n")
    return 0


def topic_of(turn: Turn) -> Optional[str]:
    """The topic that a turn was taken to have: of what was answered, or of what was asked back."""
    if turn.answer is not None and turn.answer.topics:
        return turn.answer.topics[0]
    return turn.intent[len("ask_") :] if turn.intent.startswith("ask_") else turn.intent


def fair(entry: Dict[str, Any]) -> List[str]:
    """The topics that count as right."""
    return [entry["topic"], *(entry.get("also") or [])]


def accuracy(turns: Sequence[Turn], entries: Sequence[Dict[str, Any]]) -> float:
    """Share of questions whose topic was seen."""
    return share(topic_of(turn) in fair(entry) for turn, entry in zip(turns, entries))


def macro_f1(found: Sequence[Optional[str]], entries: Sequence[Dict[str, Any]]) -> float:
    """Mean F1 over topics; a second fair topic counts as the first."""
    truth = [topic if topic in fair(entry) else entry["topic"] for topic, entry in zip(found, entries)]
    scores = []
    for topic in sorted(set(entry["topic"] for entry in entries)):
        hits = sum(t == f == topic for t, f in zip(truth, found))
        total = sum(t == topic for t in truth) + sum(f == topic for f in found)
        scores.append(2 * hits / total if total else 0.0)
    return sum(scores) / len(scores)


def recall(turns: Sequence[Turn], entries: Sequence[Dict[str, Any]]) -> float:
    """Share of expected slugs that were heard in the words or stand in the answer."""
    hits = total = 0
    for turn, entry in zip(turns, entries):
        heard = {entity["value"] for entity in turn.parse["entities"]} | set(turn.answer.about if turn.answer else ())
        wanted = set(entry.get("about") or ())
        hits, total = hits + len(heard & wanted), total + len(wanted)
    return hits / total


def right_cards(assistant: Assistant, entries: Iterable[Dict[str, Any]]) -> Tuple[float, float, float]:
    """Share of questions for which the right card is first, is in the first three, and is what is answered.

    A question that is refused or taken for something else counts as missed in all three.
    """
    first, in_three, answered = [], [], []
    for entry in entries:
        turn = assistant.turn(entry["text"])
        ranked = [card for question in turn.parse.get("questions", [])[:1] for card, _ in question["cards"]]
        first.append(ranked[:1] == [entry["card"]])
        in_three.append(entry["card"] in ranked[:3])
        answered.append(turn.answer is not None and entry["card"] in turn.answer.cards)
    return share(first), share(in_three), share(answered)


def follow_ups(assistant: Assistant, dialogues: Sequence[Dict[str, Any]]) -> Tuple[float, float]:
    """Share of turns after the first that were right in topic and subject, and of dialogues with no wrong turn."""
    right: List[bool] = []
    whole: List[bool] = []
    for dialogue in dialogues:
        talk, verdicts = Talk(), []
        for expected in dialogue["turns"]:
            turn = assistant.turn(expected["say"], talk)
            talk = turn.talk
            verdicts.append(_as_expected(turn, expected))
        right += verdicts[1:]
        whole.append(all(verdicts))
    return share(right), share(whole)


def _as_expected(turn: Turn, expected: Dict[str, Any]) -> bool:
    if "move" in expected:
        return turn.intent == expected["move"]
    if "kind" in expected:
        return turn.kind.value == expected["kind"]
    if topic_of(turn) not in fair(expected) or turn.answer is None:
        return False
    wanted = set(expected.get("about") or ()) - {"dystonia"}
    return not wanted or bool(wanted & set(turn.answer.about))


def compound_answered(turn: Turn, entry: Dict[str, Any]) -> bool:
    """Whether each part of a compound message was answered; a comparison by a comparison, or by both its sides."""
    if turn.answer is None:
        return False
    wanted = {part["topic"] for part in entry["parts"]}
    if wanted == {"comparison"}:
        slugs = {slug for part in entry["parts"] for slug in part["about"]}
        return "comparison" in turn.answer.topics or slugs <= set(turn.answer.about)
    return wanted <= set(turn.answer.topics) or len(wanted) < len(entry["parts"]) == len(turn.answer.cards)


def nearest_question(assistant: Assistant, entries: Sequence[Dict[str, Any]]) -> float:
    """Topic accuracy of the intent of the nearest training example, by the same encoder."""
    from nlu.sentence_encoder import shared_encoder
    from tools.stock import examples

    known = examples()
    encode = shared_encoder().encode
    nearest = (encode([entry["text"] for entry in entries]) @ encode([text for text, _ in known]).T).argmax(axis=1)
    return share(known[int(i)][1].replace("ask_", "", 1) in fair(entry) for i, entry in zip(nearest, entries))


def _stock(entries: Sequence[Dict[str, Any]]) -> str:
    if not STOCK.is_file():
        return "not measured here; run 'make stock' (hours, 2.6 GB)"
    said = json.loads(STOCK.read_text(encoding="utf-8"))
    right = share(str(said["intents"].get(entry["text"])).replace("ask_", "", 1) in fair(entry) for entry in entries)
    return f"{right:.3f} ({said['epochs']} epochs, {said['examples']} examples, {said['minutes']} minutes of training)"


def _milliseconds(assistant: Assistant, texts: Sequence[str]) -> float:
    spent = []
    for text in texts:
        started = time.perf_counter()
        assistant.parse(text)
        spent.append((time.perf_counter() - started) * 1000)
    return median(spent)


def share(verdicts: Any) -> float:
    """Share of true ones."""
    listed = list(verdicts)
    return sum(map(bool, listed)) / len(listed) if listed else 0.0


def _progress(entries: Sequence[Any], what: str) -> Any:
    for count, entry in enumerate(entries):
        if count % 100 == 0:
            print(f"\r{what}: {count}/{len(entries)}   ", end="", file=sys.stderr, flush=True)
        yield entry
    print(f"\r{' ' * 40}\r", end="", file=sys.stderr)


def _table(rows: Sequence[Row]) -> None:
    width = max(len(name) for name, _ in rows)
    for name, value in rows:
        print(f"  {name:<{width}}  {value}")


if __name__ == "__main__":
    sys.exit(main())
