"""Odd messages and bodies on each channel: no 5xx, no traceback, no word of a visitor in the log, and all is well afterwards.

`make test` sends some hundred, always the same; `make fuzz` sends 10,000 on each channel, never the same.
"""
from __future__ import annotations

import json
import os
import time
import uuid
from pathlib import Path
from typing import Any, Callable, Dict, Iterator
from urllib.parse import urlencode

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from schemathesis.checks import load_all_checks, not_a_server_error
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance, status_code_conformance
from slack_sdk.signature import SignatureVerifier

from server.settings import ROOT
from tests.channels.stand_ins import slack, telegram
from tests.channels.stub_assistant import SLACK_SECRET, TELEGRAM_SECRET
from tests.faults.odd import TELLING, WORDS, bodies
from tests.running import RunningAssistant, running_assistant, wait_until
from tests.widget_client import SITE

ASKED = os.environ.get("DYSTONIA_FUZZ")
MANY = int(ASKED or 120)
"""Requests to each channel: half of them odd messages in good bodies, half odd bodies."""
HALF = settings(
    max_examples=MANY // 2,
    deadline=None,
    database=None,
    derandomize=not ASKED,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)
REFUSED = {400, 401, 403, 404, 413, 429}

load_all_checks()
SCHEMA = schemathesis.openapi.from_path(str(ROOT / "docs" / "openapi.yml"))
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


@pytest.fixture(scope="module")
def apps() -> Iterator[Dict[str, Any]]:
    """Where Slack and Telegram are."""
    stand_ins = {"slack": slack.SlackStandIn(), "telegram": telegram.TelegramStandIn()}
    for stand_in in stand_ins.values():
        stand_in.open()
    yield stand_ins
    for stand_in in stand_ins.values():
        stand_in.close()


@pytest.fixture(scope="module")
def assistant(model: Path, apps: Dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningAssistant]:
    """An assistant with every channel open."""
    opened = {
        "DYSTONIA_SLACK_TOKEN": slack.TOKEN,
        "DYSTONIA_SLACK_SECRET": SLACK_SECRET,
        "DYSTONIA_SLACK_API_URL": f"{apps['slack'].url}/api/",
        "DYSTONIA_TELEGRAM_TOKEN": telegram.TOKEN,
        "DYSTONIA_TELEGRAM_SECRET": TELEGRAM_SECRET,
        "DYSTONIA_TELEGRAM_API_URL": apps["telegram"].url,
    }
    with running_assistant(model, tmp_path_factory.mktemp("fuzz"), **opened) as running:
        yield running


@pytest.fixture(autouse=True)
def _well_afterwards(assistant: RunningAssistant) -> Iterator[None]:
    """Whatever was sent: nothing of it stands in the log, nothing went wrong unseen, the next visitor is answered."""
    yield
    assert assistant.alive()
    log = assistant.log()
    assert "Traceback" not in log and TELLING not in log
    assert "failed with" not in log and "could not be answered" not in log and "could not be kept" not in log


# REST.


def send_to_rest(assistant: RunningAssistant, body: bytes) -> None:
    """The message is refused with a reason, or gets one reply."""
    answer = assistant.post(body)
    assert answer.status == 200 and len(answer.raw) == 2 and answer.kind or answer.status in REFUSED and answer.error


@HALF
@given(message=WORDS)
def test_odd_messages_over_rest(assistant: RunningAssistant, message: str) -> None:
    send_to_rest(assistant, json.dumps({"sender": uuid.uuid4().hex, "message": message}).encode())


@HALF
@given(body=bodies({"sender": "someone", "message": f"What is {TELLING}?", "metadata": {"a": [1, "b"]}}))
def test_odd_bodies_over_rest(assistant: RunningAssistant, body: bytes) -> None:
    send_to_rest(assistant, body)


# The widget.


class WidgetCaller:
    """Someone at the widget's channel, who opens a new session now and then, as one takes 40 messages a minute."""

    def __init__(self, url: str) -> None:
        self._url = f"{url}/webhooks/widget"
        self._http = requests.Session()
        self._http.headers["Origin"] = SITE
        self._sent = 0

    def send(self, method: str, path: str, body: bytes, **headers: str) -> None:
        """What is asked is done, or refused with a reason."""
        if self._sent % 20 == 0:
            token = self._http.post(f"{self._url}/session", timeout=30).json()["token"]
            self._http.headers["Authorization"] = f"Bearer {token}"
        self._sent += 1
        answer = self._http.request(method, f"{self._url}/{path}", data=body, headers=headers, timeout=30)
        assert answer.status_code == 200 and answer.json() or answer.status_code in REFUSED and answer.json()["error"]


@pytest.fixture(scope="module")
def widget(assistant: RunningAssistant) -> WidgetCaller:
    """Someone at the widget's channel."""
    return WidgetCaller(assistant.url)


@HALF
@given(message=WORDS)
def test_odd_messages_of_the_widget(widget: WidgetCaller, message: str) -> None:
    widget.send("POST", "message", json.dumps({"id": uuid.uuid4().hex, "message": message}).encode())


def _form(**fields: str) -> str:
    return urlencode(fields, errors="replace")


FEEDBACK = {"id": "the-same-id", "helpful": True, "reason": f"It is {TELLING}."}
MESSAGE = {"id": "the-same-id", "message": f"What is {TELLING}?"}
CALLS = some.one_of(
    some.tuples(some.just("POST"), some.just("message"), bodies(MESSAGE)),
    some.tuples(some.just("POST"), some.just("feedback"), bodies(FEEDBACK)),
    some.tuples(some.just("GET"), some.just("history"), some.just(b"")),
    some.tuples(some.just("DELETE"), some.just("session"), some.binary(max_size=9)),
    some.tuples(some.just("GET"), WORDS.map(lambda words: f"strings?{_form(lang=words)}"), some.just(b"")),
)
LATIN = some.text(some.characters(min_codepoint=33, max_codepoint=126), max_size=60)
HEADERS = some.fixed_dictionaries({}, optional={"Authorization": LATIN | LATIN.map("Bearer {}".format), "Origin": LATIN})


@HALF
@given(call=CALLS, headers=HEADERS | some.just({}))
def test_odd_bodies_and_headers_of_the_widget(widget: WidgetCaller, call: Any, headers: Dict[str, str]) -> None:
    widget.send(*call, **headers)


# Slack and Telegram: what their apps post is never refused for its form, or it would come again and again.


NEVER_WAS = ("message_not_found", "message to edit not found")
"""The button of a message that never was can't be taken away."""
WAITING = "SELECT count(*) FROM events WHERE talk IS NOT NULL"


def settle(assistant: RunningAssistant, stand_in: Any) -> None:
    """Waits until everything that was taken in is answered; no call may have broken a rule of the app."""
    for name in ("slack.db", "telegram.db"):
        wait_until(lambda name=name: assistant.kept_in(name, WAITING) == [(0,)], 120 + MANY // 10, "the end of all events")
    assert [refusal for refusal in stand_in.refused if refusal[1] not in NEVER_WAS] == []


def post_to_slack(assistant: RunningAssistant, body: bytes, kind: str = "application/json") -> None:
    """Slack posts it, signed."""
    at = str(int(time.time()))
    try:
        signature = str(SignatureVerifier(SLACK_SECRET).generate_signature(timestamp=at, body=body))
    except UnicodeDecodeError:
        return  # Slack signs text only.
    headers = {"Content-Type": kind, "X-Slack-Request-Timestamp": at, "X-Slack-Signature": signature}
    answer = assistant._session.post(f"{assistant.url}/webhooks/slack/webhook", data=body, headers=headers, timeout=30)
    assert answer.status_code == 200, answer.text


def slack_event(text: str) -> Dict[str, Any]:
    """A direct message of a person of its own."""
    user = f"U{uuid.uuid4().hex[:8]}"
    event = {"type": "message", "channel_type": "im", "channel": f"D{user}", "user": user, "ts": "1.0001", "text": text}
    return {"type": "event_callback", "team_id": slack.TEAM, "event_id": uuid.uuid4().hex, "authorizations": [], "event": event}


SLACK_EVENT = slack_event(f"What is {TELLING}?")
SLACK_PRESS = {
    "type": "block_actions",
    "team": {"id": slack.TEAM},
    "user": {"id": "U1"},
    "channel": {"id": "D1"},
    "container": {"is_ephemeral": False},
    "message": {"ts": "1.0001", "text": TELLING, "blocks": [{"type": "actions"}]},
    "actions": [{"value": f"What is {TELLING}?", "action_ts": "2.0"}],
}


@HALF
@given(message=WORDS)
def test_odd_messages_on_slack(assistant: RunningAssistant, message: str) -> None:
    post_to_slack(assistant, json.dumps(slack_event(message)).encode())


@HALF
@given(body=bodies(SLACK_EVENT))
def test_odd_events_on_slack(assistant: RunningAssistant, body: bytes) -> None:
    post_to_slack(assistant, body)


@settings(HALF, max_examples=MANY // 4)
@given(payload=bodies(SLACK_PRESS), form=some.dictionaries(some.sampled_from(["command", "text", "user_id", "team_id"]), WORDS))
def test_odd_presses_and_commands_on_slack(assistant: RunningAssistant, payload: bytes, form: Dict[str, str]) -> None:
    kind = "application/x-www-form-urlencoded"
    post_to_slack(assistant, urlencode({"payload": payload}).encode(), kind)
    post_to_slack(assistant, _form(**form).encode(), kind)


def post_to_telegram(assistant: RunningAssistant, body: bytes) -> None:
    """Telegram posts it."""
    headers = {"X-Telegram-Bot-Api-Secret-Token": TELEGRAM_SECRET}
    answer = assistant._session.post(f"{assistant.url}/webhooks/telegram/webhook", data=body, headers=headers, timeout=30)
    assert answer.status_code == 200, answer.text


def telegram_update(text: str) -> Dict[str, Any]:
    """A private message of a person of its own."""
    number = uuid.uuid4().int % 10**9
    user = {"id": number, "is_bot": False, "first_name": "N"}
    message = {"message_id": 1, "date": 0, "chat": {"id": number, "type": "private"}, "from": user, "text": text}
    return {"update_id": number, "message": message}


TELEGRAM_UPDATE = telegram_update(f"What is {TELLING}?")
TELEGRAM_PRESS = {
    "callback_query": {
        "id": "5",
        "from": {"id": 7, "is_bot": False},
        "data": "say:0",
        "message": {
            "message_id": 3,
            "chat": {"id": 7, "type": "private"},
            "reply_markup": {"inline_keyboard": [[{"text": f"What is {TELLING}?", "callback_data": "say:0"}]]},
        },
    }
}


@HALF
@given(message=WORDS)
def test_odd_messages_on_telegram(assistant: RunningAssistant, message: str) -> None:
    post_to_telegram(assistant, json.dumps(telegram_update(message)).encode())


@HALF
@given(body=bodies(TELEGRAM_UPDATE) | bodies(TELEGRAM_PRESS))
def test_odd_updates_on_telegram(assistant: RunningAssistant, body: bytes) -> None:
    post_to_telegram(assistant, body)


@pytest.mark.parametrize("app", ["slack", "telegram"])
@pytest.mark.parametrize("post", [post_to_slack, post_to_telegram])
def test_what_the_apps_posted_is_answered(
    assistant: RunningAssistant, apps: Dict[str, Any], app: str, post: Callable[[RunningAssistant, bytes], None]
) -> None:
    made = slack_event if post is post_to_slack else telegram_update
    post(assistant, json.dumps(made(f"What is {TELLING}?")).encode())

    settle(assistant, apps[app])


# The description of all addresses, and what answers there.


@SCHEMA.parametrize()
@settings(HALF, max_examples=max(8, MANY // 20))
def test_every_address_answers_as_it_is_described(case: Any, assistant: RunningAssistant) -> None:
    case.call_and_validate(base_url=assistant.url, checks=CHECKS)
