"""The spreadsheet file of the cards: how it is laid out for a person, and how it is read back whatever saved it last."""

from __future__ import annotations

import datetime
import re
import warnings
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, Iterable, Iterator, List, Mapping, NoReturn, Sequence, Tuple
from xml.etree.ElementTree import ParseError
from zipfile import BadZipFile

from openpyxl import Workbook, load_workbook
from openpyxl.cell.cell import Cell
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.utils.exceptions import InvalidFileException
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.worksheet import Worksheet

from dystonia.models import Source
from tools.facts.columns import CHOICES, COLUMNS, MOST_POINTS, WIDTHS, Cells, Remark, clean, like

CARDS, SOURCES, GUIDE, BEHIND = "Cards", "Sources", "How to use this", "Do not change"
SOURCE_WIDTHS = {"id": 30, "title": 60, "publisher": 40, "date": 22, "url": 60}
LAST_ROW = 5000
"""Down to this row the cells have drop-down lists."""
LINE, TALLEST = 15, 150
"""Points of height: of one line, and of the tallest row; what does not fit is read by clicking the cell."""

GUIDE_LINES = (
    "Each row of the sheet 'Cards' is one answer of the assistant. Change what you like, save, and import the file again.",
    "",
    "To change a card: type into its cells. Leave its id as it is: other cards point to it.",
    "To add a card: fill in a new row below the others. It needs an id and a file: one of those there, or a new name.yml.",
    "To take a card out: delete its row, and import with --remove. Without it the card stays.",
    "",
    "The heading of a column must stay as it is. Rows may be sorted and filtered. Add no columns: nobody reads them.",
    "other questions: one a line. In Excel, Alt+Enter starts a new line in a cell; in LibreOffice, Ctrl+Enter.",
    "lead: the answer in one or two sentences. point 1 to point 5: short additions. Each has the ids of its sources beside it.",
    "point label: in a long answer a word or three that say what the point is about. Label all points of a card, or none.",
    "about, sources, covers, cautions, see_also: ids with commas between them. The ids of sources are on the sheet 'Sources'.",
    "reviewed, review_by, clinician date: dates as 2026-11-21. All cells are text: no date or number changes by itself.",
    "topic, status, state, by_country: choose from the list of the cell.",
    "clinician: name, profession and date, only where state is 'reviewed'. Never put a name there that did not read the card.",
    "A text may begin with = + - or @. In a cell that is not text, put an apostrophe (') before it.",
    "",
    "The import first says what would change, and asks. If anything is wrong, it lists every fault with row and column,",
    "and writes nothing. The sheet 'Sources' is only to look at: sources are changed in facts/sources.yml.",
    "What each column means in full: docs/editing-facts.md.",
)

Lines = Sequence[Sequence[Cell]]
_HEAD = PatternFill("solid", fgColor="D9E5EE")
_SIGNS = re.compile(r"[\x00-\x08\x0b-\x1f]|_(?=x[0-9A-Fa-f]{4}_)")
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
_FORMULA = Remark("the cell holds a formula", "type the text itself; put an apostrophe (') before a text that begins with =")
_UNREADABLE = (
    InvalidFileException, BadZipFile, KeyError, ValueError, TypeError, AttributeError, ParseError, EOFError, zlib.error,
)  # fmt: skip
"""What openpyxl raises on files that are no spreadsheet, or a broken one."""


@dataclass(frozen=True)
class Fault:
    """One fault of a spreadsheet: where it is, what is wrong and how to mend it. Row 0 is the file as a whole."""

    row: int
    column: str
    card: str
    fault: str
    mend: str

    def __str__(self) -> str:
        place = f"row {self.row}, column {self.column}: " if self.row else ""
        return f"{place}{f'{self.card}: ' if self.card else ''}{self.fault}. Mend: {self.mend}."


class SheetFaults(ValueError):
    """The spreadsheet can't be taken in; ``faults`` holds every fault found, not only the first."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = sorted(faults, key=lambda fault: fault.row)
        count = len(self.faults)
        super().__init__("\n".join([f"{count} fault{'' if count == 1 else 's'}; nothing was written:", *map(str, self.faults)]))


@dataclass(frozen=True)
class Row:
    """A filled row of the sheet: the cells of its columns, and what can't be read in them."""

    number: int
    cells: Cells
    remarks: Dict[str, Remark] = field(default_factory=dict)


@dataclass(frozen=True)
class Sheet:
    """A spreadsheet as it was read.

    Attributes:
        faults: what is wrong with its columns.
        marks: the mark that each card had when the sheet was exported, by id.
    """

    rows: List[Row]
    faults: List[Fault]
    marks: Dict[str, str]


def write(path: Path, rows: Sequence[Cells], sources: Iterable[Source], marks: Mapping[str, str]) -> None:
    """Writes the spreadsheet, at once or not at all.

    Raises:
        SheetFaults: the file has another ending, is open elsewhere, or can't be written.
    """
    _refuse_unless_free(path)
    book = Workbook()
    _lay_out_cards(book.active, rows)
    _lay_out_sources(book.create_sheet(SOURCES), sources)
    _lay_out_guide(book.create_sheet(GUIDE))
    _lay_out_behind(book.create_sheet(BEHIND), marks)
    beside = path.with_name(f"{path.stem}.new{path.suffix}")
    try:
        book.save(beside)
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        _refuse(path, f"it can't be written: {error.strerror}", "close it where it is open, or name another folder")


def read(path: Path) -> Sheet:
    """Reads a spreadsheet.

    Raises:
        SheetFaults: there is no such file, it is open elsewhere, or it is no spreadsheet of cards.
    """
    _refuse_unless_free(path)
    try:
        with warnings.catch_warnings():
            # What other programs add and openpyxl leaves out is no concern of an editor's.
            warnings.simplefilter("ignore")
            book = load_workbook(path)
    except FileNotFoundError:
        _refuse(path, "there is no such file", "check its name and folder")
    except OSError as error:
        _refuse(path, f"it can't be read: {error.strerror}", "close it where it is open, and see that you may read it")
    except _UNREADABLE:
        _refuse(path, "it is no spreadsheet of the kind .xlsx", "open it in Excel or LibreOffice, and save it as one")
    if CARDS not in book.sheetnames:
        _refuse(path, f"it has no sheet '{CARDS}'", "give that name to the sheet with the cards again")
    lines = list(book[CARDS].iter_rows())
    columns, faults = _columns(lines)
    rows = [_row(number, line, columns) for number, line in enumerate(lines[1:], 2)]
    filled = [row for row in rows if any(row.cells.values()) or row.remarks]
    if not filled:
        _refuse(path, f"the sheet '{CARDS}' holds no card", "export the cards anew")
    return Sheet(filled, faults, _marks(book[BEHIND]) if BEHIND in book.sheetnames else {})


def _refuse(path: Path, fault: str, mend: str) -> NoReturn:
    raise SheetFaults([Fault(0, "", path.name, fault, mend)]) from None


def _refuse_unless_free(path: Path) -> None:
    if path.suffix.lower() != ".xlsx":
        _refuse(path, "its name does not end in .xlsx", "save it as 'Excel workbook (.xlsx)', and give that name")
    for name in (f"~${path.name}", f".~lock.{path.name}#"):
        if path.with_name(name).exists():
            mend = f"save and close it there; if no program has it open, delete the file {name} beside it"
            _refuse(path, "it is open in another program", mend)


# Laying it out.


def _lay_out_cards(sheet: Worksheet, rows: Sequence[Cells]) -> None:
    sheet.title = CARDS
    _table(sheet, WIDTHS, rows)
    sheet.freeze_panes = "C2"
    for place, (column, words) in enumerate(CHOICES.items(), 1):
        letter, listed = get_column_letter(COLUMNS.index(column) + 1), get_column_letter(place)
        area = f"'{BEHIND}'!${listed}$2:${listed}${len(words) + 1}"
        choice = DataValidation("list", area, allow_blank=True, showErrorMessage=True, error="Choose one of the list.")
        choice.add(f"{letter}2:{letter}{LAST_ROW}")
        sheet.add_data_validation(choice)


def _lay_out_sources(sheet: Worksheet, sources: Iterable[Source]) -> None:
    _table(sheet, SOURCE_WIDTHS, [{name: getattr(source, name) or "" for name in SOURCE_WIDTHS} for source in sources])
    sheet.freeze_panes = "B2"
    sheet.protection.sheet = True
    sheet.protection.autoFilter = sheet.protection.formatColumns = False


def _lay_out_guide(sheet: Worksheet) -> None:
    sheet.column_dimensions["A"].width = 120
    for number, line in enumerate(GUIDE_LINES, 1):
        _fill(sheet.cell(number, 1), line)


def _lay_out_behind(sheet: Worksheet, marks: Mapping[str, str]) -> None:
    """What the sheet of the cards leans on, out of sight: the words of the lists, and how each card stood at the export."""
    sheet.sheet_state = "hidden"
    columns: Dict[str, Sequence[str]] = {**CHOICES, "card": list(marks), "mark": list(marks.values())}
    for place, (name, words) in enumerate(columns.items(), 1):
        for number, word in enumerate([name, *words], 1):
            _fill(sheet.cell(number, place), word)


def _table(sheet: Worksheet, widths: Mapping[str, int], rows: Sequence[Mapping[str, str]]) -> None:
    for place, (name, width) in enumerate(widths.items(), 1):
        column = sheet.column_dimensions[get_column_letter(place)]
        column.width, column.number_format, column.alignment = width, "@", Alignment(wrap_text=True, vertical="top")
        head = sheet.cell(1, place)
        _fill(head, name)
        head.font, head.fill = Font(bold=True), _HEAD
    for number, row in enumerate(rows, 2):
        for place, name in enumerate(widths, 1):
            _fill(sheet.cell(number, place), row[name])
        lines = max(_lines(row[name], width) for name, width in widths.items())
        sheet.row_dimensions[number].height = min(TALLEST, LINE * lines)
    sheet.auto_filter.ref = f"A1:{get_column_letter(len(widths))}{len(rows) + 1}"


def _fill(cell: Cell, text: str) -> None:
    """Puts a text into a cell as text: nothing that it begins with makes a formula, a date or a number of it."""
    cell.number_format, cell.alignment = "@", Alignment(wrap_text=True, vertical="top")
    if text:
        cell.value = _SIGNS.sub(lambda sign: f"_x{ord(sign[0]):04X}_", text)
        cell.data_type = "s"
        cell.quotePrefix = text[0] in "=+-@"


def _lines(text: str, width: int) -> int:
    return sum(len(line) // width + 1 for line in text.split("\n"))


# Reading it.


def _columns(lines: Lines) -> Tuple[Dict[int, str], List[Fault]]:
    """Which column stands at which place, and what is wrong with the headings."""
    heads = [_text(cell.value) for cell in lines[0]] if lines else []
    columns: Dict[int, str] = {}
    strange: Dict[int, str] = {}
    faults: List[Fault] = []
    for place, head in enumerate(heads):
        name = next((name for name in COLUMNS if _plain(name) == _plain(head)), None)
        if name in columns.values():
            faults.append(Fault(1, head, "", "the column stands twice", "take one of the two out"))
        elif name:
            columns[place] = name
        else:
            strange[place] = head
    missing = [name for name in COLUMNS if name not in columns.values()]
    for place, head in strange.items():
        faults += _strange(lines, place, head, columns, missing)
    mend = "put it back, or export anew and copy your changes there"
    return columns, faults + [Fault(1, name, "", "the column is missing", mend) for name in missing]


def _strange(lines: Lines, place: int, head: str, columns: Dict[int, str], missing: List[str]) -> Iterator[Fault]:
    """What to say of a column that is none of ours; takes it for a missing one where it is like it or stands in its place."""
    extra = re.fullmatch(r"point (\d+)( label| sources)?", _plain(head))
    filled = [number for number, line in enumerate(lines[1:], 2) if _text(line[place].value)]
    if extra and int(extra[1]) > MOST_POINTS:
        if not extra[2]:
            mend = "join two of them, or make a card of its own of one"
            yield from (Fault(number, head, "", f"a card holds at most {MOST_POINTS} points", mend) for number in filled)
        return
    where = head or get_column_letter(place + 1)
    near = like(head, missing) or next((name for name in missing if COLUMNS.index(name) == place), None)
    if near:
        missing.remove(near)
        columns[place] = near
        yield Fault(1, where, "", f"the heading '{near}' was changed to '{head}'", f"write '{near}' there again")
    elif filled:
        yield Fault(1, where, "", "cards have no such column, so it would be lost", "take the column out")


def _plain(head: str) -> str:
    return " ".join(head.lower().replace("_", " ").split())


def _row(number: int, line: Sequence[Cell], columns: Mapping[int, str]) -> Row:
    row = Row(number, {})
    for place, name in columns.items():
        cell = line[place]
        row.cells[name] = _text(cell.value)
        if cell.data_type == "f":
            row.cells[name] = ""
            row.remarks[name] = _FORMULA
        elif cell.data_type == "e":
            row.remarks[name] = Remark(f"the cell holds the error {cell.value}", "type the text anew")
    return row


def _text(value: Any) -> str:
    """What a cell says, also after a program took it for a date, a number or a yes."""
    if value is None:
        return ""
    if isinstance(value, datetime.datetime):
        return value.date().isoformat()
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return clean(_ESCAPED.sub(lambda sign: chr(int(sign[1], 16)), str(value)))


def _marks(sheet: Worksheet) -> Dict[str, str]:
    names = [cell.value for cell in sheet[1]]
    if not {"card", "mark"} <= set(names):
        return {}
    pairs = ((row[names.index("card")].value, row[names.index("mark")].value) for row in sheet.iter_rows(min_row=2))
    return {str(card): str(mark) for card, mark in pairs if card and mark}
