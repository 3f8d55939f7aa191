"""The columns of the spreadsheet of the cards: a card as the cells of a row, a row as a card, and what a row may not hold."""

from __future__ import annotations

import datetime
import re
from difflib import get_close_matches
from typing import Any, Dict, Iterable, Iterator, List, Mapping, NamedTuple, Optional, Sequence, Set, Tuple, Union

from pydantic import ValidationError

from dystonia.models import TOPICS, Card, State, Status

Cells = Dict[str, str]
"""The texts of a row, by the name of the column; an empty cell is an empty text."""
Way = Sequence[Union[str, int]]
"""The way to a value inside a card, as pydantic and YAML know it: ``("points", 0, "text")``."""

MOST_POINTS: int = Card.__fields__["points"].field_info.max_items
POINT_NUMBERS = range(1, MOST_POINTS + 1)
_POINT = {" label": 16, "": 44, " sources": 24}

WIDTHS: Dict[str, int] = {
    "file": 22, "id": 34, "topic": 18, "about": 24, "first question": 36, "other questions": 48, "lead": 52, "lead sources": 24,
    **{f"point {number}{part}": width for number in POINT_NUMBERS for part, width in _POINT.items()},
    "covers": 28, "reviewed": 12, "review_by": 12, "status": 14, "state": 11, "clinician name": 20, "clinician profession": 20,
    "clinician date": 14, "by_country": 12, "cautions": 24, "see_also": 36,
}  # fmt: skip
"""Every column, in order, with its width in characters."""
COLUMNS: Tuple[str, ...] = tuple(WIDTHS)

CHOICES: Dict[str, Tuple[str, ...]] = {
    "topic": TOPICS,
    "status": tuple(each.value for each in Status),
    "state": tuple(each.value for each in State),
    "by_country": ("yes", "no"),
}
"""The columns that take one of a few words, and the words."""

_CLINICIAN = ("clinician name", "clinician profession", "clinician date")
_REQUIRED = (
    "id", "topic", "about", "first question", "other questions", "lead", "lead sources",
    "reviewed", "review_by", "status", "state",
)  # fmt: skip
_DATES = ("reviewed", "review_by", "clinician date")
_LISTS = ("about", "lead sources", *(f"point {number} sources" for number in POINT_NUMBERS), "covers", "cautions", "see_also")
_TOGETHER: Tuple[Tuple[str, ...], ...] = (
    _CLINICIAN,
    ("first question", "other questions"),
    *(tuple(f"point {number}{part}" for part in _POINT) for number in POINT_NUMBERS),
)
"""Columns of which one can't be judged without the others."""

_ID = re.compile(r"[a-z0-9_]+\.[a-z0-9_]+")
_NAME = re.compile(r"[\w.-]+")
_UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ufeff\ufffe\uffff\ud800-\udfff]")


class Remark(NamedTuple):
    """What is wrong with a cell, and how to mend it."""

    fault: str
    mend: str


_REMARKS: Dict[str, Remark] = {
    "value_error.list.min_items": Remark("a card needs at least {limit} questions", "add other ways to ask it, one a line"),
    "value_error.list.max_items": Remark("it holds more than {limit} names", "keep the {limit} that fit best"),
    "value_error.any_str.min_length": Remark("'{text}' has fewer than {limit} characters", "write it out"),
    "value_error.any_str.max_length": Remark("'{text}' has more than {limit} characters", "shorten it"),
    "value_error.str.regex": Remark("'{text}' is not written as slug.facet", "write it as massage.benefit, in small letters"),
}
"""What pydantic finds in a card, in an editor's words."""


def cells(card: Mapping[str, Any]) -> Cells:
    """The cells of a card, as ``writing.plain`` gives it; the file is not known here."""
    row = dict.fromkeys(COLUMNS, "")
    for field in ("id", "topic", "reviewed", "review_by", "status", "state"):
        row[field] = card[field]
    for field in ("about", "covers", "cautions", "see_also"):
        row[field] = ", ".join(card.get(field, []))
    row["first question"], row["other questions"] = card["questions"][0], "\n".join(card["questions"][1:])
    points = {f"point {number}": point for number, point in enumerate(card.get("points", []), 1)}
    for name, passage in {"lead": card["lead"], **points}.items():
        row[name], row[f"{name} sources"] = passage["text"], ", ".join(passage["sources"])
        row.update({f"{name} label": passage["label"]} if "label" in passage else {})
    for name, value in card.get("clinician", {}).items():
        row[f"clinician {name}"] = value
    row["by_country"] = "yes" if card.get("by_country") else ""
    return {name: clean(text) for name, text in row.items()}


def values(row: Cells) -> Dict[str, Any]:
    """The card that a row describes, in the form of ``writing.plain``; :func:`remarks` says whether it can be used."""
    card: Dict[str, Any] = {field: row[field] for field in ("id", "topic", "reviewed", "review_by", "status", "state")}
    card.update({field: _split(row[field]) for field in ("about", "covers", "cautions", "see_also")})
    questions = [row["first question"], *row["other questions"].split("\n")]
    card["questions"] = [question.strip() for question in questions if question.strip()]
    card["lead"] = _passage(row, "lead")
    card["points"] = [_passage(row, f"point {number}") for number in points_of(row)]
    card["by_country"] = row["by_country"].lower() == "yes"
    if any(row[name] for name in _CLINICIAN):
        card["clinician"] = {name.partition(" ")[2]: row[name] for name in _CLINICIAN}
    return {field: value for field, value in card.items() if value or field in ("cautions", "see_also")}


def field_of(column: str) -> str:
    """The field of a card that a column belongs to."""
    if column in ("first question", "other questions"):
        return "questions"
    first = column.partition(" ")[0]
    return "points" if first == "point" else first


def column_of(way: Way, row: Cells) -> str:
    """The column in which a value of a card stands, by the way to it inside the card."""
    field, *deeper = way
    if field == "questions":
        return "first question" if deeper == [0] else "other questions"
    if field == "clinician" and deeper:
        return f"clinician {deeper[0]}"
    name = str(field)
    if field == "points":
        name = f"point {points_of(row)[int(deeper[0])] if deeper else 1}"
    return next((f"{name} {part}" for part in ("sources", "label") if part in deeper), name)


def points_of(row: Cells) -> List[int]:
    """The numbers of the points that a row fills: a person may leave out one in the middle."""
    return [number for number in POINT_NUMBERS if any(row[f"point {number}{part}"] for part in _POINT)]


def clean(text: str) -> str:
    """A text as it is compared: every kind of line end as one, no blanks at the ends."""
    return "\n".join(line.strip() for line in text.splitlines()).strip()


def as_it_was(row: Cells, stored: Cells, faulty: Iterable[str]) -> Cells:
    """A row with the faulty cells as the card has them now, so that the rest of the row can be checked all the same."""
    return {**row, **{column: stored[column] for column in _with_partners(faulty)}}


def _with_partners(columns: Iterable[str]) -> Set[str]:
    return {name for column in columns for group in [(column,), *_TOGETHER] if column in group for name in group}


def remarks(row: Cells) -> Dict[str, Remark]:
    """What is wrong with the cells of a row by themselves, at most one remark a cell."""
    found: Dict[str, Remark] = {}
    for column, remark in (*_single_cells(row), *_pairs(row)):
        found.setdefault(column, remark)
    judged = _with_partners(found)
    for column, remark in _shape(row):
        if column not in judged:
            found.setdefault(column, remark)
    return found


def _single_cells(row: Cells) -> Iterator[Tuple[str, Remark]]:
    for column in _REQUIRED:
        if not row[column]:
            yield column, Remark("the cell is empty", "fill it in; no card can do without it")
    for column, text in row.items():
        if _UNSEEN.search(text.replace("\n", "")):
            yield column, Remark("it holds a sign that can't be seen", "empty the cell and type the text anew")
    if row["id"] and not _ID.fullmatch(row["id"]):
        yield "id", Remark(f"'{row['id']}' can't be an id", "write it as massage.benefit: small letters, digits, underscores")
    for column, words in CHOICES.items():
        if row[column] and row[column] not in words:
            near = like(row[column], words)
            mend = f"did you mean {near}" if near else f"choose one of {', '.join(words)}"
            yield column, Remark(f"'{row[column]}' is not known", mend)
    for column in _DATES:
        if row[column] and not _is_date(row[column]):
            yield column, Remark(f"'{row[column]}' is not a date", "write it as 2026-11-21: year, month, day")
    for column in _LISTS:
        odd = [name for name in _split(row[column]) if not _NAME.fullmatch(name)]
        if odd:
            yield column, Remark(f"'{odd[0]}' can't be an id", "write ids only, with commas between them")


def _pairs(row: Cells) -> Iterator[Tuple[str, Remark]]:
    for number in points_of(row):
        column = f"point {number}"
        if not row[column]:
            yield column, Remark("there is no text for the label or sources beside it", "write the point, or empty those cells")
        elif not row[f"{column} sources"]:
            yield f"{column} sources", Remark("the point has no source", "name the sources that back it, or take the point out")
    if any(row[name] for name in _CLINICIAN):
        for column in _CLINICIAN:
            if not row[column]:
                yield column, Remark("the cell is empty", "give name, profession and date, or none of the three")


def _shape(row: Cells) -> Iterator[Tuple[str, Remark]]:
    """What the model of a card says."""
    card = values(row)
    try:
        Card(**card)
    except ValidationError as error:
        for detail in error.errors():
            remark = _REMARKS.get(detail["type"], Remark(detail["msg"], "see docs/editing-facts.md for what it may hold"))
            said = {"limit": detail.get("ctx", {}).get("limit_value"), "text": _value(card, detail["loc"])}
            yield column_of(detail["loc"], row), Remark(remark.fault.format(**said), remark.mend.format(**said))


def like(name: str, known: Iterable[str]) -> Optional[str]:
    """The known name that a misspelt one is most like, where it is like any."""
    return next(iter(get_close_matches(name, list(known), n=1, cutoff=0.7)), None)


def _value(card: Mapping[str, Any], way: Way) -> Any:
    value: Any = card
    for step in way:
        value = value[step] if isinstance(value, list) else value.get(step, "")
    return value


def _is_date(text: str) -> bool:
    try:
        return datetime.date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _passage(row: Cells, name: str) -> Dict[str, Any]:
    label = row.get(f"{name} label")
    return {"text": row[name], "sources": _split(row[f"{name} sources"]), **({"label": label} if label else {})}


def _split(text: str) -> List[str]:
    return [name.strip() for name in re.split(r"[,;\n]", text) if name.strip()]
