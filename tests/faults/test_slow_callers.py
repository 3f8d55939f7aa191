"""Connections that drip, as a bad line or an attack makes them: nobody else waits for them, and each comes to an end."""
from __future__ import annotations

import contextlib
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Iterator, List
from urllib.parse import urlsplit

import pytest

from tests.running import RunningAssistant, wait_until

CONNECTIONS = 120
"""Of each kind."""
PATIENCE = 20
"""Seconds that a request may take to arrive (server/serve.py)."""
BODY = b'{"sender": "slow", "message": "What is dystonia?"}'
HEAD = b"POST /webhooks/rest/webhook HTTP/1.1\r\nHost: slow\r\nContent-Length: %d\r\n\r\n" % len(BODY)


class Dripping:
    """A connection that has sent the beginning of a request, and sends the rest byte by byte."""

    def __init__(self, address: "tuple[str, int]", at_once: int) -> None:
        self.heard = b""
        self.ended = False
        self._left = (HEAD + BODY)[at_once:]
        self._socket = socket.create_connection(address, timeout=30)
        self._socket.sendall((HEAD + BODY)[:at_once])
        self._socket.setblocking(False)

    def drip(self) -> None:
        """Sends one more byte, and hears what is said."""
        if self.ended:
            return
        try:
            # Never the last byte: the request would be whole.
            if len(self._left) > 1:
                self._socket.send(self._left[:1])
                self._left = self._left[1:]
            said = self._socket.recv(65536)
            self.heard += said
            # Answered is ended: the server closes as soon as the caller has taken that in.
            self.ended = not said or self.heard.endswith(b"}")
        except BlockingIOError:
            pass
        except OSError:
            self.ended = True

    def close(self) -> None:
        """Goes away."""
        self._socket.close()


@contextlib.contextmanager
def dripping(assistant: RunningAssistant) -> Iterator[List[Dripping]]:
    """Many such connections: some are within the head of the request, some within its body."""
    split = urlsplit(assistant.url)
    address = (str(split.hostname), int(split.port or 0))
    with contextlib.ExitStack() as stack:
        connections = []
        for at_once in [8, len(HEAD) + 1] * CONNECTIONS:
            connections.append(Dripping(address, at_once))
            stack.callback(connections[-1].close)
        yield connections


def test_dripping_connections_hold_up_nobody_and_come_to_an_end(
    assistant: RunningAssistant, capsys: pytest.CaptureFixture
) -> None:
    with dripping(assistant) as connections, ThreadPoolExecutor(1) as pool:
        began = time.monotonic()

        def all_ended() -> bool:
            for connection in connections:
                connection.drip()
            time.sleep(0.5)
            return all(connection.ended for connection in connections)

        waiting = pool.submit(wait_until, all_ended, PATIENCE + 25, "the end of each connection")
        replies = []
        while not waiting.done():
            sent = time.monotonic()
            assert assistant.visitor().say("What is dystonia?").kind == "answer"
            replies.append(time.monotonic() - sent)
            time.sleep(0.5)
        waiting.result()
        took = time.monotonic() - began

    told = {connection.heard.split(b"\r\n")[0] for connection in connections}
    assert told == {b"HTTP/1.1 408 Request Timeout", b"HTTP/1.1 503 Service Unavailable"}
    assert all(connection.heard.endswith(b'"}') for connection in connections)
    assert max(replies) < 3
    assert "Traceback" not in assistant.log()
    with capsys.disabled():
        print(f"\n  {len(connections)} dripping: replies to others within {max(replies):.2f} s; all ended after {took:.0f} s")
