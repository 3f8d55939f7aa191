"""The editor's tools that write: cards as text, a new card asked for line by line, the matrix; and the states of a card."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Iterator

import pytest
import yaml

from dystonia.store import FactErrors, FactStore
from server.settings import ROOT
from tools.facts import matrix, new, writing
from tools.facts.__main__ import main

NECK = "cards/neck.yml"


def spoil(facts: Path, file: str, old: str, new_text: str) -> str:
    path = facts / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new_text, 1), encoding="utf-8")
    with pytest.raises(FactErrors) as raised:
        FactStore.load(facts)
    return str(raised.value)


def typed(*lines: str) -> Iterator[str]:
    yield from lines
    raise EOFError


ANSWERS = (
    "neck dystonia", "cervical_dystonia.what_is", "cervical_dystonia.cost",  # two ids that can't be used, and one that can
    "money", "living",
    "hands", "hand", "",
    "What does it cost?", "What does it cost?", "neck costs", "price of neck care", "",
    "You will be cured.", "Costs differ from place to place.",
    "no-such-source", "neck-clinic", "",
    "yes", "Ask the clinic what you would pay.", "neck-clinic", "", "no",
    "", "", "cervical_dystonia.treatment", "", "",
)  # fmt: skip


def test_a_new_card_is_asked_for_and_written_as_a_draft(facts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answers = typed(*ANSWERS)

    status = new.new(FactStore.load(facts), facts, lambda prompt: next(answers))

    told = capsys.readouterr().out
    store = FactStore.load(facts)
    card = store.cards["cervical_dystonia.cost"]
    assert status == 0, told
    assert (card.lead.text, card.lead.sources) == ("Costs differ from place to place.", ["neck-clinic"])
    assert (card.about, len(card.questions), len(card.points), card.state.value) == (
        ["cervical_dystonia", "hand"],
        3,
        1,
        "draft",
    )
    assert card.see_also == ["cervical_dystonia.treatment"]
    assert "cervical_dystonia.cost" in (facts / NECK).read_text(encoding="utf-8")
    assert "cervical_dystonia.cost" not in store.for_visitors().cards
    for fault in ("write subject.short_name", "there is a card of that name", "'money' is not known", "it makes a promise"):
        assert fault in told


def test_a_new_card_needs_no_points(facts: Path) -> None:
    answers = typed(*ANSWERS[:18], "no", *ANSWERS[23:])

    assert new.new(FactStore.load(facts), facts, lambda prompt: next(answers)) == 0
    assert FactStore.load(facts).cards["cervical_dystonia.cost"].points == []


def test_an_editor_who_stops_leaves_nothing_behind(facts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (facts / NECK).read_bytes()
    answers = typed(*ANSWERS[:9])

    assert new.new(FactStore.load(facts), facts, lambda prompt: next(answers)) == 1

    assert (facts / NECK).read_bytes() == before
    assert "Nothing was written" in capsys.readouterr().out


def test_every_card_reads_back_as_it_was_written(real_store: FactStore) -> None:
    for card in real_store.cards.values():
        written = yaml.load(writing.as_yaml(writing.plain(card)), Loader=yaml.BaseLoader)[0]
        if "by_country" in written:
            written["by_country"] = True
        assert written == writing.plain(card)


def test_a_card_is_put_and_taken_out_without_touching_its_neighbours(facts: Path, store: FactStore) -> None:
    text = (facts / NECK).read_text(encoding="utf-8")
    ids = writing.cards_in(text)
    changed = {**writing.plain(store.cards[ids[1]]), "status": "debated"}

    after = writing.put(text, changed)
    less = writing.take_out(text, ids[0])

    assert [line for line in after.splitlines() if line not in text.splitlines()] == ["  status: debated"]
    assert writing.cards_in(after) == ids
    assert writing.cards_in(less) == ids[1:]
    assert less in text


def test_a_draft_is_read_by_no_visitor_and_led_to_by_no_card(facts: Path) -> None:
    told = spoil(facts, "cards/hand.yml", "state: checked", "state: draft")

    assert "in see_also is a draft. Mend: take it out, or check it." in told


@pytest.mark.parametrize(
    "old, added, fault",
    [
        ("state: checked", "state: reviewed", "'reviewed' and 'clinician' go together"),
        ("state: checked", "state: finished", "'state' is none of the values allowed"),
        (
            "covers: [cervical_dystonia.what_it_is]",
            "covers: [cervical_dystonia.price]",
            "'cervical_dystonia.price' in covers is no cell",
        ),
        ("Cervical dystonia turns or tilts the head.", "It turns. The head tilts too.", "the first sentence is too short"),
        ("topic: type_info", "topic: type_info\n  topic: symptoms", "the field 'topic' stands twice"),
        ("reviewed: 2026-01-01", "reviewed: 20260101", "'reviewed' is not a date"),
        ("turns or tilts the head.", "eases with a quarter of a tablet.", 'gives a dose: "a quarter of a tablet"'),
        ("turns or tilts the head.", "shows that Botox is the best.", "prefers a brand"),
    ],
)
def test_what_is_wrong_with_a_card_is_told(facts: Path, old: str, added: str, fault: str) -> None:
    assert fault in spoil(facts, NECK, old, added)


@pytest.mark.parametrize(
    "file, old, added, fault",
    [
        (
            "boundaries.yml",
            "intent: boundary_medication",
            "intent: boundary_medicine",
            "'intent' is none of the values allowed",
        ),
        ("red_flags.yml", "{emergency}", "{emergancy}", "'{emergancy}' is nothing that can be filled in"),
        ("red_flags.yml", "{emergency}", "{emergency", "'{emergency' is nothing that can be filled in"),
        ("red_flags.yml", "  reply:", "  numbers: [poisson]\n  reply:", "'numbers.1' is none of the values allowed"),
    ],
)
def test_what_is_wrong_with_a_safety_reply_is_told(facts: Path, file: str, old: str, added: str, fault: str) -> None:
    assert fault in spoil(facts, file, old, added)


def test_a_reader_who_has_seen_enough_gets_no_traceback(facts: Path) -> None:
    shown = subprocess.run(
        f"{sys.executable} -W ignore -m tools.facts due | head -1",
        shell=True,
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )

    assert "Traceback" not in shown.stderr


def test_a_clinician_stands_on_the_card_with_name_and_date(facts: Path) -> None:
    path = facts / NECK
    review = "state: reviewed\n  clinician:\n    name: A. Name\n    profession: neurologist\n    date: 2026-05-01"
    path.write_text(path.read_text(encoding="utf-8").replace("state: checked", review, 1), encoding="utf-8")

    store = FactStore.load(facts)

    card = store.cards["cervical_dystonia.what_is"]
    assert card.clinician is not None
    assert (card.clinician.name, card.clinician.profession) == ("A. Name", "neurologist")
    assert writing.put(path.read_text(encoding="utf-8"), writing.plain(card)) == path.read_text(encoding="utf-8")


def test_the_matrix_tells_what_is_filled_empty_and_unexplained(facts: Path, store: FactStore, tmp_path: Path) -> None:
    cells = {(cell.subject, cell.facet): cell for cell in matrix.cells(store)}

    assert cells["cervical_dystonia", "what_it_is"].state == "filled"
    assert cells["hand_dystonia", "outlook"].state == "empty on purpose"
    assert cells["blepharospasm", "living"].state == "unexplained"
    assert matrix.write(store, tmp_path / "matrix.md") == 1
    assert "No source here follows people with hand dystonia" in (tmp_path / "matrix.md").read_text(encoding="utf-8")


def test_a_cell_can_not_be_both_covered_and_empty_on_purpose(facts: Path) -> None:
    told = spoil(facts, "uncovered.yml", "hand_dystonia\n  empty:\n    outlook", "cervical_dystonia\n  empty:\n    what_it_is")

    assert "cervical_dystonia.what_is covers 'cervical_dystonia.what_it_is'" in told


def test_every_cell_of_the_real_matrix_is_filled_or_explained_and_the_page_is_fresh(real_store: FactStore) -> None:
    assert [cell for cell in matrix.cells(real_store) if cell.state == "unexplained"] == []
    assert matrix.DOCUMENT.read_text(encoding="utf-8") == matrix.document(real_store), "Mend: make matrix"


def test_no_real_card_is_a_draft_or_an_orphan(real_store: FactStore) -> None:
    assert [card.id for card in real_store.cards.values() if card.state.value == "draft"] == []
    assert sorted(set(real_store.cards) - {other for card in real_store.cards.values() for other in card.see_also}) == []


def test_the_summary_counts_states_orphans_and_sources(facts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([], facts) == 0

    told = capsys.readouterr().out
    assert "draft 0, checked 14, reviewed 0" in told
    assert "Orphan cards, to which no other card leads:" in told
    assert "Cards a source: median" in told
