"""The log: plain lines, or JSON lines for machines, without words or ids of visitors.

An error's own words are left out, because they may quote a visitor. So is what asyncio and Sanic add to their lines: the
arguments of what failed, and the address that was asked for.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import traceback
from datetime import datetime, timezone
from types import TracebackType
from typing import Any, Dict, Optional, Tuple, Type

QUOTING = ("asyncio", "sanic")
"""Loggers whose lines hold what was worked on."""
_TALK = re.compile(r"\b(rest|widget|slack|telegram):[\w.@:+=-]+", re.ASCII)


class Lines(logging.Formatter):
    """One line for each record: time, level, logger and message; of an error its kind and where it was raised."""

    def __init__(self, form: str) -> None:
        """Sets the form, one of those in the settings."""
        super().__init__()
        self._form = form

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        told = _told(record.created, record.levelname, record.name, _message(record))
        if record.exc_info and record.exc_info[0]:
            told["error"] = _without_words(record.exc_info)  # type: ignore[arg-type]
        if self._form == "json":
            return json.dumps(told, ensure_ascii=False)
        return f"{record.levelname} {record.name}: {told['message']}" + (f" [{told['error']}]" if "error" in told else "")


def set_up(form: str) -> None:
    """Sends warnings and errors of all modules to the standard error output, in a form."""
    # The supervisor, which only tells, is kept small.
    import structlog

    handler = logging.StreamHandler()
    handler.setFormatter(Lines(form))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    # Rasa's own lines quote messages, events and texts beside their name; below a warning, none is ever formatted.
    structlog.configure(
        processors=[_only_the_name],
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )


def tell(words: str, form: str, level: str = "INFO") -> None:
    """Tells whoever runs the assistant something: as it is, or as a line of the log where machines read it."""
    if form == "json":
        now = datetime.now(timezone.utc).timestamp()
        words = json.dumps(_told(now, level, "server.run", words.strip()), ensure_ascii=False)
    print(words, file=sys.stdout if level == "INFO" else sys.stderr, flush=True)


def _only_the_name(_logger: Any, _method: str, event: Dict[str, Any]) -> str:
    return str(event["event"])


def _message(record: logging.LogRecord) -> str:
    """What a line says, without ids of talks: Rasa's own name one where a talk goes round in circles."""
    if isinstance(record.msg, BaseException):
        return type(record.msg).__name__
    if record.name.partition(".")[0] in QUOTING:
        return re.split(r"\n|\(|%", str(record.msg), maxsplit=1)[0].strip()
    return _TALK.sub(r"\1:...", record.getMessage())


def _told(seconds: float, level: str, logger: str, message: str) -> Dict[str, str]:
    time = datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="milliseconds")
    return {"time": time, "level": level, "logger": logger, "message": message}


def _without_words(raised: Tuple[Type[BaseException], BaseException, Optional[TracebackType]]) -> str:
    """The kinds of an error and of those that led to it, and where it was raised."""
    kind, error, frames = raised
    kinds, cause = [kind.__name__], error.__cause__ or error.__context__
    while cause is not None and len(kinds) < 5:
        kinds.append(type(cause).__name__)
        cause = cause.__cause__ or cause.__context__
    last = traceback.extract_tb(frames)[-1:]
    return " from ".join(kinds) + "".join(f" at {frame.filename}:{frame.lineno}" for frame in last)
