"""Stands in for Telegram's Bot API: its limits on messages, buttons and HTML, its errors, and a bot's updates."""

from __future__ import annotations

import html
import json
import re
import time
from html.parser import HTMLParser
from typing import Any, Dict, List, Optional

from tests.channels.stand_ins.server import Answer, Called, StandIn

TOKEN = "4711:a-token-of-no-bot"
BOT = 4711
USERNAME = "Dystonia_Helper_Bot"

TAGS = frozenset("b strong i em u ins s strike del a code pre blockquote tg-spoiler".split())
KNOWN = {
    "sendMessage": {
        "chat_id",
        "text",
        "parse_mode",
        "reply_markup",
        "link_preview_options",
        "reply_parameters",
        "message_thread_id",
    },
    "answerCallbackQuery": {"callback_query_id", "text", "show_alert", "url", "cache_time"},
    "editMessageReplyMarkup": {"chat_id", "message_id", "reply_markup"},
    "getMe": set(),
    "setWebhook": {"url", "secret_token", "allowed_updates", "max_connections", "drop_pending_updates"},
    "deleteWebhook": {"drop_pending_updates"},
    "getWebhookInfo": set(),
    "getUpdates": {"offset", "limit", "timeout", "allowed_updates"},
    "setMyCommands": {"commands", "scope", "language_code"},
}


class Refusal(Exception):
    """The words with which Telegram refuses, after "Bad Request: "."""


class TelegramStandIn(StandIn):
    """One bot. What it sent stands in ``called``; ``blocked`` holds chats that shut it out."""

    def __init__(self) -> None:
        super().__init__()
        self.blocked: List[int] = []
        self.messages: Dict[int, Dict[str, Any]] = {}
        self.webhook: Dict[str, Any] = {"url": ""}
        self.updates: List[Dict[str, Any]] = []
        self.errors_of_webhook: Dict[str, Any] = {}

    def handle(self, path: str, headers: Dict[str, str], arguments: Dict[str, Any]) -> Answer:
        """One call of the Bot API."""
        token, _, method = path.partition("?")[0].removeprefix("/bot").partition("/")
        if token != TOKEN:
            return _error(401, "Unauthorized")
        mood = self.mood(method, arguments) if self.mood else None
        if mood is not None:
            return mood
        if method not in KNOWN:
            return _error(404, "Not Found")
        try:
            for name in set(arguments) - KNOWN[method]:
                raise Refusal(f"{method} knows no {name}")
            result = getattr(self, f"_{method}")(**arguments)
        except Refusal as refusal:
            self.refused.append((method, str(refusal)))
            return _error(400, f"Bad Request: {refusal}")
        except PermissionError as refusal:
            return _error(403, f"Forbidden: {refusal}")
        except FileExistsError as refusal:
            return _error(409, f"Conflict: {refusal}")
        self.called.append(Called(method, arguments))
        return Answer(200, {"ok": True, "result": result})

    def texts(self, chat: int) -> List[str]:
        """What a chat reads."""
        return [visible(sent["text"]) for sent in self.calls("sendMessage") if int(sent["chat_id"]) == chat]

    def keyboard(self, message_id: int) -> List[List[Dict[str, Any]]]:
        """The buttons under a message as they are now."""
        return (self.messages[message_id].get("reply_markup") or {}).get("inline_keyboard") or []

    def _sendMessage(self, chat_id: Any, text: str, **more: Any) -> Dict[str, Any]:  # noqa: N802 - Telegram's name
        if int(chat_id) in self.blocked:
            raise PermissionError("bot was blocked by the user")
        shown = check_html(text) if more.get("parse_mode") == "HTML" else text
        if not shown.strip():
            raise Refusal("message text is empty")
        if len(shown.encode("utf-16-le")) // 2 > 4096:
            raise Refusal("message is too long")
        markup = _object(more.get("reply_markup"))
        check_keyboard(markup)
        message = {
            "message_id": len(self.messages) + 1,
            "date": int(time.time()),
            "chat": {"id": int(chat_id), "type": "private" if int(chat_id) > 0 else "supergroup"},
            "from": {"id": BOT, "is_bot": True, "first_name": "Dystonia", "username": USERNAME},
            "text": shown,
            **({"reply_markup": markup} if markup else {}),
        }
        self.messages[message["message_id"]] = message
        return message

    def _answerCallbackQuery(self, callback_query_id: str, **_: Any) -> bool:  # noqa: N802
        if str(callback_query_id).startswith("old"):
            raise Refusal("query is too old and response timeout expired or query ID is invalid")
        return True

    def _editMessageReplyMarkup(self, chat_id: Any, message_id: Any, **more: Any) -> Dict[str, Any]:  # noqa: N802
        message = self.messages.get(int(message_id)) if isinstance(message_id, (int, str)) else None
        if message is None or message["chat"]["id"] != int(chat_id):
            raise Refusal("message to edit not found")
        if message.pop("reply_markup", None) == more.get("reply_markup"):
            raise Refusal("message is not modified")
        return message

    def _getMe(self) -> Dict[str, Any]:  # noqa: N802
        return {"id": BOT, "is_bot": True, "first_name": "Dystonia", "username": USERNAME, "can_join_groups": True}

    def _setWebhook(self, url: str, secret_token: str = "", **more: Any) -> bool:  # noqa: N802
        if url and not url.startswith("https://"):
            raise Refusal("bad webhook: An HTTPS URL must be provided for webhook")
        if not re.fullmatch(r"[A-Za-z0-9_-]{0,256}", secret_token):
            raise Refusal("secret token contains unallowed characters")
        self.webhook = {"url": url, "secret_token": secret_token, **more}
        return True

    def _deleteWebhook(self, **_: Any) -> bool:  # noqa: N802
        self.webhook = {"url": ""}
        return True

    def _getWebhookInfo(self) -> Dict[str, Any]:  # noqa: N802
        return {
            "url": self.webhook["url"],
            "has_custom_certificate": False,
            "pending_update_count": len(self.updates),
            **self.errors_of_webhook,
        }

    def _getUpdates(self, offset: Any = 0, **_: Any) -> List[Dict[str, Any]]:  # noqa: N802
        if self.webhook["url"]:
            raise FileExistsError("can't use getUpdates method while webhook is active")
        self.updates = [update for update in self.updates if update["update_id"] >= int(offset)]
        return self.updates[:100]

    def _setMyCommands(self, commands: Any, **_: Any) -> bool:  # noqa: N802
        for command in _object(commands) or []:
            if not re.fullmatch(r"[a-z0-9_]{1,32}", command["command"]) or not 1 <= len(command["description"]) <= 256:
                raise Refusal("BOT_COMMAND_INVALID")
        return True


def too_many(seconds: int) -> Answer:
    """Asks to wait."""
    return _error(429, f"Too Many Requests: retry after {seconds}", {"retry_after": seconds})


def trouble() -> Answer:
    """Has a bad day."""
    return _error(502, "Bad Gateway")


def moved(chat: int) -> Answer:
    """The group has become a supergroup."""
    return _error(400, "Bad Request: group chat was upgraded to a supergroup chat", {"migrate_to_chat_id": chat})


def _error(code: int, description: str, parameters: Optional[Dict[str, Any]] = None) -> Answer:
    more = {"parameters": parameters} if parameters else {}
    return Answer(code, {"ok": False, "error_code": code, "description": description, **more})


def _object(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


def check_keyboard(markup: Any) -> None:
    """Refuses what Telegram refuses about an inline keyboard."""
    for row in (markup or {}).get("inline_keyboard") or []:
        for button in row:
            if not button.get("text"):
                raise Refusal("inline keyboard button text is empty")
            if len({"callback_data", "url"} & set(button)) != 1:
                raise Refusal("inline keyboard button must have exactly one kind")
            if "callback_data" in button and not 1 <= len(button["callback_data"].encode()) <= 64:
                raise Refusal("BUTTON_DATA_INVALID")


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.open: List[str] = []

    def handle_starttag(self, tag: str, attributes: Any) -> None:
        names = {name for name, _ in attributes}
        if tag not in TAGS or names - ({"href"} if tag == "a" else set()):
            raise Refusal(f'can\'t parse entities: Unsupported start tag "{tag}"')
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            raise Refusal(f'can\'t parse entities: Unexpected end tag "{tag}"')

    def handle_comment(self, data: str) -> None:
        raise Refusal("can't parse entities: comment")

    def handle_decl(self, decl: str) -> None:
        raise Refusal("can't parse entities: declaration")


def check_html(text: str) -> str:
    """The text without its tags; refuses HTML that Telegram does not take."""
    stray = re.search(r"<(?![a-z/])|&(?!(?:lt|gt|amp|quot|#\d+|#x[0-9a-fA-F]+);)", text)
    if stray:
        raise Refusal("can't parse entities: stray mark")
    tags = _Tags()
    tags.feed(text)
    tags.close()
    if tags.open:
        raise Refusal(f"can't parse entities: Can't find end tag corresponding to start tag \"{tags.open[-1]}\"")
    return visible(text)


def visible(text: str) -> str:
    """What a person reads of Telegram's HTML."""
    return html.unescape(re.sub(r"<[^>]*>", "", text))
