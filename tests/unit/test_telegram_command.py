"""`make telegram`: the webhook is set and checked, and messages are fetched where there is no public address."""

from __future__ import annotations

import asyncio
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Dict, Iterator, List, Tuple

import pytest

from channels.telegram import SECRET_HEADER
from channels.telegram_api import TelegramApi
from tests.channels.stand_ins.server import in_turn
from tests.channels.stand_ins.telegram import TOKEN, TelegramStandIn, trouble
from tools import telegram

SECRET = "a-secret-between-two"


class Assistant:
    """Stands where the assistant should: takes updates, or says another status first."""

    def __init__(self) -> None:
        self.taken: List[Tuple[str, bytes]] = []
        self.first: List[int] = []
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:  # noqa: N802 - the name is the library's
                self.answer(200 if self.path == "/webhooks/telegram/" else 404)

            def do_POST(self) -> None:  # noqa: N802
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = stand_in.first.pop(0) if stand_in.first else 200
                if status == 200:
                    stand_in.taken.append((self.headers[SECRET_HEADER], body))
                self.answer(status)

            def answer(self, status: int) -> None:
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Says nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()


@pytest.fixture
def assistant() -> Iterator[Assistant]:
    """An assistant."""
    made = Assistant()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def api() -> Iterator[TelegramStandIn]:
    """Telegram's servers."""
    stand_in = TelegramStandIn()
    stand_in.open()
    yield stand_in
    stand_in.close()


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch, api: TelegramStandIn, assistant: Assistant) -> None:
    settings: Dict[str, str] = {
        "DYSTONIA_TELEGRAM_TOKEN": TOKEN,
        "DYSTONIA_TELEGRAM_SECRET": SECRET,
        "DYSTONIA_TELEGRAM_API_URL": api.url,
        "DYSTONIA_PORT": str(assistant.port),
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("DYSTONIA_HOST", raising=False)
    monkeypatch.setattr(telegram, "PAUSE", 0)


def poll_once(api: TelegramStandIn, assistant: Assistant, rounds: int = 1) -> None:
    """Fetches so many times."""

    async def run() -> None:
        bot = TelegramApi(TOKEN, api.url)
        try:
            await telegram.poll(bot, SECRET, assistant.url, rounds)
        finally:
            await bot.close()

    asyncio.run(run())


def test_the_webhook_is_set_with_the_secret_and_only_what_is_read(api: TelegramStandIn) -> None:
    assert telegram.main(["set-webhook", "https://chat.example.org/"]) == 0

    assert api.webhook["url"] == "https://chat.example.org/webhooks/telegram/webhook"
    assert api.webhook["secret_token"] == SECRET
    assert api.webhook["allowed_updates"] == ["message", "callback_query"]
    assert [command["command"] for command in api.calls("setMyCommands")[0]["commands"]] == ["start", "help", "forget"]


def test_an_address_without_https_is_refused_with_what_to_do(capsys: pytest.CaptureFixture) -> None:
    assert telegram.main(["set-webhook", "http://chat.example.org"]) == 1
    assert "Mend:" in capsys.readouterr().err


def test_check_tells_that_all_is_well(capsys: pytest.CaptureFixture) -> None:
    telegram.main(["set-webhook", "https://chat.example.org"])

    assert telegram.main(["check"]) == 0
    told = capsys.readouterr().out
    assert "Telegram posts to https://chat.example.org" in told and "has Telegram open" in told


def test_check_tells_what_telegram_complains_of(api: TelegramStandIn, capsys: pytest.CaptureFixture) -> None:
    api.errors_of_webhook = {"last_error_message": "Wrong response from the webhook: 403 Forbidden"}

    assert telegram.main(["check"]) == 1
    assert "DYSTONIA_TELEGRAM_SECRET" in capsys.readouterr().err


def test_check_tells_that_the_assistant_does_not_run(assistant: Assistant, capsys: pytest.CaptureFixture) -> None:
    assistant.server.shutdown()
    assistant.server.server_close()

    assert telegram.main(["check"]) == 1
    assert "make run" in capsys.readouterr().err


def test_a_wrong_token_is_named_and_not_shown(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    monkeypatch.setenv("DYSTONIA_TELEGRAM_TOKEN", "5:another")

    assert telegram.main(["check"]) == 1
    told = capsys.readouterr().err
    assert "DYSTONIA_TELEGRAM_TOKEN" in told and "another" not in told


def test_a_telegram_that_is_away_is_told_in_one_sentence(api: TelegramStandIn, capsys: pytest.CaptureFixture) -> None:
    api.close()

    assert telegram.main(["delete-webhook"]) == 1
    assert "can't be reached" in capsys.readouterr().err


def test_the_webhook_is_deleted(api: TelegramStandIn) -> None:
    telegram.main(["set-webhook", "https://chat.example.org"])

    assert telegram.main(["delete-webhook"]) == 0
    assert api.webhook["url"] == ""


def test_fetched_messages_are_handed_over_with_the_secret_each_once(api: TelegramStandIn, assistant: Assistant) -> None:
    telegram.main(["set-webhook", "https://chat.example.org"])
    api.updates = [{"update_id": 7}, {"update_id": 8}]

    poll_once(api, assistant, rounds=3)

    assert assistant.taken == [(SECRET, b'{"update_id": 7}'), (SECRET, b'{"update_id": 8}')]
    assert api.updates == []


def test_what_the_assistant_can_not_take_yet_is_handed_over_again(api: TelegramStandIn, assistant: Assistant) -> None:
    api.updates = [{"update_id": 7}]
    assistant.first = [503, 500]

    poll_once(api, assistant)

    assert len(assistant.taken) == 1


def test_trouble_at_telegram_is_outlasted(api: TelegramStandIn, assistant: Assistant) -> None:
    api.updates = [{"update_id": 7}]
    bad = in_turn(trouble())
    api.mood = lambda method, arguments: bad(method, arguments) if method == "getUpdates" else None

    poll_once(api, assistant, rounds=2)

    assert len(assistant.taken) == 1


def test_another_secret_is_named(api: TelegramStandIn, assistant: Assistant) -> None:
    api.updates = [{"update_id": 7}]
    assistant.first = [403]

    with pytest.raises(telegram.Failed, match="DYSTONIA_TELEGRAM_SECRET"):
        poll_once(api, assistant)
