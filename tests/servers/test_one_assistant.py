"""Two instances are one assistant: a talk goes on at either, nothing is answered twice, lost or mixed up."""
from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from typing import Any, Awaitable, Callable, Dict, List, Sequence

import pytest

from tests.channels.stand_ins.slack import SlackStandIn
from tests.channels.stand_ins.telegram import TelegramStandIn
from tests.channels.test_slack import Person as SlackPerson
from tests.channels.test_slack import Slack
from tests.channels.test_telegram import Person as TelegramPerson
from tests.channels.test_telegram import Telegram
from tests.running import wait_until
from tools.cluster.instances import Cluster
from tools.cluster.servers import ServerFailed
from tools.cluster.visitors import Said, Visitor, connections

TALKS = 200
AT_ONCE = 20
"""How many of them speak in the same moment; all talks go on at the same time."""
TURNS = (
    ("What is blepharospasm?", ["blepharospasm"]),
    ("and how is it treated?", ["blepharospasm"]),
    ("What is cervical dystonia?", ["cervical_dystonia"]),
)
NO_FAULTS = {"lost": 0, "doubled": 0, "out of order": 0, "foreign": 0, "unanswered": 0}


def visit(urls: Sequence[str], work: Callable[..., Awaitable[Any]], count: int = 1) -> Any:
    """Does something with so many visitors, whose requests go to these doors in turn."""

    async def do() -> Any:
        async with connections() as http:
            return await work(*[await Visitor(http, urls).arrive() for _ in range(count)])

    return asyncio.run(do())


@pytest.fixture
def doors(several: Cluster) -> List[str]:
    """Both instances, past the proxy."""
    return [instance.url for instance in several.instances]


def test_many_talks_whose_turns_change_the_instance(several: Cluster, doors: List[str]) -> None:
    told: List[List[str]] = []
    some = asyncio.Semaphore(AT_ONCE)

    async def talk(visitor: Visitor) -> Dict[str, int]:
        for text, about in TURNS:
            async with some:
                said = await visitor.say(text)
            told.append([*said.replies[-1]["reply"]["about"], "instead of", *about])
        async with some:
            return await visitor.faults()

    async def talks(*visitors: Visitor) -> List[Dict[str, int]]:
        # Half of them begin at the other door.
        for number, visitor in enumerate(visitors):
            visitor.urls = doors[:: 1 if number % 2 else -1]
        return await asyncio.gather(*map(talk, visitors))

    faults = visit(doors, talks, TALKS)

    assert [fault for fault in faults if fault != NO_FAULTS] == []
    assert len(told) == TALKS * len(TURNS)
    # A subject that was lost or mixed up shows in what an answer is about.
    assert Counter(" ".join(each) for each in told) == Counter(
        f"{about[0]} instead of {about[0]}" for _, about in TURNS for _ in range(TALKS)
    )


def test_turns_of_one_talk_at_both_instances_at_once(several: Cluster, doors: List[str]) -> None:
    async def at_once(visitor: Visitor) -> List[Said]:
        said = list(await asyncio.gather(*(visitor.say(text) for text, _ in TURNS * 2)))
        stored = [turn["id"] for turn in await visitor.history()]
        assert sorted(stored) == sorted(each.id for each in said)
        return said

    said = visit(doors, at_once)

    # Each was answered at once: none had to be sent again because another turn came between.
    assert [each.refusals for each in said] == [[]] * 2 * len(TURNS)
    rows = several.postgres.rows("SELECT sender_id, type_name FROM events ORDER BY sender_id, id")
    for _, talk in itertools.groupby(rows, lambda row: row[0]):
        happened = [kind for _, kind in talk if kind in ("user", "bot")]
        assert happened == ["user", "bot"] * (len(happened) // 2)


def test_a_message_that_comes_to_both_at_once_is_one_turn(doors: List[str]) -> None:
    async def twice(visitor: Visitor) -> Said:
        said = Said("the-same-message", TURNS[0][0])
        await asyncio.gather(*(visitor.say_once(said) for _ in range(6)))
        assert [turn["id"] for turn in await visitor.history()] == [said.id]
        return said

    said = visit(doors, twice)

    assert said.refusals == []
    assert len({reply["text"] for reply in said.replies}) == 1


def test_forgetting_at_one_instance_is_forgetting_at_both(several: Cluster, doors: List[str]) -> None:
    async def forget(visitor: Visitor) -> List[Any]:
        await visitor.say("My name is Peregrine Quillfeather, what is dystonia?")
        await visitor.say("forget me")
        return await visitor.history() + await visitor.history()

    assert visit(doors, forget) == []
    assert several.postgres.rows("SELECT count(*) FROM events WHERE data LIKE '%%Quillfeather%%'") == [(0,)]


def test_messages_of_a_talk_are_counted_by_both_together(doors: List[str]) -> None:
    async def many(visitor: Visitor) -> Said:
        said = Said("asked-again-and-again", "What is dystonia?")
        for _ in range(45):
            await visitor.say_once(said)
        return said

    said = visit(doors, many)

    assert len(said.replies) == 40 and set(said.refusals) == {"429"}


# Slack and Telegram


def test_an_event_of_slack_that_comes_to_both_is_answered_once(several: Cluster, slack_api: SlackStandIn) -> None:
    doors, person = [Slack(instance, slack_api) for instance in several.instances], SlackPerson()  # type: ignore[arg-type]
    texts = ("What is dystonia?", "What is blepharospasm?", "and how is it treated?")
    for number, event in enumerate(map(person.writes, texts)):
        for again in range(4):
            assert doors[(number + again) % 2].post(event).status_code == 200

    told = doors[0].settle(person)

    assert [text.split()[0] for text in told] == ["Dystonia", "Blepharospasm", "Botulinum"]


def test_an_update_of_telegram_that_comes_to_both_is_answered_once(several: Cluster, telegram_api: TelegramStandIn) -> None:
    doors = [Telegram(instance, telegram_api) for instance in several.instances]  # type: ignore[arg-type]
    person = TelegramPerson()
    for number, text in enumerate(("What is dystonia?", "What is blepharospasm?")):
        update = person.writes(text)
        for again in range(4):
            assert doors[(number + again) % 2].post(update) == 200

    told = doors[1].settle(person)

    answers = [text.split()[0] for text in told]
    assert [first for first in answers if first in ("Dystonia", "Blepharospasm")] == ["Dystonia", "Blepharospasm"]


def test_what_an_instance_leaves_behind_is_answered_by_the_other(several: Cluster, telegram_api: TelegramStandIn) -> None:
    """Telegram is away while updates come in; the instance that has taken them in dies; Telegram comes back."""
    first, person = several.instances[0], TelegramPerson()
    telegram_api.close()
    try:
        for _ in range(3):
            assert Telegram(first, telegram_api).post(person.writes("What is dystonia?")) == 200  # type: ignore[arg-type]
        first.kill()
    finally:
        telegram_api.open()
    try:
        wait_until(lambda: len(telegram_api.texts(person.id)) >= 3, 30, "the replies")
        told = Telegram(several.instances[1], telegram_api).settle(person)  # type: ignore[arg-type]
        assert len([text for text in told if "Dystonia is" in text]) == 3
    finally:
        first.start()


# Starting


def test_an_instance_that_would_mix_up_talks_does_not_start(several: Cluster) -> None:
    alone = type(several.instances[0])(several.folder / "alone", settings={"DYSTONIA_POSTGRES_URL": several.postgres.url})
    alone.folder.mkdir()

    with pytest.raises(ServerFailed) as failed:
        alone.start()
    alone.stop()

    assert "set the same DYSTONIA_REDIS_URL for every instance" in str(failed.value)
