"""A talk that is forgotten, erased or too old is nowhere any more: not in a table, not in a byte of a file, not in a log."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import subprocess
import sys
import uuid
from typing import Callable, Dict, List

import pytest
from rasa.core.lock_store import InMemoryLockStore

from server.papers import DAY
from server.retention import Retention
from server.settings import ROOT
from server.talks import Talks
from tests.running import RunningAssistant, Visitor

ABOUT = "Does blepharospasm make it hard to walk with a {}?"


def forgotten(visitor: Visitor) -> None:
    """The visitor asks for it."""
    visitor.say("Forget me")


def erased(visitor: Visitor) -> None:
    """The operator does it, while the assistant runs."""
    environment = {**os.environ, "DYSTONIA_DATA": str(visitor.assistant.data)}
    command = [sys.executable, "-W", "ignore", "-m", "tools.person", "erase", f"rest:{visitor.sender}"]
    subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)


def aged(visitor: Visitor) -> None:
    """Nobody does anything for longer than talks are kept."""
    data, talk = visitor.assistant.data, f"rest:{visitor.sender}"
    visitor.assistant.kept("UPDATE events SET timestamp = timestamp - ? WHERE sender_id = ?", str(31 * DAY), talk)
    retention = Retention(Talks.at(f"sqlite:///{data / 'talks.db'}"), data, 30, InMemoryLockStore().lock)
    asyncio.run(retention.run())
    retention.close()


def places(assistant: RunningAssistant, words: str) -> List[str]:
    """Where words are found: files, and columns of tables."""
    found = assistant.files_holding(words)
    for path in assistant.data.rglob("*.db"):
        with contextlib.closing(sqlite3.connect(path)) as store:
            for (table,) in store.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
                rows: List[Dict[str, object]] = store.execute(f"SELECT * FROM {table}").fetchall()
                found += [f"{path.name}: {table}" for row in rows if words in str(row)]
    return found


@pytest.mark.parametrize("gone", [forgotten, erased, aged])
def test_places_where_words_remain(assistant: RunningAssistant, gone: Callable[[Visitor], None]) -> None:
    visitor, words = assistant.visitor(), f"quillfeather{uuid.uuid4().hex}"
    visitor.say(ABOUT.format(words))
    visitor.say("and how is it treated?")
    assert len(places(assistant, words)) >= 2

    gone(visitor)

    assert places(assistant, words) == []
    assert places(assistant, f"rest:{visitor.sender}") == []
    visitor.say("What is blepharospasm?")
    assert places(assistant, words) == []
    assert words not in assistant.log()
