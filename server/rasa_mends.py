"""The changes that Rasa 3.6.21 itself needs: one module, each with its reason and a test that fails when stock changes."""
from __future__ import annotations

import rasa
import rasa.core.actions.action as rasa_action
from jsonschema import Draft7Validator
from typing import Any, Dict, Text

RASA_VERSION = "3.6.21"


class RasaChanged(RuntimeError):
    """Rasa is not the version that these mends were made for."""


def apply(action_timeout: float) -> None:
    """Applies all mends.

    Args:
        action_timeout: seconds to wait for an action.

    Raises:
        RasaChanged: another Rasa is installed.
    """
    if rasa.__version__ != RASA_VERSION:
        raise RasaChanged(f"Rasa is {rasa.__version__}, these mends are for {RASA_VERSION}. Mend: make env, or check server/rasa_mends.py.")
    compile_action_schema()
    limit_action_time(action_timeout)


def compile_action_schema() -> None:
    """Checks action responses with one compiled validator.

    Stock calls ``jsonschema.validate`` for each response, which checks the constant schema itself every time: 58 % of a
    turn with an action.
    """
    validator = Draft7Validator(rasa_action.RemoteAction.action_response_format_spec())

    def validate(self: rasa_action.RemoteAction, result: Dict[Text, Any]) -> bool:
        validator.validate(result)
        return True

    rasa_action.RemoteAction._validate_action_result = validate  # type: ignore[method-assign]


def limit_action_time(seconds: float) -> None:
    """Waits that long for an action. Stock waits 300 seconds, during which a visitor sees nothing."""
    rasa_action.DEFAULT_REQUEST_TIMEOUT = seconds  # type: ignore[attr-defined]
