"""`scores`: what an editor is told of the DISCERN and PEMAT-P scores of the treatment answers."""
from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, Dict, List, Optional

import pytest
import yaml

from dystonia.store import FactStore
from tools.facts import scores
from tools.facts.__main__ import main

TOXIN, STIMULATION = "botulinum_toxin.what_is", "deep_brain_stimulation.what_is"
ASKED = argparse.Namespace(stamp=False)
STAMP = argparse.Namespace(stamp=True)


def entry(card: str, discern: int = 4, text: Optional[str] = None, **pemat: Any) -> Dict[str, Any]:
    """Made-up scores of one card: the same for every DISCERN question, and 1 for each PEMAT item that is not given as pN."""
    made: Dict[str, Any] = {"card": card}
    if text:
        made["text"] = text
    made["discern"] = [{"item": item, "score": discern, "why": "It is so."} for item in scores.DISCERN]
    made["pemat"] = [{"item": item, "score": pemat.get(f"p{item}", 1), "why": "It is so."} for item in scores.PEMAT]
    return made


def written(folder: Path, *entries: Dict[str, Any]) -> Path:
    """A scores file that holds some entries."""
    path = folder / "reports" / "scores.yml"
    path.parent.mkdir(exist_ok=True)
    path.write_text("# Who scored.\n" + yaml.safe_dump(list(entries), sort_keys=False), encoding="utf-8")
    return path


def line_of(path: Path, words: str, after: str = "") -> int:
    """The line on which some words first stand, after some others."""
    text = path.read_text(encoding="utf-8")
    return text[: text.index(words, text.index(after))].count("\n") + 1


def faults(store: FactStore, path: Path) -> List[str]:
    """What is said of a file that can't be used, a line a fault."""
    with pytest.raises(scores.ScoreErrors) as raised:
        scores.read(store, path)
    return str(raised.value).splitlines()


def test_totals_means_and_goals_are_printed_with_who_scored(
    store: FactStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = entry(TOXIN, discern=5, p15=0, p16="NA", p17="NA")
    poor = entry(STIMULATION, discern=2, p20=0, p21=0, p24="NA", p25="NA")
    path = written(tmp_path, good, poor)

    status = scores.command(store, ASKED, path)

    told = capsys.readouterr().out
    assert status == 0
    assert "Treatment answers: 2, scored by the project itself" in told
    assert "with these instruments, not by clinicians or trained raters." in told
    rows = {line.split()[0]: line.split()[1:] for line in told.splitlines() if line}
    assert rows[TOXIN] == ["80", "93", "%", "100", "%"]
    assert rows[STIMULATION] == ["32", "100", "%", "60", "%"]
    assert rows["mean"] == ["56", "97", "%", "80", "%"]
    assert "DISCERN: 56.0 of at least 63, missed by 7.0; below it: 1 of 2 answers." in told
    assert "actionability: 80.0 of at least 80, reached; below it: 1 of 2 answers." in told


def test_what_falls_short_is_named_worst_first(store: FactStore, tmp_path: Path) -> None:
    first, second = entry(TOXIN, p9=0, p15=0), entry(STIMULATION, p9=0)
    first["discern"][6]["score"] = 1
    second["discern"][11]["score"] = 2

    told = scores.report(store, scores.read(store, written(tmp_path, first, second))).splitlines()

    start = told.index("What falls short:")
    assert told[start + 1 : start + 5] == [
        "  DISCERN 7, points to further help: mean 2.50",
        "  DISCERN 12, tells what happens without treatment: mean 3.00",
        "  PEMAT 9, sections have headers: not met by 2 of 2",
        "  PEMAT 15, pictures wherever they would help: not met by 1 of 2",
    ]


@pytest.mark.parametrize("instrument, item, called", [("discern", 16, "overall"), ("pemat", 25, "explains charts")])
def test_a_missing_item_is_named_with_its_card_and_line(
    store: FactStore, tmp_path: Path, instrument: str, item: int, called: str
) -> None:
    spoilt = entry(STIMULATION)
    spoilt[instrument] = [row for row in spoilt[instrument] if row["item"] != item]
    path = written(tmp_path, entry(TOXIN), spoilt)

    told = faults(store, path)

    place = f"reports/scores.yml, line {line_of(path, STIMULATION)}: {STIMULATION}:"
    assert told == [
        "1 fault in the scores:",
        f"{place} {instrument} item {item} ({called}) is missing. Mend: score it, with a reason.",
    ]


@pytest.mark.parametrize(
    "instrument, item, score, allowed",
    [
        ("discern", 3, 6, "1, 2, 3, 4, 5"),
        ("discern", 3, "NA", "1, 2, 3, 4, 5"),
        ("discern", 3, True, "1, 2, 3, 4, 5"),
        ("discern", 3, None, "1, 2, 3, 4, 5"),
        ("pemat", 1, "NA", "0, 1"),
        ("pemat", 9, 2, "0, 1, NA"),
    ],
)
def test_a_score_out_of_range_is_told_with_what_is_allowed(
    store: FactStore, tmp_path: Path, instrument: str, item: int, score: Any, allowed: str
) -> None:
    spoilt = entry(TOXIN)
    spoilt[instrument][item - 1]["score"] = score
    path = written(tmp_path, spoilt)

    told = faults(store, path)

    line = line_of(path, f"- item: {item}\n", after=f"{instrument}:")
    assert told[1:] == [
        f"reports/scores.yml, line {line}: {TOXIN}: {instrument} item {item} has the score {score}. Mend: use one of {allowed}."
    ]


def test_an_unknown_card_is_told(store: FactStore, tmp_path: Path) -> None:
    told = faults(store, written(tmp_path, entry("botulinum_toxin.whatis")))

    place = "reports/scores.yml, line 2: botulinum_toxin.whatis:"
    assert told[1:] == [f"{place} there is no such card. Mend: correct the id, or take the entry out."]


def test_every_other_fault_is_told_at_once(store: FactStore, tmp_path: Path) -> None:
    spoilt, bare = entry(TOXIN), entry(STIMULATION)
    spoilt["discern"][0]["why"] = " "
    spoilt["discern"][1]["item"] = 1
    spoilt["pemat"][12]["item"] = 13
    del bare["pemat"]

    told = "\n".join(faults(store, written(tmp_path, spoilt, bare, entry(TOXIN))))

    assert told.startswith("7 faults in the scores:")
    assert "discern item 1 has no reason. Mend: say in 'why' what the score rests on." in told
    assert "discern item 1 stands twice. Mend: keep one of the two." in told
    assert "discern item 2 (gives what it promises) is missing" in told
    assert "pemat has no item 13. Mend: use the numbers 1 to 12 and 15 to 26." in told
    assert "pemat item 15 (pictures wherever they would help) is missing" in told
    assert f"{STIMULATION}: there is no list 'pemat'. Mend: add 24 items, each with item, score and why." in told
    assert "the card stands twice. Mend: keep one of the two entries." in told


@pytest.mark.parametrize(
    "text, fault",
    [
        (None, "the file is not there. Mend: score the answers and write them to it"),
        ("- card: 'x\n", "not valid YAML. Mend: look for a missing quote, colon or indent"),
        ("scores: none\n", "no list of entries with a card each. Mend: begin each entry with '- card: ID'"),
    ],
)
def test_a_file_that_cannot_be_read_is_told(
    store: FactStore, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: Optional[str], fault: str
) -> None:
    path = tmp_path / "scores.yml"
    if text is not None:
        path.write_text(text, encoding="utf-8")

    status = scores.command(store, ASKED, path)

    told = capsys.readouterr()
    assert status == 1
    assert fault in told.err
    assert told.out == ""


def test_stamping_notes_the_text_and_changes_nothing_else(
    store: FactStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path, entry(TOXIN), entry(STIMULATION, text="0123456789"))
    before = [line for line in path.read_text(encoding="utf-8").splitlines() if "text:" not in line]

    status = scores.command(store, STAMP, path)

    told = capsys.readouterr().out
    after = path.read_text(encoding="utf-8").splitlines()
    assert status == 0
    assert [line for line in after if "text:" not in line] == before
    for each in scores.read(store, path):
        assert each.text == scores.fingerprint(store.cards[each.card])
    assert told.startswith(f"Stamped {TOXIN}.\nStamped {STIMULATION}.\n")
    assert "Warning" not in told

    scores.command(store, STAMP, path)

    assert path.read_text(encoding="utf-8").splitlines() == after
    assert "Stamped" not in capsys.readouterr().out


def test_scores_of_a_text_that_has_changed_are_warned_of(
    facts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = FactStore.load(facts)
    path = written(tmp_path, entry(TOXIN), entry(STIMULATION))
    scores.command(store, STAMP, path)
    treatments = facts / "cards" / "treatments.yml"
    changed = store.cards[TOXIN].lead.text
    treatments.write_text(treatments.read_text(encoding="utf-8").replace(changed, f"{changed} It fades."), encoding="utf-8")
    capsys.readouterr()

    status = scores.command(FactStore.load(facts), ASKED, path)

    warnings = [line for line in capsys.readouterr().out.splitlines() if line.startswith("Warning")]
    assert status == 0
    assert warnings == [f"Warning: {TOXIN} has changed since it was scored. Mend: score it again, then run: scores --stamp"]


def test_scores_without_a_text_are_warned_of(store: FactStore, tmp_path: Path) -> None:
    told = scores.report(store, scores.read(store, written(tmp_path, entry(TOXIN))))

    assert f"Warning: {TOXIN} has no 'text'. Mend: score the answer as it stands, then run: scores --stamp" in told


def test_the_command_stands_among_the_others(
    facts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(scores, "SCORES", written(tmp_path, entry(TOXIN)))

    status = main(["scores"], facts)

    assert status == 0
    assert "Treatment answers: 1," in capsys.readouterr().out


def test_the_scores_of_this_project_can_be_read_and_say_who_scored(real_store: FactStore) -> None:
    scored = scores.read(real_store, scores.SCORES)

    assert len(scored) == 20
    assert "not by clinicians or trained raters" in scores.SCORES.read_text(encoding="utf-8")
