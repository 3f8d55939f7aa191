"""A talk that was forgotten or erased is nowhere any more: in no table, no key of Redis, no file and no log of any instance."""
from __future__ import annotations

import asyncio
import json
import time
import uuid
from contextlib import closing
from pathlib import Path
from typing import Callable, Dict, Iterator, List

import pytest
import redis
import requests
from rasa.core.lock_store import InMemoryLockStore

from channels.seen import Event
from channels.shared_events import SharedEvents
from server.papers import DAY
from server.retention import Retention
from server.settings import ROOT
from server.talks import Talks
from tests.channels.stand_ins.slack import SlackStandIn, trouble
from tests.channels.stand_ins.telegram import TelegramStandIn
from tests.channels.test_slack import Person as SlackPerson
from tests.channels.test_slack import Slack
from tests.channels.test_telegram import Person as TelegramPerson
from tests.channels.test_telegram import Telegram
from tests.running import wait_until
from tests.servers.conftest import REST_KEY
from tools import person as operator
from tools.cluster.instances import SITE, Cluster
from tools.cluster.servers import Postgres, Valkey

ABOUT = "Does blepharospasm make it hard to walk with a {}?"
Say = Callable[[str], object]


def places(several: Cluster, words: str) -> List[str]:
    """Where words are found: tables, keys, files. PostgreSQL's own files are left out (docs/privacy.md says why)."""
    found = []
    for (table,) in several.postgres.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"):
        found += several.postgres.rows(f"SELECT '{table}' FROM {table} kept WHERE kept::text LIKE %s", f"%{words}%")
    found += [key for key, held in in_redis(several.valkey).items() if words in key + held]
    own = several.folder / "postgres"
    files = [path for path in several.folder.rglob("*") if path.is_file() and own not in path.parents]
    return found + [str(path) for path in [own / "log", *files] if words.encode() in path.read_bytes()]


def in_redis(valkey: Valkey) -> Dict[str, str]:
    """All keys, and what they hold."""
    with redis.Redis.from_url(valkey.url, decode_responses=True) as client:
        read = {"hash": client.hgetall, "list": lambda key: client.lrange(key, 0, -1), "none": lambda key: ""}
        return {key: str(read[client.type(key)](key)) for key in client.scan_iter()}


class Doors:
    """Someone at each of the channels; what they say goes to one instance, then to the other."""

    def __init__(self, several: Cluster, slack: SlackStandIn, telegram: TelegramStandIn) -> None:
        self.first, self.other = several.instances
        self.slack, self.telegram = Slack(self.first, slack), Telegram(self.other, telegram)  # type: ignore[arg-type]
        self.on_slack, self.on_telegram = SlackPerson(), TelegramPerson()
        self.sender = uuid.uuid4().hex
        session = requests.post(f"{self.first.url}/webhooks/widget/session", headers={"Origin": SITE}, timeout=30)
        self.widget = {"Origin": SITE, "Authorization": f"Bearer {session.json()['token']}"}

    @property
    def all(self) -> List[Say]:
        """How something is said at each, and answered."""
        return [
            self._say_in_widget,
            self._say_over_rest,
            lambda text: self.slack.say(self.on_slack, text),
            lambda text: self.telegram.say(self.on_telegram, text),
        ]

    def _say_in_widget(self, text: str) -> None:
        for instance in (self.other, self.first):
            url = f"{instance.url}/webhooks/widget/message"
            requests.post(url, json={"message": text}, headers=self.widget, timeout=30).raise_for_status()

    def _say_over_rest(self, text: str) -> None:
        for instance in (self.first, self.other):
            url, key = f"{instance.url}/webhooks/rest/webhook", {"Authorization": f"Bearer {REST_KEY}"}
            requests.post(url, json={"sender": self.sender, "message": text}, headers=key, timeout=30).raise_for_status()

    def leave_waiting(self, text: str) -> None:
        """Slack and Telegram hand something over that can't be answered now: twice, so that one waits behind the other."""
        for _ in range(2):
            assert self.slack.post(self.on_slack.writes(text)).status_code == 200
            assert self.telegram.post(self.on_telegram.writes(text)) == 200


@pytest.fixture
def doors(several: Cluster, slack_api: SlackStandIn, telegram_api: TelegramStandIn) -> Iterator[Doors]:
    """Someone new; afterwards the apps are in a good mood."""
    yield Doors(several, slack_api, telegram_api)
    slack_api.mood = telegram_api.mood = None


@pytest.fixture
def words() -> str:
    """Words that nobody else says."""
    return f"quillfeather{uuid.uuid4().hex}"


def talks(several: Cluster, words: str) -> List[str]:
    """The ids of the talks in which words were said."""
    told = several.postgres.rows("SELECT DISTINCT sender_id FROM events WHERE data LIKE %s", f"%{words}%")
    return sorted(talk for (talk,) in told)


def test_places_where_words_remain_that_were_to_be_forgotten(several: Cluster, doors: Doors, words: str) -> None:
    for say in doors.all:
        say(ABOUT.format(words))
    said = talks(several, words)
    assert len(said) == 4 and len(places(several, words)) >= 2

    for say in doors.all:
        say("forget me")

    assert places(several, words) == []
    wait_until(lambda: not any(places(several, talk) for talk in said), 10, "the end of the last event")


def test_places_where_words_remain_that_the_operator_erased(
    several: Cluster, doors: Doors, words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for say in doors.all:
        say(ABOUT.format(words))
    said = talks(several, words)
    # The apps are away: of each, a reply waits to be sent, and a message to be answered.
    doors.slack.api.mood = doors.telegram.api.mood = lambda method, arguments: trouble()
    doors.leave_waiting(ABOUT.format(words))
    waiting = "SELECT count(calls), count(content) FROM app_events WHERE talk = ANY(%s)"
    wait_until(lambda: several.postgres.rows(waiting, said) == [(2, 2)], 20, "the replies")
    monkeypatch.chdir(ROOT)
    for name, value in several.instances[0].environment().items():
        monkeypatch.setenv(name, value)

    assert operator.main(["export", said[0]]) == 0 and words in capsys.readouterr().out
    for talk in said:
        assert operator.main(["erase", talk]) == 0

    assert {name: places(several, name) for name in (words, *said)} == {name: [] for name in (words, *said)}
    doors.slack.api.mood = doors.telegram.api.mood = None
    told = [*doors.slack.settle(doors.on_slack), *doors.telegram.settle(doors.on_telegram)]
    assert len(told) == 2  # what was answered before; nothing that waited
    assert places(several, words) == []


def test_what_redis_holds_goes_by_itself_within_a_minute(several: Cluster, doors: Doors) -> None:
    for say in doors.all:
        say("What is dystonia?")

    with redis.Redis.from_url(several.valkey.url) as client:
        assert [name for name in client.scan_iter() if client.ttl(name) == -1 or client.ttl(name) > 60] == []


def test_what_the_change_to_postgresql_left_behind_is_aged_and_erased_too(
    postgres: Postgres, tmp_path: Path, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, young = f"slack:T1:direct:{words}-old", f"slack:T1:direct:{words}-young"
    row = {"event": "user", "text": words}
    with closing(Talks.at(f"sqlite:///{tmp_path / 'talks.db'}")) as left:
        for talk, days in ((old, 31), (young, 1)):
            stored = (talk, "user", time.time() - days * DAY, None, None, json.dumps(row))
            left.take_over({talk: [stored]})
    # Slack was closed since: nobody but retention looks at its events.
    with closing(SharedEvents(postgres.url, "slack")) as events:
        for talk, days in ((old, 2), (young, 0)):
            events.receive(Event(uuid.uuid4().hex, talk, time.time() - days * DAY, {"text": words}))
    retention = Retention(Talks.at(postgres.url), tmp_path, 30, InMemoryLockStore().lock)

    asyncio.run(retention.run())
    retention.close()

    def kept() -> List[str]:
        waiting = postgres.rows("SELECT talk FROM app_events WHERE content LIKE %s", f"%{words}%")
        files = [path for path in tmp_path.iterdir() if words.encode() in path.read_bytes()]
        return [*(talk for (talk,) in waiting), *(path.name for path in files)]

    assert kept() == [young, "talks.db"] and old.encode() not in (tmp_path / "talks.db").read_bytes()
    monkeypatch.setenv("DYSTONIA_POSTGRES_URL", postgres.url)
    monkeypatch.setenv("DYSTONIA_DATA", str(tmp_path))
    assert operator.main(["erase", young], again=0) == 0
    assert kept() == []
