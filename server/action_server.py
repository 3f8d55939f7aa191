"""The action server: Rasa's own (rasa-sdk), on the loopback address only, with the facts read before it answers."""
from __future__ import annotations

import sys
import warnings

import sanic  # noqa: F401 - turns deprecation warnings on, which are not for whoever runs this

warnings.simplefilter("ignore")

from rasa_sdk.endpoint import create_app  # noqa: E402
from sanic.request import Request  # noqa: E402
from sanic.response import HTTPResponse, json  # noqa: E402

import actions  # noqa: E402
from actions.actions import answerer  # noqa: E402
from dystonia.store import FactErrors, served_version  # noqa: E402
from server import logs  # noqa: E402
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

    app.run("127.0.0.1", settings.action_port or DEFAULT_PORT, workers=1, access_log=False, motd=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
