"""Masking: what people give away is taken out, and what only looks like it stays."""
from __future__ import annotations

from pathlib import Path
from typing import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dystonia import masking
from dystonia.masking import Detail, details, mask
from dystonia.store import FactStore

TAKEN_OUT = [
    # Names, of oneself.
    ("I'm Susan", "I'm [name]"),
    ("I’m Susan and my neck pulls", "I’m [name] and my neck pulls"),
    ("hi im susan and i have dystonia", "hi im [name] and i have dystonia"),
    ("Hello, I am Susan O'Brien.", "Hello, I am [name]."),
    ("I am Ludwig van Beethoven, 54", "I am [name], 54"),
    ("this is Anna-Maria Garcia Lopez from Spain", "this is [name] from Spain"),
    ("My name is Susan Miller, mail s@x.org", "My name is [name], mail [mail]"),
    ("my name is susan miller i have neck pain", "my name is [name] i have neck pain"),
    ("my name is susan does botox help", "my name is [name] does botox help"),
    ("My name is Susan miller, is it curable", "My name is [name], is it curable"),
    ("My name is John F. Kennedy and I shake", "My name is [name] and I shake"),
    ("MY NAME IS SUSAN MILLER", "MY NAME IS [name]"),
    ("my name's Bartholomew", "my name's [name]"),
    ("Name's not it, my name: Zoë Łukasz", "Name's not it, my name: [name]"),
    ("I'm called Zed", "I'm called [name]"),
    ("call me Priya", "call me [name]"),
    ("I am Grace", "I am [name]"),
    ("I am Mohammed and I am tired", "I am [name] and I am tired"),
    ("I'm Dan's mum", "I'm [name] mum"),
    # Names, of others.
    ("my son Jack has DYT1", "my son [name] has DYT1"),
    ("her mother's name is Anna Kowalski", "her mother's name is [name]"),
    ("Can Dr Smith at Leeds treat it?", "Can Dr [name] at Leeds treat it?"),
    ("I see Prof. Kowalska", "I see Prof. [name]"),
    ("What causes it?\nKind regards, Ann Lee", "What causes it?\nKind regards, [name]"),
    ("Does it spread? Thanks, Jo", "Does it spread? Thanks, [name]"),
    # Mail, web, accounts.
    ("jo.bloggs+x@mail.example.co.uk!", "[mail]!"),
    ("susan dot miller at gmail dot com", "[mail]"),
    ("susan (at) hotmail (dot) com please", "[mail] please"),
    ("https://clinic.example/patient?id=22 is mine", "[web address] is mine"),
    ("see www.clinic.example/records/20231", "see [web address]"),
    ("facebook.com/susan.miller", "[web address]"),
    ("https://t.me/susan", "[web address]"),
    ("I am @susan_m there", "I am [account] there"),
    # Phone numbers.
    ("call me on 07700 900123 please", "call me on [phone] please"),
    ("020 7946 0958", "[phone]"),
    ("+44 20 7946 0958", "[phone]"),
    ("+1 (555) 010-9999", "[phone]"),
    ("(555) 010-9999", "[phone]"),
    ("my number is 555-1234", "my number is [phone]"),
    ("whatsapp +49 170 1234567", "whatsapp [phone]"),
    ("text me on 5551234.", "text me on [phone]."),
    # Dates of birth.
    ("born on 12/03/1980 in Leeds", "born on [date of birth] in Leeds"),
    ("dob 12.03.80", "dob [date of birth]"),
    ("date of birth: 1980-03-12", "date of birth: [date of birth]"),
    ("I was born 12th of March 1980", "I was born [date of birth]"),
    ("my birthday is March 12, 1980", "my birthday is [date of birth]"),
    # Numbers that stand for a person.
    ("my NHS number is 943 476 5919", "my NHS number is [number]"),
    ("9434765919", "[number]"),
    ("ssn 123-45-6789", "ssn [number]"),
    ("QQ 12 34 56 C", "[number]"),
    ("hospital number H1234567", "hospital number [number]"),
    ("card 4111 1111 1111 1111", "card [number]"),
    ("GB29 NWBK 6016 1331 9268 19", "[number]"),
    # Where somebody lives.
    ("I live at SW1A 1AA", "I live at [postcode]"),
    ("sw1a1aa", "[postcode]"),
    ("m1 4ab is my postcode", "[postcode] is my postcode"),
    ("Beverly Hills, CA 90210", "Beverly Hills, [postcode]"),
    ("zip code 90210", "zip code [postcode]"),
    ("Ottawa K1A 0B1", "Ottawa [postcode]"),
    ("12 Oak Street", "[address]"),
]
LEFT_ALONE = [
    # No names.
    "I am tired",
    "I am Tired",
    "I AM SO TIRED OF THIS",
    "I Am Losing Hope With My Neck",
    "I'm British and my neck hurts",
    "I am Newly Diagnosed",
    "I'm Hypermobile",
    "I am Dystonic",
    "I'm from London",
    "i'm will",
    "this is Botox",
    "This is Meige syndrome",
    "This is Urgent",
    "Is This Is The Right Place To Ask",
    "my name is not important",
    "my name is on the waiting list",
    "call me back",
    "my daughter has dystonia",
    "my friend Botox",
    "my husband Has it",
    "the doctor said no",
    "i miss Paris",
    "Kind regards",
    "thank you so much",
    "I would love botox",
    "thanks, Dystonia is hard",
    "What is Meige?",
    "mark my words",
    # No addresses.
    "https://dystonia.org.uk/living",
    "www.dystonia-europe.org/about-dystonia/",
    "https://www.ncbi.nlm.nih.gov/pmc/articles/PMC123",
    "look @ home",
    "foo@bar",
    # No numbers of a person.
    "from 2019 to 2021",
    "2019-2021",
    "100-200 units",
    "1000-2000 mg",
    "a 5-10 day course, 2 x 500 mg",
    "i take 1000000 units",
    "1 in 1000000 people",
    "it costs £1000000",
    "5,000,000 people have it",
    "0.1234567",
    "NCT01234567",
    "PMID 12345678",
    "doi 10.1007/978-3-319-56782-2",
    "call 911 or 112",
    "number 10 to 20 per day",
    "patient 5 of 10",
    "ref 20",
    "I was diagnosed on 12/03/2019",
    "i was born in 1980",
    "born with dystonia",
    # No postcodes.
    "b12 5mg daily",
    "my l4 5th disc",
    "DYT1 TOR1A G24.1 rs1801133",
    "C5-C6 and T12 L1",
    "CA 902",
    "12 Weeks",
]


@pytest.mark.parametrize(("text", "masked"), TAKEN_OUT)
def test_what_people_give_away_is_taken_out(text: str, masked: str) -> None:
    assert mask(text) == masked


@pytest.mark.parametrize("text", LEFT_ALONE)
def test_what_only_looks_like_it_stays(text: str) -> None:
    assert mask(text) == text


def test_a_detail_says_what_it_is_and_where_it_stands() -> None:
    assert details("I'm Susan, s@x.org") == [Detail("name", 4, 9), Detail("mail", 11, 18)]


def named_things(store: FactStore) -> Iterator[str]:
    """Every way the facts name something, as somebody may write it who likes capitals."""
    for term in store.terms.values():
        if term.kind != "organisation":
            yield from (phrase[0].upper() + phrase[1:] for phrase in term.phrases if phrase[0].isascii())


@pytest.mark.parametrize("opening", ["This is", "I am"])
def test_nothing_that_the_facts_name_is_taken_for_a_name(real_store: FactStore, opening: str) -> None:
    taken = [phrase for phrase in named_things(real_store) if mask(f"{opening} {phrase}") != f"{opening} {phrase}"]

    # A frequent given name is one, even in the name of a test.
    assert taken == ["Jean test"]


def test_hardly_a_question_of_a_card_is_changed(real_store: FactStore) -> None:
    questions = [question for card in real_store.cards.values() for question in card.questions]

    touched = [(question, mask(question)) for question in questions if mask(question) != question]

    # Editors write what visitors might, so that some hold a made-up name; more than these few would be a fault of the masking.
    assert len(questions) > 1000
    assert len(touched) <= 0.001 * len(questions), touched[:20]


@pytest.fixture
def no_vocabulary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A facts folder without a vocabulary."""
    masking._known_words.cache_clear()
    monkeypatch.setattr(masking, "FACTS", tmp_path)
    yield
    masking._known_words.cache_clear()


def test_without_the_facts_more_is_masked_and_nothing_breaks(no_vocabulary: None) -> None:
    assert mask("I am Susan") == "I am [name]"
    assert mask("I am Dystonic") == "I am [name]"


@given(st.text(alphabet=st.characters(blacklist_categories=("Cs",)), max_size=80))
def test_masking_any_words_twice_changes_nothing_more(words: str) -> None:
    once = mask(f"my name is {words}")

    assert mask(once) == once


@given(st.text(max_size=60), st.sampled_from(["s.miller@example.org", "+44 20 7946 0958", "078-05-1120"]), st.text(max_size=60))
def test_a_detail_is_found_whatever_stands_around_it(before: str, detail: str, after: str) -> None:
    assert detail not in mask(f"{before} , {detail} , {after}")


@given(st.text(max_size=200))
def test_details_stand_in_order_and_apart(text: str) -> None:
    found = details(text)

    assert all(0 <= detail.start < detail.end <= len(text) for detail in found)
    assert all(one.end <= other.start for one, other in zip(found, found[1:]))
