"""Answers that depend on the country: asked for, recognised, remembered for the talk."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from dystonia.compose import ASK_COUNTRY, Answerer
from dystonia.question import Talk
from dystonia.reply import Kind, as_text
from dystonia.store import FactStore
from tests.unit.asking import NEW_TALK, plain

CARD = """
- id: dystonia.{name}
  topic: organisations
  about: [{about}]
  questions: [Where are {name}?, "{name} near me", any {name} at all]
  lead:
    text: There are {name} for people with dystonia.
    sources: [neck-clinic]
  reviewed: 2026-01-01
  review_by: 2999-01-01
  status: settled
  state: checked
  {more}
  cautions: []
  see_also: [{links}]
"""
GROUPS = plain("dystonia.groups", "organisations", "dystonia")


@pytest.fixture
def core(facts: Path) -> Answerer:
    general = CARD.format(name="groups", about="dystonia", more="by_country: true", links="dystonia.groups_uk")
    local = CARD.format(name="groups_uk", about="dystonia, UK", more="covers: []", links="")
    (facts / "cards" / "groups.yml").write_text(general + local, encoding="utf-8")
    return Answerer(FactStore.load(facts))


def test_an_answer_that_depends_on_the_country_asks_for_it(core: Answerer) -> None:
    said = core.answer([GROUPS], NEW_TALK)

    assert said.answer.cards == ("dystonia.groups",)
    assert ASK_COUNTRY in as_text(said.answer)
    assert said.talk.asks_country


def test_the_country_that_is_named_next_is_answered_for(core: Answerer) -> None:
    asked = core.answer([GROUPS], NEW_TALK)

    said = core.located(replace(asked.talk, country="UK"))

    assert said.answer.cards == ("dystonia.groups_uk",)
    assert ASK_COUNTRY not in as_text(said.answer)
    assert not said.talk.asks_country


@pytest.mark.parametrize("talk, about", [(Talk(country="UK"), ()), (NEW_TALK, ("UK",))])
def test_a_country_known_from_the_talk_or_the_question_is_not_asked_for(
    core: Answerer, talk: Talk, about: tuple[str, ...]
) -> None:
    said = core.answer([replace(GROUPS, about=("dystonia", *about))], talk)

    assert said.answer.cards == ("dystonia.groups_uk",)
    assert ASK_COUNTRY not in as_text(said.answer)


def test_a_country_without_a_card_gets_the_general_one(core: Answerer, facts: Path) -> None:
    path = facts / "countries.yml"
    path.write_text(path.read_text(encoding="utf-8") + "- country: Chile\n  name: Chile\n  synonyms: []\n", encoding="utf-8")
    core = Answerer(FactStore.load(facts))

    said = core.answer([GROUPS], Talk(country="Chile"))

    assert said.answer.cards == ("dystonia.groups",)
    assert ASK_COUNTRY not in as_text(said.answer)


def test_a_card_of_another_country_stands_back(core: Answerer) -> None:
    close = replace(GROUPS, candidates=(("dystonia.groups_uk", 0.5), ("cervical_dystonia.what_is", 0.3)))

    assert core.answer([close], Talk(country="UK")).answer.cards == ("dystonia.groups_uk",)
    assert core.answer([close], Talk(country="Chile")).answer.cards == ("cervical_dystonia.what_is",)


def test_the_next_answer_no_longer_asks(core: Answerer) -> None:
    asked = core.answer([GROUPS], NEW_TALK)

    said = core.answer([plain("cervical_dystonia.what_is", "type_info", "cervical_dystonia")], asked.talk)

    assert not said.talk.asks_country


def test_a_country_out_of_the_blue_is_taken_kindly(core: Answerer) -> None:
    assert core.located(Talk(country="UK")).answer.kind is Kind.smalltalk
