"""The checklist: plain messages that must work, and changes of a message that must change what is understood.

Ribeiro, Wu, Guestrin and Singh, "Beyond accuracy: behavioral testing of NLP models with CheckList", ACL 2020. Its third kind
of test, changes that must not matter, is in ``perturbations``.
"""

from __future__ import annotations

from typing import Any, Dict, List, NamedTuple

import yaml

from dystonia.question import Talk
from tools.assistant import Assistant, Turn
from tools.evaluate.judging import EVERYTHING, Entry, heard, meant, topic_of, topic_right, wanted
from tools.held_out import HELD_OUT


class Plain(NamedTuple):
    """Whether a plain message's topic was seen, and whether its subject was too."""

    topic: bool
    subject: bool


def read_checklist() -> Dict[str, List[Any]]:
    """The tests and word tables that are written by hand."""
    return yaml.safe_load((HELD_OUT / "checklist.yml").read_text(encoding="utf-8"))


def plain_verdict(turn: Turn, entry: Entry) -> Plain:
    """A minimum functionality test. The subject may be seen in the words or in what was answered."""
    topic = topic_right(turn, entry)
    return Plain(topic, topic and wanted(entry) <= heard(turn) | frozenset(map(meant, about(turn))))


def direction_verdict(assistant: Assistant, entry: Entry) -> bool:
    """A directional expectation test: the changed message is taken as told, and the base was not taken so already."""
    talk = assistant.turn(entry["after"]).talk if "after" in entry else Talk()
    base, changed = assistant.turn(entry["base"], talk), assistant.turn(entry["changed"], talk)
    return as_told(changed, entry, base) and not as_told(base, entry, base)


def as_told(turn: Turn, entry: Entry, base: Turn) -> bool:
    """Whether all that a test expects holds of a turn."""
    kept = []
    if "kind" in entry:
        kept.append(turn.kind.value == entry["kind"])
    if "topic" in entry:
        kept.append(topic_of(turn) == entry["topic"])
    if "about" in entry:
        kept.append({*map(meant, entry["about"])} <= {*map(meant, about(turn))} - {EVERYTHING})
    if "not_about" in entry:
        kept.append(turn.answer is not None and not {*map(meant, entry["not_about"])} & {*map(meant, about(turn))})
    if entry.get("cards") == "other":
        kept.append(turn.answer is not None and base.answer is not None and turn.answer.cards != base.answer.cards)
    return all(kept)


def about(turn: Turn) -> List[str]:
    """What the answer is about, and where the visitor is."""
    country = [turn.talk.country] if turn.talk.country else []
    return [*(turn.answer.about if turn.answer is not None else ()), *country]
