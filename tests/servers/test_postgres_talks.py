"""Talks in PostgreSQL: whole, masked, forgotten for good; and no turn is stored on top of what it has not read."""
from __future__ import annotations

import asyncio
import uuid
from pathlib import Path
from typing import Iterator, List

import pytest
from rasa.core.agent import Agent
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import ActionExecuted, BotUttered, SessionStarted, SlotSet, UserUttered
from rasa.shared.core.trackers import DialogueStateTracker

from server import postgres_store, rasa_mends
from server.postgres import Away, CannotStart, NotKept, Presence, wait_for
from server.postgres_store import PostgresTalks
from server.talks import hash_of
from server.tracker_store import FORGET_ME
from tests.running import free_ports
from tools.cluster.servers import Postgres
from tools.gaps.talks import read as gaps_in

ANY = {"type": "any", "influence_conversation": False, "mappings": [{"type": "custom"}]}
DOMAIN = Domain.from_dict({"version": "3.1", "intents": ["greet"], "slots": {"about": ANY, FORGET_ME: {**ANY, "type": "bool"}}})


@pytest.fixture(scope="module")
def store(postgres: Postgres) -> Iterator[PostgresTalks]:
    """The store of one instance."""
    store = PostgresTalks(DOMAIN, host=postgres.url)
    yield store
    store.engine.dispose()


@pytest.fixture(scope="module")
def other(postgres: Postgres) -> Iterator[PostgresTalks]:
    """The store of another instance."""
    store = PostgresTalks(DOMAIN, host=postgres.url)
    yield store
    store.engine.dispose()


@pytest.fixture
def away(monkeypatch: pytest.MonkeyPatch, postgres: Postgres) -> Iterator[PostgresTalks]:
    """The store of an instance that can't reach the database any more."""
    monkeypatch.setattr(postgres_store, "PAUSES", ())
    store = PostgresTalks(DOMAIN, host=postgres.url)
    store.engine.dispose()
    store.engine = postgres_store.connect(f"postgresql://dystonia@127.0.0.1:{free_ports(1)[0]}/postgres")
    yield store


@pytest.fixture
def sender() -> str:
    """A talk that no other test knows."""
    return f"rest:{uuid.uuid4().hex}"


def read(store: PostgresTalks, sender: str) -> DialogueStateTracker:
    """The talk, or a new one."""
    return asyncio.run(store.get_or_create_tracker(sender, append_action_listen=False))


def turn(store: PostgresTalks, tracker: DialogueStateTracker, *texts: str) -> None:
    """Goes on with a talk and stores it."""
    for text in texts:
        tracker.update(UserUttered(text, {"name": "greet"}), DOMAIN)
        tracker.update(BotUttered(f"You said: {text}"), DOMAIN)
        tracker.update(ActionExecuted("action_listen"), DOMAIN)
    asyncio.run(store.save(tracker))


def said(store: PostgresTalks, sender: str) -> List[str]:
    """What a visitor said, as the store tells it."""
    tracker = asyncio.run(store.retrieve(sender))
    return [event.text for event in tracker.events if isinstance(event, UserUttered)] if tracker else []


def test_a_talk_goes_on_at_another_instance(store: PostgresTalks, other: PostgresTalks, sender: str) -> None:
    turn(store, read(store, sender), "first")
    turn(other, read(other, sender), "second", "third")

    assert said(store, sender) == ["first", "second", "third"]


def test_slots_come_back(store: PostgresTalks, sender: str) -> None:
    tracker = read(store, sender)
    tracker.update(SlotSet("about", ["blepharospasm"]), DOMAIN)
    turn(store, tracker, "first")

    assert read(store, sender).get_slot("about") == ["blepharospasm"]


def test_a_talk_that_begins_anew_is_read_from_there(store: PostgresTalks, sender: str) -> None:
    tracker = read(store, sender)
    turn(store, tracker, "yesterday")
    tracker.update(SessionStarted(timestamp=1.0), DOMAIN)  # even with a clock that was set back
    turn(store, tracker, "today")

    turn(store, read(store, sender), "and now")

    assert said(store, sender) == ["today", "and now"]
    whole = asyncio.run(store.retrieve_full_tracker(sender))
    assert [event.text for event in whole.events if isinstance(event, UserUttered)] == ["yesterday", "today", "and now"]


@pytest.mark.parametrize(
    "text", ["żółć 😀", "'; DROP TABLE events; --", "%s :a", "nul \x00 nul", "half \ud800 of a pair"], ids=ascii
)
def test_any_words_come_back_as_they_were(store: PostgresTalks, sender: str, text: str) -> None:
    turn(store, read(store, sender), text)

    assert said(store, sender) == [text]


@pytest.mark.parametrize("odd", ["rest:\x00", "rest:\ud800"], ids=ascii)
def test_an_id_that_the_database_does_not_take_is_refused(store: PostgresTalks, odd: str) -> None:
    with pytest.raises(NotKept):
        read(store, odd)


def test_what_a_visitor_gives_away_is_not_stored(store: PostgresTalks, postgres: Postgres, sender: str) -> None:
    turn(store, read(store, sender), "my name is Susan Quillfeather")

    ((kept,),) = postgres.rows("SELECT string_agg(data, ' ') FROM events WHERE sender_id = %s", sender)
    assert "Quillfeather" not in kept.partition("You said")[0] and "[name]" in kept


def test_forgetting_deletes_all_rows(store: PostgresTalks, other: PostgresTalks, postgres: Postgres, sender: str) -> None:
    turn(store, read(store, sender), "first")
    store.feedback.keep(sender, "message-1", False, "no")
    tracker = read(other, sender)
    tracker.update(SlotSet(FORGET_ME, True), DOMAIN)
    turn(other, tracker, "forget me")

    assert said(store, sender) == []
    for table in ("events", "feedback"):
        assert postgres.rows(f"SELECT count(*) FROM {table} WHERE sender_id = %s", sender) == [(0,)]


def test_forgetting_reaches_all_talks_of_a_person_in_an_app(store: PostgresTalks, sender: str) -> None:
    team = sender.removeprefix("rest:")
    for talk in (f"slack:{team}:direct:U7", f"slack:{team}:C2:U7", f"slack:{team}:C2:U8"):
        turn(store, read(store, talk), "first")

    assert store.erase(f"slack:{team}:direct:U7") == 6

    assert store.talks.matching(f"slack:{team}:*") == [f"slack:{team}:C2:U8"]


def test_erasing_tells_how_much_was_erased(store: PostgresTalks, sender: str) -> None:
    turn(store, read(store, sender), "first")
    store.feedback.keep(sender, "message-1", True, None)

    assert store.erase(sender) == 4
    assert store.erase(sender) == 0


def test_editors_see_the_gaps_of_talks_in_postgresql(store: PostgresTalks, sender: str) -> None:
    before = gaps_in(store, 0.0, lambda done, total: None)
    tracker = read(store, sender)
    asked = {"intent": {"name": "ask_definition"}}
    tracker.update(UserUttered("what did not help", asked["intent"], parse_data=asked, message_id="message-1"), DOMAIN)
    turn(store, tracker, "thank you")
    store.feedback.keep(sender, "message-1", False, "it said nothing of my hand")

    after = gaps_in(store, 0.0, lambda done, total: None)

    assert after.messages == before.messages + 2
    assert "it said nothing of my hand" in {gap.complaint for gap in after.gaps}


# Two turns at once, which no lock has kept apart


def test_of_two_turns_that_read_the_same_one_is_stored(store: PostgresTalks, other: PostgresTalks, sender: str) -> None:
    turn(store, read(store, sender), "first")
    one, two = read(store, sender), read(other, sender)

    turn(store, one, "second")
    with pytest.raises(NotKept, match="gone on"):
        turn(other, two, "lost for all but who sent it")

    assert said(other, sender) == ["first", "second"]


def test_of_two_first_turns_one_is_stored(store: PostgresTalks, other: PostgresTalks, sender: str) -> None:
    one, two = read(store, sender), read(other, sender)

    turn(store, one, "first")
    with pytest.raises(NotKept):
        turn(other, two, "also first")

    assert said(other, sender) == ["first"]


def test_a_talk_that_was_erased_meanwhile_does_not_come_back(store: PostgresTalks, other: PostgresTalks, sender: str) -> None:
    turn(store, read(store, sender), "first")
    tracker = read(store, sender)
    other.erase(sender)

    with pytest.raises(NotKept, match="erased"):
        turn(store, tracker, "second")

    assert said(store, sender) == []


def test_a_first_turn_that_was_under_way_when_its_talk_was_erased_is_not_stored(
    store: PostgresTalks, other: PostgresTalks, sender: str
) -> None:
    tracker = read(store, sender)
    tracker.update(UserUttered("first", {"name": "greet"}), DOMAIN)
    other.erase(sender)

    with pytest.raises(NotKept, match="erased"):
        turn(store, tracker, "first")

    assert said(store, sender) == []


def test_what_was_forgotten_is_noted_so_that_a_backup_forgets_it_too(store: PostgresTalks, sender: str) -> None:
    turn(store, read(store, sender), "first")

    store.erase(sender)

    assert hash_of(sender) in store.talks.forgotten()


def test_a_turn_whose_storing_was_not_heard_of_is_stored_once(store: PostgresTalks, sender: str) -> None:
    tracker = read(store, sender)
    turn(store, tracker, "first")
    # As if the connection had broken after COMMIT and before its answer: the same events, on top of what was there before.
    tracker.stored_mark = postgres_store.Mark()

    asyncio.run(store.save(tracker))

    assert said(store, sender) == ["first"]


# While the database is away


def test_a_turn_goes_on_with_an_empty_talk_but_is_not_stored(away: PostgresTalks) -> None:
    tracker = read(away, "rest:someone")
    assert not tracker.events

    with pytest.raises(NotKept):
        turn(away, tracker, "first")


def test_nobody_is_told_that_the_talk_is_empty(away: PostgresTalks) -> None:
    with pytest.raises(Away):
        asyncio.run(away.retrieve_full_tracker("rest:someone"))


def test_it_is_tried_again_before_it_counts_as_away(
    store: PostgresTalks, sender: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, failures = store._rows, [postgres_store.sa.exc.OperationalError("", {}, Exception())] * 2

    def fail_at_first(*arguments: object) -> object:
        if failures:
            raise failures.pop()
        return rows(*arguments)

    monkeypatch.setattr(postgres_store, "PAUSES", (0.001, 0.001))
    monkeypatch.setattr(store, "_rows", fail_at_first)

    assert said(store, sender) == [] and not failures


def test_what_fails_is_named_without_its_words(away: PostgresTalks, caplog: pytest.LogCaptureFixture) -> None:
    read(away, "rest:someone")

    assert "OperationalError" in caplog.text
    assert "someone" not in caplog.text and "127.0.0.1" not in caplog.text


def test_rasa_does_not_put_a_store_in_memory_in_its_place(store: PostgresTalks) -> None:
    stock = Agent._create_tracker_store
    try:
        rasa_mends.let_a_store_fail()
        assert Agent._create_tracker_store(store, DOMAIN) is store
    finally:
        Agent._create_tracker_store = staticmethod(stock)


# Starting


def test_a_database_that_is_not_there_is_said_without_its_password() -> None:
    (port,) = free_ports(1)

    with pytest.raises(CannotStart, match="Connection refused.*Mend: see that it runs") as failed:
        wait_for(f"postgresql://dystonia:hush-hush@127.0.0.1:{port}/postgres", patience=0.1)

    assert "hush" not in str(failed.value)


def test_a_second_instance_without_redis_is_refused(postgres: Postgres) -> None:
    first = Presence(postgres.url, shares_redis=False)
    with pytest.raises(CannotStart, match="DYSTONIA_REDIS_URL"):
        Presence(postgres.url, shares_redis=False, patience=0)
    with pytest.raises(CannotStart, match="DYSTONIA_REDIS_URL"):
        Presence(postgres.url, shares_redis=True, patience=0)
    first.close()

    several = [Presence(postgres.url, shares_redis=True) for _ in range(3)]
    with pytest.raises(CannotStart, match="DYSTONIA_REDIS_URL"):
        Presence(postgres.url, shares_redis=False, patience=0)
    for each in several:
        each.close()


def test_instances_that_start_at_once_make_the_tables_once(folder: Path) -> None:
    (folder / "empty").mkdir()
    server = Postgres(folder / "empty")
    server.make()
    server.start()
    try:

        async def starting() -> List[PostgresTalks]:
            loop = asyncio.get_running_loop()
            made = (loop.run_in_executor(None, lambda: PostgresTalks(DOMAIN, host=server.url)) for _ in range(4))
            return await asyncio.gather(*made)

        for store in asyncio.run(starting()):
            store.engine.dispose()
    finally:
        server.stop()
