"""Telegram: an own channel on aiohttp.

Rasa's own was left because each of these was seen with it: every update ends in status 500 (its client, aiogram 2, keeps
the connections of an event loop that is closed); where Telegram can't be reached at start, the whole server ends; anyone
may post updates or set the webhook; updates that come twice and edits are answered again; a group is one talk for all; a
button that was pressed goes on waiting; an odd update, a long reply or a 429 loses the reply or comes again for ever.

Here an update is taken in once (channels/seen.py), Telegram gets its 200 at once, and the reply is sent in the background,
in the order of each talk (channels/delivery.py). Nothing is called before the first update, so a Telegram that can't be
reached keeps nothing from starting.

Talks have keys of their own: ``telegram:<chat>`` in private, ``telegram:<chat>:<user>`` in a group.
"""

from __future__ import annotations

import hmac
import html
import re
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence, Text, Union

from sanic.request import Request
from sanic.response import HTTPResponse, json

from channels.chat import (
    BUTTON_GONE,
    CAN_GO_PRIVATE,
    GOES_PRIVATE,
    KEPT,
    ONLY_WORDS,
    TURNS_A_MINUTE,
    Talks,
    failed,
    fixed,
    is_personal,
    is_urgent,
)
from channels.chat_text import pressed, telegram_keyboard, telegram_texts
from channels.delivery import Delivery, WillNotSend
from channels.event_channel import EventChannel
from channels.intake import MAX_EVENT_BYTES, parse_body
from channels.seen import Call, Event, event_id
from channels.telegram_api import API_URL, ChatMoved, TelegramApi

SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"
UPDATES = ("message", "callback_query")
"""What Telegram is asked to send. Edits are not among them: what was asked first has been answered."""
COMMANDS = {"start": "Hello", "help": "What can you do?", "forget": "Forget me"}
"""What a command says. So the words of its reply stand with all others, and "forget me" deletes in one place."""
NOT_WORDS = frozenset(
    "animation audio contact dice document game location paid_media photo poll sticker story venue video video_note "
    "voice".split()
)
"""Messages that people send without words. Other kinds (someone joined, a message was pinned) want no reply."""
HOW_TO_FORGET = "Send /forget"

_COMMAND = re.compile(r"/(\w+)(?:@(\w+))?\s*", re.ASCII)
_TAG = re.compile(r"</?(?:b|a)(?: href=\"[^\"]*\")?>")


class TelegramChannel(EventChannel):
    """``POST /webhooks/telegram/webhook``, for Telegram alone; see the module's own words."""

    NOT_FROM_APP = f"The header {SECRET_HEADER} is not the one that was agreed on."
    REFUSED_STATUS = 403

    def __init__(
        self,
        token: Text,
        secret: Text,
        events: Union[Path, Text],
        api_url: Text = API_URL,
        turns_a_minute: float = TURNS_A_MINUTE,
    ) -> None:
        """Sets who the assistant is on Telegram.

        Args:
            token: the bot's, from @BotFather.
            secret: what Telegram says in a header, so that no one else can post updates.
            events: file that keeps updates until they are answered, or the PostgreSQL database that several instances share.
            api_url: another server of the Bot API.
            turns_a_minute: how many messages of one talk are answered in a minute.
        """
        super().__init__(events, TelegramApi(token, api_url), turns_a_minute)
        self._secret = secret
        self._bot = token.partition(":")[0]
        self._username: Optional[Text] = None

    @classmethod
    def name(cls) -> Text:
        """Part of the URL."""
        return "telegram"

    def is_from_app(self, request: Request) -> bool:
        """Whether it holds the secret that only Telegram and the assistant know."""
        return hmac.compare_digest(request.headers.get(SECRET_HEADER, "").encode(errors="replace"), self._secret.encode())

    def take(self, delivery: Delivery, request: Request) -> HTTPResponse:
        """Takes an update in."""
        update = parse_body(request.body, most=MAX_EVENT_BYTES)
        if "callback_query" in update:
            self._take_press(delivery, update["callback_query"])
        elif "message" in update:
            self._take_message(delivery, update["message"])
        return json({})

    def _take_message(self, delivery: Delivery, message: Mapping[str, Any]) -> None:
        # Who leads a group may write in its name, and a channel in its own; "from" then names a bot of Telegram's.
        chat, user = message["chat"], message.get("sender_chat") or message.get("from") or {}
        if user.get("is_bot") or not user or not (_words(message) or NOT_WORDS & set(message)):
            return
        if message.get("is_automatic_forward"):
            # What a channel says to all appears in its group by itself; nobody has asked anything.
            return
        private = chat["type"] == "private"
        if not private and (chat["type"] == "channel" or not self._may_be_addressed(message)):
            return
        content = {
            **_place(chat, user, message),
            "text": _words(message),
            "only_words": not NOT_WORDS & set(message),
            "mentions": _mentions(message),
            "to_bot": _answers(message, self._bot),
        }
        delivery.accept(event_id(self._bot, "message", chat["id"], message["message_id"]), _talk(content), content)

    def _take_press(self, delivery: Delivery, callback: Mapping[str, Any]) -> None:
        message, user = callback.get("message") or {}, callback["from"]
        # A button of a message in which the chat is not told can't be answered anywhere but in private.
        chat = message.get("chat") or {"id": user["id"], "type": "private"}
        content = {**_place(chat, user, message), "press": callback["id"], "text": pressed(callback)}
        # Pressed twice, it has two ids; but a button of a message is one question.
        known = event_id(self._bot, "press", chat["id"], message.get("message_id", callback["id"]), callback.get("data"))
        if not delivery.accept(known, _talk(content), content):
            again = event_id(self._bot, "pressed again", callback["id"])
            delivery.accept(again, _talk(content), {**content, "text": "", "again": True})

    def _may_be_addressed(self, message: Mapping[str, Any]) -> bool:
        """Whether a message in a group can be meant for the assistant. What is not is never kept, not even for a moment.

        Until it has asked what it is called, any name may be its own.
        """
        name = f"@{self._username or ''}".lower()
        return _answers(message, self._bot) or self._bot in _mentions(message) or name in _words(message).lower()

    async def answer(self, event: Event, talks: Talks) -> List[Call]:
        """The messages that answer a message or a press."""
        content = event.content or {}
        if "press" in content:
            return await self._answer_press(talks, event, content)
        text: Optional[Text] = content["text"]
        if not content["private"]:
            text = await self._addressed_text(content)
            if text is None:
                return []
            if not text and content.get("only_words"):
                # Called by its name and nothing else.
                text = COMMANDS["start"]
        return await self._answer_text(talks, event, content, text)

    async def _answer_press(self, talks: Talks, event: Event, content: Mapping[str, Any]) -> List[Call]:
        acknowledged = _call("answerCallbackQuery", callback_query_id=content["press"])
        if content.get("again"):
            return [acknowledged]
        if not content["text"]:
            return [acknowledged, *_messages(content, fixed(BUTTON_GONE))]
        cleared = _call("editMessageReplyMarkup", chat_id=content["chat"], message_id=content["message"])
        return [acknowledged, cleared, *await self._answer_text(talks, event, content, content["text"], asked=content["text"])]

    async def _answer_text(
        self, talks: Talks, event: Event, content: Mapping[str, Any], text: Text, asked: Text = ""
    ) -> List[Call]:
        if not text:
            return _messages(content, fixed(ONLY_WORDS))
        command, text = _command(text)
        turn = await talks.turn(text, event.talk, event.id)
        if command in ("start", "help"):
            turn["text"] += "\n\n" + KEPT.format(how=HOW_TO_FORGET)
        if content["private"]:
            return _messages(content, turn, asked)
        return await self._answer_in_group(content, text, turn, asked)

    async def _answer_in_group(self, content: Mapping[str, Any], text: Text, turn: Dict[str, Any], asked: Text) -> List[Call]:
        if not is_personal(text, turn["reply"]["kind"]):
            return _messages(content, turn, asked)
        link = {"text": "Write to me in private", "url": f"https://t.me/{await self._known_as()}?start=private"}
        if is_urgent(turn):
            turn = {**turn, "text": f"{turn['text']}\n\n{CAN_GO_PRIVATE}", "buttons": []}
        else:
            turn = fixed(GOES_PRIVATE)
        calls = _messages(content, turn)
        calls[-1]["arguments"]["reply_markup"] = {"inline_keyboard": [[link]]}
        return calls

    async def _addressed_text(self, content: Mapping[str, Any]) -> Optional[Text]:
        """What a message in a group says to the assistant; None where it says it to others."""
        name = (await self._known_as()).lower()
        text, command = content["text"], _COMMAND.match(content["text"])
        if command and (command.group(2) or "").lower() == name:
            return text
        mention = re.compile(rf"@{re.escape(name)}\b", re.IGNORECASE)
        if content["to_bot"] or self._bot in content["mentions"] or mention.search(text):
            return mention.sub(" ", text).strip()
        return None

    async def _known_as(self) -> Text:
        if self._username is None:
            self._username = (await self._api.call("getMe", {}))["username"]
        return self._username

    def sorry(self, event: Event) -> List[Call]:
        """The message that says that it did not work."""
        return _messages(event.content or {}, failed())

    async def send(self, call: Call) -> None:
        """Makes a call; where Telegram does not like the form of a message, its words alone are sent."""
        arguments = call["arguments"]
        try:
            await self._api.call(call["method"], arguments)
        except ChatMoved as moved:
            await self._api.call(call["method"], {**arguments, "chat_id": moved.chat})
        except WillNotSend as refused:
            if "parse_mode" not in arguments or not refused.reason.startswith("code 400"):
                raise
            # Something about its form is not to Telegram's liking: the words alone must still arrive.
            bare = {name: value for name, value in arguments.items() if name in ("chat_id", "message_thread_id")}
            await self._api.call(call["method"], {**bare, "text": html.unescape(_TAG.sub("", arguments["text"]))})


def _call(method: Text, **arguments: Any) -> Call:
    return {"method": method, "arguments": arguments}


def _messages(content: Mapping[str, Any], turn: Mapping[str, Any], asked: Text = "") -> List[Call]:
    """The messages of a reply; what a button has asked stands above it, as the keyboard that said it is gone."""
    told = {**turn, "text": f"» {asked}\n\n{turn['text']}"} if asked and not is_urgent(dict(turn)) else turn
    where: Dict[str, Any] = {"chat_id": content["chat"]}
    if content.get("thread") is not None:
        where["message_thread_id"] = content["thread"]
    if not content["private"] and "press" not in content:
        where["reply_parameters"] = {"message_id": content["message"], "allow_sending_without_reply": True}
    form = {"parse_mode": "HTML", "link_preview_options": {"is_disabled": True}}
    calls = [_call("sendMessage", **where, text=text, **form) for text in telegram_texts(told)]
    if turn["buttons"]:
        calls[-1]["arguments"]["reply_markup"] = {"inline_keyboard": telegram_keyboard(turn["buttons"])}
    return calls


def _command(text: Text) -> Sequence[Text]:
    """The command that a text begins with, and what it says; an unknown one is left to say what follows it."""
    found = _COMMAND.match(text)
    if not found:
        return "", text
    name = found.group(1).lower()
    return name, COMMANDS.get(name) or text[found.end() :] or name


def _words(message: Mapping[str, Any]) -> Text:
    return str(message.get("text") or message.get("caption") or "")


def _place(chat: Mapping[str, Any], user: Mapping[str, Any], message: Mapping[str, Any]) -> Dict[str, Any]:
    """Where a reply goes."""
    return {
        "chat": int(chat["id"]),
        "private": chat["type"] == "private",
        "user": int(user["id"]),
        "message": message.get("message_id"),
        "thread": message.get("message_thread_id") if message.get("is_topic_message") else None,
    }


def _talk(content: Mapping[str, Any]) -> Text:
    return f"telegram:{content['chat']}" + ("" if content["private"] else f":{content['user']}")


def _mentions(message: Mapping[str, Any]) -> List[Text]:
    """Ids of those who are mentioned without a name of their own."""
    entities = message.get("entities") or message.get("caption_entities") or []
    return [str(entity["user"]["id"]) for entity in entities if entity.get("type") == "text_mention"]


def _answers(message: Mapping[str, Any], bot: Text) -> bool:
    return str(((message.get("reply_to_message") or {}).get("from") or {}).get("id")) == bot
