"""`make profile`: where the milliseconds of a turn go, stage by stage, as the running server spends them.

One caller asks the assistant development questions over HTTP. A stopwatch around each stage counts its own time only, without
the stages inside it, so that the rows add up to what the caller waits.
"""
from __future__ import annotations

import asyncio
import functools
import importlib
import json
import os
import signal
import sys
import time
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import mean
from typing import Any, Callable, Iterator, NamedTuple

import yaml

from server.model import path_for_inputs
from server.settings import ROOT
from tools.bench_bots import Running, assistant
from tools.bench_callers import Plan, talk_with

SECONDS = 20.0
WARM_UP_SECONDS = 3.0
REPORT = "profile.json"
MESSAGES = ROOT / "tests" / "understanding" / "development" / "single.yml"


class Stage(NamedTuple):
    """A stage of the turn: what it is called in the table, and the functions that are timed for it (module:name)."""

    label: str
    functions: tuple[str, ...]


_NLU = (
    ("words", "SpacyWords"),
    ("words", "SpellingRepair"),
    ("vocabulary", "VocabularyExtractor"),
    ("questions", "QuestionSplitter"),
    ("encoder", "MiniLmEncoder"),
    ("topics", "TopicClassifier"),
    ("cards", "CardRetriever"),
    ("red_flags", "RedFlagDetector"),
    ("decision", "MessageDecision"),
)
_LOCK = ("issue_ticket", "cleanup", "_acquire_lock")
_TURN = "the turn: time limit, reply collected"
STAGES = (
    Stage("intake: body and message checked", ("channels.rest:parse_body", "channels.rest:clean_message")),
    Stage(_TURN, ("channels.rest:take_turn",)),
    Stage("lock of the talk", tuple(f"rasa.core.lock_store:LockStore.{name}" for name in _LOCK)),
    Stage("talk loaded", ("server.tracker_store:TalkStore.retrieve",)),
    *(Stage(f"parse: {name}", (f"nlu.{module}:{name}.process",)) for module, name in _NLU),
    Stage("parse: waiting for the encoder", ("server.rasa_mends:_encoded",)),
    Stage("parse: the way to and between them", ("server.rasa_mends:_understood",)),
    Stage("slots set from entities", ("rasa.core.processor:MessageProcessor.run_action_extract_slots",)),
    Stage("policy: RulePolicy", ("rasa.core.policies.rule_policy:RulePolicy.predict_action_probabilities",)),
    Stage("policy: MemoizationPolicy", ("rasa.core.policies.memoization:MemoizationPolicy.predict_action_probabilities",)),
    Stage("policies: Rasa's way to and between them", ("rasa.core.processor:MessageProcessor._predict_next_with_tracker",)),
    Stage("action: look-up, wording, reply", ("actions.actions:ActionAnswer.run", "actions.actions:ActionContinue.run")),
    Stage("action: the way there and back", ("rasa.core.actions.action:RemoteAction.run",)),
    Stage("static reply", ("server.responses:ResponseWriter.generate",)),
    Stage("personal details masked", ("server.tracker_store:masked",)),
    Stage("talk saved", ("server.tracker_store:TalkStore.save",)),
    Stage("Rasa's handling of the rest", ("rasa.core.agent:Agent.handle_message",)),
)


class Stopwatch:
    """Seconds that each stage took itself; for one turn at a time, so that what is inside what is plain."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._inside: list[str] = []
        self._since = clock()
        self.seconds: dict[str, float] = {}
        self.calls: dict[str, int] = {}

    def reset(self, *_: Any) -> None:
        """Begins to count anew."""
        self.seconds.clear()
        self.calls.clear()

    def around(self, label: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, timed."""
        if asyncio.iscoroutinefunction(function):

            @functools.wraps(function)
            async def timed(*args: Any, **kwargs: Any) -> Any:
                with self._timing(label):
                    return await function(*args, **kwargs)

        else:

            @functools.wraps(function)
            def timed(*args: Any, **kwargs: Any) -> Any:
                with self._timing(label):
                    return function(*args, **kwargs)

        return timed

    @contextmanager
    def _timing(self, label: str) -> Iterator[None]:
        self._turn_to(label)
        self._inside.append(label)
        self.calls[label] = self.calls.get(label, 0) + 1
        try:
            yield
        finally:
            self._turn_to(label)
            self._inside.pop()

    def _turn_to(self, label: str) -> None:
        """Counts what has passed for the stage that was being timed."""
        now = self._clock()
        if self._inside:
            self.seconds[self._inside[-1]] = self.seconds.get(self._inside[-1], 0.0) + now - self._since
        self._since = now


def main() -> int:
    """Measures, or is the server that is measured; returns the exit status."""
    if sys.argv[1:2] == ["serve"]:
        return _serve(Path(sys.argv[2]), Path(sys.argv[3]))
    bot, messages = assistant(path_for_inputs()), _messages()
    serve = [sys.executable, "-W", "ignore", "-m", "tools.profile", "serve"]
    bot = replace(bot, rasa=[*serve, bot.rasa[-1], "{data}/" + REPORT])
    with Running(bot, messages[0]) as running:
        talk_with(Plan(running.url, messages, bot.acted, 1, WARM_UP_SECONDS))
        os.kill(running.pid, signal.SIGUSR2)
        measured = talk_with(Plan(running.url, messages, bot.acted, 1, SECONDS))
        told = json.loads((running.end() / REPORT).read_text(encoding="utf-8"))
    turns = told["calls"][_TURN]
    waited = mean([*measured.milliseconds, *measured.others])
    print(table({label: 1000 * seconds / turns for label, seconds in told["seconds"].items()}, waited))
    print(f"\nMeans of {turns} turns of one caller.")
    return 0


def table(milliseconds: dict[str, float], waited: float) -> str:
    """The stages with their milliseconds and shares of what the caller waits, in the order of a turn."""
    rows = [("HTTP: server, loopback, caller", waited - sum(milliseconds.values()))]
    rows += [(stage.label, milliseconds.get(stage.label, 0.0)) for stage in STAGES]
    rows.append(("a turn, as the caller sees it", waited))
    lines = [f"| {label} | {spent:.2f} | {spent / waited:.0%} |" for label, spent in rows]
    return "\n".join(["| stage | ms | share |", "|---|---|---|", *lines])


def _messages() -> list[str]:
    return [entry["text"] for entry in yaml.safe_load(MESSAGES.read_text(encoding="utf-8"))]


def _serve(model: Path, report: Path) -> int:
    """Runs the server with a stopwatch around each stage, and writes down what it counted when it ends."""
    from server import serve

    stopwatch = Stopwatch()
    for stage in STAGES:
        for function in stage.functions:
            owner, name = found(function)
            setattr(owner, name, stopwatch.around(stage.label, getattr(owner, name)))
    signal.signal(signal.SIGUSR2, stopwatch.reset)
    status = serve.main(model)
    report.write_text(json.dumps({"seconds": stopwatch.seconds, "calls": stopwatch.calls}), encoding="utf-8")
    return status


def found(function: str) -> tuple[Any, str]:
    """The module or class that has a function of ``module:name``, and what it is called there."""
    module, _, dotted = function.partition(":")
    *owners, name = dotted.split(".")
    return functools.reduce(getattr, owners, importlib.import_module(module)), name


if __name__ == "__main__":
    sys.exit(main())
