"""Talks in which a turn means something only by what was said before it.

Rasa's own story test (test_stories.py) runs no action, so that no turn there knows what the last answer was.
"""
from __future__ import annotations

from pathlib import Path
from typing import List, Tuple

import pytest

from dystonia.question import Talk
from tools.assistant import Assistant

Told = List[Tuple[str, str, str]]
"""What the visitor says, the intent it is taken for, and what an answer's cards must begin with ("" for no card)."""

TALKS = {
    "the second of what was listed": [
        ("what are the treatments for dystonia in general", "ask_treatment_overview", "dystonia.treatment"),
        ("could you say more on the second one", "ask_treatment_info", "botulinum_toxin.what_is"),
        ("is that safe for most people", "ask_side_effects", "botulinum_toxin."),
    ],
    "the third of what was listed": [
        ("please list the kinds of focal dystonia", "ask_focal_types", "dystonia.focal_types_list"),
        ("let me hear about the third one please", "ask_type_info", "oromandibular_dystonia.what_is"),
    ],
    "the second of two that were compared": [
        ("how do botox and deep brain stimulation compare", "ask_comparison", "botulinum_toxin."),
        ("what are the risks of the second", "ask_side_effects", "deep_brain_stimulation."),
    ],
    "the same of another type": [
        ("how is neck dystonia treated by doctors", "ask_treatment_overview", "cervical_dystonia.treatment"),
        ("and what about the hand?", "ask_treatment_overview", "hand_dystonia.treatment"),
    ],
    "the same in children": [
        ("what is the usual treatment for generalised dystonia", "ask_treatment_overview", "generalized_dystonia.treatment"),
        ("and what about children?", "ask_treatment_overview", "childhood_dystonia.treatment"),
    ],
    "the same of another trigger": [
        ("does stress bring on dystonia symptoms", "ask_triggers", "dystonia.stress"),
        ("and what about caffeine?", "ask_triggers", "dystonia.caffeine"),
    ],
    "thanks in the middle": [
        ("explain Meige syndrome to me please", "ask_type_info", "meige_syndrome.what_is"),
        ("ta very much for that", "thank", ""),
        ("so what causes it in the first place", "ask_cause", "meige_syndrome.cause"),
    ],
    "another matter in the middle": [
        ("please explain oromandibular dystonia", "ask_type_info", "oromandibular_dystonia.what_is"),
        ("who won the cup final", "out_of_scope", ""),
        ("and how do doctors treat it", "ask_treatment_overview", "oromandibular_dystonia.treatment"),
    ],
    "a correction by its form": [
        ("what treatments exist for eyelid dystonia", "ask_treatment_overview", "blepharospasm.treatment"),
        ("actually my question was about the neck", "correct", "cervical_dystonia.treatment"),
    ],
    "a correction to another treatment": [
        ("which side effects does baclofen bring", "ask_side_effects", "baclofen.side_effects"),
        ("oh sorry, I meant the injections", "correct", "botulinum_toxin.side_effects"),
    ],
}


@pytest.fixture(scope="module")
def assistant(model: Path) -> Assistant:
    return Assistant(model)


@pytest.mark.parametrize("turns", TALKS.values(), ids=list(TALKS))
def test_a_turn_is_read_in_its_talk(assistant: Assistant, turns: Told) -> None:
    talk = Talk()
    for text, intent, card in turns:
        turn = assistant.turn(text, talk)
        talk = turn.talk

        assert turn.intent == intent, text
        assert (turn.answer.cards[0] if turn.answer else "").startswith(card) and bool(card) == bool(turn.answer), text


def test_what_was_asked_back_is_picked_by_its_place_and_by_a_word(assistant: Assistant) -> None:
    asked_back = Talk(offered=("cervical_dystonia.what_is", "blepharospasm.treatment"), clarified=1)

    for text in ("the second one", "eyelids", "the treatment", "2"):
        turn = assistant.turn(text, asked_back)

        assert turn.answer is not None and turn.answer.cards == ("blepharospasm.treatment",), text
        assert turn.talk.offered == ()
