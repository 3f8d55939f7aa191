"""Redis (or Valkey), which several instances share: what it holds may be lost at any time, and nothing waits for it long.

Keys are hashes, so that neither the id of a talk nor an address stands in it.
"""
from __future__ import annotations

import hashlib
import logging
import time
from typing import Callable, Text

import redis

from server.postgres import CannotStart

logger = logging.getLogger(__name__)

ANSWER_SECONDS = 0.5
"""A healthy Redis answers within a thousandth of that."""
LEFT_ALONE_SECONDS = 1.0
"""How long it is not asked again after it did not answer, so that not every turn waits for it in vain."""


def key(*parts: Text) -> Text:
    """A key that gives nothing away."""
    kind, *names = parts
    return f"dystonia:{kind}:{hashlib.sha256(chr(0).join(names).encode()).hexdigest()[:32]}"


def wait_for(url: Text, patience: float = 30.0) -> None:
    """Waits until Redis answers.

    Raises:
        CannotStart: it did not.
    """
    deadline = time.monotonic() + patience
    with redis.Redis.from_url(url, socket_timeout=2, socket_connect_timeout=2) as client:
        while True:
            try:
                client.ping()
                return
            except redis.RedisError as error:
                if time.monotonic() > deadline:
                    raise CannotStart(
                        f"Redis can't be reached ({type(error).__name__}: {error}). Mend: see that it runs, and that "
                        "DYSTONIA_REDIS_URL names it with the right password."
                    ) from None
            time.sleep(0.2)


class Reach:
    """Whether Redis is worth asking just now; says in the log when it goes and when it is back."""

    def __init__(self, without: Text, clock: Callable[[], float] = time.monotonic) -> None:
        """``without`` says, for the log, what holds while it is away."""
        self._without = without
        self._clock = clock
        self._away = False
        self._again_at = 0.0

    @property
    def open(self) -> bool:
        """Whether to ask."""
        return self._clock() >= self._again_at

    def failed(self, error: Exception) -> None:
        """It did not answer."""
        self._again_at = self._clock() + LEFT_ALONE_SECONDS
        if not self._away:
            logger.error("Redis is away (%s): %s.", type(error).__name__, self._without)
        self._away = True

    def answered(self) -> None:
        """It did."""
        if self._away:
            logger.warning("Redis is back.")
        self._away = False
