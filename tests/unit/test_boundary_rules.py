"""Boundaries by form: what asks for a dose is held, and what only speaks of one is not."""

from __future__ import annotations

import pytest

from dystonia.store import shared_store
from nlu.boundary_rules import RULES, crossed


@pytest.mark.parametrize(
    "text",
    ["botox dose for neck?", "What is the usual dosage of baclofen", "dosage for clonazepam", "the right dose in a child"],
)
def test_a_dose_is_not_told(text: str) -> None:
    assert crossed(text) == "medicine_changes"


@pytest.mark.parametrize(
    "text",
    ["what if I missed a dose of baclofen", "a missed dose of baclofen", "how long does a dose last", "why is my dose lower"],
)
def test_what_only_speaks_of_a_dose_may_be_answered(text: str) -> None:
    assert crossed(text) is None


def test_every_rule_names_a_boundary_of_the_facts() -> None:
    assert {rule.boundary for rule in RULES} <= shared_store().boundaries.keys()
