"""The action server: Rasa's own (rasa-sdk), on the loopback address only, with the facts read before it answers."""
from __future__ import annotations

import sys
import warnings

import sanic  # noqa: F401 - turns deprecation warnings on, which are not for whoever runs this

warnings.simplefilter("ignore")

from rasa_sdk.endpoint import create_app  # noqa: E402
from sanic import Sanic  # noqa: E402
from sanic.request import Request  # noqa: E402
from sanic.response import HTTPResponse, json  # noqa: E402

import actions  # noqa: E402
from actions.actions import answerer  # noqa: E402
from dystonia.store import FactErrors, served_version  # noqa: E402
from server import logs, tracing  # noqa: E402
from server.settings import Settings  # noqa: E402

DEFAULT_PORT = 5055


def main() -> int:
    """Serves actions until it is stopped; returns 1 when the facts can't be used."""
    settings = Settings.from_environment()
    logs.set_up(settings.log)
    try:
        answerer()
    except FactErrors as errors:
        print(errors, file=sys.stderr)
        return 1
    app = create_app(actions)
    app.config.ACCESS_LOG = False
    content = served_version()

    @app.get("/facts")
    async def facts(_: Request) -> HTTPResponse:
        """Which facts are served, for `/ready` (server/health.py)."""
        return json({"content": content})

    _trace(app, content)
    app.run("127.0.0.1", settings.action_port or DEFAULT_PORT, workers=1, access_log=False, motd=False)
    return 0


def _trace(app: Sanic, content: str) -> None:
    """Traces each call as part of the turn that it is made for."""
    (route,) = (route for route in app.router.routes if route.path == "webhook")
    answer = route.handler

    async def traced(request: Request) -> HTTPResponse:
        with tracing.caller(request.headers.get("traceparent")), tracing.stage("action"):
            return await answer(request)

    async def start(*_: object) -> None:
        tracing.start("dystonia-actions", {"content": content})

    async def stop(*_: object) -> None:
        await tracing.stop()

    route.handler = traced
    app.register_listener(start, "before_server_start")
    app.register_listener(stop, "after_server_stop")


if __name__ == "__main__":
    sys.exit(main())
