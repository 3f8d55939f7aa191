"""The typed shapes of everything in ``facts/``. Each field says what an editor puts there."""
from __future__ import annotations

import datetime
from enum import Enum
from typing import Dict, List, Optional, Tuple

from pydantic import BaseModel, Extra, Field, constr

Slug = constr(regex=r"^[a-z0-9]+(_[a-z0-9]+)*$")
CardId = constr(regex=r"^[a-z0-9_]+\.[a-z0-9_]+$")

TOPICS: Tuple[str, ...] = (
    "definition", "symptoms", "cause", "genetics", "classification", "forms_by_distribution", "focal_types",
    "type_info", "diagnosis", "treatment_overview", "treatment_info", "side_effects", "prognosis", "epidemiology",
    "triggers", "living", "specialist", "organisations", "research", "comparison", "sources",
)  # fmt: skip
"""What a question can be about; intent ``ask_<topic>`` in the domain."""

Topic = Enum("Topic", {topic: topic for topic in TOPICS}, type=str)


class Status(str, Enum):
    """How firm the ground under a card is."""

    settled = "settled"
    debated = "debated"
    outdated_term = "outdated-term"


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


class Card(Fact):
    """The answer to one question that visitors ask; ``about`` holds slugs of the vocabulary and codes of countries."""

    id: CardId
    topic: Topic
    about: List[str] = Field(..., min_items=1, max_items=4)
    questions: List[constr(min_length=5, max_length=200)] = Field(..., min_items=3)
    lead: Passage
    points: List[Passage] = Field([], max_items=5)
    reviewed: datetime.date
    review_by: datetime.date
    status: Status
    cautions: List[str] = []
    see_also: List[str] = []

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
    """The numbers to call in one country."""

    country: str
    emergency: str
    emergency_examples: Optional[str]
    crisis: str
    urgent_health: Optional[str]
    poison: Optional[str]
    abuse: Optional[str]
    child: Optional[str]
    cannot_speak: Optional[str]
    checked: datetime.date
    sources: List[str]


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


class RedFlag(Fact):
    """A situation that needs help from people at once, and what to say."""

    id: Slug
    name: str
    urgency: Urgency
    people_might_say: List[str] = Field(..., min_items=3)
    ambiguous: List[Ambiguous] = []
    not_this: List[str] = []
    reply: Passage
    numbers: List[str] = []


class Boundary(Fact):
    """Something the assistant must not do, and the reply when it is asked to."""

    id: Slug
    must_not: str
    intent: str
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
}
"""The files at the top of ``facts/`` and what each holds a list of. Every file in ``facts/cards/`` holds cards."""
