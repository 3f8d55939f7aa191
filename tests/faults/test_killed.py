"""A process killed in the middle of a busy hour: no acknowledged turn is lost, none is mixed, and all comes back by itself."""
from __future__ import annotations

import os
import signal
import sqlite3
import time
from contextlib import closing
from itertools import groupby
from pathlib import Path
from typing import Iterator, List

import pytest
import requests

from tests.faults.talkers import QUESTIONS, Crowd, RestTalker, WidgetTalker, talking
from tests.running import START_SECONDS, wait_until
from tests.supervised import Supervisor

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/stat").exists(), reason="child processes are looked for in /proc. Mend: run this on Linux."
)

ROUNDS = 2
SECONDS = 75
"""A killed process must answer again in this time, on a machine that is busy with other things; the figure is printed."""


@pytest.fixture(scope="module")
def supervisor(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Supervisor]:
    """`make run`, which starts again what dies."""
    supervisor = Supervisor(tmp_path_factory.mktemp("killed"))
    yield supervisor.greets()
    supervisor.stop()


@pytest.mark.parametrize("module", ["server.serve", "server.action_server"])
def test_a_kill_in_the_middle_of_many_talks_loses_nothing(
    supervisor: Supervisor, module: str, capsys: pytest.CaptureFixture
) -> None:
    with talking(supervisor.url, rounds=ROUNDS) as crowd:
        crowd.come_to(20)

        os.kill(supervisor.children()[module], signal.SIGKILL)
        killed = time.monotonic()
        wait_until(lambda: _answers(supervisor), START_SECONDS, "an answer after the kill")
        took = time.monotonic() - killed

    assert crowd.acknowledged() == len(crowd.talkers) * ROUNDS * len(QUESTIONS)
    heard_again = assert_nothing_lost_or_mixed(crowd, supervisor)
    assert any(talker.repeated for talker in crowd.talkers) or "unavailable" in crowd.kinds()
    assert crowd.kinds().count("emergency") == len(crowd.talkers) * ROUNDS
    assert took < SECONDS
    with capsys.disabled():
        print(
            f"\n  {module} killed: answers again after {took:.1f} s; {crowd.acknowledged()} turns, lost 0, doubled 0; "
            f"{heard_again} that were said again without an id (REST) were heard twice"
        )


def assert_nothing_lost_or_mixed(crowd: Crowd, supervisor: Supervisor) -> int:
    """What was acknowledged is stored, in the order of each talk; what was repeated without an id may be there twice.

    Returns:
        How many such are there twice.
    """
    twice = 0
    for talker in crowd.talkers:
        if isinstance(talker, WidgetTalker):
            # "I can't look that up just now" is a reply, but the widget may ask the same again.
            answered = [said for said, kind in zip(talker.acknowledged, talker.kinds) if kind != "unavailable"]
            assert talker.history() == answered
        elif isinstance(talker, RestTalker):
            said = _stored(supervisor, f"rest:{talker.sender}")
            assert [text for text, _ in groupby(said)] == [text for _, text in talker.acknowledged]
            assert len(said) <= len(talker.acknowledged) + len(talker.repeated)
            twice += len(said) - len(talker.acknowledged)
    return twice


def _answers(supervisor: Supervisor) -> bool:
    try:
        (_, said) = supervisor.say("What is blepharospasm?")
    except (requests.RequestException, ValueError):
        return False
    return bool(said["custom"]["reply"]["kind"] == "answer")


def _stored(supervisor: Supervisor, talk: str) -> List[str]:
    query = "SELECT json_extract(data, '$.text') FROM events WHERE sender_id = ? AND type_name = 'user' ORDER BY id"
    with closing(sqlite3.connect(supervisor.data / "talks.db", timeout=10)) as store:
        return [text for (text,) in store.execute(query, (talk,))]
