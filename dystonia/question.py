"""What was asked: the understanding's reading of a message, and the talk it stands in."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple


@dataclass(frozen=True)
class Question:
    """One question out of a message.

    Attributes:
        text: the words that hold the question.
        topic: one of ``dystonia.models.TOPICS``, or None when the words ask for none ("no, the hand one").
        confidence: calibrated probability of the topic, 0 to 1.
        about: slugs that the words name, in order.
        excluded: slugs that the words rule out ("not the neck").
        candidates: card ids with their probability of being the answer (0 to 1), best first.
        likeness: cosine to the nearest question that any card knows; near 1 where it is one of them.
        refers_back: whether words such as "it" or "and" lean on what was said before.
        topic_given: whether the topic is certain, because it is that of the last question.
        topic_word: the topic that the words name ("the side effects"), where they name one.
        is_bare: whether the words hold nothing of what they ask about ("why?").
        picked: whether the words only pick from what was listed or offered ("the second one").
    """

    text: str
    topic: Optional[str] = None
    confidence: float = 0.0
    about: Tuple[str, ...] = ()
    excluded: Tuple[str, ...] = ()
    candidates: Tuple[Tuple[str, float], ...] = ()
    likeness: float = 0.0
    refers_back: bool = False
    topic_given: bool = False
    topic_word: Optional[str] = None
    is_bare: bool = False
    picked: bool = False

    @classmethod
    def from_parse(cls, reading: Mapping[str, Any]) -> "Question":
        """From one entry of the ``questions`` that the pipeline adds to a parsed message (nlu/reading.py)."""
        return cls(
            text=reading["text"],
            topic=reading.get("topic"),
            confidence=float(reading.get("confidence", 0.0)),
            about=tuple(reading.get("about", ())),
            excluded=tuple(reading.get("excluded", ())),
            candidates=tuple((card, float(score)) for card, score in reading.get("cards", ())),
            likeness=float(reading.get("likeness", 0.0)),
            refers_back=bool(reading.get("refers_back", False)),
            topic_given=bool(reading.get("topic_given", False)),
            topic_word=reading.get("topic_word"),
            is_bare=bool(reading.get("is_bare", False)),
            picked=bool(reading.get("picked", False)),
        )


@dataclass(frozen=True)
class Talk:
    """What a conversation has been about so far; kept in slots between turns.

    Attributes:
        about: slugs of the subject of the last answer.
        topic: topic of the last answer.
        cards: ids of the cards of the last answer.
        said: ids of every card said in this talk.
        cautions: ids of the cautions already given in full.
        offered: card ids offered by the last clarifying question.
        clarified: how many clarifying questions were asked in a row.
        asked_back: ids of every card that a clarifying question of this talk has offered.
        listed: what "the first", "the second" ... of the last answer are, slugs or card ids; "" where there is no such thing.
        country: the visitor's country, where known.
        asks_country: whether the last answer asked for it.
    """

    about: Tuple[str, ...] = ()
    topic: Optional[str] = None
    cards: Tuple[str, ...] = ()
    said: Tuple[str, ...] = ()
    cautions: Tuple[str, ...] = ()
    offered: Tuple[str, ...] = ()
    clarified: int = 0
    asked_back: Tuple[str, ...] = ()
    listed: Tuple[str, ...] = ()
    country: Optional[str] = None
    asks_country: bool = False

    @classmethod
    def from_slots(cls, slots: Mapping[str, Any]) -> "Talk":
        """From the tracker's slots; missing ones count as empty."""

        def listed(name: str) -> Tuple[str, ...]:
            return tuple(slots.get(name) or ())

        return cls(
            about=listed("about"),
            topic=slots.get("topic"),
            cards=listed("cards"),
            said=listed("said"),
            cautions=listed("cautions_said"),
            offered=listed("offered"),
            clarified=int(slots.get("clarified") or 0),
            asked_back=listed("asked_back"),
            listed=listed("listed"),
            country=slots.get("country"),
            asks_country=bool(slots.get("asks_country")),
        )

    def as_slots(self) -> Dict[str, Any]:
        """The slots that carry this talk to the next turn; the country has its own mapping in the domain."""
        return {
            "about": list(self.about),
            "topic": self.topic,
            "cards": list(self.cards),
            "said": list(self.said),
            "cautions_said": list(self.cautions),
            "offered": list(self.offered),
            "clarified": self.clarified,
            "asked_back": list(self.asked_back),
            "listed": list(self.listed),
            "asks_country": self.asks_country,
        }


def from_message(message: Mapping[str, Any]) -> List[Question]:
    """The questions of a parsed message, in order.

    Args:
        message: the tracker's latest message, as Rasa passes it to actions.
    """
    readings: Sequence[Mapping[str, Any]] = message.get("questions") or ()
    if readings:
        return [Question.from_parse(reading) for reading in readings]
    return []
