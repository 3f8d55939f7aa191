"""What the components hand to each other on a Rasa message."""
from __future__ import annotations

import hashlib
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Dict, List, Optional, Tuple

import numpy as np
from rasa.shared.nlu.constants import TEXT
from rasa.shared.nlu.training_data.message import Message

from nlu.sentence_encoder import Encoded

READING = "reading"
"""The message property that holds the :class:`Reading`; internal, never in the output."""
TALK = "talk"
"""In the metadata of a message: the slots that say how its talk stands (server/rasa_mends.py)."""
QUESTIONS = "questions"
"""The output property that actions read; see ``dystonia.question.Question.from_parse``."""
CARD = "card"
"""In the metadata of a training example: the card whose question it is."""
NAMED_KINDS = frozenset({"type", "treatment"})
"""Kinds of vocabulary entry that a message can be about; their many names are put into one spelling before comparing."""

SCOPE = "scope"
"""The output property that says how surely a message belongs here: refused below 0. For measuring; see nlu/decision.py."""
IN_DOUBT = "in_doubt"
"""The output property of a message that may be a cry for help: ``{"red_flag": id, "kind": "emergency" or "crisis"}``."""
FOR_ONE_PERSON = "for_one_person"
"""The output property of a question that may ask for a judgement on one person: its answer says first that it is general."""
OFFERS = "offers"
"""The output property of a message that crosses a boundary: questions on the same subject that cards do answer."""


@dataclass
class Word:
    """A word of the message: as typed, as repaired, where it stands in the text (characters), and the space after it."""

    typed: str
    repaired: str
    start: int
    end: int
    space: str


@dataclass
class Mention:
    """An entity found in the message. ``first`` and ``last`` are word positions, ``last`` not included.

    ``pointed_at``: not named, but pointed at ("the second one").
    """

    slug: str
    kind: str
    first: int
    last: int
    excluded: bool = False
    stands_for: Optional[str] = None
    pointed_at: bool = False

    @property
    def subject(self) -> Optional[str]:
        """The type or treatment that is meant: "the hand" stands for hand dystonia. None for all else."""
        return self.slug if self.kind in NAMED_KINDS else self.stands_for


@dataclass
class Part:
    """One question of a message: the words ``first`` to ``last`` (not included) and what was made of them.

    Attributes:
        text: the words, spelling repaired, names of types and treatments in one spelling, and at the end the name of
            the subject where the words only lean on it ("and how is it treated").
        words: the words as they stand, spelling repaired.
        subjects: slugs of the types and treatments it is about, by its own words or those it leans on.
        vector: sentence vector, float32 of shape (384,).
        encoded: the same with the vectors of its word pieces.
        encoding: what will become of both, while it is being encoded.
        topics: probability of each intent, best first.
        boundary: how likely it crosses a boundary, of what is a boundary or a question (0 to 1).
        in_scope: whether it resembles what belongs here.
        scope: how far its scope score stands over the threshold, in log odds.
        cards: card ids with their probability of being the answer, best first.
        card_topics: the same probability, summed by the cards' topics.
        alone: the same words without a subject that they lean on, where there is one: "forget me" is no question about it.
        leans: whether the words themselves say that they lean on what was said ("it", "and"), not only their lack of a subject.
        topic_word: the topic that the words name ("the side effects"), where they name just one.
        carried: the topic of the last question, where the words only put another thing in the place of its subject.
        picked: the card that the words pick from the last answer, where they do nothing else.
        is_listed: whether it is one of several topics in a list ("symptoms and treatment of ...").
        corrects: whether its form says that something else was meant.
        is_bare: whether it holds no word of what it asks about ("why?").
        offers: the questions of its two likeliest cards, as they stand on buttons.
        likeness: cosine to the nearest question of any card.
    """

    first: int
    last: int
    text: str = ""
    words: str = ""
    subjects: List[str] = field(default_factory=list)
    vector: Optional["np.ndarray"] = None
    encoded: Optional[Encoded] = None
    encoding: Optional["Future[Encoded]"] = field(default=None, repr=False, compare=False)
    topics: List[Tuple[str, float]] = field(default_factory=list)
    boundary: float = 0.0
    in_scope: bool = True
    scope: float = 0.0
    cards: List[Tuple[str, float]] = field(default_factory=list)
    card_topics: Dict[str, float] = field(default_factory=dict)
    alone: Optional["Part"] = None
    leans: bool = False
    topic_word: Optional[str] = None
    carried: Optional[str] = None
    picked: Optional[str] = None
    is_listed: bool = False
    is_bare: bool = False
    corrects: bool = False
    offers: List[str] = field(default_factory=list)
    likeness: float = 0.0

    def settle(self) -> None:
        """Waits until the part has its vectors."""
        if self.encoding is not None:
            self.encoded, self.encoding = self.encoding.result(), None
            self.vector = self.encoded.vector


@dataclass
class Reading:
    """Everything understood of one message so far.

    Attributes:
        words: of the message.
        mentions: of the vocabulary, in order.
        parts: the whole message first, then each of its questions where it holds several.
        asides: stretches that are read for red flags only: they ask nothing, are the only one that does, or are parts of one.
        asks: whether any stretch has the form of a question.
        signals: what the detectors raised.
    """

    words: List[Word] = field(default_factory=list)
    mentions: List[Mention] = field(default_factory=list)
    parts: List[Part] = field(default_factory=list)
    asides: List[Part] = field(default_factory=list)
    asks: bool = False
    signals: Dict[str, object] = field(default_factory=dict)

    @property
    def views(self) -> List[Part]:
        """The parts, and those of them that are also read alone: what topics and cards are sought for."""
        return [*self.parts, *(part.alone for part in self.parts if part.alone is not None)]

    @property
    def stretches(self) -> List[Part]:
        """All that red flags are looked for in: the whole message first, then each piece of it."""
        return [*self.parts, *self.asides]

    def text(self, first: int, last: int) -> str:
        """The repaired words of a stretch, spaced as typed."""
        return "".join(word.repaired + word.space for word in self.words[first:last]).strip()

    def mentions_in(self, part: Part) -> List[Mention]:
        """The mentions that stand inside a part, in order."""
        return [mention for mention in self.mentions if part.first <= mention.first and mention.last <= part.last]

    def fingerprint(self) -> str:
        """For Rasa's training cache: a reading follows from its words and mentions."""
        content = "|".join([*(word.repaired for word in self.words), *(mention.slug for mention in self.mentions)])
        return hashlib.sha256(content.encode()).hexdigest()


def reading_of(message: Message) -> Reading:
    """The reading on a message, begun when the first component asks for it."""
    reading = message.get(READING)
    if reading is None:
        reading = Reading()
        message.set(READING, reading)
    return reading


def text_of(message: Message) -> str:
    """The text of a message; actions in training stories have none."""
    return message.get(TEXT) or ""
