"""What the suite talks to: a bot with a ``say``. One for webhooks of Rasa's REST form stands here; write another for yours."""
from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any, Mapping, Optional, Protocol

PATIENCE_SECONDS = 60
"""How long a reply may take, and how long a bot may ask to wait before the next message."""
TRIES = 5


class Unanswered(RuntimeError):
    """There was no reply; the message says why."""


@dataclass(frozen=True)
class Reply:
    """What a bot said, and, from bots that keep to the reply contract, its account of itself."""

    text: str
    account: Optional[Mapping[str, Any]] = None


class Bot(Protocol):
    """A bot that can be asked."""

    def say(self, talk: str, message: str) -> Reply:
        """The reply to a message.

        Args:
            talk: names the talk; what was said under one name is not known under another.
            message: what the visitor types.

        Raises:
            Unanswered: there was no reply.
        """


class RestBot:
    """A webhook of Rasa's REST form: ``{"sender", "message"}`` goes in, a list of items with ``text`` comes out."""

    def __init__(self, url: str, key: Optional[str] = None) -> None:
        """Takes the full address of the webhook, and the key that callers must send, where there is one."""
        self._url = url
        self._headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {key}"} if key else {})}

    def say(self, talk: str, message: str) -> Reply:
        """The texts of all items as one; the account is what stands in ``custom.reply``."""
        items = self._post({"sender": talk, "message": message})
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            raise Unanswered(f"{self._url} did not answer with a list of items, as Rasa's REST channel does")
        text = "\n".join(item["text"] for item in items if isinstance(item.get("text"), str))
        customs = [item["custom"] for item in items if isinstance(item.get("custom"), dict)]
        return Reply(text, next((custom["reply"] for custom in customs if isinstance(custom.get("reply"), dict)), None))

    def _post(self, body: Mapping[str, str]) -> Any:
        request = urllib.request.Request(self._url, json.dumps(body).encode(), self._headers)
        for _ in range(TRIES):
            try:
                with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:
                    return json.load(answer)
            except urllib.error.HTTPError as refused:
                if refused.code != 429:
                    raise Unanswered(f"{self._url} refused with status {refused.code}: {_told(refused)}") from None
                time.sleep(_wait(refused.headers.get("Retry-After")))
            except OSError as error:
                raise Unanswered(f"nothing answers at {self._url} ({getattr(error, 'reason', error)})") from None
            except ValueError:
                raise Unanswered(f"{self._url} did not answer in JSON") from None
        raise Unanswered(f"{self._url} asked to wait {TRIES} times in a row")


def _told(refused: urllib.error.HTTPError) -> str:
    return refused.read(300).decode("utf-8", errors="replace")


def _wait(seconds: Optional[str]) -> int:
    return min(int(seconds), PATIENCE_SECONDS) if seconds and seconds.isdecimal() else 5
