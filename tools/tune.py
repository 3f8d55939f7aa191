"""`make tune`: the development questions, which may be looked at; weights and thresholds are chosen on these alone."""
from __future__ import annotations

import sys
from typing import Any, Dict, List

from dystonia.question import Talk
from dystonia.reply import Kind
from server.model import path_for_inputs
from server.settings import ROOT
from tools.assistant import Assistant, Turn
from tools.evaluate import accuracy, as_expected, compound_answered, fair, share, topic_of
from tools.held_out import read
from tools.safety import figures

DEVELOPMENT = ROOT / "tests" / "understanding" / "development"


AMID = ("how is cervical dystonia treated", "what are the side effects of botox")
"""What was talked of when a question that has nothing to do with it comes."""


def main() -> int:
    """Measures and prints; with ``--misses`` everything that was not understood."""
    assistant = Assistant(path_for_inputs())
    single, foreign, compound = (read(name, DEVELOPMENT) for name in ("single", "out_of_scope", "compound"))
    talks = [assistant.turn(text).talk for text in AMID]
    turns = [assistant.turn(entry["text"]) for entry in single]
    amid = [assistant.turn(entry["text"], talks[i % len(talks)]) for i, entry in enumerate(single)]
    refused = [assistant.turn(entry["text"]) for entry in foreign]
    refused_amid = [assistant.turn(entry["text"], talks[i % len(talks)]) for i, entry in enumerate(foreign)]
    parts = [assistant.turn(entry["text"]) for entry in compound]
    dialogues = [_dialogue(assistant, dialogue["turns"]) for dialogue in read("follow_ups", DEVELOPMENT)]
    print(f"  topic accuracy                    {accuracy(turns, single):.3f}")
    print(f"  the same, amid another talk       {accuracy(amid, single):.3f}")
    print(f"  in scope kept                     {_of(turns, Kind.out_of_scope, False):.3f}")
    print(f"  asked back                        {_of(turns, Kind.clarify):.3f}")
    print(f"  out of scope refused              {_of(refused, Kind.out_of_scope):.3f}")
    print(f"  the same, amid a talk             {_of(refused_amid, Kind.out_of_scope):.3f}")
    print(f"  compound answered                 {share(map(compound_answered, parts, compound)):.3f}")
    print(f"  follow-up turns right             {share(not line for lines in dialogues for line in lines[1:]):.3f}")
    print(f"  whole dialogues right             {share(not any(lines) for lines in dialogues):.3f}")
    missed: List[str] = []
    for name, value in figures(assistant, missed, DEVELOPMENT).items():
        print(f"  {name[:42]:<42}  {value}")
    if "--misses" in sys.argv:
        print("\n".join(missed))
        for turn, entry in zip(turns, single):
            if topic_of(turn) not in fair(entry):
                print(_miss(turn, entry["text"], entry["topic"]))
        for turn, entry in zip(parts, compound):
            if not compound_answered(turn, entry):
                print(_miss(turn, entry["text"], " + ".join(part["topic"] for part in entry["parts"])))
        for lines in dialogues:
            if any(lines):
                print("\n".join(line or "  (right)" for line in lines), end="\n\n")
    return 0


def _dialogue(assistant: Assistant, turns: List[Dict[str, Any]]) -> List[str]:
    """For each turn what went wrong, or ""."""
    talk, lines = Talk(), []
    for expected in turns:
        turn = assistant.turn(expected["say"], talk)
        talk = turn.talk
        wanted = next(str(expected[key]) for key in ("topic", "move", "kind") if key in expected)
        lines.append("" if as_expected(turn, expected) else _miss(turn, expected["say"], wanted))
    return lines


def _of(turns: List[Turn], kind: Kind, is_so: bool = True) -> float:
    return share((turn.kind is kind) is is_so for turn in turns)


def _miss(turn: Turn, text: str, wanted: str) -> str:
    cards = turn.answer.cards if turn.answer else ()
    return f"{wanted}: {text} -> {turn.kind.value} {turn.intent} {' '.join(cards)}"


if __name__ == "__main__":
    sys.exit(main())
