"""Slack as its users and its servers meet it: the real assistant over real HTTP, and a stand-in for the Web API."""

from __future__ import annotations

import itertools
import json
import time
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional
from urllib.parse import urlencode

import pytest
import requests
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.signature import SignatureVerifier

from channels.chat import ONLY_WORDS
from channels.slack import ANSWERED_DIRECTLY, HOME_QUESTIONS
from tests.channels.stand_ins.server import in_turn
from tests.channels.stand_ins.slack import BOT, TEAM, TOKEN, SlackStandIn, buttons, shown, too_many, trouble
from tests.running import RunningAssistant, running_assistant, wait_until

SECRET = "0123456789abcdef0123456789abcdef"
QUESTION = "What is dystonia?"
SETTINGS = {"DYSTONIA_SLACK_TOKEN": TOKEN, "DYSTONIA_SLACK_SECRET": SECRET}
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"

counter = itertools.count(1)


class Slack:
    """Slack's side: people who write, and the server that hands their events over, signed by Slack's own library."""

    def __init__(self, assistant: RunningAssistant, api: SlackStandIn) -> None:
        self.assistant = assistant
        self.api = api

    def post(self, body: Any, kind: str = JSON, age: float = 0, secret: str = SECRET, **headers: str) -> requests.Response:
        """Hands something over, signed so many seconds ago."""
        raw = body if isinstance(body, bytes) else (json.dumps(body) if kind.startswith(JSON) else urlencode(body)).encode()
        at = str(int(time.time() - age))
        signature = SignatureVerifier(secret).generate_signature(timestamp=at, body=raw) or ""
        signed = {"Content-Type": kind, "X-Slack-Request-Timestamp": at, "X-Slack-Signature": signature, **headers}
        return requests.post(f"{self.assistant.url}/webhooks/slack/webhook", data=raw, headers=signed, timeout=10)

    def say(self, person: "Person", text: str) -> str:
        """Someone writes a direct message; returns the reply."""
        before = len(self.api.texts(person.direct))
        assert self.post(person.writes(text)).status_code == 200
        wait_until(lambda: len(self.api.texts(person.direct)) > before, 20, "the reply")
        return self.api.texts(person.direct)[-1]

    def settle(self, person: "Person") -> List[str]:
        """All that someone was told in direct messages, once all before was answered."""
        told = len(self.api.texts(person.direct))
        assert self.post(person.writes("Good morning!")).status_code == 200
        wait_until(lambda: any("Hello" in text for text in self.api.texts(person.direct)[told:]), 20, "the reply")
        return self.api.texts(person.direct)[:-1]

    def presses(self, person: "Person", message: Dict[str, Any]) -> requests.Response:
        """Someone presses the first button of a message."""
        action = {**buttons(message)[0], "action_ts": f"{next(counter)}.5"}
        shown_in = {
            "channel": {"id": message["channel"]},
            "container": {"type": "message", "message_ts": message["ts"], "is_ephemeral": False},
            "message": {name: value for name, value in message.items() if name in ("ts", "thread_ts", "text", "blocks")},
        }
        return self.acts(person, action, **shown_in)

    def acts(self, person: "Person", action: Dict[str, Any], **where: Any) -> requests.Response:
        """What Slack posts when someone presses a button."""
        payload = {"type": "block_actions", "team": {"id": TEAM}, "user": {"id": person.id}, "actions": [action], **where}
        return self.post({"payload": json.dumps(payload)}, FORM)

    def command(self, person: "Person", text: str) -> str:
        """Someone gives the slash command in a channel; returns the path that takes the response."""
        path = f"/respond/{next(counter)}"
        form = {
            "command": "/dystonia",
            "text": text,
            "team_id": TEAM,
            "channel_id": "C1",
            "user_id": person.id,
            "trigger_id": str(next(counter)),
            "response_url": self.api.url + path,
        }
        answer = self.post(form, FORM)
        assert (answer.status_code, answer.content) == (200, b"")
        return path


class Person:
    """Someone on Slack, whom no other test knows."""

    def __init__(self) -> None:
        number = next(counter)
        self.id = f"U{number}"
        self.direct = f"D{number}"

    def writes(self, text: Optional[str], channel: str = "", **more: Any) -> Dict[str, Any]:
        """The event when they write a direct message, or mention the assistant in a channel."""
        where = (
            {"type": "app_mention", "channel": channel}
            if channel
            else {"type": "message", "channel_type": "im", "channel": self.direct}
        )
        event = {**where, "user": self.id, "ts": f"{next(counter)}.000100", **more}
        if text is not None:
            event["text"] = f"<@{BOT}> {text}" if channel else text
        return {
            "type": "event_callback",
            "team_id": TEAM,
            "event_id": f"Ev{next(counter)}",
            "event": event,
            "authorizations": [{"user_id": BOT, "is_bot": True}],
        }


@pytest.fixture(scope="module")
def api() -> Iterator[SlackStandIn]:
    """Slack's servers."""
    stand_in = SlackStandIn()
    stand_in.open()
    yield stand_in
    stand_in.close()


@pytest.fixture(scope="module")
def running(model: Path, tmp_path_factory: pytest.TempPathFactory, api: SlackStandIn) -> Iterator[RunningAssistant]:
    """An assistant with Slack open."""
    settings = {**SETTINGS, "DYSTONIA_SLACK_API_URL": f"{api.url}/api/"}
    with running_assistant(model, tmp_path_factory.mktemp("slack"), **settings) as assistant:
        yield assistant


@pytest.fixture
def slack(running: RunningAssistant, api: SlackStandIn) -> Iterator[Slack]:
    """Slack in a good mood; afterwards nothing that was sent has broken a limit, and no traceback was logged."""
    api.mood = None
    api.refused.clear()
    yield Slack(running, api)
    api.mood = None
    assert api.refused == []
    assert "Traceback" not in running.log()
    assert TOKEN not in running.log() and SECRET not in running.log()


@pytest.fixture
def person() -> Person:
    """Someone new."""
    return Person()


def channel() -> str:
    """A channel that no other test knows."""
    return f"C{next(counter)}"


def ephemeral(slack: Slack, person: Person) -> List[str]:
    """What only this person saw in channels."""
    return [shown(sent) for sent in slack.api.calls("chat.postEphemeral") if sent["user"] == person.id]


# Who may post


def test_slack_can_check_the_address(slack: Slack) -> None:
    assert slack.post({"type": "url_verification", "challenge": "abc"}).json() == {"challenge": "abc"}


@pytest.mark.parametrize("age", [301, -301])
def test_a_signature_holds_for_five_minutes(slack: Slack, person: Person, age: float) -> None:
    assert slack.post(person.writes(QUESTION), age=age).status_code == 401
    assert slack.settle(person) == []


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Slack-Signature": "v0=" + "0" * 64},
        {"X-Slack-Signature": ""},
        {"X-Slack-Signature": "v0=\xe9"},
        {"X-Slack-Request-Timestamp": "soon"},
        {"X-Slack-Request-Timestamp": "9" * 400},
        {"X-Slack-Request-Timestamp": ""},
    ],
    ids=ascii,
)
def test_only_slack_may_post(slack: Slack, person: Person, headers: Dict[str, str]) -> None:
    assert slack.post(person.writes(QUESTION), **headers).status_code == 401
    assert slack.settle(person) == []


def test_another_apps_secret_is_refused(slack: Slack, person: Person) -> None:
    assert slack.post(person.writes(QUESTION), secret="f" * 32).status_code == 401


# Direct messages


def test_a_question_is_answered_with_its_source_and_next_questions(slack: Slack, person: Person) -> None:
    assert "Sources:" in slack.say(person, QUESTION)

    assert 1 <= len(buttons(slack.api.calls("chat.postMessage")[-1])) <= 25


def test_it_is_the_answer_that_every_channel_gives(slack: Slack, person: Person) -> None:
    assert slack.say(person, "What is blepharospasm?") == slack.assistant.visitor().say("What is blepharospasm?").text


def test_the_talk_goes_on(slack: Slack, person: Person) -> None:
    slack.say(person, "What is blepharospasm?")

    assert "blepharospasm" in slack.say(person, "and how is it treated?").lower()


@pytest.mark.parametrize("saying", ["I can't breathe since my injection yesterday", "I want to kill myself"])
def test_a_safety_reply_holds_a_number_in_the_notification_too(slack: Slack, person: Person, saying: str) -> None:
    told = slack.say(person, saying)

    assert "112" in told or "988" in told
    assert told.replace("*", "") == slack.api.calls("chat.postMessage")[-1]["text"].replace("\u2060", "")


def test_forget_me_deletes_the_talk_and_says_so(slack: Slack, person: Person) -> None:
    slack.say(person, "Does Quellwater help with dystonia?")
    key = f"slack:{TEAM}:direct:{person.id}"
    assert slack.assistant.kept("SELECT 1 FROM events WHERE sender_id = ?", key)

    assert "deleted" in slack.say(person, "forget me")

    assert slack.assistant.kept("SELECT 1 FROM events WHERE sender_id = ?", key) == []
    wait_until(lambda: slack.assistant.files_holding("Quellwater") == [], 5, "the end of the words")
    assert "Quellwater" not in slack.assistant.log()
    wait_until(lambda: slack.assistant.files_holding(key) == [], 5, "the end of the talk's key")


@pytest.mark.parametrize("kind", [JSON, f"{JSON}; charset=utf-8", "application/JSON;charset=UTF-8"])
def test_json_is_read_however_it_is_announced(slack: Slack, person: Person, kind: str) -> None:
    assert slack.post(json.dumps(person.writes(QUESTION)).encode(), kind).status_code == 200
    assert len(slack.settle(person)) == 1


def test_slacks_escapes_are_read_as_what_was_typed(slack: Slack, person: Person) -> None:
    slack.say(person, "is &lt;dystonia&gt; &amp; tremor the same, see <https://example.org/x|example.org>")

    kept = slack.assistant.kept(
        "SELECT data FROM events WHERE sender_id = ? AND type_name = 'user'", f"slack:{TEAM}:direct:{person.id}"
    )
    assert json.loads(kept[0][0])["text"].startswith("is <dystonia> & tremor the same, see ")


def test_a_file_without_words_gets_a_kind_sentence(slack: Slack, person: Person) -> None:
    assert slack.post(person.writes("", subtype="file_share", files=[{"id": "F1"}])).status_code == 200

    assert slack.settle(person) == [ONLY_WORDS]


# Hole 10: what comes twice, and what is no question.


@pytest.mark.parametrize("reason", ["http_timeout", "http_error", "connection_failed"])
def test_an_event_that_comes_again_is_answered_once(slack: Slack, person: Person, reason: str) -> None:
    event = person.writes(QUESTION)
    assert slack.post(event).status_code == 200
    for number in ("1", "2", "3"):
        assert slack.post(event, **{"X-Slack-Retry-Num": number, "X-Slack-Retry-Reason": reason}).status_code == 200

    assert len(slack.settle(person)) == 1


def test_a_message_that_comes_as_two_events_is_answered_once(slack: Slack, person: Person) -> None:
    one = person.writes(QUESTION)
    other = {**one, "event_id": "Ev-other", "event": {**one["event"], "type": "app_mention"}}
    slack.post(one)
    slack.post(other)

    assert len(slack.settle(person)) == 1


@pytest.mark.parametrize(
    "more",
    [
        {"subtype": "message_changed", "message": {"text": QUESTION, "user": "U1"}, "hidden": True},
        {"subtype": "message_deleted", "hidden": True},
        {"subtype": "channel_join"},
        {"subtype": "channel_topic"},
        {"subtype": "bot_message", "bot_id": "B1"},
        {"bot_id": "B1"},
        {"user": BOT},
        {"user": "USLACKBOT"},
    ],
    ids=lambda more: json.dumps(more)[:40],
)
def test_edits_joins_and_bots_are_not_answered(slack: Slack, person: Person, more: Dict[str, Any]) -> None:
    assert slack.post(person.writes(QUESTION, **more)).status_code == 200
    assert slack.settle(person) == []


ODD: List[Any] = [
    b"",
    b"{",
    b"[]",
    b"[" * 9000,
    {},
    {"type": "url_verification"},
    {"type": "event_callback"},
    {"type": "event_callback", "team_id": "T1", "event": 5},
    {"type": "event_callback", "team_id": "T1", "event": {"type": "message", "channel_type": "im", "user": "U1"}},
    {"type": "event_callback", "team_id": "T1", "event": {"type": "reaction_added"}},
    {"type": "event_callback", "team_id": "T1", "event_id": "E", "event": {"type": "app_home_opened", "tab": "home"}},
]


@pytest.mark.parametrize("body", ODD, ids=lambda body: repr(body)[:60])
def test_an_odd_event_does_not_come_again_and_harms_nothing(slack: Slack, person: Person, body: Any) -> None:
    assert slack.post(body).status_code == 200
    assert slack.say(person, "Good morning!")


@pytest.mark.parametrize(
    "form", [{}, {"payload": "{"}, {"payload": "{}"}, {"payload": '{"type": "block_actions"}'}, {"ssl_check": "1"}]
)
def test_an_odd_form_harms_nothing(slack: Slack, person: Person, form: Dict[str, str]) -> None:
    assert slack.post(form, FORM).status_code == 200
    assert slack.say(person, "Good morning!")


def test_a_body_that_is_no_text_is_not_signed(slack: Slack) -> None:
    answer = requests.post(f"{slack.assistant.url}/webhooks/slack/webhook", data=b"\xff\xfe", timeout=10)

    assert answer.status_code == 401


# Holes 1, 3, 6, 7


def test_no_caller_of_another_channel_reaches_the_talk(slack: Slack, person: Person) -> None:
    slack.say(person, "What is blepharospasm?")

    for sender in (f"slack:{TEAM}:direct:{person.id}", person.id):
        assert slack.assistant.say(sender, "and how is it treated?").reply["about"] != ["blepharospasm"]


def test_a_user_of_the_same_id_in_another_team_has_another_talk(slack: Slack, person: Person) -> None:
    slack.say(person, "What is blepharospasm?")
    slack.post({**person.writes("and how is it treated?"), "team_id": "T2"})

    wait_until(lambda: len(slack.api.texts(person.direct)) == 2, 20, "the reply")
    assert "eye" not in slack.api.texts(person.direct)[1]


def test_an_event_over_the_limit_is_refused(slack: Slack, person: Person) -> None:
    assert slack.post(person.writes(QUESTION, padding="x" * 1_000_000)).status_code == 413


@pytest.mark.parametrize("command", ["/restart", "// /restart", '/ask_cause{"about": "x"}', "/session_start"])
def test_no_command_of_rasa_gets_through(slack: Slack, person: Person, command: str) -> None:
    slack.say(person, command)

    kept = slack.assistant.kept(
        "SELECT data FROM events WHERE sender_id = ? AND type_name = 'user'", f"slack:{TEAM}:direct:{person.id}"
    )
    assert json.loads(kept[0][0])["text"] == command.lstrip("/ ")


# Channels


def test_a_mention_is_answered_in_the_thread(slack: Slack, person: Person) -> None:
    where = channel()
    event = person.writes(QUESTION, where)
    slack.post(event)
    slack.post(person.writes(QUESTION, where, thread_ts="5.5"))

    wait_until(lambda: len(slack.api.texts(where)) == 2, 20, "the replies")
    threads = [sent["thread_ts"] for sent in slack.api.calls("chat.postMessage") if sent["channel"] == where]
    assert threads == [event["event"]["ts"], "5.5"]


def test_a_mention_alone_is_greeted(slack: Slack, person: Person) -> None:
    where = channel()
    slack.post(person.writes("", where))

    wait_until(lambda: len(slack.api.texts(where)) == 1, 20, "the greeting")
    assert slack.api.texts(where)[0].startswith("Hello")


@pytest.mark.parametrize("saying", ["My neck hurts, is that dystonia?", "Should I stop taking my baclofen?"])
def test_personal_talk_in_a_channel_is_answered_in_a_direct_message(slack: Slack, person: Person, saying: str) -> None:
    where = channel()
    slack.post(person.writes(saying, where))

    wait_until(lambda: ephemeral(slack, person) == [ANSWERED_DIRECTLY], 20, "the line")
    assert len(slack.api.texts(person.id)) == 1
    assert slack.api.texts(where) == []


def test_a_private_talk_that_began_in_a_channel_goes_on(slack: Slack, person: Person) -> None:
    slack.post(person.writes("My doctor says blepharospasm, what is it?", channel()))
    wait_until(lambda: len(slack.api.texts(person.id)) == 1, 20, "the reply")

    assert "blepharospasm" in slack.say(person, "and how is it treated?").lower()


def test_a_red_flag_in_a_channel_is_answered_there_unseen_and_directly(slack: Slack, person: Person) -> None:
    where = channel()
    slack.post(person.writes("I want to kill myself", where))

    wait_until(lambda: len(slack.api.texts(person.id)) == 1, 20, "the reply")
    assert ephemeral(slack, person) == slack.api.texts(person.id)
    assert "112" in slack.api.texts(person.id)[0]
    assert slack.api.texts(where) == []


def test_where_it_can_not_write_directly_it_answers_unseen(slack: Slack, person: Person) -> None:
    slack.api.away.append(person.id)
    slack.post(person.writes("My neck hurts, is that dystonia?", channel()))

    wait_until(lambda: len(ephemeral(slack, person)) == 2, 20, "the reply")
    assert slack.api.refused == [("chat.postMessage", "not_in_channel")]
    slack.api.refused.clear()


# Buttons, the home page, the slash command


def pressable(slack: Slack, where: str) -> Dict[str, Any]:
    """The last message in a channel that has buttons."""
    return [m for m in slack.api.messages.values() if m["channel"] == where and buttons(m)][-1]


def test_a_pressed_button_is_asked_and_gone(slack: Slack, person: Person) -> None:
    slack.say(person, "Hello")
    message = pressable(slack, person.direct)
    asked = buttons(message)[0]["value"]

    assert slack.presses(person, message).status_code == 200

    told = slack.settle(person)[-1]
    assert told.startswith(f"» {asked}\n\n") and "Sources:" in told
    assert buttons(slack.api.messages[message["ts"]]) == []
    assert shown(slack.api.messages[message["ts"]]).startswith("Hello")


def test_a_button_pressed_twice_is_answered_once(slack: Slack, person: Person) -> None:
    slack.say(person, "Hello")
    message = dict(pressable(slack, person.direct))
    for _ in range(3):
        slack.presses(person, message)

    assert len(slack.settle(person)) == 2


def test_a_press_in_a_thread_is_answered_in_the_thread(slack: Slack, person: Person) -> None:
    where = channel()
    slack.post(person.writes("hello", where, thread_ts="7.7"))
    wait_until(lambda: len(slack.api.texts(where)) == 1, 20, "the reply")

    slack.presses(person, pressable(slack, where))

    wait_until(lambda: len(slack.api.texts(where)) == 2, 20, "the answer")
    assert slack.api.calls("chat.postMessage")[-1]["thread_ts"] == "7.7"


def test_the_home_page_shows_the_topics_and_each_can_be_asked_again(slack: Slack, person: Person) -> None:
    opened = {
        **person.writes(None),
        "event": {"type": "app_home_opened", "user": person.id, "tab": "home", "channel": person.direct},
    }
    slack.post(opened)
    wait_until(lambda: person.id in [call["user_id"] for call in slack.api.calls("views.publish")], 20, "the page")
    view = [call["view"] for call in slack.api.calls("views.publish") if call["user_id"] == person.id][0]
    assert [button["value"] for button in buttons(view)] == list(HOME_QUESTIONS)

    for _ in range(2):
        pressed = {**buttons(view)[0], "action_ts": f"{next(counter)}.5"}
        slack.acts(person, pressed, container={"type": "view", "view_id": "V1"})

    wait_until(lambda: len(slack.api.texts(person.id)) == 2, 20, "both answers")
    assert all(text.startswith(f"» {HOME_QUESTIONS[0]}") for text in slack.api.texts(person.id))


def responses(slack: Slack, path: str) -> List[Dict[str, Any]]:
    """What was posted to the address that came with a slash command or a button."""
    return [call for call in slack.api.calls("respond") if call["at"] == path]


def test_the_slash_command_is_answered_unseen_by_others(slack: Slack, person: Person) -> None:
    path = slack.command(person, QUESTION)

    wait_until(lambda: responses(slack, path), 20, "the answer")
    answer = responses(slack, path)[0]
    assert answer["response_type"] == "ephemeral" and "Sources:" in shown(answer)


def test_a_button_that_only_one_person_sees_is_answered_unseen_by_others(slack: Slack, person: Person) -> None:
    path = slack.command(person, QUESTION)
    wait_until(lambda: responses(slack, path), 20, "the answer")
    button, where = buttons(responses(slack, path)[0])[0], channel()

    # Slack names the channel, but the message is in nobody else's sight.
    unseen = {"container": {"type": "message", "message_ts": "9.9", "is_ephemeral": True, "channel_id": where}}
    again = f"/respond/{next(counter)}"
    pressed = {**button, "action_ts": f"{next(counter)}.5"}
    slack.acts(person, pressed, channel={"id": where}, response_url=slack.api.url + again, **unseen)

    wait_until(lambda: responses(slack, again), 20, "the answer to the button")
    answer = responses(slack, again)[0]
    assert answer["response_type"] == "ephemeral" and shown(answer).startswith(f"» {button['value']}")
    assert slack.api.texts(where) == []


def test_the_slash_command_alone_greets(slack: Slack, person: Person) -> None:
    path = slack.command(person, "")

    wait_until(lambda: responses(slack, path), 20, "the answer")


def test_a_slash_command_whose_address_has_expired_is_answered_directly(slack: Slack, person: Person) -> None:
    slack.api.expired = True
    slack.command(person, QUESTION)

    wait_until(lambda: len(slack.api.texts(person.id)) == 1, 20, "the answer")
    assert slack.api.calls("chat.postMessage")[-1]["unfurl_links"] is False, "a source is no picture in somebody's talk"
    assert slack.api.refused == [("respond", "expired_url")]
    slack.api.refused.clear()
    slack.api.expired = False


# Slack's moods


def test_a_reply_waits_as_long_as_it_is_asked_to(slack: Slack, person: Person) -> None:
    slack.api.mood = in_turn(too_many(1), too_many(1))
    began = time.monotonic()

    slack.say(person, QUESTION)

    assert time.monotonic() - began >= 2
    assert len(slack.settle(person)) == 1


def test_a_reply_outlasts_trouble(slack: Slack, person: Person) -> None:
    slack.api.mood = in_turn(trouble(), trouble())

    slack.say(person, QUESTION)

    assert len(slack.settle(person)) == 1


def test_a_slack_that_is_away_keeps_nothing_from_starting_and_loses_nothing(
    model: Path, tmp_path: Path, person: Person
) -> None:
    api = SlackStandIn()
    api.open()
    api.close()
    settings = {**SETTINGS, "DYSTONIA_SLACK_API_URL": f"{api.url}/api"}

    with running_assistant(model, tmp_path, **settings) as assistant:
        slack = Slack(assistant, api)
        assert slack.post(person.writes(QUESTION)).status_code == 200
        assert assistant.alive()

        assistant.rasa.stop()
        assistant.rasa.start()
        assert slack.post(person.writes("Good morning!")).status_code == 200
        api.open()
        try:
            wait_until(lambda: len(api.texts(person.direct)) >= 2, 30, "both replies")
            assert ["Sources:" in text for text in api.texts(person.direct)] == [True, False]
            assert len(slack.settle(person)) == 2
        finally:
            api.close()
        assert TOKEN not in assistant.log() and "Traceback" not in assistant.log()


# Configuration


def test_it_is_closed_until_it_is_configured(assistant: RunningAssistant) -> None:
    assert requests.post(f"{assistant.url}/webhooks/slack/webhook", data=b"{}", timeout=10).status_code == 404


# The stand-in says what the real one says: Slack's own library talks to it.


def test_slacks_own_library_understands_the_stand_in() -> None:
    stand_in = SlackStandIn()
    stand_in.open()
    try:
        client = WebClient(TOKEN, base_url=f"{stand_in.url}/api/", retry_handlers=[])
        posted = client.chat_postMessage(channel="C1", text="Hello")
        assert client.chat_update(channel="C1", ts=posted["ts"], text="Hello again")["ok"]
        section = {"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3001}}
        for wrong, code in (
            ({"text": ""}, "no_text"),
            ({"text": "a", "blocks": [section]}, "invalid_blocks"),
            ({"text": "a & b"}, "not_escaped"),
        ):
            with pytest.raises(SlackApiError, match=code):
                client.api_call("chat.postMessage", json={"channel": "C1", **wrong})
        stand_in.mood = in_turn(too_many(7))
        with pytest.raises(SlackApiError) as asked:
            client.chat_postMessage(channel="C1", text="Hello")
        assert asked.value.response.status_code == 429 and asked.value.response.headers["Retry-After"] == "7"
        with pytest.raises(SlackApiError, match="invalid_auth"):
            WebClient("xoxb-other", base_url=f"{stand_in.url}/api/").chat_postMessage(channel="C1", text="Hello")
    finally:
        stand_in.close()
