"""How long a request may take to arrive."""
from __future__ import annotations

from sanic.http import Stage
from sanic.server import HttpProtocol


class TimedArrival(HttpProtocol):
    """HTTP as Sanic speaks it, with its time limits counted from the first byte of a request.

    Sanic counts them from the latest byte: a caller who sends one every few seconds is never cut off.
    """

    def data_received(self, data: bytes) -> None:
        """Takes bytes in; those that go on with a request do not prolong its time."""
        # Neither is there before the connection's task has begun.
        http, began = getattr(self, "_http", None), getattr(self, "_time", 0.0)
        arriving = http is not None and http.stage is not Stage.IDLE
        super().data_received(data)
        if arriving:
            self._time = began
