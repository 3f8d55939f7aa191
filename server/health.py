"""``/health``: the process lives. ``/ready``: a message sent now would be answered and kept. Both are for anyone to see."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Awaitable, Callable, Dict

import aiohttp
from sanic import Blueprint
from sanic.request import Request
from sanic.response import HTTPResponse, json

from actions.actions import answerer
from dystonia.store import FactErrors, served_version
from server.settings import Settings
from server.talks import Talks

FRESH_SECONDS = 2.0
"""How long a finding stands: nobody can keep the store busy by asking."""
PATIENCE_SECONDS = 2.0
"""How long each check may take."""

Check = Callable[[], Awaitable[None]]


class NotReady(Exception):
    """A check failed; the words say what, and how to mend it. They are for everyone: no paths, no words of visitors."""


class Readiness:
    """Looks whether a message sent now would be answered and kept."""

    def __init__(self, settings: Settings, agent: Any, talks: Talks, clock: Callable[[], float] = time.monotonic) -> None:
        """Sets what is looked at.

        Args:
            settings: where actions are called.
            agent: Rasa's own, with the loaded model.
            talks: the store, over connections of its own.
            clock: seconds, for how fresh a finding is.
        """
        self._settings = settings
        self._agent = agent
        self._talks = talks
        self._clock = clock
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="readiness")
        self._looking = asyncio.Lock()
        self._found: Dict[str, Any] = {}
        self._at = float("-inf")

    async def look(self) -> Dict[str, Any]:
        """``{"ready": ..., "checks": {name: {"ok": ...}}, "model": ..., "content": ...}``, at most two seconds old."""
        async with self._looking:
            if self._clock() - self._at > FRESH_SECONDS:
                checks = {"model": self._model, "store": self._store, "actions": self._actions}
                results = await asyncio.gather(*(_result(check) for check in checks.values()))
                found = dict(zip(checks, results))
                self._found = {"ready": all(result["ok"] for result in results), "checks": found, **self.versions()}
                self._at = self._clock()
            return self._found

    def close(self) -> None:
        """Ends the thread of the checks."""
        self._worker.shutdown(wait=False)
        self._talks.close()

    def versions(self) -> Dict[str, str]:
        """Model and facts that are served."""
        processor = getattr(self._agent, "processor", None)
        return {"model": getattr(processor, "model_filename", "").replace(".tar.gz", ""), "content": served_version()}

    async def _model(self) -> None:
        if self._agent is None or not self._agent.is_ready():
            raise NotReady("No model is loaded. Mend: see the messages of the start.")

    async def _store(self) -> None:
        try:
            await asyncio.get_running_loop().run_in_executor(self._worker, self._talks.try_writing)
        except Exception as error:  # noqa: BLE001 - every driver has errors of its own, and their words may name paths
            raise NotReady(f"Talks can't be kept ({type(error).__name__}). Mend: see 'make doctor'.") from None

    async def _actions(self) -> None:
        """Whether actions are answered, and from the same facts as the static replies."""
        if self._settings.action_facts_url is None:
            try:
                answerer()
            except FactErrors:
                raise NotReady("The facts can't be read. Mend: make facts.") from None
            return
        try:
            async with aiohttp.ClientSession() as session, session.get(self._settings.action_facts_url) as answer:
                content = (await answer.json())["content"]
        except Exception as error:  # noqa: BLE001 - whatever is wrong with the other side
            raise NotReady(f"The action server does not answer ({type(error).__name__}). Mend: see its messages.") from None
        if content != served_version():
            raise NotReady("The action server has read other facts than this process. Mend: make reload.")


async def _result(check: Check) -> Dict[str, Any]:
    try:
        await asyncio.wait_for(check(), PATIENCE_SECONDS)
    except NotReady as fault:
        return {"ok": False, "why": str(fault)}
    except asyncio.TimeoutError:
        return {"ok": False, "why": f"No answer within {PATIENCE_SECONDS:.0f} s. Mend: see 'make doctor'."}
    return {"ok": True}


def routes() -> Blueprint:
    """``/health`` and ``/ready``."""
    blueprint = Blueprint("dystonia_health")

    @blueprint.get("/health")
    async def health(request: Request) -> HTTPResponse:
        return json({"status": "ok"}, headers={"Cache-Control": "no-store"})

    @blueprint.get("/ready")
    async def ready(request: Request) -> HTTPResponse:
        found = await request.app.ctx.readiness.look()
        return json(found, status=200 if found["ready"] else 503, headers={"Cache-Control": "no-store"})

    return blueprint
