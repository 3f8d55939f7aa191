"""The widget's channel: one talk for each signed session, out of anyone else's reach, and the same words as over REST."""
from __future__ import annotations

import json
import re
import stat
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List

import jwt
import pytest
import requests

from channels.intake import MAX_CHARACTERS
from channels.sessions import ALGORITHM, AUDIENCE
from channels.widget import LONGEST_REASON, MESSAGES_A_MINUTE
from channels.widget_pages import FILES, sent
from dystonia.reply import FIRST_QUESTIONS
from tests.running import RunningAssistant, running_assistant
from tests.widget_client import SITE, WidgetClient

QUESTION = "What is blepharospasm?"
OWN_SITE = "https://friends.example"


@pytest.fixture
def visitor(assistant: RunningAssistant) -> WidgetClient:
    """Someone new."""
    return WidgetClient.opened(assistant)


@pytest.fixture(autouse=True)
def _well_afterwards(assistant: RunningAssistant) -> Iterator[None]:
    """Whatever was sent, no traceback is logged and the next visitor is answered."""
    yield
    assert assistant.alive()
    assert "Traceback" not in assistant.log()


def refused(answer: requests.Response, status: int) -> bool:
    """Whether something was refused with a reason, in plain JSON."""
    return answer.status_code == status and list(answer.json()) == ["error"] and answer.json()["error"].count(" ") >= 3


def pieces_of(answer: Dict[str, Any]) -> List[Any]:
    """The pieces of an answer, in order."""
    return [piece for block in answer["blocks"] for line in block["lines"] for piece in line]


# What is said.


@pytest.mark.parametrize(
    "message",
    [QUESTION, "How is it treated?", "I can't breathe since my injection", "Should I stop baclofen?", "Hello", "football?"],
)
def test_what_is_said_is_what_rest_says(assistant: RunningAssistant, visitor: WidgetClient, message: str) -> None:
    there = assistant.visitor().say(message)

    here = visitor.say(message)

    assert (here["text"], here["buttons"], here["reply"]) == (there.text, there.buttons, there.reply)


@pytest.mark.parametrize("message", [QUESTION, "I want to kill myself", "I can't swallow since my injection"])
def test_the_blocks_hold_the_words_of_the_text_and_no_others(visitor: WidgetClient, message: str) -> None:
    answer = visitor.say(message)

    words = " ".join(piece if isinstance(piece, str) else piece["text"] for piece in pieces_of(answer))
    assert re.sub(r"\W", "", words) == re.sub(r"\W", "", answer["text"])


def test_points_are_a_list(visitor: WidgetClient) -> None:
    answer = visitor.say(QUESTION)

    points = [line[2:] for line in answer["text"].split("\n") if line.startswith("• ")]
    assert points and [[point] for point in points] in [block["lines"] for block in answer["blocks"] if block["list"]]


def test_the_numbers_of_an_emergency_can_be_pressed(visitor: WidgetClient) -> None:
    visitor.say("I live in England")

    answer = visitor.say("I can't breathe since my injection")

    pressed = {piece["href"] for piece in pieces_of(answer) if isinstance(piece, dict)}
    assert answer["reply"]["kind"] == "emergency"
    assert {"tel:999", "tel:112", "sms:999"} <= pressed


def test_a_date_is_no_number_to_call(visitor: WidgetClient) -> None:
    answer = visitor.say("I can't breathe since my injection")

    assert "Numbers last checked" in answer["text"]
    pressed = {piece["href"] for piece in pieces_of(answer) if isinstance(piece, dict)}
    assert pressed and all(len(href.partition(":")[2]) == 3 for href in pressed), "emergency numbers of three figures"


def test_the_numbers_of_an_answer_are_plain_words(visitor: WidgetClient) -> None:
    answer = visitor.say(QUESTION)

    assert all(isinstance(piece, str) for piece in pieces_of(answer))


def test_a_talk_goes_on(visitor: WidgetClient) -> None:
    visitor.say(QUESTION)

    assert visitor.say("and how is it treated?")["reply"]["about"] == ["blepharospasm"]


def test_a_session_says_what_can_be_asked_first(visitor: WidgetClient) -> None:
    starters = visitor.send("POST", "session").json()["starters"]

    assert starters == [{"title": button.title, "payload": button.payload} for button in FIRST_QUESTIONS]
    assert visitor.say(starters[0]["payload"])["reply"]["kind"] == "answer"


# One message, one answer.


def test_a_message_sent_again_gets_the_same_answer_and_is_heard_once(visitor: WidgetClient) -> None:
    first = visitor.say(QUESTION, "the-same-id")

    again = visitor.say(QUESTION, "the-same-id")

    assert again == first
    assert [turn["id"] for turn in visitor.turns()] == ["the-same-id"]


def test_a_message_sent_twice_at_once_is_heard_once(visitor: WidgetClient) -> None:
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: visitor.say(QUESTION, "the-same-id"), range(4)))

    assert all(answer == answers[0] for answer in answers)
    assert len(visitor.turns()) == 1


def test_the_same_words_with_another_id_are_another_message(visitor: WidgetClient) -> None:
    visitor.say(QUESTION)
    visitor.say(QUESTION)

    assert len(visitor.turns()) == 2


def test_the_history_is_what_was_said(visitor: WidgetClient) -> None:
    answers = [visitor.say(message) for message in ("Hello", QUESTION, "shorter")]

    turns = visitor.turns()

    assert [turn["said"] for turn in turns] == ["Hello", QUESTION, "shorter"]
    assert [turn["answer"] for turn in turns] == answers


# Hole 1: nobody reaches another's talk.


def test_each_session_has_a_talk_of_its_own(assistant: RunningAssistant, visitor: WidgetClient) -> None:
    visitor.say(QUESTION)

    assert WidgetClient.opened(assistant).turns() == []


def test_a_rest_caller_cannot_take_a_talk_of_the_widget(assistant: RunningAssistant, visitor: WidgetClient) -> None:
    visitor.say(QUESTION)
    talk = jwt.decode(visitor.token, options={"verify_signature": False})["sub"]

    for sender in (talk, f"widget:{talk}"):
        assert assistant.say(sender, "say that again").reply["cards"] == []
    assert len(visitor.turns()) == 1


def test_ids_of_sessions_are_long_and_never_the_same(assistant: RunningAssistant) -> None:
    tokens = [WidgetClient.opened(assistant).token for _ in range(20)]

    ids = {jwt.decode(token, options={"verify_signature": False})["sub"] for token in tokens}
    assert len(ids) == 20 and all(len(one) == 32 for one in ids)


def claims(**changed: Any) -> Dict[str, Any]:
    """What a token says, with something changed; None leaves it out."""
    now = int(time.time())
    said = {"sub": "x" * 32, "aud": AUDIENCE, "iat": now, "exp": now + 60, **changed}
    return {name: value for name, value in said.items() if value is not None}


def signed(assistant: RunningAssistant, said: Dict[str, Any]) -> str:
    """A token as the assistant itself would sign it."""
    return jwt.encode(said, (assistant.data / "widget_secret").read_text(), ALGORITHM)


def swapped(token: str, other: str) -> str:
    """A token whose claims are those of another."""
    head, _, signature = token.split(".")
    return f"{head}.{other.split('.')[1]}.{signature}"


FORGED: Dict[str, Callable[[RunningAssistant, str], str]] = {
    "none": lambda assistant, token: "",
    "nonsense": lambda assistant, token: "x.y.z",
    "another's id": lambda assistant, token: swapped(token, jwt.encode(claims(), "k" * 32)),
    "a changed signature": lambda assistant, token: token[:-6] + ("AAAAAA" if token[-6:] != "AAAAAA" else "BBBBBB"),
    "no signature": lambda assistant, token: token.rpartition(".")[0] + ".",
    "algorithm none": lambda assistant, token: jwt.encode(claims(), None, "none"),
    "another secret": lambda assistant, token: jwt.encode(claims(), "k" * 64, ALGORITHM),
    "another algorithm": lambda assistant, token: jwt.encode(claims(), (assistant.data / "widget_secret").read_text(), "HS512"),
    "ended": lambda assistant, token: signed(assistant, claims(exp=int(time.time()) - 1)),
    "without an end": lambda assistant, token: signed(assistant, claims(exp=None)),
    "for another audience": lambda assistant, token: signed(assistant, claims(aud="another")),
    "without audience": lambda assistant, token: signed(assistant, claims(aud=None)),
    "an id of another form": lambda assistant, token: signed(assistant, claims(sub="rest:someone")),
    "a very long one": lambda assistant, token: "x" * 7000,
}


@pytest.mark.parametrize("forge", FORGED.values(), ids=list(FORGED))
@pytest.mark.parametrize("method, path", [("POST", "message"), ("GET", "history"), ("DELETE", "session"), ("POST", "feedback")])
def test_a_forged_token_opens_nothing(
    assistant: RunningAssistant, visitor: WidgetClient, forge: Callable[[RunningAssistant, str], str], method: str, path: str
) -> None:
    forger = WidgetClient(assistant.url, forge(assistant, visitor.token or ""))
    if (forge, method) == (FORGED["ended"], "DELETE"):
        return  # see below: a talk can be deleted for as long as it is kept

    assert refused(forger.send(method, path, {"id": uuid.uuid4().hex, "message": "Hello", "helpful": True}), 401)


def test_a_token_signed_here_is_taken_so_that_the_forged_ones_fail_for_their_faults(assistant: RunningAssistant) -> None:
    assert WidgetClient(assistant.url, signed(assistant, claims())).send("GET", "history").status_code == 200


def test_who_had_a_talk_can_delete_it_when_its_session_has_ended(assistant: RunningAssistant, visitor: WidgetClient) -> None:
    visitor.say(QUESTION)
    talk = jwt.decode(visitor.token or "", options={"verify_signature": False})["sub"]
    late = WidgetClient(assistant.url, signed(assistant, claims(sub=talk, exp=int(time.time()) - 1)))

    assert late.send("DELETE", "session").json()["deleted"] > 3
    assert refused(late.send("GET", "history"), 401)
    assert visitor.turns() == []


def test_without_a_token_nothing_is_said(assistant: RunningAssistant) -> None:
    assert refused(WidgetClient(assistant.url).send("POST", "message", {"message": "Hello"}), 401)


def test_the_secret_is_made_once_and_only_its_owner_reads_it(assistant: RunningAssistant) -> None:
    secret = assistant.data / "widget_secret"

    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    assert len(secret.read_text()) >= 32
    assert secret.read_text() not in assistant.log()


# Other sites.


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "null",
        "http://localhost.evil.example",
        "http://127.0.0.1.evil.example",
        "http://localhost:8000/",
        "http://192.168.0.7",
        "file://",
        "",
    ],
)
@pytest.mark.parametrize("method, path", [("POST", "session"), ("POST", "message"), ("GET", "history"), ("GET", "strings")])
def test_a_foreign_site_is_refused_and_gets_no_leave(visitor: WidgetClient, origin: str, method: str, path: str) -> None:
    answer = visitor.send(method, path, {"message": "Hello"}, Origin=origin)

    assert refused(answer, 403)
    assert not [name for name in answer.headers if name.startswith("Access-Control-")]


@pytest.mark.parametrize("origin", ["http://localhost:8000", "http://127.0.0.1", "https://localhost", "http://[::1]:5173"])
def test_pages_on_this_machine_are_let_in_while_no_site_is_listed(visitor: WidgetClient, origin: str) -> None:
    answer = visitor.send("GET", "history", Origin=origin)

    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (200, origin)
    assert "Access-Control-Allow-Credentials" not in answer.headers
    assert answer.headers["Vary"] == "Origin"


@pytest.mark.parametrize("path", ["session", "message", "history", "feedback", "strings"])
def test_a_browser_that_asks_first_is_told_what_it_may(visitor: WidgetClient, path: str) -> None:
    ours = visitor.send("OPTIONS", path, **{"Access-Control-Request-Method": "POST"})
    foreign = visitor.send("OPTIONS", path, Origin="https://evil.example", **{"Access-Control-Request-Method": "POST"})

    assert ours.headers["Access-Control-Allow-Origin"] == SITE
    assert "Authorization" in ours.headers["Access-Control-Allow-Headers"]
    assert not [name for name in foreign.headers if name.startswith("Access-Control-")]


# Holes 2 to 7: what is sent by mistake or to do harm.


@pytest.mark.parametrize(
    "body, status",
    [
        (b"", 400),
        (b"Hello", 400),
        (b"[]", 400),
        (b'{"message": "Hello\xff"}', 400),
        (b'{"message": "\\ud800"}', 400),
        (b'{"message": "Hello\\u0000"}', 400),
        (b'{"id": "\\ud800\\ud800\\ud800\\ud800\\ud800\\ud800\\ud800\\ud800", "message": "Hello"}', 400),
        (b'{"id": "short", "message": "Hello"}', 400),
        (b'{"id": 12345678, "message": "Hello"}', 400),
        (b'{"id": "with space or ;", "message": "Hello"}', 400),
        (b'{"message": ' + b"[" * 7000, 400),
        (b'{"message": 5}', 400),
        (b'{"message": ""}', 400),
        (b'{"message": "' + b"x" * (MAX_CHARACTERS + 1) + b'"}', 400),
        (b'{"message": "' + b"x" * 17_000 + b'"}', 413),
        (b'{"message": "' + b"x" * 1_000_000 + b'"}', 413),
    ],
    ids=lambda value: repr(value[:30]) if isinstance(value, bytes) else str(value),
)
def test_what_is_no_message_is_refused(visitor: WidgetClient, body: bytes, status: int) -> None:
    assert refused(visitor.send("POST", "message", body), status)


@pytest.mark.parametrize("command", ["/restart", "// /restart", '/ask_cause{"about": "x"}', "/session_start", "/back"])
def test_a_command_is_words(visitor: WidgetClient, command: str) -> None:
    visitor.say(QUESTION)

    visitor.say(command)

    assert len(visitor.turns()) == 2


def test_nothing_else_is_read_from_the_body(visitor: WidgetClient) -> None:
    more = {"sender": "rest:someone", "metadata": {"x": 1}, "input_channel": "rest", "session": "y"}

    visitor.send("POST", "message", {"id": uuid.uuid4().hex, "message": QUESTION, **more})

    assert [turn["said"] for turn in visitor.turns()] == [QUESTION]


def test_a_flood_is_told_when_to_come_back_and_others_are_served(assistant: RunningAssistant, visitor: WidgetClient) -> None:
    answers = [visitor.send("GET", "history") for _ in range(int(MESSAGES_A_MINUTE) + 20)]

    stopped = [answer for answer in answers if answer.status_code == 429]
    assert stopped and all(refused(answer, 429) and 0 < int(answer.headers["Retry-After"]) <= 60 for answer in stopped)
    assert WidgetClient.opened(assistant).say("Hello")["reply"]["kind"] == "smalltalk"


@pytest.mark.parametrize("path", ["", "message", "session", "nothing", "../rest/webhook", "history"])
@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH"])
def test_what_is_not_there_is_refused_in_plain_json(visitor: WidgetClient, method: str, path: str) -> None:
    if (method, path) == ("GET", "history"):
        return
    answer = visitor.send(method, path)

    assert answer.status_code in (404, 405) and list(answer.json()) == ["error"]


def test_health_talk_is_kept_in_no_cache_and_no_log(assistant: RunningAssistant, visitor: WidgetClient) -> None:
    answer = visitor.send("POST", "message", {"message": "My friend Quillfeather asks what dystonia is"})
    visitor.send("POST", "feedback", {"id": answer.json()["id"], "helpful": False, "reason": "Quillfeather knew that"})

    assert answer.headers["Cache-Control"] == "no-store"
    assert "Quillfeather" not in assistant.log()


# Forgetting, and what visitors say of answers.


def test_forgetting_leaves_no_trace_and_says_how_much_there_was(assistant: RunningAssistant, visitor: WidgetClient) -> None:
    answer = visitor.say("My friend Featherstonehaugh asks what dystonia is")
    visitor.send("POST", "feedback", {"id": answer["id"], "helpful": False, "reason": "Featherstonehaugh knew that"})
    talk = jwt.decode(visitor.token, options={"verify_signature": False})["sub"]
    assert assistant.files_holding("Featherstonehaugh") and assistant.files_holding(talk)

    receipt = visitor.send("DELETE", "session").json()

    assert receipt["deleted"] > 3 and abs(receipt["at"] - time.time()) < 60
    assert assistant.files_holding("Featherstonehaugh") == [] and assistant.files_holding(talk) == []
    assert visitor.turns() == []
    assert visitor.send("DELETE", "session").json()["deleted"] == 0


def test_forgetting_leaves_the_talks_of_others(assistant: RunningAssistant, visitor: WidgetClient) -> None:
    other = WidgetClient.opened(assistant)
    other.say(QUESTION)
    visitor.say(QUESTION)

    visitor.send("DELETE", "session")

    assert len(other.turns()) == 1


def test_forget_me_in_words_takes_the_feedback_too(assistant: RunningAssistant, visitor: WidgetClient) -> None:
    answer = visitor.say(QUESTION)
    visitor.send("POST", "feedback", {"id": answer["id"], "helpful": False, "reason": "Somersaulting words"})

    visitor.say("forget me")

    assert assistant.files_holding("Somersaulting") == []


def test_only_forget_me_is_answered_as_forgotten(visitor: WidgetClient) -> None:
    answers = [visitor.say(message) for message in ("Hello", QUESTION, "start over", "forget me", "Hello")]

    assert [answer.get("forgotten", False) for answer in answers] == [False, False, False, True, False]


def test_feedback_is_kept_once_for_each_answer_and_masked(assistant: RunningAssistant, visitor: WidgetClient) -> None:
    answer = visitor.say(QUESTION)
    for helpful, reason in ((True, None), (False, "Too long, write to me at someone@example.org")):
        assert visitor.send("POST", "feedback", {"id": answer["id"], "helpful": helpful, "reason": reason}).status_code == 200

    rows = assistant.kept("SELECT helpful, reason FROM feedback WHERE message_id = ?", answer["id"])

    assert [(bool(helpful), "Too long" in reason, "@" in reason) for helpful, reason in rows] == [(False, True, False)]


@pytest.mark.parametrize(
    "said, status",
    [
        ({"helpful": True}, 400),
        ({"id": "no-such-message", "helpful": True}, 404),
        ({"id": "MINE", "helpful": "yes"}, 400),
        ({"id": "MINE"}, 400),
        ({"id": "MINE", "helpful": False, "reason": "x" * (LONGEST_REASON + 1)}, 400),
        ({"id": "MINE", "helpful": False, "reason": "\ud800"}, 400),
        ({"id": "MINE", "helpful": False, "reason": ["x"]}, 400),
    ],
    ids=str,
)
def test_what_is_no_feedback_is_refused(visitor: WidgetClient, said: Dict[str, Any], status: int) -> None:
    answer = visitor.say("Hello")

    said = {name: answer["id"] if value == "MINE" else value for name, value in said.items()}

    assert refused(visitor.send("POST", "feedback", said), status)


def test_nobody_says_anything_of_anothers_answer(assistant: RunningAssistant, visitor: WidgetClient) -> None:
    answer = visitor.say(QUESTION)

    assert refused(WidgetClient.opened(assistant).send("POST", "feedback", {"id": answer["id"], "helpful": False}), 404)


# The files.


@pytest.mark.parametrize("name", FILES)
def test_each_file_comes_with_a_strict_policy_and_is_sent_again_only_when_changed(
    assistant: RunningAssistant, name: str
) -> None:
    first = requests.get(f"{assistant.url}/widget/{name}", timeout=10)
    again = requests.get(f"{assistant.url}/widget/{name}", headers={"If-None-Match": first.headers["ETag"]}, timeout=10)
    plain = requests.get(f"{assistant.url}/widget/{name}", headers={"Accept-Encoding": "identity"}, timeout=10)

    assert first.content == plain.content == sent(name)
    assert (again.status_code, again.content) == (304, b"")
    assert "default-src 'none'" in first.headers["Content-Security-Policy"]
    assert "require-trusted-types-for 'script'" in first.headers["Content-Security-Policy"]
    assert first.headers["X-Content-Type-Options"] == "nosniff"
    assert not [header for header in first.headers if header.startswith("Access-Control-")]


@pytest.mark.parametrize("path", ["package.json", "../README.md", "..%2fREADME.md", "strings/de.json", "", "demo.html"])
def test_no_other_file_is_served(assistant: RunningAssistant, path: str) -> None:
    answer = requests.get(f"{assistant.url}/widget/{path}", timeout=10)

    assert answer.status_code == 404


def test_words_in_another_language_are_served(visitor: WidgetClient) -> None:
    words = visitor.send("GET", "strings?lang=de-AT").json()

    assert words["send"] == "Senden"


@pytest.mark.parametrize("language", ["xx", "en", "../../facts", "%00", "d", "", "de" * 500])
def test_words_that_nobody_has_translated_are_not_there(visitor: WidgetClient, language: str) -> None:
    assert refused(visitor.send("GET", f"strings?lang={language}"), 404)


# Listed sites, a secret from outside, a proxy.


@pytest.fixture(scope="module")
def public(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningAssistant]:
    """An assistant as it stands behind a proxy for one site."""
    folder = tmp_path_factory.mktemp("public")
    settings = {"DYSTONIA_WIDGET_ORIGINS": OWN_SITE, "DYSTONIA_WIDGET_SECRET": "s" * 40, "DYSTONIA_PROXIES": "1"}
    with running_assistant(model, folder, with_actions=False, **settings) as running:
        yield running


def test_only_a_listed_site_is_let_in(public: RunningAssistant) -> None:
    assert WidgetClient(public.url, origin=OWN_SITE).send("POST", "session").status_code == 200
    for origin in ("http://localhost:8000", "http://friends.example", f"{OWN_SITE}:8443", f"{OWN_SITE}.evil.example"):
        assert refused(WidgetClient(public.url, origin=origin).send("POST", "session"), 403)


def test_a_secret_from_the_environment_is_written_nowhere(public: RunningAssistant) -> None:
    token = WidgetClient(public.url, origin=OWN_SITE).send("POST", "session").json()["token"]

    assert jwt.decode(token, "s" * 40, algorithms=[ALGORITHM], audience=AUDIENCE)["sub"]
    assert not (public.data / "widget_secret").exists()
    assert "s" * 40 not in public.log()


def test_visitors_behind_a_proxy_do_not_share_a_limit(public: RunningAssistant) -> None:
    client = WidgetClient(public.url, origin=OWN_SITE)
    flood = [client.send("GET", "strings?lang=de", **{"X-Forwarded-For": "203.0.113.5"}).status_code for _ in range(260)]

    other = client.send("GET", "strings?lang=de", **{"X-Forwarded-For": "203.0.113.6"})
    hidden = client.send("GET", "strings?lang=de", **{"X-Forwarded-For": "203.0.113.99, 203.0.113.5"})

    assert 429 in flood
    assert other.status_code == 200
    assert hidden.status_code == 429


def test_a_failing_look_up_is_said_and_a_repeat_gets_the_same_words(public: RunningAssistant) -> None:
    client = WidgetClient(public.url, origin=OWN_SITE)
    client.token = client.send("POST", "session").json()["token"]

    first, again = client.say(QUESTION, "the-same-id"), client.say(QUESTION, "the-same-id")

    assert first["reply"]["kind"] == "unavailable" and first["text"] == again["text"]
    assert "tel:112" in json.dumps(first["blocks"])
