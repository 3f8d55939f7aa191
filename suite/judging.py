"""Holds a conversation with a bot and says which expectations were missed."""
from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Iterator, List, Sequence, Tuple

from suite.bots import Bot, Reply, Unanswered
from suite.reading import Conversation, Group, Suite, Turn, Words

LEAD_CHARACTERS = 250
"""What counts as the beginning of a reply: three or four lines on a phone."""


@dataclass(frozen=True)
class Miss:
    """A reply that did not meet what was expected of it.

    Attributes:
        turn: which one, from 1.
        said: what the visitor typed.
        got: the reply's text.
        told: its account of itself, in short; empty where the contract is not looked at.
        text: what was expected of the text and missed.
        contract: the same for the contract.
    """

    turn: int
    said: str
    got: str = ""
    told: str = ""
    text: Tuple[str, ...] = ()
    contract: Tuple[str, ...] = ()

    @property
    def expected(self) -> Tuple[str, ...]:
        """All that was missed."""
        return self.text + self.contract


@dataclass(frozen=True)
class Verdict:
    """How a conversation went."""

    conversation: Conversation
    misses: Tuple[Miss, ...]

    @property
    def passed(self) -> bool:
        """Whether every expectation was met."""
        return not self.misses

    @property
    def text_passed(self) -> bool:
        """Whether every expectation of the text was met."""
        return not any(miss.text for miss in self.misses)


@dataclass(frozen=True)
class GroupVerdict:
    """How the conversations of a group went."""

    group: Group
    verdicts: Tuple[Verdict, ...]


def run(suite: Suite, bot: Bot, with_contract: bool, at_once: int = 1) -> List[GroupVerdict]:
    """Holds every conversation, each under a name of its own.

    Args:
        suite: the conversations.
        bot: whom to ask.
        with_contract: whether to look at the replies' account of themselves too.
        at_once: how many conversations are held at the same time.
    """
    with ThreadPoolExecutor(at_once) as pool:
        verdicts = list(pool.map(lambda each: hold(each, suite, bot, with_contract), suite.conversations()))
    rest = iter(verdicts)
    return [GroupVerdict(group, tuple(next(rest) for _ in group.conversations)) for group in suite.groups]


def hold(conversation: Conversation, suite: Suite, bot: Bot, with_contract: bool) -> Verdict:
    """Holds one conversation; it ends where the bot does not answer."""
    talk = f"suite-{uuid.uuid4().hex}"
    before: List[str] = []
    misses: List[Miss] = []
    for number, turn in enumerate(conversation.turns, 1):
        try:
            reply = bot.say(talk, turn.say)
        except Unanswered as error:
            misses.append(Miss(number, turn.say, text=(f"a reply, but {error}",)))
            break
        text = plain(reply.text)
        miss = Miss(number, turn.say, text, text=tuple(text_misses(turn, text, before, suite.always_avoided)))
        if with_contract:
            miss = replace(miss, told=_in_short(reply), contract=tuple(contract_misses(turn, reply)))
        if miss.expected:
            misses.append(miss)
        before.append(text)
    return Verdict(conversation, tuple(misses))


def plain(text: str) -> str:
    """A reply on one line, with straight apostrophes."""
    return " ".join(text.replace("\u2019", "'").split())


def text_misses(turn: Turn, text: str, before: Sequence[str], avoided: Sequence[Words]) -> Iterator[str]:
    """What the text lacks, or holds though it must not."""
    if not text:
        yield "words in the reply"
    lead = text[:LEAD_CHARACTERS]
    yield from (f"near its beginning: {words.written}" for words in turn.leads_with if not words.pattern.search(lead))
    yield from (f"says: {words.written}" for words in turn.says if not words.pattern.search(text))
    for words in (*turn.never, *avoided):
        found = words.pattern.search(text)
        if found:
            yield f"never: {words.written}; it says '{found[0]}'"
    if turn.shorter and not (before and len(text) < len(before[-1])):
        yield "a reply shorter than the one before"
    if turn.new and text in before:
        yield "something that was not said before"


def contract_misses(turn: Turn, reply: Reply) -> Iterator[str]:
    """What the reply's account of itself lacks."""
    account = reply.account or {}
    for name, wanted in turn.contract.items():
        told = account.get(name, [])
        held = set(told) if isinstance(told, list) else {told}
        yield from (f"{name}: {' or '.join(each)}" for each in wanted if not held & set(each))


def _in_short(reply: Reply) -> str:
    account = reply.account or {}
    cards, about = (", ".join(account.get(name, [])) or "none" for name in ("cards", "about"))
    return f"kind {account.get('kind')}, cards {cards}, about {about}"
