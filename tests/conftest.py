"""What all tests share: the trained model, and the assistant as visitors meet it."""
from __future__ import annotations

from pathlib import Path
from typing import Iterator

import pytest

# Sanic puts a warning filter in front of all others when it is imported: done here, it is in force for no test.
import sanic.app  # noqa: F401
from hypothesis import settings

from tests.running import RunningAssistant, running_assistant

# A machine under load is no fault of the code; and what was found is written into a test, not into a database.
settings.register_profile("house", deadline=None, database=None)
settings.load_profile("house")


def pytest_configure(config: pytest.Config) -> None:
    """Lets Rasa say, whenever it reads a domain, what it changed in 2021, and that replies stand in the facts too."""
    config.addinivalue_line("filterwarnings", "ignore:Slot auto-fill has been removed:UserWarning")
    config.addinivalue_line("filterwarnings", "ignore:The following duplicated responses:UserWarning")


@pytest.fixture(scope="session")
def model() -> Path:
    """The model for the present inputs; trained first where there is none."""
    from server.model import train

    return train()


@pytest.fixture(scope="session")
def assistant(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningAssistant]:
    """The whole assistant over real HTTP. Tests share it, so each talks as a visitor of its own."""
    with running_assistant(model, tmp_path_factory.mktemp("assistant")) as running:
        yield running
