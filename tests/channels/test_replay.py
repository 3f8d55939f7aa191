"""Ten thousand events of Slack and Telegram, shuffled, doubled, with 429s, trouble and restarts: one reply to each."""

from __future__ import annotations

import collections
import contextlib
import itertools
import json
import os
import random
import re
import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

import pytest
import requests
from slack_sdk.signature import SignatureVerifier

from channels.delivery import AT_ONCE
from channels.telegram import SECRET_HEADER
from tests.channels import stub_assistant
from tests.channels.stand_ins import slack, telegram
from tests.channels.stand_ins.server import Answer, StandIn
from tests.running import ServerProcess, free_ports, wait_until

EVENTS = 5_000
"""Each comes twice. Measured once with 10,000, each twice: nothing lost, nothing doubled."""
SENDERS = 6
"""Connections that events come over at the same time."""
TALKS = 400


class World:
    """Both apps, and the assistant that answers them."""

    def __init__(self, folder: Path) -> None:
        self.telegram, self.slack = telegram.TelegramStandIn(), slack.SlackStandIn()
        for stand_in in (self.telegram, self.slack):
            stand_in.open()
        (port,) = free_ports(1)
        self.folder = folder
        self.url = f"http://127.0.0.1:{port}/webhooks"
        self.process = ServerProcess(
            "tests.channels.stub_assistant",
            (str(port), str(folder), self.telegram.url, self.slack.url),
            dict(os.environ),
            f"{self.url}/telegram/",
            folder / "stub.log",
        )

    def hand_over(self, event: "Event") -> None:
        """Posts an event until it is taken, as both apps do."""
        for _ in range(600):
            with contextlib.suppress(requests.ConnectionError):
                if event.post(self.url) == 200:
                    return
            time.sleep(0.1)
        raise AssertionError("an event was not taken within a minute")

    def replies(self) -> "collections.Counter[str]":
        """How often each reply, or part of one, was said."""
        said = [call["text"] for stand_in in (self.telegram, self.slack) for call in _sent(stand_in)]
        return collections.Counter(found for text in said for found in re.findall(r"(?:re|end) \d+(?=\.)", text))

    def waiting(self) -> int:
        """How many events are not done."""
        count = 0
        for name in ("telegram.db", "slack.db"):
            with contextlib.closing(sqlite3.connect(self.folder / name, timeout=30)) as store:
                count += store.execute("SELECT count(*) FROM events WHERE talk IS NOT NULL").fetchone()[0]
        return count

    def close(self) -> None:
        """Ends everything."""
        self.process.stop()
        for stand_in in (self.telegram, self.slack):
            stand_in.close()


def _sent(stand_in: StandIn) -> List[Dict[str, Any]]:
    return stand_in.calls("sendMessage") + stand_in.calls("chat.postMessage")


class Event:
    """One event of either app; its text ends in a number that is its own."""

    local = threading.local()

    def __init__(self, number: int) -> None:
        talk = 100 + number % TALKS
        make = (self._telegram, self._telegram_group, self._slack, self._slack_mention)[number % 4]
        self.path, self.body = make(number, talk)

    def post(self, url: str) -> int:
        """Posts it over a connection of this thread; returns the status."""
        if not hasattr(self.local, "session"):
            self.local.session = requests.Session()
        body = json.dumps(self.body)
        headers = {SECRET_HEADER: stub_assistant.TELEGRAM_SECRET, "Content-Type": "application/json"}
        if self.path == "slack":
            headers.update(_signed(body))
        return self.local.session.post(f"{url}/{self.path}/webhook", data=body, headers=headers, timeout=30).status_code

    @staticmethod
    def _telegram(number: int, talk: int) -> Tuple[str, Dict[str, Any]]:
        return "telegram", _update(number, {"id": talk, "type": "private"}, talk, f"say {number}")

    @staticmethod
    def _telegram_group(number: int, talk: int) -> Tuple[str, Dict[str, Any]]:
        return "telegram", _update(number, {"id": -talk, "type": "group"}, talk, f"@{telegram.USERNAME} say {number}")

    @staticmethod
    def _slack(number: int, talk: int) -> Tuple[str, Dict[str, Any]]:
        where = {"type": "message", "channel_type": "im", "channel": f"D{talk}", "text": f"say {number}"}
        return "slack", _event(number, talk, where)

    @staticmethod
    def _slack_mention(number: int, talk: int) -> Tuple[str, Dict[str, Any]]:
        return "slack", _event(number, talk, {"type": "app_mention", "channel": "C1", "text": f"<@{slack.BOT}> say {number}"})


def _update(number: int, chat: Dict[str, Any], user: int, text: str) -> Dict[str, Any]:
    message = {"message_id": number, "date": 1, "chat": chat, "from": {"id": user, "is_bot": False}, "text": text}
    return {"update_id": number, "message": message}


def _event(number: int, talk: int, where: Dict[str, Any]) -> Dict[str, Any]:
    event = {"user": f"U{talk}", "ts": f"{number}.0001", **where}
    return {"type": "event_callback", "team_id": "T1", "event_id": f"Ev{number}", "event": event}


def _signed(body: str) -> Dict[str, str]:
    at = str(int(time.time()))
    signature = SignatureVerifier(stub_assistant.SLACK_SECRET).generate_signature(timestamp=at, body=body)
    return {"X-Slack-Request-Timestamp": at, "X-Slack-Signature": str(signature)}


def expected(numbers: "range") -> Dict[str, int]:
    """Each reply once, and each part of a long one."""
    long = [number for number in numbers if number % stub_assistant.LONG == 0]
    return {**{f"re {number}": 1 for number in numbers}, **{f"end {number}": 1 for number in long}}


def moody(
    too_many: Callable[[int], Answer], trouble: Callable[[], Answer]
) -> Callable[[str, Dict[str, Any]], Optional[Answer]]:
    """Asks to wait at each seventh call; has trouble at each two hundredth."""
    calls = itertools.count(1)

    def mood(*_: Any) -> Optional[Answer]:
        call = next(calls)
        return trouble() if call % 200 == 0 else too_many(0) if call % 7 == 0 else None

    return mood


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Both apps and an assistant that runs."""
    made = World(tmp_path)
    try:
        made.process.start()
        yield made
    finally:
        made.close()


def replay(world: World, events: List[Event], between: Callable[[], None], times: int) -> None:
    """Hands over all events from several connections; so many times in between, something happens."""
    marks = {len(events) * (place + 1) // (times + 1) for place in range(times)}
    done = itertools.count(1)
    reached: List[int] = []

    def hand_over(event: Event) -> None:
        world.hand_over(event)
        count = next(done)
        if count in marks:
            reached.append(count)
            between()

    with ThreadPoolExecutor(SENDERS) as pool:
        for future in [pool.submit(hand_over, event) for event in events]:
            future.result()
    assert len(reached) == times


def shuffled(count: int) -> List[Event]:
    """Events, each twice, in any order."""
    events = [Event(number) for number in range(1, count + 1)] * 2
    random.Random(6).shuffle(events)
    return events


def test_none_of_ten_thousand_replies_is_lost_or_doubled(world: World) -> None:
    world.telegram.mood = moody(telegram.too_many, telegram.trouble)
    world.slack.mood = moody(slack.too_many, slack.trouble)

    def restart() -> None:
        world.process.stop()
        world.process.start()

    replay(world, shuffled(EVENTS), restart, times=4)

    wait_until(lambda: world.waiting() == 0, 300, "the end of all events")
    assert world.replies() == expected(range(1, EVENTS + 1))
    assert world.telegram.refused == [] == world.slack.refused
    assert "Traceback" not in world.process.log()


def test_what_was_accepted_before_a_process_was_killed_is_answered_once(world: World) -> None:
    count = 400
    for event in shuffled(count):
        world.hand_over(event)
        if event.body.get("update_id") == 100:
            break
    refused = itertools.count()
    for stand_in, wait in ((world.telegram, telegram.too_many(0)), (world.slack, slack.too_many(0))):
        stand_in.mood = lambda *_, wait=wait: (next(refused), wait)[1]
    for event in shuffled(count):
        world.hand_over(event)
    wait_until(lambda: next(refused) > 500, 30, "refusals")

    world.process._process.kill()
    world.process._process.wait()
    world.telegram.mood = world.slack.mood = None
    world.process.start()

    wait_until(lambda: world.waiting() == 0, 60, "the end of all events")
    assert world.replies() == expected(range(1, count + 1))


def test_a_kill_at_any_moment_loses_nothing_and_doubles_no_more_than_was_under_way(world: World) -> None:
    count, kills = 800, 2

    def kill() -> None:
        world.process._process.kill()
        world.process._process.wait()
        world.process.start()

    replay(world, shuffled(count), kill, times=kills)

    wait_until(lambda: world.waiting() == 0, 120, "the end of all events")
    replies = world.replies()
    assert set(replies) == set(expected(range(1, count + 1)))
    doubled = sum(times - 1 for times in replies.values())
    assert doubled <= kills * 2 * AT_ONCE
