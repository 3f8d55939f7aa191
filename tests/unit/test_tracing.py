"""Traces: off until a collector is configured, said once where it fails, and never in the way."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Dict, Iterator, List

import pytest

from server import spans, tracing
from server.settings import SettingsError
from tests.channels.stand_ins.collector import CollectorStandIn

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
OF_TRACES = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"


@pytest.fixture
def collector() -> Iterator[CollectorStandIn]:
    """A collector."""
    with CollectorStandIn() as collector:
        yield collector


@pytest.fixture
def started(collector: CollectorStandIn, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Traces are sent to the collector when the test says so."""
    monkeypatch.setattr(tracing, "_spans", None)
    monkeypatch.setenv(ENDPOINT, collector.url)
    tracing.start("a-test", {"model": "m1"})
    assert tracing._spans is not None
    yield
    tracing._spans._sender.shutdown()


def take_a_turn(kind: str = "answer") -> None:
    """A turn of one stage."""
    with tracing.turn("rest") as answered, tracing.stage("understand"):
        answered(kind)


def sent(collector: CollectorStandIn) -> List[str]:
    """The names of the spans that have come by the end."""
    asyncio.run(tracing.stop())
    return [span.name for span in collector.spans]


# Whether there is a collector.


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {ENDPOINT: ""},
        {ENDPOINT: "http://127.0.0.1:4318", "OTEL_SDK_DISABLED": "True"},
        {ENDPOINT: "http://127.0.0.1:4318", "OTEL_TRACES_EXPORTER": "none"},
    ],
    ids=["nothing set", "empty", "disabled", "no traces wanted"],
)
def test_traces_are_off(environment: Dict[str, str]) -> None:
    assert tracing.collector(environment) is None


@pytest.mark.parametrize(
    "environment, url",
    [
        ({ENDPOINT: "http://127.0.0.1:4318"}, "http://127.0.0.1:4318/v1/traces"),
        ({ENDPOINT: "https://otel.example/path/"}, "https://otel.example/path/v1/traces"),
        ({OF_TRACES: "https://otel.example/in"}, "https://otel.example/in"),
        ({ENDPOINT: "http://127.0.0.1:4318", OF_TRACES: "https://otel.example/in"}, "https://otel.example/in"),
        ({ENDPOINT: "http://[::1]:4318", "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}, "http://[::1]:4318/v1/traces"),
    ],
)
def test_a_collector_is_found_where_the_standard_says(environment: Dict[str, str], url: str) -> None:
    assert tracing.collector(environment) == url


@pytest.mark.parametrize("value", ["hush.example:4317", "ftp://hush", "https://", "http://hush.example?a=b", "http:// a"])
@pytest.mark.parametrize("setting", [ENDPOINT, OF_TRACES])
def test_what_is_no_url_is_refused_and_not_shown(setting: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"{setting} is no URL. Mend: ") as refused:
        tracing.collector({setting: value})

    assert value not in str(refused.value)


def test_another_protocol_is_refused() -> None:
    with pytest.raises(SettingsError, match="by grpc. Mend: .*http/protobuf"):
        tracing.collector({ENDPOINT: "http://127.0.0.1:4317", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"})


@pytest.mark.parametrize(
    "settings",
    [
        {ENDPOINT: "nonsense"},
        {ENDPOINT: "http://127.0.0.1:9", "OTEL_EXPORTER_OTLP_TIMEOUT": "soon"},
        {ENDPOINT: "http://127.0.0.1:9", "OTEL_EXPERIMENTAL_RESOURCE_DETECTORS": "none-such"},
    ],
    ids=["no URL", "no number", "no such detector"],
)
def test_where_traces_can_not_begin_the_log_says_why_and_all_else_runs(
    settings: Dict[str, str], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(tracing, "_spans", None)
    for name, value in settings.items():
        monkeypatch.setenv(name, value)

    tracing.start("a-test", {})
    take_a_turn()

    assert "Traces stay off; all else runs." in caplog.text


# What is sent.


@pytest.mark.usefixtures("started")
def test_a_turn_is_sent_by_the_end_at_the_latest(collector: CollectorStandIn) -> None:
    take_a_turn()

    assert sent(collector) == ["understand", "turn"]


@pytest.mark.usefixtures("started")
def test_a_stage_outside_of_a_turn_is_no_trace(collector: CollectorStandIn) -> None:
    with tracing.stage("save"):
        pass

    assert sent(collector) == []


@pytest.mark.usefixtures("started")
@pytest.mark.parametrize("kind", ["crisis", "emergency", "boundary", "out_of_scope", "smalltalk"])
def test_the_kind_of_a_static_reply_is_not_told(collector: CollectorStandIn, kind: str) -> None:
    take_a_turn(kind)

    assert sent(collector) and not any("dystonia.kind" in span.attributes for span in collector.spans)


def test_the_share_that_is_traced_can_be_set(
    monkeypatch: pytest.MonkeyPatch, collector: CollectorStandIn, request: pytest.FixtureRequest
) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "traceidratio")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "0")
    request.getfixturevalue("started")

    take_a_turn()

    assert sent(collector) == []


def test_the_operators_own_name_of_the_service_wins(
    monkeypatch: pytest.MonkeyPatch, collector: CollectorStandIn, request: pytest.FixtureRequest
) -> None:
    monkeypatch.setenv("OTEL_SERVICE_NAME", "our-chat")
    request.getfixturevalue("started")

    take_a_turn()
    sent(collector)

    assert collector.turns()[0].resource["service.name"] == "our-chat"


def test_the_key_to_the_collector_is_sent_and_never_logged(
    request: pytest.FixtureRequest,
    collector: CollectorStandIn,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer hush, hush hush")
    request.getfixturevalue("started")

    take_a_turn()
    sent(collector)

    assert b"authorization: Bearer hush\n" in collector.requests[0]
    assert "hush" not in caplog.text


# When the collector fails.


@pytest.mark.usefixtures("started")
def test_a_collector_that_refuses_is_said_once_and_so_is_its_return(
    collector: CollectorStandIn, caplog: pytest.LogCaptureFixture
) -> None:
    for status in (404, 404, 404, 200, 200):
        collector.status = status
        take_a_turn()
        sent(collector)

    said = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert [line.partition(";")[0] for line in said] == [
        "Traces do not reach their collector (it refuses them)",
        "Traces reach their collector again.",
    ]


def test_the_end_waits_a_second_at_most_for_a_collector_that_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracing, "_spans", None)
    with CollectorStandIn(silent=True) as silent:
        monkeypatch.setenv(ENDPOINT, silent.url)
        tracing.start("a-test", {})
        take_a_turn()

        began = time.monotonic()
        sent(silent)

        assert spans.STOP_SECONDS <= 1 and time.monotonic() - began < spans.STOP_SECONDS + 1
    assert tracing._spans is not None
    tracing._spans._sender.shutdown()
