"""What a sentence that visitors read may not hold, and how hard it may be to read."""
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dystonia import wording
from dystonia.store import FactStore

DOSE, PROMISE, DIAGNOSIS = "gives a dose", "makes a promise", "makes a diagnosis"
CHANGE, BRAND, EXCLAMATION = "advises starting, stopping or changing a medicine", "prefers a brand", "has an exclamation mark"

PLANTED = [
    (DOSE, "Most people begin with 5 mg in the evening."),
    (DOSE, "The usual amount is 2.5mg, three times a day."),
    (DOSE, "Up to 300 units go into the neck."),
    (DOSE, "Take two tablets at night."),
    (DOSE, "Half a tablet is enough."),
    (DOSE, "The pump gives 50 micrograms an hour."),
    (PROMISE, "The injections will cure your neck."),
    (PROMISE, "Relief is guaranteed."),
    (PROMISE, "This treatment always works."),
    (PROMISE, "The implant has no side effects."),
    (PROMISE, "It is a completely safe operation."),
    (PROMISE, "With patience you will recover."),
    (PROMISE, "It is no miracle, but it comes close to one."),
    (PROMISE, "There is no risk in trying."),
    (PROMISE, "The spasms will go away."),
    (PROMISE, "Exercise always helps."),
    (DIAGNOSIS, "From what you say, you have dystonia."),
    (DIAGNOSIS, "You probably have cervical dystonia."),
    (DIAGNOSIS, "You must have blepharospasm; see a doctor."),
    (CHANGE, "Stop taking the tablets when they make you sleepy."),
    (CHANGE, "Double your dose on bad days."),
    (CHANGE, "On good days, skip the medicine."),
    (CHANGE, "Reduce your baclofen by the week."),
    (BRAND, "Xeomin works better for the eyelids."),
    (BRAND, "Many doctors find that Botox is safer."),
    (EXCLAMATION, "Good news!"),
]

HARMLESS = [
    "Do not stop it suddenly.",
    "Never stop taking the tablets by yourself.",
    "Please do not stop a dystonia medicine suddenly or change it by yourself.",
    "Talk to your doctor before you stop your medicine.",
    "People who stop their tablets at once can become very ill.",
    "Ask whether you have dystonia.",
    "If you have dystonia, a specialist can help.",
    "Tell them that you have dystonia.",
    "A doctor can tell whether you have cervical dystonia.",
    "About 30 of 100 people feel better after 3 months.",
    "It was first described in 1911.",
    "In one study, 41 people were followed for 12 weeks.",
    "Units differ between products and can't be swapped one for one.",
    "No treatment works for everyone.",
    "No treatment is without side effects.",
    "Botox, Dysport and Xeomin are brands of botulinum toxin.",
    "The injections may help. They can't cure dystonia.",
    "Some people get better with time.",
]


def broken_by(text: str) -> list[str]:
    """The faults that the rules find in a text."""
    return [rule.fault for rule in wording.faults(text)]


@pytest.mark.parametrize(("fault", "sentence"), PLANTED)
def test_a_planted_fault_is_found(fault: str, sentence: str) -> None:
    assert broken_by(sentence) == [fault]


@pytest.mark.parametrize("sentence", HARMLESS)
def test_a_harmless_sentence_is_left_alone(sentence: str) -> None:
    assert broken_by(sentence) == []


def test_every_rule_has_a_planted_fault_and_a_mend() -> None:
    assert {rule.fault for rule in wording.RULES} == {fault for fault, _ in PLANTED}
    assert all(rule.mend for rule in wording.RULES)


@given(st.integers(0, 10_000), st.sampled_from(["mg", " mg", "mcg", " micrograms", " ml", " units", " tablets", " IU"]))
def test_any_number_with_a_unit_of_medicine_is_a_dose(number: int, unit: str) -> None:
    assert DOSE in broken_by(f"Some people are given {number}{unit} of it.")


@given(st.integers(0, 10_000), st.sampled_from(["weeks", "months", "people", "studies", "percent", "miles", "mornings"]))
def test_a_number_of_anything_else_is_no_dose(number: int, thing: str) -> None:
    assert broken_by(f"It took {number} {thing} in one report.") == []


@given(st.sampled_from(PLANTED), st.sampled_from(HARMLESS), st.booleans())
def test_a_fault_is_found_wherever_it_stands_in_a_text(planted: tuple[str, str], harmless: str, first: bool) -> None:
    fault, sentence = planted

    assert fault in broken_by(f"{sentence} {harmless}" if first else f"{harmless} {sentence}")


@given(st.sampled_from(PLANTED))
def test_capital_letters_hide_no_fault(planted: tuple[str, str]) -> None:
    assert planted[0] in broken_by(planted[1].upper())


@given(st.text())
def test_no_text_breaks_the_rules_themselves(text: str) -> None:
    found = broken_by(text)

    assert len(found) == len(set(found))
    assert (EXCLAMATION in found) == ("!" in text)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("One sentence.", 1),
        ("One. Two? Three.", 3),
        ("About 2.5 million people have it.", 1),
        ('They say "it pulls." Then it stops.', 2),
        ("No full stop at the end", 1),
        ("", 0),
        ("   ", 0),
    ],
)
def test_sentences_are_counted_as_a_reader_would(text: str, count: int) -> None:
    assert len(wording.sentences(text)) == count


@given(st.text())
def test_no_word_is_lost_between_sentences(text: str) -> None:
    joined = "".join("".join(wording.sentences(text)).split())

    assert set(joined) <= set(text)
    assert [c for c in joined if c.isalnum()] == [c for c in text if c.isalnum()]


# Counted by hand: words, sentences, syllables; grade = 0.39 words/sentences + 11.8 syllables/words - 15.59.
COUNTED_BY_HAND = [
    ("The cat sat on the mat.", 6, 1, 6),
    ("Sunlight makes it much worse for some. Dark glasses help them.", 11, 2, 13),
    ("The platypus is seemingly a hybrid of a mammal and a reptilian creature.", 13, 1, 23),
    ("Very many people ask about only one area of the body.", 11, 1, 19),
]


@pytest.mark.parametrize(("text", "words", "sentences", "syllables"), COUNTED_BY_HAND)
def test_the_reading_grade_is_flesch_and_kincaids(text: str, words: int, sentences: int, syllables: int) -> None:
    by_hand = 0.39 * words / sentences + 11.8 * syllables / words - 15.59

    # Counting by machine may be out by one syllable in ten words.
    assert wording.reading_grade(text) == pytest.approx(by_hand, abs=1.2)


def test_a_text_in_long_words_and_long_sentences_is_over_the_limit() -> None:
    text = (
        "Notwithstanding considerable heterogeneity, contemporary electrophysiological investigations demonstrate abnormal "
        "sensorimotor integration, maladaptive plasticity and insufficient intracortical inhibition in affected individuals."
    )

    assert wording.reading_grade(text) > wording.MAX_GRADE


@pytest.mark.parametrize("name", ["blepharospasm", "oromandibular dystonia", "trihexyphenidyl", "botulinum toxin"])
def test_names_of_conditions_and_medicines_make_no_text_harder(name: str) -> None:
    question = "Some people ask what {} is."
    short = " ".join(["name"] * len(name.split()))

    assert wording.reading_grade(question.format(name)) == wording.reading_grade(question.format(short))


@pytest.mark.parametrize("text", ["", "   ", "12 %", "…"])
def test_a_text_without_words_has_grade_nought(text: str) -> None:
    assert wording.reading_grade(text) == 0


@given(st.lists(st.sampled_from("the cat sat on a mat and ran off to play".split()), min_size=1, max_size=12))
def test_joining_two_sentences_never_makes_them_easier(words: list[str]) -> None:
    half = " ".join(words).capitalize()

    assert wording.reading_grade(f"{half}, and {half}.") > wording.reading_grade(f"{half}. {half}.")


def test_the_real_cards_stay_under_the_limit(real_store: FactStore) -> None:
    texts = {card.id: " ".join(passage.text for passage in card.passages) for card in real_store.cards.values()}

    assert [card for card, text in texts.items() if wording.reading_grade(text) > wording.MAX_GRADE] == []
