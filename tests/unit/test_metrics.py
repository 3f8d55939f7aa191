"""Figures: counted without words or ids, closed without a token, and every one that the dashboard asks for exists."""

from __future__ import annotations

import asyncio
import json
import re
import timeit
from typing import Any, Dict, Set

import pytest
import yaml
from prometheus_client import REGISTRY

from dystonia.models import TOPICS
from dystonia.reply import Kind
from server import metrics
from server.settings import ROOT

DASHBOARD = ROOT / "deploy" / "grafana-dashboard.json"
ALERTS = ROOT / "deploy" / "prometheus-alerts.yml"
REPLY = {"kind": "answer", "topics": ["type_info", "treatment_info"], "confidence": 0.9}


def value(name: str, **labels: str) -> float:
    """A figure as it stands."""
    return REGISTRY.get_sample_value(name, labels) or 0.0


def take_a_turn(**told: Any) -> None:
    """A turn of a channel with a reply."""

    async def take_turn(handler: Any, text: str, talk_id: str, channel: str) -> Dict[str, Any]:
        return {"reply": {**REPLY, **told}}

    asyncio.run(metrics.counts_turns(take_turn)(None, "Quillfeather", "widget:secret-id", "widget"))


def test_a_turn_is_counted_by_channel_kind_and_topics() -> None:
    turns = value("dystonia_turns_total", channel="widget", kind="answer")
    topic = value("dystonia_topics_total", topic="type_info")
    seconds = value("dystonia_turn_seconds_count", stage="whole")

    take_a_turn()

    assert value("dystonia_turns_total", channel="widget", kind="answer") == turns + 1
    assert value("dystonia_topics_total", topic="type_info") == topic + 1
    assert value("dystonia_turn_seconds_count", stage="whole") == seconds + 1


@pytest.mark.parametrize(
    "told, reason",
    [
        ({"kind": "out_of_scope"}, "refused"),
        ({"kind": "clarify"}, "asked_back"),
        ({"kind": "unavailable"}, "failed"),
        ({"kind": "answer", "confidence": 0.3}, "unsure"),
    ],
)
def test_what_was_not_understood_is_a_gap(told: Dict[str, Any], reason: str) -> None:
    before = value("dystonia_gaps_total", reason=reason)

    take_a_turn(**told)

    assert value("dystonia_gaps_total", reason=reason) == before + 1


def test_no_words_and_no_ids_are_in_any_figure() -> None:
    take_a_turn()

    shown = metrics.generate_latest().decode()

    assert "Quillfeather" not in shown and "secret-id" not in shown


def test_labels_come_from_short_lists_only() -> None:
    for kind in Kind:
        take_a_turn(kind=kind.value, topics=list(TOPICS))

    samples = [sample for family in REGISTRY.collect() if family.name.startswith("dystonia") for sample in family.samples]
    labels = {label for sample in samples for label in sample.labels}

    assert labels <= {"channel", "kind", "topic", "reason", "stage", "status", "what", "outcome", "model", "content", "le"}


def test_a_failing_action_is_counted_and_fails_all_the_same() -> None:
    async def fail() -> None:
        raise ValueError

    before = value("dystonia_action_failures_total")

    with pytest.raises(ValueError):
        asyncio.run(metrics._counted(fail)())

    assert value("dystonia_action_failures_total") == before + 1


def test_counting_costs_next_to_nothing() -> None:
    async def work() -> None:
        """Nothing."""

    async def a_turn() -> None:
        for stage in ("load", "understand", "act", "decide", "save"):
            await metrics._timed(work, stage)()
        metrics._count_turn("rest", REPLY, 0.01)

    async def turns() -> None:
        for _ in range(200):
            await a_turn()

    seconds = min(timeit.repeat(lambda: asyncio.run(turns()), number=1, repeat=5)) / 200

    assert seconds < 0.0002


# The dashboard.


def asked_for() -> Set[str]:
    """The names of the figures in the dashboard's queries."""
    queries = " ".join(target["expr"] for panel in json.loads(DASHBOARD.read_text())["panels"] for target in panel["targets"])
    return figures_in(queries)


def figures_in(queries: str) -> Set[str]:
    """The names of the figures that queries ask for."""
    return set(re.findall(r"\b(?:dystonia|process|python)_\w+", queries))


def shown() -> Set[str]:
    """The names of all figures."""
    take_a_turn(kind="clarify")
    families = list(REGISTRY.collect())
    names = {sample.name for family in families for sample in family.samples}
    return names | {family.name + ("_total" if family.type == "counter" else "") for family in families}


def test_every_figure_of_the_dashboard_exists() -> None:
    assert len(asked_for()) >= 10
    assert sorted(asked_for() - shown()) == []


def test_every_figure_of_the_alerts_exists() -> None:
    (group,) = yaml.safe_load(ALERTS.read_text())["groups"]
    asked = figures_in(" ".join(rule["expr"] for rule in group["rules"]))

    assert len(asked) >= 5
    assert sorted(asked - shown()) == []
    assert all(rule["annotations"]["summary"] for rule in group["rules"])


def test_every_kind_status_and_stage_that_is_asked_for_is_counted() -> None:
    queries = DASHBOARD.read_text().replace('\\"', '"') + ALERTS.read_text()
    kinds = {kind for asked in re.findall(r'kind=~?"([^"]+)"', queries) for kind in asked.split("|")}

    assert kinds and kinds <= {kind.value for kind in Kind}
    assert set(re.findall(r'outcome="(\w+)"', queries)) <= {"done", "failed"}


def test_every_figure_is_on_the_dashboard() -> None:
    ours = {family.name for family in REGISTRY.collect() if family.name.startswith("dystonia")}

    assert sorted(name for name in ours if not any(asked.startswith(name) for asked in asked_for())) == []


def test_every_stage_of_the_dashboard_is_measured() -> None:
    stages = set(re.findall(r'stage=\\"(\w+)\\"', DASHBOARD.read_text()))

    assert stages == {"load", "understand", "act", "decide", "save", "whole"}
    assert all(f'"{stage}"' in (ROOT / "server" / "metrics.py").read_text() for stage in stages)
