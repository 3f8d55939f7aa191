"""The Rasa server: Rasa's own application, with our settings, our mends and the HTTP API off."""
from __future__ import annotations

import asyncio
import gc
import os
import sys
import warnings
from functools import partial
from pathlib import Path

os.environ["RASA_TELEMETRY_ENABLED"] = "false"
os.environ.setdefault("SANIC_WORKERS", "1")
# A second thread of linear algebra spins for a core that the action server needs: 5 ms of processor time a turn.
for threads in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ.setdefault(threads, "1")

from server import without_tensorflow  # noqa: E402
from server.settings import ROOT, Settings, SettingsError  # noqa: E402

without_tensorflow.install(serving=__name__ == "__main__" and without_tensorflow.has_only_our_components(ROOT / "config.yml"))

import sanic  # noqa: E402 - turns deprecation warnings on, which are not for whoever runs this

warnings.simplefilter("ignore")

import rasa.core.run as rasa_run  # noqa: E402
from rasa.core.utils import AvailableEndpoints  # noqa: E402
from rasa.utils.endpoints import EndpointConfig  # noqa: E402
from sanic.exceptions import SanicException  # noqa: E402
from sanic.request import Request  # noqa: E402
from sanic.response import HTTPResponse, json  # noqa: E402

from channels.intake import MAX_BYTES, MAX_EVENT_BYTES  # noqa: E402
from channels.rest import CLOSED, RestChannel  # noqa: E402
from channels.widget import WidgetChannel  # noqa: E402
from channels.widget_pages import pages  # noqa: E402
from dystonia.store import FactErrors, shared_store  # noqa: E402
from server import care, logs, rasa_mends, self_test, several  # noqa: E402
from server.actions_inside import ActionsInside  # noqa: E402
from server.bots import open_bots  # noqa: E402
from server.model import TrainingFailed, set_aside_if_damaged  # noqa: E402
from server.serving import Serving  # noqa: E402

GUARDED = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def main(model: Path) -> int:
    """Serves a model until it is stopped."""
    try:
        settings = Settings.from_environment()
        settings.check_data()
        logs.set_up(settings.log)
        # Whether actions run here or not: what is said of the facts, and the names in static replies, come from them too.
        shared_store()
        several.join(settings)
    except (SettingsError, FactErrors, several.CannotStart) as error:
        print(error, file=sys.stderr, flush=True)
        return 1
    rasa_mends.apply(settings.action_timeout)
    channels = rasa_run.create_http_input_channels(None, str(ROOT / "credentials.yml"))
    channels += open_bots(settings, os.environ, say=lambda line: print(line, file=sys.stderr, flush=True))
    if any(isinstance(channel, RestChannel) for channel in channels) and not settings.rest_is_open:
        print(f"{CLOSED} All else runs.", file=sys.stderr, flush=True)
    app = rasa_run.configure_app(channels, enable_api=False, endpoints=None)
    if any(isinstance(channel, WidgetChannel) for channel in channels):
        app.blueprint(pages())
    # Otherwise all visitors behind a proxy would have one address, and share one limit.
    app.config.PROXIES_COUNT = settings.proxies or None
    # Room for headers and the largest body of any channel: what is larger is refused before it is read.
    app.config.REQUEST_MAX_SIZE = MAX_EVENT_BYTES + 4 * MAX_BYTES
    # Sanic counts the body as part of the response: either alone would let a connection drip for a minute. A turn takes at most
    # ten seconds, and one more of the same talk may have to wait for it.
    app.config.REQUEST_TIMEOUT = app.config.RESPONSE_TIMEOUT = 20
    app.error_handler.add(SanicException, _refuse)
    app.register_middleware(_guard, "response")
    app.register_listener(partial(rasa_run.load_agent_on_start, str(model), endpoints(settings), None), "before_server_start")
    app.register_listener(partial(_test_itself, model), "before_server_start")
    care.attach(app, settings, channels)
    app.register_listener(_set_aside, "before_server_start")
    app.register_listener(rasa_run.close_resources, "after_server_stop")
    app.config.ACCESS_LOG = False
    Serving(app, settings.host, settings.port).run()
    return 0


async def _test_itself(model: Path, app: sanic.Sanic, loop: asyncio.AbstractEventLoop) -> None:
    """Ends the process, with the reason, where the loaded model would miss an emergency."""
    try:
        if app.ctx.agent is None or not app.ctx.agent.is_ready():
            aside = set_aside_if_damaged(model)
            moved = f"the model was damaged; it is now {aside.name}, and 'make run' trains another" if aside else None
            raise self_test.SelfTestFailed([moved or "no model could be loaded; its path and reason are above"])
        await self_test.check(app.ctx.agent)
    except Exception as error:  # noqa: BLE001 - whatever it is, an assistant that was not tested does not serve
        ours = isinstance(error, (self_test.SelfTestFailed, TrainingFailed, FactErrors))
        print(error if ours else repr(error), file=sys.stderr, flush=True)
        os._exit(1)


async def _guard(request: Request, response: HTTPResponse) -> None:
    """Headers for whatever sets none of its own: nothing is kept, shown as a page, framed or guessed at."""
    for name, value in GUARDED.items():
        response.headers.setdefault(name, value)


async def _set_aside(app: sanic.Sanic, loop: asyncio.AbstractEventLoop) -> None:
    """Spares the garbage collector what has been loaded and stays: searching all of it again and again held turns up."""
    gc.collect()
    gc.freeze()


def _refuse(request: Request, refused: SanicException) -> HTTPResponse:
    """What Sanic itself refuses (a body too large, no such page) is said in the channels' own form."""
    return json({"error": str(refused)}, status=refused.status_code)


def endpoints(settings: Settings) -> AvailableEndpoints:
    """endpoints.yml, with the ports, paths and databases of the settings."""
    configured = AvailableEndpoints.read_endpoints(str(ROOT / "endpoints.yml"))
    if settings.action_url:
        configured.action.url = settings.action_url
    else:
        configured.action = ActionsInside()
    if settings.postgres_url:
        configured.tracker_store = EndpointConfig(settings.postgres_url, type="server.postgres_store.PostgresTalks")
        if settings.redis_url:
            configured.lock_store = EndpointConfig(settings.redis_url, type="server.redis_locks.RedisLocks")
    elif configured.tracker_store.kwargs.get("dialect") == "sqlite":
        configured.tracker_store.kwargs["db"] = str(settings.talks)
    return configured


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
