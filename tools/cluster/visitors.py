"""Visitors of the widget, many at a time: each says its next message when the last one was answered, and says one again that
was not. What each of them was told is compared with what is stored.
"""
from __future__ import annotations

import asyncio
import ssl
import time
import uuid
from dataclasses import dataclass, field
from typing import Any, Dict, List, Optional, Sequence

import aiohttp

from tools.cluster.instances import SITE

PATIENCE_SECONDS = 60.0
"""How long a visitor says one message again and again."""
PAUSE_SECONDS = 1.0


@dataclass
class Said:
    """A message and what became of it.

    Attributes:
        id: which the widget gave it.
        text: the message.
        replies: of each try that was answered; where it was told to try again, that is not among them.
        refusals: status, or kind of failure, of each try that was not.
        began: when it was first said, in seconds of the monotonic clock.
        answered: when it was answered; None when it never was.
    """

    id: str
    text: str
    replies: List[Dict[str, Any]] = field(default_factory=list)
    refusals: List[str] = field(default_factory=list)
    began: float = 0.0
    answered: Optional[float] = None


@dataclass
class Visitor:
    """Someone with a session.

    Attributes:
        urls: the doors (the proxy, or instances), taken in turn.
        token: of the session.
        said: all messages.
    """

    http: aiohttp.ClientSession
    urls: Sequence[str]
    token: str = ""
    said: List[Said] = field(default_factory=list)
    _requests: int = 0

    async def arrive(self) -> "Visitor":
        """Opens the session."""
        self.token = (await self._request("POST", "session"))["token"]
        return self

    async def say(self, text: str, patience: float = PATIENCE_SECONDS) -> Said:
        """Says something until it is answered, with the same id each time."""
        said = Said(uuid.uuid4().hex, text, began=time.monotonic())
        self.said.append(said)
        while said.answered is None and time.monotonic() - said.began < patience:
            await self.say_once(said)
            if said.answered is None:
                await asyncio.sleep(PAUSE_SECONDS)
        return said

    async def say_once(self, said: Said) -> None:
        """Says it, once."""
        try:
            answer = await self._request("POST", "message", {"id": said.id, "message": said.text})
        except (aiohttp.ClientError, asyncio.TimeoutError) as error:
            said.refusals.append(str(getattr(error, "status", type(error).__name__)))
            return
        if answer["reply"]["kind"] == "unavailable":
            said.refusals.append("unavailable")
        else:
            said.replies.append(answer)
            said.answered = time.monotonic()

    async def history(self) -> List[Dict[str, Any]]:
        """The turns of the talk, as the assistant tells them."""
        return (await self._request("GET", "history"))["turns"]

    async def faults(self) -> Dict[str, int]:
        """How many answered messages are lost (answered, but not stored), doubled, out of their order, or foreign."""
        stored = [turn["id"] for turn in await self.history()]
        own = [said.id for said in self.said]
        answered = [said.id for said in self.said if said.answered is not None]
        return {
            "lost": len(set(answered) - set(stored)),
            "doubled": len(stored) - len(set(stored)),
            "out of order": sum(one != other for one, other in zip(stored, [each for each in own if each in stored])),
            "foreign": len(set(stored) - set(own)),
            "unanswered": len(own) - len(answered),
        }

    async def _request(self, method: str, path: str, body: Any = None) -> Any:
        url = self.urls[self._requests % len(self.urls)]
        self._requests += 1
        headers = {"Origin": SITE, **({"Authorization": f"Bearer {self.token}"} if self.token else {})}
        async with self.http.request(method, f"{url}/webhooks/widget/{path}", json=body, headers=headers) as answer:
            answer.raise_for_status()
            return await answer.json()


def connections(certificate: Optional[str] = None) -> aiohttp.ClientSession:
    """For all visitors, where the proxy's certificate is trusted. Needs a running event loop."""
    trusted = ssl.create_default_context(cafile=certificate) if certificate else None
    connector = aiohttp.TCPConnector(limit=0, ssl=trusted)
    return aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=30))
