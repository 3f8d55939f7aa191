"""`make tune`: the development questions, which may be looked at; weights and thresholds are chosen on these alone."""
from __future__ import annotations

import sys

from dystonia.reply import Kind
from server.model import path_for_inputs
from server.settings import ROOT
from tools.assistant import Assistant
from tools.evaluate import accuracy, compound_answered, fair, share, topic_of
from tools.held_out import read

DEVELOPMENT = ROOT / "tests" / "understanding" / "development"


def main() -> int:
    """Measures and prints; with ``--misses`` every single question whose topic was not seen."""
    assistant = Assistant(path_for_inputs())
    single = read("single", DEVELOPMENT)
    turns = [assistant.turn(entry["text"]) for entry in single]
    refused = [assistant.turn(entry["text"]).kind is Kind.out_of_scope for entry in read("out_of_scope", DEVELOPMENT)]
    compound = [compound_answered(assistant.turn(entry["text"]), entry) for entry in read("compound", DEVELOPMENT)]
    print(f"  topic accuracy        {accuracy(turns, single):.3f}")
    print(f"  in scope kept         {share(turn.kind is not Kind.out_of_scope for turn in turns):.3f}")
    print(f"  out of scope refused  {share(refused):.3f}")
    print(f"  compound answered     {share(compound):.3f}")
    if "--misses" in sys.argv:
        for turn, entry in zip(turns, single):
            if topic_of(turn) not in fair(entry):
                cards = turn.answer.cards if turn.answer else ()
                print(f"{entry['topic']}: {entry['text']} -> {turn.kind.value} {turn.intent} {' '.join(cards)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
