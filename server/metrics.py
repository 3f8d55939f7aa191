"""Figures for Prometheus: turns, kinds, topics, seconds by stage, refusals, gaps, failures. No words and no ids of anyone.

``/metrics`` is closed until a token is set. There is no exception for callers on this machine: behind a proxy, all are.
"""

from __future__ import annotations

import hmac
import time
from functools import wraps
from typing import Any, Awaitable, Callable, Dict, Optional, Text

import rasa.core.actions.action as rasa_action
from prometheus_client import CONTENT_TYPE_LATEST, Counter, Gauge, Histogram, generate_latest
from rasa.core.agent import Agent
from sanic import Blueprint, Sanic
from sanic.request import Request
from sanic.response import HTTPResponse, json, raw

from dystonia.reply import Kind
from server import tracing

SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
UNSURE = 0.4
"""Confidence of an answer below which it counts as a guess, and so as a gap."""
CHANNELS = ("rest", "widget", "slack", "telegram")

TURNS = Counter("dystonia_turns", "Messages that were answered, by channel and kind of reply.", ["channel", "kind"])
TOPICS = Counter("dystonia_topics", "Topics that were answered.", ["topic"])
GAPS = Counter("dystonia_gaps", "Messages that were not understood for sure: refused, asked back, unsure, failed.", ["reason"])
STAGES = Histogram(
    "dystonia_turn_seconds",
    "Seconds of each stage of a turn: load, understand, act (also a part of decide), decide, save; and of the whole.",
    ["stage"],
    buckets=SECONDS,
)
RESPONSES = Counter(
    "dystonia_http_responses", "HTTP responses, by channel and status; 429 is a limit that was hit.", ["channel", "status"]
)
LIMITED = Counter("dystonia_limited_turns", "Messages over the limit of a talk in Slack or Telegram.", ["channel"])
CHANNEL_ERRORS = Counter(
    "dystonia_channel_errors", "Calls and events of apps that did not work out, by what became of them.", ["channel", "what"]
)
ACTION_FAILURES = Counter("dystonia_action_failures", "Actions that failed or took too long.")
RETENTION_RUNS = Counter("dystonia_retention_runs", "Runs that delete what is too old.", ["outcome"])
RETENTION_SUCCESS = Gauge("dystonia_retention_last_success_timestamp_seconds", "When such a run last came to its end.")
CLOCK_DOUBTED = Gauge("dystonia_clock_doubted", "1 while the clock has leapt, and nothing is deleted by its age.")
DELETED = Counter("dystonia_deleted_entries", "Events and entries of feedback that were deleted by their age.")
VERSIONS = Gauge("dystonia_versions", "Model and facts that are served.", ["model", "content"])

_GAPS = {Kind.out_of_scope.value: "refused", Kind.clarify.value: "asked_back", Kind.unavailable.value: "failed"}

Work = Callable[..., Awaitable[Any]]


def counts_turns(take_turn: Work) -> Work:
    """Counts, times and traces each message that is answered (channels/turn.py)."""

    @wraps(take_turn)
    async def counted(handler: Any, text: Text, talk_id: Text, channel: Text, *more: Any, **named: Any) -> Dict[Text, Any]:
        began = time.perf_counter()
        with tracing.turn(channel) as answered:
            turn = await take_turn(handler, text, talk_id, channel, *more, **named)
            answered(turn["reply"]["kind"])
        _count_turn(channel, turn["reply"], time.perf_counter() - began)
        return turn

    return counted


def watch(agent: Agent) -> None:
    """Measures and traces the stages of each turn of an agent, from outside: nothing in a turn knows of it."""
    processor, store = agent.processor, agent.tracker_store
    for owner, method, stage in (
        (store, "retrieve", "load"),
        (processor, "parse_message", "understand"),
        (processor, "_run_prediction_loop", "decide"),
        (store, "save", "save"),
    ):
        setattr(owner, method, _timed(getattr(owner, method), stage))
    if not hasattr(rasa_action.RemoteAction.run, "__wrapped__"):
        rasa_action.RemoteAction.run = _counted(_timed(rasa_action.RemoteAction.run, "act"))  # type: ignore[method-assign]


def routes(token: Optional[str]) -> Blueprint:
    """``/metrics``: closed without a token, otherwise for whoever names it as ``Authorization: Bearer ...``."""
    blueprint = Blueprint("dystonia_metrics")

    @blueprint.get("/metrics")
    async def metrics(request: Request) -> HTTPResponse:
        given = request.headers.get("authorization", "")
        if not token:
            return json({"error": "No such page."}, status=404)
        if not hmac.compare_digest(given.encode(errors="replace"), f"Bearer {token}".encode()):
            return json({"error": "Send the token of DYSTONIA_METRICS_TOKEN as 'Authorization: Bearer ...'."}, status=401)
        return raw(generate_latest(), content_type=CONTENT_TYPE_LATEST)

    return blueprint


def count_responses(app: Sanic) -> None:
    """Counts what every request is answered with."""

    @app.on_response
    async def count(request: Request, response: HTTPResponse) -> None:
        _, _, place = request.path.partition("/webhooks/")
        channel = place.partition("/")[0]
        RESPONSES.labels(channel if channel in CHANNELS else "none", response.status).inc()


def _count_turn(channel: Text, reply: Dict[Text, Any], seconds: float) -> None:
    TURNS.labels(channel, reply["kind"]).inc()
    STAGES.labels("whole").observe(seconds)
    for topic in reply.get("topics", ()):
        TOPICS.labels(topic).inc()
    unsure = reply["kind"] == Kind.answer.value and reply.get("confidence", 1.0) < UNSURE
    gap = "unsure" if unsure else _GAPS.get(reply["kind"])
    if gap:
        GAPS.labels(gap).inc()


def _timed(work: Work, stage: Text) -> Work:
    seconds = STAGES.labels(stage)

    @wraps(work)
    async def timed(*args: Any, **kwargs: Any) -> Any:
        began = time.perf_counter()
        try:
            with tracing.stage(stage):
                return await work(*args, **kwargs)
        finally:
            seconds.observe(time.perf_counter() - began)

    return timed


def _counted(work: Work) -> Work:
    @wraps(work)
    async def counted(*args: Any, **kwargs: Any) -> Any:
        try:
            return await work(*args, **kwargs)
        except Exception:
            ACTION_FAILURES.inc()
            raise

    return counted
