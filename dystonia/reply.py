"""The reply contract: what every reply says about itself, on every channel (docs/reply.schema.json)."""
from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from enum import Enum
from typing import Any, Dict, Iterable, List, Optional, Tuple

from dystonia.store import FactStore

OUT_OF_SCOPE = (
    "I only know about dystonia, so I can't help with that. "
    "I can tell you about its types, causes, treatment, and living with it."
)
OUT_OF_SCOPE_OTHER = (
    "I only know about dystonia, and {other} is not the same thing, so I can't help with that. "
    "I can tell you about the types of dystonia, its causes, its treatment, and living with it."
)
"""Where a message is about a condition that is easily taken for dystonia."""
UNAVAILABLE = (
    "I am sorry, I can't look that up just now. Please try again in a few minutes. "
    "If it can't wait, ask your doctor or a pharmacist. If it is urgent, call your local emergency number "
    "(112 in Europe and India, 911 in the US and Canada, 999 in the UK, 000 in Australia, 111 in New Zealand)."
)
"""What is said when everything behind the channel has failed: it may depend on nothing."""


class Kind(str, Enum):
    """What a reply is. The order is what wins when two fit."""

    crisis = "crisis"
    emergency = "emergency"
    boundary = "boundary"
    answer = "answer"
    clarify = "clarify"
    out_of_scope = "out_of_scope"
    smalltalk = "smalltalk"
    unavailable = "unavailable"


@dataclass(frozen=True)
class Button:
    """A quick reply: pressing it sends ``payload``, which is what a visitor could have typed."""

    title: str
    payload: str

    @classmethod
    def asking(cls, question: str) -> "Button":
        """A button that asks the question written on it."""
        return cls(question, question)


FIRST_QUESTIONS = tuple(map(Button.asking, ("What is dystonia?", "How is dystonia treated?", "What can you do?")))
"""What is offered to someone who has nothing yet to go on from."""


@dataclass(frozen=True)
class Answer:
    """Everything that is said in one turn, before it takes a channel's form.

    Attributes:
        kind: what the reply is.
        paragraphs: what is said, in reading order; a paragraph of points has one line a point.
        buttons: next questions, at most three.
        topics, about, cards, cautions: ids of what was asked and said.
        sources: ids of the sources behind the cards, each once, in order.
        confidence: how sure the understanding is, 0 to 1.
    """

    kind: Kind
    paragraphs: Tuple[str, ...]
    buttons: Tuple[Button, ...] = ()
    topics: Tuple[str, ...] = ()
    about: Tuple[str, ...] = ()
    cards: Tuple[str, ...] = ()
    sources: Tuple[str, ...] = ()
    cautions: Tuple[str, ...] = ()
    confidence: float = 1.0


@dataclass(frozen=True)
class Reply:
    """The ``custom.reply`` object of the contract. ``model`` is filled by the channel, which knows the trained model."""

    kind: str
    topics: List[str] = field(default_factory=list)
    about: List[str] = field(default_factory=list)
    cards: List[str] = field(default_factory=list)
    sources: List[Dict[str, Optional[str]]] = field(default_factory=list)
    cautions: List[str] = field(default_factory=list)
    content: str = ""
    model: str = ""
    confidence: float = 1.0

    @classmethod
    def of(cls, answer: Answer, store: FactStore) -> "Reply":
        """The contract's account of an answer."""
        return cls(
            kind=answer.kind.value,
            topics=list(answer.topics),
            about=list(answer.about),
            cards=list(answer.cards),
            sources=[source_entry(store, source) for source in answer.sources],
            cautions=list(answer.cautions),
            content=store.version,
            confidence=round(min(1.0, max(0.0, answer.confidence)), 4),
        )

    def with_model(self, model: str) -> "Reply":
        """The same reply, naming the trained model that understood the message."""
        return replace(self, model=model)

    def as_custom(self) -> Dict[str, Any]:
        """The value of the ``custom`` item."""
        return {"reply": asdict(self)}


def source_entry(store: FactStore, source_id: str) -> Dict[str, Optional[str]]:
    """A source as the contract lists it."""
    source = store.sources[source_id]
    return {
        "id": source.id,
        "title": source.title,
        "publisher": source.publisher,
        "url": source.url,
        "date": source.date,
    }


def as_text(answer: Answer) -> str:
    """An answer as plain text: paragraphs apart by a blank line, points under each other."""
    return "\n\n".join(answer.paragraphs)


def unique(items: Iterable[str]) -> Tuple[str, ...]:
    """The items, each once, in the order they first came."""
    return tuple(dict.fromkeys(items))
