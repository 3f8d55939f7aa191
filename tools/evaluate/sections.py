"""All figures: what is asked of the assistant, and the sections that are made of its turns."""

from __future__ import annotations

import sys
from collections import Counter
from statistics import median
from typing import Callable

import numpy as np

from dystonia.reply import Kind
from tools.assistant import Assistant
from tools.evaluate import behaviour, bounds, latency, measures
from tools.evaluate.evaluation import Asked, Evaluation, progress, turns_of
from tools.evaluate.figures import MILLISECONDS, Goal, Section
from tools.evaluate.judging import (
    card_verdict,
    compound_answered,
    dialogue_verdicts,
    heard,
    taken_as_question,
    topic_of,
    topic_right,
    truths,
    types_and_treatments,
    wanted,
)
from tools.held_out import read

KEPT = (0.95, 0.97)
"""Shares of what belongs here that must be kept, at which refusals are counted."""
TIMED = 200


def measure(assistant: Assistant) -> Evaluation:
    """Asks everything and makes all figures."""
    single, foreign = read("single") + read("in_scope_lookalikes"), read("out_of_scope")
    asked = Asked(single, turns_of(assistant, single, "questions"), foreign, turns_of(assistant, foreign, "foreign"))
    evaluation = Evaluation()
    # Speed before the rest: a machine that has worked for minutes is warmer, and slower. It is shown last.
    _speed(evaluation, assistant, asked)
    _topics(evaluation, asked)
    _cards(evaluation, assistant)
    _entities(evaluation, asked)
    _scope(evaluation, asked)
    _calibration(evaluation, asked)
    _talks(evaluation, assistant)
    behaviour.plain(evaluation, assistant)
    behaviour.invariance(evaluation, assistant, asked)
    behaviour.directions(evaluation, assistant)
    _bounds(evaluation, asked)
    evaluation.sections.append(evaluation.sections.pop(0))
    return evaluation


def _topics(evaluation: Evaluation, asked: Asked) -> None:
    section = evaluation.section("Topics", "Single questions. A second fair topic, where the set names one, counts as right.")
    right = [topic_right(turn, entry) for turn, entry in zip(asked.turns, asked.single)]
    said = [topic_of(turn) for turn in asked.turns]
    truth = truths(said, asked.single)
    section.share("topic accuracy", right, Goal(0.95))
    section.add("topic macro F1", lambda at: measures.macro_f1([truth[i] for i in at], [said[i] for i in at]), len(said))
    section.share("in scope answered", [turn.kind is Kind.answer for turn in asked.turns])
    section.share("in scope asked back", [turn.kind is Kind.clarify for turn in asked.turns])
    each = Section("", "")
    for topic in sorted({entry["topic"] for entry in asked.single}):
        each.share(topic, [verdict for verdict, entry in zip(right, asked.single) if entry["topic"] == topic])
    evaluation.topics = each.figures
    wrong = ((entry["topic"], str(topic)) for entry, topic, verdict in zip(asked.single, said, right) if not verdict)
    evaluation.confusions = Counter(wrong)


def _cards(evaluation: Evaluation, assistant: Assistant) -> None:
    entries = read("cards")
    verdicts = [card_verdict(turn, entry["card"]) for turn, entry in zip(turns_of(assistant, entries, "cards"), entries)]
    asked = [verdict for verdict in verdicts if verdict.asked]
    section = evaluation.section(
        "Cards",
        "Three questions a card. What is refused or taken for something else is missed, but for the lines of those taken as a "
        "question. Knowing the topic: were the topic known for certain, and only the listed cards of it ranked.",
    )
    section.share("right card first", [verdict.first for verdict in verdicts], Goal(0.85))
    section.share("right card in the first three", [verdict.in_three for verdict in verdicts], Goal(0.95))
    section.share("right card answered", [verdict.answered for verdict in verdicts])
    section.share("taken as a question", [verdict.asked for verdict in verdicts])
    section.share("right card first, of those", [verdict.first for verdict in asked])
    section.share("right card in the first three, of those", [verdict.in_three for verdict in asked])
    section.share("right card answered, of those", [verdict.answered for verdict in asked])
    section.share("right card first, knowing the topic", [verdict.first_in_topic for verdict in asked])


def _entities(evaluation: Evaluation, asked: Asked) -> None:
    section = evaluation.section(
        "Entities",
        "What the words of single questions name, against the sets' `about`, counted over all of them (micro average). Heard "
        "is what the parse holds as entities; what an answer inherits is not. A part of the body counts as the type it stands "
        "for; dystonia itself, which the sets name only where nothing else is, counts on neither side.",
    )
    for kind, chosen in (("entities", frozenset), ("types and treatments", types_and_treatments)):
        pairs = [(chosen(heard(turn)), chosen(wanted(entry))) for turn, entry in zip(asked.turns, asked.single)]
        counts = np.array([(len(given & right), len(given), len(right)) for given, right in pairs])
        for place, name in enumerate(("precision", "recall", "F1")):
            goal = Goal(0.95) if (kind, name) == ("entities", "F1") else None
            section.add(f"{kind}, {name}", _found(counts, place), len(counts), goal)


def _found(counts: "np.ndarray", place: int) -> Callable[["np.ndarray"], float]:
    return lambda at: measures.found(*counts[at].sum(axis=0))[place]


def _scope(evaluation: Evaluation, asked: Asked) -> None:
    ours, foreign = (np.array([turn.parse["scope"] for turn in turns]) for turns in (asked.turns, asked.refused))
    near = np.array([entry["near"] for entry in asked.foreign])
    refused = np.array([turn.kind is Kind.out_of_scope for turn in asked.refused])
    kept = np.array([turn.kind is not Kind.out_of_scope for turn in asked.turns])
    section = evaluation.section(
        "Scope",
        "Foreign messages, plainly so or near misses, beside single questions. The lines at a share kept move the threshold of "
        "the scope score to where that share of the questions is kept; the others are at the threshold in use.",
    )
    section.share("in scope kept (not refused)", kept, Goal(0.97))
    section.share("out of scope refused", refused)
    section.share("plainly foreign refused", refused[~near])
    section.share("near misses refused", refused[near])
    for share in KEPT:
        for name, some, goal in (("out of scope", foreign, 0.95), ("near misses", foreign[near], 0.90)):
            statistic = _both(ours, some, lambda one, other, share=share: measures.refused_at(share, one, other))
            section.add(
                f"{name} refused at {share:.0%} kept", statistic, len(ours) + len(some), Goal(goal) if share == 0.97 else None
            )
    section.add("AUROC", _both(ours, foreign, measures.auroc), len(ours) + len(foreign))
    evaluation.curve = measures.scope_curve(ours, foreign)
    evaluation.at = float(kept.mean()), float(refused.mean())


def _both(one: "np.ndarray", other: "np.ndarray", statistic: Callable[..., float]) -> Callable[["np.ndarray"], float]:
    """A statistic of two sets as one of places in both together."""

    def of(at: "np.ndarray") -> float:
        return statistic(one[at[at < len(one)]], other[at[at >= len(one)] - len(one)])

    return of


def _calibration(evaluation: Evaluation, asked: Asked) -> None:
    pairs = [(turn, entry) for turn, entry in zip(asked.turns, asked.single) if taken_as_question(turn)]
    sure = np.array([turn.answer.confidence for turn, _ in pairs])
    right = np.array([topic_right(turn, entry) for turn, entry in pairs])
    section = evaluation.section(
        "Calibration", "Confidence of the reply against the share of right topics, of messages taken as questions."
    )
    section.add(
        "calibration error (ECE)",
        lambda at: measures.calibration_error(sure[at], right[at]),
        len(pairs),
        Goal(0.05, at_most=True),
    )
    section.add("mean confidence", lambda at: float(sure[at].mean()), len(pairs))
    section.add("right topics among them", lambda at: float(right[at].mean()), len(pairs))
    evaluation.bins = measures.reliability(sure, right)


def _talks(evaluation: Evaluation, assistant: Assistant) -> None:
    compound, moves, dialogues = read("compound"), read("moves"), read("follow_ups")
    section = evaluation.section(
        "Talks", "Compound messages, small talk and moves, and talks of several turns, which are drawn whole for the interval."
    )
    answered = [compound_answered(turn, entry) for turn, entry in zip(turns_of(assistant, compound, "compound"), compound)]
    section.share("compound: every part's topic", answered, Goal(0.85))
    section.share(
        "small talk and moves",
        [turn.intent == entry["intent"] for turn, entry in zip(turns_of(assistant, moves, "moves"), moves)],
    )
    verdicts = [dialogue_verdicts(assistant, dialogue) for dialogue in progress(dialogues, "dialogues")]
    later = np.array([(sum(each[1:]), len(each) - 1) for each in verdicts])
    section.add("follow-up turns right", lambda at: float(later[at, 0].sum() / later[at, 1].sum()), len(later), Goal(0.93))
    section.share("whole dialogues right", [all(each) for each in verdicts], Goal(0.80))


def _bounds(evaluation: Evaluation, asked: Asked) -> None:
    section = evaluation.section(
        "Bounds", "Topic accuracy on the same single questions by simpler ways that learn from the same examples."
    )
    print("\rnearest question ...", end="", file=sys.stderr, flush=True)
    section.share("nearest question (MiniLM, cosine)", bounds.nearest_question(asked.single))
    stock = bounds.stock(asked.single)
    if stock is None:
        section.about += " The stock pipeline was not measured here: 'make stock' does that (hours, 2.6 GB)."
    else:
        section.about += f" The stock pipeline: {stock.trained}."
        section.share("stock `rasa init` pipeline", stock.verdicts)


def _speed(evaluation: Evaluation, assistant: Assistant, asked: Asked) -> None:
    spent = latency.milliseconds(assistant, [entry["text"] for entry in progress(asked.single[:TIMED], "speed")])
    section = evaluation.section(
        "Speed", f"The parse of {TIMED} single questions, one after the other, and each component's part in it."
    )
    whole = np.array(spent[latency.WHOLE])
    section.add(
        "milliseconds a message, median",
        lambda at: float(np.median(whole[at])),
        len(whole),
        Goal(8, at_most=True),
        MILLISECONDS,
    )
    section.add(
        "milliseconds a message, 95th percentile", lambda at: float(np.percentile(whole[at], 95)), len(whole), unit=MILLISECONDS
    )
    for name, times in spent.items():
        evaluation.speed[name] = median(times), float(np.percentile(times, 95))
        if name != latency.WHOLE:
            section.add(f"{name}, median", _median(np.array(times)), len(times), unit=MILLISECONDS)


def _median(times: "np.ndarray") -> Callable[["np.ndarray"], float]:
    return lambda at: float(np.median(times[at]))
