"""`make evaluate`: the measures on values whose outcome is known, the changes of messages, and the page."""

from __future__ import annotations

import random
import re
from collections import Counter
from html import unescape
from html.parser import HTMLParser
from typing import Any, Dict, List, Optional, Tuple

import numpy as np
import pytest
import yaml

from dystonia.question import Talk
from dystonia.reply import Answer, Kind
from dystonia.store import shared_store
from tools.assistant import Turn
from tools.evaluate import bounds, checklist, judging, latency, measures, page, perturbations, plots, sections, table
from tools.evaluate.evaluation import Evaluation
from tools.evaluate.figures import Figure, Goal, Section
from tools.held_out import read

NOTHING_SAID = Talk()
TABLES = {
    "dictation": [["botox", "bow tox"], ["neck", "nek"]],
    "contractions": [["what is", "what's"], ["do not", "don't"], ["it is", "it's"]],
    "spellings": [["generalised", "generalized"], ["mum", "mom"]],
    "openings": ["Hello,"],
    "closings": ["thanks"],
}


def turn(
    intent: str = "ask_type_info",
    answer: Optional[Answer] = None,
    entities: Tuple[Tuple[str, str], ...] = (),
    cards: Tuple[str, ...] = (),
    kind: Kind = Kind.answer,
) -> Turn:
    """What came of a message."""
    parse: Dict[str, Any] = {
        "intent": {"name": intent},
        "entities": [{"entity": name, "value": value} for name, value in entities],
        "questions": [{"cards": [[card, 0.5] for card in cards]}] if cards else [],
    }
    return Turn(parse, kind, Talk(), answer)


def answer(*cards: str, topics: Tuple[str, ...] = ("type_info",), about: Tuple[str, ...] = ()) -> Answer:
    """An answer from some cards."""
    return Answer(Kind.answer, ("",), topics=topics, cards=cards, about=about)


# Intervals.


def test_an_interval_is_the_same_each_time_and_holds_the_share() -> None:
    verdicts = np.array([1.0] * 80 + [0.0] * 20)

    low, high = measures.interval(lambda at: float(verdicts[at].mean()), 100)

    assert (low, high) == measures.interval(lambda at: float(verdicts[at].mean()), 100)
    # The normal approximation: 0.8 ± 1.96 * sqrt(0.8 * 0.2 / 100).
    assert low == pytest.approx(0.72, abs=0.02)
    assert high == pytest.approx(0.88, abs=0.02)


def test_an_interval_gets_narrower_with_more_messages_and_is_a_point_where_all_are_alike() -> None:
    few, many = np.array([1.0, 0.0] * 20), np.array([1.0, 0.0] * 800)

    narrow = measures.interval(lambda at: float(many[at].mean()), len(many))
    wide = measures.interval(lambda at: float(few[at].mean()), len(few))

    assert narrow[1] - narrow[0] < (wide[1] - wide[0]) / 4
    assert measures.interval(lambda at: 1.0, 30) == (1.0, 1.0)
    assert measures.interval(lambda at: 1.0, 0) == (0.0, 0.0)


# Shares and F1.


def test_macro_f1_weighs_topics_alike() -> None:
    truth = ["a", "a", "a", "b"]

    # a: precision 3/4, recall 1, F1 6/7; b: never found.
    assert measures.macro_f1(truth, ["a", "a", "a", "a"]) == pytest.approx(6 / 14)
    assert measures.macro_f1(truth, truth) == 1.0
    assert measures.macro_f1(truth, ["b", None, "b", "a"]) == 0.0


def test_precision_recall_and_f1_come_from_counts() -> None:
    assert measures.found(3, 4, 6) == pytest.approx((0.75, 0.5, 0.6))
    assert measures.found(0, 0, 0) == (0.0, 0.0, 0.0)


# Calibration.


def test_the_calibration_error_of_a_known_case() -> None:
    # Half sure and right half of the time; 0.9 sure and right half of the time.
    confidences = [0.5] * 4 + [0.9] * 4
    right = [True, False] * 4

    assert measures.calibration_error(confidences, right) == pytest.approx(0.5 * 0.0 + 0.5 * 0.4)
    assert measures.calibration_error([1.0, 0.0], [True, False]) == 0.0
    assert measures.calibration_error([], []) == 0.0


def test_bins_hold_their_upper_bound() -> None:
    bins = measures.reliability([0.0, 0.1, 0.11, 1.0], [False, False, True, True])

    assert [each.count for each in bins] == [2, 1, 0, 0, 0, 0, 0, 0, 0, 1]
    assert bins[1] == (1, 0.11, 1.0)


# Scope.


OURS = np.array([4.0, 3.0, 2.0, 1.0])
FOREIGN = np.array([2.5, 0.0, -1.0, -2.0])


def test_refusals_are_counted_where_the_wanted_share_is_kept() -> None:
    assert measures.threshold_keeping(0.75, OURS) == 2.0
    assert measures.refused_at(0.75, OURS, FOREIGN) == 0.75
    assert measures.refused_at(0.50, OURS, FOREIGN) == 1.0
    assert measures.refused_at(1.0, OURS, FOREIGN) == 0.75


def test_auroc_counts_pairs_and_halves_ties() -> None:
    assert measures.auroc(OURS, FOREIGN) == 14 / 16
    assert measures.auroc(OURS, OURS) == 0.5
    assert measures.auroc(OURS, OURS - 10) == 1.0


def test_the_curve_goes_from_keeping_all_to_refusing_all() -> None:
    curve = measures.scope_curve(OURS, FOREIGN)

    assert curve[0] == (1.0, 0.0)
    assert curve[-1] == (0.0, 1.0)
    assert (0.75, 0.75) in curve
    assert [kept for kept, _ in curve] == sorted((kept for kept, _ in curve), reverse=True)


# Verdicts.


def test_a_second_fair_topic_is_right() -> None:
    entry = {"topic": "cause", "also": ["genetics"]}
    seen = turn(answer=answer("a.card", topics=("genetics",)))

    assert judging.topic_right(seen, entry)
    assert not judging.topic_right(turn("ask_living"), entry)
    assert judging.truths(["genetics", "living"], [entry, entry]) == ["genetics", "cause"]


def test_what_an_answer_inherits_was_not_heard() -> None:
    said = turn(
        answer=answer("a.card", about=("blepharospasm",)),
        entities=(("body_region", "neck"), ("type", "dystonia"), ("boundary", "medicine_changes"), ("country", "UK")),
    )

    assert judging.heard(said) == {"cervical_dystonia", "UK"}
    assert judging.wanted({"about": ["dystonia", "voice"]}) == {"laryngeal_dystonia"}
    assert judging.types_and_treatments(judging.heard(said)) == {"cervical_dystonia"}


def test_a_card_is_looked_for_among_all_and_among_those_of_its_topic() -> None:
    cards = shared_store().cards
    one = next(iter(cards))
    other = next(name for name, card in cards.items() if card.topic is not cards[one].topic)

    second = judging.card_verdict(turn(answer=answer(other), cards=(other, one)), one)
    refused = judging.card_verdict(turn("out_of_scope", kind=Kind.out_of_scope), one)

    assert second == (False, True, False, True, True)
    assert refused == (False, False, False, False, False)


def test_a_direction_holds_where_the_change_is_taken_and_was_not_so_before() -> None:
    class Answers:
        def turn(self, text: str, talk: Talk = NOTHING_SAID) -> Turn:
            return {
                "calm": turn(answer=answer("a")),
                "urgent": turn("emergency", kind=Kind.emergency),
                "hand": turn(answer=answer("b", about=("hand_dystonia",))),
            }[text]

    def holds(base: str, changed: str, **expected: Any) -> bool:
        return checklist.direction_verdict(Answers(), {"base": base, "changed": changed, **expected})  # type: ignore[arg-type]

    assert holds("calm", "urgent", kind="emergency")
    assert not holds("urgent", "urgent", kind="emergency")
    assert not holds("calm", "calm", kind="emergency")
    assert holds("calm", "hand", about=["hand"], not_about=["cervical_dystonia"])
    assert not holds("calm", "hand", about=["hand_dystonia"], not_about=["hand_dystonia"])
    assert holds("calm", "hand", cards="other")
    assert not holds("calm", "urgent", cards="other")


# Changes that must not matter.


def test_changes_are_the_same_each_time_and_change_something() -> None:
    text = "What is botox? It's for my mum, she has generalised cervical dystonia of the neck; do not laugh"

    changed, *again = [{each.name: each.of(text) for each in perturbations.perturbations(TABLES)} for _ in range(8)]

    assert all(each == changed for each in again)
    assert all(after != text for after in changed.values())
    assert changed["capitals"] == text.upper()
    assert (
        changed["no punctuation"]
        == "What is botox Its for my mum she has generalised cervical dystonia of the neck do not laugh"
    )
    assert changed["contractions made"].startswith("What's botox? It's")
    assert changed["contractions written out"].startswith("What is botox? It is for")
    assert "my mom, she has generalized" in changed["British or American words"]
    assert changed["polite opening"] == f"Hello, {text}"
    assert changed["polite closing"] == f"{text} thanks"


def test_dictation_mishears_one_word() -> None:
    misheard = perturbations.swap_one("botox in the neck", [("botox", "bow tox"), ("neck", "nek")], random.Random(1))

    assert misheard in ("bow tox in the neck", "botox in the nek")
    assert perturbations.swap_one("botoxed necks", [("botox", "bow tox"), ("neck", "nek")], random.Random(1)) == "botoxed necks"


def test_another_name_means_the_same() -> None:
    changed = {perturbations.another_name("does cervical dystonia hurt", random.Random(seed)) for seed in range(8)}
    names = {text.replace("does ", "").replace(" hurt", "") for text in changed}

    assert "cervical dystonia" not in names
    assert names <= set(shared_store().terms["cervical_dystonia"].phrases)
    assert perturbations.another_name("does it hurt", random.Random(1)) == "does it hurt"


def test_the_checklist_is_whole() -> None:
    written = checklist.read_checklist()
    known = {*shared_store().terms, *shared_store().countries}
    slugs = {
        slug
        for entry in [*written["minimum"], *written["directions"]]
        for key in ("about", "not_about")
        for slug in entry.get(key, [])
    }

    assert len(written["minimum"]) >= 120
    assert len(written["directions"]) >= 60
    assert slugs <= known
    assert all(
        isinstance(word, str) for name in ("dictation", "contractions", "spellings") for pair in written[name] for word in pair
    )
    assert [text for text, count in Counter(entry["text"] for entry in written["minimum"]).items() if count > 1] == []
    assert {key for entry in written["directions"] for key in entry} <= {
        *("change", "base", "changed", "after", "kind", "topic", "about", "not_about", "cards")
    }


# Speed.


def test_each_component_is_timed_and_left_as_it_was() -> None:
    class Node:
        def __init__(self) -> None:
            self._component = Words()
            self._fn = lambda component, texts: texts

    class Words:
        pass

    class Timed:
        inside = Node()

        def nodes(self) -> Dict[str, Any]:
            return {"run_nlu.words.Words0": self.inside, "domain_provider": object()}

        def parse(self, text: str) -> List[str]:
            return self.inside._fn(self.inside._component, [text])

    before = Timed.inside._fn
    spent = latency.milliseconds(Timed(), ["one", "two"])  # type: ignore[arg-type]

    assert {name: len(times) for name, times in spent.items()} == {"Words": 2, latency.WHOLE: 2}
    assert Timed.inside._fn is before


# The table and what is kept.


def test_goals_are_met_or_not() -> None:
    assert Goal(0.95).met(0.95) and not Goal(0.95).met(0.949)
    assert Goal(8, at_most=True).met(8) and not Goal(8, at_most=True).met(8.1)


@pytest.fixture
def evaluation() -> Evaluation:
    """A small evaluation with planted figures and no message."""
    section = Section("Topics", "About <topics>.")
    section.share("topic accuracy", [True] * 3 + [False], Goal(0.95))
    section.share("small talk", [True])
    speed = Section("Speed", "")
    speed.add("median", lambda at: 7.5, 4, Goal(8, at_most=True), "ms")
    return Evaluation(
        sections=[section, speed],
        topics=[Figure("cause", 0.5, 0.4, 0.6, 10), Figure("living", 0.9, 0.8, 1.0, 10)],
        confusions=Counter({("cause", "living"): 3}),
        curve=[(1.0, 0.0), (0.97, 0.8), (0.9, 0.95), (0.0, 1.0)],
        at=(0.96, 0.85),
        bins=measures.reliability([0.95, 0.4], [True, False]),
        losses=[Figure("2 typing slips: topic accuracy lost", 0.05, 0.02, 0.08, 10)],
        speed={"Words": (0.1, 0.2), latency.WHOLE: (7.5, 9.0)},
    )


def test_the_table_shows_value_interval_goal_and_change(evaluation: Evaluation) -> None:
    shown = table.terminal(evaluation.sections, table.Previous({"topic accuracy": 0.7}, "the last commit"))

    line = next(line for line in shown.splitlines() if "topic accuracy" in line)
    assert re.fullmatch(r"  topic accuracy +0\.750  \[0\.250, 1\.000\] +≥ 0\.95 short +\+0\.050", line)
    assert "≤ 8 met" in shown
    assert "since the last commit" in shown
    assert "no earlier run" in table.terminal(evaluation.sections, table.Previous({}, ""))


def test_kept_figures_can_be_read_back_and_older_ones_too(evaluation: Evaluation) -> None:
    kept = yaml.safe_load(table.as_json(evaluation, "abc"))

    assert table.values(kept) == {"topic accuracy": 0.75, "small talk": 1.0, "median": 7.5}
    assert table.values({"topic accuracy": 0.7}) == {"topic accuracy": 0.7}
    assert kept["figures"]["topic accuracy"] == {"value": 0.75, "low": 0.25, "high": 1.0, "of": 4, "goal": "≥ 0.95"}
    assert kept["confusions"] == [{"topic": "cause", "taken_for": "living", "count": 3}]


# The page.


class Reader(HTMLParser):
    """What a page loads, its ids and where they are pointed at, and what stands in each drawing."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loads: List[str] = []
        self.ids: List[str] = []
        self.pointed_at: List[str] = []
        self.drawings: List[Dict[str, Optional[str]]] = []
        self.words: Dict[str, str] = {}
        self._inside = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: List[Tuple[str, Optional[str]]]) -> None:
        named = dict(attributes)
        self.loads += [
            f"{key}={value}"
            for key, value in attributes
            if key in ("src", "href", "xlink:href") and not str(value).startswith("#")
        ]
        self.loads += [tag] if tag in ("script", "link", "iframe", "img", "object") else []
        self.ids += [named["id"]] if named.get("id") else []
        self.pointed_at += [str(named[key]) for key in ("aria-labelledby", "aria-describedby") if key in named]
        self.pointed_at += [str(value)[1:] for key, value in attributes if key == "href" and str(value).startswith("#")]
        if tag == "svg":
            self.drawings.append(named)
        self._inside = named.get("id") or "" if tag in ("title", "desc") else ""

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.words[self._inside] = self.words.get(self._inside, "") + data


def test_the_page_holds_no_external_address(evaluation: Evaluation) -> None:
    text = page.document(evaluation, table.Previous({}, ""), "abc")

    assert Reader(text).loads == []
    assert re.findall(r"(?:https?:)?//[\w.]+", text) == []
    assert re.findall(r"url\((?!#)", text) == []
    assert "default-src &#x27;none&#x27;" in text
    assert "About &lt;topics&gt;." in text


def test_each_plot_has_words_a_table_and_the_colours_of_the_page(evaluation: Evaluation) -> None:
    text = page.document(evaluation, table.Previous({}, ""), "abc")
    seen = Reader(text)

    assert [plot.name for plot in plots.plots(evaluation)] == [
        "topics",
        "confusions",
        "scope",
        "reliability",
        "losses",
        "speed",
    ]
    assert len(seen.drawings) == 6
    for drawing in seen.drawings:
        assert drawing["role"] == "img"
        assert seen.words[str(drawing["aria-labelledby"])].strip()
        assert seen.words[str(drawing["aria-describedby"])].strip()
    assert text.count("<details>") == 6
    assert "#00000" not in text
    assert "var(--accent)" in text


def test_ids_are_unique_and_all_that_is_pointed_at_is_there(evaluation: Evaluation) -> None:
    text = page.document(evaluation, table.Previous({}, ""), "abc")
    seen = Reader(text)

    assert [name for name, count in Counter(seen.ids).items() if count > 1] == []
    assert {*seen.pointed_at, *re.findall(r"url\(#([^)]+)\)", text)} <= set(seen.ids)


class Echo:
    """Answers everything alike, and says again what it was told wherever a reply has words."""

    def turn(self, text: str, talk: Talk = NOTHING_SAID) -> Turn:
        said = turn(answer=Answer(Kind.answer, (text,), topics=("cause",), cards=("dystonia.causes",), confidence=0.8))
        said.parse.update(self.parse(text))
        return said

    def parse(self, text: str) -> Dict[str, Any]:
        return {"text": text, "scope": float(len(text)), "questions": [{"text": text, "cards": [["dystonia.causes", 0.9]]}]}

    def nodes(self) -> Dict[str, Any]:
        return {}


def test_all_is_measured_and_no_held_out_message_is_kept_or_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measures, "DRAWS", 10)
    monkeypatch.setattr(bounds, "nearest_question", lambda entries: [True for _ in entries])
    monkeypatch.setattr(bounds, "stock", lambda entries: None)
    texts = [entry["text"] for name in ("single", "out_of_scope", "cards", "compound") for entry in read(name)]

    evaluation = sections.measure(Echo())  # type: ignore[arg-type]
    made = table.as_json(evaluation, "abc") + unescape(page.document(evaluation, table.Previous({}, ""), "abc"))

    figures = {figure.name: figure for section in evaluation.sections for figure in section.figures}
    assert figures["nearest question (MiniLM, cosine)"].value == 1.0
    assert figures["topic accuracy, 2 slips a message"].value == pytest.approx(figures["topic accuracy"].value, abs=0.01)
    assert figures["2 typing slips: topic accuracy lost"].value == 0.0
    assert figures["2 typing slips: same answer"].value == 1.0
    assert figures["all directions"].value == 0.0
    assert len(figures) == sum(len(section.figures) for section in evaluation.sections), "a name stands for one figure"
    assert len(texts) > 2000
    assert [text for text in texts if len(text) > 30 and text in made] == []
