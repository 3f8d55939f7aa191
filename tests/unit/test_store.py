"""The fact store: what it refuses, how it says so, and that the facts that ship with the project are clean."""
from __future__ import annotations

import datetime
import re
import shutil
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dystonia import wording
from dystonia.models import FILES, TOPICS
from dystonia.store import FACTS, FactErrors, FactStore, Problem, content_version
from tests.unit.conftest import SMALL_FACTS

EYES = "cards/eyes.yml"
LEAD = "text: Blepharospasm squeezes the eyes shut. The eyes themselves are healthy."
HARD = (
    "text: Notwithstanding considerable heterogeneity, contemporary electrophysiological investigations demonstrate "
    "insufficient intracortical inhibition, maladaptive reorganisation and abnormal sensorimotor integration."
)


class Plant(NamedTuple):
    """A fault put into a file: what was there, what stands there now, and what must be said about it."""

    kind: str
    file: str
    old: str
    new: str
    entry: str
    fault: str
    mend: str
    line: str = ""
    """Words on the line that must be named, where it is not the line of ``new``."""


IN_CARDS = [
    Plant("unknown source", EYES, "sources: [eye-clinic]", "sources: [eye-clinik]", "blepharospasm.what_is",
          "the source 'eye-clinik' is not known", "did you mean eye-clinic", line="squeezes"),
    Plant("unknown slug", EYES, "about: [blepharospasm]", "about: [blefarospasm]", "blepharospasm.what_is",
          "'blefarospasm' in about is not known", "did you mean blepharospasm"),
    Plant("unknown caution", EYES, "cautions: []", "cautions: [toxin_warnings]", "blepharospasm.what_is",
          "'toxin_warnings' in cautions is not known", "did you mean toxin_warning"),
    Plant("unknown card", EYES, "dystonia.what_is, hand_dystonia.what_is]", "dystonia.what_was]", "blepharospasm.what_is",
          "'dystonia.what_was' in see_also is not known", "did you mean dystonia.what_is"),
    Plant("a dose", EYES, LEAD, "text: Most people take 20 mg of it in the morning.", "blepharospasm.what_is",
          'gives a dose: "20 mg"', "only a prescriber may name one"),
    Plant("a promise", EYES, "text: It comes to both eyes.", "text: The injections will cure your eyes.",
          "blepharospasm.what_is", 'makes a promise: "will cure"', "use 'may' or 'can'"),
    Plant("a diagnosis", EYES, LEAD, "text: It is plain that your eyes are shut. You have blepharospasm.",
          "blepharospasm.what_is", "makes a diagnosis", "speak of people with the condition"),
    Plant("reading grade", EYES, LEAD, HARD, "blepharospasm.what_is", "reading grade", "shorter sentences, shorter words"),
    Plant("a lead too long", EYES, LEAD, "text: It is a spasm. It shuts the eyes. It comes back.", "blepharospasm.what_is",
          "more than two sentences", "move the rest to points"),
    Plant("a question too long for a button", EYES, "- What is blepharospasm?",
          "- What is blepharospasm, where does it come from, and what is done about it?", "blepharospasm.what_is",
          "does not fit on a button", "at most 60 characters"),
    Plant("reviewed after it is due", EYES, "review_by: 2999-01-01", "review_by: 2025-01-01", "blepharospasm.what_is",
          "review_by is not after reviewed", "set a later date"),
    Plant("a question claimed twice", EYES, "- What are the signs of blepharospasm?", "- what is blepharospasm",
          "blepharospasm.symptoms", "'what is blepharospasm' already leads to blepharospasm.what_is", "one of the two"),
    Plant("a dose in a caution", "cautions.yml", "text: This is general information, not medical advice.",
          "text: Nobody needs more than 100 units of it.", "general_information", 'gives a dose: "100 units"', "prescriber",
          line="id: general_information"),
    Plant("unknown source of a caution", "cautions.yml", "sources: [regulator]", "sources: [regulater]", "toxin_warning",
          "the source 'regulater' is not known", "did you mean regulator", line="id: toxin_warning"),
    Plant("a promise in a boundary", "boundaries.yml", "text: I can't advise on that.", "text: It will go away.",
          "medicine_changes", "makes a promise", "may", line="id: medicine_changes"),
    Plant("unknown source of a red flag", "red_flags.yml", "sources: [regulator]", "sources: [regulater]", "cannot_breathe",
          "the source 'regulater' is not known", "did you mean regulator", line="id: cannot_breathe"),
    Plant("a phrase claimed twice", "vocabulary.yml", "synonyms: [neck dystonia]", "synonyms: [Eyelid dystonia]",
          "cervical_dystonia", "'Eyelid dystonia' already means blepharospasm", "keep it in one of the two",
          line="slug: cervical_dystonia"),
    Plant("unknown parent", "vocabulary.yml", "parent: dystonia\n  synonyms: [neck", "parent: distonia\n  synonyms: [neck",
          "cervical_dystonia", "'distonia' is not known", "did you mean dystonia", line="parent: distonia"),
    Plant("no words before the country is known", "helplines.yml", "country: unknown", "country: France", "",
          "there is no entry 'unknown'", "before the country is known", line="country: UK"),
]  # fmt: skip
"""Faults of entries that have the right form."""

IN_FORM = [
    Plant("duplicate id", EYES, "- id: blepharospasm.symptoms", "- id: blepharospasm.what_is", "blepharospasm.what_is",
          "the id stands twice, first in facts/cards/eyes.yml, line 1", "give one another id"),
    Plant("missing date", EYES, "  reviewed: 2026-01-01\n", "", "blepharospasm.what_is",
          "the field 'reviewed' is missing", "add it", line="id: blepharospasm.what_is"),
    Plant("a date that is none", EYES, "reviewed: 2026-01-01", "reviewed: last spring", "blepharospasm.what_is",
          "'reviewed' is not a date", "write it as 2026-11-21"),
    Plant("a day that never was", EYES, "reviewed: 2026-01-01", "reviewed: 2026-02-30", "blepharospasm.what_is",
          "'reviewed' is not a date", "write it as 2026-11-21"),
    Plant("misspelt field", EYES, "  cautions: []", "  cautoins: []", "blepharospasm.what_is",
          "there is no field 'cautoins'", "check its spelling", line="cautoins"),
    Plant("no source at all", EYES, "sources: [eye-clinic]", "sources: []", "blepharospasm.what_is", "lead.sources",
          "see docs/editing-facts.md"),
    Plant("unknown topic", EYES, "topic: type_info", "topic: typ_info", "blepharospasm.what_is",
          "'topic' is none of the values allowed", "'type_info'"),
    Plant("unknown status", EYES, "status: settled", "status: certain", "blepharospasm.what_is",
          "'status' is none of the values allowed", "'debated'"),
    Plant("too few questions", EYES, "    - blepharospasm explained to me\n", "", "blepharospasm.what_is", "questions",
          "see docs/editing-facts.md", line="- What is blepharospasm?"),
    Plant("broken YAML", "cautions.yml", "    text: The effect", "    text: Note: the effect", "",
          "not valid YAML", "a missing quote"),
    Plant("not a list", "organisations.yml", "- id: eye_group", "groups:\n- id: eye_group", "", "not a list of entries",
          "start each entry with '- '", line="groups:"),
    Plant("an entry that is no set of fields", "organisations.yml", "- id: eye_group", "- just words\n- id: eye_group", "",
          "an entry is not a set of fields", "'field: value' lines", line="just words"),
]  # fmt: skip
"""Faults of form: the entry can't be read at all."""


def spoil(facts: Path, plant: Plant) -> None:
    """Plants a fault at the first place where the old words stand."""
    path = facts / plant.file
    text = path.read_text(encoding="utf-8")
    assert plant.old in text, f"{plant.file} holds no {plant.old!r}"
    path.write_text(text.replace(plant.old, plant.new, 1), encoding="utf-8")


def line_of(facts: Path, plant: Plant) -> int:
    """The line that must be named: the last that holds the words, because a doubled entry's fault is in the second."""
    lines = (facts / plant.file).read_text(encoding="utf-8").splitlines()
    words = plant.line or plant.new
    return max(number for number, line in enumerate(lines, 1) if words in line)


def refusal(facts: Path) -> FactErrors:
    """What is said about a facts folder that must be refused."""
    with pytest.raises(FactErrors) as refused:
        FactStore.load(facts)
    return refused.value


def about(problems: list[Problem], plant: Plant) -> list[Problem]:
    """The problems that speak of a planted fault."""
    named = [problem for problem in problems if problem.file == f"facts/{plant.file}" and problem.entry == plant.entry]
    return [problem for problem in named if plant.fault in problem.fault and plant.mend in problem.mend]


@pytest.mark.parametrize("plant", [*IN_CARDS, *IN_FORM], ids=lambda plant: plant.kind)
def test_a_fault_is_refused_with_its_place_cause_and_mend(facts: Path, plant: Plant) -> None:
    spoil(facts, plant)

    problems = refusal(facts).problems

    assert len(about(problems, plant)) == 1, problems
    assert about(problems, plant)[0].line == line_of(facts, plant)


@pytest.mark.parametrize("plants", [IN_CARDS, IN_FORM], ids=["what entries say", "form"])
def test_several_faults_in_several_files_are_all_named_at_once(facts: Path, plants: list[Plant]) -> None:
    # Given one fault in each file that has any.
    chosen = list({plant.file: plant for plant in plants}.values())
    for plant in chosen:
        spoil(facts, plant)

    problems = refusal(facts).problems

    assert [plant.kind for plant in chosen if not about(problems, plant)] == []


def test_a_fault_of_form_hides_no_fault_in_another_entry(facts: Path) -> None:
    # Given a misspelt field in one card, an unknown source in another, and a dose in a third.
    misspelt = Plant("", "cards/hand.yml", "cautions: []", "cautoins: []", "hand_dystonia.what_is", "no field 'cautoins'", "")
    unknown = Plant("", "cards/neck.yml", "[neck-clinic]", "[neck-klinic]", "cervical_dystonia.what_is", "'neck-klinic'", "")
    dose = next(plant for plant in IN_CARDS if plant.kind == "a dose")
    for plant in (misspelt, unknown, dose):
        spoil(facts, plant)

    problems = refusal(facts).problems

    assert [plant.fault for plant in (misspelt, unknown, dose) if not about(problems, plant)] == []


def test_two_faults_in_one_card_are_both_named(facts: Path) -> None:
    spoil(facts, Plant("", EYES, "topic: type_info", "topic: typ_info", "", "", ""))
    spoil(facts, Plant("", EYES, "status: settled", "status: certain", "", "", ""))

    assert {problem.fault.split("'")[1] for problem in refusal(facts).problems} == {"topic", "status"}


def test_safety_words_are_checked_in_their_short_form_too(facts: Path) -> None:
    plant = Plant("", "cautions.yml", "short: General", "short: Take 20 mg. General", "general_information", "gives a dose", "")
    spoil(facts, plant)

    assert about(refusal(facts).problems, plant)


def test_the_caution_that_every_first_answer_carries_must_be_there(facts: Path) -> None:
    plant = Plant("", "cautions.yml", "id: general_information", "id: general_advice", "", "general_information", "")
    spoil(facts, plant)

    assert any("general_information" in problem.fault for problem in refusal(facts).problems)


@pytest.mark.parametrize("file", ["helplines.yml", "organisations.yml"])
def test_numbers_and_groups_must_name_known_sources_too(facts: Path, file: str) -> None:
    path = facts / file
    path.write_text(re.sub(r"sources: \[.*\]", "sources: [nowhere]", path.read_text(encoding="utf-8")), encoding="utf-8")

    assert any("the source 'nowhere' is not known" in problem.fault for problem in refusal(facts).problems)


@pytest.mark.parametrize("file", sorted(FILES))
def test_a_missing_file_is_named(facts: Path, file: str) -> None:
    (facts / file).unlink()

    assert (f"facts/{file}", "the file is missing") in {(problem.file, problem.fault) for problem in refusal(facts).problems}


def test_a_file_in_another_encoding_is_named(facts: Path) -> None:
    (facts / EYES).write_bytes((facts / EYES).read_bytes().replace(b"Bright", b"Br\xefght"))

    (problem,) = [problem for problem in refusal(facts).problems if problem.file == f"facts/{EYES}"]
    assert "UTF-8" in problem.fault


@given(content=st.binary(max_size=200))
def test_a_spoilt_file_is_refused_in_words_and_never_by_another_error(
    content: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    facts = Path(shutil.copytree(SMALL_FACTS, tmp_path_factory.mktemp("spoilt") / "facts"))
    (facts / "cautions.yml").write_bytes(content)

    assert all(problem.file and problem.line >= 1 and problem.fault and problem.mend for problem in refusal(facts).problems)


def test_a_refusal_reads_as_a_list_of_places_causes_and_mends(facts: Path) -> None:
    spoil(facts, next(plant for plant in IN_FORM if plant.kind == "missing date"))

    assert str(refusal(facts)) == (
        "1 fault in the fact files:\n"
        "facts/cards/eyes.yml, line 1: blepharospasm.what_is: the field 'reviewed' is missing. Mend: add it."
    )


def test_problems_are_listed_by_file_and_line(facts: Path) -> None:
    for plant in IN_CARDS[4:6]:
        spoil(facts, plant)
    spoil(facts, IN_CARDS[-3])

    places = [(problem.file, problem.line) for problem in refusal(facts).problems]

    assert len(places) >= 3
    assert places == sorted(places)


def test_the_small_facts_load(store: FactStore) -> None:
    assert {len(card.passages) for card in store.cards.values()} == {1, 2, 3}
    assert [card.id for card in store.overdue(datetime.date.today())] == ["blepharospasm.cause"]


def test_a_part_of_the_body_stands_for_its_type(store: FactStore) -> None:
    assert store.subject("neck") == "cervical_dystonia"
    assert store.subject("blepharospasm") == "blepharospasm"
    assert store.subject("no_such_slug") == "no_such_slug"


def test_a_country_without_an_entry_gets_the_general_words(store: FactStore) -> None:
    assert store.helpline("UK").emergency == "999"
    assert store.helpline("Atlantis") == store.helpline(None) == store.helplines["unknown"]


def test_the_version_changes_with_every_word_and_only_then(facts: Path) -> None:
    before = content_version(facts)
    path = facts / EYES

    path.write_text(path.read_text(encoding="utf-8").replace("both eyes", "both lids"), encoding="utf-8")
    changed = content_version(facts)
    path.write_text(path.read_text(encoding="utf-8").replace("both lids", "both eyes"), encoding="utf-8")

    assert changed != before == content_version(facts)
    assert before == FactStore.load(facts).version


def test_a_card_that_is_moved_to_another_file_stays_the_same_card(facts: Path, store: FactStore) -> None:
    (facts / "cards" / "zz.yml").write_text((facts / EYES).read_text(encoding="utf-8"), encoding="utf-8")
    (facts / EYES).unlink()

    assert FactStore.load(facts).cards == store.cards


# The facts that ship with the project.


def test_the_real_facts_load_clean_and_are_enough(real_store: FactStore) -> None:
    assert len(real_store.cards) >= 60
    assert real_store.version == content_version(FACTS)


def test_every_topic_has_a_card(real_store: FactStore) -> None:
    assert {card.topic.value for card in real_store.cards.values()} == set(TOPICS)


def test_no_real_card_rests_on_nothing(real_store: FactStore) -> None:
    passages = [passage for card in real_store.cards.values() for passage in card.passages]

    assert all(set(passage.sources) <= set(real_store.sources) for passage in passages)
    assert min(len(passage.sources) for passage in passages) >= 1


def test_cards_on_botulinum_toxin_carry_its_warning(real_store: FactStore) -> None:
    treating = ("treatment_info", "treatment_overview", "side_effects")
    toxin = [card for card in real_store.cards_by_slug["botulinum_toxin"] if card.topic.value in treating]

    assert toxin
    assert [card.id for card in toxin if "toxin_warning" not in card.cautions] == []


@pytest.mark.parametrize("point", ["spread", "hours to weeks", "swallow", "speaking", "breathing", "emergency", "units differ"])
def test_the_warning_makes_all_points_of_the_boxed_warning(real_store: FactStore, point: str) -> None:
    assert point in real_store.cautions["toxin_warning"].full.text.lower()


def test_no_word_of_the_real_facts_breaks_a_rule(real_store: FactStore) -> None:
    texts = [(card.id, passage.text) for card in real_store.cards.values() for passage in card.passages]
    texts += [(caution.id, words) for caution in real_store.cautions.values() for words in (caution.full.text, caution.short)]

    assert [(key, rule.fault) for key, text in texts for rule in wording.faults(text)] == []


def test_every_real_button_leads_somewhere(real_store: FactStore) -> None:
    dead_ends = [card.id for card in real_store.cards.values() if not card.see_also]

    assert dead_ends == []
