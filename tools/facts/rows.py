"""The rows of the spreadsheet of the cards, each judged by itself: which card it is, and what can't be used in it."""

from __future__ import annotations

import re
from typing import Dict, List, Mapping, Optional, Sequence

from tools.facts.columns import COLUMNS, Cells, Remark, as_it_was, like, remarks
from tools.facts.workbook import Fault, Row, Sheet

_UNIQUE = ("first question", "other questions", "lead")
"""Columns by which a card is known again after its id was changed."""


class Rows:
    """The rows of a sheet.

    Attributes:
        fit: those that can be written, faulty cells as their card has them now, so that the rest is checked all the same.
        unfit: ids of new cards that can't be written yet, with the file each is meant for.
        row_of: the row of each card, by id.
        faults: what is wrong with the cells of the rows by themselves.
    """

    def __init__(self, sheet: Sheet, stored: Mapping[str, Cells], files: Sequence[str]) -> None:
        self.fit: List[Row] = []
        self.unfit: Dict[str, str] = {}
        self.row_of: Dict[str, Row] = {}
        self.faults: List[Fault] = []
        self._stored = stored
        self._files = files
        self._ids = {row.cells["id"] for row in sheet.rows}
        for row in sheet.rows:
            self._take(row)

    def _take(self, row: Row) -> None:
        card = row.cells["id"]
        if card in self.row_of:
            fault = f"the id stands in row {self.row_of[card].number} already"
            self._fault(row, "id", Remark(fault, "give one of the two another id, or take it out"))
            return
        before = None if card in self._stored else self._id_before(row)
        if before:
            fault = f"the id was '{before}', and an id never changes: other cards point to it"
            self._fault(row, "id", Remark(fault, f"write {before} again; for a further card, add a row"))
        self._judge(row, before or card)

    def _judge(self, row: Row, card: str) -> None:
        stored = self._stored.get(card)
        full = {**(stored or dict.fromkeys(COLUMNS, "")), **row.cells, "id": card}
        found = {**remarks(full), **self._file_remarks(full["file"], stored), **row.remarks}
        for column, remark in found.items():
            if column in row.cells:
                self._fault(row, column, remark)
        if "id" not in found:
            self.row_of[card] = Row(row.number, as_it_was(full, stored, found) if stored else full)
            self._sort(self.row_of[card], fit=bool(stored) or not found)

    def _sort(self, row: Row, fit: bool) -> None:
        if fit:
            self.fit.append(row)
        else:
            self.unfit[row.cells["id"]] = row.cells["file"]

    def _fault(self, row: Row, column: str, remark: Remark) -> None:
        self.faults.append(Fault(row.number, column, row.cells["id"], *remark))

    def _id_before(self, row: Row) -> Optional[str]:
        """The id that a row had before it was changed by hand: that of a card without a row that says the same."""
        for card, stored in self._stored.items():
            same = any(stored[column] == row.cells.get(column) for column in _UNIQUE)
            if same and card not in self._ids and card not in self.row_of:
                return card
        return None

    def _file_remarks(self, name: str, stored: Optional[Cells]) -> Dict[str, Remark]:
        near = like(name, self._files)
        if name in self._files:
            return {}
        if not name:
            return {"file": Remark("the cell is empty", "write the name of the file for the card, such as therapies.yml")}
        if stored:
            mend = f"write {near or stored['file']}, or the name of another file that is there"
            return {"file": Remark(f"there is no file '{name}'", mend)}
        if not is_file_name(name):
            mend = "write small letters, digits and underscores, and .yml at the end"
            return {"file": Remark(f"'{name}' can't be the name of a card file", f"did you mean {near}" if near else mend)}
        if near:
            return {"file": Remark(f"there is no file '{name}'", f"did you mean {near}; a new file needs a name less like it")}
        return {}


def is_file_name(name: str) -> bool:
    """Whether a card file may have this name."""
    return re.fullmatch(r"[a-z0-9_]+\.yml", name) is not None
