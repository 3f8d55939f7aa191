"""Events are taken in once, answered in order, and outlast whatever fails; once answered, no word of them is left."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from pathlib import Path
from typing import Any, Awaitable, Callable, Dict, List, Optional

import pytest
from sanic import Sanic

from channels import delivery
from channels.delivery import Delivery, TryLater, WillNotSend
from channels.seen import CONTENT_SECONDS, ID_SECONDS, Call, Event, SqliteEvents, event_id
from channels.telegram import TelegramChannel


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "FIRST_WAIT", 0.001)
    monkeypatch.setattr(delivery, "LONGEST_WAIT", 0.002)


class App:
    """An app whose calls fail as the test says."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.answered: List[str] = []
        self.sent: List[str] = []
        self.failures: List[Exception] = []
        self.troubles: List[Optional[Exception]] = []
        self.parts = 1

    async def answer(self, event: Event) -> List[Call]:
        """A reply in parts."""
        if self.failures:
            raise self.failures.pop(0)
        text = (event.content or {})["text"]
        self.answered.append(text)
        return [{"method": "say", "arguments": {"text": f"{text} {part}"}} for part in range(self.parts)]

    async def send(self, call: Call) -> None:
        """Takes a call, or does not."""
        trouble = self.troubles.pop(0) if self.troubles else None
        if trouble:
            raise trouble
        self.sent.append(call["arguments"]["text"])

    @staticmethod
    def sorry(_: Event) -> List[Call]:
        """What is said when nothing else can be."""
        return [{"method": "say", "arguments": {"text": "sorry"}}]

    def run(self, work: Callable[[Delivery], None], until: Optional[Callable[[], bool]] = None) -> None:
        """A process's life: it starts, something happens, and it stops once that holds (or at once)."""

        async def life() -> None:
            made = Delivery("test", SqliteEvents(self.path), self.answer, self.sorry, self.send)
            made.start()
            work(made)
            for _ in range(5000):
                if until is None or until():
                    break
                await asyncio.sleep(0.001)
            await made.stop()
            assert until is None or until()

        asyncio.run(life())

    def left(self) -> List[Event]:
        """What waits in the store."""
        store = SqliteEvents(self.path)
        try:
            return store.waiting()
        finally:
            store.close()


@pytest.fixture
def app(tmp_path: Path) -> App:
    """An app in a good mood."""
    return App(tmp_path / "data" / "events.db")


def say(*texts: str, talk: str = "talk") -> Callable[[Delivery], None]:
    """Hands texts over, each with an id of its own."""

    def hand_over(made: Delivery) -> None:
        for text in texts:
            made.accept(event_id(text), talk, {"text": text})

    return hand_over


def test_events_of_a_talk_are_answered_in_order(app: App) -> None:
    texts = [str(number) for number in range(50)]

    app.run(say(*texts), until=lambda: len(app.sent) == 50)

    assert app.sent == [f"{text} 0" for text in texts]
    assert app.left() == []


def test_an_event_is_taken_in_once_also_after_a_restart(app: App) -> None:
    app.run(say("a", "a", "a"), until=lambda: bool(app.sent))
    app.run(say("a"))

    assert app.answered == ["a"] and app.sent == ["a 0"]


def test_a_talk_that_waits_holds_up_no_other(app: App) -> None:
    app.troubles = [TryLater("asked to wait", 3600)]

    def two_talks(made: Delivery) -> None:
        say("a", talk="one")(made)
        say("b", talk="two")(made)

    app.run(two_talks, until=lambda: app.sent == ["b 0"])

    assert [event.talk for event in app.left()] == ["one"]


@pytest.mark.parametrize("trouble", [TryLater("away"), TryLater("asked to wait", 0)])
def test_what_can_not_be_sent_is_sent_later(app: App, trouble: Exception) -> None:
    app.troubles = [trouble] * 5

    app.run(say("a"), until=lambda: app.sent == ["a 0"])

    assert app.answered == ["a"]


def test_what_was_asked_to_wait_waits_over_a_restart(app: App) -> None:
    app.troubles = [TryLater("asked to wait", 3600)]
    app.run(say("a", "b"), until=lambda: not app.troubles)
    assert app.sent == []

    app.run(lambda _: None, until=lambda: len(app.sent) == 2)

    assert app.sent == ["a 0", "b 0"] and app.answered == ["a", "b"]


def test_of_a_reply_in_parts_none_is_said_twice(app: App) -> None:
    app.parts = 4
    app.troubles = [None, None, TryLater("asked to wait", 3600)]
    app.run(say("a"), until=lambda: not app.troubles)
    assert app.sent == ["a 0", "a 1"]

    app.run(lambda _: None, until=lambda: len(app.sent) == 4)

    assert app.sent == [f"a {part}" for part in range(4)]


def test_a_part_that_is_never_taken_does_not_hold_back_the_rest(app: App) -> None:
    app.parts = 3
    app.troubles = [WillNotSend("gone")]

    app.run(say("a", "b"), until=lambda: len(app.sent) == 5)

    assert app.sent == ["a 1", "a 2", "b 0", "b 1", "b 2"]
    assert app.left() == []


def test_an_event_that_failed_is_tried_again(app: App) -> None:
    app.failures = [ValueError("words of a visitor"), TryLater("away")]

    app.run(say("a"), until=lambda: app.sent == ["a 0"])


def test_who_can_not_be_answered_is_told_so(app: App, caplog: pytest.LogCaptureFixture) -> None:
    app.failures = [ValueError("words of a visitor")] * delivery.TRIES

    app.run(say("a", "b"), until=lambda: len(app.sent) == 2)

    assert app.sent == ["sorry", "b 0"]
    assert "ValueError" in caplog.text and "words of a visitor" not in caplog.text


def test_a_disk_that_is_full_for_a_moment_loses_nothing(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    keep, full = SqliteEvents.keep, [OSError("disk full")] * 3

    def sometimes(store: SqliteEvents, event: Event) -> None:
        if full:
            raise full.pop()
        keep(store, event)

    monkeypatch.setattr(SqliteEvents, "keep", sometimes)

    app.run(say("a", "b"), until=lambda: len(app.sent) == 2)

    assert app.sent == ["a 0", "b 0"] and app.answered == ["a", "b"]
    assert app.left() == []


def test_a_stop_lets_what_is_under_way_come_to_its_end(app: App) -> None:
    begun = asyncio.Event()

    async def slow(call: Call) -> None:
        begun.set()
        await asyncio.sleep(0.05)
        app.sent.append(call["arguments"]["text"])

    app.send: Callable[[Call], Awaitable[None]] = slow  # type: ignore[method-assign]
    app.run(say("a", "b"), until=begun.is_set)

    assert app.sent == ["a 0"]
    assert [(event.content, event.sent) for event in app.left()] == [({"text": "b"}, 0)]


def test_while_it_stops_nothing_is_taken_in(app: App) -> None:
    async def life() -> None:
        made = Delivery("test", SqliteEvents(app.path), app.answer, app.sorry, app.send)
        made.start()
        await made.stop()
        assert made.stopping and not made.accept("x", "talk", {"text": "a"})

    asyncio.run(life())


# What is kept


def bytes_of(folder: Path) -> bytes:
    """All that stands in the files of a folder."""
    return b"".join(path.read_bytes() for path in sorted(folder.iterdir()))


def test_once_answered_no_word_and_no_talk_is_left(app: App) -> None:
    app.run(say("Quellwater", talk="telegram:4711"), until=lambda: bool(app.sent) and not app.left())

    for words in (b"Quellwater", b"telegram:4711"):
        assert words not in bytes_of(app.path.parent)


def test_once_handled_the_words_are_gone_while_the_reply_waits(app: App) -> None:
    app.troubles = [TryLater("asked to wait", 3600)]
    original = app.answer

    async def answer(event: Event) -> List[Call]:
        await original(event)
        return [{"method": "say", "arguments": {"text": "an answer"}}]

    app.answer = answer  # type: ignore[method-assign]
    app.run(say("Quellwater"), until=lambda: not app.troubles)

    assert b"Quellwater" not in bytes_of(app.path.parent)
    assert [event.calls for event in app.left()] == [({"method": "say", "arguments": {"text": "an answer"}},)]


def test_the_file_is_readable_by_its_owner_only(app: App) -> None:
    app.run(lambda _: None)

    assert app.path.stat().st_mode & 0o077 == 0


def store_at(path: Path, now: Dict[str, float]) -> SqliteEvents:
    """A store with a clock that the test sets."""
    return SqliteEvents(path, clock=lambda: now["at"])


def test_what_waits_for_a_day_is_given_up_and_ids_are_forgotten_after_a_week(tmp_path: Path) -> None:
    now = {"at": 0.0}
    store = store_at(tmp_path / "events.db", now)
    event = Event("id", "talk", 0.0, {"text": "Quellwater"})
    assert store.receive(event) and not store.receive(event)

    now["at"] = CONTENT_SECONDS - 1
    assert store.purge() == 0 and len(store.waiting()) == 1
    now["at"] = CONTENT_SECONDS + 1
    assert store.purge() == 1 and store.waiting() == []
    assert not store.receive(event)
    now["at"] = ID_SECONDS + 1
    assert store.purge() == 0
    assert store.receive(event)
    store.close()


def test_an_id_tells_nothing_of_what_it_was_made_from() -> None:
    assert event_id("chat", 4711) == event_id("chat", "4711") != event_id("chat4711")
    assert "4711" not in event_id("chat", 4711)


def test_any_characters_are_kept(tmp_path: Path) -> None:
    store = SqliteEvents(tmp_path / "events.db")
    content: Dict[str, Any] = {"text": "\ud800 \x00 é 😀"}
    store.receive(Event("id", "talk", 0.0, content))

    assert store.waiting()[0].content == content
    store.close()


def test_a_file_that_can_not_be_used_is_named_and_holds_up_nothing_else(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    spoilt = tmp_path / "telegram.db"
    # A damaged file would be set aside; a folder can't be.
    spoilt.mkdir()
    app = Sanic(f"spoilt_{tmp_path.name}")

    async def handler(_: object) -> None:
        """Answers nothing."""

    app.blueprint(TelegramChannel("1:a", "s" * 16, spoilt).blueprint(handler), url_prefix="/telegram")
    start = app.blueprints["dystonia_telegram"]._future_listeners
    asyncio.run(next(future.listener for future in start if future.event == "after_server_start")(app, None))

    assert str(spoilt) in caplog.text and "Mend:" in caplog.text


@pytest.mark.parametrize("restart", [True, False], ids=["at a start", "while it runs"])
def test_of_a_damaged_file_all_that_can_be_read_goes_on(tmp_path: Path, restart: bool) -> None:
    path = tmp_path / "events.db"
    store = SqliteEvents(path)
    for number in range(400):
        store.receive(Event(event_id(number), f"talk {number}", 1.0 + number, {"text": "x" * 200}))
    if restart:
        store.close()
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2 // 4096 * 4096)
        file.write(b"\xff" * 8192)
    # Another connection's change has the pages read again.
    with contextlib.closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA user_version = 1")

    store = SqliteEvents(path) if restart else store
    for number in range(400, 600):
        store.receive(Event(event_id(number), f"talk {number}", 1.0 + number, {}))

    waiting = {event.talk for event in store.waiting()}
    assert len(waiting) > 500 and {"talk 0", "talk 399", "talk 400", "talk 599"} <= waiting
    assert len(list(tmp_path.glob("events.db.broken-*"))) == 1
    store.close()
