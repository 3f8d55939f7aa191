"""`make gaps`: what was not understood is found and grouped, and nobody's words are shown who stands alone with them."""
from __future__ import annotations

import asyncio
import datetime
import stat
import time
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Sequence

import numpy as np
import pytest
from rasa.core.tracker_store import SQLTrackerStore
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import BotUttered, UserUttered

from dystonia.store import FactStore
from nlu.sentence_encoder import shared_encoder
from server.tracker_store import TalkStore
from tools.gaps import groups
from tools.gaps.__main__ import main
from tools.gaps.groups import LONGEST, MISSING, NEAR, Group, Grouping, Near, grouped
from tools.gaps.page import document
from tools.gaps.report import LISTED, lines
from tools.gaps.talks import BATCH, UNSURE, Account, Gap, Reason, read

DOMAIN = Domain.from_dict({"version": "3.1", "intents": ["out_of_scope"]})
TODAY = datetime.date.today()
TATTOOS = ["Can I get a tattoo with dystonia?", "is it safe to have a tattoo", "are tattoos allowed with dystonia"]
DOGS = ["how do I apply for an assistance dog", "assistance dog for dystonia"]
DIVING = ["can I go scuba diving", "is scuba diving ok with dystonia", "scuba diving and dystonia"]
DAY = 24 * 60 * 60


@pytest.fixture
def talks(tmp_path: Path) -> Iterator[TalkStore]:
    """An empty store of talks."""
    store = TalkStore(DOMAIN, db=str(tmp_path / "talks.db"))
    yield store
    store.engine.dispose()


def said(text: str, intent: str = "out_of_scope", kind: Optional[str] = "out_of_scope", **reply: Any) -> Dict[str, Any]:
    """One turn: a message, how it was understood, and the kind of the reply; None where there was none."""
    return {"text": text, "intent": intent, "kind": kind, **reply}


def plant(store: SQLTrackerStore, sender: str, *turns: Dict[str, Any], days_ago: float = 0) -> None:
    """Keeps a talk as the running assistant does."""
    tracker = asyncio.run(store.get_or_create_tracker(sender))
    when = time.time() - days_ago * DAY
    for turn in turns:
        intent = {"name": turn["intent"], "confidence": 1.0}
        tracker.update(UserUttered(turn["text"], intent, parse_data={"intent": intent}, timestamp=when), DOMAIN)
        if turn["kind"]:
            reply = {"kind": turn["kind"], "confidence": turn.get("confidence", 1.0)}
            buttons = [{"title": choice, "payload": choice} for choice in turn.get("choices", ())]
            tracker.update(BotUttered("...", {"custom": {"reply": reply}, "buttons": buttons}, timestamp=when), DOMAIN)
    asyncio.run(store.save(tracker))


def account_of(store: SQLTrackerStore, since: float = 0.0) -> Account:
    """What the talks hold."""
    return read(store, since, lambda done, total: None)


def reasons(store: SQLTrackerStore) -> List[Reason]:
    """Why the messages of a store count, in order."""
    return [gap.reason for gap in account_of(store).gaps]


def sorted_out(gaps: Sequence[Gap], store: FactStore, smallest: int = 3) -> Grouping:
    """The gaps, grouped with the real encoder."""
    return grouped(gaps, store, smallest, shared_encoder().encode, lambda doing, done, total: None)


def gaps_of(*texts: str, reason: Reason = Reason.refused) -> List[Gap]:
    """Messages, each of a talk of its own."""
    return [Gap(number, text, reason, TODAY) for number, text in enumerate(texts)]


# What counts as a gap.


@pytest.mark.parametrize(
    ("turn", "reason"),
    [
        (said("a"), Reason.refused),
        (said("a", "ask_living", "clarify"), Reason.asked_back),
        (said("a", "ask_living", None), Reason.failed),
        (said("a", "ask_living", "unavailable"), Reason.failed),
        (said("a", "ask_living", "answer", confidence=UNSURE - 0.01), Reason.unsure),
    ],
)
def test_a_question_without_a_good_answer_is_a_gap(talks: TalkStore, turn: Dict[str, Any], reason: Reason) -> None:
    plant(talks, "rest:one", turn)

    assert reasons(talks) == [reason]


@pytest.mark.parametrize(
    "turn",
    [
        said("a", "ask_living", "answer", confidence=UNSURE),
        said("a", "greet", "smalltalk", confidence=0.1),
        said("a", "greet", None),
        said("a", "more", "clarify"),
        said(" ", "out_of_scope", "out_of_scope"),
    ],
)
def test_what_was_answered_and_what_asks_nothing_is_no_gap(talks: TalkStore, turn: Dict[str, Any]) -> None:
    plant(talks, "rest:one", turn)

    assert reasons(talks) == []


@pytest.mark.parametrize(
    ("after", "found"),
    [
        (said("no, the hand one", "correct", "answer"), [Reason.corrected]),
        (said("that was useless", "feedback", "smalltalk"), [Reason.unhelpful]),
        (said("you didn't answer my question", "feedback", "smalltalk"), [Reason.unhelpful]),
        (said("that is not what I asked", "feedback", "smalltalk"), [Reason.unhelpful]),
        (said("that was helpful", "feedback", "smalltalk"), []),
        (said("excellent explanation", "feedback", "smalltalk"), []),
        (said("thank you", "thank", "smalltalk"), []),
    ],
)
def test_what_the_visitor_says_next_tells_if_it_helped(talks: TalkStore, after: Dict[str, Any], found: List[Reason]) -> None:
    plant(talks, "rest:one", said("a", "ask_living", "answer"), after)

    assert reasons(talks) == found


@pytest.mark.parametrize(("chosen", "picked"), [("Second?", "Second?"), ("First?", None), ("something else", None)])
def test_another_choice_than_the_first_is_noted(talks: TalkStore, chosen: str, picked: Optional[str]) -> None:
    asked_back = said("hm", "ask_living", "clarify", choices=["First?", "Second?"])
    plant(talks, "rest:one", asked_back, said(chosen, "ask_living", "answer"))

    assert [gap.picked for gap in account_of(talks).gaps] == [picked]


def test_talks_that_were_held_at_the_same_time_are_kept_apart(talks: TalkStore) -> None:
    for turn in (said("a", "ask_living", "answer"), said("b", "ask_living", "answer")):
        plant(talks, "rest:one", turn)
        plant(talks, "rest:two", said("no, the hand one", "correct", "answer"))

    account = account_of(talks)

    assert (account.messages, account.conversations, account.gaps) == (4, 2, [])


def test_only_the_days_that_were_asked_for_are_read(talks: TalkStore) -> None:
    plant(talks, "rest:old", said("old"), days_ago=40)
    plant(talks, "rest:new", said("new"), days_ago=2)

    account = account_of(talks, since=time.time() - 30 * DAY)

    assert [gap.text for gap in account.gaps] == ["new"]
    assert account.days == ((datetime.datetime.now() - datetime.timedelta(days=2)).date(),) * 2


def test_more_events_than_fit_in_one_reading_are_all_read(talks: TalkStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tools.gaps.talks.BATCH", 3)
    told: List[int] = []
    plant(talks, "rest:one", *(said(f"message {number}") for number in range(10)))

    account = read(talks, 0.0, lambda done, total: told.append(done))

    assert len(account.gaps) == 10
    assert told == [3, 6, 9, 12, 15, 18, 20]
    assert BATCH > 3


def test_any_sql_store_of_rasa_can_be_read(tmp_path: Path) -> None:
    store = SQLTrackerStore(DOMAIN, db=str(tmp_path / "stock.db"))
    plant(store, "someone", said("I am Susan, can I fly"))

    # This store does not mask, as ours did not once.
    assert [gap.text for gap in account_of(store).gaps] == ["I am [name], can I fly"]
    store.engine.dispose()


# What is never shown.


@pytest.mark.parametrize("kind", ["emergency", "crisis"])
def test_of_a_talk_with_an_emergency_or_a_crisis_nothing_is_shown(talks: TalkStore, kind: str) -> None:
    plant(talks, "rest:one", said("before"), said("urgent", kind, kind), said("after"))

    account = account_of(talks)

    assert (account.secret, account.gaps, account.withheld) == ({kind: 1}, [], 2)


def test_an_emergency_longer_ago_than_what_is_read_counts_too(talks: TalkStore) -> None:
    plant(talks, "rest:one", said("urgent", "crisis", "crisis"), days_ago=40)
    plant(talks, "rest:one", said("after"))

    account = account_of(talks, since=time.time() - 30 * DAY)

    assert (account.gaps, account.withheld) == ([], 1)


@pytest.mark.parametrize("turn", [said("x", "boundary_diagnosis", "boundary"), said("x", "boundary_medication", None)])
def test_a_boundary_is_counted_and_its_words_are_not_shown(talks: TalkStore, turn: Dict[str, Any]) -> None:
    plant(talks, "rest:one", turn, said("after"))

    account = account_of(talks)

    assert account.secret == {"boundary": 1}
    assert [gap.text for gap in account.gaps] == ["after"]


@pytest.mark.parametrize("intent", ["emergency", "crisis"])
def test_an_emergency_whose_reply_failed_is_still_one(talks: TalkStore, intent: str) -> None:
    plant(talks, "rest:one", said("urgent", intent, None))

    assert account_of(talks).secret == {intent: 1}


# Groups.


def test_messages_of_one_meaning_make_a_group(store: FactStore) -> None:
    found = sorted_out(gaps_of(*TATTOOS, *DIVING), store)

    assert [set(group.examples) for group in found.groups] == [set(TATTOOS), set(DIVING)]
    assert [(group.messages, group.conversations) for group in found.groups] == [(3, 3), (3, 3)]
    assert found.small == 0


def test_a_smaller_group_is_only_counted(store: FactStore) -> None:
    found = sorted_out(gaps_of(*TATTOOS, *DOGS), store)

    assert [set(group.examples) for group in found.groups] == [set(TATTOOS)]
    assert found.small == len(DOGS)


def test_many_messages_of_one_conversation_make_no_group(store: FactStore) -> None:
    alone = [Gap(7, text, Reason.refused, TODAY) for text in [*TATTOOS, *TATTOOS]]

    found = sorted_out([*alone, Gap(8, TATTOOS[0], Reason.refused, TODAY)], store)

    assert (found.groups, found.small) == ((), 7)


def test_the_same_words_are_counted_and_shown_once(store: FactStore) -> None:
    found = sorted_out(gaps_of("Can I get a tattoo?", "can i get a TATTOO", "can i get a tattoo!!"), store)

    (group,) = found.groups
    assert (group.messages, group.examples) == (3, ("Can I get a tattoo?",))


@pytest.mark.parametrize(
    ("wordings", "sizes", "small"),
    [
        ({"u": 5, "v": 4}, [9], 0),
        ({"u": 5, "v": 5}, [5, 5], 0),
        ({"u": 9, "v": 1}, [9], 1),
        ({"u": 5, "v": 2, "w": 2}, [9], 0),
        ({"u": 6, "v": 2, "w": 2}, [6, 4], 0),
    ],
    ids=["not large", "two questions", "one left over", "not large, three ways", "enough left over"],
)
def test_a_large_group_is_parted_into_its_questions(
    store: FactStore, wordings: Dict[str, int], sizes: List[int], small: int
) -> None:
    # Half as near to each other as to themselves: one subject, three questions.
    places = {"u": [1, 0, 0], "v": [0.5, 0.866, 0], "w": [0.5, 0.289, 0.816]}
    texts = [f"{name} {number}" for name, count in wordings.items() for number in range(count)]

    def encode(asked: Sequence[str]) -> np.ndarray:
        return np.array([places.get(text[0], [0, 0, 0]) if text in texts else [0, 0, 0] for text in asked], np.float32)

    found = grouped(gaps_of(*texts), store, 3, encode, lambda doing, done, total: None)

    assert groups.LARGE == 10
    assert ([group.messages for group in found.groups], found.small) == (sizes, small)


def test_a_long_example_is_shortened(store: FactStore) -> None:
    found = sorted_out(gaps_of(*(f"can I get a tattoo {'really ' * 40}{ending}" for ending in "abc")), store)

    assert all(LONGEST - 10 < len(example) <= LONGEST and example.endswith("…") for example in found.groups[0].examples)


def test_a_group_tells_its_reasons_days_choices_and_nearest_cards(store: FactStore) -> None:
    early = TODAY - datetime.timedelta(days=3)
    gaps = [
        Gap(1, "how is blefarospasm treated", Reason.refused, early),
        Gap(2, "how do they treat blepharospasm", Reason.refused, TODAY),
        Gap(3, "blepharospasm treatments", Reason.asked_back, TODAY, "How is dystonia treated?"),
    ]

    (group,) = sorted_out(gaps, store).groups

    assert group.reasons == ((Reason.refused, 2), (Reason.asked_back, 1))
    assert group.days == (early, TODAY)
    assert group.picked == (("How is dystonia treated?", 1),)
    assert group.near[0].card == "blepharospasm.treatment"
    assert [near.likeness for near in group.near] == sorted((near.likeness for near in group.near), reverse=True)


def group_with(reason: Reason, likeness: float) -> Group:
    """A group of one kind at some likeness to its nearest card."""
    return Group(4, 4, ((reason, 4),), (TODAY, TODAY), ("a",), (Near("x.y", "Why?", likeness),))


@pytest.mark.parametrize(
    ("reason", "likeness", "hint"),
    [
        (Reason.refused, MISSING - 0.01, "A card is missing"),
        (Reason.asked_back, MISSING - 0.01, "A card is missing"),
        (Reason.refused, MISSING, "The card lacks this wording"),
        (Reason.unsure, NEAR, "The card lacks this wording"),
        (Reason.refused, NEAR, "Often refused, though a card is near"),
        (Reason.failed, NEAR, "Something failed"),
    ],
)
def test_the_hint_says_what_to_do(reason: Reason, likeness: float, hint: str) -> None:
    assert group_with(reason, likeness).hint.startswith(hint)


def test_beyond_the_most_wordings_only_what_is_like_a_group_is_taken(store: FactStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(groups, "MOST", 3)

    found = sorted_out(gaps_of(*TATTOOS, "tattoo with dystonia", "who won the football"), store)

    assert [(group.messages, found.small, found.apart) for group in found.groups] == [(4, 0, 1)]


def test_tens_of_thousands_of_messages_are_grouped_without_a_square_of_them(
    store: FactStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: List[int] = []
    stock = groups.AgglomerativeClustering.fit_predict
    monkeypatch.setattr(groups, "MOST", 500)
    monkeypatch.setattr(
        groups.AgglomerativeClustering, "fit_predict", lambda self, vectors: seen.append(len(vectors)) or stock(self, vectors)
    )

    def encode(texts: Sequence[str]) -> np.ndarray:
        vectors = np.stack([np.random.default_rng(sum(map(ord, text))).normal(size=16) for text in texts])
        return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)

    gaps = [Gap(number, f"message {number // 2}", Reason.refused, TODAY) for number in range(40_000)]
    found = grouped(gaps, store, 3, encode, lambda doing, done, total: None)

    assert max(seen) == 500
    assert sum(group.messages for group in found.groups) + found.small + found.apart == len(gaps)


# The command.


def run(talks: TalkStore, facts: FactStore, page: Path, *options: str) -> int:
    """`make gaps`, on these talks and facts."""
    return main([*options, "--file", str(page)], talks, facts)


def test_the_command_shows_groups_and_nothing_of_what_stands_alone(
    talks: TalkStore, store: FactStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number, text in enumerate(TATTOOS):
        plant(talks, f"rest:tattoo-{number}", said(f"{text} I'm Quillfeather, q@quill.org"))
        plant(talks, f"rest:urgent-{number}", said("I swallowed zopiclonium", "emergency", "emergency"), said("zopiclonium"))
        plant(talks, f"rest:boundary-{number}", said("Should I stop my benzhexolate", "boundary_medication", "boundary"))
    plant(talks, "rest:alone", said("my pet axolotl has dystonia"), said("axolotls?"), said("axolotl"))
    page = tmp_path / "gaps.html"

    status = run(talks, store, page)

    printed, written = capsys.readouterr().out, page.read_text(encoding="utf-8")
    assert status == 0
    for shown in (printed, written):
        assert "3 messages of 3 conversations" in shown
        assert "tattoo" in shown and "[name]" in shown and "[mail]" in shown
        assert "emergencies 3, crises 0, boundaries 3" in shown
        assert "3 messages in smaller groups" in shown
        hidden = ("quill", "zopiclonium", "benzhexolate", "axolotl", "rest:")
        assert [words for words in hidden if words in shown.lower()] == []
    others = [path.name for path in tmp_path.iterdir() if path != page and not path.name.startswith("talks.db")]
    assert others == []


def test_a_larger_minimum_hides_more(
    talks: TalkStore, store: FactStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number, text in enumerate(TATTOOS):
        plant(talks, f"rest:{number}", said(text))

    run(talks, store, tmp_path / "gaps.html", "--smallest", "4")

    assert "tattoo" not in capsys.readouterr().out + (tmp_path / "gaps.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("option", ["--smallest 2", "--smallest 0", "--smallest -5", "--since 0", "--since a", "--show-all"])
def test_what_would_show_single_people_or_makes_no_sense_is_refused(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(option.split())

    assert left.value.code == 2
    assert option.split()[0] in capsys.readouterr().err


def test_only_its_owner_can_read_the_page_and_an_older_one_is_gone(
    talks: TalkStore, store: FactStore, tmp_path: Path
) -> None:
    page = tmp_path / "gaps.html"
    page.write_text("what was there before", encoding="utf-8")
    page.chmod(0o644)

    run(talks, store, page)

    assert stat.S_IMODE(page.stat().st_mode) == 0o600
    assert "what was there before" not in page.read_text(encoding="utf-8")


def test_a_page_that_can_not_be_written_is_told_with_its_mend(
    talks: TalkStore, store: FactStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(talks, store, tmp_path) == 1
    assert "Mend: name a file that you may write with --file" in capsys.readouterr().err


def test_the_terminal_has_the_largest_groups_and_the_page_has_all() -> None:
    groups_found = Grouping(tuple([group_with(Reason.refused, 0.5)] * (LISTED + 2)), 0)

    printed = list(lines(groups_found))

    assert sum(line.endswith("A card is missing, if this belongs here at all.") for line in printed) == LISTED
    assert printed[-1] == "\nAnd 2 more groups: see the page."
    assert document(Account(), groups_found, 3).count("<article") == LISTED + 2


def test_words_of_visitors_can_not_break_the_page() -> None:
    nasty = "<script>alert(1)</script>"
    group = Group(3, 3, ((Reason.refused, 3),), (TODAY, TODAY), (nasty,), (Near("x.y", nasty, 0.5),), ((nasty, 1),))

    page = document(Account(messages=3, conversations=3), Grouping((group,), 0), 3)

    assert "<script" not in page
    assert page.count("&lt;script&gt;") == 3
    assert 'http-equiv="Content-Security-Policy" content="default-src' in page
    assert "confidential" in page
