"""What visitors say of answers: kept beside the talk, masked, forgotten with it, and counted among the gaps."""
from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Iterator, Optional

import pytest
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import BotUttered, UserUttered

from dystonia.store import FactStore
from nlu.sentence_encoder import shared_encoder
from server.tracker_store import TalkStore
from tools.gaps.groups import Grouping, grouped
from tools.gaps.report import lines
from tools.gaps.talks import Account, Reason, read

DOMAIN = Domain.from_dict({"version": "3.1", "intents": ["ask_living"]})
ANSWER = {"custom": {"reply": {"kind": "answer", "confidence": 0.9}}}


@pytest.fixture
def talks(tmp_path: Path) -> Iterator[TalkStore]:
    """An empty store."""
    store = TalkStore(DOMAIN, db=str(tmp_path / "talks.db"))
    yield store
    store.engine.dispose()


def ask(talks: TalkStore, sender: str, text: str, message_id: str) -> None:
    """A question and its answer, stored."""
    tracker = asyncio.run(talks.get_or_create_tracker(sender))
    tracker.update(UserUttered(text, {"name": "ask_living"}, message_id=message_id), DOMAIN)
    tracker.update(BotUttered("So it is.", data=ANSWER), DOMAIN)
    asyncio.run(talks.save(tracker))


def account_of(talks: TalkStore) -> Account:
    """What the talks hold."""
    return read(talks, 0.0, lambda done, total: None)


def complain(talks: TalkStore, number: int, reason: Optional[str]) -> None:
    """A visitor who asks much the same as others, and says that the answer did not help."""
    sender = f"widget:{number}"
    ask(talks, sender, "Can I swim with dystonia in my neck", f"message-{number}")
    talks.feedback.keep(sender, f"message-{number}", False, reason)


def grouping_of(talks: TalkStore, store: FactStore) -> Grouping:
    """The gaps, grouped."""
    return grouped(account_of(talks).gaps, store, 3, shared_encoder().encode, lambda *_: None)


def test_an_answer_that_did_not_help_is_a_gap(talks: TalkStore) -> None:
    ask(talks, "widget:one", "Can I swim?", "message-1")
    ask(talks, "widget:one", "Can I drive?", "message-2")
    talks.feedback.keep("widget:one", "message-2", False, "Too long")

    gaps = account_of(talks).gaps

    assert [(gap.text, gap.reason, gap.complaint) for gap in gaps] == [("Can I drive?", Reason.unhelpful, "Too long")]


def test_an_answer_that_helped_is_no_gap(talks: TalkStore) -> None:
    ask(talks, "widget:one", "Can I swim?", "message-1")
    talks.feedback.keep("widget:one", "message-1", True, None)

    assert account_of(talks).gaps == []


def test_what_is_said_last_counts(talks: TalkStore) -> None:
    ask(talks, "widget:one", "Can I swim?", "message-1")
    talks.feedback.keep("widget:one", "message-1", False, "no")
    talks.feedback.keep("widget:one", "message-1", True, None)

    assert account_of(talks).gaps == []


def test_the_same_message_id_in_another_talk_is_another_message(talks: TalkStore) -> None:
    ask(talks, "widget:one", "Can I swim?", "message-1")
    talks.feedback.keep("widget:two", "message-1", False, None)

    assert account_of(talks).gaps == []


def test_personal_details_are_masked(talks: TalkStore) -> None:
    talks.feedback.keep("widget:one", "message-1", False, "Write to someone@example.org")

    assert list(talks.feedback.unhelpful().values()) == ["Write to [mail]"]


def test_it_is_forgotten_with_the_talk_and_counted(talks: TalkStore, tmp_path: Path) -> None:
    ask(talks, "widget:one", "Can I swim?", "message-1")
    talks.feedback.keep("widget:one", "message-1", False, "Somersaulting words")
    talks.feedback.keep("widget:two", "message-1", False, "of another")

    assert talks.erase("widget:one") == 4, "session start, message, answer and feedback"

    assert not any(b"Somersaulting" in path.read_bytes() for path in tmp_path.iterdir())
    assert list(talks.feedback.unhelpful().values()) == ["of another"]


def test_the_words_of_three_people_are_shown_to_editors(talks: TalkStore, store: FactStore) -> None:
    for number in range(3):
        complain(talks, number, f"It is not about water, {number}")

    (group,) = grouping_of(talks, store).groups

    assert set(group.complaints) == {f"It is not about water, {number}" for number in range(3)}


def test_the_words_of_two_are_not_though_the_group_is_large(talks: TalkStore, store: FactStore) -> None:
    for number in range(4):
        complain(talks, number, "It is not about water" if number < 2 else None)

    (group,) = grouping_of(talks, store).groups

    assert group.conversations == 4 and group.complaints == ()


def test_they_stand_in_the_report(talks: TalkStore, store: FactStore) -> None:
    for number in range(3):
        complain(talks, number, "It is not about water")

    assert '   said of the answer: "It is not about water"' in list(lines(grouping_of(talks, store)))
