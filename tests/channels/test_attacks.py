"""Each hole that was found in Rasa's own connectors, tried on each channel; docs/attacks.md is the table of it."""
from __future__ import annotations

import abc
import contextlib
import itertools
import json
import re
import time
import uuid
from pathlib import Path
from typing import Any, Dict, Iterator, List, Type

import jwt
import pytest
import requests
from slack_sdk.signature import SignatureVerifier

from channels.chat import TOO_LONG, TOO_MANY
from channels.telegram import SECRET_HEADER
from server.settings import ROOT
from tests.channels import test_slack, test_telegram
from tests.channels.stand_ins.slack import TEAM, SlackStandIn
from tests.channels.stand_ins.telegram import TelegramStandIn
from tests.channels.test_rest_key import KEY
from tests.running import RunningAssistant, running_assistant, wait_until
from tests.widget_client import WidgetClient

QUESTION = "What is blepharospasm?"
FOLLOW_UP = "and how is it treated?"
EVIL = "https://evil.example"
CHANNELS = ("rest", "widget", "slack", "telegram")
COMMANDS = ("/restart", "// /restart", '/ask_cause{"about": "injected"}', "\u200b/session_start", "/back")
KILLERS = ("Hello\ud800", "Hello\x00", "Hello\uffff")

counter = itertools.count(1)


class Talker(abc.ABC):
    """Someone new on a channel, as its app or its page lets them speak."""

    def __init__(self, assistant: RunningAssistant) -> None:
        self.assistant = assistant

    @property
    @abc.abstractmethod
    def key(self) -> str:
        """The key of their talk in the store."""

    @abc.abstractmethod
    def send(self, text: str, query: str = "", **headers: str) -> requests.Response:
        """Says something; what comes back over HTTP."""

    @abc.abstractmethod
    def say(self, text: str) -> str:
        """Says something; what they are told: the reply, or why there is none."""

    def post(self, body: bytes, query: str, headers: Dict[str, str]) -> requests.Response:
        """Any bytes, to the address of the channel."""
        return requests.post(f"{self.assistant.url}/webhooks/{self.PATH}{query}", data=body, headers=headers, timeout=20)

    PATH: str

    def events(self, kind: str = "%") -> List[Dict[str, Any]]:
        """What is kept of their talk."""
        rows = "SELECT data FROM events WHERE sender_id = ? AND type_name LIKE ? ORDER BY id"
        return [json.loads(data) for (data,) in self.assistant.kept(rows, self.key, kind)]


class RestTalker(Talker):
    """A program."""

    PATH = "rest/webhook"
    more: Dict[str, Any] = {"metadata": {"injected": 1}, "input_channel": "slack", "session_id": "injected"}

    def __init__(self, assistant: RunningAssistant) -> None:
        super().__init__(assistant)
        self.sender = uuid.uuid4().hex

    @property
    def key(self) -> str:
        return f"rest:{self.sender}"

    def send(self, text: str, query: str = "", **headers: str) -> requests.Response:
        body = {"sender": self.sender, "message": text, **self.more}
        return self.post(json.dumps(body).encode(), query, {"Authorization": f"Bearer {KEY}", **headers})

    def say(self, text: str) -> str:
        told = self.send(text).json()
        return told["error"] if isinstance(told, dict) else told[0]["text"]


class WidgetTalker(Talker):
    """Someone on the site."""

    PATH = "widget/message"

    def __init__(self, assistant: RunningAssistant) -> None:
        super().__init__(assistant)
        self.token = WidgetClient.opened(assistant).token or ""

    @property
    def key(self) -> str:
        return "widget:" + jwt.decode(self.token, options={"verify_signature": False})["sub"]

    def send(self, text: str, query: str = "", **headers: str) -> requests.Response:
        body = {"id": uuid.uuid4().hex, "message": text, "sender": "injected", **RestTalker.more}
        return self.post(json.dumps(body).encode(), query, {"Authorization": f"Bearer {self.token}", **headers})

    def say(self, text: str) -> str:
        told = self.send(text).json()
        return told.get("error") or told["text"]


class AppTalker(Talker):
    """Someone in an app, which is answered in the background."""

    @abc.abstractmethod
    def texts(self) -> List[str]:
        """All that they have been told."""

    def say(self, text: str) -> str:
        before = len(self.texts())
        assert self.send(text).status_code == 200
        wait_until(lambda: len(self.texts()) > before, 20, "the reply")
        return self.texts()[-1]


class SlackTalker(AppTalker):
    """Someone on Slack."""

    PATH = "slack/webhook"
    api: SlackStandIn

    def __init__(self, assistant: RunningAssistant) -> None:
        super().__init__(assistant)
        self.person = test_slack.Person()

    @property
    def key(self) -> str:
        return f"slack:{TEAM}:direct:{self.person.id}"

    def send(self, text: str, query: str = "", **headers: str) -> requests.Response:
        body = json.dumps(self.person.writes(text, **RestTalker.more)).encode()
        at = str(int(time.time()))
        signature = SignatureVerifier(test_slack.SECRET).generate_signature(timestamp=at, body=body) or ""
        signed = {"X-Slack-Request-Timestamp": at, "X-Slack-Signature": signature, "Content-Type": "application/json"}
        return self.post(body, query, {**signed, **headers})

    def texts(self) -> List[str]:
        return self.api.texts(self.person.direct)


class TelegramTalker(AppTalker):
    """Someone on Telegram."""

    PATH = "telegram/webhook"
    api: TelegramStandIn

    def __init__(self, assistant: RunningAssistant) -> None:
        super().__init__(assistant)
        self.person = test_telegram.Person()

    @property
    def key(self) -> str:
        return f"telegram:{self.person.id}"

    def send(self, text: str, query: str = "", **headers: str) -> requests.Response:
        body = self.person.writes(text)
        body["message"].update(RestTalker.more)
        return self.post(json.dumps(body).encode(), query, {SECRET_HEADER: test_telegram.SECRET, **headers})

    def texts(self) -> List[str]:
        return self.api.texts(self.person.id)


TALKERS: Dict[str, Type[Talker]] = dict(zip(CHANNELS, (RestTalker, WidgetTalker, SlackTalker, TelegramTalker)))


@pytest.fixture(scope="module")
def opened() -> Iterator[Dict[str, str]]:
    """What opens all channels, behind one proxy; Slack and Telegram are stand-ins."""
    SlackTalker.api, TelegramTalker.api = SlackStandIn(), TelegramStandIn()
    with contextlib.ExitStack() as stack:
        for api in (SlackTalker.api, TelegramTalker.api):
            api.open()
            stack.callback(api.close)
        yield {
            **test_slack.SETTINGS,
            **test_telegram.SETTINGS,
            "DYSTONIA_SLACK_API_URL": f"{SlackTalker.api.url}/api/",
            "DYSTONIA_TELEGRAM_API_URL": TelegramTalker.api.url,
            "DYSTONIA_REST_KEY": KEY,
            "DYSTONIA_PROXIES": "1",
        }


@pytest.fixture(scope="module")
def running(model: Path, tmp_path_factory: pytest.TempPathFactory, opened: Dict[str, str]) -> Iterator[RunningAssistant]:
    """An assistant."""
    with running_assistant(model, tmp_path_factory.mktemp("attacked"), **opened) as assistant:
        yield assistant


@pytest.fixture(scope="module")
def alone(model: Path, tmp_path_factory: pytest.TempPathFactory, opened: Dict[str, str]) -> Iterator[RunningAssistant]:
    """An assistant whose action server is dead."""
    with running_assistant(model, tmp_path_factory.mktemp("alone"), with_actions=False, **opened) as assistant:
        yield assistant


@pytest.fixture
def talker(running: RunningAssistant, channel: str) -> Iterator[Talker]:
    """Someone new; afterwards the assistant is well, and their key stands in no log."""
    one = TALKERS[channel](running)
    yield one
    assert WidgetTalker(running).say("Hello").startswith("Hello")
    assert one.key not in running.log()


on_each = pytest.mark.parametrize("channel", CHANNELS)


@on_each
def test_hole_1_no_other_caller_gets_into_a_talk(talker: Talker) -> None:
    talker.say(QUESTION)
    before = talker.events()

    for sender in (talker.key, talker.key.rpartition(":")[2]):
        stranger = RestTalker(talker.assistant)
        stranger.sender = sender
        # The REST channel takes a caller's word for who is talking: there the bare id is the talk's own.
        if stranger.key != talker.key:
            assert "eyelid" not in stranger.say(FOLLOW_UP)
            stranger.say("forget me")

    assert before and talker.events() == before


@on_each
def test_hole_2_no_character_ends_the_assistant(talker: Talker) -> None:
    for killer in KILLERS:
        assert talker.say(killer)

    assert talker.say(QUESTION)


@on_each
def test_hole_3_no_length_holds_it_up(talker: Talker) -> None:
    began = time.monotonic()
    assert talker.send("x" * 1_000_000).status_code == 413
    assert time.monotonic() - began < 2

    told = talker.say("pain " * 800)
    assert told == TOO_LONG or "at most 1000 are read" in told


@on_each
def test_hole_4_a_flood_is_stopped(talker: Talker) -> None:
    if isinstance(talker, AppTalker):
        for _ in range(35):
            talker.send("Hello")
        wait_until(lambda: len(talker.texts()) == 35, 60, "all replies")
        assert TOO_MANY in talker.texts()
    else:
        # From outside: the loopback address, where test suites live, has no limit on the REST channel.
        flood = [talker.send("", **{"X-Forwarded-For": "203.0.113.9"}).status_code for _ in range(80)]
        assert flood[0] == 400 and flood[-1] == 429


@on_each
def test_hole_5_asking_for_a_stream_leaves_nothing_open(talker: Talker) -> None:
    assert talker.send(QUESTION, "?stream=true").status_code == 200
    assert talker.send("x" * 1_000_000, "?stream=true").status_code == 413


@on_each
def test_hole_6_no_typed_command_is_carried_out(talker: Talker) -> None:
    for command in COMMANDS:
        talker.say(command)

    typed = [event["parse_data"]["intent"]["name"] for event in talker.events("user")]
    assert len(typed) == len(COMMANDS)
    assert not set(typed) & {"restart", "session_start", "back", "ask_cause"}
    assert "injected" not in json.dumps(talker.events("slot"))


@on_each
def test_hole_7_nothing_around_the_words_counts_and_no_word_is_logged(talker: Talker) -> None:
    talker.say("My friend Quillfeather asks what dystonia is")
    talker.say("Quillfeather \x00")

    assert [event["input_channel"] for event in talker.events("user")] == [talker.key.partition(":")[0]]
    assert "injected" not in json.dumps(talker.events())
    assert talker.assistant.kept("SELECT 1 FROM events WHERE sender_id LIKE '%injected%'") == []
    assert "Quillfeather" not in talker.assistant.log()


@on_each
def test_hole_8_no_foreign_site_is_let_in(talker: Talker) -> None:
    answer = talker.send(QUESTION, Origin=EVIL)

    assert not [name for name in answer.headers if name.startswith("Access-Control-")]
    if not isinstance(talker, AppTalker):
        # What the apps send is signed, which no site can do.
        assert answer.status_code == 403 and talker.events() == []


@on_each
def test_hole_9_rasas_own_interface_shows_no_talk(talker: Talker) -> None:
    talker.say(QUESTION)

    for path in (f"conversations/{talker.key}/tracker", "model", "version", "domain", f"webhooks/{talker.PATH}/set"):
        assert requests.get(f"{talker.assistant.url}/{path}", timeout=10).status_code in (404, 405)


@pytest.mark.parametrize("channel", ["widget", "slack", "telegram"])
def test_hole_10_what_is_sent_again_is_answered_once(talker: Talker, monkeypatch: pytest.MonkeyPatch) -> None:
    post, sent = talker.post, []
    monkeypatch.setattr(talker, "post", lambda *what: sent.append(what) or post(*what))
    talker.say(QUESTION)

    for _ in range(3):
        assert post(*sent[0]).status_code == 200
    talker.say("Good morning!")

    assert len(talker.events("user")) == 2
    if isinstance(talker, AppTalker):
        assert len(talker.texts()) == 2


@on_each
def test_hole_11_who_is_not_known_is_not_heard(talker: Talker) -> None:
    false = {"Authorization": "Bearer x.y.z", "X-Slack-Signature": "v0=" + "0" * 64, SECRET_HEADER: "wrong"}

    assert talker.send(QUESTION, **false).status_code in (401, 403)
    assert talker.post(b"{}", "", {}).status_code in (401, 403)

    assert talker.events() == []


@on_each
def test_hole_12_nobody_meets_silence_when_the_look_up_is_dead(alone: RunningAssistant, channel: str) -> None:
    told = TALKERS[channel](alone).say(QUESTION)

    assert "doctor" in told and "112" in told


@on_each
def test_hole_12_forgetting_really_deletes(talker: Talker) -> None:
    marked = f"Ashwater{next(counter)}"
    talker.say(f"Does {marked} help with dystonia?")
    assert talker.events()

    assert "deleted" in talker.say("forget me")

    assert talker.events() == []
    wait_until(lambda: talker.assistant.files_holding(marked) == [], 5, "the end of the words")


# The table.


def rows() -> List[List[str]]:
    """The table of docs/attacks.md, cell by cell."""
    lines = (ROOT / "docs" / "attacks.md").read_text(encoding="utf-8").splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if re.match(r"\| \d+ \|", line)]


def test_the_table_has_each_hole_and_each_channel_and_names_tests_that_are_there() -> None:
    files = [*(ROOT / "tests" / "channels").glob("test_*.py"), *(ROOT / "tests" / "unit").glob("test_*.py")]
    there = {name for file in files for name in re.findall(r"^def (test_\w+)", file.read_text(encoding="utf-8"), re.M)}
    named = [re.findall(r"`(test_\w+)`", cell) for row in rows() for cell in row[2:]]

    assert [row[0] for row in rows()] == [str(number) for number in range(1, 13)]
    assert all(len(row) == 2 + len(CHANNELS) for row in rows())
    assert all(re.search(r"`test_\w+`|^none: \w+", cell) for row in rows() for cell in row[2:])
    assert {name for names in named for name in names} <= there
    ours = set(re.findall(r"^def (test_hole_\w+)", Path(__file__).read_text(encoding="utf-8"), re.M))
    assert ours <= {name for names in named for name in names}
