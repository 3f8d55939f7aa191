"""kill -9 of each server in the middle of a loaded run: what was acknowledged is there, once, in its order; and it comes back.

Servers are started again by the test, as systemd would do it (deploy/systemd/); the assistant itself is not touched.
"""
from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass
from typing import Any, Awaitable, Callable, Dict, List, Set, Tuple

import aiohttp
import pytest

from tools.cluster.instances import Cluster
from tools.cluster.visitors import Said, Visitor, connections

VISITORS = 24
AWAY_SECONDS = 1.0
"""How long a server is away before it is started again."""
RECOVERED_SECONDS = 30.0
"""Longer than any recovery on a busy machine; what it took is printed."""
QUESTIONS = ("What is dystonia?", "What is blepharospasm?", "and how is it treated?", "Hello", "What causes dystonia?")


@dataclass
class Outage:
    """What a kill did.

    Attributes:
        server: which was killed.
        seconds: from the kill until all visitors were answered again.
        again: how many tries were refused meanwhile: those visitors had to say it again.
        longest: seconds that the longest message took.
    """

    server: str
    seconds: float
    again: int
    longest: float


class Crowd:
    """Visitors who talk all the time."""

    def __init__(self, visitors: List[Visitor]) -> None:
        self.visitors = visitors
        self._going_home = False
        chances = map(random.Random, range(len(visitors)))
        self._talks = [asyncio.ensure_future(self._talk(*each)) for each in zip(visitors, chances)]

    async def _talk(self, visitor: Visitor, chance: random.Random) -> None:
        while not self._going_home:
            await visitor.say(chance.choice(QUESTIONS))
            await asyncio.sleep(chance.uniform(0.5, 1.5))

    async def goes_home(self) -> None:
        """Says the last message to its end."""
        self._going_home = True
        await asyncio.gather(*self._talks)

    def said(self) -> List[Said]:
        """All messages."""
        return [said for visitor in self.visitors for said in visitor.said]

    def answered_since(self, moment: float) -> bool:
        """Whether each visitor has said something since then that was answered."""
        return all(any(said.began > moment and said.answered for said in visitor.said) for visitor in self.visitors)

    async def lives_through(self, server: str, kill: Callable[[], None], start: Callable[[], Any]) -> Outage:
        """Something is killed and started again while everybody talks."""
        before, moment = sum(len(said.refusals) for said in self.said()), time.monotonic()
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(None, kill)
        await asyncio.sleep(AWAY_SECONDS)
        await loop.run_in_executor(None, start)
        while not self.answered_since(moment):
            assert time.monotonic() - moment < RECOVERED_SECONDS + AWAY_SECONDS, f"{server} did not come back"
            await asyncio.sleep(0.05)
        during = [said for said in self.said() if (said.answered or time.monotonic()) > moment]
        again = sum(len(said.refusals) for said in self.said()) - before
        longest = max((said.answered or time.monotonic()) - said.began for said in during)
        return Outage(server, time.monotonic() - moment, again, longest)


def in_a_crowd(several: Cluster, work: Callable[[Crowd], Awaitable[Any]]) -> Dict[str, Any]:
    """Does something while everybody talks; returns what came of it, and what was found wrong with all talks afterwards."""

    async def do() -> Dict[str, Any]:
        async with connections(str(several.nginx.certificate)) as http:
            crowd = Crowd([await Visitor(http, [several.url]).arrive() for _ in range(VISITORS)])
            result = await work(crowd)
            await crowd.goes_home()
            faults = [await visitor.faults() for visitor in crowd.visitors]
            summed = {name: sum(fault[name] for fault in faults) for name in faults[0]}
            return {"result": result, "faults": summed, "answered": sum(bool(said.answered) for said in crowd.said())}

    return asyncio.run(do())


def test_every_server_is_killed_in_the_middle_of_a_loaded_run(several: Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    first = several.instances[0]

    async def kill_them_all(crowd: Crowd) -> List[Outage]:
        while not crowd.answered_since(0):
            await asyncio.sleep(0.05)
        return [
            await crowd.lives_through("Valkey", several.valkey.kill, several.valkey.start),
            await crowd.lives_through("PostgreSQL", several.postgres.kill, several.postgres.start),
            # Whoever watches over it starts it again: nothing is done here.
            await crowd.lives_through("Rasa of one instance", first.kill_rasa, lambda: None),
            await crowd.lives_through("nginx", several.nginx.kill, several.nginx.start),
        ]

    came = in_a_crowd(several, kill_them_all)

    with capsys.disabled():
        print(f"\n{came['answered']} messages answered, {came['faults']}")
        for outage in came["result"]:
            print(
                f"  {outage.server}: all answered again after {outage.seconds:.1f} s (away {AWAY_SECONDS:g} s), "
                f"{outage.again} tries refused, longest message {outage.longest:.1f} s"
            )
    assert came["faults"] == {"lost": 0, "doubled": 0, "out of order": 0, "foreign": 0, "unanswered": 0}
    # Nor is a turn stored twice where the history shows it once.
    messages = "SELECT count(*), count(DISTINCT data::json->>'message_id') FROM events WHERE type_name = 'user'"
    ((stored, different),) = several.postgres.rows(messages)
    assert stored == different
    assert "Traceback" not in several.log()


def test_an_emergency_gets_its_reply_through_the_proxy_while_nothing_can_be_stored(several: Cluster) -> None:
    """Also while others are refused: the proxy must not take the instances for dead."""

    async def say_it() -> Tuple[List[str], Set[str]]:
        async with connections(str(several.nginx.certificate)) as http:
            visitor, *others = [await Visitor(http, [several.url]).arrive() for _ in range(9)]
            several.postgres.kill()
            several.valkey.kill()
            refused = asyncio.ensure_future(asyncio.gather(*map(_reload_the_page, others)))
            said = [Said(f"an-emergency-{number}", "I can't breathe since my injection") for number in range(3)]
            for each in said:
                await visitor.say_once(each)
            return [reply["reply"]["kind"] for each in said for reply in each.replies], set(sum(await refused, []))

    try:
        kinds, refusals = asyncio.run(say_it())
    finally:
        several.postgres.start()
        several.valkey.start()

    assert refusals == {503}
    assert kinds == ["emergency"] * 3


async def _reload_the_page(visitor: Visitor) -> List[int]:
    """Asks for the talk again and again; returns how that was refused."""
    refused = []
    for _ in range(2):
        try:
            await visitor.history()
        except aiohttp.ClientResponseError as error:
            refused.append(error.status)
    return refused
