"""Stands in for an OpenTelemetry collector: takes traces over HTTP, and keeps every byte that reaches it."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from typing import Any, Dict, List

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.channels.stand_ins.server import _Server
from tests.running import wait_until

SECONDS = 20.0
"""Longer than spans take to come on a busy machine."""


@dataclass(frozen=True)
class Span:
    """One span, as it came.

    Attributes:
        name: of the turn or the stage.
        trace: the id of its trace.
        id: its own.
        parent: the id of the span that it is part of; empty for the first.
        attributes: what it tells beside its times.
        resource: what its process tells of itself.
        whole: all of it, in words.
    """

    name: str
    trace: str
    id: str
    parent: str
    attributes: Dict[str, str]
    resource: Dict[str, str]
    whole: Any


class CollectorStandIn:
    """Listens between ``open`` and ``close``; with ``silent``, it takes what is sent and never answers."""

    def __init__(self, silent: bool = False, status: int = 200) -> None:
        self.status = status
        self.requests: List[bytes] = []
        """Each request: its line, its headers and its body."""
        self._bodies: List[bytes] = []
        self._silent = silent
        self._closed = threading.Event()
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:  # noqa: N802 - the name is the library's
                body = self.rfile.read(int(self.headers["Content-Length"]))
                stand_in._bodies.append(body)
                stand_in.requests.append(f"{self.requestline}\n{self.headers}".encode() + body)
                if stand_in._silent:
                    stand_in._closed.wait()
                self.send_response(stand_in.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Says nothing."""

        self._server = _Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)

    def __enter__(self) -> "CollectorStandIn":
        self._thread.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._closed.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def spans(self) -> List[Span]:
        """All spans that have come."""
        read = [ExportTraceServiceRequest.FromString(body) for body in list(self._bodies)]
        return [
            Span(
                span.name,
                span.trace_id.hex(),
                span.span_id.hex(),
                span.parent_span_id.hex(),
                _words(span.attributes),
                _words(sent.resource.attributes),
                span,
            )
            for request in read
            for sent in request.resource_spans
            for scope in sent.scope_spans
            for span in scope.spans
        ]

    def turns(self) -> List[Span]:
        """The spans of whole turns, in the order in which these began."""
        return sorted((span for span in self.spans if span.name == "turn"), key=lambda span: span.whole.start_time_unix_nano)

    def wait_for(self, turns: int) -> List[Span]:
        """The spans of whole turns, once there are so many."""
        wait_until(lambda: len(self.turns()) >= turns, SECONDS, f"turn {turns}")
        return self.turns()

    def stages(self, turn: Span) -> Dict[str, Span]:
        """The spans of the trace that a turn is, by name."""
        return {span.name: span for span in self.spans if span.trace == turn.trace}


def _words(attributes: Any) -> Dict[str, str]:
    return {attribute.key: attribute.value.string_value for attribute in attributes}
