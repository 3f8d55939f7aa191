"""What is too old or was forgotten is gone: from every table and from the bytes of every file, backups too."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Iterator, List

import pytest
import sqlalchemy as sa
from rasa.core.lock_store import InMemoryLockStore
from rasa.shared.core.domain import Domain

from channels.seen import Event, SqliteEvents
from server.papers import BACKUP_DAYS, DAY, NAMED, PAGE_DAYS
from server.retention import Retention
from server.settings import Settings
from server.talks import Talks
from server.tracker_store import TalkStore
from tools import person

NOW = 1_700_000_000.0
KEEP = 30
DOMAIN = Domain.from_dict({"version": "3.1", "intents": ["greet"]})


class Site:
    """A data folder in which talks of different ages are kept; its clock is set by hand."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.now = NOW
        self.store = TalkStore(DOMAIN, db=str(folder / "talks.db"))
        self.talks = Talks.at(self.store.engine.url, lambda: self.now)
        self.locked: List[str] = []

    def tell(self, talk: str, text: str, days: float, folder: Path | None = None) -> None:
        """Keeps a message of so many days ago, in the database of a folder."""
        said = {"event": "user", "timestamp": self.now - days * DAY, "text": text, "parse_data": {"intent": {"name": "greet"}}}
        engine = sa.create_engine(f"sqlite:///{(folder or self.folder) / 'talks.db'}", poolclass=sa.pool.NullPool)
        with engine.begin() as connection:
            connection.execute(
                sa.text("INSERT INTO events (sender_id, type_name, timestamp, data) VALUES (:talk, 'user', :at, :data)"),
                {"talk": talk, "at": said["timestamp"], "data": json.dumps(said)},
            )

    def complain(self, talk: str, reason: str, days: float) -> None:
        """Keeps what was said of an answer so many days ago."""
        self.talks.feedback._clock = lambda: self.now - days * DAY
        self.talks.feedback.keep(talk, "message-1", False, reason)

    def back_up(self, days: float) -> Path:
        """A backup of so many days ago, with tables that are still empty."""
        name = datetime.fromtimestamp(self.now - days * DAY, timezone.utc).strftime(NAMED)
        folder = self.folder / "backups" / name
        folder.mkdir(parents=True)
        Talks.at(f"sqlite:///{folder / 'talks.db'}").close()
        return folder

    def age(self) -> int:
        """Runs retention once."""

        @contextlib.asynccontextmanager
        async def lock(talk: str) -> Any:
            self.locked.append(talk)
            async with InMemoryLockStore().lock(talk):
                yield

        retention = Retention(self.talks, self.folder, KEEP, lock, clock=lambda: self.now, pause=0)
        return asyncio.run(retention.run())

    def let_days_pass(self, days: int) -> int:
        """Runs retention once a day for so many days."""
        deleted = 0
        for _ in range(days):
            self.now += DAY
            deleted += self.age()
        return deleted

    def kept(self) -> List[str]:
        """The talks that are kept."""
        return [talk for talk, _ in self.talks.page("", 1000)]

    def holding(self, words: str) -> List[str]:
        """Files whose bytes hold these words."""
        files = (path for path in sorted(self.folder.rglob("*")) if path.is_file())
        return [str(path.relative_to(self.folder)) for path in files if words.encode() in path.read_bytes()]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """An empty site."""
    site = Site(tmp_path)
    yield site
    site.store.engine.dispose()


# Talks, by the age of their last event.


def test_a_talk_that_ended_too_long_ago_is_deleted_and_others_stay(site: Site) -> None:
    site.tell("widget:old", "Quillfeather", days=KEEP + 1)
    site.tell("widget:young", "Nettlewisp", days=KEEP - 1)

    assert site.age() == 1
    assert site.kept() == ["widget:young"]
    assert site.holding("Quillfeather") == []
    assert site.holding("widget:old") == []
    assert site.holding("Nettlewisp") == ["talks.db"]


def test_a_talk_counts_by_its_last_event(site: Site) -> None:
    site.tell("widget:long", "begun long ago", days=KEEP + 20)
    site.tell("widget:long", "and still going on", days=1)

    assert site.age() == 0
    assert len(site.talks.events("widget:long")) == 2


def test_it_happens_by_itself_when_time_passes(site: Site) -> None:
    site.tell("widget:one", "Quillfeather", days=0)
    assert site.age() == 0

    assert site.let_days_pass(KEEP) == 0
    assert site.let_days_pass(1) == 1
    assert site.holding("Quillfeather") == []


def test_any_number_of_talks_is_gone_through(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.retention.STEP", 3)
    for number in range(10):
        site.tell(f"rest:{number}", "words", days=KEEP + 1 if number % 2 else 1)

    assert site.age() == 5
    assert site.kept() == [f"rest:{number}" for number in range(0, 10, 2)]


def test_a_talk_is_deleted_under_its_lock(site: Site) -> None:
    site.tell("widget:old", "words", days=KEEP + 1)
    site.tell("widget:young", "words", days=1)

    site.age()

    assert site.locked == ["widget:old"]


def test_a_talk_that_goes_on_while_it_waits_for_the_lock_is_kept(site: Site) -> None:
    site.tell("widget:one", "words", days=KEEP + 1)
    site.tell("widget:one", "back again", days=0)

    assert site.talks.expire("widget:one", site.now - KEEP * DAY) == 0
    assert site.kept() == ["widget:one"]


def test_it_runs_again_and_again_also_after_a_failure(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    outcomes = iter([OSError("Quillfeather"), 3, 4])

    async def follow() -> None:
        ran = asyncio.Semaphore(0)

        async def run(self: Retention) -> int:
            ran.release()
            outcome = next(outcomes, 0)
            if isinstance(outcome, OSError):
                raise outcome
            return int(outcome)

        monkeypatch.setattr(Retention, "run", run)
        retention = Retention(site.talks, site.folder, KEEP, InMemoryLockStore().lock)
        retention.start()
        for _ in range(3):
            await asyncio.wait_for(ran.acquire(), 10)
        retention.close()

    monkeypatch.setattr("server.retention.FIRST", 0)
    monkeypatch.setattr("server.retention.EVERY", 0)
    asyncio.run(follow())

    assert "could not be deleted: OSError" in caplog.text and "Quillfeather" not in caplog.text


# A clock that is wrong.

YEAR = 365 * DAY


@pytest.fixture
def since_start(site: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[List[float]]:
    """Seconds that the process has run, in a list; the site has a talk of yesterday, and its clock was believed."""
    running = [0.0]
    monkeypatch.setattr(site.talks.steady_clock, "_running", lambda: running[0])
    site.tell("widget:one", "Quillfeather", days=1)
    site.back_up(days=1)
    assert site.age() == 0
    yield running


def hours_pass(site: Site, since_start: List[float], hours: int) -> int:
    """Runs retention every hour."""
    deleted = 0
    for _ in range(hours):
        site.now += 3600
        since_start[0] += 3600
        deleted += site.age()
    return deleted


def test_a_clock_that_is_set_ahead_and_right_again_deletes_nothing(
    site: Site, since_start: List[float], caplog: pytest.LogCaptureFixture
) -> None:
    site.now += YEAR
    site.tell("widget:now", "said under the wrong clock", days=0)

    assert hours_pass(site, since_start, 20) == 0
    assert "nothing is deleted by its age" in caplog.text and "Quillfeather" not in caplog.text
    site.now -= YEAR
    assert site.age() == 0

    assert site.kept() == ["widget:now", "widget:one"]
    assert len(list((site.folder / "backups").iterdir())) == 1


def test_a_second_leap_within_the_day_is_no_day(site: Site, since_start: List[float]) -> None:
    for _ in range(3):
        site.now += YEAR
        assert hours_pass(site, since_start, 1) == 0

    assert site.kept() == ["widget:one"]


def test_a_site_that_was_off_for_months_deletes_after_a_day(site: Site, since_start: List[float]) -> None:
    site.now += 90 * DAY
    site.tell("widget:back", "Nettlewisp", days=0)

    assert hours_pass(site, since_start, 24) == 0
    assert hours_pass(site, since_start, 1) == 1
    assert site.kept() == ["widget:back"]


def test_a_site_that_is_on_for_an_hour_a_month_deletes_too(site: Site, since_start: List[float]) -> None:
    deleted = []
    for _ in range(2):
        site.now += 31 * DAY
        site.talks = Talks.at(site.store.engine.url, lambda: site.now)  # another process
        deleted.append(site.age())

    assert deleted == [0, 1]


def test_what_a_wrong_clock_has_dated_into_the_future_is_not_kept_until_then(site: Site, since_start: List[float]) -> None:
    site.tell("widget:ahead", "Nettlewisp", days=-365)
    site.tell("widget:ahead", "and again", days=-365)
    site.let_days_pass(KEEP)
    assert "widget:ahead" in site.kept()

    site.let_days_pass(2)

    assert site.kept() == []


def test_a_clock_that_is_behind_keeps_the_time_that_was_believed(site: Site, since_start: List[float]) -> None:
    site.tell("widget:old", "Nettlewisp", days=KEEP + 1)
    site.now = 0.0

    assert site.age() == 1
    assert site.kept() == ["widget:one"]


# What else holds words.


def test_feedback_goes_with_its_talk_or_by_its_age(site: Site) -> None:
    site.tell("widget:old", "words", days=KEEP + 1)
    site.complain("widget:old", "Quillfeather", days=1)
    site.complain("widget:gone", "Nettlewisp", days=KEEP + 1)
    site.complain("widget:young", "Thistledown", days=1)

    site.age()

    assert list(site.talks.feedback.unhelpful().values()) == ["Thistledown"]
    assert site.holding("Quillfeather") == site.holding("Nettlewisp") == []


def test_the_page_for_editors_goes_after_a_week(site: Site) -> None:
    page = site.folder / "gaps.html"
    page.write_text("Quillfeather")
    os.utime(page, (site.now, site.now))

    site.age()
    assert page.exists()
    site.let_days_pass(PAGE_DAYS + 1)

    assert not page.exists()


def test_a_damaged_file_that_was_set_aside_goes_after_a_week(site: Site) -> None:
    aside = site.folder / "talks.db.broken-20260101-000000-000001"
    aside.write_text("Quillfeather")
    os.utime(aside, (site.now, site.now))

    site.age()
    assert aside.exists()
    site.let_days_pass(BACKUP_DAYS + 1)

    assert not aside.exists()


@pytest.mark.parametrize("name", ["slack.db", "telegram.db"])
def test_events_of_an_app_go_after_a_day_though_its_channel_is_closed(site: Site, name: str) -> None:
    events = SqliteEvents(site.folder / name)
    events.receive(Event("1", "slack:T:D:U", site.now - 2 * DAY, {"text": "Quillfeather"}))
    events.close()

    site.age()

    assert site.holding("Quillfeather") == []


def test_a_backup_goes_after_a_week(site: Site) -> None:
    young, old = site.back_up(days=6), site.back_up(days=8)

    site.age()

    assert young.is_dir() and not old.exists()


def test_what_is_too_old_goes_from_a_backup_too(site: Site) -> None:
    backup = site.back_up(days=3)
    site.tell("widget:old", "Quillfeather", days=KEEP + 1, folder=backup)
    site.tell("widget:young", "Nettlewisp", days=4, folder=backup)

    site.age()

    assert site.holding("Quillfeather") == []
    assert site.holding("Nettlewisp") == [f"backups/{backup.name}/talks.db"]


def test_what_was_forgotten_goes_from_a_backup_too(site: Site) -> None:
    backup = site.back_up(days=3)
    site.tell("slack:T:D:U", "Quillfeather", days=4, folder=backup)

    site.talks.erase("slack:T:D:U")
    site.age()

    assert site.holding("Quillfeather") == []


def test_a_talk_begun_anew_after_it_was_forgotten_stays_in_the_backup(site: Site) -> None:
    site.talks.erase("slack:T:D:U")
    site.now += DAY
    backup = site.back_up(days=0)
    site.tell("slack:T:D:U", "Nettlewisp", days=0, folder=backup)

    site.age()

    assert site.holding("Nettlewisp") == [f"backups/{backup.name}/talks.db"]


# The bytes.


def test_no_erased_talk_leaves_a_byte_where_rows_have_moved(site: Site) -> None:
    chance = random.Random(9)
    talks = [f"widget:{number:05d}" for number in range(40)]
    for _ in range(8):
        for talk in chance.sample(talks, len(talks)):
            site.tell(talk, f"said in {talk[7:]} " * chance.choice([5, 40, 90]), days=1)

    left = []
    for talk in chance.sample(talks, len(talks)):
        site.store.erase(talk)
        left += site.holding(f"said in {talk[7:]} ") + site.holding(talk)

    assert left == []


def test_a_large_file_is_rewritten_only_when_nobody_writes(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.retention.TIDIED_AT_ONCE", 0)
    rewritten: List[Any] = []
    monkeypatch.setattr(Talks, "tidy", lambda _, most=None: rewritten.append(most) or True)
    site.tell("widget:old", "words", days=KEEP + 1)
    site.tell("widget:now", "words", days=0)

    site.age()
    site.tell("widget:old", "words", days=KEEP + 1)
    site.now += 3600
    site.age()

    assert rewritten == [0, None]


# The operator's commands.


@pytest.fixture
def operator(site: Site, monkeypatch: pytest.MonkeyPatch) -> Site:
    """The site, as the commands find it."""
    monkeypatch.setattr(Settings, "from_environment", classmethod(lambda cls: Settings(data=site.folder)))
    return site


def test_an_export_holds_all_that_is_kept_of_a_talk(operator: Site, capsys: pytest.CaptureFixture[str]) -> None:
    operator.tell("widget:one", "Is it Quillfeather?", days=2)
    operator.complain("widget:one", "Nettlewisp", days=1)
    operator.tell("widget:two", "of another", days=2)

    assert person.main(["export", "widget:one"]) == 0

    (export,) = json.loads(capsys.readouterr().out)
    assert [message["text"] for message in export["messages"]] == ["Is it Quillfeather?"]
    assert export["messages"][0]["when"] == "2023-11-12T22:13:20+00:00"
    assert export["feedback"][0]["reason"] == "Nettlewisp"
    assert export["as_stored"][0]["text"] == "Is it Quillfeather?"
    assert "of another" not in json.dumps(export)


def test_an_erasure_reaches_every_place(operator: Site, capsys: pytest.CaptureFixture[str]) -> None:
    talk = "slack:T1:D:U7"
    events = SqliteEvents(operator.folder / "slack.db")
    events.receive(Event("1", talk, NOW, {"text": "Quillfeather"}))
    events.close()
    operator.tell(talk, "Quillfeather", days=1)
    operator.complain(talk, "Quillfeather", days=1)
    operator.tell(talk, "Quillfeather", days=4, folder=operator.back_up(days=3))
    operator.tell("slack:T1:D:U8", "Nettlewisp", days=1)
    (operator.folder / "gaps.html").write_text("Quillfeather")
    (operator.folder / "talks.db.broken-1").write_text("Quillfeather")

    assert person.main(["erase", "slack:T1:*:U7"], again=0) == 0

    assert f"{talk}: 4 entries were deleted" in capsys.readouterr().out
    assert operator.holding("Quillfeather") == operator.holding(talk) == []
    assert operator.kept() == ["slack:T1:D:U8"]


@pytest.mark.parametrize("do", ["export", "erase"])
def test_an_id_that_is_not_there_is_said(operator: Site, do: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert person.main([do, "widget:nobody"], again=0) == 1
    assert "Nothing is kept" in capsys.readouterr().err


@pytest.mark.parametrize("pattern", ["*", "widget:*", "widget:a*", "everyone", "", "rest:a b"])
def test_a_pattern_that_names_everyone_or_no_talk_is_refused(pattern: str) -> None:
    with pytest.raises(SystemExit):
        person.main(["erase", pattern])


def test_a_star_stands_for_anything_and_other_signs_for_themselves(site: Site) -> None:
    for talk in ("slack:T_1:D:U7", "slack:TX1:D:U7", "slack:T_1:C9:U7", "slack:T_1:C9:U8"):
        site.tell(talk, "words", days=1)

    assert site.talks.matching("slack:T_1:*:U7") == ["slack:T_1:C9:U7", "slack:T_1:D:U7"]
