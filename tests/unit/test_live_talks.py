"""Talks kept in memory: whoever goes on with one finds it as the store has it, and nobody finds one that was erased."""
from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any, Dict, Iterator, List

import pytest
import yaml
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import ActionExecuted, BotUttered, Restarted, SessionStarted, SlotSet, UserUttered
from rasa.shared.core.trackers import DialogueStateTracker

from dystonia.aftercare import REMINDERS, kinds_said, last_urgent
from server import live_talks
from server.live_talks import TURNS, LiveTalk
from server.settings import ROOT
from server.tracker_store import FORGET_ME, TalkStore
from server.unsaved import UnsavedTalks

CUSTOM = {"mappings": [{"type": "custom"}]}
DOMAIN = Domain.from_dict(
    {
        "version": "3.1",
        "intents": ["greet"],
        "actions": ["utter_greet"],
        "slots": {
            "about": {"type": "any", "influence_conversation": False, **CUSTOM},
            "asks_country": {"type": "bool", "influence_conversation": True, **CUSTOM},
            FORGET_ME: {"type": "bool", "influence_conversation": False, **CUSTOM},
        },
    }
)
SENDER = "rest:someone"


class Clock:
    """Time that a test sets."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    """The store's clock."""
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> Iterator[TalkStore]:
    """A store in a folder of its own."""
    store = TalkStore(DOMAIN, db=str(tmp_path / "talks.db"), clock=clock)
    yield store
    store.engine.dispose()


@pytest.fixture
def other(tmp_path: Path, store: TalkStore) -> Iterator[TalkStore]:
    """The store of another process, on the same file."""
    other = TalkStore(DOMAIN, db=str(tmp_path / "talks.db"))
    yield other
    other.engine.dispose()


def turn(store: TalkStore, text: str, kind: str = "answer", **slots: Any) -> None:
    """One turn as Rasa takes it: the talk fetched, gone on with, saved."""
    tracker = fetched(store)
    if not tracker.events:
        begun = [ActionExecuted("action_session_start"), SessionStarted(), ActionExecuted("action_listen")]
        tracker.update_with_events(begun, DOMAIN)
    said = BotUttered(f"You said: {text}", {"custom": {"reply": {"kind": kind}}})
    events = [UserUttered(text, {"name": "greet", "confidence": 1.0}), ActionExecuted("utter_greet"), said]
    events += [SlotSet(name, value) for name, value in slots.items()]
    tracker.update_with_events([*events, ActionExecuted("action_listen")], DOMAIN)
    asyncio.run(store.save(tracker))


def fetched(store: TalkStore) -> DialogueStateTracker:
    """The talk as a turn gets it."""
    return asyncio.run(store.get_or_create_tracker(SENDER, append_action_listen=False))


def whole(store: TalkStore) -> DialogueStateTracker:
    """The talk as it is stored."""
    return asyncio.run(store.retrieve_full_tracker(SENDER))


def texts(tracker: DialogueStateTracker) -> List[str]:
    """What the visitor said."""
    return [event.text for event in tracker.events if isinstance(event, UserUttered)]


def kinds(tracker: DialogueStateTracker) -> List[str]:
    """The kinds of the replies."""
    return kinds_said([event.as_dict() for event in tracker.events])


def states(tracker: DialogueStateTracker) -> List[Dict[str, Any]]:
    """What policies see of the last turns."""
    return tracker.past_states(DOMAIN)[-2 * (TURNS - 1) :]


def test_everything_is_stored_and_the_dialogue_is_handed_the_last_turns(store: TalkStore) -> None:
    for number in range(20):
        turn(store, f"message {number}")

    assert texts(whole(store)) == [f"message {number}" for number in range(20)]
    assert texts(fetched(store)) == [f"message {number}" for number in range(20 - TURNS, 20)]


def test_however_long_a_talk_is_a_turn_handles_as_many_events(store: TalkStore) -> None:
    sizes = []
    for number in range(30):
        turn(store, f"message {number}")
        sizes.append(len(fetched(store).events))

    assert len(set(sizes[TURNS:])) == 1


def test_the_end_of_a_talk_is_as_the_whole_of_it(store: TalkStore) -> None:
    # Given a talk in which slots were set long ago and lately,
    turn(store, "first", about=["blepharospasm"], asks_country=True)
    for number in range(10):
        turn(store, f"message {number}")
    turn(store, "last", about=["cervical_dystonia"])

    live, stored = fetched(store), whole(store)

    # then its end has the same slots, and shows the policies the same.
    assert isinstance(live, LiveTalk)
    assert live.current_slot_values() == stored.current_slot_values()
    assert states(live) == states(stored)
    assert live.latest_message.text == stored.latest_message.text == "last"
    assert live.latest_action_name == stored.latest_action_name
    assert live.followup_action == stored.followup_action


def test_a_turn_that_fails_leaves_no_trace(store: TalkStore) -> None:
    turn(store, "first", about=["blepharospasm"])
    tracker = fetched(store)
    tracker.update(UserUttered("never answered"), DOMAIN)
    tracker.update(SlotSet("about", ["hemidystonia"]), DOMAIN)

    assert texts(fetched(store)) == ["first"]
    assert fetched(store).get_slot("about") == ["blepharospasm"]


def test_urgent_replies_are_never_let_go_of(store: TalkStore) -> None:
    turn(store, "help", kind="crisis")
    for number in range(3 * TURNS):
        turn(store, f"message {number}")
    turn(store, "help again", kind="emergency")

    assert kinds(fetched(store)).count("crisis") == kinds(whole(store)).count("crisis") == 1
    assert last_urgent(kinds(fetched(store))) == "emergency"


def test_a_talk_begun_anew_has_no_urgent_reply_and_no_slots(store: TalkStore) -> None:
    turn(store, "help", kind="crisis", about=["blepharospasm"])
    tracker = fetched(store)
    tracker.update_with_events([UserUttered("start over"), ActionExecuted("action_restart"), Restarted()], DOMAIN)
    asyncio.run(store.save(tracker))
    for number in range(3 * TURNS):
        turn(store, f"message {number}")
        assert states(fetched(store)) == states(whole(store))

    assert kinds(fetched(store)) == ["answer"] * TURNS
    assert fetched(store).get_slot("about") is None


def test_personal_details_are_not_kept_in_memory_either(store: TalkStore) -> None:
    turn(store, "write to jane.doe@example.org")

    assert "jane.doe" not in texts(fetched(store))[0]


def test_the_dialogue_never_looks_back_further_than_it_is_handed_turns() -> None:
    # Given how far rules, memorised stories and the reminders after an urgent reply look back,
    files = sorted((ROOT / "data" / "rules").glob("*.yml"))
    rules = [rule for file in files for rule in yaml.safe_load(file.read_text())["rules"]]
    turns_of_rules = [sum("intent" in step or "or" in step for step in rule["steps"]) for rule in rules]
    policies = yaml.safe_load((ROOT / "config.yml").read_text())["policies"]
    states = [policy["max_history"] for policy in policies if "max_history" in policy]

    # then that is less than the turns, each of two states, that a talk keeps.
    assert max(turns_of_rules) < TURNS
    assert states and max(states) < 2 * TURNS
    assert REMINDERS < TURNS


def test_every_intent_has_a_rule_so_that_no_memorised_story_decides() -> None:
    # What policies see of hidden turns is cut short too; that could only matter where no rule decides.
    domain = yaml.safe_load((ROOT / "domain.yml").read_text())
    text = "".join(path.read_text() for path in (ROOT / "data" / "rules").glob("*.yml"))

    named = set(re.findall(r"intent: (\w+)", text))
    assert {intent for each in domain["intents"] for intent in each} - named == set()


def test_what_another_process_has_added_is_found(store: TalkStore, other: TalkStore) -> None:
    turn(store, "first")
    turn(other, "second", about=["blepharospasm"])

    assert texts(fetched(store)) == ["first", "second"]
    assert fetched(store).get_slot("about") == ["blepharospasm"]


def test_what_another_process_has_erased_is_gone(store: TalkStore, other: TalkStore) -> None:
    turn(store, "first")
    other.erase(SENDER)

    assert asyncio.run(store.retrieve(SENDER)) is None
    assert not store._talks
    turn(store, "again")
    assert texts(whole(store)) == ["again"]


def test_an_erased_talk_is_not_in_memory(store: TalkStore) -> None:
    turn(store, "first")
    store.erase(SENDER)

    assert asyncio.run(store.retrieve(SENDER)) is None
    assert not store._talks


def test_a_talk_is_let_go_of_after_a_while_and_comes_back_whole(store: TalkStore, clock: Clock) -> None:
    for number in range(2 * TURNS):
        turn(store, f"message {number}")
    clock.now += live_talks.IDLE_SECONDS

    assert texts(fetched(store)) == [f"message {number}" for number in range(2 * TURNS)]
    turn(store, "last")
    assert texts(whole(store))[-2:] == [f"message {2 * TURNS - 1}", "last"]


def test_no_more_talks_are_kept_than_there_is_room_for(store: TalkStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_talks, "MOST_TALKS", 3)
    for number in range(10):
        monkeypatch.setattr(f"{__name__}.SENDER", f"rest:{number}")
        turn(store, "hello")

    assert len(store._talks) <= 4
    monkeypatch.setattr(f"{__name__}.SENDER", "rest:0")
    assert texts(fetched(store)) == ["hello"]


def test_a_turn_that_could_not_be_stored_is_not_taken_for_stored(store: TalkStore, monkeypatch: pytest.MonkeyPatch) -> None:
    turn(store, "first")

    def full(*_: Any) -> None:
        raise OSError("No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(live_talks, "_row", full)
        turn(store, "second")
        turn(store, "third")
        (_, live) = store._talks[SENDER]
        assert texts(live) == texts(asyncio.run(super(UnsavedTalks, store).retrieve_full_tracker(SENDER))) == ["first"]

    # It waits (server/unsaved.py), and is stored once, in its place.
    assert texts(fetched(store)) == texts(whole(store)) == ["first", "second", "third"]
    turn(store, "fourth")
    assert texts(asyncio.run(super(UnsavedTalks, store).retrieve_full_tracker(SENDER))) == [
        "first",
        "second",
        "third",
        "fourth",
    ]
