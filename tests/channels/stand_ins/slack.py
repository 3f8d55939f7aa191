"""Stands in for Slack's Web API: the limits of Block Kit (as slack_sdk knows them, and more), marks, errors."""

from __future__ import annotations

import re
from typing import Any, Dict, List

from slack_sdk.errors import SlackObjectFormationError
from slack_sdk.models.blocks import Block

from tests.channels.stand_ins.server import Answer, Called, StandIn

TOKEN = "xoxb-a-token-of-no-app"
BOT = "UBOT"
TEAM = "T1"

KNOWN = {
    "chat.postMessage": {"channel", "text", "blocks", "thread_ts", "unfurl_links", "unfurl_media"},
    "chat.postEphemeral": {"channel", "user", "text", "blocks", "thread_ts"},
    "chat.update": {"channel", "ts", "text", "blocks"},
    "views.publish": {"user_id", "view"},
    "respond": {"response_type", "replace_original", "text", "blocks"},
}


class Refusal(Exception):
    """Slack's code for what is wrong."""


class SlackStandIn(StandIn):
    """One workspace. What was posted stands in ``called``; ``away`` holds channels that the app is not in."""

    def __init__(self) -> None:
        super().__init__()
        self.away: List[str] = []
        self.messages: Dict[str, Dict[str, Any]] = {}
        self.responses: Dict[str, int] = {}
        self.expired = False

    def handle(self, path: str, headers: Dict[str, str], arguments: Dict[str, Any]) -> Answer:
        """One call of the Web API, or a post to the address that came with a slash command."""
        responding = path.startswith("/respond/")
        method = "respond" if responding else path.removeprefix("/api/")
        if not responding and headers.get("authorization") != f"Bearer {TOKEN}":
            return _said(ok=False, error="invalid_auth")
        mood = self.mood(method, arguments) if self.mood else None
        if mood is not None:
            return mood
        try:
            if set(arguments) - KNOWN[method]:
                raise Refusal("invalid_arguments")
            result = self._respond(path, arguments) if responding else getattr(self, "_" + method.replace(".", "_"))(arguments)
        except Refusal as refusal:
            self.refused.append((method, str(refusal)))
            return Answer(404, {"ok": False}) if responding else _said(ok=False, error=str(refusal))
        self.called.append(Called(method, {**arguments, **({"at": path} if responding else {})}))
        return _said(ok=True, **result)

    def texts(self, channel: str) -> List[str]:
        """What a channel reads: the sections, as Slack shows them."""
        return [shown(sent) for sent in self.calls("chat.postMessage") if sent["channel"] == channel]

    def _chat_postMessage(self, arguments: Dict[str, Any]) -> Dict[str, Any]:  # noqa: N802 - Slack's name
        if arguments["channel"] in self.away:
            raise Refusal("not_in_channel")
        check_message(arguments)
        ts = f"1700000000.{len(self.messages) + 1:06d}"
        self.messages[ts] = {"ts": ts, **arguments}
        return {"ts": ts, "channel": arguments["channel"]}

    def _chat_postEphemeral(self, arguments: Dict[str, Any]) -> Dict[str, Any]:  # noqa: N802
        if arguments["channel"] in self.away:
            raise Refusal("not_in_channel")
        if not arguments.get("user"):
            raise Refusal("invalid_arguments")
        check_message(arguments)
        return {"message_ts": "1700000001.000001"}

    def _chat_update(self, arguments: Dict[str, Any]) -> Dict[str, Any]:
        if not isinstance(arguments["ts"], str) or arguments["ts"] not in self.messages:
            raise Refusal("message_not_found")
        check_message(arguments)
        self.messages[arguments["ts"]].update(arguments)
        return {"ts": arguments["ts"]}

    def _views_publish(self, arguments: Dict[str, Any]) -> Dict[str, Any]:
        if not arguments.get("user_id") or arguments["view"].get("type") != "home":
            raise Refusal("invalid_arguments")
        check_blocks(arguments["view"]["blocks"], 100)
        return {"view": {"id": "V1"}}

    def _respond(self, path: str, arguments: Dict[str, Any]) -> Dict[str, Any]:
        if self.expired or self.responses.get(path, 0) >= 5:
            raise Refusal("expired_url")
        check_message(arguments)
        self.responses[path] = self.responses.get(path, 0) + 1
        return {}


def too_many(seconds: int) -> Answer:
    """Asks to wait."""
    return Answer(429, {"ok": False, "error": "ratelimited"}, {"Retry-After": str(seconds)})


def trouble() -> Answer:
    """Has a bad day."""
    return Answer(503, {"ok": False, "error": "service_unavailable"})


def _said(**body: Any) -> Answer:
    return Answer(200, body)


def check_message(arguments: Dict[str, Any]) -> None:
    """Refuses what Slack refuses, and what it would show in another way than it was meant."""
    if not arguments.get("text") and not arguments.get("blocks"):
        raise Refusal("no_text")
    if len(arguments.get("text", "")) > 40_000:
        raise Refusal("msg_too_long")
    check_marks(arguments.get("text", ""))
    check_blocks(arguments.get("blocks") or [], 50)


def check_blocks(blocks: List[Dict[str, Any]], most: int) -> None:
    """Refuses blocks that break a limit."""
    if len(blocks) > most:
        raise Refusal("invalid_blocks")
    try:
        for block in Block.parse_all(blocks):
            block.validate_json()
    except SlackObjectFormationError:
        raise Refusal("invalid_blocks") from None
    buttons = [element for block in blocks if block["type"] == "actions" for element in block["elements"]]
    _check_buttons(buttons)
    for block in blocks:
        words = block.get("text") or {}
        if block["type"] in ("section", "header") and not 0 < len(words.get("text", "")) <= (
            3000 if block["type"] == "section" else 150
        ):
            raise Refusal("invalid_blocks")
        if words.get("type") == "mrkdwn":
            check_marks(words["text"])


def _check_buttons(buttons: List[Dict[str, Any]]) -> None:
    if len(buttons) > 25 or len({button["action_id"] for button in buttons}) != len(buttons):
        raise Refusal("invalid_blocks")
    for button in buttons:
        if not 0 < len(button["text"]["text"]) <= 75 or len(button.get("value", "")) > 2000:
            raise Refusal("invalid_blocks")


def check_marks(text: str) -> None:
    """Refuses mentions, and characters that were not escaped."""
    if re.search(r"&(?!(?:amp|lt|gt);)|<(?!https?://[^<>|]+\|[^<>|]+>)", text):
        raise Refusal("not_escaped")


def shown(message: Dict[str, Any]) -> str:
    """What a person reads of a message."""
    texts = [block["text"]["text"] for block in message.get("blocks") or [] if "text" in block] or [message["text"]]
    read = re.sub(r"<[^<>|]+\|([^<>|]+)>", r"\1", "\n\n".join(texts)).replace("\u2060", "")
    return read.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def buttons(message: Dict[str, Any]) -> List[Dict[str, Any]]:
    """The buttons of a message."""
    return [element for block in message.get("blocks") or [] if block["type"] == "actions" for element in block["elements"]]
