"""Numbers to call: by country, and in general words when the country is not known or the file can't be read."""
from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dystonia.helplines import HELP_KINDS, IF_SO, Helplines
from dystonia.store import FACTS, UNKNOWN_COUNTRY, FactStore
from nlu import red_flag_rules
from nlu.importer import intent_of

GENERAL = ("112", "911", "999")


@pytest.fixture(scope="module")
def real() -> Helplines:
    """The numbers that ship with the project."""
    return Helplines.load()


def words(helplines: Helplines, country: str | None = None, kind: str = "emergency", wanted: tuple[str, ...] = ()) -> str:
    """What an urgent reply adds."""
    return "\n\n".join(helplines.paragraphs(helplines.line(country), kind, wanted))


def with_file(folder: Path, content: bytes) -> Path:
    """A facts folder whose numbers file holds just this."""
    (folder / "helplines.yml").write_bytes(content)
    return folder


# The real numbers.


@pytest.mark.parametrize(("country", "number"), [("US", "911"), ("UK", "999"), ("Australia", "000"), ("Ireland", "112")])
def test_a_country_gets_its_own_number_and_no_question_for_the_country(real: Helplines, country: str, number: str) -> None:
    assert number in words(real, country)
    assert "Tell me your country" not in words(real, country)


@pytest.mark.parametrize("country", [None, "Atlantis", ""])
def test_while_the_country_is_not_known_general_words_name_several(real: Helplines, country: str | None) -> None:
    text = words(real, country)

    assert all(number in text for number in GENERAL)
    assert "Tell me your country" in text


@pytest.mark.parametrize("kind", HELP_KINDS)
def test_every_country_has_words_for_each_kind_of_help(real: Helplines, kind: str) -> None:
    for country, line in real.lines.items():
        text = words(real, country, kind)
        assert line.emergency in text or (line.emergency_examples or "") in text
        assert (line.crisis in text) == (kind == "crisis")
        assert "None" not in text


@pytest.mark.parametrize("kind", HELP_KINDS)
def test_help_says_that_a_program_cannot_call_and_that_the_talk_goes_on(real: Helplines, kind: str) -> None:
    text = words(real, "UK", kind)

    assert "can't call for you" in text
    assert "still here" in text


def test_lines_that_a_red_flag_asks_for_are_added_where_there_are_any(store: FactStore) -> None:
    helplines = Helplines(store.helplines)

    assert "Poison advice: NHS 111." in words(helplines, "UK", wanted=("poison", "abuse"))
    assert "Abuse helpline" not in words(helplines, "UK", wanted=("poison",))
    assert "Poison" not in words(helplines, "UK")


def test_numbers_are_said_with_the_day_they_were_checked(real: Helplines) -> None:
    for country, line in real.lines.items():
        assert f"Numbers last checked {line.checked.day} {line.checked:%B %Y}." in words(real, country)


def test_where_a_country_has_no_abuse_or_child_line_words_take_its_place(real: Helplines) -> None:
    for country, line in real.lines.items():
        text = words(real, country, "crisis", ("abuse", "child"))
        assert (line.abuse or "a local abuse helpline; findahelpline.com") in text
        assert (line.child or "a local child helpline; findahelpline.com") in text
        assert "Crisis line" not in text


def test_what_is_said_after_the_numbers_changes_each_time(real: Helplines) -> None:
    said = [real.paragraphs(real.line("UK"), "crisis", (), times)[-1] for times in range(5)]

    assert len(set(said)) == 4 and said[4] == said[0]


def test_someone_who_cannot_speak_is_told_what_to_do(store: FactStore) -> None:
    assert "If you cannot speak: Text 999." in words(Helplines(store.helplines), "UK")


def test_red_flags_ask_only_for_lines_that_exist(real_store: FactStore) -> None:
    wanted = {name for flag in real_store.red_flags.values() for name in flag.numbers}
    labelled = {name for name in wanted if ":" in words(Helplines(real_store.helplines), "UK", wanted=(name,))}

    assert wanted == labelled


def test_each_country_that_visitors_can_name_has_its_numbers_under_the_same_code(real_store: FactStore) -> None:
    assert sorted(set(real_store.helplines) - {UNKNOWN_COUNTRY}) == sorted(real_store.countries)


# A file that can't be used.


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"just words",
        b"42",
        b"- [",
        b"- country: UK",
        b"- country: UK\n  emergncy: '999'",
        b"- just words",
        b"UK: '999'",
        b"- emergency: '999'",
        b"\xff\xfe\x00",
        b"- country: UK\n  emergency: '999'\n  crisis: x\n  checked: 2026-02-30\n  sources: []",
    ],
    ids=[
        "empty",
        "words",
        "a number",
        "broken YAML",
        "fields missing",
        "field misspelt",
        "no fields",
        "no list",
        "no country",
        "no text",
        "a day that never was",
    ],
)
def test_a_broken_file_still_gives_words(tmp_path: Path, content: bytes) -> None:
    helplines = Helplines.load(with_file(tmp_path, content))

    for kind in HELP_KINDS:
        assert all(number in words(helplines, "UK", kind) for number in GENERAL)


def test_a_missing_file_still_gives_words_and_the_log_says_how_to_mend_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    helplines = Helplines.load(tmp_path)

    assert all(number in words(helplines, None, "crisis") for number in GENERAL)
    assert "findahelpline.com" in words(helplines, None, "crisis")
    assert "helplines.yml" in caplog.text
    assert "make facts" in caplog.text


def test_a_file_without_general_words_still_gives_them(tmp_path: Path) -> None:
    entry = b"- {country: UK, emergency: '999', crisis: x, checked: 2026-01-01, sources: [a]}"

    helplines = Helplines.load(with_file(tmp_path, entry))

    assert "999" in words(helplines, "UK")
    assert all(number in words(helplines) for number in GENERAL)


@given(content=st.binary(max_size=100) | st.text(max_size=100).map(str.encode))
def test_whatever_the_file_holds_there_are_words(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    helplines = Helplines.load(with_file(tmp_path_factory.mktemp("facts"), content))

    assert all(number in words(helplines) for number in GENERAL)


def test_the_words_for_a_lost_file_name_the_same_emergency_numbers_as_the_file(tmp_path: Path) -> None:
    lost, kept = Helplines.load(tmp_path).line(None), Helplines.load(FACTS).line(None)

    assert (lost.emergency, lost.emergency_examples) == (kept.emergency, kept.emergency_examples)


@pytest.mark.parametrize("kind", HELP_KINDS)
def test_the_button_of_a_reply_in_doubt_raises_a_red_flag_of_its_kind_by_the_rules_alone(
    kind: str, real_store: FactStore
) -> None:
    _, _, button = IF_SO[kind]

    raised = red_flag_rules.raised(button)

    assert raised and intent_of(real_store.red_flags[raised[0]]) == kind
