"""A channel whose app posts events and is answered with calls: what Slack and Telegram have in common as servers."""

from __future__ import annotations

import abc
import logging
import sqlite3
from pathlib import Path
from typing import Any, Awaitable, Callable, Optional, Protocol, Sequence, Text, Union

from rasa.core.channels.channel import InputChannel, UserMessage
from sanic import Blueprint
from sanic.request import Request
from sanic.response import HTTPResponse, json
from sqlalchemy.exc import SQLAlchemyError

from channels.chat import Talks
from channels.delivery import Delivery
from channels.intake import Refused
from channels.seen import Call, Event, SqliteEvents
from channels.shared_delivery import SharedDelivery
from channels.shared_events import SharedEvents
from server import salvage
from server.unsaved import in_words

logger = logging.getLogger(__name__)

LATER = "Nothing can be taken in just now. Send it again later."


class Api(Protocol):
    """The app's interface."""

    async def call(self, method: str, arguments: Any) -> Any:
        """Makes a call; raises TryLater or WillNotSend (channels/delivery.py)."""

    async def close(self) -> None:
        """Closes the connections."""


class EventChannel(InputChannel, abc.ABC):
    """``POST /webhooks/<name>/webhook``, for the app alone. Events are answered in the background (channels/delivery.py)."""

    NOT_FROM_APP: Text
    """Why a request is refused that is not the app's."""
    REFUSED_STATUS: int

    def __init__(self, events: Union[Path, Text], api: Api, turns_a_minute: float) -> None:
        """Sets where events are kept, how calls are made, and how many messages of a talk are answered in a minute.

        Events are kept in a file or, for several instances, in the PostgreSQL database with this address.
        """
        self._events = events
        self._api = api
        self._turns_a_minute = turns_a_minute
        self._delivery: Optional[Delivery] = None

    @abc.abstractmethod
    def is_from_app(self, request: Request) -> bool:
        """Whether the app has sent this."""

    @abc.abstractmethod
    def take(self, delivery: Delivery, request: Request) -> HTTPResponse:
        """Takes in what a request holds; may raise whatever a body of another form leads to."""

    @abc.abstractmethod
    async def answer(self, event: Event, talks: Talks) -> Sequence[Call]:
        """The calls that answer an event."""

    @abc.abstractmethod
    def sorry(self, event: Event) -> Sequence[Call]:
        """The calls that say that it did not work."""

    @abc.abstractmethod
    async def send(self, call: Call) -> None:
        """Makes a call."""

    def blueprint(self, on_new_message: Callable[[UserMessage], Awaitable[Any]]) -> Blueprint:
        """The channel's routes, and its start and stop with the server."""
        routes = Blueprint(f"dystonia_{self.name()}")
        talks = Talks(on_new_message, self.name(), self._turns_a_minute)

        @routes.listener("after_server_start")
        async def start(*_: Any) -> None:
            self._start(talks)

        @routes.listener("before_server_stop")
        async def stop(*_: Any) -> None:
            if self._delivery is not None:
                await self._delivery.stop()
            await self._api.close()

        @routes.get("/")
        async def health(request: Request) -> HTTPResponse:
            return json({"status": "ok"})

        @routes.post("/webhook")
        async def receive(request: Request) -> HTTPResponse:
            if not self.is_from_app(request):
                return json({"error": self.NOT_FROM_APP}, status=self.REFUSED_STATUS)
            if self._delivery is None or self._delivery.stopping:
                return json({"error": LATER}, status=503)
            try:
                return self.take(self._delivery, request)
            except (sqlite3.Error, SQLAlchemyError) as error:
                # A full disk, say, or a database that is away.
                logger.error("%s could not take an event in (%s). It was told to send it again.", self.name(), in_words(error))
                return json({"error": LATER}, status=503)
            except (Refused, KeyError, TypeError, AttributeError, ValueError, IndexError) as odd:
                # Any other status than 200, and the app sends it again and again.
                logger.warning(
                    "An event of %s has no form that is known (%s); it was laid aside.", self.name(), type(odd).__name__
                )
                return json({})

        return routes

    def _start(self, talks: Talks) -> None:
        async def answer(event: Event) -> Sequence[Call]:
            return await self.answer(event, talks)

        try:
            if isinstance(self._events, Path):
                salvage.mend(self._events)
                self._delivery = Delivery(self.name(), SqliteEvents(self._events), answer, self.sorry, self.send)
            else:
                store = SharedEvents(self._events, self.name())
                self._delivery = SharedDelivery(self.name(), store, answer, self.sorry, self.send)
        except (sqlite3.Error, OSError) as error:
            # The other channels run without it.
            logger.error(
                "%s takes nothing in: %s (%s). Mend: move that file away, then start again.", self.name(), self._events, error
            )
            return
        self._delivery.start()
