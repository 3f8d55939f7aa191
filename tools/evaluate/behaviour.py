"""The sections of the checklist: what must work, what must not matter, and what must matter."""

from __future__ import annotations

from typing import Any, Callable, Tuple

import numpy as np

from tools.assistant import Assistant, Turn
from tools.evaluate import checklist
from tools.evaluate.evaluation import Asked, Evaluation, progress, turns_of
from tools.evaluate.figures import Goal
from tools.evaluate.judging import topic_right
from tools.evaluate.perturbations import SLIPS, perturbations, slips

MESSAGES_LOST = "topic accuracy lost"
SAME_ANSWER = "same answer"


def plain(evaluation: Evaluation, assistant: Assistant) -> None:
    """Adds the minimum functionality tests."""
    entries = checklist.read_checklist()["minimum"]
    verdicts = [
        checklist.plain_verdict(turn, entry) for turn, entry in zip(turns_of(assistant, entries, "plain messages"), entries)
    ]
    section = evaluation.section(
        "Checklist: what must work", "Short, plain messages. They may stand in the training data, so a hit says little."
    )
    section.share("plain messages: topic (may stand in the training data)", [verdict.topic for verdict in verdicts])
    section.share("plain messages: topic and subject (the same)", [verdict.subject for verdict in verdicts])


def invariance(evaluation: Evaluation, assistant: Assistant, asked: Asked) -> None:
    """Adds the invariance tests."""
    section = evaluation.section(
        "Checklist: what must not matter",
        "Single questions, changed; only those that the change alters count. Lost: topic accuracy before less after. Same "
        "answer: the same kind of reply from the same cards.",
    )
    for perturbation in perturbations(checklist.read_checklist()):
        texts = [perturbation.of(entry["text"]) for entry in asked.single]
        places = [place for place, entry in enumerate(asked.single) if texts[place] != entry["text"]]
        turns = [assistant.turn(texts[place]) for place in progress(places, perturbation.name)]
        before = np.array([topic_right(asked.turns[place], asked.single[place]) for place in places], float)
        after = np.array([topic_right(turn, asked.single[place]) for turn, place in zip(turns, places)], float)
        two_slips = perturbation.name == slips(SLIPS).name
        if two_slips:
            section.share(f"topic accuracy, {SLIPS} slips a message", after)
        lost = before - after
        goal = Goal(0.03, at_most=True) if two_slips else None
        section.add(f"{perturbation.name}: {MESSAGES_LOST}", _mean(lost), len(places), goal)
        evaluation.losses.append(section.figures[-1])
        same = [_said(turn) == _said(asked.turns[place]) for turn, place in zip(turns, places)]
        section.share(f"{perturbation.name}: {SAME_ANSWER}", same)


def _mean(values: "np.ndarray") -> Callable[["np.ndarray"], float]:
    return lambda at: float(values[at].mean())


def _said(turn: Turn) -> Tuple[Any, ...]:
    return turn.kind, turn.answer.cards if turn.answer is not None else ()


def directions(evaluation: Evaluation, assistant: Assistant) -> None:
    """Adds the directional expectation tests."""
    entries = checklist.read_checklist()["directions"]
    verdicts = [checklist.direction_verdict(assistant, entry) for entry in progress(entries, "directions")]
    section = evaluation.section(
        "Checklist: what must matter",
        "Pairs of messages: the second must be taken as told, and the first must not be taken so already.",
    )
    section.share("all directions", verdicts)
    for change in dict.fromkeys(entry["change"] for entry in entries):
        section.share(change, [verdict for verdict, entry in zip(verdicts, entries) if entry["change"] == change])
