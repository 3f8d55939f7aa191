"""Events of Slack and Telegram that several instances answer: each once, in the order of its talk, also when one dies."""
from __future__ import annotations

import asyncio
import uuid
from typing import Callable, Iterator, List

import pytest

from channels import shared_delivery, shared_events
from channels.seen import CONTENT_SECONDS, Call, Event
from channels.shared_delivery import SharedDelivery
from channels.shared_events import SharedEvents
from tools.cluster.servers import Postgres

SAID = "What is dystonia?"


@pytest.fixture
def channel() -> str:
    """A channel that no other test knows."""
    return uuid.uuid4().hex


@pytest.fixture
def opened(postgres: Postgres, channel: str) -> Iterator[Callable[[], SharedEvents]]:
    """Opens the store of another instance."""
    stores: List[SharedEvents] = []

    def open_() -> SharedEvents:
        stores.append(SharedEvents(postgres.url, channel))
        return stores[-1]

    yield open_
    for store in stores:
        store.close()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leases that end soon."""
    monkeypatch.setattr(shared_events, "LEASE_SECONDS", 0.3)
    monkeypatch.setattr(shared_events, "_LEASE", shared_events.sa.text("interval '0.3 seconds'"))
    monkeypatch.setattr(shared_delivery, "LOOK_SECONDS", 0.05)


def event(id_: str, talk: str = "slack:T1:direct:U1", received: float = 2e9) -> Event:
    """Something that happened."""
    return Event(id_, talk, received, {"text": SAID})


class Instance:
    """An instance that answers, and sends to an app that it shares with others."""

    def __init__(self, store: SharedEvents, app: List[str], name: str = "") -> None:
        self.app = app
        self.name = name
        self.delivery = SharedDelivery("test", store, self.answer, lambda _: [], self.send)

    async def answer(self, event: Event) -> List[Call]:
        """Two messages."""
        await asyncio.sleep(0.001)
        return [{"method": "say", "arguments": f"{event.id} {part}"} for part in "ab"]

    async def send(self, call: Call) -> None:
        """The app takes it."""
        await asyncio.sleep(0.001)
        self.app.append(call["arguments"])


async def until(holds: Callable[[], bool]) -> None:
    """Waits for something."""
    for _ in range(2000):
        if holds():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("it did not come")


def test_an_event_that_comes_to_both_is_taken_in_once(opened: Callable[[], SharedEvents]) -> None:
    one, other = opened(), opened()

    assert [one.receive(event("1")), other.receive(event("1")), one.receive(event("1"))] == [True, False, False]


def test_a_talk_belongs_to_one_at_a_time(opened: Callable[[], SharedEvents]) -> None:
    one, other = opened(), opened()
    one.receive(event("1"))
    assert [each.id for each in one.claim()] == ["1"]

    other.receive(event("2"))
    other.receive(event("3", talk="another"))

    assert [each.id for each in other.claim()] == ["3"]
    assert [each.id for each in one.claim()] == ["2"]
    assert one.claim() == other.claim() == []


def test_a_talk_is_free_again_when_all_is_done(opened: Callable[[], SharedEvents]) -> None:
    one, other = opened(), opened()
    one.receive(event("1"))
    (taken,) = one.claim()
    one.keep(taken.answered([]))

    other.receive(event("2"))

    assert [each.id for each in other.claim()] == ["2"]


def test_of_what_is_done_only_the_id_is_left(opened: Callable[[], SharedEvents], postgres: Postgres, channel: str) -> None:
    one = opened()
    one.receive(event("1"))
    (taken,) = one.claim()
    answered = taken.answered([{"method": "say", "arguments": "a reply"}])
    one.keep(answered)
    one.keep(answered.one_more_sent())

    ((left,),) = postgres.rows("SELECT app_events::text FROM app_events WHERE channel = %s", channel)
    assert "dystonia" not in left and "reply" not in left and "U1" not in left


def test_who_stops_leaves_the_rest_to_the_others(opened: Callable[[], SharedEvents]) -> None:
    one, other = opened(), opened()
    one.receive(event("1"))
    one.claim()
    one.close()

    assert [each.id for each in other.claim()] == ["1"]


@pytest.mark.usefixtures("quick")
def test_who_dies_is_taken_over_from_after_its_lease(opened: Callable[[], SharedEvents]) -> None:
    one, other = opened(), opened()
    one.receive(event("1"))
    (taken,) = one.claim()
    taken = taken.answered([{"method": "say", "arguments": "a"}, {"method": "say", "arguments": "b"}]).one_more_sent()
    one.keep(taken)
    assert one.sure and not one.lost(taken) and other.claim() == []

    async def after_a_while() -> List[Event]:
        found: List[Event] = []
        await until(lambda: bool(found.extend(other.claim()) or found))
        return found

    (found,) = asyncio.run(after_a_while())

    assert (found.id, found.sent) == ("1", 1)
    assert not one.sure
    one.renew()
    assert one.lost(taken)


def test_what_was_made_ones_own_without_hearing_of_it_is_found(opened: Callable[[], SharedEvents]) -> None:
    one = opened()
    one.receive(event("1"))
    one.claim()
    one._mine.clear()  # as if the connection had broken after COMMIT and before its answer

    one.renew()

    assert [each.id for each in one.claim()] == ["1"]
    assert one.claim() == []


def test_what_has_waited_for_a_day_is_given_up(opened: Callable[[], SharedEvents]) -> None:
    one = opened()
    one.receive(event("1", received=shared_events.time.time() - CONTENT_SECONDS - 1))
    one.receive(event("2"))

    assert one.purge() == 1
    assert [each.id for each in one.waiting()] == ["2"]


def test_what_was_erased_belongs_to_nobody_any_more(opened: Callable[[], SharedEvents], channel: str) -> None:
    one, operator = opened(), opened()
    for number in "123":
        one.receive(event(channel[:-1] + number, talk=channel))
    first, second, third = one.claim()

    assert operator.erase(second.talk, before=third.id) == 2

    assert [one.lost(each) for each in (first, second, third)] == [True, True, False]
    assert operator.talks() == [third.talk]
    assert operator.erase(third.talk) == 1 and operator.talks() == []


def test_events_of_one_talk_at_changing_instances_are_answered_once_and_in_order(opened: Callable[[], SharedEvents]) -> None:
    async def talk() -> List[str]:
        app: List[str] = []
        instances = [Instance(opened(), app) for _ in range(3)]
        for instance in instances:
            instance.delivery.start()
        for number in range(12):
            for again in (0, 1):  # each event comes to two of them
                instances[(number + again) % 3].delivery.accept(str(number), "a talk", {"text": SAID})
        await until(lambda: len(app) >= 24)
        for instance in instances:
            await instance.delivery.stop()
        return app

    assert asyncio.run(talk()) == [f"{number} {part}" for number in range(12) for part in "ab"]


@pytest.mark.usefixtures("quick")
def test_nothing_is_sent_by_who_may_have_been_taken_over(
    opened: Callable[[], SharedEvents], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An instance is held up in the middle of an answer, by its machine, for longer than its lease."""

    async def held_up() -> List[str]:
        app: List[str] = []
        slow, quick = Instance(opened(), app), Instance(opened(), app)
        answering = asyncio.Event()

        async def answer(event: Event) -> List[Call]:
            answering.set()
            while True:
                # It does not even say that it is still there, until another has answered.
                if app:
                    return [{"method": "say", "arguments": "said again"}]
                await asyncio.sleep(0.01)

        monkeypatch.setattr(slow.delivery, "_answer", answer)
        monkeypatch.setattr(slow.delivery, "_look", lambda: asyncio.sleep(0))
        slow.delivery.start()
        slow.delivery.accept("1", "a talk", {"text": SAID})
        await answering.wait()
        quick.delivery.start()
        await until(lambda: len(app) >= 2)
        await quick.delivery.stop()
        await slow.delivery.stop()
        return app

    assert asyncio.run(held_up()) == ["1 a", "1 b"]
