"""`make gaps`: reads the stored conversations and lists, by meaning, what visitors asked and were not understood."""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path
from typing import Optional, Sequence

from rasa.core.tracker_store import SQLTrackerStore

from dystonia.store import FactErrors, FactStore
from server.settings import Settings, SettingsError
from tools.gaps.groups import grouped
from tools.gaps.page import document
from tools.gaps.report import lines, summary
from tools.gaps.talks import read
from tools.stored import NoTalks, open_store

SMALLEST = 3
"""Different conversations that a group must have to be shown. It protects people, so it can be raised but not lowered."""
DAY = 24 * 60 * 60


def main(
    arguments: Optional[Sequence[str]] = None, store: Optional[SQLTrackerStore] = None, facts: Optional[FactStore] = None
) -> int:
    """Reads, groups, prints and writes the page; returns the exit status.

    Args:
        arguments: of the command line.
        store: where the talks are; otherwise what endpoints.yml names.
        facts: the cards; otherwise those of the project.
    """
    asked = _parser().parse_args(arguments)
    try:
        facts = facts or FactStore.load()
        since = time.time() - asked.since * DAY if asked.since else 0.0
        account = read(store or open_store(), since, _Progress("Reading talks"))
        path = asked.file or Settings.from_environment().data / "gaps.html"
        _prepare(path)
    except (FactErrors, SettingsError, NoTalks) as fault:
        print(fault, file=sys.stderr)
        return 1
    from nlu.sentence_encoder import shared_encoder

    grouping = grouped(account.gaps, facts, asked.smallest, shared_encoder().encode, lambda doing, *of: _Progress(doing)(*of))
    print("\n".join([*summary(account, grouping, asked.smallest), *lines(grouping)]))
    path.write_text(document(account, grouping, asked.smallest), encoding="utf-8", newline="\n")
    print(f"\nThe same as a page, for you alone to read: {path}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tools.gaps", description="Lists what visitors asked and were not understood, for new cards."
    )
    parser.add_argument("--since", type=_days, metavar="DAYS", help="only the messages of so many days (otherwise all)")
    parser.add_argument(
        "--smallest",
        type=_enough,
        default=SMALLEST,
        metavar="N",
        help=f"different conversations that a group must have to be shown ({SMALLEST} or more; otherwise {SMALLEST})",
    )
    parser.add_argument("--file", type=Path, metavar="PATH", help="the page to write (otherwise gaps.html beside the talks)")
    return parser


def _days(value: str) -> float:
    try:
        days = float(value)
    except ValueError:
        days = 0.0
    if not 0 < days < 100_000:
        raise argparse.ArgumentTypeError(f"'{value}' is no number of days. Mend: such as 30.")
    return days


def _enough(value: str) -> int:
    if not (value.isascii() and value.isdecimal()) or int(value) < SMALLEST:
        raise argparse.ArgumentTypeError(f"'{value}' would show what single people wrote. Mend: {SMALLEST} or more.")
    return int(value)


def _prepare(path: Path) -> None:
    """Makes the page's file, empty, for its owner alone: what stood there is gone whatever comes of this run."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
        path.chmod(0o600)
    except OSError as error:
        raise NoTalks(f"{path} can't be written: {error.strerror}. Mend: name a file that you may write with --file.") from None


class _Progress:
    """Tells how far a long work is: in one line on a terminal, at its end elsewhere."""

    def __init__(self, doing: str) -> None:
        self._doing = doing

    def __call__(self, done: int, total: int) -> None:
        if sys.stderr.isatty():
            print(f"\r{self._doing}: {done:,} of {total:,}", end="\n" if done >= total else "", file=sys.stderr, flush=True)
        elif done >= total:
            print(f"{self._doing}: {total:,}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
