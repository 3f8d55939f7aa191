"""The REST channel: URL and JSON of Rasa's own, without its holes. For conversation test suites and for `make chat`."""
from __future__ import annotations

import ipaddress
import uuid
from typing import Any, Awaitable, Callable, Dict, List, Optional, Text

from rasa.core.channels.channel import InputChannel, UserMessage
from sanic import Blueprint
from sanic.request import Request
from sanic.response import HTTPResponse, json

from channels.intake import RateLimit, Refused, clean_message, clean_sender, parse_body
from channels.turn import take_turn

DEFAULT_RATE = 60.0


class RestChannel(InputChannel):
    """``POST /webhooks/rest/webhook`` with ``{"sender": ..., "message": ...}``.

    Its talks have keys of their own (``rest:`` and the sender), so that no caller reaches a talk of another channel. Only
    ``sender`` and ``message`` are read from the body; a missing sender gets a talk of its own, forgotten at once by all
    but the store.
    """

    def __init__(self, rate: float = DEFAULT_RATE) -> None:
        """Sets how many messages a minute one address may send; the loopback address has no limit."""
        self._limit = RateLimit(rate, name="rest address")

    @classmethod
    def name(cls) -> Text:
        """Part of the URL."""
        return "rest"

    @classmethod
    def from_credentials(cls, credentials: Optional[Dict[Text, Any]]) -> "RestChannel":
        """From ``credentials.yml``: ``rate``, messages a minute and address, is its only setting."""
        return cls(**(credentials or {}))

    def blueprint(self, on_new_message: Callable[[UserMessage], Awaitable[Any]]) -> Blueprint:
        """The channel's routes."""
        routes = Blueprint("dystonia_rest")

        @routes.get("/")
        async def health(request: Request) -> HTTPResponse:
            return json({"status": "ok"})

        @routes.post("/webhook")
        async def receive(request: Request) -> HTTPResponse:
            try:
                self._check_rate(request)
                body = parse_body(request.body)
                sender = clean_sender(body["sender"]) if body.get("sender") is not None else uuid.uuid4().hex
                text = clean_message(body.get("message"))
            except Refused as refused:
                return json({"error": refused.reason}, status=refused.status)
            processor = getattr(getattr(request.app.ctx, "agent", None), "processor", None)
            model = getattr(processor, "model_filename", "").replace(".tar.gz", "")
            turn = await take_turn(on_new_message, text, f"{self.name()}:{sender}", self.name(), model)
            return json(_items(sender, turn))

        return routes

    def _check_rate(self, request: Request) -> None:
        address = request.remote_addr or request.ip
        if not ipaddress.ip_address(address).is_loopback:
            self._limit.check(address)


def _items(sender: Text, turn: Dict[Text, Any]) -> List[Dict[Text, Any]]:
    said: Dict[Text, Any] = {"recipient_id": sender, "text": turn["text"]}
    if turn["buttons"]:
        said["buttons"] = turn["buttons"]
    return [said, {"recipient_id": sender, "custom": {"reply": turn["reply"]}}]
