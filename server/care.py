"""What goes on beside the turns of a serving process: figures, traces, health, retention by age; started and ended with it."""

from __future__ import annotations

import asyncio
from typing import Sequence

from rasa.core.channels.channel import InputChannel
from sanic import Sanic

from server import health, metrics, tracing
from server.health import Readiness
from server.metrics import VERSIONS
from server.retention import Retention
from server.settings import Settings
from server.talks import Talks
from server.unsaved import UnsavedTalks


def attach(app: Sanic, settings: Settings, channels: Sequence[InputChannel]) -> None:
    """Adds its routes and its work to the application, which has these channels."""
    app.blueprint(health.routes())
    app.blueprint(metrics.routes(settings.metrics_token))
    metrics.count_responses(app)

    async def start(app: Sanic, _: asyncio.AbstractEventLoop) -> None:
        agent = app.ctx.agent
        url = agent.tracker_store.engine.url
        app.ctx.readiness = Readiness(settings, agent, Talks.at(url))
        in_use = [] if settings.postgres_url else [f"{channel.name()}.db" for channel in channels]
        app.ctx.retention = Retention(Talks.at(url), settings.data, settings.keep_days, agent.lock_store.lock, in_use=in_use)
        metrics.watch(agent)
        VERSIONS.labels(**app.ctx.readiness.versions()).set(1)
        tracing.start("dystonia-assistant", app.ctx.readiness.versions())
        if settings.action_url:
            tracing.hand_on(agent.action_endpoint)

    async def begin(app: Sanic, _: asyncio.AbstractEventLoop) -> None:
        app.ctx.retention.start()

    async def stop(app: Sanic, _: asyncio.AbstractEventLoop) -> None:
        app.ctx.retention.close()
        app.ctx.readiness.close()
        store = app.ctx.agent.tracker_store
        if isinstance(store, UnsavedTalks):
            await store.store_waiting()

    async def end(app: Sanic, _: asyncio.AbstractEventLoop) -> None:
        await tracing.stop()

    app.register_listener(start, "before_server_start")
    app.register_listener(begin, "after_server_start")
    app.register_listener(stop, "before_server_stop")
    app.register_listener(end, "after_server_stop")
