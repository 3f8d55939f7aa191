"""`make bench`, growth: what a turn costs late in a long talk, beside 100,000 stored talks, and with many times the cards."""
from __future__ import annotations

import asyncio
import logging
import shutil
import sqlite3
import tempfile
import time
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, Callable, Mapping, Sequence

import yaml

from dystonia.compose import Answerer
from dystonia.question import Question, Talk
from dystonia.store import FACTS, FactStore
from tools.bench_bots import FOLDER, Bot, Running
from tools.bench_callers import Plan, talk_with

TALKS = 6
TURNS = 200
PERIOD = 39
"""Messages of a long talk, said over and over: turn 5 and turn 200 say the same."""
AROUND = 2
"""Turns before and after turn 5 that are taken together with it, and likewise before turn 200."""
STORED = 100_000
ROUNDS = 3
SECONDS = 5.0
LIMIT_SECONDS = 600.0
TIMES = (1, 10, 100)
MOST_LOADED = 10
ASKED = 40

GOALS = {"200th to 5th": 1.2, "100,000 stored to none": 1.1, "x10 cards to x1": 1.3, "x100 cards to x1": 1.3}
"""At most this much, as a share."""

Figures = dict[str, float]


def lines(part: str, figures: Mapping[str, float]) -> list[str]:
    """The figures of a part as lines, with what became of its goals."""
    width = max(len(name) for name in figures)
    verdicts = {
        name: f"  {'met' if value <= GOALS[name] else 'missed'} (at most {GOALS[name]:g})"
        for name, value in figures.items()
        if name in GOALS
    }
    return [f"{name:<{width}}  {value:>9.3f}{verdicts.get(name, '')}" for name, value in figures.items()]


def long_talk(bot: Bot, questions: Sequence[str]) -> Figures:
    """Talks of 200 turns, one after the other: the median of the turns about the 5th, and of those about the 200th."""
    early, late = [], []
    messages = questions[:PERIOD]
    with Running(bot, messages[0]) as running:
        talk_with(Plan(running.url, messages, bot.acted, 1, 2.0))
        for number in range(TALKS):
            print(f"Talk {number + 1} of {TALKS}, {TURNS} turns ...", flush=True)
            plan = Plan(running.url, messages, ("",), 1, LIMIT_SECONDS, turns_a_talk=TURNS + AROUND, most_turns=TURNS + AROUND)
            spent = talk_with(plan).milliseconds
            early += spent[4 - AROUND : 5 + AROUND]
            late += spent[TURNS - 1 - AROUND : TURNS + AROUND]
    figures = {"5th turn, ms": median(early), "200th turn, ms": median(late)}
    return {**figures, "200th to 5th": figures["200th turn, ms"] / figures["5th turn, ms"]}


def stored_talks(bot: Bot, questions: Sequence[str]) -> Figures:
    """The same turns beside an empty store and beside one that holds 100,000 talks; the two take turns."""
    spent: dict[str, list[float]] = {"empty": [], "full": []}
    with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
        stores = {name: Path(folder) / name for name in spent}
        print(f"Filling a store with {STORED:,} talks ...", flush=True)
        _fill(bot, questions[0], stores["full"])
        size = (stores["full"] / "talks.db").stat().st_size / 1e6
        for number in range(ROUNDS):
            print(f"Round {number + 1} of {ROUNDS} ...", flush=True)
            for name in sorted(stores, reverse=bool(number % 2)):
                with Running(bot, questions[0], stores[name]) as running:
                    talk_with(Plan(running.url, questions, bot.acted, 1, 2.0))
                    spent[name].append(median(talk_with(Plan(running.url, questions, bot.acted, 1, SECONDS)).milliseconds))
    figures = {"none stored, ms": median(spent["empty"]), "100,000 stored, ms": median(spent["full"]), "store, MB": size}
    return {**figures, "100,000 stored to none": figures["100,000 stored, ms"] / figures["none stored, ms"]}


def _fill(bot: Bot, question: str, folder: Path) -> None:
    """Stores one talk of one turn by asking, then copies its rows under other keys."""
    with Running(bot, question, folder):
        pass
    with closing(sqlite3.connect(folder / "talks.db")) as store:
        columns = [row[1] for row in store.execute("PRAGMA table_info(events)") if row[1] not in ("id", "sender_id")]
        named = ", ".join(columns)
        (sender,) = store.execute("SELECT sender_id FROM events LIMIT 1").fetchone()
        with store:
            store.execute("CREATE TEMP TABLE talk AS SELECT * FROM events WHERE sender_id = ? ORDER BY id", (sender,))
            store.execute(
                f"WITH RECURSIVE talks(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM talks WHERE n < {STORED}) "
                f"INSERT INTO events (sender_id, {named}) SELECT 'rest:filled-' || n, {named} FROM talks, temp.talk"
            )


def cards(model: Path, questions: Sequence[str]) -> Figures:
    """Store load, look-up and understanding with 1, 10 and 100 times the cards, and what a turn comes to.

    The cards are copies under other ids. Training on a million examples would take hours, so the trained ranking is grown
    instead: each card stands there so many times, and what its copies share is kept once. A hundred times the files take
    minutes to read, and are not read.
    """
    figures: Figures = {}
    turn: dict[int, float] = {}
    facts = FactStore.load()
    with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
        asking = _Asking(model)
        parses = [asking.parse(question) for question in questions[:ASKED]]
        for times in TIMES:
            print(f"Cards x{times} ...", flush=True)
            store = _grown(facts, times)
            figures[f"x{times}: cards"] = len(store.cards)
            if times <= MOST_LOADED:
                figures[f"x{times}: facts loaded, s"] = _loaded_in(times, Path(folder) / f"facts-{times}")
            look_up = _median_ms(partial(_answer, Answerer(store)), parses)
            asking.grow(times)
            understanding = _median_ms(asking.parse, questions[:ASKED])
            figures[f"x{times}: look-up and wording, ms"] = look_up
            figures[f"x{times}: understanding, ms"] = understanding
            turn[times] = look_up + understanding
    return {**figures, **{f"x{times} cards to x1": turn[times] / turn[1] for times in TIMES[1:]}}


def _answer(answerer: Answerer, parse: Mapping[str, Any]) -> None:
    questions = [Question.from_parse(each) for each in parse.get("questions", ())]
    if questions:
        answerer.answer(questions, Talk())


def _median_ms(work: Callable[[Any], object], given: Sequence[Any]) -> float:
    """Milliseconds that some work takes on each of the things given, after a few that are not counted."""
    spent = []
    for each in [*given[:5], *given]:
        began = time.perf_counter()
        work(each)
        spent.append(1000 * (time.perf_counter() - began))
    return median(spent[5:])


def _grown(store: FactStore, times: int) -> FactStore:
    """A store with each card so many times, under ids of its own."""
    copies = [card.copy(update={"id": _nth(card.id, number)}) for number in range(times) for card in store.cards.values()]
    return replace(store, cards={card.id: card for card in copies})


def _nth(card_id: str, number: int) -> str:
    return f"{card_id}_copy{number}" if number else card_id


def _loaded_in(times: int, folder: Path) -> float:
    """Seconds that facts take to load whose folder has each card so many times."""
    shutil.copytree(FACTS, folder)
    for file in sorted((folder / "cards").glob("*.yml")):
        cards = yaml.load(file.read_bytes(), Loader=yaml.CSafeLoader)
        for number in range(1, times):
            grown = [{**card, "id": _nth(card["id"], number), "questions": _other_words(card, number)} for card in cards]
            with (file.parent / f"{file.stem}_{number}.yml").open("w", encoding="utf-8") as copy:
                yaml.dump(grown, copy, Dumper=yaml.CSafeDumper, allow_unicode=True, sort_keys=False)
    began = time.perf_counter()
    FactStore.load(folder)
    return time.perf_counter() - began


def _other_words(card: Mapping[str, Any], number: int) -> list[str]:
    """A card's questions in words that no other card has; the first stands on a button, which has room for 60 characters."""
    _, *others = card["questions"]
    return [f"{_nth(card['id'], number)}?"[-60:], *(f"{question} {number}" for question in others)]


class _Asking:
    """The trained understanding in this process, whose ranking of cards can be grown."""

    def __init__(self, model: Path) -> None:
        from rasa.core.agent import Agent
        from rasa.utils.log_utils import configure_structlog

        from server import rasa_mends

        configure_structlog(logging.CRITICAL)
        rasa_mends.apply(2.0)
        self._agent = Agent.load(str(model))
        nodes = self._agent.processor.graph_runner._instantiated_nodes.values()  # type: ignore[union-attr]
        self._ranking = next(node._component for node in nodes if type(node._component).__name__ == "CardRetriever")
        self._trained = self._ranking._model

    def parse(self, message: str) -> dict[str, Any]:
        """What the pipeline makes of a message."""
        return asyncio.run(self._agent.parse_message(message))

    def grow(self, times: int) -> None:
        """Gives the ranking each card so many times; what all copies have in common is kept once."""
        import numpy as np

        from nlu.ranking import Known, Learned, Shelves

        def tiled(array: Any) -> Any:
            return np.tile(array, (times, *[1] * (array.ndim - 1)))

        def spread(of: Any, *names: str) -> dict[str, Any]:
            return {name: getattr(of, name)._replace(spans=tiled(getattr(of, name).spans)) for name in names}

        known: Known = self._trained["known"]
        learned: Learned = self._trained["learned"]
        by_card = {name: tiled(getattr(known, name)) for name in ("topics", "about", "openings")}
        middles, to_card = tiled(learned.questions.middles), learned.to_card
        learned = learned._replace(
            **spread(learned, "questions", "asked_words", "asked"),
            shelves=Shelves.of(middles, seed=1),
            to_card=to_card._replace(weights=tiled(to_card.weights.T).T, bias=tiled(to_card.bias)),
        )
        self._ranking._model = {
            **self._trained,
            **{name: self._trained[name] * times for name in ("cards", "titles")},
            "known": known._replace(**by_card, **spread(known, "told_words", "told")),
            "learned": learned._replace(questions=learned.questions._replace(middles=middles)),
        }
