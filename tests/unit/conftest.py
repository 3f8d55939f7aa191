"""What the unit tests share: the real facts, and a small made-up facts folder that has one of everything."""
from __future__ import annotations

import logging
import shutil
from pathlib import Path
from typing import Iterator

import pytest
import yaml

from dystonia.compose import Answerer
from dystonia.store import FactStore

SMALL_FACTS = Path(__file__).parent / "small_facts"
CARD_IDS = sorted(
    card["id"] for path in (SMALL_FACTS / "cards").glob("*.yml") for card in yaml.safe_load(path.read_text(encoding="utf-8"))
)
"""The cards of the small facts; read without the store, so that a fault in it fails tests and not their collection."""


@pytest.fixture(autouse=True)
def log_is_heard() -> Iterator[None]:
    """Lets a test see the log, which tests of the whole assistant in this process turn off."""
    before = logging.root.manager.disable
    logging.disable(logging.NOTSET)
    yield
    logging.disable(before)


@pytest.fixture(scope="session")
def real_store() -> FactStore:
    """The facts that ship with the project."""
    return FactStore.load()


@pytest.fixture(scope="session")
def store() -> FactStore:
    """The small facts."""
    return FactStore.load(SMALL_FACTS)


@pytest.fixture(scope="session")
def answerer(store: FactStore) -> Answerer:
    """The core over the small facts."""
    return Answerer(store)


@pytest.fixture
def facts(tmp_path: Path) -> Path:
    """A copy of the small facts that a test may spoil."""
    return Path(shutil.copytree(SMALL_FACTS, tmp_path / "facts"))
