"""Who may call the REST channel: this machine while nobody else can reach it, and otherwise who holds the key."""
from __future__ import annotations

import uuid
from pathlib import Path
from typing import Iterator, Optional

import pytest
import requests

from channels.rest import CLOSED
from tests.running import RunningAssistant, running_assistant
from tests.widget_client import WidgetClient
from tools import chat

KEY = "a long word of one's own for tests only"
EMERGENCY = "I can't breathe since my injection"


@pytest.fixture(scope="module")
def locked(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningAssistant]:
    """An assistant with a key, behind a proxy on the same machine."""
    folder = tmp_path_factory.mktemp("locked")
    with running_assistant(model, folder, with_actions=False, DYSTONIA_REST_KEY=KEY, DYSTONIA_PROXIES="1") as running:
        yield running


@pytest.fixture(scope="module")
def closed(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningAssistant]:
    """An assistant behind a proxy, to which every caller looks like this machine, for which nobody has set a key."""
    with running_assistant(model, tmp_path_factory.mktemp("closed"), with_actions=False, DYSTONIA_PROXIES="1") as running:
        yield running


def post(assistant: RunningAssistant, authorization: Optional[str]) -> requests.Response:
    """A message with a header; without one, as a client that knows of no key."""
    headers = {"Authorization": authorization.encode("latin-1")} if authorization is not None else {}
    body = {"sender": uuid.uuid4().hex, "message": EMERGENCY}
    return requests.post(f"{assistant.url}/webhooks/rest/webhook", json=body, headers=headers, timeout=30)


def test_with_the_key_it_is_as_without_one(locked: RunningAssistant) -> None:
    answer = post(locked, f"Bearer {KEY}")

    assert answer.status_code == 200
    assert answer.json()[1]["custom"]["reply"]["kind"] == "emergency"


@pytest.mark.parametrize(
    "authorization",
    [None, "", KEY, "Bearer ", f"Basic {KEY}", f"Bearer {KEY}x", f"Bearer {KEY[:-1]}", f"Bearer {KEY.upper()}", "Bearer \xff"],
)
def test_without_the_key_nothing_is_said(locked: RunningAssistant, authorization: Optional[str]) -> None:
    answer = post(locked, authorization)

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert list(answer.json()) == ["error"] and "DYSTONIA_REST_KEY" in answer.json()["error"]
    assert "Traceback" not in locked.log()


def test_the_terminal_chat_sends_the_key(locked: RunningAssistant) -> None:
    url = f"{locked.url}/webhooks/rest/webhook"

    with_key, without = (chat.ask(url, uuid.uuid4().hex, EMERGENCY, key) for key in (KEY, None))

    assert "Call" in with_key[0]["text"] and "DYSTONIA_REST_KEY" in without[0]["text"]


def test_whether_it_runs_can_be_seen_without_the_key(locked: RunningAssistant) -> None:
    assert requests.get(f"{locked.url}/webhooks/rest/", timeout=10).json() == {"status": "ok"}


def test_the_key_is_in_no_log_and_no_file(locked: RunningAssistant) -> None:
    post(locked, f"Bearer {KEY}")

    assert KEY not in locked.log()
    assert locked.files_holding(KEY) == []


@pytest.mark.parametrize("authorization", [None, "Bearer ", f"Bearer {KEY}"])
def test_where_others_can_reach_it_without_a_key_it_is_closed(closed: RunningAssistant, authorization: Optional[str]) -> None:
    answer = post(closed, authorization)

    assert (answer.status_code, answer.json()) == (403, {"error": CLOSED})


def test_a_closed_channel_is_said_in_one_line_at_the_start(closed: RunningAssistant) -> None:
    assert closed.log().splitlines().count(f"{CLOSED} All else runs.") == 1


def test_the_widget_works_while_it_is_closed(closed: RunningAssistant) -> None:
    assert WidgetClient.opened(closed).say(EMERGENCY)["reply"]["kind"] == "emergency"
