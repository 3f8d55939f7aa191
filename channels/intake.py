"""What a message must be before it goes further, the same on every channel."""
from __future__ import annotations

import json
import math
import re
import time
import unicodedata
from typing import Any, Callable, Dict, Optional, Protocol, Tuple

from channels.legible import legible

MAX_CHARACTERS = 1000
MAX_BYTES = 16 * 1024
MAX_EVENT_BYTES = 16 * MAX_BYTES
"""What Slack or Telegram may send: a message, the one it answers, and all about both, as JSON that escapes most letters."""
MAX_SENDER = 128

_COMMAND = re.compile(r"^[\s/]+")
_COMMAND_WITH_SLOTS = re.compile(r"^\s*/[\s/]*\w+\{[^{}]*\}\s*(?=\S)")
_LINE_BREAKS = str.maketrans("\v\f", "\n\n")
"""Line and page breaks as word processors and PDFs hand them over when something is copied."""
_ALLOWED_CONTROLS = frozenset("\n\r\t")
_SENDER = re.compile(r"[\w.@:+=-]+", re.ASCII)


class Refused(ValueError):
    """A message that is not taken in.

    Attributes:
        status: HTTP status that fits.
        reason: what was wrong and how to mend it, in one sentence for the client.
        wait: seconds after which it may be taken, where that is known.
    """

    def __init__(self, status: int, reason: str, wait: Optional[int] = None) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.wait = wait


EXAMPLE = '{"sender": "...", "message": "..."}'


def parse_body(body: bytes, example: str = EXAMPLE, most: int = MAX_BYTES) -> Dict[str, Any]:
    """The JSON object in a request; an example of it is shown to who sends something else.

    Args:
        body: what was sent.
        example: what should be sent.
        most: bytes that are read.

    Raises:
        Refused: too large, not UTF-8, not JSON, nested too deeply, or no object.
    """
    if len(body) > most:
        raise Refused(413, f"The body is over {most} bytes. Send a shorter message.")
    try:
        parsed = json.loads(body.decode("utf-8"))
    except UnicodeDecodeError:
        raise Refused(400, "The body is not UTF-8. Encode it as UTF-8.") from None
    except (ValueError, RecursionError):
        raise Refused(400, f"The body is not JSON. Send {example}.") from None
    if not isinstance(parsed, dict):
        raise Refused(400, f"The body is not a JSON object. Send {example}.")
    return parsed


def clean_message(message: Any) -> str:
    """The text to understand, with no way to be taken for a command.

    Rasa runs a text that starts with a slash as a command; every slash and space in front is taken away, and what stands in
    braces after a command, where words follow it: they would hide what is said.

    Raises:
        Refused: not text, empty, over 1,000 characters, or with characters that no one types.
    """
    if not isinstance(message, str):
        raise Refused(400, "'message' is not text. Send a string.")
    if len(message) > MAX_CHARACTERS:
        raise Refused(400, f"'message' has {len(message)} characters; at most {MAX_CHARACTERS} are read. Send a shorter one.")
    message = message.translate(_LINE_BREAKS)
    if any(_is_odd(character) for character in message):
        raise Refused(400, "'message' holds control characters or half of a character. Send plain text.")
    visible = "".join(character for character in message if unicodedata.category(character) != "Cf")
    visible = _COMMAND_WITH_SLOTS.sub("", visible)
    text = _COMMAND.sub("", legible(unicodedata.normalize("NFC", visible))).strip()
    if not text:
        raise Refused(400, "'message' is empty. Send some words.")
    return text


def clean_sender(sender: Any) -> str:
    """A sender id that is safe to store.

    Raises:
        Refused: not text, empty, over 128 characters, or with other characters than letters, digits and ``. _ @ : + = -``.
    """
    if not isinstance(sender, str) or not 0 < len(sender) <= MAX_SENDER or not _SENDER.fullmatch(sender):
        raise Refused(400, f"'sender' is no id. Send 1 to {MAX_SENDER} letters, digits, or characters of . _ @ : + = -")
    return sender


def _is_odd(character: str) -> bool:
    """Controls, halves of characters, and the code points that Unicode keeps free of characters for ever.

    Those that it has not given out *yet* are let in: phones have emoji that are newer than Python's table of characters.
    """
    never = ord(character) & 0xFFFE == 0xFFFE or 0xFDD0 <= ord(character) <= 0xFDEF
    return never or character not in _ALLOWED_CONTROLS and unicodedata.category(character) in ("Cc", "Cs")


class Buckets(Protocol):
    """Counts for several instances together."""

    def take(self, name: str, caller: str, rate: float) -> Optional[int]:
        """0 for a message that may pass, otherwise the seconds to wait; None when nothing can be counted just now."""


class RateLimit:
    """A token bucket for each caller: ``rate`` messages a minute, with bursts of as many."""

    MOST_CALLERS = 10_000
    shared: Optional[Buckets] = None
    """Where several instances count together; otherwise, and while that is away, each process counts by itself."""

    def __init__(self, rate: float, clock: Callable[[], float] = time.monotonic, name: str = "") -> None:
        """Sets the rate, and the limit's name, by which all instances know it."""
        self._rate = rate
        self._clock = clock
        self._name = name
        self._buckets: Dict[str, Tuple[float, float]] = {}

    def check(self, caller: str) -> None:
        """Counts a message.

        Raises:
            Refused: status 429, when the caller has sent too many.
        """
        wait = self.shared.take(self._name, caller, self._rate) if self.shared else None
        if wait is None:
            wait = self._take(caller)
        if wait:
            raise Refused(429, "Too many messages in a short time. Wait a minute, then send it again.", wait)

    def _take(self, caller: str) -> int:
        now = self._clock()
        left, before = self._buckets.get(caller, (self._rate, now))
        left = min(self._rate, left + (now - before) * self._rate / 60)
        if left < 1:
            return math.ceil((1 - left) * 60 / self._rate)
        if len(self._buckets) >= self.MOST_CALLERS:
            # Full buckets say nothing that a new one would not.
            self._buckets = {name: bucket for name, bucket in self._buckets.items() if now - bucket[1] < 60}
        self._buckets[caller] = (left - 1, now)
        return 0
