"""What instances share in Redis: turns of a talk in a line, limits counted together; and without it, turns go on."""
from __future__ import annotations

import asyncio
import uuid
from typing import Any, Awaitable, Callable, Iterator, List

import pytest
import redis
from rasa.core.lock_store import LockError
from rasa.utils.endpoints import EndpointConfig

from channels.intake import RateLimit, Refused
from server import redis_locks, redis_server
from server.postgres import CannotStart
from server.redis_limits import SharedBuckets
from server.redis_locks import RedisLocks
from tests.running import free_ports
from tools.cluster.servers import Valkey

NOBODY_THERE = "redis://127.0.0.1:{}/0"


@pytest.fixture
def talk() -> str:
    """A talk that no other test knows."""
    return f"rest:{uuid.uuid4().hex}"


@pytest.fixture
def nobody() -> str:
    """An address where nothing listens."""
    return NOBODY_THERE.format(free_ports(1)[0])


def with_instances(url: str, work: Callable[..., Awaitable[Any]], count: int = 2) -> Any:
    """Does something with the locks of so many instances."""

    async def do() -> Any:
        stores = [RedisLocks(EndpointConfig(url)) for _ in range(count)]
        try:
            return await asyncio.wait_for(work(*stores), 20)
        finally:
            for store in stores:
                await store.close()

    return asyncio.run(do())


async def turns(stores: List[RedisLocks], talk: str, count: int) -> List[str]:
    """Turns that come one after another at changing instances, all while one is going on; what they did, in order."""
    done: List[str] = []

    async def turn(number: int) -> None:
        async with stores[number % len(stores)].lock(talk):
            done.append(f"{number} begins")
            await asyncio.sleep(0.002)
            done.append(f"{number} ends")

    waiting = []
    async with stores[0].lock(talk):
        for number in range(count):
            waiting.append(asyncio.ensure_future(turn(number)))
            while await stores[0]._redis.llen(redis_server.key("line", talk)) < number + 2:
                await asyncio.sleep(0.001)
    await asyncio.gather(*waiting)
    return done


def test_turns_of_a_talk_come_one_after_another_in_their_order(valkey: Valkey, talk: str) -> None:
    done = with_instances(valkey.url, lambda *stores: turns(list(stores), talk, 8))

    assert done == [f"{number} {what}" for number in range(8) for what in ("begins", "ends")]


def test_turns_of_different_talks_do_not_wait_for_each_other(valkey: Valkey) -> None:
    async def both(one: RedisLocks, other: RedisLocks) -> bool:
        async with one.lock("rest:one"), other.lock("rest:other"):
            return True

    assert with_instances(valkey.url, both)


def test_nothing_is_left_in_redis(valkey: Valkey, talk: str) -> None:
    async def turn(one: RedisLocks, other: RedisLocks) -> None:
        async with one.lock(talk):
            pass

    with_instances(valkey.url, turn)

    with redis.Redis.from_url(valkey.url) as client:
        assert [client.exists(redis_server.key(kind, talk)) for kind in ("line", "until")] == [0, 0]


def test_ids_do_not_stand_in_redis(valkey: Valkey, talk: str) -> None:
    async def turn(one: RedisLocks, other: RedisLocks) -> List[bytes]:
        async with one.lock(talk):
            return await one._redis.keys("*")

    kept = with_instances(valkey.url, turn)

    assert kept and not any(talk.encode() in name for name in kept)


def test_who_dies_in_the_middle_of_a_turn_is_waited_for_only_as_long_as_its_lease(
    valkey: Valkey, talk: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_locks, "LEASE_SECONDS", 0.2)

    async def die_and_go_on(dead: RedisLocks, other: RedisLocks) -> float:
        await dead._served(([redis_server.key("line", talk), redis_server.key("until", talk)], "a turn that never ends"))
        began = asyncio.get_running_loop().time()
        async with other.lock(talk):
            return asyncio.get_running_loop().time() - began

    assert 0.1 < with_instances(valkey.url, die_and_go_on) < 5


def test_who_is_slow_keeps_the_talk(valkey: Valkey, talk: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_locks, "LEASE_SECONDS", 0.4)
    monkeypatch.setattr(redis_locks, "SAYS_SECONDS", 0.05)

    async def slow_and_quick(one: RedisLocks, other: RedisLocks) -> List[str]:
        done: List[str] = []

        async def slow() -> None:
            async with one.lock(talk):
                await asyncio.sleep(1.2)
                done.append("slow")

        running = asyncio.ensure_future(slow())
        await asyncio.sleep(0.05)
        async with other.lock(talk):
            done.append("quick")
        await running
        return done

    assert with_instances(valkey.url, slow_and_quick) == ["slow", "quick"]


def test_nobody_waits_for_ever(valkey: Valkey, talk: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_locks, "WAIT_SECONDS", 0.1)

    async def wait(one: RedisLocks, other: RedisLocks) -> None:
        async with one.lock(talk):
            with pytest.raises(LockError):
                async with other.lock(talk):
                    pass
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(other.lock(talk).__aenter__(), 0.05)
        async with other.lock(talk):
            pass

    with_instances(valkey.url, wait)


def test_without_redis_turns_go_on(nobody: str, talk: str, caplog: pytest.LogCaptureFixture) -> None:
    async def some(one: RedisLocks, other: RedisLocks) -> int:
        taken = 0
        for store in (one, other, one):
            async with store.lock(talk):
                taken += 1
        return taken

    assert with_instances(nobody, some) == 3
    assert caplog.text.count("Redis is away") == 2  # once for each instance
    assert talk not in caplog.text


def test_redis_that_is_back_is_used_again(valkey: Valkey, talk: str) -> None:
    async def lose_and_find(one: RedisLocks, other: RedisLocks) -> bool:
        one._reach.failed(redis.ConnectionError())
        assert not await one._served(([], ""))
        one._reach._again_at = 0
        async with one.lock(talk):
            return bool(await other._redis.exists(redis_server.key("line", talk)))

    assert with_instances(valkey.url, lose_and_find)


# Limits


@pytest.fixture
def counting_together(valkey: Valkey, monkeypatch: pytest.MonkeyPatch) -> Iterator[List[RateLimit]]:
    """The same limit at two instances."""
    monkeypatch.setattr(RateLimit, "shared", SharedBuckets(valkey.url))
    yield [RateLimit(6, name="test"), RateLimit(6, name="test")]


def taken(limits: List[RateLimit], caller: str, count: int) -> int:
    """How many of so many messages are taken, sent to the instances in turn."""
    passed = 0
    for number in range(count):
        try:
            limits[number % len(limits)].check(caller)
            passed += 1
        except Refused as refused:
            assert refused.status == 429 and 1 <= (refused.wait or 0) <= 10
    return passed


def test_a_limit_is_counted_by_all_together(counting_together: List[RateLimit], talk: str) -> None:
    assert taken(counting_together, talk, 10) == 6
    assert taken(counting_together, f"{talk} too", 10) == 6


def test_limits_of_other_names_are_counted_apart(counting_together: List[RateLimit], talk: str) -> None:
    assert taken(counting_together, talk, 6) == 6
    assert taken([RateLimit(6, name="other")], talk, 6) == 6


def test_a_bucket_fills_again(counting_together: List[RateLimit], talk: str) -> None:
    quick = [RateLimit(6000, name="quick")]

    assert taken(quick, talk, 50) == 50
    assert taken(quick, talk, 50) == 50


def test_without_redis_each_counts_by_itself(nobody: str, talk: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RateLimit, "shared", SharedBuckets(nobody))

    assert taken([RateLimit(6), RateLimit(6)], talk, 20) == 12


# Starting


def test_redis_that_is_not_there_is_said(nobody: str) -> None:
    with pytest.raises(CannotStart, match="Redis can't be reached.*Mend: see that it runs"):
        redis_server.wait_for(nobody, patience=0.1)


def test_redis_that_is_there_is_not_waited_for(valkey: Valkey) -> None:
    redis_server.wait_for(valkey.url)
