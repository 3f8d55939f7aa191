"""What both stand-ins are: an HTTP server in a thread that keeps what it was asked to do, and can be told to refuse."""

from __future__ import annotations

import json
import sys
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Callable, Dict, List, Optional, Tuple

from tests.running import wait_until

SECONDS = 20.0
"""Longer than a healthy reply takes on a busy machine."""


@dataclass(frozen=True)
class Called:
    """A call that was carried out."""

    method: str
    arguments: Dict[str, Any]
    at: float = field(default_factory=time.monotonic)


@dataclass(frozen=True)
class Answer:
    """What the stand-in says to a call."""

    status: int
    body: Dict[str, Any]
    headers: Dict[str, str] = field(default_factory=dict)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Says nothing when who called has died; what a stand-in itself does wrong is shown."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class StandIn:
    """Listens on a port of its own between ``open`` and ``close``; in between it can be away and come back."""

    def __init__(self) -> None:
        self.called: List[Called] = []
        self.refused: List[Tuple[str, str]] = []
        """Calls that broke a limit or a rule, with the reason: there should be none."""
        self.mood: Optional[Callable[[str, Dict[str, Any]], Optional[Answer]]] = None
        """Asked before a call is carried out; what it answers is said instead."""
        self._lock = threading.Lock()
        self._port = 0
        self._server: Optional[_Server] = None
        self._thread: Optional[threading.Thread] = None

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self._port}"

    def open(self) -> None:
        """Begins, or begins again, to listen."""
        self._server = _Server(("127.0.0.1", self._port), self._handler())
        self._port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Is away: connections are refused."""
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()
            self._server = None

    def calls(self, method: str) -> List[Dict[str, Any]]:
        """The arguments of all calls of a method that were carried out."""
        return [called.arguments for called in list(self.called) if called.method == method]

    def wait_for(self, method: str, count: int, seconds: float = SECONDS) -> List[Dict[str, Any]]:
        """The arguments of the calls of a method, once there are so many."""
        wait_until(lambda: len(self.calls(method)) >= count, seconds, f"call {count} of {method}")
        return self.calls(method)

    def handle(self, path: str, headers: Dict[str, str], arguments: Dict[str, Any]) -> Answer:
        """Carries a call out, or refuses it."""
        raise NotImplementedError

    def _handler(self) -> type:
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 30

            def do_POST(self) -> None:  # noqa: N802 - the name is the library's
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                if stand_in._server is None or len(body) < int(self.headers.get("Content-Length") or 0):
                    # It is away, or who called has died in the middle of a word.
                    self.close_connection = True
                    return
                with stand_in._lock:
                    answer = stand_in.handle(self.path, headers, _read(headers, body))
                said = json.dumps(answer.body).encode()
                self.send_response(answer.status)
                for name, value in {
                    **answer.headers,
                    "Content-Type": "application/json",
                    "Content-Length": str(len(said)),
                }.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(said)

            do_GET = do_POST

            def log_message(self, *_: Any) -> None:
                """Says nothing."""

        return Handler


def _read(headers: Dict[str, str], body: bytes) -> Dict[str, Any]:
    """Arguments as JSON or as a form, as both apps take them."""
    from urllib.parse import parse_qsl

    if headers.get("content-type", "").startswith("application/json"):
        return dict(json.loads(body or b"{}"))
    if headers.get("content-type", "").startswith("multipart/form-data"):
        return _multipart(headers["content-type"], body)
    return dict(parse_qsl(body.decode(), keep_blank_values=True))


def _multipart(content_type: str, body: bytes) -> Dict[str, Any]:
    from email import message_from_bytes

    parts = message_from_bytes(b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + body)
    return {
        part.get_param("name", header="content-disposition"): part.get_payload(decode=True).decode()
        for part in parts.walk()
        if not part.is_multipart()
    }


def in_turn(*answers: Answer) -> Callable[[str, Dict[str, Any]], Optional[Answer]]:
    """A mood that says these, one to each call, and is good after that."""
    left = list(answers)
    return lambda method, arguments: left.pop(0) if left else None
