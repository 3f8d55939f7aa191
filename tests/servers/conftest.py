"""Real servers for tests: PostgreSQL and Valkey alone, and the whole cluster with two instances behind nginx."""
from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Iterator

import pytest

from tests.channels.stand_ins.slack import TOKEN as SLACK_TOKEN
from tests.channels.stand_ins.slack import SlackStandIn
from tests.channels.stand_ins.telegram import TOKEN as TELEGRAM_TOKEN
from tests.channels.stand_ins.telegram import TelegramStandIn
from tests.channels.test_slack import SECRET as SLACK_SECRET
from tests.channels.test_telegram import SECRET as TELEGRAM_SECRET
from tools.cluster import servers
from tools.cluster.instances import Cluster, cluster

REST_KEY = "0123456789abcdef0123456789abcdef"


@pytest.fixture(scope="session")
def installed() -> None:
    """The servers' programs; without them the test is skipped, and a skipped test is a failure on a submission (.ci/run)."""
    reason = servers.missing()
    if reason:
        pytest.skip(reason)


@pytest.fixture(scope="session")
def folder(installed: None) -> Iterator[Path]:
    """A folder that PostgreSQL's user may enter, unlike pytest's own."""
    with tempfile.TemporaryDirectory(prefix="dystonia-servers-") as name:
        Path(name).chmod(0o711)
        yield Path(name)


@pytest.fixture(scope="session")
def postgres(folder: Path) -> Iterator[servers.Postgres]:
    """A PostgreSQL of its own; tests share it."""
    (folder / "postgres").mkdir()
    server = servers.Postgres(folder / "postgres")
    server.make()
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def valkey(folder: Path) -> Iterator[servers.Valkey]:
    """A Valkey of its own; tests share it."""
    (folder / "valkey").mkdir()
    server = servers.Valkey(folder / "valkey")
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def slack_api() -> Iterator[SlackStandIn]:
    """Slack's servers."""
    stand_in = SlackStandIn()
    stand_in.open()
    yield stand_in
    stand_in.close()


@pytest.fixture(scope="session")
def telegram_api() -> Iterator[TelegramStandIn]:
    """Telegram's servers."""
    stand_in = TelegramStandIn()
    stand_in.open()
    yield stand_in
    stand_in.close()


@pytest.fixture(scope="session")
def several(
    installed: None, model: Path, slack_api: SlackStandIn, telegram_api: TelegramStandIn
) -> Iterator[Cluster]:
    """Two instances with all channels open, PostgreSQL, Valkey and nginx; tests share them."""
    settings = {
        # On a busy machine an action may take long; that nobody waits for it longer is tested elsewhere.
        "DYSTONIA_ACTION_TIMEOUT": "9",
        "DYSTONIA_REST_KEY": REST_KEY,
        "DYSTONIA_SLACK_TOKEN": SLACK_TOKEN,
        "DYSTONIA_SLACK_SECRET": SLACK_SECRET,
        "DYSTONIA_SLACK_API_URL": f"{slack_api.url}/api/",
        "DYSTONIA_TELEGRAM_TOKEN": TELEGRAM_TOKEN,
        "DYSTONIA_TELEGRAM_SECRET": TELEGRAM_SECRET,
        "DYSTONIA_TELEGRAM_API_URL": telegram_api.url,
    }
    with cluster(2, **settings) as running:
        running.start()
        yield running
