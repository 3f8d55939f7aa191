"""The whole assistant in one process: understanding, rules, static replies and actions, but no server."""

from __future__ import annotations

import asyncio
import logging
import warnings
from pathlib import Path
from typing import Any, Dict, Text

import aiohttp
from rasa.core.channels.channel import UserMessage
from rasa.core.tracker_store import InMemoryTrackerStore
from rasa.utils.endpoints import EndpointConfig

from channels.intake import clean_message
from channels.turn import take_turn
from server import rasa_mends
from server.actions_inside import ActionsInside
from server.settings import Settings


class DeadActions(EndpointConfig):
    """Fails as an action server that is down does."""

    async def request(self, *_: Any, **__: Any) -> Any:
        """Nothing answers."""
        raise aiohttp.ClientConnectionError("the action server is dead")


class Whole:
    """A trained model with all that stands behind a channel. Talks are kept in memory; each has a key of its own."""

    def __init__(self, model: Path, actions_dead: bool = False) -> None:
        """Loads the model as the server does."""
        warnings.simplefilter("ignore")
        from rasa.core.agent import Agent
        from rasa.utils.log_utils import configure_structlog

        configure_structlog(logging.CRITICAL)
        rasa_mends.apply(Settings.action_timeout)
        writer = EndpointConfig(type="server.responses.ResponseWriter")
        self._talks = InMemoryTrackerStore(None)
        actions = DeadActions() if actions_dead else ActionsInside()
        self.agent = Agent.load(str(model), generator=writer, tracker_store=self._talks, action_endpoint=actions)
        self._loop = asyncio.new_event_loop()

    def say(self, talk: Text, message: Text) -> Dict[Text, Any]:
        """What a visitor gets: ``{"text": ..., "buttons": [...], "reply": {...}}``."""
        turn = take_turn(self._handle, clean_message(message), talk, "whole", "")
        before = logging.root.manager.disable
        # A dead action server would be reported for each message.
        logging.disable(logging.ERROR)
        try:
            return self._loop.run_until_complete(turn)
        finally:
            logging.disable(before)

    def forget_talks(self) -> None:
        """Lets go of all talks, so that thousands of them fill no memory."""
        self._talks.store.clear()

    async def _handle(self, message: UserMessage) -> Any:
        return await self.agent.handle_message(message)
