"""`export` and `import`: all cards as a spreadsheet, and a spreadsheet back into the card files, whole or not at all."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Callable

from dystonia.store import FactStore
from tools.facts import workbook
from tools.facts.plan import CardFiles, mark, planned
from tools.facts.workbook import SheetFaults

Ask = Callable[[str], str]


def add_export_options(parser: argparse.ArgumentParser) -> None:
    """What ``export`` can be told."""
    parser.add_argument("file", type=Path, metavar="FILE.xlsx")
    parser.add_argument("--yes", action="store_true", help="replace a file of that name without asking")


def add_import_options(parser: argparse.ArgumentParser) -> None:
    """What ``import`` can be told."""
    parser.add_argument("file", type=Path, metavar="FILE.xlsx")
    parser.add_argument("--yes", action="store_true", help="write the changes without asking")
    parser.add_argument("--remove", action="store_true", help="take out the cards whose rows are gone; otherwise they stay")


def export(store: FactStore, folder: Path, asked: argparse.Namespace, ask: Ask = input) -> int:
    """Writes all cards to a spreadsheet; returns the exit status, 1 when it can't or may not be written."""
    path: Path = asked.file
    question = f"{path} is there already. Replace it, with all that was changed in it?"
    if path.exists() and not (asked.yes or _agreed(question, ask)):
        return 1
    try:
        rows = CardFiles(store, folder).rows()
        marks = {card: mark(row) for card, row in rows.items()}
        workbook.write(path, list(rows.values()), list(store.sources.values()), marks)
    except SheetFaults as faults:
        print(faults, file=sys.stderr)
        return 1
    print(f"{len(rows)} cards are in {path}. When you have changed and saved it: python -m tools.facts import {path}")
    return 0


def take_in(store: FactStore, folder: Path, asked: argparse.Namespace, ask: Ask = input) -> int:
    """Takes the changes of a spreadsheet into the card files; returns the exit status, 1 when nothing may be written."""
    try:
        plan = planned(store, folder, workbook.read(asked.file), asked.remove)
        print("\n".join(plan.told()))
        if not plan.texts:
            return 0
        if not (asked.yes or _agreed("Write these changes?", ask)):
            return 1
        plan.write()
    except SheetFaults as faults:
        print(faults, file=sys.stderr)
        return 1
    print(f"Written: {', '.join(plan.texts)}. Next: 'make run' starts the assistant with them, and trains it where needed.")
    return 0


def _agreed(question: str, ask: Ask) -> bool:
    try:
        if ask(f"{question} yes or no: ").strip().lower() in ("y", "yes"):
            return True
    except (EOFError, KeyboardInterrupt):
        print()
    print("Nothing was written.")
    return False
