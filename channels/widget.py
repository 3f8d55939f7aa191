"""The chat widget's channel: anonymous signed sessions, each with a talk of its own that nobody else can reach."""
from __future__ import annotations

import logging
import re
import time
import uuid
from typing import Any, Awaitable, Callable, Dict, List, Optional, Text

from rasa.core.agent import Agent
from rasa.core.channels.channel import InputChannel, UserMessage
from sanic import Blueprint
from sanic.request import Request
from sanic.response import HTTPResponse, empty, json

from channels.intake import RateLimit, Refused, clean_message, parse_body
from channels.origins import Origins
from channels.sessions import Sessions, kept_secret
from channels.turn import take_turn
from channels.widget_pages import strings
from channels.widget_reply import shown, stored_turns
from dystonia.reply import FIRST_QUESTIONS, Kind
from server.settings import Settings, is_loopback

logger = logging.getLogger(__name__)

MESSAGES_A_MINUTE = 40.0
"""Of one talk. Someone who presses the suggested questions needs a few."""
REQUESTS_A_MINUTE = 240.0
"""Of one address, behind which a clinic or a university may stand; the loopback address has no limit."""
LONGEST_REASON = 300

_EXAMPLE = '{"id": "...", "message": "..."}'
_FEEDBACK_EXAMPLE = '{"id": "...", "helpful": true, "reason": "..."}'
_MESSAGE_ID = re.compile(r"[\w-]{8,64}", re.ASCII)

Work = Callable[[Request], Awaitable[Any]]


class WidgetChannel(InputChannel):
    """Routes below ``/webhooks/widget``; its talks have keys of their own, ``widget:`` and the id in the signed token.

    What is said is what the REST channel would say (channels/turn.py). Settings come from the environment
    (server/settings.py). While no site is listed, only pages on the loopback address are let in.
    """

    def __init__(self, settings: Settings) -> None:
        self._origins = Origins(settings.widget_origins)
        self._sessions = Sessions(settings.widget_secret or kept_secret(settings.data / "widget_secret"))
        self._addresses = RateLimit(REQUESTS_A_MINUTE, name="widget address")
        self._talks = RateLimit(MESSAGES_A_MINUTE, name="talk")

    @classmethod
    def name(cls) -> Text:
        """Part of the URL."""
        return "widget"

    @classmethod
    def from_credentials(cls, credentials: Optional[Dict[Text, Any]]) -> "WidgetChannel":
        """From ``credentials.yml``, where it only has to stand: secrets do not belong into that file."""
        return cls(Settings.from_environment())

    def blueprint(self, on_new_message: Callable[[UserMessage], Awaitable[Any]]) -> Blueprint:
        """The channel's routes."""
        routes = Blueprint("dystonia_widget")

        async def preflight(request: Request) -> HTTPResponse:
            """What a browser asks before it calls from another site."""
            return empty(headers=self._origins.headers(request.headers.get("origin")))

        async def say(request: Request) -> Any:
            return await self._say(request, on_new_message)

        works: List[tuple] = [
            ("session", "POST", self._open),
            ("message", "POST", say),
            ("history", "GET", self._history),
            ("session", "DELETE", self._forget),
            ("feedback", "POST", self._hear),
            ("strings", "GET", self._strings),
        ]
        for path, method, work in works:
            routes.add_route(self._route(work), f"/{path}", methods=[method], name=f"{method.lower()}_{path}")
        for path in {path for path, _, _ in works}:
            routes.add_route(preflight, f"/{path}", methods=["OPTIONS"], name=f"options_{path}")
        return routes

    def _route(self, work: Work) -> Callable[[Request], Awaitable[HTTPResponse]]:
        """What all routes have in common: who is let in, how often, and how they are answered."""

        async def handle(request: Request) -> HTTPResponse:
            headers = {"Cache-Control": "no-store", **self._origins.headers(request.headers.get("origin"))}
            try:
                self._origins.check(request.headers.get("origin"))
                self._check_address(request)
                return json(await work(request), headers=headers)
            except Refused as refused:
                if refused.wait is not None:
                    headers["Retry-After"] = str(refused.wait)
                return json({"error": refused.reason}, status=refused.status, headers=headers)
            except Exception as error:  # noqa: BLE001 - its own words may quote a visitor
                logger.error("The widget's route %s failed with %s.", request.path, type(error).__name__)
                return json({"error": "That did not work. Try again in a minute."}, status=503, headers=headers)

        return handle

    # What each route does.

    async def _open(self, request: Request) -> Dict[Text, Any]:
        token, ends = self._sessions.open()
        starters = [{"title": button.title, "payload": button.payload} for button in FIRST_QUESTIONS]
        return {"token": token, "ends": ends, "starters": starters}

    async def _say(self, request: Request, handler: Callable[[UserMessage], Awaitable[Any]]) -> Dict[Text, Any]:
        talk = self._talk(request)
        body = parse_body(request.body, _EXAMPLE)
        message_id = _message_id(body["id"]) if body.get("id") is not None else uuid.uuid4().hex
        text = clean_message(body.get("message"))
        agent: Agent = request.app.ctx.agent
        model = (agent.processor.model_filename if agent.processor else "").replace(".tar.gz", "")
        # One message of a talk at a time, so that one that is sent again finds the reply to the first.
        async with agent.lock_store.lock(f"{talk}:door", wait_time_in_seconds=0.05):
            for turn in await _stored(agent, talk, model):
                if turn["id"] == message_id:
                    return turn["answer"]
            answer = shown(message_id, await take_turn(handler, text, talk, self.name(), model, message_id))
            if answer["reply"]["kind"] == Kind.smalltalk.value and not await _stored(agent, talk, model, whole=True):
                # "Forget me": what the page still shows must go too.
                answer["forgotten"] = True
            return answer

    async def _history(self, request: Request) -> Dict[Text, Any]:
        talk, agent = self._talk(request), request.app.ctx.agent
        model = (agent.processor.model_filename if agent.processor else "").replace(".tar.gz", "")
        return {"turns": await _stored(agent, talk, model, whole=True)}

    async def _forget(self, request: Request) -> Dict[Text, Any]:
        # Whoever could read a talk may delete it for as long as it is kept, which is longer than a session lasts.
        talk, agent = self._talk(request, ended_too=True), request.app.ctx.agent
        async with agent.lock_store.lock(f"{talk}:door", wait_time_in_seconds=0.05):
            deleted = _store(agent).erase(talk)
        return {"deleted": deleted, "at": int(time.time())}

    async def _hear(self, request: Request) -> Dict[Text, Any]:
        talk = self._talk(request)
        body = parse_body(request.body, _FEEDBACK_EXAMPLE)
        message_id, helpful, reason = _message_id(body.get("id")), body.get("helpful"), body.get("reason")
        if not isinstance(helpful, bool):
            raise Refused(400, "'helpful' is neither true nor false. Send one of them.")
        if isinstance(reason, str) and len(reason) > LONGEST_REASON:
            raise Refused(400, f"'reason' has {len(reason)} characters; at most {LONGEST_REASON} are read. Send a shorter one.")
        reason = clean_message(reason) if reason not in (None, "") else None
        agent = request.app.ctx.agent
        if all(turn["id"] != message_id for turn in await _stored(agent, talk, "", whole=True)):
            raise Refused(404, "No answer of this talk has that id. Send the id of a message.")
        _store(agent).feedback.keep(talk, message_id, helpful, reason)
        return {"kept": True}

    async def _strings(self, request: Request) -> Dict[Text, Any]:
        return strings(request.args.get("lang") or "en")

    # Who asks.

    def _talk(self, request: Request, ended_too: bool = False) -> Text:
        talk = f"{self.name()}:{self._sessions.talk(request.headers.get('authorization'), ended_too)}"
        self._talks.check(talk)
        return talk

    def _check_address(self, request: Request) -> None:
        address = request.remote_addr or request.ip
        if not is_loopback(address):
            self._addresses.check(address)


def _message_id(value: Any) -> Text:
    if not isinstance(value, str) or not _MESSAGE_ID.fullmatch(value):
        raise Refused(400, "'id' is no id of a message. Send 8 to 64 letters, digits, _ or -, another one for each message.")
    return value


def _store(agent: Agent) -> Any:
    """The project's own tracker store, which can erase."""
    return agent.tracker_store


async def _stored(agent: Agent, talk: Text, model: Text, whole: bool = False) -> List[Dict[Text, Any]]:
    store = agent.tracker_store
    return stored_turns(await (store.retrieve_full_tracker(talk) if whole else store.retrieve(talk)), model)
