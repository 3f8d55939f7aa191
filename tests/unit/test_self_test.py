"""Before a message is taken, the loaded model is asked every red flag; where one is missed, the assistant does not start."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tarfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rasa.core.channels.channel import UserMessage

from dystonia.store import FactStore, shared_store
from server.self_test import SelfTestFailed, check
from server.settings import ROOT
from tests.running import free_ports
from tools.whole import Whole


@pytest.fixture(scope="module")
def agent(model: Path) -> Any:
    """The trained model, loaded as the server loads it."""
    return Whole(model).agent


def faults(agent: Any, store: FactStore | None = None) -> list[str]:
    """What the self-test finds."""
    try:
        asyncio.run(check(agent, store))
    except SelfTestFailed as failed:
        assert "make train" in str(failed)
        return failed.faults
    return []


def with_message(flag: str, message: str) -> FactStore:
    """The facts, but for the message that tests one red flag."""
    store = shared_store()
    return replace(store, red_flags={**store.red_flags, flag: store.red_flags[flag].copy(update={"self_test": message})})


def test_the_model_that_ships_passes(agent: Any) -> None:
    assert faults(agent) == []


def test_it_takes_little_longer_than_understanding_its_messages(agent: Any) -> None:
    """Measured on a quiet machine: 0.5 s. Here in shares, so that other work on the machine is not the test's."""
    messages = [flag.self_test for flag in shared_store().red_flags.values()]

    async def understand() -> None:
        for message in messages:
            await agent.processor.parse_message(UserMessage(message))

    def took(work: Any) -> float:
        began = time.process_time()
        asyncio.run(work)
        return time.process_time() - began

    took(understand())
    assert min(took(check(agent)) for _ in range(3)) < 1.5 * min(took(understand()) for _ in range(3))


def test_every_red_flag_is_asked(agent: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    parse = agent.processor.parse_message

    async def heard(message: Any, *rest: Any) -> Any:
        asked.append(message.text)
        return await parse(message, *rest)

    monkeypatch.setattr(agent.processor, "parse_message", heard)
    faults(agent)

    assert {flag.self_test for flag in shared_store().red_flags.values()} < set(asked)


def test_a_missed_red_flag_is_named_with_what_was_expected(agent: Any) -> None:
    (fault,) = faults(agent, with_message("stroke_signs", "What is blepharospasm?"))

    assert fault.startswith("stroke_signs: 'What is blepharospasm?' is taken for ask_") and fault.endswith("expected emergency")


def test_a_red_flag_taken_for_another_is_named(agent: Any) -> None:
    (fault,) = faults(agent, with_message("stroke_signs", "I want to die"))
    (other,) = faults(agent, with_message("stroke_signs", "she's choking"))

    assert "is taken for crisis; expected emergency" in fault
    assert "red flag choking; expected stroke_signs" in other


def test_a_model_that_sees_nothing_misses_all(agent: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def greets(*_: Any) -> Any:
        return {"intent": {"name": "greet", "confidence": 1.0}, "entities": []}

    monkeypatch.setattr(agent.processor, "parse_message", greets)

    assert len(faults(agent)) == len(shared_store().red_flags)


def test_a_model_that_cries_wolf_is_noticed(agent: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def wolf(*_: Any) -> Any:
        return {"intent": {"name": "crisis", "confidence": 1.0}, "entities": []}

    monkeypatch.setattr(agent.processor, "parse_message", wolf)

    assert "'What is dystonia?' is taken for crisis; expected a plain question" in faults(agent)


@pytest.mark.parametrize("response, flag", [("utter_crisis", "suicidal_thoughts"), ("utter_emergency", "choking")])
def test_a_missing_reply_is_noticed(agent: Any, monkeypatch: pytest.MonkeyPatch, response: str, flag: str) -> None:
    left = {name: said for name, said in agent.processor.nlg.responses.items() if name != response}
    monkeypatch.setattr(agent.processor.nlg, "responses", left)

    assert [
        fault
        for fault in faults(agent)
        if fault.startswith(f"{flag}: ") and f"expected the static response {response}" in fault
    ]


def test_a_reply_of_another_red_flag_is_noticed(agent: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    said = agent.processor.nlg.responses
    others = [each for each in said["utter_emergency"] if "choking" not in str(each.get("condition"))]
    monkeypatch.setattr(agent.processor.nlg, "responses", {**said, "utter_emergency": others})

    (fault,) = faults(agent)
    assert fault.startswith("choking: ") and "not its own" in fault


def test_a_rule_that_leads_elsewhere_is_noticed(agent: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def predicts(*_: Any) -> Any:
        return {"scores": [{"action": "utter_greet", "score": 1.0}, {"action": "utter_crisis", "score": 0.0}]}

    monkeypatch.setattr(agent, "predict_next_with_tracker", predicts)

    assert any("the rules lead to utter_greet; expected utter_crisis" in fault for fault in faults(agent))


def test_the_server_refuses_to_start_and_says_why(model: Path, tmp_path: Path) -> None:
    """A model whose red-flag detector was replaced by that of nobody: the process ends before it takes a message."""
    broken = without_detectors(model, tmp_path)
    port, actions = free_ports(2)
    environment = {
        "DYSTONIA_PORT": str(port),
        "DYSTONIA_ACTION_PORT": str(actions),
        "DYSTONIA_DATA": str(tmp_path),
        "PATH": "/usr/bin:/bin",
    }

    ended = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "server.serve", str(broken)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )

    assert ended.returncode == 1
    assert "does not start, because its self-test failed" in ended.stderr
    assert "choking: 'she's choking'" in ended.stderr and "make train" in ended.stderr


def without_detectors(model: Path, folder: Path) -> Path:
    """The model, its decision blind to what the detectors of red flags say."""
    inside, packed = folder / "inside", folder / "broken.tar.gz"
    with tarfile.open(model) as whole:
        whole.extractall(inside)
    (metadata,) = inside.glob("metadata.json")
    told = json.loads(metadata.read_text(encoding="utf-8"))
    detectors = [node for node in told["predict_schema"]["nodes"].values() if node["uses"] == "nlu.red_flags.RedFlagDetector"]
    for node in detectors:
        node["uses"] = "tests.unit.blind.BlindDetector"
    assert len(detectors) == 1
    metadata.write_text(json.dumps(told), encoding="utf-8")
    with tarfile.open(packed, "w:gz", compresslevel=1) as whole:
        whole.add(inside, arcname=".")
    return packed
