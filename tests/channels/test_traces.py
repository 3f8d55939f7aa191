"""Traces of the real assistant, as a collector receives them: a span for each stage, no words, no ids, nobody held up."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Dict, Iterator

import pytest

from server.settings import ROOT
from tests.channels.stand_ins.collector import CollectorStandIn, Span
from tests.channels.test_attacks import TALKERS, RestTalker, SlackTalker, Talker, TelegramTalker, opened  # noqa: F401
from tests.running import RunningAssistant, running_assistant, wait_until

TELLING = "Quillfeather"
"""A name that stands nowhere but in what the visitors of these tests say and send."""
SAYINGS = (
    f"My friend {TELLING} asks what dystonia is",
    f"{TELLING} can't breathe since the injection yesterday",
    f"Should {TELLING} stop taking baclofen?",
    f"Which team does {TELLING} play for?",
)
QUESTION = "What is blepharospasm?"
STATIC = {
    "emergency": "I can't breathe since my injection yesterday",
    "crisis": "I want to kill myself",
    "boundary": "Should I stop my baclofen?",
    "smalltalk": "Good morning!",
}
"""A message for kinds of replies that need no action."""
CALLER = {"traceparent": f"00-{'ab' * 16}-{'cd' * 8}-01"}
"""A caller's trace and its span, in the form of W3C Trace Context."""
ERROR = 2
"""The code of a status that is none of the good ones, in OTLP."""
TOLD = {"dystonia.channel", "dystonia.kind", "error.type"}
"""All that a span may tell beside its times."""


@pytest.fixture(scope="module")
def collector() -> Iterator[CollectorStandIn]:
    """A collector."""
    with CollectorStandIn() as collector:
        yield collector


@pytest.fixture(scope="module")
def traced(
    model: Path,
    tmp_path_factory: pytest.TempPathFactory,
    collector: CollectorStandIn,
    opened: Dict[str, str],  # noqa: F811
) -> Iterator[RunningAssistant]:
    """An assistant with a separate action server and all channels open, which sends traces at once."""
    settings = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_BSP_SCHEDULE_DELAY": "50"}
    with running_assistant(model, tmp_path_factory.mktemp("traced"), **opened, **settings) as running:
        yield running


@pytest.fixture
def rest(traced: RunningAssistant) -> RestTalker:
    """Someone new, over REST."""
    return RestTalker(traced)


def with_marked_id(talker: Talker) -> Talker:
    """The same person, with an id that can't stand among numbers and random bytes by chance; the widget's are such."""
    if isinstance(talker, RestTalker):
        talker.sender = f"{TELLING}-at-home"
    elif isinstance(talker, SlackTalker):
        talker.person.id = f"U{TELLING.upper()}"
    elif isinstance(talker, TelegramTalker):
        talker.person.id = 471108154711081547
    return talker


def turn_of(talker: Talker, text: str, collector: CollectorStandIn, **headers: str) -> Span:
    """The span of the turn that answers a message."""
    before = len(collector.turns())
    assert talker.send(text, **headers).status_code == 200
    return collector.wait_for(before + 1)[-1]


def test_a_turn_is_a_trace_with_a_span_for_each_stage(rest: RestTalker, collector: CollectorStandIn) -> None:
    turn = turn_of(rest, QUESTION, collector)
    wait_until(lambda: "action" in collector.stages(turn), 20, "the span of the action server")

    stages = collector.stages(turn)
    names = {span.id: name for name, span in stages.items()}
    inside = {"load": "turn", "understand": "turn", "decide": "turn", "act": "decide", "action": "act", "save": "turn"}
    assert {name: names.get(span.parent, "") for name, span in stages.items()} == {"turn": "", **inside}
    assert turn.attributes == {"dystonia.channel": "rest", "dystonia.kind": "answer"}
    assert not any(span.attributes for name, span in stages.items() if name != "turn")
    assert all(span.whole.start_time_unix_nano < span.whole.end_time_unix_nano for span in stages.values())


def test_each_process_tells_what_it_serves(rest: RestTalker, collector: CollectorStandIn) -> None:
    before = len(collector.turns())
    reply = rest.send(QUESTION).json()[1]["custom"]["reply"]
    turn = collector.wait_for(before + 1)[-1]
    wait_until(lambda: "action" in collector.stages(turn), 20, "the span of the action server")

    resources = [turn.resource, collector.stages(turn)["action"].resource]

    assert [resource["service.name"] for resource in resources] == ["dystonia-assistant", "dystonia-actions"]
    assert [resource.get("dystonia.model") for resource in resources] == [reply["model"], None]
    assert {resource["dystonia.content"] for resource in resources} == {reply["content"]}
    assert len({resource["service.instance.id"] for resource in resources}) == 2


def test_an_emergency_looks_like_a_greeting(rest: RestTalker, collector: CollectorStandIn) -> None:
    alike = ({"dystonia.channel": "rest"}, {"turn", "load", "understand", "decide", "save"})
    for kind, message in STATIC.items():
        before = len(collector.turns())
        assert rest.send(message).json()[1]["custom"]["reply"]["kind"] == kind
        turn = collector.wait_for(before + 1)[-1]
        assert (turn.attributes, set(collector.stages(turn))) == alike


# Whose trace it is.


def test_a_turn_over_rest_is_part_of_its_callers_trace(rest: RestTalker, collector: CollectorStandIn) -> None:
    turn = turn_of(rest, QUESTION, collector, **CALLER)

    assert (turn.trace, turn.parent) == ("ab" * 16, "cd" * 8)


def test_a_caller_may_leave_its_turn_out(rest: RestTalker, collector: CollectorStandIn) -> None:
    rest.send(QUESTION, traceparent=f"00-{'ef' * 16}-{'cd' * 8}-00")
    turn_of(rest, QUESTION, collector)

    assert not any(span.trace == "ef" * 16 for span in collector.spans)


@pytest.mark.parametrize("sent", ["", TELLING, f"00-{'0' * 32}-{'cd' * 8}-01", "00-ab", f"00-{TELLING}-01"])
def test_what_names_no_trace_begins_one(rest: RestTalker, collector: CollectorStandIn, sent: str) -> None:
    assert turn_of(rest, QUESTION, collector, traceparent=sent).parent == ""


@pytest.mark.parametrize("channel", ["widget", "slack", "telegram"])
def test_visitors_and_apps_name_no_trace(traced: RunningAssistant, collector: CollectorStandIn, channel: str) -> None:
    turn = turn_of(TALKERS[channel](traced), QUESTION, collector, **CALLER)

    assert turn.parent == "" and turn.trace != "ab" * 16
    assert turn.attributes == {"dystonia.channel": channel, "dystonia.kind": "answer"}


# What it never tells.


@pytest.mark.parametrize("channel", TALKERS)
def test_no_words_and_no_ids_reach_the_collector(traced: RunningAssistant, collector: CollectorStandIn, channel: str) -> None:
    talker, before = with_marked_id(TALKERS[channel](traced)), len(collector.turns())
    state = {"tracestate": f"seen={TELLING}", "baggage": f"name={TELLING}"}
    headers = {**CALLER, **state, "User-Agent": TELLING, "X-Forwarded-For": "203.0.113.77"}

    for saying in SAYINGS:
        talker.send(saying, query=f"?name={TELLING}", **headers)
    collector.wait_for(before + len(SAYINGS))

    received = b"".join(collector.requests)
    for told in (TELLING, talker.key, talker.key.rpartition(":")[2], "203.0.113.77", "baclofen", "emergency"):
        assert told.encode() not in received
    assert {name for span in collector.spans for name in span.attributes} <= TOLD
    assert not any(span.whole.trace_state or span.whole.events or span.whole.links for span in collector.spans)


def test_of_an_error_only_its_kind_is_told(traced: RunningAssistant, collector: CollectorStandIn) -> None:
    talker = with_marked_id(RestTalker(traced))
    traced.actions.kill()
    try:
        turn = turn_of(talker, SAYINGS[0], collector)
    finally:
        traced.actions.start()

    stages = collector.stages(turn)
    assert turn.attributes == {"dystonia.channel": "rest", "dystonia.kind": "unavailable"}
    assert stages["act"].attributes == {"error.type": "RasaException"}
    assert [name for name, span in stages.items() if span.whole.status.code == ERROR] == ["act", "turn"]
    assert not any(span.whole.status.message or span.whole.events for span in stages.values())
    assert TELLING.encode() not in b"".join(collector.requests)


# That it holds nobody up.


def test_turns_and_the_end_do_not_wait_for_a_collector_that_never_answers(model: Path, tmp_path: Path) -> None:
    with CollectorStandIn(silent=True) as silent:
        settings = {"OTEL_EXPORTER_OTLP_ENDPOINT": silent.url, "OTEL_BSP_SCHEDULE_DELAY": "50"}
        with running_assistant(model, tmp_path, inside=True, **settings) as alone:
            alone.visitor().say("Good morning!")
            wait_until(lambda: bool(silent.requests), 20, "the first traces")
            assert alone.visitor().say(QUESTION).kind == "answer"

            began = time.monotonic()
            alone.rasa.stop()

            # Of the ten seconds that it would wait for an answer, two at most are waited for at the end.
            assert time.monotonic() - began < 5
            assert "Traceback" not in alone.log()


def test_opentelemetry_is_not_even_imported_without_a_collector() -> None:
    look = "import server.serve, server.action_server, sys; print(*[name for name in sys.modules if 'opentelemetry' in name])"

    done = subprocess.run([sys.executable, "-W", "ignore", "-c", look], cwd=ROOT, capture_output=True, text=True, check=True)

    assert done.stdout.strip() == ""
