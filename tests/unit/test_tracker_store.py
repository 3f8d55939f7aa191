"""Where talks are kept: they come back whole, without personal details, and what is forgotten is gone from the bytes."""
from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Iterator, List

import pytest
from rasa.core.tracker_store import InMemoryTrackerStore
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import ActionExecuted, BotUttered, SessionStarted, SlotSet, UserUttered
from rasa.shared.core.trackers import DialogueStateTracker

from server import unsaved
from server.talks import Talks
from server.tracker_store import FORGET_ME, MASKED, MaskedTalks, TalkStore, masked
from server.undone import Undone

ANY = {"type": "any", "influence_conversation": False, "mappings": [{"type": "custom"}]}
DOMAIN = Domain.from_dict({"version": "3.1", "intents": ["greet"], "slots": {"about": ANY, FORGET_ME: {**ANY, "type": "bool"}}})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data folder that does not exist yet."""
    return tmp_path / "not" / "there" / "yet"


@pytest.fixture
def store(folder: Path) -> Iterator[TalkStore]:
    """The store, as Rasa opens it from endpoints.yml."""
    store = TalkStore(DOMAIN, db=str(folder / "talks.db"), host=None, dialect="sqlite")
    yield store
    store.engine.dispose()


def keep(store: TalkStore, sender: str, *texts: str) -> DialogueStateTracker:
    """Goes on with a talk and keeps it."""
    tracker = asyncio.run(store.get_or_create_tracker(sender))
    for text in texts:
        tracker.update(UserUttered(text, {"name": "greet"}), DOMAIN)
        tracker.update(BotUttered(f"You said: {text}"), DOMAIN)
        tracker.update(ActionExecuted("action_listen"), DOMAIN)
    asyncio.run(store.save(tracker))
    return tracker


def said(store: TalkStore, sender: str) -> List[str]:
    """What a visitor said, as the store tells it."""
    tracker = asyncio.run(store.retrieve(sender))
    return [event.text for event in tracker.events if isinstance(event, UserUttered)] if tracker else []


def holding(folder: Path, words: str) -> List[str]:
    """Files whose bytes hold these words."""
    return [path.name for path in sorted(folder.iterdir()) if words.encode() in path.read_bytes()]


def test_a_missing_folder_is_made(store: TalkStore, folder: Path) -> None:
    assert (folder / "talks.db").is_file()


def test_a_talk_comes_back_in_order(store: TalkStore) -> None:
    keep(store, "rest:someone", "first", "second")
    keep(store, "rest:someone", "third")

    assert said(store, "rest:someone") == ["first", "second", "third"]


def test_a_talk_comes_back_after_a_restart(store: TalkStore, folder: Path) -> None:
    keep(store, "rest:someone", "first")
    store.engine.dispose()

    again = TalkStore(DOMAIN, db=str(folder / "talks.db"))

    assert said(again, "rest:someone") == ["first"]
    again.engine.dispose()


def test_slots_come_back(store: TalkStore) -> None:
    tracker = keep(store, "rest:someone", "first")
    tracker.update(SlotSet("about", ["blepharospasm"]), DOMAIN)
    asyncio.run(store.save(tracker))

    assert asyncio.run(store.retrieve("rest:someone")).get_slot("about") == ["blepharospasm"]


@pytest.mark.parametrize("text", ["żółć 😀", "'; DROP TABLE events; --", "%s {0} \\u0000", "line\nline"])
def test_any_words_come_back_as_they_were(store: TalkStore, text: str) -> None:
    keep(store, "rest:someone", text)

    assert said(store, "rest:someone") == [text]


@pytest.mark.parametrize(
    "pragma, value", [("journal_mode", "wal"), ("synchronous", 1), ("secure_delete", 1), ("temp_store", 2)]
)
def test_the_file_is_quick_and_deletes_for_good(store: TalkStore, pragma: str, value: object) -> None:
    with store.engine.connect() as connection:
        assert connection.exec_driver_sql(f"PRAGMA {pragma}").scalar() == value


def test_erasing_tells_how_much_was_erased(store: TalkStore) -> None:
    keep(store, "rest:someone", "first", "second")

    assert store.erase("rest:someone") == 7
    assert store.erase("rest:someone") == 0


def test_erasing_leaves_no_byte_in_any_file(store: TalkStore, folder: Path) -> None:
    keep(store, "rest:someone", "Quillfeather", "x" * 900)
    assert holding(folder, "Quillfeather")

    store.erase("rest:someone")

    assert holding(folder, "Quillfeather") == []
    assert holding(folder, "rest:someone") == []
    assert holding(folder, "xxxxxxxx") == []


def test_erasing_leaves_other_talks(store: TalkStore) -> None:
    keep(store, "rest:someone", "mine")
    keep(store, "rest:someone.else", "theirs")

    store.erase("rest:someone")

    assert said(store, "rest:someone") == []
    assert said(store, "rest:someone.else") == ["theirs"]


def test_saving_a_talk_that_asks_to_be_forgotten_erases_it(store: TalkStore, folder: Path) -> None:
    tracker = keep(store, "rest:someone", "Quillfeather")
    tracker.update(UserUttered("forget me, says Quillfeather", {"name": "greet"}), DOMAIN)
    tracker.update(SlotSet(FORGET_ME, True), DOMAIN)

    asyncio.run(store.save(tracker))

    assert said(store, "rest:someone") == []
    assert holding(folder, "Quillfeather") == []


APPS = [
    ("slack:T1:direct:U7", ["slack:T1:C2:U7"], ["slack:T1:direct:U8", "slack:T2:direct:U7", "slack:T1:C2:U77"]),
    ("slack:T1:C2:U7", ["slack:T1:direct:U7"], ["slack:T1:C2:U8"]),
    ("telegram:7", ["telegram:-100:7"], ["telegram:77", "telegram:-100:77", "telegram:-7:8"]),
    ("telegram:-100:7", ["telegram:7", "telegram:-200:7"], ["telegram:-100:8"]),
    ("rest:slack:T1:direct:U7", [], ["slack:T1:direct:U7", "rest:slack:T1:C2:U7"]),
]


@pytest.mark.parametrize("asked, too, left", APPS, ids=[asked for asked, *_ in APPS])
def test_forgetting_reaches_all_talks_of_a_person_in_an_app(
    store: TalkStore, asked: str, too: List[str], left: List[str]
) -> None:
    for talk in (asked, *too, *left):
        keep(store, talk, "words")

    store.erase(asked)

    assert [talk for talk, _ in store.talks.page("", 100)] == sorted(left)


def test_after_being_forgotten_a_talk_starts_anew(store: TalkStore) -> None:
    tracker = keep(store, "rest:someone", "before")
    tracker.update(SlotSet(FORGET_ME, True), DOMAIN)
    asyncio.run(store.save(tracker))

    keep(store, "rest:someone", "after")

    assert said(store, "rest:someone") == ["after"]


@pytest.mark.parametrize("going_on", [False, True], ids=["read from the file", "kept in memory"])
def test_a_turn_that_was_under_way_when_the_talk_was_erased_stores_nothing(
    store: TalkStore, folder: Path, going_on: bool
) -> None:
    keep(store, "rest:someone", "before")
    if not going_on:
        store.let_go("rest:someone")
    tracker = asyncio.run(store.retrieve("rest:someone"))
    operator = Talks.at(store.engine.url)
    operator.erase("rest:someone")
    operator.close()

    tracker.update(UserUttered("Quillfeather", {"name": "greet"}), DOMAIN)
    asyncio.run(store.save(tracker))

    assert holding(folder, "Quillfeather") == [] and said(store, "rest:someone") == []
    keep(store, "rest:someone", "after")
    assert said(store, "rest:someone") == ["after"]


def test_a_talk_goes_on_that_was_erased_while_the_clock_was_ahead(store: TalkStore) -> None:
    keep(store, "rest:someone", "before")
    operator = Talks.at(store.engine.url, lambda: time.time() + 365 * 24 * 3600)
    operator.erase("rest:someone")
    operator.close()

    keep(store, "rest:someone", "after")

    assert said(store, "rest:someone") == ["after"]


# What is masked before it is stored.

TOLD = "my name is Susan Miller, mail s@x.org, does botox hurt"
PARSE = {
    "intent": {"name": "greet", "confidence": 0.9},
    "text": TOLD,
    "text_tokens": [[0, 2], [3, 7]],
    "entities": [
        {"entity": "treatment", "value": "botulinum_toxin", "start": TOLD.index("botox"), "end": TOLD.index(" hurt")},
        {"entity": "country", "value": "UK", "start": 11, "end": 16},
        {"entity": "red_flag", "value": "mood", "start": 0, "end": 0},
    ],
    "questions": [{"text": "my name is susan millar mail s@x.org", "topic": "side_effects", "cards": [["toxin.pain", 0.9]]}],
    "said_again": {"as": ["Susan Miller"]},
}


def told(tracker: DialogueStateTracker) -> UserUttered:
    """A turn in which a visitor gives away who they are, as Rasa has it after parsing."""
    event = UserUttered(TOLD, PARSE["intent"], PARSE["entities"], PARSE)
    tracker.update(event, DOMAIN)
    tracker.update(BotUttered("It hurts for a moment."), DOMAIN)
    return event


def test_what_a_visitor_gives_away_is_in_no_file(store: TalkStore, folder: Path) -> None:
    tracker = asyncio.run(store.get_or_create_tracker("rest:someone"))
    told(tracker)

    asyncio.run(store.save(tracker))

    assert {words: holding(folder, words) for words in ("Susan", "Miller", "susan", "millar", "s@x.org")} == {
        "Susan": [], "Miller": [], "susan": [], "millar": [], "s@x.org": []
    }
    assert said(store, "rest:someone") == ["my name is [name], mail [mail], does botox hurt"]


def test_what_was_understood_is_kept_without_the_words(store: TalkStore) -> None:
    tracker = asyncio.run(store.get_or_create_tracker("rest:someone"))
    told(tracker)
    asyncio.run(store.save(tracker))

    stored = asyncio.run(store.retrieve("rest:someone")).latest_message

    assert stored.intent["name"] == "greet"
    assert stored.parse_data["questions"] == [{"text": "", "topic": "side_effects", "cards": [["toxin.pain", 0.9]]}]
    assert [entity["value"] for entity in stored.entities] == ["botulinum_toxin", "mood"]
    assert stored.text[stored.entities[0]["start"] : stored.entities[0]["end"]] == "botox"


def test_the_turn_itself_goes_on_with_what_was_typed(store: TalkStore) -> None:
    tracker = asyncio.run(store.get_or_create_tracker("rest:someone"))
    event = told(tracker)

    asyncio.run(store.save(tracker))

    assert tracker.latest_message is event
    assert event.text == TOLD
    assert event.parse_data == {**event.parse_data, **PARSE}


def test_a_message_without_details_is_stored_as_it_was_understood(store: TalkStore) -> None:
    tracker = asyncio.run(store.get_or_create_tracker("rest:someone"))
    parse = {"intent": {"name": "greet"}, "text": "does botox hurt", "questions": [{"text": "does botox hurt"}]}
    tracker.update(UserUttered("does botox hurt", parse["intent"], [], parse), DOMAIN)
    asyncio.run(store.save(tracker))

    stored = asyncio.run(store.retrieve("rest:someone")).latest_message

    assert stored.parse_data == {**stored.parse_data, **parse, MASKED: True}


def test_a_stored_message_is_not_searched_again(store: TalkStore, monkeypatch: pytest.MonkeyPatch) -> None:
    keep(store, "rest:someone", "I am Susan", "first")
    searched: List[str] = []
    monkeypatch.setattr("server.tracker_store.details", lambda text: searched.append(text) or [])

    keep(store, "rest:someone", "second")

    assert searched == ["second"]
    assert said(store, "rest:someone") == ["I am [name]", "first", "second"]


def test_any_other_store_can_be_kept_from_details_too() -> None:
    class Masked(MaskedTalks, InMemoryTrackerStore):
        """A store of another kind."""

    store = Masked(DOMAIN)
    tracker = asyncio.run(store.get_or_create_tracker("rest:someone"))
    told(tracker)
    asyncio.run(store.save(tracker))

    assert "Susan" not in store.store["rest:someone"]
    assert "[name]" in store.store["rest:someone"]


def test_the_latest_message_of_a_masked_tracker_is_masked_too() -> None:
    tracker = DialogueStateTracker.from_events("rest:someone", [], DOMAIN.slots)
    told(tracker)

    assert "Susan" not in str(masked(tracker).latest_message.as_dict())


# What fails.


def refuse_writing(store: TalkStore, refuse: bool = True) -> None:
    """Lets nothing be stored or deleted, or lets it again."""
    with store.engine.begin() as connection:
        for change in ("INSERT", "DELETE"):
            connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS no_{change}")
            if refuse:
                full = "BEGIN SELECT RAISE(ABORT, 'the disk is full'); END"
                connection.exec_driver_sql(f"CREATE TRIGGER no_{change} BEFORE {change} ON events {full}")


def test_what_could_not_be_stored_is_remembered_and_stored_once_it_can_be(store: TalkStore) -> None:
    keep(store, "rest:a", "before")
    refuse_writing(store)
    keep(store, "rest:a", "first")
    keep(store, "rest:b", "other")
    keep(store, "rest:a", "second")
    assert said(store, "rest:a") == ["before", "first", "second"]

    refuse_writing(store, False)
    keep(store, "rest:c", "someone else")

    assert said(store, "rest:a") == ["before", "first", "second"] and said(store, "rest:b") == ["other"]
    assert not store._waiting


def test_a_turn_that_failed_half_way_leaves_no_trace_in_what_waits(store: TalkStore) -> None:
    refuse_writing(store)
    keep(store, "rest:a", "first")

    asyncio.run(store.retrieve("rest:a")).update(UserUttered("half a turn"))

    assert said(store, "rest:a") == ["first"]


def test_a_talk_that_was_forgotten_does_not_come_back_from_memory(store: TalkStore) -> None:
    refuse_writing(store)
    keep(store, "rest:a", "first")
    refuse_writing(store, False)

    store.erase("rest:a")
    keep(store, "rest:c", "someone else")

    assert said(store, "rest:a") == []


def test_no_more_talks_wait_than_there_is_room_for(
    store: TalkStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(unsaved, "MOST_TALKS", 2)
    refuse_writing(store)
    for talk in ("rest:a", "rest:b", "rest:c"):
        keep(store, talk, "first")

    assert [bool(said(store, talk)) for talk in ("rest:a", "rest:b", "rest:c")] == [False, True, True]
    assert "the oldest is lost" in caplog.text


def test_a_talk_that_cannot_be_erased_is_not_said_to_be(store: TalkStore) -> None:
    tracker = keep(store, "rest:a", "Quillfeather")
    tracker.update(SlotSet(FORGET_ME, True), DOMAIN)
    refuse_writing(store)

    with pytest.raises(Undone) as undone:
        asyncio.run(store.save(tracker))
    assert "full" in str(undone.value) and "Quillfeather" not in str(undone.value)


def test_no_error_of_the_store_quotes_a_visitor(store: TalkStore, caplog: pytest.LogCaptureFixture) -> None:
    refuse_writing(store)

    keep(store, "rest:a", "Quillfeather")

    assert "the disk is full" in caplog.text and "Quillfeather" not in caplog.text


def test_an_event_that_is_no_json_ends_only_the_session_that_it_stands_in(store: TalkStore) -> None:
    keep(store, "rest:a", "first")
    with store.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE events SET data = '{' WHERE type_name = 'bot'")
    store.let_go("rest:a")

    assert said(store, "rest:a") == []
    tracker = DialogueStateTracker.from_events("rest:a", [SessionStarted(), UserUttered("second")], domain=DOMAIN)
    asyncio.run(store.save(tracker))

    assert said(store, "rest:a") == ["second"]


def test_a_clock_that_is_set_back_mixes_nothing(store: TalkStore) -> None:
    at_noon = [SessionStarted(timestamp=1e9), UserUttered("first", timestamp=1e9 + 1)]
    an_hour_before = UserUttered("second", timestamp=1e9 - 3600)
    asyncio.run(store.save(DialogueStateTracker.from_events("rest:a", at_noon, domain=DOMAIN)))

    tracker = asyncio.run(store.retrieve("rest:a"))
    tracker.update(an_hour_before)
    asyncio.run(store.save(tracker))
    keep(store, "rest:a", "third")
    # What is read from the file, not what is still in memory.
    store.let_go("rest:a")

    assert said(store, "rest:a") == ["first", "second", "third"]
