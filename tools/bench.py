"""`make bench`: speed, memory and size of the assistant, beside a stock Rasa bot on the same machine in the same minutes.

The stock bot is what `rasa init` gives, with one custom action that looks its answer up by intent; it keeps talks in memory.
The assistant is run as it ships, with SQLite. Both are sent the same held-out questions, those that the action of both
answers. The two take turns, round by round, so that a slow minute hits both; figures are medians over the rounds.
"""
from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from statistics import median
from typing import Mapping, Optional, Sequence

from dystonia.store import FactErrors, FactStore
from server.settings import ROOT
from tools import environment
from tools.bench_bots import BenchError, Bot, Running, assistant, install_size, processor, stock
from tools.bench_callers import REPLY_SECONDS, Measured, Plan, counts
from tools.bench_stock import GREETINGS, in_turn, question_topics
from tools.held_out import read

REPORT = ROOT / "reports" / "bench.json"
ROUNDS = 3
CALLERS = (1, 8, 32)
SECONDS = 6.0
WARM_UP_SECONDS = 2.0
CANDIDATES = 200
FEWEST_MESSAGES = 30
QUIET = 0.5
"""Load average over which the machine has other work to do."""

FIRST_QUESTION = "What is dystonia?"
OURS, THEIRS = "assistant", "stock"

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
            Row(f"action_{callers}_median_ms", f"turn with an action, {callers} at once: median, ms", at_most=0.35),
            Row(f"action_{callers}_p95_ms", "  95th percentile, ms"),
            Row(f"action_{callers}_turns_per_s", "  turns a second", at_least=3.0),
            Row(f"action_{callers}_processor_ms", "  processor time of both processes a turn, ms"),
        )
    ]
    return [
        *turns,
        Row("greeting_median_ms", "turn with no action, 1 at once: median, ms"),
        Row("greeting_p95_ms", "  95th percentile, ms"),
        Row("cold_start_s", "start of both processes to first answer, s", at_most=0.2),
        Row("rasa_mb", "memory of the Rasa process after load, MB", at_most=0.4),
        Row("both_mb", "memory of both processes after load, MB", at_most=0.4),
        Row("training_s", "training from scratch, s"),
        Row("install_mb", "installed packages, MB"),
    ]


ROWS = _rows()


def main() -> int:
    """Measures, prints a table and writes reports/bench.json; returns the exit status."""
    if not Path("/proc/self/smaps_rollup").exists():
        print("Memory is read from /proc, which is not here. Mend: run this on Linux 4.14 or newer.", file=sys.stderr)
        return 1
    try:
        report = _measure(FactStore.load(), environment.ensure_stock())
    except (BenchError, FactErrors, environment.SetupError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"\n{report['machine']['cores']} cores, {report['machine']['cpu']}; medians of {ROUNDS} rounds.\n")
    print(table(report["figures"]))
    _say_examples(report["examples"])
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return 0


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


def compared(ours: Mapping[str, float], theirs: Mapping[str, float]) -> dict[str, dict[str, float]]:
    """Each figure of the table for both bots, and the assistant's as a share of the stock bot's."""
    pairs = {row.figure: (ours[row.figure], theirs[row.figure]) for row in ROWS}
    return {
        figure: {OURS: round(our, 2), THEIRS: round(their, 2), "ratio": round(our / their, 3)}
        for figure, (our, their) in pairs.items()
    }


def table(figures: Mapping[str, Mapping[str, float]]) -> str:
    """The figures as text, a row each, in the order of ``ROWS``."""
    width = max(len(row.label) for row in ROWS)
    lines = [f"{'':<{width}}  {OURS:>10}  {THEIRS:>10}  {'ratio':>7}  goal"]
    for row in ROWS:
        both = figures[row.figure]
        cells = f"{both[OURS]:>10.1f}  {both[THEIRS]:>10.1f}  {both['ratio']:>7.3f}"
        lines.append(f"{row.label:<{width}}  {cells}  {row.verdict(both['ratio'])}".rstrip())
    return "\n".join(lines)


def _measure(store: FactStore, stock_python: Path) -> dict[str, object]:
    load = os.getloadavg()[0]
    if load > QUIET:
        print(f"This machine has other work to do (load {load:.1f}): trust processor time, not the clock.", flush=True)
    bots = [assistant(), stock(stock_python, store)]
    messages = _messages(bots, store)
    rounds: dict[str, list[Figures]] = {bot.name: [] for bot in bots}
    for number in range(ROUNDS):
        # Who goes first changes from round to round.
        for bot in bots if number % 2 == 0 else reversed(bots):
            print(f"Round {number + 1} of {ROUNDS}: {bot.name} ...", flush=True)
            rounds[bot.name].append(_round(bot, messages))
    sizes = {OURS: install_size(Path(sys.executable)), THEIRS: install_size(stock_python, "rasa")}
    fixed = {bot.name: {"training_s": bot.training, "install_mb": sizes[bot.name]} for bot in bots}
    totals = {bot.name: {**of_rounds(rounds[bot.name]), **fixed[bot.name]} for bot in bots}
    return {
        "date": date.today().isoformat(),
        "machine": {"cores": os.cpu_count(), "cpu": processor(), "load_before": round(load, 2)},
        "messages": len(messages),
        "examples": {bot.name: bot.examples for bot in bots},
        "figures": compared(totals[OURS], totals[THEIRS]),
        "rounds": {name: [_rounded(figures) for figures in listed] for name, listed in rounds.items()},
    }


def _messages(bots: Sequence[Bot], store: FactStore) -> list[str]:
    """Held-out questions that the custom action of both bots answers."""
    topics = question_topics(store)
    by_topic = [[entry["text"] for entry in read("single") if entry["topic"] == topic] for topic in topics]
    messages = in_turn(by_topic)[:CANDIDATES]
    for bot in bots:
        print(f"Trying {len(messages)} questions on the bot '{bot.name}' ...", flush=True)
        with Running(bot, FIRST_QUESTION) as running:
            messages = [message for message in messages if counts(running.ask(message), bot.acted)]
    if len(messages) < FEWEST_MESSAGES:
        raise BenchError(f"The actions answer only {len(messages)} held-out questions. Mend: run 'make evaluate' to see why.")
    return messages


def _round(bot: Bot, messages: Sequence[str]) -> Figures:
    with Running(bot, FIRST_QUESTION) as running:
        _callers(Plan(running.url, messages, bot.acted, max(CALLERS), WARM_UP_SECONDS))
        greeting = _callers(Plan(running.url, GREETINGS[:1], bot.greeted, 1, SECONDS / 2))
        figures = {"cold_start_s": running.cold_start, **_latencies("greeting", greeting)}
        for callers in CALLERS:
            before = running.processor_seconds()
            measured = _callers(Plan(running.url, messages, bot.acted, callers, SECONDS))
            turns, worked = len(measured.milliseconds), running.processor_seconds() - before
            figures.update(_latencies(f"action_{callers}", measured))
            figures[f"action_{callers}_turns_per_s"] = turns / measured.seconds
            figures[f"action_{callers}_processor_ms"] = 1000 * worked / (turns + measured.others)
            figures[f"action_{callers}_turns"], figures[f"action_{callers}_others"] = turns, measured.others
        figures["rasa_mb"], figures["both_mb"] = running.memory()
    return figures


def _latencies(name: str, measured: Measured) -> Figures:
    spent = measured.milliseconds
    if not spent:
        raise BenchError(f"No reply to {name} turns was of their kind. Mend: see 'acted' and 'greeted' in tools/bench_bots.py.")
    return {f"{name}_median_ms": median(spent), f"{name}_p95_ms": percentile(spent, 0.95)}


def _callers(plan: Plan) -> Measured:
    """Lets the callers talk, in a process of their own: their work is not taken for the bot's."""
    command, limit = [sys.executable, "-W", "ignore", "-m", "tools.bench_callers"], plan.seconds + 2 * REPLY_SECONDS
    words = json.dumps(asdict(plan))
    done = subprocess.run(command, cwd=ROOT, input=words, capture_output=True, text=True, timeout=limit, check=False)
    if done.returncode:
        raise BenchError(f"{done.stderr.strip()}\nThe callers failed. Mend: see their words above and the logs in var/bench.")
    return Measured(**json.loads(done.stdout))


def _rounded(figures: Figures) -> Figures:
    return {name: round(value, 2) for name, value in figures.items()}


def _say_examples(examples: Mapping[str, int]) -> None:
    print(f"\nTrained on {examples[OURS]} examples ({OURS}) and {examples[THEIRS]} ({THEIRS}). Callers ran on the same cores.")


if __name__ == "__main__":
    sys.exit(main())
