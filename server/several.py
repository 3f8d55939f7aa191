"""What must hold before an instance serves: the servers that it shares are there, and nobody uses the same talks unawares."""
from __future__ import annotations

import fcntl
import logging
import os
from pathlib import Path
from typing import Any, Dict, List

from channels.intake import RateLimit
from server.postgres import CannotStart
from server.run import SOCKETS, TOGETHER
from server.settings import Settings

logger = logging.getLogger(__name__)

__all__ = ["CannotStart", "join"]

USE_FILE = "in_use"
"""In the data folder: held by the process that serves from it."""
_held: List[Any] = []
"""What shows others that this process uses the talks; it ends with the process."""
_marks: Dict[Path, int] = {}
"""Likewise for folders."""


def join(settings: Settings) -> None:
    """Waits for the servers that instances share, and joins them; without them, sees that this instance is alone.

    Raises:
        CannotStart: a server can't be reached, or two instances would mix up talks.
    """
    if settings.postgres_url:
        _join_postgres(settings)
    else:
        _mark_folder(settings)
    if settings.redis_url:
        # Not imported by a server that does without.
        from server import redis_server
        from server.redis_limits import SharedBuckets

        redis_server.wait_for(settings.redis_url)
        RateLimit.shared = SharedBuckets(settings.redis_url)


def _join_postgres(settings: Settings) -> None:
    from server import postgres

    postgres.wait_for(settings.postgres_url or "")
    _held.append(postgres.Presence(settings.postgres_url or "", shares_redis=bool(settings.redis_url)))


def _mark_folder(settings: Settings) -> None:
    """Says loudly where another process uses the same folder: for a moment, while one takes over, that may be meant."""
    settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    # A supervisor that starts a second process means that, and has looked for other supervisors itself (server/run.py).
    if not alone_in(settings.data) and SOCKETS not in os.environ:
        logger.error(TOGETHER, settings.data)


def alone_in(folder: Path) -> bool:
    """Whether this process is the only one that uses a data folder; from then on it is seen to use it, until it ends."""
    folder = folder.resolve()
    try:
        if folder not in _marks:
            _marks[folder] = os.open(folder / USE_FILE, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(_marks[folder], fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
