"""Calls to Slack's Web API, over slack_sdk, which Rasa brings along."""

from __future__ import annotations

import asyncio
from typing import Any, Dict, Optional

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from channels.delivery import TryLater, WillNotSend

API_URL = "https://slack.com/api/"
CALL_SECONDS = 6
"""How long a call may take: less than a stop waits for it (channels/delivery.py)."""
TOKEN_WAIT = 60.0
LONGEST_ASKED = 3600.0

RESPOND = "respond"
"""Not a method of the Web API: posts to the address that Slack gave with a slash command, which answers it anywhere."""

_TOKEN = frozenset("invalid_auth not_authed account_inactive token_revoked token_expired org_login_required".split())
_TROUBLE = frozenset("internal_error fatal_error service_unavailable request_timeout team_added_to_org ratelimited".split())


class SlackApi:
    """The Web API for one token."""

    def __init__(self, token: str, api_url: str = API_URL) -> None:
        """Sets token and server; nothing is called yet."""
        self._token = token
        self._base = f"{api_url.rstrip('/')}/"
        self._session: Optional[aiohttp.ClientSession] = None

    async def call(self, method: str, arguments: Dict[str, Any]) -> Any:
        """Makes a call and returns what Slack said.

        Raises:
            TryLater: Slack can't be reached, is in trouble, asks to wait, or does not know the token.
            WillNotSend: Slack refuses the call; the reason is Slack's code.
        """
        try:
            session = self._opened()
            if method == RESPOND:
                return await _respond(session, **arguments)
            # Waiting and trying again is the delivery's, which does not forget it when the process ends.
            client = AsyncWebClient(self._token, base_url=self._base, session=session, retry_handlers=[])
            return (await client.api_call(method, json=arguments)).data
        except SlackApiError as error:
            raise _failure(error) from None
        except (aiohttp.ClientError, asyncio.TimeoutError, OSError, SlackClientError, ValueError) as error:
            raise TryLater(f"Slack can't be reached ({type(error).__name__})") from None

    async def close(self) -> None:
        """Closes the connections."""
        if self._session is not None:
            await self._session.close()

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=CALL_SECONDS))
        return self._session


async def _respond(session: aiohttp.ClientSession, url: str, **message: Any) -> None:
    async with session.post(url, json=message, allow_redirects=False) as answer:
        if answer.status == 429:
            raise TryLater("Slack asks to wait", _asked(answer.headers))
        if answer.status >= 500:
            raise TryLater(f"Slack is in trouble (status {answer.status})")
        if answer.status != 200:
            raise WillNotSend(f"status {answer.status}")


def _failure(error: SlackApiError) -> Exception:
    # Where the answer was no JSON, this is the answer of aiohttp itself, with other names.
    status = getattr(error.response, "status_code", None) or error.response.status
    said = getattr(error.response, "data", None)
    code = str(said.get("error", "")) if isinstance(said, dict) else ""
    if status == 429 or code == "ratelimited":
        return TryLater("Slack asks to wait", _asked(error.response.headers))
    if code in _TOKEN:
        return TryLater(f"Slack does not take the token (DYSTONIA_SLACK_TOKEN): {code}", TOKEN_WAIT)
    if status >= 500 or code in _TROUBLE or not code:
        return TryLater(f"Slack is in trouble (status {status})")
    return WillNotSend(code)


def _asked(headers: Any) -> float:
    value = str({name.lower(): value for name, value in dict(headers).items()}.get("retry-after", ""))
    return min(float(value) if value.isdecimal() else 1.0, LONGEST_ASKED)
