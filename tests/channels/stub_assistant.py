"""The two channels in a server of their own, with a stub in place of the understanding: thousands of events in seconds.

Run as a process: it can be ended, also by force, and started again.
"""

from __future__ import annotations

import sys
from pathlib import Path

from rasa.core.channels.channel import UserMessage, register
from sanic import Sanic

from channels import seen
from channels.slack import SlackChannel
from channels.telegram import TelegramChannel
from tests.channels.stand_ins import slack, telegram

SLACK_SECRET = "0123456789abcdef"
TELEGRAM_SECRET = "0123456789-abcdef"
LONG = 10
"""Every so many-th message gets a reply that is too long for one message."""


async def answer(message: UserMessage) -> None:
    """Says again what was said; at length where that is a number that LONG divides."""
    number = int(message.text.split()[-1])
    text = f"re {number}." if number % LONG else f"re {number}.\n" + "And more is said here. " * 250 + f"\nend {number}."
    said = {"text": text, "custom": {"reply": {"kind": "answer", "sources": []}}}
    await message.output_channel.send_response(message.sender_id, said)


def main(port: str, data: str, telegram_url: str, slack_url: str) -> None:
    """Serves until it is stopped."""
    # What a process has written is there for the next, however this one ends; only a power cut would need more.
    seen.SqliteEvents.PRAGMAS = (*seen.SqliteEvents.PRAGMAS, "synchronous=OFF")
    app = Sanic("stub")
    folder, rate = Path(data), 1e9
    channels = [
        TelegramChannel(telegram.TOKEN, TELEGRAM_SECRET, folder / "telegram.db", telegram_url, rate),
        SlackChannel(slack.TOKEN, SLACK_SECRET, folder / "slack.db", f"{slack_url}/api/", rate),
    ]

    @app.listener("before_server_start")
    async def load(app: Sanic, _: object) -> None:
        app.ctx.agent = type("Agent", (), {"handle_message": staticmethod(answer)})

    register(channels, app, "/webhooks/")
    app.run("127.0.0.1", int(port), access_log=False, motd=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
