"""One turn: a message in, exactly one reply out, whatever breaks in between."""
from __future__ import annotations

import asyncio
import logging
from typing import Any, Awaitable, Callable, Dict, List, Optional, Text

from rasa.core.channels.channel import CollectingOutputChannel, UserMessage

from dystonia.helplines import HELP_KINDS, Helplines
from dystonia.reply import UNAVAILABLE, Answer, Kind, Reply, as_text
from dystonia.store import served_version
from server.metrics import counts_turns
from server.undone import Undone

logger = logging.getLogger(__name__)

TURN_SECONDS = 10.0
"""After this the visitor is told that it did not work; nothing in a healthy turn takes a tenth of it."""

Handler = Callable[[UserMessage], Awaitable[Any]]


class ReplyCollector(CollectingOutputChannel):
    """Takes what the dialogue says in one turn, whole: Rasa's own collector cuts texts at blank lines."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: List[Text] = []
        self.buttons: List[Dict[Text, Any]] = []
        self.reply: Optional[Dict[Text, Any]] = None

    async def send_response(self, recipient_id: Text, message: Dict[Text, Any]) -> None:
        """Collects one message of the dialogue."""
        if message.get("text"):
            self.texts.append(message["text"].strip())
        self.buttons += message.get("buttons") or []
        self.reply = (message.get("custom") or {}).get("reply") or self.reply


@counts_turns
async def take_turn(
    handler: Handler, text: Text, talk_id: Text, channel: Text, model: Text, message_id: Optional[Text] = None
) -> Dict[Text, Any]:
    """Has one message answered.

    Args:
        handler: Rasa's own handler of messages.
        text: the message, cleaned (channels/intake.py).
        talk_id: the key of the talk, in the channel's own key space.
        channel: the channel's name, for the tracker.
        model: id of the trained model, for the contract.
        message_id: the channel's own id of the message, kept with it; otherwise Rasa makes one.

    Returns:
        ``{"text": ..., "buttons": [...], "reply": {...}}``, of kind ``unavailable`` when anything failed.
    """
    collector = ReplyCollector()
    message = UserMessage(text, collector, talk_id, input_channel=channel, message_id=message_id)
    failed = False
    try:
        await asyncio.wait_for(handler(message), TURN_SECONDS)
    except Exception as error:  # noqa: BLE001 - a visitor is never left without a reply
        # Neither the message nor the error's own words, which may quote it, go to the log.
        why = f" ({error})" if isinstance(error, Undone) else ""
        logger.error("A turn failed with %s%s; the visitor was told to try again.", type(error).__name__, why)
        # The reply may stand already, but not be stored: the next turn would not know of it. Help is given all the same.
        failed = (collector.reply or {}).get("kind") not in HELP_KINDS
    if failed or not collector.texts or collector.reply is None:
        return unavailable(model, getattr(message, "urgency", None))
    return {
        "text": "\n\n".join(collector.texts),
        "buttons": collector.buttons,
        "reply": {**collector.reply, "model": model},
    }


def unavailable(model: Text, urgency: Optional[Text] = None) -> Dict[Text, Any]:
    """The reply that depends on nothing; led by where help is, where the message was understood as urgent before all failed."""
    answer = Answer(Kind.unavailable, (UNAVAILABLE,), confidence=0.0)
    if urgency:
        answer = Helplines.load().lead(answer, urgency, None)
    told = Reply(answer.kind.value, cautions=list(answer.cautions), content=served_version(), confidence=answer.confidence)
    return {
        "text": as_text(answer),
        "buttons": [{"title": button.title, "payload": button.payload} for button in answer.buttons],
        "reply": told.with_model(model).as_custom()["reply"],
    }
