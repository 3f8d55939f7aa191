"""Actions run inside the Rasa process: the same actions, called as an action server is called, without the way there and back.

It is the default, because it is quicker, smaller, and cannot be down. A separate action server is used where its port is set
(DYSTONIA_ACTION_PORT).
"""
from __future__ import annotations

import json as json_form
import logging
from typing import Any, Dict, Optional, Text

from rasa.shared.exceptions import RasaException
from rasa.utils.endpoints import EndpointConfig
from rasa_sdk.executor import ActionExecutor

import actions

logger = logging.getLogger(__name__)


class ActionFailed(RasaException):
    """An action raised something; Rasa goes on without its events, and the channel says that it did not work."""


class ActionsInside(EndpointConfig):
    """Stands where Rasa looks for the address of an action server."""

    def __init__(self) -> None:
        """Finds the actions, as the action server does."""
        # Without this setting, the whole domain would be put into each call.
        super().__init__(url="inside", enable_selective_domain=True)
        self._executor = ActionExecutor()
        self._executor.register_package(actions)

    async def request(self, *_: Any, json: Optional[Dict[Text, Any]] = None, **__: Any) -> Any:
        """What the action server would answer to a call.

        Raises:
            ActionFailed: the action raised something. Its words may quote the visitor, so they are not passed on.
        """
        call = json or {}
        try:
            answer = await self._executor.run(call)
        except Exception as error:  # noqa: BLE001 - whatever an action raises ends only its own turn
            raise ActionFailed(f"The action {call.get('next_action')} failed with {type(error).__name__}.") from None
        # As over the wire: nothing that the action goes on holding, and only what JSON can say.
        return json_form.loads(json_form.dumps(answer))
