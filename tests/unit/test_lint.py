"""`make lint`: it finds what is planted, in written texts and in what is said, and finds nothing in what ships."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Dict

import pytest

from dystonia.models import Passage
from dystonia.store import FactStore, shared_store
from tools.linter import lint, lint_talks, talks, written
from tools.whole import Whole

TALKS = 200


@pytest.fixture(scope="module")
def whole(model: Path) -> Whole:
    """The whole assistant in this process."""
    return Whole(model)


def test_no_written_text_breaks_a_rule() -> None:
    places = list(written(shared_store()))

    assert len(places) > 2000
    assert [str(finding) for place, text in places for finding in lint(place, text)] == []


def test_no_reply_of_random_talks_breaks_a_rule(whole: Whole) -> None:
    findings, kinds = lint_talks(whole, shared_store(), TALKS)

    assert [str(finding) for finding in findings] == []
    assert set(kinds) >= {"answer", "boundary", "crisis", "emergency", "smalltalk", "out_of_scope"}
    assert sum(kinds.values()) >= 2 * TALKS


def test_a_fault_planted_in_a_card_is_found_in_the_written_texts() -> None:
    store = shared_store()
    card = store.cards["dystonia.what_is"].copy(
        update={"lead": Passage(text="You should stop your baclofen.", sources=["this-project"])}
    )
    planted: FactStore = replace(store, cards={**store.cards, card.id: card})

    (finding,) = [finding for place, text in written(planted) for finding in lint(place, text)]
    assert finding.place == "card dystonia.what_is" and "stopping" in finding.fault


def test_a_fault_that_is_only_said_is_found_in_the_talks(whole: Whole, monkeypatch: pytest.MonkeyPatch) -> None:
    say = whole.say

    def promising(talk: str, message: str) -> Dict[str, Any]:
        turn = say(talk, message)
        return {**turn, "text": turn["text"] + "\n\nThis will cure your dystonia."}

    monkeypatch.setattr(whole, "say", promising)
    findings, _ = lint_talks(whole, shared_store(), 2)

    assert {finding.fault for finding in findings} == {"makes a promise"}


def test_the_same_seed_holds_the_same_talks() -> None:
    store = shared_store()

    assert list(talks(store, 20, 1)) == list(talks(store, 20, 1)) != list(talks(store, 20, 2))


def test_two_sentences_make_no_fault_together() -> None:
    assert list(lint("here", "Ask before you stop. Your tablets are white.")) == []
