"""Calls to Telegram's Bot API, over aiohttp, which Rasa brings along."""

from __future__ import annotations

import asyncio
import json
from typing import Any, Dict, Optional

import aiohttp

from channels.delivery import TryLater, WillNotSend

API_URL = "https://api.telegram.org"
CALL_SECONDS = 6.0
"""How long a call may take: less than a stop waits for it (channels/delivery.py)."""
TOKEN_WAIT = 60.0
LONGEST_ASKED = 3600.0


class ChatMoved(WillNotSend):
    """A group has become a supergroup, with another id.

    Attributes:
        chat: the id it has now.
    """

    def __init__(self, chat: int) -> None:
        super().__init__("the group has moved")
        self.chat = chat


class TelegramApi:
    """The Bot API for one token. The token is part of each address, so no address is ever logged or put into an error."""

    def __init__(self, token: str, api_url: str = API_URL) -> None:
        """Sets token and server; nothing is called yet."""
        self._base = f"{api_url.rstrip('/')}/bot{token}"
        self._session: Optional[aiohttp.ClientSession] = None

    async def call(self, method: str, arguments: Dict[str, Any], seconds: float = CALL_SECONDS) -> Any:
        """Makes a call and returns its result.

        Raises:
            TryLater: Telegram can't be reached, is in trouble, asks to wait, or does not know the token.
            WillNotSend: Telegram refuses the call; the reason names its code, never its words, which may quote a message.
        """
        if self._session is None:
            self._session = aiohttp.ClientSession()
        timeout = aiohttp.ClientTimeout(total=seconds)
        try:
            request = self._session.post(f"{self._base}/{method}", json=arguments, timeout=timeout, allow_redirects=False)
            async with request as answer:
                status, body = answer.status, await answer.read()
        except (aiohttp.ClientError, asyncio.TimeoutError, OSError) as error:
            raise TryLater(f"Telegram can't be reached ({type(error).__name__})") from None
        return _result(status, body)

    async def close(self) -> None:
        """Closes the connections."""
        if self._session is not None:
            await self._session.close()


def _result(status: int, body: bytes) -> Any:
    try:
        said = json.loads(body)
        if said["ok"]:
            return said["result"]
        code, about = int(said["error_code"]), said.get("parameters") or {}
    except (ValueError, KeyError, TypeError):
        raise TryLater(f"Telegram answered with status {status} and no JSON of its own") from None
    if code == 429:
        raise TryLater("Telegram asks to wait", min(float(about.get("retry_after", 1)), LONGEST_ASKED))
    if code in (401, 404):
        raise TryLater("Telegram does not know the token (DYSTONIA_TELEGRAM_TOKEN)", TOKEN_WAIT)
    if code == 409:
        raise TryLater("another program fetches this bot's messages, or a webhook is set")
    if code >= 500:
        raise TryLater(f"Telegram is in trouble (code {code})")
    if "migrate_to_chat_id" in about:
        raise ChatMoved(about["migrate_to_chat_id"])
    raise WillNotSend(_reason(code, str(said.get("description", ""))))


def _reason(code: int, description: str) -> str:
    known = ("blocked by the user", "user is deactivated", "chat not found", "kicked", "query is too old", "not modified")
    return next((f"code {code}, {words}" for words in known if words in description), f"code {code}")
