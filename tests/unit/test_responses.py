"""Static replies: the numbers of the visitor's country, the subject they named, and the contract, with no action server."""
from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, Dict, List, Optional

import pytest
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import SlotSet, UserUttered
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.shared.importers.importer import TrainingDataImporter

from dystonia.helplines import Helplines
from dystonia.store import content_version, shared_store
from nlu.importer import intent_of
from server.responses import ResponseWriter
from server.settings import ROOT


@pytest.fixture(scope="module")
def domain() -> Domain:
    """The domain as it is trained: with the replies that the facts hold."""
    return TrainingDataImporter.load_from_config(str(ROOT / "config.yml"), str(ROOT / "domain.yml"), []).get_domain()


@pytest.fixture
def writer(domain: Domain) -> ResponseWriter:
    """The writer, as Rasa makes it."""
    return ResponseWriter(None, domain)


def say(
    writer: ResponseWriter,
    domain: Domain,
    response: str,
    slots: Optional[Dict[str, Any]] = None,
    entities: Optional[List[Dict[str, Any]]] = None,
    confidence: float = 0.9,
    **parsed: Any,
) -> Dict[str, Any]:
    """A response in a talk with these slots, after a message with these entities."""
    tracker = DialogueStateTracker.from_events("someone", [SlotSet(*each) for each in (slots or {}).items()], domain.slots)
    intent = {"name": "greet", "confidence": confidence}
    parse = {"intent": intent, "entities": entities or [], **parsed}
    tracker.update(UserUttered("Hello", intent, entities or [], parse_data=parse))
    return asyncio.run(writer.generate(response, tracker, "rest"))


def names(kind: str, *slugs: str) -> List[Dict[str, Any]]:
    """Entities of one kind."""
    return [{"entity": kind, "value": slug} for slug in slugs]


def test_every_red_flag_has_its_reply_with_numbers_and_sources(writer: ResponseWriter, domain: Domain) -> None:
    for flag in shared_store().red_flags.values():
        said = say(writer, domain, f"utter_{intent_of(flag)}", {"red_flag": flag.id})

        told = said["custom"]["reply"]
        assert (told["kind"], told["cards"]) == (intent_of(flag), [f"red_flags.{flag.id}"]), flag.id
        assert [source["id"] for source in told["sources"]] == list(flag.reply.sources), flag.id
        assert "112" in said["text"] and "999" in said["text"], flag.id
        assert "{" not in said["text"], flag.id


def test_every_boundary_has_its_reply(writer: ResponseWriter, domain: Domain) -> None:
    for boundary in shared_store().boundaries.values():
        said = say(writer, domain, "utter_boundary", {"boundary": boundary.id}, names("treatment", "baclofen"))

        told = said["custom"]["reply"]
        assert (told["kind"], told["cards"]) == ("boundary", [f"boundaries.{boundary.id}"]), boundary.id
        assert told["about"] == ["baclofen"], boundary.id
        assert "{" not in said["text"], boundary.id


@pytest.mark.parametrize("kind", ["emergency", "crisis", "boundary"])
def test_a_flag_that_no_reply_was_written_for_gets_the_general_one(writer: ResponseWriter, domain: Domain, kind: str) -> None:
    said = say(writer, domain, f"utter_{kind}", {"red_flag": "unheard_of", "boundary": "unheard_of"})

    assert said["custom"]["reply"]["kind"] == kind
    assert said["text"] and "{" not in said["text"]


def test_numbers_are_those_of_the_country(writer: ResponseWriter, domain: Domain) -> None:
    for country, line in shared_store().helplines.items():
        if country != "unknown":
            said = say(writer, domain, "utter_crisis", {"red_flag": "suicidal_thoughts", "country": country})

            assert line.emergency in said["text"] and line.crisis in said["text"], country
            assert "Tell me your country" not in said["text"], country


def test_an_unknown_country_gets_examples_and_is_asked_for(writer: ResponseWriter, domain: Domain) -> None:
    for country in (None, "Atlantis"):
        said = say(writer, domain, "utter_emergency", {"country": country})

        assert "112" in said["text"] and "911" in said["text"] and "Tell me your country" in said["text"]


def test_an_emergency_that_needs_a_further_number_names_it(writer: ResponseWriter, domain: Domain) -> None:
    wanting = next(flag for flag in shared_store().red_flags.values() if "poison" in flag.numbers)
    country, line = next((name, line) for name, line in shared_store().helplines.items() if line.poison and name != "unknown")

    said = say(writer, domain, f"utter_{intent_of(wanting)}", {"red_flag": wanting.id, "country": country})

    assert line.poison in said["text"]


def test_without_readable_numbers_the_general_words_are_said(
    writer: ResponseWriter, domain: Domain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "helplines.yml").write_text("- country: [broken")
    load = Helplines.load
    monkeypatch.setattr(Helplines, "load", lambda: load(tmp_path))

    said = say(writer, domain, "utter_emergency", {"country": "UK"})

    assert "112" in said["text"] and "999" in said["text"]
    assert "make facts" in caplog.text


@pytest.mark.parametrize(
    "entities, subject",
    [
        (names("treatment", "baclofen"), "baclofen"),
        (names("type", "cervical_dystonia"), "cervical dystonia"),
        (names("type", "cervical_dystonia") + names("treatment", "baclofen"), "baclofen"),
        (names("body_region", "neck"), "dystonia"),
        ([], "dystonia"),
    ],
)
def test_the_general_boundary_offers_what_was_named(
    writer: ResponseWriter, domain: Domain, entities: List[Dict[str, Any]], subject: str
) -> None:
    said = say(writer, domain, "utter_boundary", {"boundary": None}, entities)

    assert f"about {subject}." in said["text"]


def test_every_response_carries_a_whole_account_of_itself(writer: ResponseWriter, domain: Domain) -> None:
    for response in domain.responses:
        told = say(writer, domain, response)["custom"]["reply"]

        assert told["kind"] in ("smalltalk", "boundary", "emergency", "crisis", "out_of_scope", "unavailable"), response
        assert told["content"] == content_version(), response
        assert told["confidence"] == 0.9, response


@pytest.mark.parametrize("confidence, told", [(1.0000001, 1.0), (-0.1, 0.0), (0.123456, 0.1235)])
def test_confidence_is_a_share_of_one(writer: ResponseWriter, domain: Domain, confidence: float, told: float) -> None:
    assert say(writer, domain, "utter_greet", confidence=confidence)["custom"]["reply"]["confidence"] == told


def test_a_boundary_offers_the_questions_that_the_understanding_found(writer: ResponseWriter, domain: Domain) -> None:
    said = say(writer, domain, "utter_boundary", {"boundary": "medicine_changes"}, offers=["What is baclofen?"])

    assert said["buttons"] == [{"title": "What is baclofen?", "payload": "What is baclofen?"}]


def test_saying_a_response_twice_says_the_same(writer: ResponseWriter, domain: Domain) -> None:
    first, second = (say(writer, domain, "utter_crisis", {"red_flag": "suicidal_thoughts"}) for _ in range(2))

    assert first == second


def test_an_unknown_response_is_none(writer: ResponseWriter, domain: Domain) -> None:
    assert say(writer, domain, "utter_nothing_of_the_kind") is None


def test_a_condition_that_is_taken_for_dystonia_is_said_to_be_another(writer: ResponseWriter, domain: Domain) -> None:
    said = say(writer, domain, "utter_out_of_scope", entities=names("lookalike", "dystrophy"))

    assert "muscular dystrophy is not the same thing" in said["text"]
    assert said["custom"]["reply"]["kind"] == "out_of_scope"


@pytest.mark.parametrize("response", ["utter_out_of_scope", "utter_boundary", "utter_thank", "utter_in_doubt"])
def test_a_reply_in_doubt_is_led_by_where_help_is_in_the_visitors_country(
    writer: ResponseWriter, domain: Domain, response: str
) -> None:
    plain = say(writer, domain, response, {"country": "UK"})

    said = say(
        writer, domain, response, {"country": "UK"}, in_doubt={"red_flag": "suicidal_thoughts", "kind": "crisis"}
    )

    assert said["text"].endswith(plain["text"]) and "999" in said["text"].split("\n\n")[0]
    assert said["buttons"][0] == {"title": "I am not safe right now", "payload": "I am not safe right now"}
    assert said["custom"]["reply"] == {**plain["custom"]["reply"], "cautions": ["if_not_safe"]}


def test_what_is_an_emergency_anyway_is_not_led_by_a_doubt(writer: ResponseWriter, domain: Domain) -> None:
    plain = say(writer, domain, "utter_emergency", {"red_flag": "choking"})

    assert "if_happening_now" not in plain["custom"]["reply"]["cautions"]
