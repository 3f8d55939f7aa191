"""The callers of `make bench`, in a process of their own: each holds a talk of a few turns, then starts the next.

Reads a plan as JSON from its input and writes what was measured as JSON to its output.
"""
from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
import uuid
from dataclasses import asdict, dataclass, field
from typing import Any, Sequence

import aiohttp

from server.settings import ROOT

TURNS_A_TALK = 5
MOST_TURNS = 20_000
REPLY_SECONDS = 60


class CallersFailed(RuntimeError):
    """A message was refused or got no reply."""


@dataclass(frozen=True)
class Plan:
    """What is to be measured.

    Attributes:
        url: the REST webhook.
        messages: what the callers say, in turn.
        marks: a reply counts when one of these stands in it.
        callers: how many talk at the same time.
        seconds: for how long; a turn that has begun is finished.
        turns_a_talk: how long a talk is.
        most_turns: after so many turns it ends in any case.
    """

    url: str
    messages: Sequence[str]
    marks: Sequence[str]
    callers: int
    seconds: float
    turns_a_talk: int = TURNS_A_TALK
    most_turns: int = MOST_TURNS


@dataclass
class Measured:
    """What came of it.

    Attributes:
        milliseconds: of each turn whose reply counted.
        others: of each turn whose reply did not count.
        seconds: from the first message to the last reply.
    """

    milliseconds: list[float] = field(default_factory=list)
    others: list[float] = field(default_factory=list)
    seconds: float = 0.0


def talk_with(plan: Plan) -> Measured:
    """Lets the callers talk, in a process of their own: their work is not taken for the bot's.

    Raises:
        CallersFailed: with their own words.
    """
    command, limit = [sys.executable, "-W", "ignore", "-m", "tools.bench_callers"], plan.seconds + 2 * REPLY_SECONDS
    words = json.dumps(asdict(plan))
    done = subprocess.run(command, cwd=ROOT, input=words, capture_output=True, text=True, timeout=limit, check=False)
    if done.returncode:
        raise CallersFailed(f"{done.stderr.strip()}\nThe callers failed. Mend: see their words above and var/bench.")
    return Measured(**json.loads(done.stdout))


async def carry_out(plan: Plan) -> Measured:
    """Lets all callers talk at once.

    Raises:
        aiohttp.ClientError: a message was refused or got no reply.
    """
    measured, started = Measured(), time.perf_counter()
    connector, limit = aiohttp.TCPConnector(limit=0), aiohttp.ClientTimeout(total=REPLY_SECONDS)
    async with aiohttp.ClientSession(connector=connector, timeout=limit, raise_for_status=True) as session:
        talks = [_talk(session, plan, caller, started + plan.seconds, measured) for caller in range(plan.callers)]
        await asyncio.gather(*talks)
    measured.seconds = time.perf_counter() - started
    return measured


async def _talk(session: aiohttp.ClientSession, plan: Plan, caller: int, deadline: float, measured: Measured) -> None:
    # Callers start at places of their own, so that they do not all say the same at once.
    place, turn, sender = caller * len(plan.messages) // plan.callers, 0, ""
    while time.perf_counter() < deadline and len(measured.milliseconds) + len(measured.others) < plan.most_turns:
        if turn % plan.turns_a_talk == 0:
            sender = uuid.uuid4().hex
        message = {"sender": sender, "message": plan.messages[(place + turn) % len(plan.messages)]}
        began = time.perf_counter()
        async with session.post(plan.url, json=message) as reply:
            text = await reply.text()
        spent = (time.perf_counter() - began) * 1000
        turn += 1
        (measured.milliseconds if counts(text, plan.marks) else measured.others).append(round(spent, 3))


def counts(reply: str, marks: Sequence[str]) -> bool:
    """Whether one of the marks stands in a reply."""
    return any(mark in reply for mark in marks)


def main() -> int:
    """Carries out the plan; returns the exit status."""
    plan: dict[str, Any] = json.load(sys.stdin)
    json.dump(asdict(asyncio.run(carry_out(Plan(**plan)))), sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
