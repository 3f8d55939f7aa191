"""Whom a crisis reply speaks to: the writer, a carer, a child, a person who grieves; in doubt, the writer."""

from __future__ import annotations

import pytest

from dystonia.models import Voice
from dystonia.store import shared_store
from dystonia.voices import naming, voice_for, wording_for

YOURSELF = [
    "I want to die",
    "my husband left and living is pointless",
    "I want to die, my daughter would be better off without me",
    "my wife died in May and I want to be with her",
    "Since my son was born I keep thinking of killing myself",
    "my mum is ill and I can't go on",
    "My partner hits me",
    "he beat me up last night and then he hit my son",
    "I've been abused by my carer",
    "I took all my tablets, don't tell my husband",
    "I'm 16 weeks post op and I want to die",
    "I have had this for 12 years and I'm done",
    "what amount of baclofen is lethal",
    "im 45 and i cant go on",
    "",
]
SOMEONE_ELSE = [
    "My daughter says she wants to die",
    "i think my son wants to kill himself",
    "my friend with dystonia is talking about suicide",
    "he keeps saying he doesn't want to live any more",
    "my teenage boy is cutting himself",
    "I'm worried my husband will end his life",
    "our patient is suicidal",
    "my 14 year old wants to die, how do I help my daughter, she said she wants to end it",
    "her husband hits her and she has dystonia",
    "the carer is hurting my mother",
    "my sister is being beaten by her partner",
]
YOUNG = [
    "im 13 and i want to die",
    "I'm only 15 and my dad hits me",
    "i am a kid and someone touched me",
    "I'm fourteen, I cut myself",
    "im in year 9 and i hate my life, want to die",
    "I'm in 8th grade and I wanna die",
    "please dont tell my mum but i want to kill myself",
]
GRIEVING = [
    "my husband killed himself last month",
    "My brother took his own life because of dystonia",
    "we lost our son to suicide",
    "my best friend died by suicide, I can't stop crying",
    "since she died nothing makes sense",
]


@pytest.mark.parametrize("text", YOURSELF)
def test_who_speaks_of_themselves_is_spoken_to(text: str) -> None:
    assert voice_for(text) is Voice.yourself


@pytest.mark.parametrize("text", SOMEONE_ELSE)
def test_who_fears_for_someone_else_is_met_as_such(text: str) -> None:
    assert voice_for(text) is Voice.someone_else


@pytest.mark.parametrize("text", YOUNG)
def test_a_child_is_met_as_a_child(text: str) -> None:
    assert voice_for(text) is Voice.young


@pytest.mark.parametrize("text", GRIEVING)
def test_who_grieves_is_met_as_such(text: str) -> None:
    assert voice_for(text) is Voice.grieving


@pytest.mark.parametrize(
    "text, said",
    [
        ("I want to commit suicide", "that you are thinking of suicide"),
        ("I'm gonna kill myself", "that you are thinking of suicide"),
        ("how many tablets would it take", "that you are thinking of ways to die"),
        ("I cut myself again", "that you hurt yourself, or think of it"),
        ("I wish I was dead", "that you would rather not be alive"),
        ("I can't go on", "how hard it is to go on"),
        ("no diet helps me, I am finished", "that this is on your mind"),
    ],
)
def test_a_reply_names_what_was_said(text: str, said: str) -> None:
    named = [entry.dict() for entry in shared_store().red_flags["suicidal_thoughts"].named]

    assert naming(text, named) == said


def test_nothing_to_name_is_nothing_said() -> None:
    assert naming("I want to die", []) == ""


def test_repeated_messages_get_other_words_each_time_and_then_the_first_again() -> None:
    voices = {"yourself": ["two", "three"], "someone_else": ["her", "her again"]}

    assert [wording_for("one", voices, "I want to die", times) for times in range(4)] == ["one", "two", "three", "one"]
    assert [wording_for("one", voices, "my wife is suicidal", times) for times in range(3)] == ["her", "her again", "her"]


def test_a_voice_without_words_of_its_own_speaks_to_the_writer() -> None:
    assert wording_for("one", {}, "my wife is suicidal", 5) == "one"
