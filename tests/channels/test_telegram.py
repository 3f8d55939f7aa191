"""Telegram as its users and its servers meet it: the real assistant over real HTTP, and a stand-in for the Bot API."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import sqlite3
import time
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional

import pytest
import requests
from aiogram import Bot, types
from aiogram.bot.api import TelegramAPIServer
from aiogram.utils.exceptions import BadRequest, RetryAfter

from channels.chat import BUTTON_GONE, GOES_PRIVATE, ONLY_WORDS, TOO_LONG
from channels.telegram import SECRET_HEADER, UPDATES
from tests.channels.stand_ins.server import in_turn
from tests.channels.stand_ins.telegram import BOT, TOKEN, USERNAME, TelegramStandIn, moved, too_many, trouble
from tests.running import RunningAssistant, running_assistant, wait_until

SECRET = "a-secret-between-two"
ANSWER = "Dystonia is a movement disorder"
QUESTION = "What is dystonia?"
SETTINGS = {"DYSTONIA_TELEGRAM_TOKEN": TOKEN, "DYSTONIA_TELEGRAM_SECRET": SECRET}

counter = itertools.count(1)


class Telegram:
    """Telegram's side: people who write, and the server that hands their updates over."""

    def __init__(self, assistant: RunningAssistant, api: TelegramStandIn) -> None:
        self.assistant = assistant
        self.api = api

    def post(self, update: Any, secret: Optional[str] = SECRET) -> int:
        """Hands an update over; returns the status."""
        body = update if isinstance(update, bytes) else json.dumps(update).encode()
        headers = {SECRET_HEADER: secret} if secret is not None else {}
        return requests.post(
            f"{self.assistant.url}/webhooks/telegram/webhook", data=body, headers=headers, timeout=10
        ).status_code

    def say(self, person: "Person", text: str, replies: int = 1) -> str:
        """Someone writes in private; returns the last of so many replies."""
        before = len(self.api.texts(person.id))
        assert self.post(person.writes(text)) == 200
        wait_until(lambda: len(self.api.texts(person.id)) >= before + replies, 20, "the reply")
        return self.api.texts(person.id)[-1]

    def settle(self, person: "Person") -> List[str]:
        """All that someone has been told, once all before has been answered: events of a chat are answered in order."""
        marker = "Good morning!"
        told = self.api.texts(person.id)
        assert self.post(person.writes(marker)) == 200
        wait_until(lambda: any("Hello" in text for text in self.api.texts(person.id)[len(told) :]), 20, "the reply")
        return self.api.texts(person.id)[:-1]


class Person:
    """Someone on Telegram, whom no other test knows."""

    def __init__(self) -> None:
        self.id = 1000 + next(counter)

    def user(self) -> Dict[str, Any]:
        """As Telegram tells of a person."""
        return {"id": self.id, "is_bot": False, "first_name": "Ada"}

    def writes(self, text: Optional[str], group: Optional[int] = None, **more: Any) -> Dict[str, Any]:
        """The update when they write something, in private or in a group; a real client library knows its form."""
        chat = {"id": group, "type": "supergroup", "title": "Support"} if group else {"id": self.id, "type": "private"}
        message = {"message_id": next(counter) + 1_000_000, "date": int(time.time()), "chat": chat, "from": self.user(), **more}
        if text is not None:
            message["text"] = text
        update = {"update_id": next(counter), "message": message}
        assert types.Update(**update).message.message_id == message["message_id"]
        return update

    def presses(self, message: Dict[str, Any], row: int = 0, id_: str = "") -> Dict[str, Any]:
        """The update when they press a button of a message."""
        button = message["reply_markup"]["inline_keyboard"][row][0]
        callback = {
            "id": id_ or str(next(counter)),
            "from": self.user(),
            "message": json.loads(json.dumps(message)),
            "chat_instance": "1",
            "data": button["callback_data"],
        }
        update = {"update_id": next(counter), "callback_query": callback}
        assert types.Update(**update).callback_query.data == button["callback_data"]
        return update


@pytest.fixture(scope="module")
def api() -> Iterator[TelegramStandIn]:
    """Telegram's servers."""
    stand_in = TelegramStandIn()
    stand_in.open()
    yield stand_in
    stand_in.close()


@pytest.fixture(scope="module")
def running(model: Path, tmp_path_factory: pytest.TempPathFactory, api: TelegramStandIn) -> Iterator[RunningAssistant]:
    """An assistant with Telegram open."""
    settings = {**SETTINGS, "DYSTONIA_TELEGRAM_API_URL": api.url}
    with running_assistant(model, tmp_path_factory.mktemp("telegram"), **settings) as assistant:
        yield assistant


@pytest.fixture
def telegram(running: RunningAssistant, api: TelegramStandIn) -> Iterator[Telegram]:
    """Telegram in a good mood; afterwards nothing that was sent has broken a limit, and no traceback was logged."""
    api.mood = None
    api.refused.clear()
    yield Telegram(running, api)
    api.mood = None
    assert api.refused == []
    assert "Traceback" not in running.log()
    assert TOKEN not in running.log() and SECRET not in running.log()


@pytest.fixture
def person() -> Person:
    """Someone new."""
    return Person()


GROUP = -100500


def group() -> int:
    """A group that no other test knows."""
    return GROUP - next(counter)


# Private talks


def test_a_question_is_answered_with_its_source_and_next_questions(telegram: Telegram, person: Person) -> None:
    told = telegram.say(person, QUESTION)

    assert "Sources:" in told
    sent = telegram.api.calls("sendMessage")[-1]
    assert all(len(row) == 1 for row in sent["reply_markup"]["inline_keyboard"])


def test_it_is_the_answer_that_every_channel_gives(telegram: Telegram, person: Person) -> None:
    assert telegram.say(person, "What is blepharospasm?") == telegram.assistant.visitor().say("What is blepharospasm?").text


def test_the_talk_goes_on(telegram: Telegram, person: Person) -> None:
    telegram.say(person, "What is blepharospasm?")

    assert "blepharospasm" in telegram.say(person, "and how is it treated?").lower()


@pytest.mark.parametrize("saying", ["I can't breathe since my injection yesterday", "I want to kill myself"])
def test_a_safety_reply_begins_in_bold_and_holds_a_number(telegram: Telegram, person: Person, saying: str) -> None:
    told = telegram.say(person, saying)

    assert "112" in told or "988" in told
    assert telegram.api.calls("sendMessage")[-1]["text"].startswith("<b>")


def test_start_greets_and_says_what_is_kept(telegram: Telegram, person: Person) -> None:
    told = telegram.say(person, "/start")

    assert "ask me about dystonia" in told and "/forget" in told
    assert telegram.api.calls("sendMessage")[-1]["reply_markup"]["inline_keyboard"]


def test_help_says_what_it_can_do(telegram: Telegram, person: Person) -> None:
    assert "fact cards" in telegram.say(person, "/help")


def test_forget_deletes_the_talk_and_says_so(telegram: Telegram, person: Person) -> None:
    telegram.say(person, "Does Quellwater help with dystonia?")
    assert telegram.assistant.kept("SELECT 1 FROM events WHERE sender_id = ?", f"telegram:{person.id}")

    told = telegram.say(person, "/forget")

    assert "deleted" in told
    assert telegram.assistant.kept("SELECT 1 FROM events WHERE sender_id = ?", f"telegram:{person.id}") == []
    wait_until(lambda: telegram.assistant.files_holding("Quellwater") == [], 5, "the end of the words")
    assert "Quellwater" not in telegram.assistant.log()
    wait_until(lambda: telegram.assistant.files_holding(f"telegram:{person.id}") == [], 5, "the end of the talk's key")


def test_words_are_not_kept_twice_once_they_are_answered(telegram: Telegram, person: Person) -> None:
    telegram.say(person, "Does Brackwater help with dystonia?")

    wait_until(lambda: "telegram.db" not in telegram.assistant.files_holding("Brackwater"), 5, "the end of the words")


@pytest.mark.parametrize(
    "sent",
    [
        {"voice": {"file_id": "x", "file_unique_id": "y", "duration": 3}},
        {"photo": [{"file_id": "x", "file_unique_id": "y", "width": 1, "height": 1}]},
        {"sticker": {"file_id": "x", "file_unique_id": "y", "width": 1, "height": 1, "is_animated": False}},
    ],
    ids=lambda sent: next(iter(sent)),
)
def test_what_holds_no_words_gets_a_kind_sentence(telegram: Telegram, person: Person, sent: Dict[str, Any]) -> None:
    assert telegram.post(person.writes(None, **sent)) == 200

    wait_until(lambda: telegram.api.texts(person.id) == [ONLY_WORDS], 20, "the sentence")


def test_the_words_under_a_photo_are_read(telegram: Telegram, person: Person) -> None:
    photo = [{"file_id": "x", "file_unique_id": "y", "width": 1, "height": 1}]
    assert telegram.post(person.writes(None, photo=photo, caption=QUESTION)) == 200

    wait_until(lambda: any("Sources:" in text for text in telegram.api.texts(person.id)), 20, "the answer")


def test_what_is_too_long_is_answered_with_how_to_get_help(telegram: Telegram, person: Person) -> None:
    assert telegram.say(person, "pain " * 800) == TOO_LONG
    assert "112" in TOO_LONG


@pytest.mark.parametrize("text", ["/", "\u200b", "a\x00b", "\ud800"], ids=ascii)
def test_what_no_one_can_read_is_answered(telegram: Telegram, person: Person, text: str) -> None:
    assert telegram.say(person, text) == ONLY_WORDS


# Hole 1: each channel has its own keys. Holes 6 and 7: nothing in a message is a command, and nothing around it counts.


def test_no_caller_of_another_channel_reaches_the_talk(telegram: Telegram, person: Person) -> None:
    telegram.say(person, "What is blepharospasm?")

    for sender in (f"telegram:{person.id}", str(person.id)):
        assert telegram.assistant.say(sender, "and how is it treated?").reply["about"] != ["blepharospasm"]


@pytest.mark.parametrize("command", ["/restart", "// /restart", '/ask_cause{"about": "x"}', "/session_start", "/back"])
def test_no_command_of_rasa_gets_through(telegram: Telegram, person: Person, command: str) -> None:
    telegram.say(person, "What is blepharospasm?")
    telegram.say(person, command)

    parsed = [
        json.loads(data)
        for (data,) in telegram.assistant.kept(
            "SELECT data FROM events WHERE sender_id = ? AND type_name = 'user' ORDER BY id", f"telegram:{person.id}"
        )
    ]
    assert len(parsed) == 2
    assert not parsed[1]["text"].startswith("/")
    assert parsed[1]["parse_data"]["intent"]["name"] not in ("restart", "session_start", "back", "ask_cause")


def test_fields_around_a_message_do_not_count(telegram: Telegram, person: Person) -> None:
    update = person.writes(QUESTION)
    update["message"].update(metadata={"about": "x"}, input_channel="rest", sender_id="alice")
    assert telegram.post(update) == 200

    wait_until(lambda: len(telegram.api.texts(person.id)) == 1, 20, "the reply")
    assert telegram.assistant.kept("SELECT 1 FROM events WHERE sender_id = ?", "alice") == []


# Hole 3 and 4: size and rate.


def test_an_update_over_the_limit_is_refused(telegram: Telegram, person: Person) -> None:
    assert telegram.post(person.writes(QUESTION, padding="x" * 1_000_000)) == 413


def test_a_flood_is_not_answered_without_end(telegram: Telegram, person: Person) -> None:
    for _ in range(35):
        assert telegram.post(person.writes("Good morning!")) == 200

    wait_until(lambda: len(telegram.api.texts(person.id)) == 35, 60, "all replies")
    assert any("more than I can answer" in text for text in telegram.api.texts(person.id)[30:])


# Hole 11: who may post, what comes twice, what is odd.


@pytest.mark.parametrize("secret", [None, "", "wrong", SECRET + "x", SECRET[:-1], "é"], ids=ascii)
def test_only_who_knows_the_secret_may_post(telegram: Telegram, person: Person, secret: Optional[str]) -> None:
    if secret == "é":
        secret = secret.encode().decode("latin-1")

    assert telegram.post(person.writes(QUESTION), secret) == 403
    assert telegram.settle(person) == []


def test_the_webhook_can_not_be_set_from_outside(telegram: Telegram) -> None:
    for path in ("set_webhook", "get_webhook"):
        assert requests.get(f"{telegram.assistant.url}/webhooks/telegram/{path}", timeout=10).status_code == 404


def test_an_update_that_comes_again_is_answered_once(telegram: Telegram, person: Person) -> None:
    update = person.writes(QUESTION)

    assert [telegram.post(update) for _ in range(5)] == [200] * 5
    assert len(telegram.settle(person)) == 1


def test_an_edit_is_not_answered_again(telegram: Telegram, person: Person) -> None:
    update = person.writes(QUESTION)
    telegram.post(update)
    edited = {"update_id": next(counter), "edited_message": {**update["message"], "edit_date": 1, "text": "What is a tremor?"}}

    assert telegram.post(edited) == 200
    assert len(telegram.settle(person)) == 1


def test_it_asks_who_it_is_once_and_only_for_groups(telegram: Telegram, person: Person) -> None:
    for _ in range(3):
        telegram.say(person, "Good morning!")

    assert len(telegram.api.calls("getMe")) <= 1


ODD: List[Any] = [
    b"",
    b"{",
    b"[]",
    b"\xff",
    b"[" * 9000,
    {},
    {"update_id": 1},
    {"update_id": 1, "message": 5},
    {"update_id": 1, "message": {}},
    {"update_id": 1, "message": {"chat": {"id": "x", "type": "private"}, "from": {"id": 5}, "message_id": 1, "text": "a"}},
    {"update_id": 1, "message": {"chat": None, "from": {"id": 5}, "message_id": 1, "text": "a"}},
    {"update_id": 1, "message": {"chat": {"id": 5, "type": "private"}, "from": {"id": 5}, "text": "a"}},
    {"update_id": 1, "callback_query": {}},
    {"update_id": 1, "callback_query": {"id": "1"}},
    {"update_id": 1, "poll": {"id": "1"}},
    {"update_id": 1, "my_chat_member": {}},
]


@pytest.mark.parametrize("update", ODD, ids=lambda update: repr(update)[:60])
def test_an_odd_update_does_not_come_again_and_harms_nothing(telegram: Telegram, person: Person, update: Any) -> None:
    assert telegram.post(update) == 200
    assert telegram.say(person, "Good morning!")


def test_bots_and_news_of_a_group_are_not_answered(telegram: Telegram, person: Person) -> None:
    robot = person.writes(QUESTION)
    robot["message"]["from"]["is_bot"] = True

    assert telegram.post(robot) == 200
    assert telegram.post(person.writes(None, new_chat_members=[person.user()])) == 200
    assert telegram.settle(person) == []


# Buttons


def last_with_buttons(telegram: Telegram, chat: int) -> Dict[str, Any]:
    """The last message of a chat that still has its buttons."""
    return [m for m in telegram.api.messages.values() if m["chat"]["id"] == chat and m.get("reply_markup")][-1]


def test_a_pressed_button_is_acknowledged_asked_and_gone(telegram: Telegram, person: Person) -> None:
    telegram.say(person, "/start")
    message = last_with_buttons(telegram, person.id)
    asked = message["reply_markup"]["inline_keyboard"][0][0]["text"]

    assert telegram.post(person.presses(message, id_="press-1")) == 200
    wait_until(lambda: len(telegram.api.texts(person.id)) == 2, 20, "the answer")

    assert telegram.api.texts(person.id)[-1].startswith(f"» {asked}\n\n")
    assert {"callback_query_id": "press-1"} in telegram.api.calls("answerCallbackQuery")
    assert telegram.api.keyboard(message["message_id"]) == []


def test_a_button_pressed_twice_is_answered_once_and_acknowledged_twice(telegram: Telegram, person: Person) -> None:
    telegram.say(person, "/start")
    message = json.loads(json.dumps(last_with_buttons(telegram, person.id)))

    for id_ in ("first", "second", "second"):
        assert telegram.post(person.presses(message, id_=f"{id_}-{person.id}")) == 200

    assert len(telegram.settle(person)) == 2
    acknowledged = [call["callback_query_id"] for call in telegram.api.calls("answerCallbackQuery")]
    assert acknowledged.count(f"first-{person.id}") == acknowledged.count(f"second-{person.id}") == 1


def test_a_button_whose_message_is_gone_is_answered(telegram: Telegram, person: Person) -> None:
    telegram.say(person, "/start")
    update = person.presses(last_with_buttons(telegram, person.id))
    update["callback_query"]["message"] = {"chat": {"id": person.id, "type": "private"}, "message_id": 5, "date": 0}

    assert telegram.post(update) == 200
    assert telegram.settle(person)[-1] == BUTTON_GONE


def test_a_press_that_is_too_old_to_acknowledge_is_answered(telegram: Telegram, person: Person) -> None:
    telegram.say(person, "/start")

    assert telegram.post(person.presses(last_with_buttons(telegram, person.id), id_="old-1")) == 200
    assert "Sources:" in telegram.settle(person)[-1]
    assert [method for method, _ in telegram.api.refused] == ["answerCallbackQuery"]
    telegram.api.refused.clear()


# Groups


def test_in_a_group_only_who_speaks_to_it_is_answered(telegram: Telegram, person: Person) -> None:
    chat = group()
    spoken_to = [
        person.writes(f"@{USERNAME} {QUESTION}", chat),
        person.writes(f"{QUESTION} @{USERNAME.lower()}", chat),
        person.writes(f"/help@{USERNAME}", chat),
        person.writes(
            QUESTION,
            chat,
            reply_to_message={
                "message_id": 1,
                "date": 1,
                "chat": {"id": chat, "type": "supergroup"},
                "from": {"id": BOT, "is_bot": True, "first_name": "D"},
            },
        ),
    ]
    others = [
        person.writes(QUESTION, chat),
        person.writes("/help", chat),
        person.writes("/help@another_bot", chat),
        person.writes(f"@another_bot {QUESTION}", chat),
        person.writes(f"@{USERNAME}x {QUESTION}", chat),
    ]
    for update in [*others, *spoken_to]:
        assert telegram.post(update) == 200

    wait_until(lambda: len(telegram.api.texts(chat)) >= 4, 20, "the replies")
    assert len(telegram.api.texts(chat)) == 4
    answered = [call["reply_parameters"]["message_id"] for call in telegram.api.calls("sendMessage") if call["chat_id"] == chat]
    assert answered == [update["message"]["message_id"] for update in spoken_to]


def test_what_others_say_in_a_group_is_never_kept(telegram: Telegram, person: Person) -> None:
    assert telegram.post(person.writes("Springwater helps my neck", group())) == 200
    telegram.say(person, "Good morning!")

    assert telegram.assistant.files_holding("Springwater") == []


def test_its_name_alone_is_greeted_and_a_picture_with_its_name_can_not_be_read(telegram: Telegram, person: Person) -> None:
    chat, photo = group(), [{"file_id": "x", "file_unique_id": "y", "width": 1, "height": 1}]
    telegram.post(person.writes(f"@{USERNAME}", chat))
    telegram.post(person.writes(None, chat, photo=photo, caption=f"@{USERNAME}"))

    wait_until(lambda: len(telegram.api.texts(chat)) == 2, 20, "the replies")
    assert telegram.api.texts(chat)[0].startswith("Hello") and telegram.api.texts(chat)[1] == ONLY_WORDS


def test_who_leads_a_group_without_a_name_is_answered_and_the_posts_of_its_channel_are_not(telegram: Telegram) -> None:
    chat, telegrams_own = group(), Person()
    anonymous = {"id": 1087968824, "is_bot": True, "first_name": "Group", "username": "GroupAnonymousBot"}
    post = telegrams_own.writes(f"Ask @{USERNAME} about dystonia", chat, is_automatic_forward=True)
    asked = telegrams_own.writes(f"@{USERNAME} {QUESTION}", chat, sender_chat={"id": chat, "type": "supergroup", "title": "Us"})
    asked["message"]["from"] = anonymous
    for update in (post, asked):
        assert telegram.post(update) == 200

    wait_until(lambda: len(telegram.api.texts(chat)) == 1, 20, "the reply")
    answered = [call["reply_parameters"]["message_id"] for call in telegram.api.calls("sendMessage") if call["chat_id"] == chat]
    assert answered == [asked["message"]["message_id"]]


def test_what_a_group_says_to_someone_else_is_not_taken_in(telegram: Telegram, person: Person) -> None:
    def taken_in() -> int:
        with contextlib.closing(sqlite3.connect(telegram.assistant.data / "telegram.db", timeout=10)) as kept:
            return kept.execute("SELECT count(*) FROM events").fetchone()[0]

    chat = group()
    telegram.post(person.writes(f"@{USERNAME} {QUESTION}", chat))
    wait_until(lambda: len(telegram.api.texts(chat)) == 1, 20, "the reply, for which it has asked for its name")
    before = taken_in()

    for words in ("@ada does your neck hurt?", "write to me@example.org", "/help@another_bot"):
        assert telegram.post(person.writes(words, chat)) == 200

    assert taken_in() == before


@pytest.mark.parametrize("saying", ["My neck hurts, is that dystonia?", "Should I stop taking my baclofen?"])
def test_personal_talk_in_a_group_goes_to_a_private_chat(telegram: Telegram, person: Person, saying: str) -> None:
    chat = group()
    telegram.post(person.writes(f"@{USERNAME} {saying}", chat))

    wait_until(lambda: telegram.api.texts(chat) == [GOES_PRIVATE], 20, "the hint")
    sent = telegram.api.calls("sendMessage")[-1]
    assert sent["reply_markup"]["inline_keyboard"][0][0]["url"] == f"https://t.me/{USERNAME}?start=private"


def test_a_red_flag_in_a_group_gets_its_safety_reply_there(telegram: Telegram, person: Person) -> None:
    chat = group()
    telegram.post(person.writes(f"@{USERNAME} I want to kill myself", chat))

    wait_until(lambda: len(telegram.api.texts(chat)) == 1, 20, "the reply")
    told = telegram.api.texts(chat)[0]
    assert "112" in told and "in private" in told


def test_two_people_in_a_group_have_talks_of_their_own(telegram: Telegram) -> None:
    chat, one, other = group(), Person(), Person()
    telegram.post(one.writes(f"@{USERNAME} What is blepharospasm?", chat))
    wait_until(lambda: len(telegram.api.texts(chat)) == 1, 20, "the reply")

    telegram.post(other.writes(f"@{USERNAME} and how is it treated?", chat))
    wait_until(lambda: len(telegram.api.texts(chat)) == 2, 20, "the reply")

    assert "eye" not in telegram.api.texts(chat)[1]
    for who in (one, other):
        assert telegram.assistant.kept("SELECT 1 FROM events WHERE sender_id = ?", f"telegram:{chat}:{who.id}")


def test_a_group_that_has_moved_gets_its_reply_where_it_is_now(telegram: Telegram, person: Person) -> None:
    chat, now = group(), group()
    telegram.api.mood = lambda method, arguments: moved(now) if arguments.get("chat_id") == chat else None

    telegram.post(person.writes(f"@{USERNAME} {QUESTION}", chat))

    wait_until(lambda: len(telegram.api.texts(now)) == 1, 20, "the reply")


# Telegram's moods


def test_a_reply_waits_as_long_as_it_is_asked_to(telegram: Telegram, person: Person) -> None:
    telegram.api.mood = in_turn(too_many(1), too_many(1))
    began = time.monotonic()

    telegram.say(person, QUESTION)

    assert time.monotonic() - began >= 2
    assert len(telegram.settle(person)) == 1


def test_a_reply_outlasts_trouble(telegram: Telegram, person: Person) -> None:
    telegram.api.mood = in_turn(trouble(), trouble())

    telegram.say(person, QUESTION)

    assert len(telegram.settle(person)) == 1


def test_a_form_that_is_not_taken_leaves_the_words(telegram: Telegram, person: Person) -> None:
    def no_html(method: str, arguments: Dict[str, Any]) -> Any:
        return trouble_with_form if "parse_mode" in arguments else None

    trouble_with_form = moved(0)
    trouble_with_form.body.pop("parameters")
    telegram.api.mood = no_html

    assert "Sources:" in telegram.say(person, QUESTION)
    assert "parse_mode" not in telegram.api.calls("sendMessage")[-1]


def test_who_has_shut_it_out_holds_nobody_up(telegram: Telegram, person: Person) -> None:
    gone = Person()
    telegram.api.blocked.append(gone.id)

    assert telegram.post(gone.writes(QUESTION)) == 200
    assert telegram.say(person, "Good morning!")


def test_a_telegram_that_is_away_keeps_nothing_from_starting_and_loses_nothing(
    model: Path, tmp_path: Path, person: Person
) -> None:
    api = TelegramStandIn()
    api.open()
    api.close()
    settings = {**SETTINGS, "DYSTONIA_TELEGRAM_API_URL": api.url}

    with running_assistant(model, tmp_path, **settings) as assistant:
        telegram = Telegram(assistant, api)
        assert telegram.post(person.writes(QUESTION)) == 200
        assert assistant.alive()

        assistant.rasa.stop()
        assistant.rasa.start()
        assert telegram.post(person.writes("Good morning!")) == 200
        api.open()
        try:
            wait_until(lambda: len(api.texts(person.id)) >= 2, 30, "both replies")
            assert ["Sources:" in text for text in api.texts(person.id)] == [True, False]
            assert len(telegram.settle(person)) == 2
        finally:
            api.close()
        assert TOKEN not in assistant.log() and "Traceback" not in assistant.log()


# Without its secrets it is closed; half of them are named.


def test_it_is_closed_until_it_is_configured(assistant: RunningAssistant) -> None:
    assert requests.post(f"{assistant.url}/webhooks/telegram/webhook", data=b"{}", timeout=10).status_code == 404


# The stand-in says what the real one says: a real client library talks to it.


def test_a_real_client_library_understands_the_stand_in() -> None:
    stand_in = TelegramStandIn()
    stand_in.open()

    async def talk() -> None:
        bot = Bot(TOKEN, server=TelegramAPIServer.from_base(stand_in.url))
        try:
            assert (await bot.get_me()).username == USERNAME
            keyboard = types.InlineKeyboardMarkup().add(types.InlineKeyboardButton("More", callback_data="more"))
            sent = await bot.send_message(5, "<b>Hello</b>", parse_mode="HTML", reply_markup=keyboard)
            assert (sent.text, sent.reply_markup.inline_keyboard[0][0].callback_data) == ("Hello", "more")
            await bot.edit_message_reply_markup(5, sent.message_id)
            assert await bot.answer_callback_query("1")
            for wrong in ("x" * 4097, "", "<blink>a</blink>", "<b>a", "a & b"):
                with pytest.raises(BadRequest):
                    await bot.send_message(5, wrong, parse_mode="HTML")
            with pytest.raises(BadRequest):
                long = types.InlineKeyboardMarkup().add(types.InlineKeyboardButton("More", callback_data="x" * 65))
                await bot.send_message(5, "Hello", reply_markup=long)
            stand_in.mood = in_turn(too_many(3))
            with pytest.raises(RetryAfter) as asked:
                await bot.send_message(5, "Hello")
            assert asked.value.timeout == 3
            stand_in.updates = [Person().writes("Hello")]
            assert (await bot.get_updates())[0].message.text == "Hello"
            assert await bot.set_webhook("https://example.org/hook", allowed_updates=list(UPDATES))
            assert (await bot.get_webhook_info()).url == "https://example.org/hook"
        finally:
            await bot.session.close()

    try:
        asyncio.run(talk())
    finally:
        stand_in.close()
