"""The REST channel: URL and JSON of Rasa's own, without its holes. For conversation test suites and for `make chat`."""
from __future__ import annotations

import hmac
import uuid
from typing import Any, Awaitable, Callable, Dict, List, Optional, Text

from rasa.core.channels.channel import InputChannel, UserMessage
from sanic import Blueprint
from sanic.request import Request
from sanic.response import HTTPResponse, json

from channels.intake import RateLimit, Refused, clean_message, clean_sender, parse_body
from channels.origins import Origins
from channels.turn import take_turn
from server import tracing
from server.settings import Settings, is_loopback

DEFAULT_RATE = 60.0

CLOSED = (
    "The REST channel is closed, because the assistant can be reached from other machines and no key is set. Mend: set "
    "DYSTONIA_REST_KEY to a long word, such as openssl rand -hex 32 makes, and send it as 'Authorization: Bearer <key>'."
)
"""For whoever runs the assistant, and for callers."""


class RestChannel(InputChannel):
    """``POST /webhooks/rest/webhook`` with ``{"sender": ..., "message": ...}``.

    Its talks have keys of their own (``rest:`` and the sender), so that no caller reaches a talk of another channel. Only
    ``sender`` and ``message`` are read from the body; a missing sender gets a talk of its own, forgotten at once by all
    but the store.
    """

    def __init__(self, settings: Settings, rate: float = DEFAULT_RATE) -> None:
        """Takes who may call from the settings.

        Args:
            settings: whether the channel is open, and its key. With a key, everyone must send it: behind a proxy on the same
                machine all callers have the loopback address, so that an address proves nothing.
            rate: how many messages a minute one address may send; the loopback address has no limit.
        """
        self._is_open = settings.rest_is_open
        self._key = settings.rest_key
        self._limit = RateLimit(rate, name="rest address")
        # Programs name no origin; a page of another site that a browser here shows must not reach the loopback address.
        self._origins = Origins(())

    @classmethod
    def name(cls) -> Text:
        """Part of the URL."""
        return "rest"

    @classmethod
    def from_credentials(cls, credentials: Optional[Dict[Text, Any]]) -> "RestChannel":
        """From the environment, and from ``credentials.yml``, where ``rate`` may stand: messages a minute and address."""
        return cls(Settings.from_environment(), **(credentials or {}))

    def blueprint(self, on_new_message: Callable[[UserMessage], Awaitable[Any]]) -> Blueprint:
        """The channel's routes."""
        routes = Blueprint("dystonia_rest")

        @routes.get("/")
        async def health(request: Request) -> HTTPResponse:
            return json({"status": "ok"})

        @routes.post("/webhook")
        async def receive(request: Request) -> HTTPResponse:
            try:
                self._origins.check(request.headers.get("origin"))
                self._check_caller(request)
                body = parse_body(request.body)
                sender = clean_sender(body["sender"]) if body.get("sender") is not None else uuid.uuid4().hex
                text = clean_message(body.get("message"))
            except Refused as refused:
                headers = {"WWW-Authenticate": "Bearer"} if refused.status == 401 else {}
                return json({"error": refused.reason}, status=refused.status, headers=headers)
            processor = getattr(getattr(request.app.ctx, "agent", None), "processor", None)
            model = getattr(processor, "model_filename", "").replace(".tar.gz", "")
            with tracing.caller(request.headers.get("traceparent")):
                turn = await take_turn(on_new_message, text, f"{self.name()}:{sender}", self.name(), model)
            return json(_items(sender, turn))

        return routes

    def _check_caller(self, request: Request) -> None:
        if not self._is_open:
            raise Refused(403, CLOSED)
        if self._key is not None:
            check_key(self._key, request.headers.get("authorization"))
        address = request.remote_addr or request.ip
        if not is_loopback(address):
            self._limit.check(address)


def check_key(key: Text, authorization: Optional[Text]) -> None:
    """Lets in who sends the key; how long it takes to say no tells nothing of it.

    Raises:
        Refused: status 401, for no key or another one.
    """
    scheme, _, sent = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not hmac.compare_digest(sent.strip().encode(errors="surrogateescape"), key.encode()):
        raise Refused(401, "The key is missing or wrong. Send 'Authorization: Bearer <key>' with the key in DYSTONIA_REST_KEY.")


def _items(sender: Text, turn: Dict[Text, Any]) -> List[Dict[Text, Any]]:
    said: Dict[Text, Any] = {"recipient_id": sender, "text": turn["text"]}
    if turn["buttons"]:
        said["buttons"] = turn["buttons"]
    return [said, {"recipient_id": sender, "custom": {"reply": turn["reply"]}}]
