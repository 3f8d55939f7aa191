"""Serving and its end: begins when the supervisor says so, and ends without losing a message that was taken in.

The supervisor (server/run.py) holds the listening socket and lends it to one process at a time. So a process is replaced by
one with another model or other facts while callers wait for some milliseconds, and no two processes ever answer one talk.
"""

from __future__ import annotations

import asyncio
import json as json_form
import os
import signal
import socket
import weakref
from typing import Callable, Optional

import uvloop
from sanic import Sanic
from sanic.request import Request
from sanic.response import HTTPResponse, json
from sanic.server import serve
from sanic.server.async_server import AsyncioServer

from server.arrival import TimedArrival
from server.run import SOCKETS

FINISH_SECONDS = 12.0
"""How long what is under way may take at the end: a turn takes at most ten (channels/turn.py)."""
LINGER_SECONDS = 0.3
"""How long a process that ends still answers, or says that it will not: a caller may be about to send."""
AGAIN_SECONDS = 0.5
"""How often the supervisor is told whether this process is ready, until it may serve."""
ALIVE = "/health"
"""The one page that is still there while the process ends."""


class Serving:
    """One process that serves, from its start to its end."""

    def __init__(self, app: Sanic, host: str, port: int) -> None:
        """Serves on an address, or on the socket that the supervisor lends."""
        self._app = app
        self._address = (host, port)
        lent = os.environ.pop(SOCKETS, "")
        self._listener, self._supervisor = (socket.socket(fileno=int(fd)) for fd in lent.split(",")) if lent else (None, None)
        self._ending = asyncio.Event()
        self._replaced = False
        self._taken_in: "weakref.WeakSet[Request]" = weakref.WeakSet()
        app.on_request(self._at_the_door)

    def run(self) -> None:
        """Serves until it is told to end."""
        uvloop.install()
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        loop = asyncio.get_running_loop()
        # Not app.run(), which listens as soon as the model is loaded and can't be told to stop listening.
        host, port = (None, None) if self._listener else self._address
        server = serve(host, port, self._app, sock=self._listener, loop=loop, protocol=TimedArrival, run_async=True)
        self._app.is_running = True
        await server.startup()
        await server.before_start()
        if self._supervisor is not None and not await self._may_serve(self._supervisor):
            server.serve_coro.close()
            return
        await server
        await server.after_start()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._ending.set)
        loop.add_signal_handler(signal.SIGUSR1, self._hand_over)
        await self._ending.wait()
        await self._end(server)

    async def _may_serve(self, supervisor: socket.socket) -> bool:
        """Tells the supervisor whether this process is ready, until it may serve; False where the supervisor has gone."""
        loop = asyncio.get_running_loop()
        supervisor.setblocking(False)
        said: Optional[bytes] = None
        while said is None:
            found = await self._app.ctx.readiness.look()
            try:
                await loop.sock_sendall(supervisor, json_form.dumps(found).encode() + b"\n")
                said = await asyncio.wait_for(loop.sock_recv(supervisor, 16), AGAIN_SECONDS)
            except asyncio.TimeoutError:
                continue
            except OSError:
                return False
        # From now on, nothing is said but by going away: then this process must not keep the port.
        loop.add_reader(supervisor.fileno(), self._ending.set)
        return bool(said)

    def _hand_over(self) -> None:
        self._replaced = True
        self._ending.set()

    async def _at_the_door(self, request: Request) -> Optional[HTTPResponse]:
        """While the process ends: the last request of each connection, and none at all where nobody takes over."""
        self._taken_in.add(request)
        if not self._ending.is_set():
            return None
        request.stream.keep_alive = False
        if self._replaced or request.path == ALIVE:
            return None
        words = "The assistant is being stopped; this was not taken in. Send it again in a minute."
        return json({"error": words}, status=503, headers={"Retry-After": "30"})

    async def _end(self, server: AsyncioServer) -> None:
        if self._supervisor is not None:
            asyncio.get_running_loop().remove_reader(self._supervisor.fileno())
        if self._replaced:
            # Who comes now waits at the socket for the process that takes over.
            server.server.close()
        await _until(lambda: not server.connections, LINGER_SECONDS)
        await _until(lambda: not any(map(_is_under_way, self._taken_in)), FINISH_SECONDS)
        server.server.close()
        await server.before_stop()
        for connection in list(server.connections):
            # Sanic's own fails on a connection on which nothing has come yet.
            connection.close_if_idle() if hasattr(connection, "_http") else connection.abort()
        await _until(lambda: not server.connections, 1.0)
        for connection in list(server.connections):
            connection.abort()
        await server.after_stop()


def _is_under_way(request: Request) -> bool:
    """Whether a request is still to be answered, and there is someone to answer."""
    return request.stream is not None and request.stream.protocol.transport is not None


async def _until(holds: Callable[[], bool], seconds: float) -> None:
    deadline = asyncio.get_running_loop().time() + seconds
    while not holds() and asyncio.get_running_loop().time() < deadline:
        await asyncio.sleep(0.01)
