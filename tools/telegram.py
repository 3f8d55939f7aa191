"""`make telegram DO=...`: tells Telegram where the assistant is, checks that it works, or fetches messages itself."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from typing import Any, Dict, List, Optional

import aiohttp

from channels.delivery import TryLater, WillNotSend
from channels.telegram import SECRET_HEADER, UPDATES
from channels.telegram_api import TelegramApi
from server.bots import telegram_secrets
from server.settings import Settings, SettingsError

PATH = "/webhooks/telegram/webhook"
COMMANDS = [
    {"command": "start", "description": "Say hello"},
    {"command": "help", "description": "What I can do"},
    {"command": "forget", "description": "Delete our talk"},
]
POLL_SECONDS = 50
"""How long Telegram holds a request open while there is nothing new."""
PAUSE = 3.0


class Failed(Exception):
    """It did not work; the message says why and how to mend it."""


async def set_webhook(api: TelegramApi, secret: str, address: str) -> None:
    """Has Telegram post to the assistant at this public address, and checks that it can."""
    if not address.startswith("https://"):
        raise Failed(
            f"'{address}' does not begin with https://, and Telegram posts to no other. Mend: use poll, or get a certificate."
        )
    url = address.rstrip("/") + PATH
    await api.call("setWebhook", {"url": url, "secret_token": secret, "allowed_updates": list(UPDATES)})
    await api.call("setMyCommands", {"commands": COMMANDS})
    print(f"Telegram now posts to {url}. Write to your bot, then check with: make telegram DO=check")


async def delete_webhook(api: TelegramApi) -> None:
    """Has Telegram post nowhere; messages wait there for a day."""
    await api.call("deleteWebhook", {})
    print("Telegram posts nowhere now. What people write waits there for a day.")


async def check(api: TelegramApi, assistant: str) -> None:
    """Says whether token, webhook and assistant work."""
    me = await api.call("getMe", {})
    print(f"The token is that of @{me['username']}.")
    if not me.get("can_join_groups", True):
        print("It can't be added to groups (@BotFather, /setjoingroups).")
    about = await api.call("getWebhookInfo", {})
    print(f"Telegram posts to {about['url']}." if about["url"] else "Telegram posts nowhere: use set-webhook, or poll.")
    print(f"{about.get('pending_update_count', 0)} messages wait there.")
    async with aiohttp.ClientSession() as session:
        await _reach(session, assistant)
    print(f"The assistant at {assistant} has Telegram open.")
    if about.get("last_error_message"):
        raise Failed(
            f"Telegram's last try to post failed: {about['last_error_message']}. Mend: after a 403 use set-webhook again: it "
            "was set with another DYSTONIA_TELEGRAM_SECRET; after a 5xx or a timeout see to the proxy before the assistant."
        )


async def poll(api: TelegramApi, secret: str, assistant: str, rounds: Optional[int] = None) -> None:
    """Fetches messages and hands them to the assistant, for who has no public address; runs until Ctrl-C.

    A message is given back to no one: only when the assistant has taken it, the next are asked for.

    Args:
        api: Telegram.
        secret: what the assistant expects in the header.
        assistant: its address.
        rounds: how often to ask; None for ever.
    """
    await api.call("deleteWebhook", {})
    await api.call("setMyCommands", {"commands": COMMANDS})
    offset = 0
    async with aiohttp.ClientSession() as session:
        await _reach(session, assistant)
        print("Fetching messages (stop with Ctrl-C) ...", flush=True)
        while rounds is None or rounds > 0:
            rounds = None if rounds is None else rounds - 1
            try:
                wanted = {"offset": offset, "timeout": POLL_SECONDS, "allowed_updates": list(UPDATES)}
                updates = await api.call("getUpdates", wanted, seconds=POLL_SECONDS + 10)
            except TryLater as later:
                print(f"{later.reason}; trying again.", file=sys.stderr)
                await asyncio.sleep(later.seconds or PAUSE)
                continue
            for update in updates:
                await _hand_over(session, assistant, secret, update)
                offset = update["update_id"] + 1


async def _hand_over(session: aiohttp.ClientSession, assistant: str, secret: str, update: Dict[str, Any]) -> None:
    while True:
        try:
            async with session.post(assistant + PATH, json=update, headers={SECRET_HEADER: secret}) as answer:
                if answer.status == 403:
                    raise Failed("The assistant has another DYSTONIA_TELEGRAM_SECRET. Mend: start both with the same.")
                # Too large is for ever, as is all else that the assistant refuses.
                if answer.status < 500:
                    return
        except (aiohttp.ClientError, asyncio.TimeoutError):
            print(f"Nothing answers at {assistant}; trying again.", file=sys.stderr)
        await asyncio.sleep(PAUSE)


async def _reach(session: aiohttp.ClientSession, assistant: str) -> None:
    try:
        async with session.get(f"{assistant}/webhooks/telegram/") as answer:
            if answer.status == 200:
                return
    except aiohttp.ClientError:
        raise Failed(f"Nothing answers at {assistant}. Mend: start it with 'make run' in another terminal.") from None
    raise Failed(f"The assistant at {assistant} has Telegram closed. Mend: start it with the same two secrets as this command.")


async def run(arguments: argparse.Namespace) -> None:
    """Runs a command with one connection to Telegram."""
    token, secret, api_url = telegram_secrets(os.environ)
    assistant = Settings.from_environment().url
    api = TelegramApi(token, api_url)
    try:
        if arguments.command == "set-webhook":
            await set_webhook(api, secret, arguments.address)
        elif arguments.command == "delete-webhook":
            await delete_webhook(api)
        elif arguments.command == "check":
            await check(api, assistant)
        else:
            await poll(api, secret, assistant)
    finally:
        await api.close()


def main(words: Optional[List[str]] = None) -> int:
    """Runs the command; returns the exit status."""
    parser = argparse.ArgumentParser(prog="make telegram DO=", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    setting = commands.add_parser("set-webhook", help="have Telegram post to the assistant")
    setting.add_argument("address", help="the assistant's public address, such as https://chat.example.org")
    commands.add_parser("delete-webhook", help="have Telegram post nowhere")
    commands.add_parser("check", help="say whether token, webhook and assistant work")
    commands.add_parser("poll", help="fetch messages, without a public address")
    try:
        asyncio.run(run(parser.parse_args(words)))
    except (Failed, SettingsError) as error:
        print(error, file=sys.stderr)
        return 1
    except (TryLater, WillNotSend) as error:
        print(f"{error.reason}. Mend: check the network and DYSTONIA_TELEGRAM_TOKEN, then run it again.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
