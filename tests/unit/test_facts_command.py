"""`make facts`: what an editor of the facts is told."""
from __future__ import annotations

from pathlib import Path

import pytest

from tools.facts.__main__ import main

EYES = "cards/eyes.yml"


def replace(facts: Path, file: str, old: str, new: str) -> None:
    """Changes every place where some words stand in a file."""
    path = facts / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


@pytest.mark.parametrize("arguments", [[], ["check"]])
def test_clean_facts_are_summed_up(facts: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    status = main(arguments, facts)

    told = capsys.readouterr().out
    assert status == 0
    assert "No faults. 14 cards, 5 sources" in told
    assert "treatment_overview        4" in told
    assert "past their review date: 1" in told
    assert "Reading grade: median" in told
    assert "worst" in told
    assert "Sentences with a source: 100%" in told


def test_the_summary_names_the_card_that_is_hardest_to_read(facts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    replace(facts, EYES, "In most people the cause is not known.", "In most people, doctors never discover any cause.")

    main([], facts)

    assert "(blepharospasm.cause)" in capsys.readouterr().out


@pytest.mark.parametrize("command", [["check"], ["show", "blepharospasm.what_is"], ["find", "eyes"], ["due"]])
def test_faults_are_all_told_and_end_in_failure(facts: Path, capsys: pytest.CaptureFixture[str], command: list[str]) -> None:
    replace(facts, EYES, "sources: [eye-clinic, regulator", "sources: [eye-clinik, regulator")
    replace(facts, "cards/neck.yml", "Injections into the neck help many people.", "The usual dose is 5 mg.")

    status = main(command, facts)

    told = capsys.readouterr()
    assert status == 1
    assert told.err.splitlines()[0] == "2 faults in the fact files:"
    assert "facts/cards/eyes.yml, line" in told.err
    assert "blepharospasm.treatment: the source 'eye-clinik' is not known. Mend: did you mean eye-clinic" in told.err
    assert 'cervical_dystonia.treatment: the text gives a dose: "5 mg"' in told.err
    assert told.out == ""


def test_a_card_is_shown_as_a_visitor_reads_it_with_sources_and_dates(facts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status = main(["show", "blepharospasm.treatment"], facts)

    told = capsys.readouterr().out
    assert status == 0
    assert told.startswith("How is blepharospasm treated?\n\nInjections into the eyelids help many people.")
    assert "• Dark glasses help some people." in told
    assert "The effect of the toxin can spread, hours to weeks later." in told
    assert "[What is botulinum toxin?]" in told
    assert "Reviewed 2026-01-01, to be reviewed by 2999-01-01." in told
    assert "regulator: Label. Regulator, May 2022. https://label.example" in told
    assert "hand-clinic: Hands. Hand Clinic, undated. no public address" in told


def test_a_card_that_is_not_there_is_answered_with_the_nearest(facts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status = main(["show", "blefarospasm.what_is"], facts)

    assert status == 1
    assert "did you mean blepharospasm.what_is" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["glasses"], {"blepharospasm.treatment"}),
        (["GLASSES"], {"blepharospasm.treatment"}),
        (["injections", "neck"], {"cervical_dystonia.treatment"}),
        (["implant"], {"comparison.toxin_or_stimulation"}),
    ],
    ids=["in the text", "in capitals", "two words", "in a question"],
)
def test_cards_are_found_by_words(facts: Path, capsys: pytest.CaptureFixture[str], words: list[str], found: set[str]) -> None:
    status = main(["find", *words], facts)

    *lines, count = capsys.readouterr().out.splitlines()
    assert status == 0
    assert {line.partition(":")[0] for line in lines} == found
    assert count.startswith(f"{len(found)} of 14 cards")


def test_words_that_no_card_holds_are_said_to_be_in_none(facts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["find", "zebra"], facts) == 1
    assert capsys.readouterr().out == "0 of 14 cards hold zebra.\n"


def test_cards_are_listed_by_review_date_and_late_ones_marked(facts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["due"], facts) == 0

    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "2020-01-01  overdue  blepharospasm.cause: What causes blepharospasm?"
    assert len(lines) == 14
    assert "overdue" not in "".join(lines[1:])


def test_the_facts_that_ship_with_the_project_have_no_faults(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    assert capsys.readouterr().out.startswith("No faults.")
