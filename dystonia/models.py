"""The typed shapes of everything in ``facts/``. Each field says what an editor puts there."""
from __future__ import annotations

import datetime
from enum import Enum
from typing import Any, Dict, List, Literal, Optional, Tuple

from pydantic import BaseModel, Extra, Field, constr, validator
from pydantic.errors import DateError

Slug = constr(regex=r"^[a-z0-9]+(_[a-z0-9]+)*$")
CardId = constr(regex=r"^[a-z0-9_]+\.[a-z0-9_]+$")

TOPICS: Tuple[str, ...] = (
    "definition", "symptoms", "cause", "genetics", "classification", "forms_by_distribution", "focal_types",
    "type_info", "diagnosis", "treatment_overview", "treatment_info", "side_effects", "prognosis", "epidemiology",
    "triggers", "living", "specialist", "organisations", "research", "comparison", "sources",
)  # fmt: skip
"""What a question can be about; intent ``ask_<topic>`` in the domain."""

FACETS: Dict[str, Tuple[str, ...]] = {
    "type": ("what_it_is", "symptoms", "cause", "treatment", "risks", "outlook", "living"),
    "treatment": (
        "what_it_is", "how_it_works", "who_for", "benefit", "risks", "outlook", "living",
        "untreated", "other_options", "uncertain", "to_ask",
    ),
}  # fmt: skip
"""What the store should say of every type and treatment. Those of a treatment follow DISCERN (Charnock and others, 1999)."""

Topic = Enum("Topic", {topic: topic for topic in TOPICS}, type=str)


class Status(str, Enum):
    """How firm the ground under a card is."""

    settled = "settled"
    debated = "debated"
    outdated_term = "outdated-term"


class State(str, Enum):
    """How far a card has been checked."""

    draft = "draft"
    checked = "checked"
    reviewed = "reviewed"


class Urgency(str, Enum):
    """What a red flag asks of the reader."""

    emergency_now = "emergency-now"
    same_day = "same-day"
    crisis_line = "crisis-line"


class Lean(str, Enum):
    """How to treat a message that may be a question or an emergency."""

    emergency = "emergency"
    answer_with_caution_first = "answer-with-caution-first"


class Fact(BaseModel):
    """Base of all models: unknown fields are refused, so that a misspelt one is noticed."""

    class Config:
        extra = Extra.forbid
        frozen = True


class Source(Fact):
    """A document that facts are taken from."""

    id: str
    title: str
    publisher: str
    url: Optional[str]
    kind: str
    date: str
    seen_as: str
    note: Optional[str]


class Passage(Fact):
    """Sentences that a visitor reads, with the sources behind them."""

    text: constr(min_length=10, strip_whitespace=True)
    sources: List[str] = Field(..., min_items=1)


class Point(Passage):
    """A point under the direct answer; in a long answer a ``label`` says what it is about."""

    label: Optional[constr(min_length=3, max_length=24, strip_whitespace=True)]

    @property
    def shown(self) -> str:
        """The point as it stands in an answer."""
        return f"{self.label}: {self.text}" if self.label else self.text


class Review(Fact):
    """The clinician who has reviewed a card, and when."""

    name: constr(min_length=3, strip_whitespace=True)
    profession: constr(min_length=3, strip_whitespace=True)
    date: datetime.date


class Card(Fact):
    """The answer to one question that visitors ask.

    Attributes:
        about: slugs of the vocabulary and codes of countries, the most specific first.
        covers: the cells of the matrix that it fills, each a slug and a facet of its kind: ``blepharospasm.outlook``.
        state: ``draft`` (no visitor reads it), ``checked`` against its sources, or ``reviewed`` by a clinician.
        clinician: who reviewed it; there when, and only when, the state says so.
        by_country: whether the answer depends on the country: it is asked for, and the first card of ``see_also``
            that is about the country is said instead.
    """

    id: CardId
    topic: Topic
    about: List[str] = Field(..., min_items=1, max_items=4)
    questions: List[constr(min_length=5, max_length=200)] = Field(..., min_items=3)
    lead: Passage
    points: List[Point] = Field([], max_items=5)
    covers: List[CardId] = []
    reviewed: datetime.date
    review_by: datetime.date
    status: Status
    state: State
    clinician: Optional[Review]
    by_country: bool = False
    cautions: List[str] = []
    see_also: List[str] = []

    @validator("reviewed", "review_by", pre=True)
    def written_as_a_date(cls, value: Any) -> Any:
        """20261121 without dashes is a number, which would be taken for seconds."""
        if isinstance(value, int):
            raise DateError()
        return value

    def __hash__(self) -> int:
        return hash(self.id)

    @property
    def passages(self) -> List[Passage]:
        """The lead and the points, in reading order."""
        return [self.lead, *self.points]

    @property
    def question(self) -> str:
        """The question as it stands on a button."""
        return self.questions[0]


class Uncovered(Fact):
    """What the store does not say of a subject on purpose: facets of its kind, each with the reason."""

    slug: Slug
    empty: Dict[str, constr(min_length=10, strip_whitespace=True)]


class Caution(Fact):
    """Safety words that cards carry: in full the first time in a talk, short afterwards."""

    id: Slug
    full: Passage
    short: str


class Term(Fact):
    """An entry of the vocabulary: one thing, and every way people name it."""

    slug: Slug
    kind: str
    name: str
    parent: Optional[Slug]
    stands_for: Optional[Slug]
    synonyms: List[str] = []
    older_terms: List[str] = []
    misspellings: List[str] = []

    @property
    def phrases(self) -> List[str]:
        """All ways to write it, its name first."""
        return list(dict.fromkeys([self.name, *self.synonyms, *self.older_terms, *self.misspellings]))


class Country(Fact):
    """A country whose numbers and groups the store knows, and how people name it."""

    country: str
    name: str
    synonyms: List[str]
    case_sensitive: List[str] = []

    @property
    def phrases(self) -> List[str]:
        """All ways to write it in any case."""
        return list(dict.fromkeys([self.name.replace("the ", "", 1), *self.synonyms]))


class Helpline(Fact):
    """The numbers to call in one country; ``crisis_in_a_sentence`` where ``crisis`` is too long to stand inside one."""

    country: str
    emergency: str
    emergency_examples: Optional[str]
    crisis: str
    crisis_in_a_sentence: Optional[str]
    urgent_health: Optional[str]
    poison: Optional[str]
    abuse: Optional[str]
    child: Optional[str]
    cannot_speak: Optional[str]
    checked: datetime.date
    sources: List[str]

    @property
    def crisis_said(self) -> str:
        """The crisis line as it reads inside a sentence."""
        return self.crisis_in_a_sentence or self.crisis


class Organisation(Fact):
    """A patient organisation; only those with ``show`` are named as a place to turn to."""

    id: Slug
    name: str
    region: str
    focus: str
    website: Optional[str]
    show: bool
    show_why: Optional[str]
    sure: str
    checked: datetime.date
    note: Optional[str]
    sources: List[str]


class Ambiguous(Fact):
    """A message that may be a question or an emergency, and which way to lean."""

    say: str
    treat_as: Lean


class Named(Fact):
    """What ``{named}`` becomes in a crisis reply where a message holds one of these words; an empty list always fits."""

    heard: List[constr(min_length=2, strip_whitespace=True)]
    say: constr(min_length=3, strip_whitespace=True)


class Voice(str, Enum):
    """Whom a crisis reply speaks to."""

    yourself = "yourself"
    someone_else = "someone_else"
    young = "young"
    grieving = "grieving"


class RedFlag(Fact):
    """A situation that needs help from people at once, and what to say.

    Attributes:
        self_test: one of ``people_might_say``, which must be caught before the assistant takes a message.
        numbers: extra lines to show.
        named, voices: what a crisis reply says of the message, and what it says in place of ``reply``, by whom it speaks to:
            ``yourself`` from the second time on, the others from the first.
    """

    id: Slug
    name: str
    urgency: Urgency
    self_test: str
    people_might_say: List[str] = Field(..., min_items=3)
    ambiguous: List[Ambiguous] = []
    not_this: List[str] = []
    reply: Passage
    named: List[Named] = []
    voices: Dict[Voice, List[constr(min_length=10, strip_whitespace=True)]] = {}
    numbers: List[Literal["urgent_health", "poison", "abuse", "child"]] = []


class Boundary(Fact):
    """Something the assistant must not do, and the reply when it is asked to."""

    id: Slug
    must_not: str
    intent: Literal["boundary_diagnosis", "boundary_medication", "boundary_other"]
    people_might_say: List[str] = Field(..., min_items=3)
    reply: Passage


FILES: Dict[str, type] = {
    "sources.yml": Source,
    "vocabulary.yml": Term,
    "countries.yml": Country,
    "cautions.yml": Caution,
    "helplines.yml": Helpline,
    "organisations.yml": Organisation,
    "red_flags.yml": RedFlag,
    "boundaries.yml": Boundary,
    "uncovered.yml": Uncovered,
}
"""The files at the top of ``facts/`` and what each holds a list of. Every file in ``facts/cards/`` holds cards."""
