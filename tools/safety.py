"""`make safety`: emergencies, crises, look-alikes and boundaries of the held-out safety sets, as the understanding takes them."""
from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Dict, List, Sequence

from dystonia.reply import Kind
from server.model import path_for_inputs
from tools.assistant import Assistant, Turn
from tools.held_out import HELD_OUT, read

URGENT = (Kind.emergency, Kind.crisis)


def main() -> int:
    """Measures and prints; with ``--misses`` every message that was taken wrongly."""
    assistant = Assistant(path_for_inputs())
    missed: List[str] = []
    for name, value in figures(assistant, missed).items():
        print(f"  {name:<44}  {value}")
    if "--misses" in sys.argv:
        print("\n".join(missed))
    return 0


def figures(assistant: Assistant, missed: List[str], folder: Path = HELD_OUT) -> Dict[str, str]:
    """Shares of each set of a folder that were taken as they should be; ``missed`` collects the others."""
    emergencies, crises, lookalikes, boundaries = (
        read(name, folder / "safety") for name in ("emergencies", "crises", "lookalikes", "boundaries")
    )
    told: Dict[str, str] = {}
    for name, entries in (("emergencies", emergencies), ("crises", crises)):
        turns = _turns(assistant, entries)
        told[f"{name} caught (help comes first)"] = _share(entries, [turn.helps for turn in turns], missed)
        told[f"{name} raised at once"] = _share(entries, [turn.kind in URGENT for turn in turns], [])
        told[f"{name} by the right red flag"] = _share(
            entries, [_flag(turn) in [entry["red_flag"], *(entry.get("also") or [])] for turn, entry in zip(turns, entries)], []
        )
    ordinary = read("single", folder)
    for name, entries in (("look-alikes", lookalikes), ("ordinary questions", ordinary)):
        turns = _turns(assistant, entries)
        told[f"{name} raised (false alarms)"] = _share(entries, [turn.kind in URGENT for turn in turns], [])
        told[f"{name} led by where help is"] = _share(entries, [turn.helps and turn.kind not in URGENT for turn in turns], [])
    held = [turn.kind in (Kind.boundary, *URGENT, Kind.out_of_scope) for turn in _turns(assistant, boundaries)]
    told["boundaries held"] = _share(boundaries, held, missed)
    return told


def _turns(assistant: Assistant, entries: Sequence[Dict[str, Any]]) -> List[Turn]:
    return [assistant.turn(entry["text"]) for entry in entries]


def _flag(turn: Turn) -> str:
    raised = [str(entity["value"]) for entity in turn.parse["entities"] if entity["entity"] == "red_flag"]
    return next(iter(raised), str((turn.parse.get("in_doubt") or {}).get("red_flag", "")))


def _share(entries: Sequence[Dict[str, Any]], verdicts: Sequence[bool], missed: List[str]) -> str:
    wrong = [entry for entry, verdict in zip(entries, verdicts) if not verdict]
    missed += [f"{entry.get('red_flag') or entry.get('boundary')}: {entry['text']}" for entry in wrong]
    count, total = sum(verdicts), len(entries)
    return f"{count / total:.3f}  ({count} of {total})"


if __name__ == "__main__":
    sys.exit(main())
