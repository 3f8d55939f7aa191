"""`make bench`: speed, memory, size and growth of the assistant, beside two bots of stock Rasa in the same minutes.

The stock bot is what `rasa init` gives, with one custom action that looks its answer up by intent; it keeps talks in memory.
The floor is a bare Rasa bot with that action, which understands nothing. The assistant is run as it ships, with SQLite. All
are sent the same held-out questions, those that the actions answer. They take turns, round by round, so that a slow minute
hits all; figures are medians over the rounds. `make bench PART="turns cards"` measures some parts, and keeps the others.
"""
from __future__ import annotations

import json
import math
import os
import sys
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from statistics import median
from typing import Any, Callable, Mapping, Optional, Sequence

from dystonia.store import FactErrors, FactStore
from server.model import path_for_inputs
from server.settings import ROOT
from tools import bench_growth, environment
from tools.bench_bots import (
    BenchError,
    Bot,
    Running,
    assistant,
    floor,
    install_size,
    processor,
    stock,
    train_assistant,
    training_seconds,
)
from tools.bench_callers import CallersFailed, Measured, Plan, counts, talk_with
from tools.bench_stock import GREETINGS, in_turn, question_topics
from tools.held_out import read

REPORT = ROOT / "reports" / "bench.json"
ROUNDS = 3
CALLERS = (1, 8, 32, 128)
SECONDS = 5.0
WARM_UP_SECONDS = 2.0
CANDIDATES = 120
FEWEST_MESSAGES = 30
QUIET = 0.5
"""Load average over which the machine has other work to do."""

FIRST_QUESTION = "What is dystonia?"
OURS, THEIRS, FLOOR = "assistant", "stock", "floor"

Figures = dict[str, float]


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        figure: its name in the report.
        label: what it is, with its unit.
        at_most: the goal, as a share of the stock bot's figure.
        at_least: the same where more is better.
    """

    figure: str
    label: str
    at_most: Optional[float] = None
    at_least: Optional[float] = None

    def verdict(self, compared: float) -> str:
        """What became of the goal; empty where there is none."""
        if self.at_most is not None:
            return f"{'met' if compared <= self.at_most else 'missed'} (at most {self.at_most:g})"
        if self.at_least is not None:
            return f"{'met' if compared >= self.at_least else 'missed'} (at least {self.at_least:g})"
        return ""


def _rows() -> list[Row]:
    turns = [
        row
        for callers in CALLERS
        for row in (
            Row(f"action_{callers}_median_ms", f"turn, {callers} at once: median, ms", at_most=0.25 if callers == 1 else 0.35),
            Row(f"action_{callers}_p95_ms", "  95th percentile, ms"),
            Row(f"action_{callers}_turns_per_s", "  turns a second", at_least=4.0 if callers == 32 else 3.0),
            Row(f"action_{callers}_processor_ms", "  processor time of all processes a turn, ms"),
        )
    ]
    return [
        *turns,
        Row("greeting_median_ms", "turn with no action, 1 at once: median, ms"),
        Row("greeting_p95_ms", "  95th percentile, ms"),
        Row("cold_start_s", "start to first answer, s", at_most=0.15),
        Row("rasa_mb", "memory of the Rasa process after load, MB", at_most=0.35),
        Row("both_mb", "memory of all processes after load, MB", at_most=0.35),
        Row("model_mb", "trained model, MB"),
        Row("install_mb", "installed packages, MB"),
    ]


ROWS = _rows()


def main() -> int:
    """Measures the parts that are named, or all; prints a table of all that is known; returns the exit status."""
    wanted = sys.argv[1:] or list(PARTS)
    unknown = [part for part in wanted if part not in PARTS]
    if unknown:
        print(f"There is no part '{unknown[0]}'. Mend: name some of {', '.join(PARTS)}.", file=sys.stderr)
        return 1
    if not Path("/proc/self/smaps_rollup").exists():
        print("Memory is read from /proc, which is not here. Mend: run this on Linux 4.14 or newer.", file=sys.stderr)
        return 1
    try:
        for part in wanted:
            _keep(part, {"date": date.today().isoformat(), "machine": _machine(), **PARTS[part](FactStore.load())})
    except (BenchError, CallersFailed, FactErrors, environment.SetupError) as error:
        print(error, file=sys.stderr)
        return 1
    _say(json.loads(REPORT.read_text(encoding="utf-8")))
    return 0


def _machine() -> dict[str, object]:
    load = os.getloadavg()[0]
    if load > QUIET:
        print(f"This machine has other work to do (load {load:.1f}): trust processor time, not the clock.", flush=True)
    return {"cores": os.cpu_count(), "cpu": processor(), "load_before": round(load, 2)}


def _keep(part: str, report: Mapping[str, object]) -> None:
    """Writes down a part as soon as it is measured, so that what was measured before an error or Ctrl-C is not lost."""
    known = json.loads(REPORT.read_text(encoding="utf-8")) if REPORT.is_file() else {}
    known = {name: each for name, each in known.items() if name in PARTS}
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(json.dumps({**known, part: report}, indent=1) + "\n", encoding="utf-8")


def _say(report: Mapping[str, Any]) -> None:
    for part, measured in report.items():
        cores, cpu, load = (measured["machine"][key] for key in ("cores", "cpu", "load_before"))
        print(f"\n{part}, {measured['date']}: {cores} cores, {cpu}, load before {load}\n")
        print(table(measured["figures"]) if part == "turns" else "\n".join(bench_growth.lines(part, measured["figures"])))


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that this share of all values does not exceed (nearest rank).

    Raises:
        ValueError: no values.
    """
    if not values:
        raise ValueError("There is no percentile of nothing.")
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def of_rounds(rounds: Sequence[Figures]) -> Figures:
    """The median of each figure over the rounds."""
    return {name: median(figures[name] for figures in rounds) for name in rounds[0]}


def compared(figures: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, float]]:
    """Each figure of the table for all bots, and the assistant's as a share of the stock bot's."""
    return {
        row.figure: {
            **{bot: round(each[row.figure], 2) for bot, each in figures.items()},
            "ratio": round(figures[OURS][row.figure] / figures[THEIRS][row.figure], 3),
        }
        for row in ROWS
    }


def table(figures: Mapping[str, Mapping[str, float]]) -> str:
    """The figures as text, a row each, in the order of ``ROWS``."""
    width = max(len(row.label) for row in ROWS)
    lines = [f"{'':<{width}}  {OURS:>10}  {FLOOR:>10}  {THEIRS:>10}  {'to stock':>8}  goal"]
    for row in ROWS:
        each = figures[row.figure]
        cells = "  ".join(f"{each[bot]:>10.1f}" for bot in (OURS, FLOOR, THEIRS))
        lines.append(f"{row.label:<{width}}  {cells}  {each['ratio']:>8.3f}  {row.verdict(each['ratio'])}".rstrip())
    return "\n".join(lines)


def _turns(store: FactStore) -> dict[str, object]:
    """The three bots in turn: latencies and turns a second at some callers, cold start, memory, sizes."""
    theirs = environment.ensure_stock()
    bots = [assistant(path_for_inputs()), floor(theirs, store), stock(theirs, store)]
    messages = _messages(bots, store)
    rounds: dict[str, list[Figures]] = {bot.name: [] for bot in bots}
    for number in range(ROUNDS):
        # Who goes first changes from round to round.
        for bot in bots if number % 2 == 0 else reversed(bots):
            print(f"Round {number + 1} of {ROUNDS}: {bot.name} ...", flush=True)
            rounds[bot.name].append(_round(bot, messages))
    installed = install_size(theirs, "rasa")
    sizes = {OURS: install_size(Path(sys.executable)), THEIRS: installed, FLOOR: installed}
    fixed = {bot.name: {"model_mb": bot.model.stat().st_size / 1e6, "install_mb": sizes[bot.name]} for bot in bots}
    return {
        "messages": len(messages),
        "figures": compared({name: {**of_rounds(rounds[name]), **fixed[name]} for name in rounds}),
        "rounds": {name: [_rounded(figures) for figures in listed] for name, listed in rounds.items()},
    }


def _long(store: FactStore) -> dict[str, object]:
    return {"figures": bench_growth.long_talk(assistant(path_for_inputs()), _questions(store))}


def _stored(store: FactStore) -> dict[str, object]:
    return {"figures": bench_growth.stored_talks(assistant(path_for_inputs()), _questions(store))}


def _cards(store: FactStore) -> dict[str, object]:
    return {"figures": bench_growth.cards(path_for_inputs(), _questions(store))}


def _training(store: FactStore) -> dict[str, object]:
    theirs = training_seconds(stock(environment.ensure_stock(), store))
    return {"figures": {"assistant, s": round(train_assistant(), 1), "stock, s": round(theirs, 1)}}


PARTS: dict[str, Callable[[FactStore], dict[str, object]]] = {
    "turns": _turns,
    "long": _long,
    "stored": _stored,
    "cards": _cards,
    "training": _training,
}


def _questions(store: FactStore) -> list[str]:
    """Held-out questions, one of each topic, then the next of each."""
    return in_turn([[entry["text"] for entry in read("single") if entry["topic"] == topic] for topic in question_topics(store)])


def _messages(bots: Sequence[Bot], store: FactStore) -> list[str]:
    """Held-out questions that the custom action of both bots answers."""
    messages = _questions(store)[:CANDIDATES]
    for bot in bots:
        print(f"Trying {len(messages)} questions on the bot '{bot.name}' ...", flush=True)
        with Running(bot, FIRST_QUESTION) as running:
            messages = [message for message in messages if counts(running.ask(message), bot.acted)]
    if len(messages) < FEWEST_MESSAGES:
        raise BenchError(f"The actions answer only {len(messages)} held-out questions. Mend: run 'make evaluate' to see why.")
    return messages


def _round(bot: Bot, messages: Sequence[str]) -> Figures:
    with Running(bot, FIRST_QUESTION) as running:
        talk_with(Plan(running.url, messages, bot.acted, 32, WARM_UP_SECONDS))
        greeting = talk_with(Plan(running.url, GREETINGS[:1], bot.greeted, 1, SECONDS / 2))
        figures = {"cold_start_s": running.cold_start, **_latencies("greeting", greeting)}
        for callers in CALLERS:
            before = running.processor_seconds()
            measured = talk_with(Plan(running.url, messages, bot.acted, callers, SECONDS))
            turns, worked = len(measured.milliseconds), running.processor_seconds() - before
            figures.update(_latencies(f"action_{callers}", measured))
            figures[f"action_{callers}_turns_per_s"] = turns / measured.seconds
            figures[f"action_{callers}_processor_ms"] = 1000 * worked / (turns + len(measured.others))
            figures[f"action_{callers}_turns"], figures[f"action_{callers}_others"] = turns, len(measured.others)
        figures["rasa_mb"], figures["both_mb"] = running.memory()
    return figures


def _latencies(name: str, measured: Measured) -> Figures:
    spent = measured.milliseconds
    if not spent:
        raise BenchError(f"No reply to {name} turns was of their kind. Mend: see 'acted' and 'greeted' in tools/bench_bots.py.")
    return {f"{name}_median_ms": median(spent), f"{name}_p95_ms": percentile(spent, 0.95)}


def _rounded(figures: Figures) -> Figures:
    return {name: round(value, 2) for name, value in figures.items()}


if __name__ == "__main__":
    sys.exit(main())
