"""The cards as a spreadsheet: out and back without loss, changes taken in, faults told by row and column."""
from __future__ import annotations

import argparse
import datetime
import shutil
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import Workbook, load_workbook
from openpyxl.worksheet.worksheet import Worksheet

from dystonia.models import Card, Point, Review
from dystonia.store import FACTS, FactStore
from tools.facts import sheet, workbook, writing
from tools.facts.__main__ import main
from tools.facts.columns import COLUMNS, WIDTHS, cells, field_of, values

EYES, NECK = "cards/eyes.yml", "cards/neck.yml"
NEW = {
    "file": "eyes.yml", "id": "blepharospasm.glasses", "topic": "living", "about": "blepharospasm",
    "first question": "Do dark glasses help?", "other questions": "glasses for my eyes\nsunglasses and lids",
    "lead": "Dark glasses may help some people.", "lead sources": "eye-clinic", "reviewed": "2026-01-01",
    "review_by": "2999-01-01", "status": "settled", "state": "checked", "see_also": "blepharospasm.what_is",
}  # fmt: skip


class Editor:
    """A person at a spreadsheet of a facts folder: opens it, types, saves, imports."""

    def __init__(self, facts: Path, path: Path) -> None:
        self.facts = facts
        self.path = path
        assert main(["export", str(path)], facts) == 0
        self.book = load_workbook(path)

    @property
    def cards(self) -> Worksheet:
        """The sheet of the cards."""
        return self.book["Cards"]

    def row(self, card: str) -> int:
        """The row of a card."""
        return next(
            row for row in range(2, self.cards.max_row + 1) if self.cards.cell(row, COLUMNS.index("id") + 1).value == card
        )

    def type(self, row: int, column: str, value: Any) -> None:
        """Types into a cell, as text unless the value is of another kind."""
        cell = self.cards.cell(row, COLUMNS.index(column) + 1)
        cell.value = value
        if isinstance(value, str):
            cell.data_type = "s"

    def add(self, texts: Dict[str, str]) -> int:
        """Fills the row below the last one; returns its number."""
        row = self.cards.max_row + 1
        for column, text in texts.items():
            self.type(row, column, text)
        return row

    def take_in(self, *options: str) -> int:
        """Saves and imports; returns the exit status."""
        self.book.save(self.path)
        return main(["import", str(self.path), *options], self.facts)


@pytest.fixture
def editor(facts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Editor:
    """An editor of the small facts who has just exported them."""
    editor = Editor(facts, tmp_path / "cards.xlsx")
    capsys.readouterr()
    return editor


def contents(folder: Path) -> Dict[str, bytes]:
    """Every file of a folder, byte for byte."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def changed_files(before: Dict[str, bytes], folder: Path) -> List[str]:
    """The files that are not as they were."""
    after = contents(folder)
    return sorted(name for name in {*before, *after} if before.get(name) != after.get(name))


def replying(*answers: str) -> Callable[[str], str]:
    """An editor who answers what is asked, then closes the terminal."""
    left: Iterator[str] = iter(answers)

    def ask(_: str) -> str:
        answer: Optional[str] = next(left, None)
        if answer is None:
            raise EOFError
        return answer

    return ask


# Out and back.


def test_every_field_of_a_card_has_its_columns() -> None:
    assert {field_of(column) for column in COLUMNS} == {*Card.__fields__, "file"}
    assert {column.replace("point 1", "text").rpartition(" ")[2] for column in COLUMNS if "point 1" in column} == {
        *Point.__fields__
    }
    assert {column.partition(" ")[2] for column in COLUMNS if "clinician" in column} == {*Review.__fields__}


@pytest.mark.parametrize("folder", [None, FACTS], ids=["small facts", "real facts"])
def test_an_export_that_is_imported_changes_no_byte(
    facts: Path, folder: Optional[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "real" / "facts")) if folder else facts
    before = contents(copy)
    editor = Editor(copy, tmp_path / "cards.xlsx")

    status = editor.take_in("--yes", "--remove")

    assert status == 0, capsys.readouterr().err
    assert "Cards: 0 changed, 0 new, 0 removed." in capsys.readouterr().out
    assert changed_files(before, copy) == []


def test_the_cells_of_every_real_card_say_all_that_it_says(real_store: FactStore) -> None:
    for card in real_store.cards.values():
        assert values(cells(writing.plain(card))) == writing.plain(card)


WORDS = st.text(st.characters(blacklist_categories=("Cs", "Cc", "Zl", "Zp", "Zs")), min_size=12, max_size=40)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    texts=st.lists(st.one_of(WORDS, WORDS.map(lambda text: "=" + text), WORDS.map(lambda text: f"{text}_x000D_")), min_size=1)
)
def test_any_text_comes_back_from_a_spreadsheet_as_it_was(tmp_path: Path, texts: List[str]) -> None:
    path = tmp_path / "any.xlsx"
    rows = [{**dict.fromkeys(COLUMNS, ""), "id": "a.b", "lead": text} for text in texts]

    workbook.write(path, rows, [], {})

    assert [row.cells["lead"] for row in workbook.read(path).rows] == texts


@pytest.mark.parametrize(
    "text", ["=SUM(A1:A9)", "+44 is a country code", "-5 degrees is cold", "@home it is easier",
             "=cmd|' /C calc'!A0", "00120 people",
             "2026-01-02 was a day", "1e5", "TRUE", "1/2"],
)  # fmt: skip
def test_a_text_that_looks_like_a_formula_number_or_date_stays_text(tmp_path: Path, text: str) -> None:
    path = tmp_path / "cards.xlsx"

    workbook.write(path, [{**dict.fromkeys(COLUMNS, ""), "id": "a.b", "lead": text}], [], {})

    cell = load_workbook(path)["Cards"].cell(2, COLUMNS.index("lead") + 1)
    assert (cell.data_type, cell.number_format, cell.value) == ("s", "@", text)
    assert workbook.read(path).rows[0].cells["lead"] == text


def test_a_formula_like_answer_reaches_the_card_file(editor: Editor) -> None:
    editor.type(editor.row("blepharospasm.what_is"), "point 1", "=1+1 is no answer that a card gives.")

    assert editor.take_in("--yes") == 0

    card = FactStore.load(editor.facts).cards["blepharospasm.what_is"]
    assert card.points[0].text == "=1+1 is no answer that a card gives."
    again = Editor(editor.facts, editor.path.with_name("again.xlsx"))
    assert again.cards.cell(again.row(card.id), COLUMNS.index("point 1") + 1).data_type == "s"


def test_line_ends_of_excel_become_plain_ones(editor: Editor) -> None:
    row = editor.row("blepharospasm.what_is")
    editor.type(row, "other questions", "eyelids that squeeze\r\nlids that press_x000D_\nmy lids shut")
    editor.type(row, "lead", "Blepharospasm squeezes the eyes shut.\r\nThe eyes themselves are healthy.")

    assert editor.take_in("--yes") == 0

    card = FactStore.load(editor.facts).cards["blepharospasm.what_is"]
    assert card.questions[1:] == ["eyelids that squeeze", "lids that press", "my lids shut"]
    assert card.lead.text == "Blepharospasm squeezes the eyes shut.\nThe eyes themselves are healthy."


def test_cells_that_became_dates_numbers_and_truths_come_back_as_text(editor: Editor) -> None:
    row = editor.row("blepharospasm.what_is")
    editor.type(row, "reviewed", datetime.datetime(2026, 2, 3))
    editor.type(row, "review_by", datetime.date(2030, 2, 3))
    editor.type(row, "by_country", False)

    assert editor.take_in("--yes") == 0

    card = FactStore.load(editor.facts).cards["blepharospasm.what_is"]
    assert (card.reviewed, card.review_by, card.by_country) == (datetime.date(2026, 2, 3), datetime.date(2030, 2, 3), False)


def test_dates_that_a_program_made_of_unchanged_cells_are_no_change(editor: Editor) -> None:
    before = contents(editor.facts)
    for row in range(2, editor.cards.max_row + 1):
        for column in ("reviewed", "review_by"):
            day = editor.cards.cell(row, COLUMNS.index(column) + 1).value
            editor.type(row, column, datetime.datetime.fromisoformat(day))

    assert editor.take_in("--yes") == 0
    assert changed_files(before, editor.facts) == []


# What a person finds in the file.


def test_the_sheet_is_laid_out_for_reading(editor: Editor) -> None:
    cards = editor.cards
    assert [cell.value for cell in cards[1]] == list(COLUMNS)
    assert cards.freeze_panes == "C2"
    assert cards.auto_filter.ref == f"A1:{cards.cell(1, len(COLUMNS)).column_letter}{cards.max_row}"
    assert [cards.column_dimensions[cards.cell(1, place).column_letter].width for place in (2, 7)] == [
        WIDTHS["id"],
        WIDTHS["lead"],
    ]
    assert all(cell.alignment.wrap_text and cell.number_format == "@" for line in cards.iter_rows() for cell in line)
    assert cards.row_dimensions[2].height <= workbook.TALLEST


def test_topic_status_state_and_country_are_chosen_from_lists(editor: Editor) -> None:
    behind = editor.book["Do not change"]
    lists = {}
    for choice in editor.cards.data_validations.dataValidation:
        area = choice.formula1.partition("!")[2].replace("$", "")
        column = COLUMNS[editor.cards[str(choice.sqref).partition(":")[0]].column - 1]
        lists[column] = [line[0].value for line in behind[area]]
    assert set(lists) == {"topic", "status", "state", "by_country"}
    assert lists["state"] == ["draft", "checked", "reviewed"]
    assert behind.sheet_state == "hidden"


def test_sources_can_be_looked_up_but_not_changed(editor: Editor) -> None:
    sources = editor.book["Sources"]
    assert [cell.value for cell in sources[1]] == ["id", "title", "publisher", "date", "url"]
    assert [cell.value for cell in sources[2]] == ["eye-clinic", "Eyelids", "Eye Clinic", "2020", "https://eyes.example/lids"]
    assert sources.protection.sheet


def test_the_file_says_in_words_how_to_use_it(editor: Editor) -> None:
    told = "\n".join(line[0].value or "" for line in editor.book["How to use this"].iter_rows())
    assert "delete its row, and import with --remove" in told


# Changes.


def test_a_changed_lead_changes_that_card_and_no_other_line(editor: Editor, capsys: pytest.CaptureFixture[str]) -> None:
    before, text = contents(editor.facts), (editor.facts / EYES).read_text(encoding="utf-8")
    editor.type(editor.row("blepharospasm.symptoms"), "lead", "The first sign is often a fast blink.")

    status = editor.take_in("--yes")

    told = capsys.readouterr().out
    after = (editor.facts / EYES).read_text(encoding="utf-8")
    assert status == 0
    assert changed_files(before, editor.facts) == [EYES]
    assert [line for line in after.splitlines() if line not in text.splitlines()] == [
        "    text: The first sign is often a fast blink."
    ]
    assert len(after.splitlines()) == len(text.splitlines())
    assert (
        "blepharospasm.symptoms (row 3) changes:\n  lead\n    was: The first sign is often fast blinking.\n    now: The first"
        in told
    )
    assert "Cards: 1 changed, 0 new, 0 removed." in told


def test_every_column_can_be_changed(editor: Editor) -> None:
    row = editor.row("cervical_dystonia.symptoms")
    typed = {
        "topic": "diagnosis", "about": "cervical_dystonia, UK", "first question": "How does neck dystonia show?",
        "other questions": "signs in the neck\nneck signs",
        "lead": "The head turns to one side.", "lead sources": "neck-clinic, regulator",
        "point 1 label": "First signs", "point 1": "The head may shake.", "point 1 sources": "neck-clinic",
        "point 3 label": "Later", "point 3": "The neck may hurt.", "point 3 sources": "regulator",
        "covers": "cervical_dystonia.symptoms", "reviewed": "2026-03-01", "review_by": "2998-01-01", "status": "debated",
        "state": "reviewed", "clinician name": "A. Name", "clinician profession": "neurologist", "clinician date": "2026-03-02",
        "by_country": "yes", "cautions": "toxin_warning", "see_also": "cervical_dystonia.what_is",
    }  # fmt: skip
    for column, text in typed.items():
        editor.type(row, column, text)

    assert editor.take_in("--yes") == 0

    written = cells(writing.plain(FactStore.load(editor.facts).cards["cervical_dystonia.symptoms"]))
    closed_up = {column.replace("3", "2"): typed.pop(column) for column in ("point 3 label", "point 3", "point 3 sources")}
    assert {column: text for column, text in written.items() if text} == {
        "id": "cervical_dystonia.symptoms",
        **typed,
        **closed_up,
    }


def test_questions_are_told_line_by_line(editor: Editor, capsys: pytest.CaptureFixture[str]) -> None:
    row = editor.row("blepharospasm.what_is")
    editor.type(row, "other questions", "blepharospasm in plain words\nlids that squeeze")
    editor.type(
        editor.row("blepharospasm.cause"),
        "other questions",
        "blepharospasm and its cause, please\ntell me the cause of blepharospasm",
    )

    editor.take_in("--yes")

    told = capsys.readouterr().out
    assert "    out: blepharospasm explained to me\n    new: lids that squeeze\n" in told
    assert "    in another order" in told


def test_a_new_row_is_a_new_card(editor: Editor, capsys: pytest.CaptureFixture[str]) -> None:
    text = (editor.facts / EYES).read_text(encoding="utf-8")
    row = editor.add(NEW)

    assert editor.take_in("--yes") == 0

    told = capsys.readouterr().out
    card = FactStore.load(editor.facts).cards["blepharospasm.glasses"]
    assert (card.lead.text, len(card.questions), card.see_also) == (NEW["lead"], 3, ["blepharospasm.what_is"])
    assert (editor.facts / EYES).read_text(encoding="utf-8").startswith(text)
    assert f"blepharospasm.glasses (row {row}) is new, in eyes.yml:" in told
    assert "Cards: 0 changed, 1 new, 0 removed." in told


def test_a_new_card_may_stand_in_a_new_file(editor: Editor, capsys: pytest.CaptureFixture[str]) -> None:
    before = contents(editor.facts)
    editor.add({**NEW, "file": "sunlight.yml"})

    assert editor.take_in("--yes") == 0

    assert changed_files(before, editor.facts) == ["cards/sunlight.yml"]
    assert "is new, in the new file sunlight.yml" in capsys.readouterr().out


def test_a_card_can_move_to_another_file(editor: Editor) -> None:
    editor.type(editor.row("blepharospasm.cause"), "file", "neck.yml")

    assert editor.take_in("--yes") == 0

    files = {name: writing.cards_in((editor.facts / name).read_text(encoding="utf-8")) for name in (EYES, NECK)}
    assert "blepharospasm.cause" in files[NECK] and "blepharospasm.cause" not in files[EYES]
    assert len(FactStore.load(editor.facts).cards) == 14


def test_a_row_that_is_gone_leaves_its_card_unless_removal_is_asked_for(
    editor: Editor, capsys: pytest.CaptureFixture[str]
) -> None:
    before = contents(editor.facts)
    editor.cards.delete_rows(editor.row("blepharospasm.cause"))

    assert editor.take_in("--yes") == 0
    told = capsys.readouterr().out
    assert changed_files(before, editor.facts) == []
    assert "No row in the sheet, but kept: blepharospasm.cause. To take such cards out, import with --remove." in told

    assert editor.take_in("--yes", "--remove") == 0
    assert "blepharospasm.cause is removed from eyes.yml" in capsys.readouterr().out
    assert changed_files(before, editor.facts) == [EYES]
    assert "blepharospasm.cause" not in FactStore.load(editor.facts).cards


def test_a_file_without_cards_is_deleted(editor: Editor, capsys: pytest.CaptureFixture[str]) -> None:
    editor.add({**NEW, "file": "sunlight.yml"})
    editor.take_in("--yes")
    editor.cards.delete_rows(editor.cards.max_row)
    fresh = Editor(editor.facts, editor.path.with_name("fresh.xlsx"))
    fresh.cards.delete_rows(fresh.row("blepharospasm.glasses"))

    assert fresh.take_in("--yes", "--remove") == 0

    assert not (editor.facts / "cards" / "sunlight.yml").exists()
    assert "sunlight.yml holds no card any more, and is deleted." in capsys.readouterr().out


def test_rows_may_be_sorted_and_blank_ones_left_between(editor: Editor) -> None:
    before = contents(editor.facts)
    lines = [[cell.value for cell in line] for line in editor.cards.iter_rows(min_row=2)]
    for row, line in enumerate(reversed(lines), 2):
        for column, text in zip(COLUMNS, line):
            editor.type(row, column, text)
    editor.cards.insert_rows(5)

    assert editor.take_in("--yes", "--remove") == 0
    assert changed_files(before, editor.facts) == []


@pytest.mark.parametrize(
    ("answers", "written"), [(("yes",), True), (("Y",), True), (("no",), False), (("",), False), ((), False)]
)
def test_nothing_is_written_before_the_editor_says_yes(
    editor: Editor, capsys: pytest.CaptureFixture[str], answers: List[str], written: bool
) -> None:
    before = contents(editor.facts)
    editor.type(editor.row("blepharospasm.symptoms"), "lead", "The first sign is often a fast blink.")
    editor.book.save(editor.path)
    asked = argparse.Namespace(file=editor.path, yes=False, remove=False)

    status = sheet.take_in(FactStore.load(editor.facts), editor.facts, asked, replying(*answers))

    assert status == (0 if written else 1)
    assert bool(changed_files(before, editor.facts)) == written
    assert ("Nothing was written." in capsys.readouterr().out) != written


# Others at work at the same time.


def newer_eyes(facts: Path) -> None:
    """Somebody changes a card in its file."""
    text = (facts / EYES).read_text(encoding="utf-8")
    (facts / EYES).write_text(text.replace("often fast blinking", "often a rapid blink"), encoding="utf-8")


def test_a_card_changed_in_its_file_meanwhile_is_not_set_back(editor: Editor, capsys: pytest.CaptureFixture[str]) -> None:
    newer_eyes(editor.facts)
    before = contents(editor.facts)

    assert editor.take_in("--yes") == 0

    assert changed_files(before, editor.facts) == []
    assert (
        "Newer in the files than the sheet, and not changed in it, so left alone: blepharospasm.symptoms."
        in capsys.readouterr().out
    )


def test_a_card_changed_in_both_places_is_pointed_out(editor: Editor, capsys: pytest.CaptureFixture[str]) -> None:
    newer_eyes(editor.facts)
    editor.type(editor.row("blepharospasm.symptoms"), "lead", "The first sign is often a fast blink.")

    editor.take_in("--yes")

    assert "It was also changed in its file since the sheet was exported" in capsys.readouterr().out


def test_a_card_that_others_added_meanwhile_is_not_removed(editor: Editor, tmp_path: Path) -> None:
    other = Editor(editor.facts, tmp_path / "other.xlsx")
    other.add(NEW)
    assert other.take_in("--yes") == 0

    assert editor.take_in("--yes", "--remove") == 0

    assert "blepharospasm.glasses" in FactStore.load(editor.facts).cards


def test_a_file_changed_while_the_editor_was_asked_is_not_overwritten(
    editor: Editor, capsys: pytest.CaptureFixture[str]
) -> None:
    editor.type(editor.row("blepharospasm.symptoms"), "lead", "The first sign is often a fast blink.")
    editor.book.save(editor.path)
    plan = sheet.planned(FactStore.load(editor.facts), editor.facts, workbook.read(editor.path), remove=False)
    newer_eyes(editor.facts)

    with pytest.raises(
        workbook.SheetFaults, match="eyes.yml: the file was changed just now by somebody else. Mend: import again"
    ):
        plan.write()


def test_when_one_file_can_not_be_written_none_is(
    editor: Editor, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before, save = contents(editor.facts), writing.save
    editor.type(editor.row("blepharospasm.symptoms"), "lead", "The first sign is often a fast blink.")
    editor.type(editor.row("cervical_dystonia.symptoms"), "lead", "The head turns to one side.")

    def full_disk(path: Path, text: str) -> None:
        if path.name == "neck.yml" and path.is_relative_to(editor.facts) and "to one side" in text:
            raise OSError(28, "No space left on device", "neck.yml")
        save(path, text)

    monkeypatch.setattr(writing, "save", full_disk)
    editor.book.save(editor.path)
    status = main(["import", str(editor.path), "--yes"], editor.facts)

    assert status == 1
    assert changed_files(before, editor.facts) == []
    assert "neck.yml: it can't be written: No space left on device. Mend: " in capsys.readouterr().err


# Faults.


def test_twelve_mistakes_are_told_in_twelve_messages(editor: Editor, capsys: pytest.CaptureFixture[str]) -> None:
    before = contents(editor.facts)
    rows = {card: editor.row(card) for card in FactStore.load(editor.facts).cards}
    editor.type(rows["blepharospasm.what_is"], "topic", "type_infos")
    editor.type(rows["blepharospasm.symptoms"], "reviewed", "last week")
    editor.type(rows["blepharospasm.treatment"], "point 1 sources", "")
    editor.type(rows["blepharospasm.cause"], "lead", "")
    editor.type(rows["dystonia.what_is"], "point 2 sources", "this-project")
    editor.type(rows["dystonia.treatment"], "file", "generals.yml")
    editor.type(rows["hand_dystonia.what_is"], "id", "hand_dystonia.what_it_is")
    editor.type(rows["hand_dystonia.treatment"], "state", "finished")
    editor.type(rows["cervical_dystonia.what_is"], "lead sources", "neck-clinik")
    editor.type(rows["cervical_dystonia.symptoms"], "lead", "In time you will be cured.")
    editor.type(rows["cervical_dystonia.treatment"], "see_also", "cervical_dystonia.what_iss")
    last = editor.add({**NEW, "id": "blepharospasm.cause"})

    status = editor.take_in("--yes")

    told = capsys.readouterr()
    heading, *messages = told.err.splitlines()
    assert (status, told.out, heading) == (1, "", "12 faults; nothing was written:")
    assert changed_files(before, editor.facts) == []
    assert messages == sorted(messages, key=lambda message: int(message.split(",")[0].split()[1]))
    for card, column, fault, mend in [
        ("blepharospasm.what_is", "topic", "'type_infos' is not known", "did you mean type_info"),
        ("blepharospasm.symptoms", "reviewed", "'last week' is not a date", "write it as 2026-11-21: year, month, day"),
        (
            "blepharospasm.treatment",
            "point 1 sources",
            "the point has no source",
            "name the sources that back it, or take the point out",
        ),
        ("blepharospasm.cause", "lead", "the cell is empty", "fill it in; no card can do without it"),
        ("dystonia.what_is", "point 2", "there is no text for the label or sources beside it", "write the point, or"),
        (
            "dystonia.treatment",
            "file",
            "there is no file 'generals.yml'",
            "write general.yml, or the name of another file that is there",
        ),
        ("hand_dystonia.treatment", "state", "'finished' is not known", "choose one of draft, checked, reviewed"),
        ("cervical_dystonia.what_is", "lead sources", "the source 'neck-clinik' is not known", "did you mean neck-clinic"),
        (
            "cervical_dystonia.symptoms",
            "lead",
            'the text makes a promise: "you will be cured"',
            "say what happened to how many people",
        ),
        ("cervical_dystonia.treatment", "see_also", "'cervical_dystonia.what_iss' in see_also is not known", "did you mean "),
    ]:
        assert any(
            message.startswith(f"row {rows[card]}, column {column}: {card}: {fault}") and f" Mend: {mend}" in message
            for message in messages
        ), (card, messages)
    renamed = f"row {rows['hand_dystonia.what_is']}, column id: hand_dystonia.what_it_is: the id was 'hand_dystonia.what_is'"
    assert any(message.startswith(renamed) and "Mend: write hand_dystonia.what_is again" in message for message in messages)
    first = rows["blepharospasm.cause"]
    double = f"row {last}, column id: blepharospasm.cause: the id stands in row {first} already. Mend: give one"
    assert any(message.startswith(double) for message in messages)


WHAT_IS = "blepharospasm.what_is"


@pytest.mark.parametrize(
    ("column", "text", "fault"),
    [
        ("topic", "", "the cell is empty."),
        ("first question", "", "the cell is empty."),
        ("other questions", "only one", "a card needs at least 3 questions."),
        ("other questions", "abc\nblepharospasm in plain words", "'abc' has fewer than 5"),
        ("first question", "x" * 61 + "?", "the first question does not fit on a button."),
        ("about", "a, b, c, d, e", "it holds more than 4 names. Mend: keep the 4 that fit best."),
        ("about", "blepharospasn", "'blepharospasn' in about is not known. Mend: did you mean"),
        ("lead", "Too short", "'Too short' has fewer than 10 characters. Mend: write it out."),
        ("lead", "Take 5 mg of it each day.", 'the text gives a dose: "5 mg".'),
        ("lead", "\x07Blepharospasm squeezes the eyes shut.", "it holds a sign that can't be seen."),
        ("point 2", "Take 5 mg of it each day.", 'the text gives a dose: "5 mg".'),
        ("point 2 sources", "eye-clinik", "the source 'eye-clinik' is not known."),
        ("point 2 label", "x" * 25, "'xxxxxxxxxxxxxxxxxxxxxxxxx' has more than 24 characters."),
        ("lead sources", "eye-clinic], x: [y", "'eye-clinic]' can't be an id."),
        ("covers", "outlook", "'outlook' is not written as slug.facet."),
        ("covers", "blepharospasm.price", "'blepharospasm.price' in covers is no cell"),
        ("reviewed", "2026", "'2026' is not a date."),
        ("reviewed", "2026-02-30", "'2026-02-30' is not a date."),
        ("review_by", "2020-01-01", "review_by is not after reviewed. Mend: set a later date."),
        ("status", "sure", "'sure' is not known. Mend: choose one of settled, debated, outdated-term."),
        ("state", "reviewed", "'reviewed' and 'clinician' go together."),
        ("by_country", "maybe", "'maybe' is not known. Mend: choose one of yes, no."),
        ("cautions", "toxic_warning", "'toxic_warning' in cautions is not known. Mend: did you mean toxin"),
        ("file", "", "the cell is empty. Mend: write the name of the file"),
        ("file", "nowhere.yml", "there is no file 'nowhere.yml'. Mend: write eyes.yml, or the name"),
        ("lead", "=A1", "the cell holds a formula. Mend: type the text itself; put an apostrophe"),
        ("lead", "#N/A", "the cell holds the error #N/A. Mend: type the text anew."),
    ],
)  # fmt: skip
def test_each_mistake_has_its_own_words(
    editor: Editor, capsys: pytest.CaptureFixture[str], column: str, text: str, fault: str
) -> None:
    before = contents(editor.facts)
    cell = editor.cards.cell(editor.row(WHAT_IS), COLUMNS.index(column) + 1)
    cell.value = text.replace("\x07", "_x0007_")
    if text in ("=A1", "#N/A"):
        cell.data_type = "f" if text == "=A1" else "e"

    assert editor.take_in("--yes") == 1

    told = capsys.readouterr().err
    assert told.startswith(f"1 fault; nothing was written:\nrow 2, column {column}: {WHAT_IS}: {fault}")
    assert "Mend: " in told
    assert changed_files(before, editor.facts) == []


def test_a_question_of_two_cards_is_told(editor: Editor, capsys: pytest.CaptureFixture[str]) -> None:
    editor.type(editor.row(WHAT_IS), "first question", "How is blepharospasm treated?")

    assert editor.take_in("--yes") == 1

    told = capsys.readouterr().err
    assert (
        "column first question: blepharospasm.treatment: 'How is blepharospasm treated?' already leads to blepharospasm.what_is"
        in told
    )


def test_half_a_clinician_is_none(editor: Editor, capsys: pytest.CaptureFixture[str]) -> None:
    editor.type(editor.row(WHAT_IS), "clinician name", "A. Name")

    assert editor.take_in("--yes") == 1

    empty = "blepharospasm.what_is: the cell is empty. Mend: give name, profession and date, or none of the three."
    assert capsys.readouterr().err.splitlines()[1:] == [
        f"row 2, column clinician {part}: {empty}" for part in ("profession", "date")
    ]


def test_a_fault_in_a_labelled_point_is_told_at_its_text(editor: Editor, capsys: pytest.CaptureFixture[str]) -> None:
    for number, (label, text) in enumerate([("Signs", "It comes to both eyes."), ("Dose", "Take 5 mg of it each day.")], 1):
        editor.type(2, f"point {number} label", label)
        editor.type(2, f"point {number}", text)
        editor.type(2, f"point {number} sources", "eye-clinic")

    assert editor.take_in("--yes") == 1

    assert 'row 2, column point 2: blepharospasm.what_is: the text gives a dose: "5 mg".' in capsys.readouterr().err


@pytest.mark.parametrize(
    ("column", "text", "fault"),
    [
        ("id", "Glasses", "column id: Glasses: 'Glasses' can't be an id. Mend: write it as massage.benefit"),
        ("id", "", "column id: the cell is empty."),
        ("file", "Sunlight.yaml", "column file: blepharospasm.glasses: 'Sunlight.yaml' can't be the name of a card file."),
        ("file", "../sunlight.yml", "column file: blepharospasm.glasses: '../sunlight.yml' can't be the name of a card file."),
        ("file", "eye.yml", "column file: blepharospasm.glasses: there is no file 'eye.yml'. Mend: did you mean eyes.yml"),
        ("file", "", "column file: blepharospasm.glasses: the cell is empty."),
        ("lead", "", "column lead: blepharospasm.glasses: the cell is empty."),
        ("point 1", "It may help.", "column point 1 sources: blepharospasm.glasses: the point has no source."),
        ("topic", "life", "column topic: blepharospasm.glasses: 'life' is not known."),
    ],
)
def test_a_new_row_with_a_mistake_is_told_once(
    editor: Editor, capsys: pytest.CaptureFixture[str], column: str, text: str, fault: str
) -> None:
    row = editor.add({**NEW, column: text})
    if column != "id":
        editor.type(editor.row(WHAT_IS), "see_also", "blepharospasm.glasses")

    assert editor.take_in("--yes") == 1

    heading, *messages = capsys.readouterr().err.splitlines()
    assert heading == "1 fault; nothing was written:"
    assert messages[0].startswith(f"row {row}, {fault}")


def test_a_mistake_does_not_hide_another_in_its_row(editor: Editor, capsys: pytest.CaptureFixture[str]) -> None:
    row = editor.row(WHAT_IS)
    editor.type(row, "topic", "life")
    editor.type(row, "lead", "In time you will be cured.")

    assert editor.take_in("--yes") == 1

    told = capsys.readouterr().err
    assert "2 faults" in told and "column topic" in told and "column lead" in told


def test_a_link_to_a_card_that_is_removed_is_told_where_it_stands(editor: Editor, capsys: pytest.CaptureFixture[str]) -> None:
    editor.cards.delete_rows(editor.row("blepharospasm.symptoms"))

    assert editor.take_in("--yes", "--remove") == 1

    told = capsys.readouterr().err
    assert (
        f"row {editor.row(WHAT_IS)}, column see_also: blepharospasm.what_is: 'blepharospasm.symptoms' in see_also is not known"
        in told
    )


def test_a_fault_in_a_card_without_a_row_is_told_by_file_and_line(editor: Editor, capsys: pytest.CaptureFixture[str]) -> None:
    editor.type(editor.row("blepharospasm.treatment"), "state", "draft")
    editor.cards.delete_rows(editor.row("blepharospasm.symptoms"))

    assert editor.take_in("--yes") == 1

    told = capsys.readouterr().err
    assert "facts/cards/eyes.yml, line" in told
    assert "blepharospasm.symptoms: 'blepharospasm.treatment' in see_also is a draft. Mend: take it out, or check it." in told


# Faults of the sheet as a whole.


def head(editor: Editor, column: str, text: Optional[str]) -> None:
    editor.cards.cell(1, COLUMNS.index(column) + 1).value = text


def faults(editor: Editor, capsys: pytest.CaptureFixture[str]) -> List[str]:
    assert editor.take_in("--yes") == 1
    return capsys.readouterr().err.splitlines()[1:]


def test_a_missing_column_is_told_once(editor: Editor, capsys: pytest.CaptureFixture[str]) -> None:
    editor.cards.delete_cols(COLUMNS.index("lead sources") + 1)

    assert faults(editor, capsys) == [
        "row 1, column lead sources: the column is missing. Mend: put it back, or export anew and copy your changes there."
    ]


def test_nothing_can_be_said_of_rows_without_ids(editor: Editor, capsys: pytest.CaptureFixture[str]) -> None:
    editor.cards.delete_cols(COLUMNS.index("id") + 1)

    assert [message.partition(". ")[0] for message in faults(editor, capsys)] == ["row 1, column id: the column is missing"]


@pytest.mark.parametrize("name", ["leed", "Antwort"], ids=["misspelt", "translated"])
def test_a_renamed_column_is_told_once_and_still_read(editor: Editor, capsys: pytest.CaptureFixture[str], name: str) -> None:
    head(editor, "lead", name)
    editor.type(editor.row(WHAT_IS), "lead", "")

    renamed, empty = faults(editor, capsys)

    assert renamed == f"row 1, column {name}: the heading 'lead' was changed to '{name}'. Mend: write 'lead' there again."
    assert empty.startswith("row 2, column lead: blepharospasm.what_is: the cell is empty.")


def test_a_heading_in_other_capitals_is_understood(editor: Editor) -> None:
    head(editor, "review_by", " Review by")

    assert editor.take_in("--yes") == 0


def test_a_column_that_stands_twice_is_told(editor: Editor, capsys: pytest.CaptureFixture[str]) -> None:
    editor.cards.cell(1, len(COLUMNS) + 1).value = "Lead"

    assert faults(editor, capsys) == ["row 1, column Lead: the column stands twice. Mend: take one of the two out."]


def test_a_sixth_point_is_told_by_its_row(editor: Editor, capsys: pytest.CaptureFixture[str]) -> None:
    for place, (name, text) in enumerate([("point 6", "One more."), ("point 6 sources", "eye-clinic")], len(COLUMNS) + 1):
        editor.cards.cell(1, place).value = name
        editor.cards.cell(3, place).value = text

    assert faults(editor, capsys) == [
        "row 3, column point 6: a card holds at most 5 points. Mend: join two of them, or make a card of its own of one."
    ]


def test_notes_in_a_further_column_would_be_lost_and_are_told(editor: Editor, capsys: pytest.CaptureFixture[str]) -> None:
    editor.cards.cell(1, len(COLUMNS) + 1).value = "my notes"
    assert editor.take_in("--yes") == 0
    capsys.readouterr()

    editor.cards.cell(4, len(COLUMNS) + 1).value = "ask Anna"

    assert faults(editor, capsys) == [
        "row 1, column my notes: cards have no such column, so it would be lost. Mend: take the column out."
    ]


def test_a_sheet_of_another_program_without_what_is_hidden_is_read(editor: Editor) -> None:
    before = contents(editor.facts)
    for name in ("Do not change", "Sources", "How to use this"):
        del editor.book[name]

    assert editor.take_in("--yes", "--remove") == 0
    assert changed_files(before, editor.facts) == []


def test_a_sheet_without_cards_removes_nothing(editor: Editor, capsys: pytest.CaptureFixture[str]) -> None:
    editor.cards.delete_rows(2, editor.cards.max_row)
    before = contents(editor.facts)

    assert editor.take_in("--yes", "--remove") == 1

    assert changed_files(before, editor.facts) == []
    assert "cards.xlsx: the sheet 'Cards' holds no card. Mend: export the cards anew." in capsys.readouterr().err


# Faults of the file.


def refused(facts: Path, capsys: pytest.CaptureFixture[str], path: Path, command: str = "import") -> str:
    capsys.readouterr()
    assert main([command, str(path), "--yes"], facts) == 1
    told = capsys.readouterr()
    assert told.out == ""
    return told.err


def test_a_file_that_is_not_there(facts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "none.xlsx: there is no such file. Mend: check its name and folder." in refused(
        facts, capsys, tmp_path / "none.xlsx"
    )


@pytest.mark.parametrize("content", [b"", b"id,lead\n", b"PK\x03\x04 torn off"])
def test_a_file_that_is_no_spreadsheet(facts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes) -> None:
    (tmp_path / "cards.xlsx").write_bytes(content)

    assert "cards.xlsx: it is no spreadsheet of the kind .xlsx. Mend: " in refused(facts, capsys, tmp_path / "cards.xlsx")


@pytest.mark.parametrize("command", ["export", "import"])
def test_a_file_with_another_ending(facts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str) -> None:
    assert "cards.ods: its name does not end in .xlsx. Mend: save it as" in refused(
        facts, capsys, tmp_path / "cards.ods", command
    )


def test_a_spreadsheet_of_something_else(facts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Workbook().save(tmp_path / "cards.xlsx")

    assert "cards.xlsx: it has no sheet 'Cards'. Mend: give that name" in refused(facts, capsys, tmp_path / "cards.xlsx")


@pytest.mark.parametrize("command", ["export", "import"])
@pytest.mark.parametrize("lock", ["~$cards.xlsx", ".~lock.cards.xlsx#"], ids=["Excel", "LibreOffice"])
def test_a_file_that_is_open_elsewhere(editor: Editor, capsys: pytest.CaptureFixture[str], command: str, lock: str) -> None:
    editor.path.with_name(lock).touch()

    told = refused(editor.facts, capsys, editor.path, command)

    assert "cards.xlsx: it is open in another program. Mend: save and close it there" in told
    assert lock in told


def denied(*_: object, **__: object) -> None:
    raise PermissionError(13, "Permission denied")


def test_a_file_that_may_not_be_read(
    editor: Editor, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(workbook, "load_workbook", denied)

    assert "cards.xlsx: it can't be read: Permission denied. Mend: close it where it is open" in refused(
        editor.facts, capsys, editor.path
    )


def test_a_file_that_may_not_be_written(
    editor: Editor, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = editor.path.read_bytes()
    monkeypatch.setattr(Path, "replace", denied)

    told = refused(editor.facts, capsys, editor.path, "export")

    assert (
        "cards.xlsx: it can't be written: Permission denied. Mend: close it where it is open, or name another folder." in told
    )
    assert [path.name for path in editor.path.parent.glob("*.xlsx")] == ["cards.xlsx"]
    assert editor.path.read_bytes() == before


def test_an_export_does_not_replace_an_editors_work_unasked(editor: Editor, capsys: pytest.CaptureFixture[str]) -> None:
    before = editor.path.read_bytes()
    asked = argparse.Namespace(file=editor.path, yes=False)

    assert sheet.export(FactStore.load(editor.facts), editor.facts, asked, replying("no")) == 1

    assert editor.path.read_bytes() == before
    assert "Nothing was written." in capsys.readouterr().out
    assert main(["export", str(editor.path), "--yes"], editor.facts) == 0


def test_a_card_laid_out_otherwise_is_told_before_anything_is_lost(
    facts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (facts / EYES).read_text(encoding="utf-8")
    (facts / EYES).write_text(text.replace("- id: blepharospasm.cause", '- id: "blepharospasm.cause"'), encoding="utf-8")

    told = refused(facts, capsys, tmp_path / "cards.xlsx", "export")

    assert "blepharospasm.cause: the card does not begin as others do in its file. Mend: begin the card with '- id: '" in told


def test_a_text_of_several_lines_reads_back_as_it_was_written() -> None:
    card = {"id": "a.b", "lead": {"text": 'One "line".\nAnother: line.', "sources": ["s"]}}

    assert yaml.safe_load(writing.as_yaml(card))[0]["lead"] == card["lead"]
