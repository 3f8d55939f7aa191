"""Slack: own routes, with slack_sdk for signatures and calls.

Weighed, and why neither of the other two:

- *Subclassing Rasa's connector.* Its signature check holds, but of what else it does each was seen to fail: an event that is
  sent again is answered again; ``application/json; charset=utf-8`` is not read; someone who joins is answered; a mention is
  answered before everyone; over 5 buttons, 3,000 characters or a title of 75 the reply is lost, as with a 429; ``&lt;`` is
  understood as such, and marks go out raw. Nothing but the name would be left of it.
- *Bolt.* A good framework, but another package, with a server, a middleware and a state of its own beside Rasa's. What is
  needed of it are four kinds of requests at one address.

Each event is taken in once (channels/seen.py), Slack gets its 200 at once, and the reply is sent in the background, in the
order of each talk (channels/delivery.py). Nothing is called before the first event.

Where replies go: in a direct message, there; after a mention, into the thread; after a slash command, to the one who gave
it, unseen by others. What is personal in a channel is answered in a direct message, and a line that only this person sees
says so; a safety reply is said at both places, because the line is gone after a reload and the direct message may be missed.

Talks have keys of their own: ``slack:<team>:<channel>:<user>``, with ``direct`` for the channel of all that others do not see.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Dict, List, Mapping, Text, Union
from urllib.parse import parse_qs

from sanic.request import Request
from sanic.response import HTTPResponse, json
from slack_sdk.signature import SignatureVerifier

from channels.chat import KEPT, ONLY_WORDS, TURNS_A_MINUTE, Talks, failed, fixed, is_personal, is_urgent
from channels.chat_text import mrkdwn, mrkdwn_escaped, slack_buttons, slack_messages
from channels.delivery import Delivery, WillNotSend
from channels.event_channel import EventChannel
from channels.intake import MAX_EVENT_BYTES, parse_body
from channels.seen import Call, Event, event_id
from channels.slack_api import API_URL, RESPOND, SlackApi

DIRECT = "direct"
WORDY = (None, "file_share", "thread_broadcast", "me_message")
"""Kinds of messages that a person wrote; all others (edits, deletions, someone joined, other bots) want no reply."""
GREETING = "Hello"
HOW_TO_FORGET = 'Write "forget me" in a direct message'
ANSWERED_DIRECTLY = "Others can read along here, so I have answered you in a direct message."
HOME_TITLE = "Questions about dystonia"
HOME_WORDS = (
    "Press a question, or write your own under *Messages*; short or misspelt is fine. Answers come from fact cards with named "
    "sources. They are general information and not medical advice."
)
HOME_QUESTIONS = (
    "What is dystonia?",
    "What are the symptoms of dystonia?",
    "What causes dystonia?",
    "Does dystonia run in families?",
    "What are the types of focal dystonia?",
    "Which tests are done for dystonia?",
    "How is dystonia treated?",
    "Is there a cure for dystonia?",
    "What can make dystonia worse?",
    "What is day-to-day life with dystonia like?",
    "Which doctor should I see for dystonia?",
    "How common is dystonia?",
    "What research is going on into dystonia?",
    "Which dystonia organisations can I turn to?",
    "Where do the facts come from?",
)
"""One for each topic that visitors ask about; each stands in a card, so each has an answer (tests/unit/test_slack_home.py)."""

_REFUSED_FORM = frozenset("invalid_blocks invalid_blocks_format msg_blocks_too_long msg_too_long invalid_arguments".split())
_LINK = re.compile(r"<(?:[@!][^>]*|#[^>|]*\|?([^>]*)|(?:mailto:|tel:)?([^>|]*)(?:\|([^>]*))?)>")


class SlackChannel(EventChannel):
    """``POST /webhooks/slack/webhook`` for events, buttons and the slash command; see the module's own words."""

    NOT_FROM_APP = "This is not signed by Slack, or was signed over five minutes ago."
    REFUSED_STATUS = 401

    def __init__(
        self,
        token: Text,
        secret: Text,
        events: Union[Path, Text],
        api_url: Text = API_URL,
        turns_a_minute: float = TURNS_A_MINUTE,
    ) -> None:
        """Sets who the assistant is on Slack.

        Args:
            token: the app's bot token.
            secret: the app's signing secret.
            events: file that keeps events until they are answered, or the PostgreSQL database that several instances share.
            api_url: another server of the Web API.
            turns_a_minute: how many messages of one talk are answered in a minute.
        """
        super().__init__(events, SlackApi(token, api_url), turns_a_minute)
        self._verifier = SignatureVerifier(secret)

    @classmethod
    def name(cls) -> Text:
        """Part of the URL."""
        return "slack"

    def is_from_app(self, request: Request) -> bool:
        """Whether Slack has signed it within the last five minutes."""
        try:
            return self._verifier.is_valid_request(request.body, dict(request.headers))
        except (ValueError, TypeError, OverflowError):
            # A time that is no number or beyond all numbers, a body that is no text.
            return False

    def take(self, delivery: Delivery, request: Request) -> HTTPResponse:
        """Takes in an event, a pressed button or a slash command."""
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() == "application/x-www-form-urlencoded":
            form = {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
            if "payload" in form:
                self._take_press(delivery, parse_body(form["payload"].encode(), most=MAX_EVENT_BYTES))
            elif "command" in form:
                self._take_command(delivery, form)
            # Slack shows whatever a slash command is answered with: nothing is.
            return HTTPResponse(status=200)
        body = parse_body(request.body, most=MAX_EVENT_BYTES)
        if body.get("type") == "url_verification":
            return json({"challenge": str(body["challenge"])})
        if body.get("type") == "event_callback":
            self._take_event(delivery, body)
        return json({})

    def _take_event(self, delivery: Delivery, body: Mapping[str, Any]) -> None:
        event, team = body["event"], str(body["team_id"])
        if event["type"] == "app_home_opened" and event.get("tab") == "home":
            content = {"home": str(event["user"])}
            delivery.accept(event_id("home", body["event_id"]), _talk(team, DIRECT, event["user"]), content)
        elif event["type"] == "app_mention" or event["type"] == "message" and event.get("channel_type") == "im":
            if _is_persons(event, body):
                self._take_message(delivery, team, event)

    def _take_message(self, delivery: Delivery, team: Text, event: Mapping[str, Any]) -> None:
        direct = event.get("channel_type") == "im"
        content = {
            "user": str(event["user"]),
            "channel": str(event["channel"]),
            "direct": direct,
            "thread": event.get("thread_ts") or (None if direct else event["ts"]),
            # A mention and nothing else is a greeting; a picture and nothing else can't be read.
            "text": plain(event.get("text") or "") or ("" if event.get("files") else GREETING),
        }
        # One message may come as two events; its time is its id in its channel.
        delivery.accept(event_id("message", team, event["channel"], event["ts"]), _talk_of(team, content), content)

    def _take_press(self, delivery: Delivery, payload: Mapping[str, Any]) -> None:
        if payload.get("type") != "block_actions":
            return
        action, user, team = payload["actions"][0], str(payload["user"]["id"]), str(payload["team"]["id"])
        if not isinstance(action.get("value"), str):
            return
        message, channel = payload.get("message") or {}, str((payload.get("channel") or {}).get("id", ""))
        lasting = bool(message.get("ts")) and not (payload.get("container") or {}).get("is_ephemeral")
        direct = not lasting or channel.startswith("D")
        content = {
            "user": user,
            "channel": (lasting and channel) or user,
            "direct": direct,
            "thread": message.get("thread_ts") or (None if direct else message["ts"]),
            "text": action["value"],
            "pressed": message if lasting else {},
        }
        if channel and not lasting:
            # Only this person saw the button, so only they see what it asks. The home page has no such address.
            content.update(thread=None, respond=payload["response_url"])
        # A button of a message is one question, however often it is pressed; one on the home page may be asked again.
        press = (message["ts"], action["value"]) if lasting else (user, action["action_ts"])
        delivery.accept(event_id("press", team, channel, *press), _talk_of(team, content), content)

    def _take_command(self, delivery: Delivery, form: Mapping[str, Text]) -> None:
        content = {
            "user": form["user_id"],
            "channel": form["user_id"],
            "direct": True,
            "text": plain(form.get("text", "")) or GREETING,
            "respond": form["response_url"],
        }
        delivery.accept(event_id("command", form["trigger_id"]), _talk_of(form["team_id"], content), content)

    async def answer(self, event: Event, talks: Talks) -> List[Call]:
        """The calls that answer an event, each where it belongs."""
        content = event.content or {}
        if "home" in content:
            return [_call("views.publish", user_id=content["home"], view=home())]
        text = content["text"]
        turn = await talks.turn(text, event.talk, event.id) if text else fixed(ONLY_WORDS)
        cleared = _without_buttons(content)
        asked = text if content.get("pressed") is not None and not is_urgent(turn) else ""
        messages = _slack_messages(turn, asked)
        if "respond" in content:
            return [_response(content, message) for message in messages]
        if content["direct"] or not is_personal(text, turn["reply"]["kind"]):
            return [*cleared, *(_call("chat.postMessage", **_where(content), **message) for message in messages)]
        return [*cleared, *_in_private(content, turn, messages)]

    def sorry(self, event: Event) -> List[Call]:
        """The message that says that it did not work."""
        content = event.content or {}
        if "home" in content:
            return []
        messages = slack_messages(failed())
        if "respond" in content:
            return [_response(content, message) for message in messages]
        return [_call("chat.postMessage", **_where(content), **message) for message in messages]

    async def send(self, call: Call) -> None:
        """Makes a call; where Slack does not like the form of a message, its words alone are sent."""
        try:
            await self._api.call(call["method"], call["arguments"])
        except WillNotSend as refused:
            if refused.reason in _REFUSED_FORM and "blocks" in call["arguments"] and call["method"] != "chat.update":
                # Something about its form is not to Slack's liking: the words alone must still arrive.
                bare = {name: value for name, value in call["arguments"].items() if name != "blocks"}
                await self._api.call(call["method"], bare)
            elif "instead" in call:
                await self._api.call(call["instead"]["method"], call["instead"]["arguments"])
            else:
                raise


def plain(text: Text) -> Text:
    """What a person typed: without mentions, links as they read, and Slack's three escaped characters as they are."""
    read = _LINK.sub(lambda link: link.group(1) or link.group(3) or link.group(2) or "", text)
    return read.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&").strip()


def home() -> Dict[Text, Any]:
    """The page that opens when someone clicks on the assistant: what it can be asked."""
    questions = [{"title": question, "payload": question} for question in HOME_QUESTIONS]
    return {
        "type": "home",
        "blocks": [
            {"type": "header", "text": {"type": "plain_text", "text": HOME_TITLE}},
            {"type": "section", "text": {"type": "mrkdwn", "text": HOME_WORDS}},
            *slack_buttons(questions),
            {"type": "section", "text": {"type": "mrkdwn", "text": mrkdwn(KEPT.format(how=HOW_TO_FORGET))}},
        ],
    }


def _call(method: Text, **arguments: Any) -> Call:
    return {"method": method, "arguments": arguments}


def _is_persons(event: Mapping[str, Any], body: Mapping[str, Any]) -> bool:
    own = [authorization.get("user_id") for authorization in body.get("authorizations") or []]
    by_bot = event.get("bot_id") or event.get("bot_profile") or event.get("user") in [*own, "USLACKBOT", None]
    return not by_bot and not event.get("hidden") and event.get("subtype") in WORDY


def _talk(team: Text, channel: Text, user: Text) -> Text:
    return f"slack:{team}:{channel}:{user}"


def _talk_of(team: Text, content: Mapping[str, Any]) -> Text:
    """What is answered in private belongs to the private talk, so that it can go on there."""
    private = content["direct"] or is_personal(content["text"], "")
    return _talk(team, DIRECT if private else content["channel"], content["user"])


def _where(content: Mapping[str, Any]) -> Dict[Text, Any]:
    thread = {"thread_ts": content["thread"]} if content.get("thread") else {}
    return {"channel": content["channel"], **thread, "unfurl_links": False, "unfurl_media": False}


def _slack_messages(turn: Dict[Text, Any], asked: Text) -> List[Dict[Text, Any]]:
    """The messages of a reply; what a button has asked stands above it, as the button is gone."""
    return slack_messages({**turn, "text": f"» {asked}\n\n{turn['text']}"} if asked else turn)


def _in_private(content: Mapping[str, Any], turn: Dict[Text, Any], messages: List[Dict[Text, Any]]) -> List[Call]:
    """A reply that others in the channel do not see."""
    seen_by_one = {"channel": content["channel"], "user": content["user"]}
    if content.get("thread"):
        seen_by_one["thread_ts"] = content["thread"]
    there = [_call("chat.postEphemeral", **seen_by_one, **message) for message in messages]
    direct = _where({"channel": content["user"]})
    sent = [{**_call("chat.postMessage", **direct, **message), "instead": instead} for message, instead in zip(messages, there)]
    if is_urgent(turn):
        return [*there, *sent]
    return [*sent, _call("chat.postEphemeral", **seen_by_one, text=mrkdwn_escaped(ANSWERED_DIRECTLY))]


def _response(content: Mapping[str, Any], message: Dict[Text, Any]) -> Call:
    shown = _call(RESPOND, url=content["respond"], response_type="ephemeral", replace_original=False, **message)
    # The address holds for half an hour.
    return {**shown, "instead": _call("chat.postMessage", **_where({"channel": content["user"]}), **message)}


def _without_buttons(content: Mapping[str, Any]) -> List[Call]:
    message = content.get("pressed") or {}
    if not message:
        return []
    blocks = [block for block in message.get("blocks") or [] if block.get("type") != "actions"]
    arguments = {"channel": content["channel"], "ts": message["ts"], "text": message.get("text", ""), "blocks": blocks}
    return [_call("chat.update", **arguments)]
