"""What the unit tests share: the real facts, and a small made-up facts folder that has one of everything."""
from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from dystonia.compose import Answerer
from dystonia.store import FactStore

SMALL_FACTS = Path(__file__).parent / "small_facts"


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
