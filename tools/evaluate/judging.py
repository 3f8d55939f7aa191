"""What counts as right: the verdict on one turn, by what its set says of it."""

from __future__ import annotations

from typing import Any, Dict, FrozenSet, List, NamedTuple, Optional, Sequence

from dystonia.question import Talk
from dystonia.store import shared_store
from nlu.message import NAMED_KINDS
from tools.assistant import Assistant, Turn
from tools.evaluate.measures import share

Entry = Dict[str, Any]
EVERYTHING = "dystonia"
"""Is named by so many messages, and meant by the others, that the sets write it only where nothing else is named."""
DECIDED = frozenset({"red_flag", "boundary"})
"""Entities that the decision adds: no words of the message."""


class CardVerdict(NamedTuple):
    """Whether the right card was first, among the first three, said; whether the message was taken as a question at all;
    and whether it is first among the cards of its own topic."""

    first: bool
    in_three: bool
    answered: bool
    asked: bool
    first_in_topic: bool


def topic_of(turn: Turn) -> Optional[str]:
    """The topic that a turn was taken to have: of what was answered, or of what was asked back."""
    if turn.answer is not None and turn.answer.topics:
        return turn.answer.topics[0]
    return turn.intent[len("ask_") :] if turn.intent.startswith("ask_") else turn.intent


def fair(entry: Entry) -> List[str]:
    """The topics that count as right."""
    return [entry["topic"], *(entry.get("also") or [])]


def topic_right(turn: Turn, entry: Entry) -> bool:
    """Whether the topic was seen."""
    return topic_of(turn) in fair(entry)


def accuracy(turns: Sequence[Turn], entries: Sequence[Entry]) -> float:
    """Share of questions whose topic was seen."""
    return share(topic_right(turn, entry) for turn, entry in zip(turns, entries))


def truths(found: Sequence[Optional[str]], entries: Sequence[Entry]) -> List[str]:
    """The right topic of each entry; a second fair topic is the right one where it was found."""
    return [str(topic) if topic in fair(entry) else entry["topic"] for topic, entry in zip(found, entries)]


def taken_as_question(turn: Turn) -> bool:
    """Whether a message was taken to ask something that cards answer."""
    return turn.answer is not None and bool(turn.parse.get("questions"))


# Entities.


def meant(slug: str) -> str:
    """A slug, or the type that it stands for: who says "the hand" means hand dystonia."""
    term = shared_store().terms.get(slug)
    return (term.stands_for if term is not None else None) or slug


def heard(turn: Turn) -> FrozenSet[str]:
    """What the words of a message name, without dystonia itself and without what an answer inherits."""
    return _named(entity["value"] for entity in turn.parse["entities"] if entity["entity"] not in DECIDED)


def wanted(entry: Entry) -> FrozenSet[str]:
    """What its set says a message names, without dystonia itself."""
    return _named(entry.get("about") or ())


def types_and_treatments(slugs: FrozenSet[str]) -> FrozenSet[str]:
    """Those slugs that are types of dystonia or treatments."""
    terms = shared_store().terms
    return frozenset(slug for slug in slugs if slug in terms and terms[slug].kind in NAMED_KINDS)


def _named(slugs: Any) -> FrozenSet[str]:
    return frozenset(map(meant, slugs)) - {EVERYTHING}


# Cards.


def card_verdict(turn: Turn, card: str) -> CardVerdict:
    """How a question that one card answers fared. What is refused or taken for something else is missed in all."""
    cards = shared_store().cards
    ranked = [name for question in turn.parse.get("questions", [])[:1] for name, _ in question["cards"]]
    same_topic = [name for name in ranked if cards[name].topic is cards[card].topic]
    return CardVerdict(
        first=ranked[:1] == [card],
        in_three=card in ranked[:3],
        answered=turn.answer is not None and card in turn.answer.cards,
        asked=taken_as_question(turn),
        first_in_topic=same_topic[:1] == [card],
    )


# Compound messages and talks.


def compound_answered(turn: Turn, entry: Entry) -> bool:
    """Whether each part of a compound message was answered; a comparison by a comparison, or by both its sides."""
    if turn.answer is None:
        return False
    topics = {part["topic"] for part in entry["parts"]}
    if topics == {"comparison"}:
        slugs = {slug for part in entry["parts"] for slug in part["about"]}
        return "comparison" in turn.answer.topics or slugs <= set(turn.answer.about)
    return topics <= set(turn.answer.topics) or len(topics) < len(entry["parts"]) == len(turn.answer.cards)


def dialogue_verdicts(assistant: Assistant, dialogue: Entry) -> List[bool]:
    """Whether each turn of a dialogue was right in topic and subject, or in what was done."""
    talk, verdicts = Talk(), []
    for expected in dialogue["turns"]:
        turn = assistant.turn(expected["say"], talk)
        talk = turn.talk
        verdicts.append(as_expected(turn, expected))
    return verdicts


def as_expected(turn: Turn, expected: Entry) -> bool:
    """Whether a turn of a dialogue was right."""
    if "move" in expected:
        return turn.intent == expected["move"]
    if "kind" in expected:
        return turn.kind.value == expected["kind"]
    if not topic_right(turn, expected) or turn.answer is None:
        return False
    subjects = set(expected.get("about") or ()) - {EVERYTHING}
    return not subjects or bool(subjects & set(turn.answer.about))
