"""`make cluster`: two instances, PostgreSQL, Valkey and nginx on this machine, and a talk through all of them.

    make cluster             starts everything, holds a talk, says what happened, and stops
    make cluster DO=serve    stays until Ctrl-C
    make cluster DO=measure  compares two instances on two cores with one on one core (about a minute)
"""
from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
import time
from typing import List, Sequence

from tools.cluster.instances import Cluster, children, cluster
from tools.cluster.servers import ServerFailed, missing
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
    """Turns a second of one instance on one core, and of two on two. The callers and the databases run on the same machine."""
    print(f"{CALLERS} callers, {SECONDS:g} s each, widget channel, load {os.getloadavg()[0]:.1f} before:", flush=True)
    figures = [_turns_a_second(count) for count in (1, 2, 2, 1)]
    one, two = (figures[0] + figures[3]) / 2, (figures[1] + figures[2]) / 2
    print(f"One instance on one core {one:.1f} turns a second, two on two {two:.1f}: {two / one:.2f} times.", flush=True)


def _turns_a_second(count: int) -> float:
    with cluster(count, cores=True, DYSTONIA_ACTION_TIMEOUT="9") as running:
        running.start()
        turns, busy = asyncio.run(_load([instance.url for instance in running.instances], running))
    cost = busy / turns * 1000
    print(f"  {count} on {count}: {turns / SECONDS:.1f} turns a second, {cost:.1f} ms of processor a turn", flush=True)
    return turns / SECONDS


async def _load(doors: Sequence[str], running: Cluster) -> "tuple[int, float]":
    """Answers within the time, and seconds of processor that the instances took for them."""
    answered: List[float] = []

    async def caller(number: int, until: float) -> None:
        # Through the instances' own doors: what is measured is the assistant, not the proxy's share of a small machine.
        while time.monotonic() < until:
            visitor = await Visitor(http, [doors[number % len(doors)]]).arrive()
            visitor.urls = doors[number % len(doors) :] + doors[: number % len(doors)]
            for text in QUESTIONS:
                said = await visitor.say(text)
                answered.extend([said.answered] if said.answered else [])

    async with connections() as http:
        began = time.monotonic() + WARM_UP_SECONDS
        before = sum(map(_processor_seconds, _all_processes(running)))
        await asyncio.gather(*(caller(number, began + SECONDS) for number in range(CALLERS)))
    spent = sum(map(_processor_seconds, _all_processes(running))) - before
    in_time = sum(began <= moment < began + SECONDS for moment in answered)
    return in_time, spent * in_time / len(answered)


def _all_processes(running: Cluster) -> List[int]:
    processes = [instance.running.pid for instance in running.instances if instance.running]
    return processes + [child for process in processes for child in children(process)]


def _processor_seconds(process: int) -> float:
    with open(f"/proc/{process}/stat", encoding="ascii") as stat:
        fields = re.split(r"\) ", stat.read())[-1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else JOBS[0]))
