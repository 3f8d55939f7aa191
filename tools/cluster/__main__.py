"""`make cluster`: two instances, PostgreSQL, Valkey and nginx on this machine, and a talk through all of them.

    make cluster             starts everything, holds a talk, says what happened, and stops
    make cluster DO=serve    stays until Ctrl-C
    make cluster DO=measure  compares two instances on two cores with one on one core (about two minutes)
"""
from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import sys
import time
from dataclasses import dataclass
from typing import Dict, Sequence

from tools.cluster.instances import Cluster, children, cluster
from tools.cluster.servers import Program, ServerFailed, missing
from tools.cluster.visitors import Visitor, connections

TALK = ("What is blepharospasm?", "and how is it treated?")
JOBS = ("talk", "serve", "measure")
CALLERS = 32
WARM_UP_SECONDS, SECONDS = 3.0, 10.0
QUESTIONS = (*TALK, "What is cervical dystonia?", "and how is it treated?")


def main(job: str) -> int:
    """Does one of the jobs; returns the exit status."""
    if job not in JOBS:
        print(f"'{job}' is none of {', '.join(JOBS)}. Mend: make cluster DO={JOBS[0]}", file=sys.stderr)
        return 1
    reason = missing()
    if reason:
        print(reason, file=sys.stderr)
        return 1
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        measure() if job == "measure" else show(stay=job == "serve")
    except ServerFailed as failed:
        print(failed, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped.")
    return 0


def show(stay: bool) -> None:
    """Starts everything and holds a talk; stays where that is wanted."""
    with cluster() as running:
        print("Starting two instances, PostgreSQL, Valkey and nginx ...", flush=True)
        running.start(say=lambda line: print(f"  {line}", flush=True))
        asyncio.run(_talk(running))
        if stay:
            print(f"\nIt answers at {running.url} (certificate: {running.nginx.certificate}). Stop it with Ctrl-C.", flush=True)
            while True:
                time.sleep(1)
        print("\nStopping.", flush=True)


async def _talk(running: Cluster) -> None:
    print("\nA talk, first through nginx, then its turns at one instance after the other:", flush=True)
    async with connections(str(running.nginx.certificate)) as http:
        await _turns(await Visitor(http, [running.url]).arrive(), ["nginx"])
    async with connections() as http:
        doors = [instance.url for instance in running.instances]
        visitor = await Visitor(http, doors).arrive()
        visitor.urls = doors[::-1]
        await _turns(visitor, doors[::-1])
    ((talks, events),) = running.postgres.rows("SELECT count(DISTINCT sender_id), count(*) FROM events")
    print(f"PostgreSQL holds {talks} talks with {events} events.", flush=True)


async def _turns(visitor: Visitor, names: Sequence[str]) -> None:
    for number, text in enumerate(TALK):
        said = await visitor.say(text, patience=20)
        if not said.replies:
            raise ServerFailed(f"'{text}' got no answer ({', '.join(said.refusals)}). Mend: try 'make run' alone.")
        reply = said.replies[-1]
        print(f"  {text}\n    {names[(number + 1) % len(names)]}: {reply['text'].splitlines()[0]}", flush=True)
        if reply["reply"]["about"] != ["blepharospasm"]:
            raise ServerFailed("The second turn has lost what the first was about: the instances do not share the talk.")
    if any((await visitor.faults()).values()):
        raise ServerFailed(f"Turns were lost or doubled: {await visitor.faults()}.")


def measure() -> None:
    """Turns a second of one instance on one core, and of two on two.

    In both runs everything is held to these cores: each instance, with its action server, to one of them; PostgreSQL, Valkey
    and the callers to wherever there is room. So nobody helps from a core that is not counted, and what a turn costs besides
    the instances counts alike in both. nginx only waits: callers go to the instances' own doors.
    """
    there = len(os.sched_getaffinity(0))
    if there < 2:
        raise ServerFailed(f"This process may use {there} core. Mend: measure on a machine with two.")
    print(f"{CALLERS} callers, {SECONDS:g} s each, widget channel, load {os.getloadavg()[0]:.1f} before:", flush=True)
    runs = [_run(count) for count in (1, 2, 2, 1)]
    one, two = _mean(runs[0], runs[3]), _mean(runs[1], runs[2])
    print(f"On one core {_told(one)}\nOn two     {_told(two)}\nTurns a second: {two.turns / one.turns:.2f} times.", flush=True)
    # Where others work on this machine too, the cores are not free, but what a turn costs is known.
    free = 2 * (sum(one.spent.values()) / one.turns) / (sum(two.spent.values()) / two.turns)
    print(f"By what a turn costs, two cores that are free carry {free:.2f} times as many.", flush=True)


@dataclass
class Run:
    """What came of a run.

    Attributes:
        turns: answers a second.
        refused: tries that were refused.
        spent: seconds of processor a second, of each kind of process.
    """

    turns: float
    refused: float
    spent: Dict[str, float]


def _mean(one: Run, other: Run) -> Run:
    spent = {kind: (one.spent[kind] + other.spent[kind]) / 2 for kind in one.spent}
    return Run((one.turns + other.turns) / 2, one.refused + other.refused, spent)


def _told(run: Run) -> str:
    shares = ", ".join(f"{kind} {1000 * seconds / run.turns:.1f}" for kind, seconds in run.spent.items())
    spent = sum(run.spent.values())
    return (
        f"{run.turns:.1f} turns a second; {1000 * spent / run.turns:.1f} ms of processor a turn ({shares}), "
        f"{spent:.2f} cores busy, {run.refused:g} tries refused"
    )


def _run(count: int) -> Run:
    """Lets everybody talk to so many instances, on as many cores."""
    cores = os.sched_getaffinity(0)
    # Whatever is started from here on may use no other.
    os.sched_setaffinity(0, sorted(cores)[:count])
    try:
        with cluster(count, cores=True, DYSTONIA_ACTION_TIMEOUT="9") as running:
            running.start()
            run = asyncio.run(_load(running))
    finally:
        os.sched_setaffinity(0, cores)
    print(f"  {count} on {count}: {_told(run)}", flush=True)
    return run


async def _load(running: Cluster) -> Run:
    doors, said, ended = [instance.url for instance in running.instances], [], False

    async def caller(number: int) -> None:
        chance = random.Random(number)
        while not ended:
            visitor = await Visitor(http, [doors[number % len(doors)]]).arrive()
            for text in QUESTIONS:
                # Not one door after the other: then all callers come to be at the same door at the same time.
                visitor.urls = [chance.choice(doors)]
                said.append(await visitor.say(text))

    async with connections() as http:
        talking = [asyncio.ensure_future(caller(number)) for number in range(CALLERS)]
        await asyncio.sleep(WARM_UP_SECONDS)
        began, before = time.monotonic(), _spent(running)
        await asyncio.sleep(SECONDS)
        until, after = time.monotonic(), _spent(running)
        ended = True
        await asyncio.gather(*talking)
    answers = sum(each.answered is not None and began <= each.answered < until for each in said)
    spent = {kind: (after[kind] - before[kind]) / (until - began) for kind in after}
    return Run(answers / (until - began), sum(len(each.refusals) for each in said), spent)


def _spent(running: Cluster) -> Dict[str, float]:
    """Seconds of processor that each kind of process has taken since it began."""
    return {
        "instances": sum(map(_processor_seconds, running.instances)),
        "PostgreSQL and Valkey": sum(map(_processor_seconds, (running.postgres, running.valkey))),
        "callers": time.process_time(),
    }


def _processor_seconds(program: Program) -> float:
    """Of a program, its children, and those of its children that have ended."""
    root = program.running.pid if program.running else 0
    spent = 0
    for process in (root, *children(root)):
        # PostgreSQL's helpers come and go.
        with contextlib.suppress(OSError), open(f"/proc/{process}/stat", encoding="ascii") as stat:
            spent += sum(map(int, stat.read().rpartition(") ")[2].split()[11:15]))
    return spent / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else JOBS[0]))
