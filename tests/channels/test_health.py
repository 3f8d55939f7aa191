"""`/health`, `/ready` and `/metrics` of the real server: they mean what they say, and tell nobody what is not for them."""

from __future__ import annotations

import contextlib
import re
import sqlite3
from pathlib import Path
from typing import Any, Dict, Iterator, Tuple

import pytest
import requests

from tests.running import ActionStandIn, RunningAssistant, running_assistant, wait_until
from tests.unit.test_metrics import ALERTS, DASHBOARD, figures_in

TOKEN = "0123456789abcdef0123456789abcdef"
NO_WRITING = "CREATE TRIGGER full BEFORE UPDATE ON pulse BEGIN SELECT RAISE(ABORT, 'the disk is full'); END"


@pytest.fixture(scope="module")
def alone(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningAssistant]:
    """An assistant that may be harmed: its action server does not run; figures are open to who has the token."""
    folder = tmp_path_factory.mktemp("alone")
    with running_assistant(model, folder, with_actions=False, DYSTONIA_METRICS_TOKEN=TOKEN, DYSTONIA_LOG="json") as running:
        yield running


def ready(assistant: RunningAssistant) -> Tuple[int, Dict[str, Any]]:
    """What `/ready` says."""
    answer = requests.get(f"{assistant.url}/ready", timeout=30)
    return answer.status_code, answer.json()


def failing(assistant: RunningAssistant) -> Dict[str, str]:
    """The checks that fail, and why."""
    _, found = ready(assistant)
    return {name: check["why"] for name, check in found["checks"].items() if not check["ok"]}


def figure(assistant: RunningAssistant, name: str) -> float:
    """A figure as it is shown to Prometheus; 0 while it is not there."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    lines = requests.get(f"{assistant.url}/metrics", headers=headers, timeout=30).text.splitlines()
    return next((float(line.rpartition(" ")[2]) for line in lines if line.startswith(f"{name} ")), 0.0)


def test_a_healthy_assistant_is_ready(assistant: RunningAssistant) -> None:
    wait_until(lambda: ready(assistant)[0] == 200, 10, "readiness")

    _, found = ready(assistant)

    reply = assistant.visitor().say("Hello").reply
    assert {name: check["ok"] for name, check in found["checks"].items()} == {"model": True, "store": True, "actions": True}
    assert (found["model"], found["content"]) == (reply["model"], reply["content"])


def test_health_says_only_that_the_process_lives(alone: RunningAssistant) -> None:
    answer = requests.get(f"{alone.url}/health", timeout=30)

    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
    assert answer.headers["Cache-Control"] == "no-store"


def test_without_an_action_server_it_is_not_ready(alone: RunningAssistant) -> None:
    status, found = ready(alone)

    assert status == 503 and not found["ready"]
    assert "action server does not answer" in failing(alone)["actions"] and "Mend:" in failing(alone)["actions"]
    assert str(alone.data) not in str(found) and str(alone.action_port) not in str(found)


def test_an_action_server_with_other_facts_is_not_in_step(alone: RunningAssistant) -> None:
    with FactsStandIn(alone.action_port, "other"):
        wait_until(lambda: "other facts" in failing(alone).get("actions", ""), 10, "the finding")


def test_it_is_ready_again_by_itself(alone: RunningAssistant) -> None:
    with FactsStandIn(alone.action_port, alone.visitor().say("Hello").reply["content"]):
        wait_until(lambda: ready(alone)[0] == 200, 10, "readiness")


def test_a_store_that_can_not_be_written_is_found(alone: RunningAssistant) -> None:
    alone.kept(NO_WRITING)
    try:
        wait_until(lambda: "store" in failing(alone), 10, "the finding")
    finally:
        alone.kept("DROP TRIGGER full")


def test_nobody_keeps_the_store_busy_by_asking(alone: RunningAssistant) -> None:
    for _ in range(20):
        ready(alone)
    with contextlib.closing(sqlite3.connect(alone.data / "talks.db")) as store:
        (before,) = store.execute("SELECT timestamp FROM pulse").fetchone()

        for _ in range(20):
            ready(alone)

        (after,) = store.execute("SELECT timestamp FROM pulse").fetchone()
    assert after - before < 10


# Figures.


def test_figures_are_closed_without_a_token(assistant: RunningAssistant) -> None:
    assert requests.get(f"{assistant.url}/metrics", timeout=30).status_code == 404


@pytest.mark.parametrize("header", ["", f"Bearer {TOKEN}x", TOKEN, "Bearer "])
def test_figures_are_only_for_who_has_the_token(alone: RunningAssistant, header: str) -> None:
    answer = requests.get(f"{alone.url}/metrics", headers={"Authorization": header}, timeout=30)

    assert answer.status_code == 401
    assert "dystonia_turns" not in answer.text


def test_a_real_server_has_every_figure_that_is_shown_or_warned_of(alone: RunningAssistant) -> None:
    page = requests.get(f"{alone.url}/metrics", headers={"Authorization": f"Bearer {TOKEN}"}, timeout=30).text
    there = {name for name in re.findall(r"^# TYPE (\w+)", page, re.M)}

    asked = figures_in(DASHBOARD.read_text() + ALERTS.read_text())

    assert {name for name in asked if name not in there and name.rpartition("_bucket")[0] not in there} == set()


def test_a_turn_shows_in_the_figures(alone: RunningAssistant) -> None:
    names = ['dystonia_turns_total{channel="rest",kind="unavailable"}', 'dystonia_turn_seconds_count{stage="understand"}']
    names += ["dystonia_action_failures_total", 'dystonia_gaps_total{reason="failed"}']
    names += ['dystonia_http_responses_total{channel="rest",status="200"}', 'dystonia_turn_seconds_count{stage="save"}']
    before = {name: figure(alone, name) for name in names}

    alone.visitor().say("What is blepharospasm?")

    assert [name for name in names if figure(alone, name) <= before[name]] == []


def test_a_refusal_shows_in_the_figures(alone: RunningAssistant) -> None:
    name = 'dystonia_http_responses_total{channel="rest",status="400"}'
    before = figure(alone, name)

    alone.post(b"no JSON")

    assert figure(alone, name) == before + 1


class FactsStandIn(ActionStandIn):
    """An action server that only says which facts it has read."""

    def __init__(self, port: int, content: str) -> None:
        super().__init__(port)
        body = b'{"content": "%s"}' % content.encode()

        def do_get(handler: Any) -> None:
            handler.send_response(200)
            handler.send_header("Content-Type", "application/json")
            handler.send_header("Content-Length", str(len(body)))
            handler.end_headers()
            handler.wfile.write(body)

        self._server.RequestHandlerClass.do_GET = do_get  # type: ignore[attr-defined]
