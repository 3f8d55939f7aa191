"""`make public`: planted data go through the components; what is missing or broken is said with its mend."""
from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Dict, List

import pytest

from nlu.message import Part
from nlu.topics import OUT_OF_SCOPE
from tools import public
from tools.public import DRAWS, EXAMPLES, ROWS, SOURCES, DataError, Example, accuracy, drawn, main, measured, recall_at, table

TOPICS = {
    "transfer": "money transfer account send bank payment wire receive pending arrive",
    "weather": "rain sunny forecast tomorrow umbrella storm snow temperature cloudy wind",
    "cooking": "recipe oven bake flour dinner boil soup spice kitchen bread",
}
FOREIGN = "guitar planet football lawn beetle satellite violin tractor museum comet".split()
FRAMES = ("tell me about the {}", "I need to know more of the {} today", "is there a {} for me", "what happened with this {}")


def messages(words: str | List[str], frame: int) -> List[str]:
    """A message about each word."""
    return [FRAMES[frame].format(word) for word in (words.split() if isinstance(words, str) else words)]


@pytest.fixture()
def data(tmp_path: Path) -> Path:
    """Small data in the form of the public ones: each intent with its own words."""
    sets: Dict[str, List[List[str]]] = {"oos_train": [], "oos_test": []}
    for name, frames in (("train", (0, 1)), ("test", (2, 3))):
        sets[name] = [[text, intent] for intent, words in TOPICS.items() for frame in frames for text in messages(words, frame)]
        with (tmp_path / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([["text", "category"], *sets[name]])
        sets[f"oos_{name}"] = [[text, "oos"] for frame in frames for text in messages(FOREIGN, frame)]
    (tmp_path / "data_full.json").write_text(json.dumps(sets), encoding="utf-8")
    return tmp_path


def part(*intents: str) -> Part:
    """A part with these intents, likeliest first."""
    return Part(0, 1, topics=[(intent, 0.5) for intent in intents])


def test_planted_data_are_understood_by_the_components(data, monkeypatch, capsys):
    monkeypatch.setattr(public, "DRAWS", 1)
    monkeypatch.setattr(public, "REPORT", data / "public.json")
    assert main([str(data)]) == 0
    figures = json.loads((data / "public.json").read_text())
    assert list(figures) == [row.figure for row in ROWS]
    assert figures["banking77_accuracy"] >= 0.9 and figures["clinc30_accuracy"] >= 0.9
    assert figures["banking77_accuracy_slips"] >= 0.7
    assert figures["clinc30_oos_auroc"] > 0.7 and figures["clinc30_foreign_oos_auroc"] > 0.7
    assert table(figures) in capsys.readouterr().out


@pytest.mark.parametrize("name", SOURCES)
def test_a_missing_file_is_named_with_its_source_and_the_mend(data, name, capsys):
    (data / name).unlink()
    assert main([str(data)]) == 1
    said = capsys.readouterr().err
    assert f"{name} from {SOURCES[name]}" in said and "Mend:" in said and "make public DATA=" in said
    assert not any(f"{other} from" in said for other in set(SOURCES) - {name})


def test_without_a_folder_all_files_are_named(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main([]) == 1
    said = capsys.readouterr().err
    assert all(f"{name} from https://github.com/" in said for name in SOURCES)


@pytest.mark.parametrize(
    ("name", "content"),
    [("train.csv", "a,b\n1,2\n"), ("test.csv", ""), ("data_full.json", "{}"), ("data_full.json", "<html>")],
)
def test_a_file_with_other_content_is_named_with_the_mend(data, name, content):
    (data / name).write_text(content, encoding="utf-8")
    step = public.clinc if name == "data_full.json" else public.banking
    with pytest.raises(DataError, match=rf"{name}.*Mend: fetch it anew"):
        step(data, 0)


def test_a_draw_takes_as_many_examples_of_each_intent_and_is_the_same_each_time():
    examples = [Example(f"{intent} {number}", intent) for intent in "ab" for number in range(3 * EXAMPLES)]
    first = drawn(examples, 0)
    assert [example.intent for example in first] == ["a"] * EXAMPLES + ["b"] * EXAMPLES
    assert first == drawn(examples, 0) and len({tuple(drawn(examples, draw)) for draw in range(DRAWS)}) == DRAWS
    assert len(set(first)) == 2 * EXAMPLES


def test_an_intent_with_too_few_examples_is_named():
    with pytest.raises(DataError, match="rare"):
        drawn([Example(str(number), "often") for number in range(EXAMPLES)] + [Example("x", "rare")], 0)


def test_a_message_that_belongs_here_counts_by_its_likeliest_intent():
    parts = [part("a", "b"), part(OUT_OF_SCOPE, "b", "a"), part("b", "a")]
    assert accuracy(parts, [Example("", intent) for intent in "aba"]) == pytest.approx(2 / 3)


def test_recall_is_taken_at_the_threshold_that_keeps_the_wanted_share():
    assert recall_at(0.95, range(1, 101), [0, 1, 2, 50, 200]) == pytest.approx(3 / 5)


def test_the_table_says_which_goals_are_met():
    lines = table({row.figure: row.goal or 0.5 for row in ROWS}).splitlines()
    assert len(lines) == 1 + len(ROWS)
    assert [line.endswith("met") for line in lines[1:]] == [row.goal is not None for row in ROWS]
    assert table({row.figure: 0.1 for row in ROWS}).count("missed") == sum(row.goal is not None for row in ROWS)


def test_nothing_is_measured_where_a_file_is_missing(tmp_path):
    with pytest.raises(DataError, match="test.csv"):
        measured(tmp_path, print)
