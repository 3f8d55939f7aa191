"""What taking in a spreadsheet would do to the card files: found out and checked as a whole before a byte is written."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Dict, Iterable, Iterator, List, Mapping, Optional, Tuple, Union

import yaml

from dystonia.models import Card
from dystonia.store import FactErrors, FactStore, Problem
from tools.facts import writing
from tools.facts.columns import COLUMNS, Cells, cells, column_of, field_of, values
from tools.facts.rows import Rows, is_file_name
from tools.facts.workbook import Fault, Row, Sheet, SheetFaults

_YAML_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class CardFiles:
    """The card files as they are: the text of each, and which one each card stands in."""

    def __init__(self, store: FactStore, folder: Path) -> None:
        self.store = store
        self.folder = folder / "cards"
        self.texts = {path.name: _text_of(path) or "" for path in sorted(self.folder.glob("*.yml"))}
        self.file_of = {card: name for name, text in self.texts.items() for card in writing.cards_in(text)}

    def rows(self) -> Dict[str, Cells]:
        """The cells of every card, by id, in the order of the files.

        Raises:
            SheetFaults: a card is laid out so that it can't be replaced.
        """
        mend = "begin the card with '- id: ' and its id, without quotes, at the start of a line of its own"
        odd = [card for card in self.store.cards if card not in self.file_of]
        if odd:
            raise SheetFaults(Fault(0, "", card, "the card does not begin as others do in its file", mend) for card in odd)
        return {card.id: {**cells(writing.plain(card)), "file": self.file_of[card.id]} for card in self.store.cards.values()}


def mark(row: Cells) -> str:
    """A short hash of what a row says; tells later whether it, or its card, has changed since the export."""
    return hashlib.sha256(json.dumps(_normal(row), sort_keys=True).encode()).hexdigest()[:12]


def _normal(row: Cells) -> Cells:
    """A row as its card would be exported: points close up, lists are written alike."""
    return {**cells(values(row)), "file": row["file"]}


@dataclass(frozen=True)
class Change:
    """What a row changes in its card, or the new card that it holds.

    Attributes:
        card: the whole card, to be written.
        was: the cells that differ, as they are in the card files; of a new card nothing.
        now: the same cells as they are in the sheet.
        newer: whether the card was also changed in its file after the export.
    """

    row: int
    card: Dict[str, Any]
    file: str
    was: Cells
    now: Cells
    newer: bool

    @property
    def is_new(self) -> bool:
        return not self.was


@dataclass(frozen=True)
class Plan:
    """All that an import would do.

    Attributes:
        kept: cards without a row, which stay.
        newer: cards whose row is as it was exported, while their file has changed since: the file is right.
        texts: the new text of every card file that changes; empty where no card is left in it.
    """

    files: CardFiles
    changes: List[Change]
    removed: List[str]
    kept: List[str]
    newer: List[str]
    texts: Dict[str, str]

    def told(self) -> Iterator[str]:
        """What would change, line by line, in plain words."""
        for change in self.changes:
            yield from _told(change, self.files.texts)
        for card in self.removed:
            yield f"{card} is removed from {self.files.file_of[card]}: its row is gone."
        yield from (f"{name} holds no card any more, and is deleted." for name, text in self.texts.items() if not text)
        if self.kept:
            yield f"No row in the sheet, but kept: {', '.join(self.kept)}. To take such cards out, import with --remove."
        if self.newer:
            yield f"Newer in the files than the sheet, and not changed in it, so left alone: {', '.join(self.newer)}."
        new = sum(change.is_new for change in self.changes)
        yield f"Cards: {len(self.changes) - new} changed, {new} new, {len(self.removed)} removed."

    def write(self) -> None:
        """Writes all files; puts back those already written when one can't be.

        Raises:
            SheetFaults: a file can't be written, or was changed by somebody else since it was read.
        """
        before = self.files.texts
        for name in self.texts:
            if _text_of(self.files.folder / name) != before.get(name):
                raise SheetFaults([Fault(0, "", name, "the file was changed just now by somebody else", "import again")])
        try:
            _write(self.files.folder, self.texts)
        except OSError as error:
            _write(self.files.folder, {name: before.get(name, "") for name in self.texts})
            fault, mend = f"it can't be written: {error.strerror}", "see that you may change it, and that the disk has room"
            raise SheetFaults([Fault(0, "", str(error.filename), fault, mend)]) from None


def planned(store: FactStore, folder: Path, sheet: Sheet, remove: bool) -> Plan:
    """Compares a sheet with the cards, and checks what would come of it.

    Raises:
        SheetFaults: the sheet, or what would come of it, has faults; all of them.
    """
    if "id" not in sheet.rows[0].cells:
        raise SheetFaults(sheet.faults)
    files = CardFiles(store, folder)
    stored = files.rows()
    rows = Rows(sheet, stored, list(files.texts))
    plan = _planned(files, stored, rows, sheet.marks, remove)
    faults = [*sheet.faults, *rows.faults, *_checked(plan, rows)]
    if faults:
        raise SheetFaults(faults)
    return plan


def _planned(files: CardFiles, stored: Mapping[str, Cells], rows: Rows, marks: Mapping[str, str], remove: bool) -> Plan:
    compared = [_change(row, files.store, stored, marks) for row in rows.fit]
    changes = [change for change in compared if change]
    missing = [card for card in stored if card not in rows.row_of]
    removed = [card for card in missing if remove and card in (marks or stored)]
    kept = [card for card in missing if card not in removed]
    return Plan(files, changes, removed, kept, _newer(rows.fit, stored, marks), _texts(files, changes, removed))


def _change(row: Row, store: FactStore, stored: Mapping[str, Cells], marks: Mapping[str, str]) -> Optional[Change]:
    card_id, file = row.cells["id"], row.cells["file"]
    card, now = values(row.cells), _normal(row.cells)
    if card_id not in stored:
        filled = {column: text for column, text in now.items() if text and column not in ("id", "file")}
        return Change(row.number, card, file, {}, filled, False)
    was = _normal(stored[card_id])
    differing = [column for column in COLUMNS if now[column] != was[column]]
    newer = card_id in marks and marks[card_id] != mark(was)
    if not differing or (newer and marks[card_id] == mark(now)):
        return None
    # Only what differs is taken from the row: a cell can't hold every blank and sign that a card file can.
    whole = writing.plain(store.cards[card_id])
    for field in {field_of(column) for column in differing} - {"file"}:
        whole.pop(field, None)
        whole.update({field: card[field]} if field in card else {})
    return Change(row.number, whole, file, _only(was, differing), _only(now, differing), newer)


def _only(row: Cells, columns: Iterable[str]) -> Cells:
    return {column: row[column] for column in columns}


def _newer(rows: Iterable[Row], stored: Mapping[str, Cells], marks: Mapping[str, str]) -> List[str]:
    known = [(row.cells["id"], row.cells) for row in rows if row.cells["id"] in marks and row.cells["id"] in stored]
    return [card for card, row in known if marks[card] == mark(row) != mark(stored[card])]


def _texts(files: CardFiles, changes: Iterable[Change], removed: Iterable[str]) -> Dict[str, str]:
    texts = dict(files.texts)
    for card in removed:
        _take_out(texts, files.file_of[card], card)
    for change in changes:
        home = files.file_of.get(change.card["id"], change.file)
        if home != change.file:
            _take_out(texts, home, change.card["id"])
        texts[change.file] = writing.put(texts.get(change.file, ""), change.card)
    return {name: text for name, text in texts.items() if text != files.texts.get(name)}


def _take_out(texts: Dict[str, str], name: str, card: str) -> None:
    left = writing.take_out(texts[name], card)
    texts[name] = left if writing.cards_in(left) else ""


def _text_of(path: Path) -> Optional[str]:
    """The text of a file with its line ends as they are; nothing where there is no file."""
    return path.read_bytes().decode("utf-8") if path.exists() else None


def _write(folder: Path, texts: Mapping[str, str]) -> None:
    for name, text in texts.items():
        path = folder / name
        if not text:
            path.unlink(missing_ok=True)
        elif _text_of(path) != text:
            writing.save(path, text)


# Telling it.


def _told(change: Change, texts: Mapping[str, str]) -> Iterator[str]:
    where = f"{'' if change.file in texts else 'the new file '}{change.file}"
    yield f"{change.card['id']} (row {change.row}) {f'is new, in {where}' if change.is_new else 'changes'}:"
    for column, now in change.now.items():
        was = change.was.get(column, "")
        if column == "other questions":
            yield from _lines_told(was.split("\n"), now.split("\n"))
        elif change.is_new:
            yield f"  {column}: {now}"
        else:
            yield f"  {column}\n    was: {was or '(empty)'}\n    now: {now or '(empty)'}"
    if change.newer:
        yield "  It was also changed in its file since the sheet was exported: make sure that 'now' is what you want."


def _lines_told(was: List[str], now: List[str]) -> Iterator[str]:
    yield "  other questions"
    out, added = [line for line in was if line and line not in now], [line for line in now if line and line not in was]
    yield from (f"    out: {line}" for line in out)
    yield from (f"    new: {line}" for line in added)
    if not out and not added:
        yield "    in another order"


# Checking it.


def _checked(plan: Plan, rows: Rows) -> Iterator[Fault]:
    """What the store would say of the facts after the import, told by row and column."""
    texts = _with_stubs(plan, rows)
    if not texts:
        return
    folder = plan.files.folder.parent
    with TemporaryDirectory() as beside:
        copy = Path(shutil.copytree(folder, Path(beside) / folder.name))
        _write(copy / "cards", texts)
        try:
            loaded = FactStore.load(copy)
        except FactErrors as errors:
            written = {**plan.files.texts, **texts}
            told = [problem for problem in errors.problems if problem.entry not in rows.unfit]
            yield from (_translated(problem, rows, written) for problem in told)
            return
    yield from _misread(plan, rows, loaded)


def _with_stubs(plan: Plan, rows: Rows) -> Dict[str, str]:
    """The changed files, with the bare id of each card that can't be written yet: links to it hold, its faults are told."""
    texts = dict(plan.texts)
    for card, name in rows.unfit.items():
        file = name if is_file_name(name) else "new.yml"
        texts[file] = writing.put(texts.get(file) or plan.files.texts.get(file, ""), {"id": card})
    return texts


def _misread(plan: Plan, rows: Rows, loaded: FactStore) -> Iterator[Fault]:
    """Cards that the store would read otherwise than they are meant: none, unless writing and reading disagree."""
    meant = {card.id: card for card in plan.files.store.cards.values() if card.id not in plan.removed}
    meant.update({change.card["id"]: Card(**change.card) for change in plan.changes})
    for card in meant:
        if loaded.cards.get(card) != meant[card]:
            number = rows.row_of[card].number if card in rows.row_of else 0
            yield Fault(number, "id", card, "the card would read otherwise than it stands here", "use plain letters and signs")


def _translated(problem: Problem, rows: Rows, texts: Mapping[str, str]) -> Fault:
    row, (folder, _, name) = rows.row_of.get(problem.entry), problem.file.rpartition("/")
    if row is None or not folder.endswith("/cards"):
        return Fault(0, "", f"{problem.file}, line {problem.line}", f"{problem.entry}: {problem.fault}", problem.mend)
    path = _path(texts[name], problem.entry, problem.line - 1)
    # The store names the line where a passage begins, whatever is wrong in it.
    column = column_of(path[: 2 if path[0] in ("points", "questions") else 1], row.cells)
    sources = " sources" if problem.fault.startswith("the source '") else ""
    return Fault(row.number, f"{column}{sources}", problem.entry, problem.fault, problem.mend)


def _path(text: str, card: str, line: int) -> List[Union[str, int]]:
    """The way to the value of a card that stands on a line of its file; lines count from 0."""
    cards = yaml.compose(text, Loader=_YAML_LOADER).value
    inner = next(each for each in cards if any(key.value == "id" and value.value == card for key, value in each.value))
    path: List[Union[str, int]] = []
    while inner is not None:
        step, inner = _at(inner, line)
        path += [] if inner is None else [step]
    return path


def _at(node: yaml.Node, line: int) -> Tuple[Union[str, int], Optional[yaml.Node]]:
    """The value inside another that stands on a line: of those that begin there or before, the last line's first."""
    inside: List[Tuple[Union[str, int], yaml.Node]] = []
    if isinstance(node, yaml.MappingNode):
        inside = [(key.value, value) for key, value in node.value]
    elif isinstance(node, yaml.SequenceNode):
        inside = list(enumerate(node.value))
    before = [(step, value) for step, value in inside if value.start_mark.line <= line]
    return max(before, key=lambda each: each[1].start_mark.line) if before else ("", None)
