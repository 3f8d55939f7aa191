"""`make soak`: does the assistant stay as it is? 50,000 turns (`TURNS=...`), its memory on the way, and failed replies."""
from __future__ import annotations

import json
import sys
import time
from datetime import date
from statistics import linear_regression, median
from typing import Sequence

import yaml

from dystonia.reply import Kind
from server.model import path_for_inputs
from tools.bench import REPORT
from tools.bench_bots import BenchError, Running, assistant
from tools.bench_callers import CallersFailed, Plan, talk_with
from tools.profile import MESSAGES

SOAK = REPORT.with_name("soak.json")
TURNS = 50_000
AT_A_TIME = 1000
CALLERS = 8
SETTLED = 0.2
"""After this share of the turns memory is looked at: before, what is kept for talks that go on fills up."""
MOST_MB = 1.0
"""The goal: at most so much memory more for 10,000 turns."""
WELL = tuple(f'"kind":"{kind.value}"' for kind in Kind if kind is not Kind.unavailable)
"""Marks of every kind of reply but ``unavailable``."""
LIMIT_SECONDS = 600.0


def main() -> int:
    """Talks, prints a line for each thousand turns, writes reports/soak.json; returns 1 where a goal was missed."""
    turns = int(sys.argv[1]) if len(sys.argv) > 1 else TURNS
    bot = assistant(path_for_inputs())
    messages = [entry["text"] for entry in yaml.safe_load(MESSAGES.read_text(encoding="utf-8"))]
    megabytes: list[float] = []
    medians: list[float] = []
    errors, began = 0, time.perf_counter()
    try:
        with Running(bot, messages[0]) as running:
            for done in range(0, turns, AT_A_TIME):
                measured = talk_with(Plan(running.url, messages, WELL, CALLERS, LIMIT_SECONDS, most_turns=AT_A_TIME))
                errors += len(measured.others)
                megabytes.append(running.memory()[1])
                medians.append(median(measured.milliseconds))
                so_far = f"{megabytes[-1]:.1f} MB, {medians[-1]:.1f} ms, {errors} errors"
                print(f"{done + AT_A_TIME:>7,} turns: {so_far}", flush=True)
    except (BenchError, CallersFailed) as error:
        print(error, file=sys.stderr)
        return 1
    slope = growth(megabytes)
    report = {"date": date.today().isoformat(), "turns": turns, "minutes": round((time.perf_counter() - began) / 60, 1)}
    report |= {"errors": errors, "mb_per_10000_turns": round(slope, 3), "mb": [round(each, 1) for each in megabytes]}
    SOAK.write_text(json.dumps(report) + "\n", encoding="utf-8")
    print(f"\n{errors} errors (goal 0); {slope:.2f} MB more for 10,000 turns (goal under {MOST_MB:g}).")
    return int(bool(errors) or slope >= MOST_MB)


def growth(megabytes: Sequence[float]) -> float:
    """MB more for 10,000 turns, by the line that fits best to what was measured after things had settled."""
    settled = megabytes[int(SETTLED * len(megabytes)) :]
    if len(settled) < 2:
        return 0.0
    return 10_000 / AT_A_TIME * linear_regression(range(len(settled)), settled).slope


if __name__ == "__main__":
    sys.exit(main())
