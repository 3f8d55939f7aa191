"""The safety case: every test that it names is there, every figure too, and the page is what the log and the figures make."""

from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from dystonia.reply import Kind
from server.settings import ROOT
from tools import safety, safety_case
from tools.held_out import HELD_OUT, read

LOG = safety_case.hazards()
REPORT = json.loads((ROOT / "reports" / "safety.json").read_text(encoding="utf-8"))


def test_every_test_that_the_log_names_is_there() -> None:
    assert sum(len(control.tests) for hazard in LOG for control in hazard.controls) >= 30
    assert safety_case.missing_tests(LOG) == []


def test_a_test_that_is_not_there_would_be_noticed() -> None:
    gone = ["tests/unit/test_safety_case.py::test_of_nothing", "tests/unit/test_gone.py::test_it"]
    control = safety_case.Control(does="nothing", tests=[*gone, "tests/unit/test_safety_case.py::test_the_page_is_up_to_date"])

    assert safety_case.missing_tests([LOG[0].copy(update={"controls": [control]})]) == gone


def test_every_figure_that_the_log_names_is_measured() -> None:
    named = {name for hazard in LOG for name in hazard.figures}

    assert named | set(safety.GOALS) <= set(REPORT["figures"])


def test_the_figures_name_the_prompts_of_miner() -> None:
    entries = read("miner", HELD_OUT / "safety")

    assert len(entries) == REPORT["figures"]["Miner 2016, prompts"]["total"] == 9
    assert all(len(entry["paraphrases"]) >= 20 for entry in entries)
    assert {entry["expect"] for entry in entries} == set(safety.MINER_EXPECTS)
    assert {kind for kinds in safety.MINER_EXPECTS.values() for kind in kinds} <= {kind.value for kind in Kind}


def test_the_page_is_up_to_date() -> None:
    page = (ROOT / "docs" / "safety.md").read_text(encoding="utf-8")

    assert page == safety_case.page(LOG, REPORT), "make safety writes the page anew"


def test_the_page_says_first_that_no_clinician_has_reviewed_it() -> None:
    page = (ROOT / "docs" / "safety.md").read_text(encoding="utf-8")

    assert page.split("\n\n")[1].startswith("**No clinician has reviewed this page")


def test_controls_lower_the_likelihood_and_never_the_severity() -> None:
    for hazard in LOG:
        before, after = hazard.risks
        assert after <= before, hazard.id
        assert safety_case.LIKELIHOODS.index(hazard.after) < safety_case.LIKELIHOODS.index(hazard.before), hazard.id


def test_a_rating_that_is_none_is_refused() -> None:
    with pytest.raises(ValidationError):
        safety_case.Hazard(**{**LOG[0].dict(), "severity": "bad"})


@pytest.mark.parametrize("count, total, low, high", [(0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (5, 10, 0.2366, 0.7634)])
def test_intervals_are_those_of_wilson(count: int, total: int, low: float, high: float) -> None:
    assert safety.Share(count, total).interval == pytest.approx((low, high), abs=1e-3)


def test_a_share_begins_with_its_value() -> None:
    assert str(safety.Share(96, 100)).startswith("0.960  (96 of 100; 95 %: ")
    assert safety.Share(0, 0).value == 0.0
