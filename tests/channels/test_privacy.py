"""A talk that is forgotten, erased or too old is nowhere any more: not in a table, not in a byte of a file, not in a log."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import Callable, Dict, Iterator, List, Union

import pytest
from rasa.core.lock_store import InMemoryLockStore

from channels.seen import Event, SqliteEvents
from server.papers import DAY
from server.retention import Retention
from server.settings import ROOT
from server.talks import Talks
from tests.channels import test_slack, test_telegram
from tests.channels.stand_ins.slack import SlackStandIn, trouble
from tests.channels.stand_ins.telegram import TelegramStandIn
from tests.running import RunningAssistant, Visitor, running_assistant, wait_until
from tools import person as operator

ABOUT = "Does blepharospasm make it hard to walk with a {}?"


def forgotten(visitor: Visitor) -> None:
    """The visitor asks for it."""
    visitor.say("Forget me")


def erased(visitor: Visitor) -> None:
    """The operator does it, while the assistant runs."""
    environment = {**os.environ, "DYSTONIA_DATA": str(visitor.assistant.data)}
    command = [sys.executable, "-W", "ignore", "-m", "tools.person", "erase", f"rest:{visitor.sender}"]
    subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)


def aged(visitor: Visitor) -> None:
    """Nobody does anything for longer than talks are kept."""
    data, talk = visitor.assistant.data, f"rest:{visitor.sender}"
    visitor.assistant.kept("UPDATE events SET timestamp = timestamp - ? WHERE sender_id = ?", str(31 * DAY), talk)
    retention = Retention(Talks.at(f"sqlite:///{data / 'talks.db'}"), data, 30, InMemoryLockStore().lock)
    asyncio.run(retention.run())
    retention.close()


def places(assistant: RunningAssistant, words: str) -> List[str]:
    """Where words are found: files, and columns of tables."""
    found = assistant.files_holding(words)
    for path in assistant.data.rglob("*.db"):
        with contextlib.closing(sqlite3.connect(path)) as store:
            for (table,) in store.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
                rows: List[Dict[str, object]] = store.execute(f"SELECT * FROM {table}").fetchall()
                found += [f"{path.name}: {table}" for row in rows if words in str(row)]
    return found


@pytest.mark.parametrize("gone", [forgotten, erased, aged])
def test_places_where_words_remain(assistant: RunningAssistant, gone: Callable[[Visitor], None]) -> None:
    visitor, words = assistant.visitor(), f"quillfeather{uuid.uuid4().hex}"
    visitor.say(ABOUT.format(words))
    visitor.say("and how is it treated?")
    assert len(places(assistant, words)) >= 2

    gone(visitor)

    assert places(assistant, words) == []
    assert places(assistant, f"rest:{visitor.sender}") == []
    visitor.say("What is blepharospasm?")
    assert places(assistant, words) == []
    assert words not in assistant.log()


# With Slack and Telegram, whose events wait in files of their own.

App = Union[test_slack.Slack, test_telegram.Telegram]


@pytest.fixture(scope="module")
def apps(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dict[str, App]]:
    """Slack and Telegram before one assistant that answers both."""
    slack, telegram = SlackStandIn(), TelegramStandIn()
    slack.open(), telegram.open()
    settings = {
        **test_slack.SETTINGS,
        **test_telegram.SETTINGS,
        "DYSTONIA_SLACK_API_URL": f"{slack.url}/api/",
        "DYSTONIA_TELEGRAM_API_URL": telegram.url,
    }
    with running_assistant(model, tmp_path_factory.mktemp("apps"), inside=True, **settings) as running:
        yield {"slack": test_slack.Slack(running, slack), "telegram": test_telegram.Telegram(running, telegram)}
    slack.close(), telegram.close()


@pytest.fixture(params=["slack", "telegram"])
def app(request: pytest.FixtureRequest, apps: Dict[str, App]) -> Iterator[App]:
    """One of them, away for as long as the test says so."""
    yield apps[request.param]
    apps[request.param].api.mood = None


def someone(app: App) -> Union[test_slack.Person, test_telegram.Person]:
    """A person whom no other test knows."""
    return test_slack.Person() if isinstance(app, test_slack.Slack) else test_telegram.Person()


def talk_of(assistant: RunningAssistant, words: str) -> str:
    """The id of the talk in which words were said."""
    ((talk,),) = assistant.kept("SELECT DISTINCT sender_id FROM events WHERE data LIKE ?", f"%{words}%")
    return str(talk)


def test_what_waits_for_an_app_is_erased_and_does_not_come_back(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    person, words = someone(app), f"quillfeather{uuid.uuid4().hex}"
    app.say(person, ABOUT.format(words))
    talk = talk_of(app.assistant, words)
    app.api.mood = lambda method, arguments: trouble()
    for _ in range(2):
        app.post(person.writes(ABOUT.format(words)))
    waiting, file = "SELECT count(calls), count(content) FROM events WHERE talk = ?", f"{talk.partition(':')[0]}.db"
    wait_until(lambda: app.assistant.kept_in(file, waiting, talk) == [(1, 1)], 20, "the reply that waits")

    monkeypatch.setenv("DYSTONIA_DATA", str(app.assistant.data))
    assert operator.main(["erase", talk]) == 0

    assert places(app.assistant, words) == places(app.assistant, talk) == []
    app.api.mood = None
    assert len(app.settle(person)) == 1
    assert places(app.assistant, words) == [] and words not in app.assistant.log()


def test_forgetting_over_an_app_takes_what_was_given_up_too(app: App) -> None:
    person, words = someone(app), f"quillfeather{uuid.uuid4().hex}"
    app.say(person, ABOUT.format(words))
    talk = talk_of(app.assistant, words)
    file = app.assistant.data / f"{talk.partition(':')[0]}.db"
    with contextlib.closing(SqliteEvents(file)) as events:
        # As when the disk was full too long: nobody works on it any more, but it is still there.
        events.receive(Event(uuid.uuid4().hex, talk, time.time(), {"text": words}))

    app.say(person, "Forget me")

    assert places(app.assistant, words) == []
    wait_until(lambda: places(app.assistant, talk) == [], 10, "the end of the last event")
