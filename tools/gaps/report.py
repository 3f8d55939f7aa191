"""The gaps in the terminal: what was read, what is kept back, and each group with what to do about it."""

from __future__ import annotations

import datetime
from typing import Iterator, List

from tools.gaps.groups import MOST, Group, Grouping
from tools.gaps.talks import Account

LISTED = 20
"""Groups in the terminal; the page has all."""


def summary(account: Account, grouping: Grouping, smallest: int) -> List[str]:
    """What was read and what of it is shown, a sentence or two a line."""
    first, last = account.days or (datetime.date.today(), datetime.date.today())
    gaps = len(account.gaps) + account.withheld
    counts = account.secret
    shown = sum(group.messages for group in grouping.groups)
    told = [
        f"Read: {_many(account.messages, 'message')} of {_many(account.conversations, 'conversation')}, {span(first, last)}.",
        f"Not understood, or the answer did not help: {_many(gaps, 'message')} ({gaps / max(1, account.messages):.0%}).",
        f"Shown: {_many(len(grouping.groups), 'group')} of at least {smallest} conversations, with {_many(shown, 'message')}.",
        f"Only counted, to protect the people who wrote them: {_many(grouping.small, 'message')} in smaller groups.",
        f"Never shown: emergencies {counts['emergency']}, crises {counts['crisis']}, boundaries {counts['boundary']}; and "
        f"{_many(account.withheld, 'other gap')} of conversations with an emergency or a crisis.",
    ]
    if grouping.apart:
        told.append(
            f"Left out: {_many(grouping.apart, 'message')}. There are over {MOST:,} different wordings, and these are like "
            f"none of the {MOST:,} most frequent and newest. Look at a shorter time with --since."
        )
    return told


def lines(grouping: Grouping) -> Iterator[str]:
    """The largest groups, in a few lines each."""
    for place, group in enumerate(grouping.groups[:LISTED], 1):
        yield ""
        yield f"{place}. {size(group)}, {span(*group.days)}: {why(group)}"
        yield from (f'   "{example}"' for example in group.examples)
        yield from (f"   {near.likeness:.2f}  {near.card}: {near.question}" for near in group.near)
        yield from (f"   chosen when asked back: {question} ({count})" for question, count in group.picked)
        yield from (f'   said of the answer: "{complaint}"' for complaint in group.complaints)
        yield f"   {group.hint}"
    if len(grouping.groups) > LISTED:
        yield f"\nAnd {_many(len(grouping.groups) - LISTED, 'more group')}: see the page."


def size(group: Group) -> str:
    """How large a group is."""
    return f"{_many(group.messages, 'message')} of {_many(group.conversations, 'conversation')}"


def why(group: Group) -> str:
    """Why the messages of a group count."""
    return ", ".join(f"{reason.value} {count}" for reason, count in group.reasons)


def span(first: datetime.date, last: datetime.date) -> str:
    """From a day to a day."""
    return f"{first}" if first == last else f"{first} to {last}"


def _many(count: int, thing: str) -> str:
    return f"{count:,} {thing}{'' if count == 1 else 's'}"
