"""`make bench`: what it makes of its measurements, and the callers and the stock bot that it makes them with."""
from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest
import yaml
from aiohttp import ClientError, web

from dystonia.store import shared_store
from tools import bench, bench_growth, profile, soak
from tools.bench import FLOOR, OURS, ROWS, THEIRS, Row, compared, of_rounds, percentile, table
from tools.bench_bots import free_ports, pss
from tools.bench_callers import TURNS_A_TALK, Plan, carry_out, counts
from tools.bench_stock import EXAMPLES, FALLBACK, QUESTION_INTENTS, floor_files, in_turn, project_files


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [([5.0], 0.95, 5.0), ([3.0, 1.0, 2.0], 0.5, 2.0), (range(1, 101), 0.95, 95), (range(1, 21), 1.0, 20), ([1.0, 2.0], 0, 1.0)],
)
def test_a_percentile_is_the_smallest_value_that_enough_do_not_exceed(values, share, expected):
    assert percentile(values, share) == expected


def test_there_is_no_percentile_of_nothing():
    with pytest.raises(ValueError, match="nothing"):
        percentile([], 0.95)


def test_figures_of_rounds_are_their_medians_so_that_one_slow_round_does_not_count():
    assert of_rounds([{"ms": 5.0, "mb": 1.0}, {"ms": 90.0, "mb": 2.0}, {"ms": 6.0, "mb": 3.0}]) == {"ms": 6.0, "mb": 2.0}


def test_a_ratio_is_the_assistants_share_of_the_stock_figure():
    all_of = {bot: {row.figure: value for row in ROWS} for bot, value in ((OURS, 7.5), (FLOOR, 5.0), (THEIRS, 30.0))}
    figures = compared({bot: {**each, "not in the table": 0.0} for bot, each in all_of.items()})
    assert set(figures) == {row.figure for row in ROWS}
    assert all(entry == {OURS: 7.5, FLOOR: 5.0, THEIRS: 30.0, "ratio": 0.25} for entry in figures.values())


@pytest.mark.parametrize(
    ("row", "ratio", "verdict"),
    [
        (Row("x", "x", at_most=0.35), 0.35, "met (at most 0.35)"),
        (Row("x", "x", at_most=0.35), 0.351, "missed (at most 0.35)"),
        (Row("x", "x", at_least=3.0), 3.0, "met (at least 3)"),
        (Row("x", "x", at_least=3.0), 2.999, "missed (at least 3)"),
        (Row("x", "x"), 9.0, ""),
    ],
)
def test_a_goal_is_met_up_to_its_bound(row, ratio, verdict):
    assert row.verdict(ratio) == verdict


def test_the_table_has_a_line_for_each_figure_in_order():
    figures = {row.figure: {OURS: 1.0, FLOOR: 2.0, THEIRS: 4.0, "ratio": 0.25} for row in ROWS}
    head, *lines = table(figures).splitlines()
    assert all(bot in head for bot in (OURS, FLOOR, THEIRS))
    assert [line.startswith(row.label) for line, row in zip(lines, ROWS, strict=True)] == [True] * len(ROWS)
    assert lines[0].split()[-8:] == ["1.0", "2.0", "4.0", "0.250", "met", "(at", "most", "0.25)"]
    assert all("0.250" in line for line in lines)


def test_groups_are_read_in_turn():
    assert in_turn([[1, 4, 6], [2], [3, 5]]) == [1, 2, 3, 4, 5, 6]


def test_a_reply_counts_when_one_of_the_marks_stands_in_it():
    assert counts('[{"kind":"clarify"}]', ['"kind":"answer"', '"kind":"clarify"'])
    assert not counts('[{"kind":"unavailable"}]', ['"kind":"answer"', '"kind":"clarify"'])


def test_callers_hold_talks_of_a_few_turns_and_sort_the_replies():
    heard = []

    async def reply(request: web.Request) -> web.Response:
        heard.append(await request.json())
        return web.Response(text="known" if heard[-1]["message"] == "a" else "what?")

    measured = asyncio.run(_talk_with(reply, messages=("a", "b"), callers=2))
    assert len(measured.milliseconds) == sum(entry["message"] == "a" for entry in heard) > 0
    assert len(measured.others) == sum(entry["message"] == "b" for entry in heard) > 0
    turns = [sum(entry["sender"] == sender for entry in heard) for sender in {entry["sender"] for entry in heard}]
    assert max(turns) == TURNS_A_TALK
    assert all(milliseconds < measured.seconds * 1000 for milliseconds in measured.milliseconds)


def test_callers_do_not_count_a_refused_message_as_a_turn():
    async def refuse(request: web.Request) -> web.Response:
        return web.Response(status=500)

    with pytest.raises(ClientError, match="500"):
        asyncio.run(_talk_with(refuse, messages=("a",), callers=1))


async def _talk_with(handler, messages, callers):
    app, (port,) = web.Application(), free_ports(1)
    app.router.add_post("/", handler)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        return await carry_out(Plan(f"http://127.0.0.1:{port}/", messages, ("known",), callers, seconds=0.2))
    finally:
        await runner.cleanup()


def test_the_stock_bot_has_fifteen_intents_of_ten_examples_and_a_fact_for_each_question():
    files = project_files(shared_store())
    nlu = {entry["intent"]: entry["examples"].splitlines() for entry in yaml.safe_load(files["data/nlu.yml"])["nlu"]}
    assert {len(examples) for examples in nlu.values()} == {EXAMPLES}
    assert len(nlu) == QUESTION_INTENTS + 1 == 15
    assert set(json.loads(files["facts.json"])) == set(nlu) - {"greet"}
    assert yaml.safe_load(files["domain.yml"])["intents"] == list(nlu)


def test_the_stock_bot_is_what_rasa_init_gives():
    config = yaml.safe_load(project_files(shared_store())["config.yml"])
    assert [step["name"] for step in config["pipeline"]] == [
        "WhitespaceTokenizer",
        "RegexFeaturizer",
        "LexicalSyntacticFeaturizer",
        "CountVectorsFeaturizer",
        "CountVectorsFeaturizer",
        "DIETClassifier",
        "EntitySynonymMapper",
        "ResponseSelector",
        "FallbackClassifier",
    ]
    assert {step["epochs"] for step in config["pipeline"] + config["policies"] if "epochs" in step} == {100}


def test_the_floor_understands_nothing_and_answers_all_by_the_same_action():
    files = floor_files(shared_store())
    config = yaml.safe_load(files["config.yml"])
    assert [step["name"] for step in config["pipeline"] + config["policies"]] == [
        "KeywordIntentClassifier",
        "FallbackClassifier",
        "RulePolicy",
    ]
    assert set(json.loads(files["facts.json"])) == {FALLBACK}
    assert files["actions.py"] == project_files(shared_store())["actions.py"]


def test_an_unknown_part_is_refused_by_name(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["bench", "turns", "turnips"])
    assert bench.main() == 1
    assert "'turnips'" in (said := capsys.readouterr().err) and "Mend: name some of turns, long," in said


def test_a_part_that_is_measured_anew_leaves_the_others(monkeypatch, tmp_path, capsys):
    machine = {"cores": 2, "cpu": "some", "load_before": 0.1}
    monkeypatch.setattr(bench, "REPORT", tmp_path / "reports" / "bench.json")
    for part, value in (("long", 1.3), ("stored", 1.0), ("long", 1.1)):
        name = {"long": "200th to 5th", "stored": "100,000 stored to none"}[part]
        bench._keep(part, {"date": "today", "machine": machine, "figures": {name: value}})

    bench._say(json.loads(bench.REPORT.read_text()))
    said = capsys.readouterr().out
    assert "200th to 5th      1.100  met (at most 1.2)" in said
    assert "100,000 stored to none      1.000  met (at most 1.1)" in said


def test_a_goal_of_growth_is_missed_over_its_bound():
    assert bench_growth.lines("long", {"200th to 5th": 1.201}) == ["200th to 5th      1.201  missed (at most 1.2)"]


def test_grown_facts_have_each_card_under_ids_of_its_own():
    store = shared_store()
    grown = bench_growth._grown(store, 3)
    assert len(grown.cards) == 3 * len(store.cards)
    assert all(card.id == card_id for card_id, card in grown.cards.items())


def test_memory_that_only_grows_until_it_has_settled_does_not_grow():
    assert soak.growth([100, 150, 200, 200, 200, 200, 200, 200, 200, 200]) == 0
    assert soak.growth([200 + 0.1 * thousand for thousand in range(50)]) == pytest.approx(1.0)
    assert soak.growth([200.0]) == 0


def test_a_stage_counts_its_own_time_without_that_of_stages_inside_it():
    # Given a clock that a stage sets forward by what it takes itself,
    now = [0.0]
    watch = profile.Stopwatch(lambda: now[0])

    def inner():
        now[0] += 2

    async def outer():
        now[0] += 1
        inside()
        now[0] += 4
        inside()

    # when a stage has another inside it, twice,
    inside = watch.around("inner", inner)
    asyncio.run(watch.around("outer", outer)())

    # then the seconds of both add up to what has passed.
    assert watch.seconds == {"outer": 5.0, "inner": 4.0}
    assert watch.calls == {"outer": 1, "inner": 2}


def test_every_stage_that_is_timed_is_there():
    watch = profile.Stopwatch()
    for stage in profile.STAGES:
        for function in stage.functions:
            owner, name = profile.found(function)
            assert callable(watch.around(stage.label, getattr(owner, name))), function


def test_the_stages_add_up_to_what_the_caller_waits():
    rows = profile.table({stage.label: 1.0 for stage in profile.STAGES}, 40.0).splitlines()[2:]
    spent = [float(row.split("|")[2]) for row in rows]
    assert sum(spent[:-1]) == pytest.approx(spent[-1]) == 40.0


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="memory is read from /proc. Mend: run this on Linux.")
def test_memory_is_that_of_the_process():
    before = pss(os.getpid())
    held = bytearray(os.urandom(1 << 20) * 50)
    assert pss(os.getpid()) - before == pytest.approx(len(held) / (1 << 20), abs=8)
