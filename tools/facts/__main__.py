"""`make facts`: checks the fact files and says, in plain words, what to mend. Also shows, finds and dates cards."""

from __future__ import annotations

import argparse
import datetime
import os
import sys
from collections import Counter
from difflib import get_close_matches
from pathlib import Path
from statistics import median
from typing import Callable, Iterator, Optional, Sequence

from dystonia import wording
from dystonia.compose import Answerer
from dystonia.models import Card, Passage, State
from dystonia.question import Talk
from dystonia.reply import as_text
from dystonia.store import FACTS, FactErrors, FactStore
from tools.facts import matrix, new, preview, reach, scores, sheet

OWN_KINDS = frozenset({"founding", "project"})
"""Kinds of source that come from this project itself."""


def main(arguments: Optional[Sequence[str]] = None, folder: Path = FACTS) -> int:
    """Runs one command on a facts folder; returns the exit status, 1 when there is something to mend."""
    asked = _parser().parse_args(arguments)
    try:
        store = FactStore.load(folder)
    except FactErrors as faults:
        print(faults, file=sys.stderr)
        return 1
    commands: dict[str, Callable[[], int]] = {
        "check": lambda: check(store),
        "show": lambda: show(store, asked.id),
        "find": lambda: find(store, asked.words),
        "due": lambda: due(store),
        "matrix": lambda: matrix.write(store),
        "new": lambda: new.new(store, folder),
        "reach": lambda: reach.report(store),
        "preview": lambda: preview.command(store, asked),
        "scores": lambda: scores.command(store, asked),
        "export": lambda: sheet.export(store, folder, asked),
        "import": lambda: sheet.take_in(store, folder, asked),
    }
    return commands[asked.command or "check"]()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tools.facts", description="Checks and shows the fact files.")
    commands = parser.add_subparsers(dest="command", title="commands", metavar="COMMAND")
    commands.add_parser("check", help="say what to mend, or sum up what is there (without a command: this)")
    commands.add_parser("show", help="print a card as a visitor reads it").add_argument("id", metavar="ID")
    commands.add_parser("find", help="list cards that hold all these words").add_argument("words", nargs="+", metavar="WORD")
    commands.add_parser("due", help="list all cards, the next to be reviewed first")
    commands.add_parser("new", help="ask for what a card needs, one thing at a time, and write it as a draft")
    commands.add_parser("reach", help="list cards that no question finds, that lose to another, or whose answers are alike")
    commands.add_parser("matrix", help="write docs/matrix.md: which card says what of every type and treatment")
    preview.add_options(commands.add_parser("preview", help="show all cards on a local page, to read, print and review"))
    sheet.add_export_options(commands.add_parser("export", help="write all cards to a spreadsheet, to change them there"))
    sheet.add_import_options(commands.add_parser("import", help="say what a spreadsheet changes in the cards, and write it"))
    scores.add_options(commands.add_parser("scores", help="print how the treatment answers score with DISCERN and PEMAT-P"))
    return parser


def check(store: FactStore) -> int:
    """Sums up a store that has no faults."""
    cards = list(store.cards.values())
    late = store.overdue(datetime.date.today())
    grades = sorted((wording.reading_grade(_text(card)), card.id) for card in cards)
    sourced, outside, sentences = _sourcing(store)
    print(f"No faults. {len(cards)} cards, {len(store.sources)} sources, {len(store.terms)} vocabulary entries.")
    print("Cards by topic:")
    for topic, count in sorted(Counter(card.topic.value for card in cards).items(), key=lambda item: (-item[1], item[0])):
        print(f"  {topic:<22}{count:>5}")
    states = Counter(card.state.value for card in cards)
    print(
        f"Cards by state of review: {', '.join(f'{state.value} {states[state.value]}' for state in State)} "
        "(by a clinician: 'reviewed')"
    )
    orphans = sorted(set(store.cards) - {other for card in cards for other in card.see_also})
    print(f"Orphan cards, to which no other card leads: {len(orphans)}{': ' if orphans else ''}{', '.join(orphans)}")
    used = Counter(source for card in cards for source in {each for passage in card.passages for each in passage.sources})
    print(
        f"Cards a source: median {median(used.values()):.0f}, most {used.most_common(1)[0][1]}; "
        f"sources that no card names: {len(store.sources) - len(used)}"
    )
    print(f"Cards past their review date: {len(late)}{' (listed by: python -m tools.facts due)' if late else ''}")
    print(f"Reading grade: median {median(grade for grade, _ in grades):.1f}, worst {grades[-1][0]:.1f} ({grades[-1][1]})")
    print(
        f"Sentences with a source: {sourced / sentences:.0%} of {sentences}; "
        f"with one from outside this project: {outside / sentences:.0%}"
    )
    return 0


def show(store: FactStore, card_id: str) -> int:
    """Prints a card as it reads at the start of a talk, then where it comes from and how old it is."""
    card = store.cards.get(card_id)
    if card is None:
        near = get_close_matches(card_id, store.cards, n=3)
        mend = f"did you mean {' or '.join(near)}?" if near else "look for it with: python -m tools.facts find WORD"
        print(f"There is no card '{card_id}'. Mend: {mend}", file=sys.stderr)
        return 1
    answer = Answerer(store).repeat(Talk(cards=(card.id,))).answer
    print(f"{card.question}\n\n{as_text(answer)}\n")
    for button in answer.buttons:
        print(f"  [{button.title}]")
    print(f"\n{card.id}: {card.topic.value}, {card.status.value}, about {', '.join(card.about)}")
    grade = wording.reading_grade(_text(card))
    print(f"Reviewed {card.reviewed}, to be reviewed by {card.review_by}. Reading grade {grade:.1f}.")
    for source_id in answer.sources:
        source = store.sources[source_id]
        print(f"  {source.id}: {source.title}. {source.publisher}, {source.date}. {source.url or 'no public address'}")
    return 0


def find(store: FactStore, words: Sequence[str]) -> int:
    """Lists the cards that hold all words in their questions and text, each with the first line that holds one."""
    wanted = [word.lower() for word in words]
    found = [card for card in store.cards.values() if all(word in "\n".join(_lines(card)).lower() for word in wanted)]
    for card in found:
        line = next(line for line in _lines(card) if any(word in line.lower() for word in wanted))
        print(f"{card.id}: {line}")
    print(f"{len(found)} of {len(store.cards)} cards hold {' and '.join(words)}.")
    return 0 if found else 1


def due(store: FactStore) -> int:
    """Lists all cards by the day they must be reviewed."""
    today = datetime.date.today()
    for card in sorted(store.cards.values(), key=lambda card: (card.review_by, card.id)):
        print(f"{card.review_by}{'  overdue' if card.review_by < today else '':<9}  {card.id}: {card.question}")
    return 0


def _text(card: Card) -> str:
    return " ".join(passage.text for passage in card.passages)


def _lines(card: Card) -> list[str]:
    return [*card.questions, *(passage.text for passage in card.passages)]


def _sourcing(store: FactStore) -> tuple[int, int, int]:
    """Sentences that visitors read: with a source, with one from outside this project, and all."""
    sourced = outside = total = 0
    for passage in _passages(store):
        count = len(wording.sentences(passage.text))
        kinds = {store.sources[source].kind for source in passage.sources}
        total += count
        sourced += count * bool(kinds)
        outside += count * bool(kinds - OWN_KINDS)
    return sourced, outside, total


def _passages(store: FactStore) -> Iterator[Passage]:
    for card in store.cards.values():
        yield from card.passages
    yield from (caution.full for caution in store.cautions.values())
    yield from (flag.reply for flag in store.red_flags.values())
    yield from (boundary.reply for boundary in store.boundaries.values())


if __name__ == "__main__":
    try:
        status = main()
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever reads the output has seen enough of it ("| head").
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 0
    except OSError as error:
        status = 1
        print(
            f"{error.filename}: {error.strerror}. Mend: check that the file is there and that you may change it.",
            file=sys.stderr,
        )
    sys.exit(status)
