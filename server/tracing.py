"""Traces of turns for an OpenTelemetry collector: off, and OpenTelemetry not imported, until one is configured.

A turn is one trace, with a span for each stage that server/metrics.py measures. It holds times, the channel, the kinds of
errors, and of replies only ``KINDS_TOLD``: nothing that anyone wrote, no id of a talk or a person, no topic.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, Callable, ContextManager, Mapping, Optional

from dystonia.reply import Kind
from server.settings import SettingsError

if TYPE_CHECKING:
    from server.spans import Spans

logger = logging.getLogger(__name__)

KINDS_TOLD = frozenset(kind.value for kind in (Kind.answer, Kind.clarify, Kind.unavailable))
"""Kinds of replies that a trace names. All static replies look alike, so that no trace tells of an emergency or a crisis."""

_ENDPOINTS = (("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", ""), ("OTEL_EXPORTER_OTLP_ENDPOINT", "/v1/traces"))
"""Where a collector is named, and what is put behind it."""
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_SPOKEN = "http/protobuf"

_spans: "Optional[Spans]" = None


def collector(environment: Mapping[str, str] = os.environ) -> Optional[str]:
    """Where traces are sent to; None where they are off.

    Raises:
        SettingsError: a collector is configured, and can't be used.
    """
    is_off = environment.get("OTEL_SDK_DISABLED", "").lower() == "true" or environment.get("OTEL_TRACES_EXPORTER") == "none"
    named = [(name, environment[name].strip(), path) for name, path in _ENDPOINTS if environment.get(name, "").strip()]
    if is_off or not named:
        return None
    name, url, path = named[0]
    if not re.fullmatch(r"https?://[^\s/?#]+(?:/[^\s?#]*)?", url):
        # The value itself may hold a password.
        raise SettingsError(f"{name} is no URL. Mend: write one like http://127.0.0.1:4318.")
    protocol = next((environment[name] for name in _PROTOCOLS if environment.get(name)), _SPOKEN)
    if protocol != _SPOKEN:
        mend = f"set {_PROTOCOLS[1]} to {_SPOKEN}, and name the collector's port for it (mostly 4318)"
        raise SettingsError(f"Traces can't be sent by {protocol}. Mend: {mend}.")
    return url.rstrip("/") + path if path else url


def start(service: str, versions: Mapping[str, str]) -> None:
    """Begins to trace where a collector is configured. Where that can't be, a line of the log says why, and all else runs.

    Args:
        service: name of this process, unless the environment gives another.
        versions: of the model and the facts, told with each batch of traces.
    """
    global _spans
    try:
        url = collector()
        if url is not None:
            from server.spans import Spans

            _spans = Spans(url, service, versions)
    except Exception as error:  # noqa: BLE001 - each of OpenTelemetry's settings fails in a way of its own
        logger.error("Traces stay off; all else runs. %s", error)


async def stop() -> None:
    """Sends what has not been sent yet; waits for that a second at most (``server.spans.STOP_SECONDS``)."""
    if _spans is not None:
        await asyncio.get_running_loop().run_in_executor(None, _spans.send)


def turn(channel: str) -> ContextManager[Callable[[str], None]]:
    """Around a turn, its trace. What it gives is to be told the kind of the reply."""
    return _spans.turn(channel) if _spans else nullcontext(_tell_nobody)


def stage(name: str) -> ContextManager[None]:
    """Around a stage, its span; none outside of a trace."""
    return _spans.stage(name) if _spans else nullcontext()


def caller(traceparent: Optional[str]) -> ContextManager[None]:
    """Around what is part of a caller's trace: ``traceparent`` is the header of W3C Trace Context, and may be anything."""
    return _spans.caller(traceparent) if _spans and traceparent else nullcontext()


def hand_on(endpoint: Any) -> None:
    """Has each call to an action server name the trace that it is part of.

    Args:
        endpoint: Rasa's own, with the address of the action server.
    """
    spans, request = _spans, endpoint.request
    if spans is None:
        return

    async def traced(*args: Any, **kwargs: Any) -> Any:
        return await request(*args, headers=spans.headers(), **kwargs)

    endpoint.request = traced


def _tell_nobody(kind: str) -> None:
    """Where nothing is traced."""
