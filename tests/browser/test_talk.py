"""A talk with the widget: by keyboard, by number keys, by ear; on a bad network, after a reload, until it is forgotten."""
from __future__ import annotations

import json
import re
import statistics
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Dict, Iterator, List

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser.chat import Chat
from tests.browser.test_states import EMERGENCY, PHONE, QUESTION
from tests.running import RunningAssistant

MESSAGE = "**/webhooks/widget/message"
SECONDS_TO_ANSWER = 2.0
"""From key press to shown answer, median, on a busy machine with two cores; the figure itself is printed."""

NO_SPEECH = """
delete window.speechSynthesis; delete window.SpeechRecognition; delete window.webkitSpeechRecognition;
"""
FALSE_SPEECH = """
window.spoken = [];
const voice = {speaking: false, cancel() {}, speak(it) { spoken.push(it.text); }};
Object.defineProperty(window, 'speechSynthesis', {value: voice});
window.SpeechRecognition = window.webkitSpeechRecognition = class {
  start() { this.onresult({results: [[{transcript: 'what is dystonia'}]]}); this.onend(); } };
"""
ENDED = """() => {
  for (const key of Object.keys(sessionStorage)) sessionStorage[key] = JSON.stringify({token: 'x.y.z', starters: []}); }"""
TIMES = """() => { window.times = []; let pressed = 0;
  const root = document.querySelector('dystonia-chat').shadowRoot;
  addEventListener('keydown', (event) => { if (event.key === 'Enter') pressed = performance.now(); }, true);
  new MutationObserver((changes) => {
    if (changes.some((change) => [...change.addedNodes].some((node) => node.nodeName === 'ARTICLE')))
      requestAnimationFrame(() => times.push(performance.now() - pressed));
  }).observe(root, {childList: true, subtree: true}); }"""


# By keyboard.


def test_a_whole_talk_by_keyboard_only(chat: Chat) -> None:
    while chat.focused("e.className") != "launcher accent":
        chat.key("Tab")
    chat.key("Enter")
    expect(chat.choices.first).to_be_visible()
    assert chat.focused("e.id") == "box"

    chat.page.keyboard.type("what is blefarospasm")
    chat.key("Enter")
    expect(chat.answers).to_have_count(1)
    assert chat.focused("e.id") == "box"

    while "choice" not in chat.focused("e.className"):
        chat.key("Shift+Tab")
    while not chat.focused("e.textContent").startswith("1"):
        chat.key("Shift+Tab")
    chat.key("Enter")
    expect(chat.answers).to_have_count(2)
    assert chat.focused("e.tagName") == "ARTICLE", "the pressed button is gone: the keyboard is where its answer is"

    chat.key("Tab")
    assert chat.focused("e.tagName") == "SUMMARY"
    chat.key("Enter")
    chat.key("Tab")
    assert chat.focused("e.tagName === 'A' && e.rel") == "noopener noreferrer"

    chat.key("Escape")
    expect(chat.panel).to_be_hidden()
    assert chat.focused("e.className") == "launcher accent"


def test_a_whole_talk_by_number_keys_only(chat: Chat) -> None:
    chat.page.locator("dystonia-chat .launcher").focus()
    chat.key("Enter")
    expect(chat.choices).to_have_count(3)

    for count in (1, 2):
        chat.key("1")
        expect(chat.answers).to_have_count(count)
    place = next(number for number, choice in enumerate(chat.choices.all(), 1) if "Shorter" in choice.inner_text())
    chat.key(str(place))
    expect(chat.answers).to_have_count(3)

    assert chat.history()[0] == "What is dystonia?" and chat.history()[-1] == "shorter"
    assert len(chat.answers.nth(2).inner_text()) < len(chat.answers.nth(1).inner_text())


def test_a_number_within_a_question_is_only_typed(opened: Chat) -> None:
    opened.box.press_sequentially("is dystonia type 1 known as dyt1")

    assert opened.box.input_value() == "is dystonia type 1 known as dyt1"
    assert opened.answers.count() == 0


def test_number_keys_can_be_switched_off(opened: Chat) -> None:
    opened.button("Options").click()
    opened.page.get_by_label("Number keys choose suggested questions").uncheck()

    opened.box.press("1")

    assert opened.box.input_value() == "1"


def test_a_page_may_open_it_without_taking_the_keyboard(chat: Chat) -> None:
    chat.page.evaluate("() => document.querySelector('dystonia-chat').open(false)")

    expect(chat.panel).to_be_visible()
    assert chat.focused("e.tagName") == "BODY"


# By ear: what a screen reader is told.


def spoken_of(answer: Dict[str, Any]) -> List[str]:
    """The lines of an answer as they are read out."""
    lines: List[str] = []
    for block in answer["blocks"]:
        for line in block["lines"]:
            lines += ["[listitem]"] if block["list"] else ["[paragraph]"]
            lines += [piece.strip() if isinstance(piece, str) else f"[link] Call {piece['text']}" for piece in line]
    return lines


def told(lines: List[str]) -> List[str]:
    """What was read out, without the list around its items."""
    return [line for line in lines if line != "[list]"]


def test_the_panel_reads_well(opened: Chat) -> None:
    with opened.page.expect_response(MESSAGE) as response:
        opened.say(QUESTION)
    answer = response.value.json()
    lines = told(opened.read_out())

    assert lines[:5] == [
        "[dialog] Questions about dystonia",
        "[heading] Questions about dystonia",
        "[button] Options",
        "[button] Close",
        "[paragraph]",
    ]
    assert "not medical advice" in lines[5]
    start = lines.index("[log] Conversation")
    assert lines[start + 1 : start + 3] == ["[paragraph]", lines[start + 2]] and lines[start + 2].startswith("Hello.")
    talk = lines[start + 3 :]
    assert talk[:4] == ["You said:", QUESTION, "[article] Answer:", "[heading] Answer:"]
    body = spoken_of(answer)
    assert talk[4 : 4 + len(body)] == body
    after = talk[4 + len(body) :]
    assert after[0] == "[DisclosureTriangle]" or "Sources" in " ".join(after[:3])
    questions = [f"[button] {button['title']}" for button in answer["buttons"]]
    group = after.index("[group] Suggested questions")
    assert after[group + 1 : group + 6] == [*questions, "[button] Shorter", "[button] More"]
    parts = ("[group]", "[button]", "[status]", "[alert]", "[textbox]")
    assert [line for line in after[group + 6 :] if line.startswith(parts)] == [
        "[group] Did this help?",
        "[button] Yes",
        "[button] No",
        "[status]",
        "[alert]",
        "[textbox] Your question",
        "[button] Send",
    ]


def test_an_emergency_is_an_article_of_its_own_name_with_numbers_to_press(opened: Chat) -> None:
    opened.say("I live in England")
    opened.say(EMERGENCY)

    lines = opened.read_out()

    start = lines.index("[article] Get help now")
    assert lines[start + 1] == "[heading] Get help now"
    assert "[link] Call 999" in lines[start:] and "[link] Send a text message to 999" in lines[start:]
    assert opened.focused("e.id") == "box", "it stands out, and takes nothing out of anyone's hands"
    assert opened.page.locator("dystonia-chat a[href='tel:999']").first.is_visible()


def test_answers_are_announced_politely_and_failures_at_once(opened: Chat) -> None:
    opened.say(QUESTION)

    assert opened.log.get_attribute("role") == "log"
    assert opened.log.locator("article").count() == 1
    assert opened.page.locator("dystonia-chat .tools").first.get_attribute("aria-live") == "off"
    assert opened.page.locator("dystonia-chat [role=alert], dystonia-chat [role=status]").count() == 2


# What is being read stays where it is.


def test_an_answer_does_not_move_what_is_being_read(opened: Chat) -> None:
    opened.say(QUESTION)
    held: List[Route] = []
    opened.page.route(MESSAGE, lambda route: held.append(route))
    opened.box.fill("How is it treated?")
    opened.key("Enter")
    expect(opened.status).to_have_text("Looking it up.")
    first = opened.answers.first
    first.evaluate("(article) => { article.closest('.scroll').scrollTop = 40; }")
    before = first.bounding_box()

    held[0].continue_()
    expect(opened.answers).to_have_count(2)

    assert first.bounding_box() == before


def test_closing_the_options_brings_back_what_was_being_read(opened: Chat) -> None:
    article = opened.say(QUESTION)
    before = article.bounding_box()

    opened.button("Options").click()
    assert article.bounding_box() != before
    opened.button("Options").click()

    assert article.bounding_box() == before


@pytest.mark.parametrize("screen", [{}, PHONE], ids=["desk", "400 %"])
def test_what_was_asked_and_the_beginning_of_the_answer_are_in_view(
    browser: Browser, assistant: RunningAssistant, screen: Dict[str, Any]
) -> None:
    with Chat.on(browser, assistant.url, **screen) as chat:
        chat.open()
        for question in (QUESTION, "How is it treated?"):
            answer = chat.say(question)

        expect(answer.locator("p").first).to_be_in_viewport()
        assert chat.page.evaluate("() => scrollY") == 0, "the page around stays where it is"


# On a bad network.


def test_offline_keeps_the_words_and_sends_them_once_when_asked_again(opened: Chat) -> None:
    opened.context.set_offline(True)
    opened.box.fill(QUESTION)
    opened.key("Enter")
    expect(opened.alert).to_contain_text("offline")
    assert opened.box.input_value() == QUESTION and opened.answers.count() == 0

    opened.context.set_offline(False)
    expect(opened.status).to_have_text("You are online again.")
    opened.key("Enter")
    expect(opened.answers).to_have_count(1)

    expect(opened.alert).to_be_empty()
    assert opened.box.input_value() == ""
    assert opened.history() == [QUESTION]


def test_an_answer_that_got_lost_is_not_given_twice(opened: Chat) -> None:
    def lose(route: Route) -> None:
        route.fetch()
        route.abort()

    opened.page.route(MESSAGE, lose, times=1)
    opened.box.fill(QUESTION)
    opened.key("Enter")
    expect(opened.alert).to_contain_text("No answer came")

    opened.key("Enter")
    expect(opened.answers).to_have_count(1)

    assert opened.history() == [QUESTION]


def test_a_suggested_question_that_fails_can_be_pressed_again(opened: Chat) -> None:
    opened.page.route(MESSAGE, lambda route: route.abort(), times=1)
    opened.choices.first.click()
    expect(opened.alert).not_to_be_empty()

    opened.choices.first.click()

    expect(opened.answers).to_have_count(1)


def test_a_slow_network_is_told_and_nothing_is_sent_twice(opened: Chat) -> None:
    held: List[Route] = []
    opened.page.route(MESSAGE, lambda route: held.append(route))
    opened.box.fill(QUESTION)
    for _ in range(3):
        opened.key("Enter")
    expect(opened.status).to_have_text("Looking it up.")

    assert len(held) == 1
    held[0].continue_()
    expect(opened.answers).to_have_count(1)
    expect(opened.status).to_be_empty()


def test_too_many_messages_are_told_in_words(opened: Chat) -> None:
    opened.page.route(MESSAGE, lambda route: route.fulfill(status=429, json={"error": "no"}, headers={"Retry-After": "30"}))
    opened.box.fill(QUESTION)
    opened.key("Enter")

    expect(opened.alert).to_contain_text("wait a minute")
    assert opened.box.input_value() == QUESTION


def test_nothing_to_send_is_told(opened: Chat) -> None:
    opened.box.press("Enter")

    expect(opened.alert).to_contain_text("Write a question first")


# After a reload; until it is forgotten.


def test_the_talk_is_there_after_a_reload(opened: Chat) -> None:
    before = [opened.say(words).inner_text() for words in (QUESTION, "How is it treated?")]

    opened.page.reload()
    expect(opened.answers).to_have_count(2)

    assert [answer.inner_text() for answer in opened.answers.all()] == before
    assert opened.focused("e.tagName") == "BODY", "a reload takes the keyboard from nobody"
    opened.say("and what causes it?")
    assert len(opened.history()) == 3


def test_a_session_that_has_ended_is_followed_by_a_new_one(opened: Chat) -> None:
    opened.page.evaluate(ENDED)
    opened.page.reload()
    opened.page.locator("dystonia-chat .launcher").click()

    expect(opened.status).to_contain_text("a new one was started")
    opened.say(QUESTION)
    assert opened.history() == [QUESTION]


def test_forgetting_takes_two_presses_and_gives_a_receipt(opened: Chat) -> None:
    opened.say(QUESTION)
    opened.button("Options").click()
    opened.button("Forget this conversation").click()
    assert opened.focused("e.textContent") == "Keep it", "a second press in the same place deletes nothing"
    assert opened.history() == [QUESTION]

    opened.button("Yes, delete it").click()

    receipt = re.compile(r"Deleted on .*: [1-9]\d* stored entries\. Nothing of this conversation is kept\.")
    expect(opened.status).to_have_text(receipt)
    assert opened.answers.count() == 0
    assert opened.page.evaluate("() => sessionStorage.length") == 0
    assert opened.focused("e.textContent") == "Forget this conversation"
    opened.say("say that again")
    assert opened.history() == ["say that again"]


def test_what_is_kept_stays_when_forgetting_is_refused(opened: Chat) -> None:
    opened.say(QUESTION)
    opened.button("Options").click()
    opened.button("Forget this conversation").click()

    opened.button("Keep it").click()

    assert opened.history() == [QUESTION]


# What is said of answers.


def test_an_answer_that_helped(opened: Chat, assistant: RunningAssistant) -> None:
    opened.say(QUESTION)

    opened.button("Yes").click()

    expect(opened.status).to_contain_text("Thank you")
    assert opened.focused("e.id") == "box"


def test_a_reason_reaches_the_assistant(opened: Chat, assistant: RunningAssistant) -> None:
    opened.say(QUESTION)

    opened.button("No").click()
    opened.page.get_by_label("What was missing or wrong?").fill("It says nothing of tinted pebbles")
    opened.button("Send the reason").click()

    expect(opened.status).to_contain_text("Thank you")
    assert ("It says nothing of tinted pebbles", 0) in assistant.kept("SELECT reason, helpful FROM feedback")


# Text stays text.


def test_markup_in_an_answer_is_words(opened: Chat) -> None:
    nasty = "<img src=x onerror=alert(1)> [x](javascript:alert(1)) <script>alert(1)</script>"
    links = ["javascript:alert(1)", "http://plain.example", "data:text/html,x", "tel:1;x", "//other.example"]
    lines = [[nasty, *({"text": "link", "href": href} for href in links)]]
    sources = [{"id": "a", "title": nasty, "publisher": nasty, "url": href, "date": None} for href in links]
    buttons = [{"title": nasty, "payload": "x"}]
    opened.answer_with(blocks=[{"list": False, "lines": lines}], buttons=buttons, reply={"sources": sources})

    article = opened.say(QUESTION)

    assert nasty in article.inner_text()
    assert article.locator("img, script, a").count() == 0
    assert opened.choices.first.inner_text().endswith(nasty)


def test_what_a_visitor_writes_is_words(opened: Chat) -> None:
    opened.say("<img src=x onerror=alert(1)>")

    assert opened.log.locator("img").count() == 0
    expect(opened.log).to_contain_text("<img src=x onerror=alert(1)>")


def test_sources_open_safely(opened: Chat) -> None:
    opened.say("What is dystonia?").locator("summary").click()

    links = opened.answers.last.locator("details a").all()

    assert links
    for link in links:
        assert link.get_attribute("rel") == "noopener noreferrer" and link.get_attribute("target") == "_blank"
        assert link.get_attribute("href").startswith("https://")


# On another site's page, under its own strict policy.


class _Site(BaseHTTPRequestHandler):
    """A site of someone else: one page, and a policy that allows it the assistant and nothing more."""

    assistant = ""

    def do_GET(self) -> None:  # noqa: N802 - the name is the library's
        policy = f"default-src 'none'; script-src {self.assistant}/widget/; connect-src {self.assistant}"
        page = f"<!doctype html><html lang=en><title>A site</title><h1>A site</h1><script defer src={self.assistant}"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Security-Policy", f"{policy}; require-trusted-types-for 'script'; trusted-types 'none'")
        self.end_headers()
        self.wfile.write(f"{page}/widget/widget.js></script><dystonia-chat></dystonia-chat>".encode())

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


@pytest.fixture
def other_site(assistant: RunningAssistant) -> Iterator[str]:
    """Its address, which is not the assistant's."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Site", (_Site,), {"assistant": assistant.url}))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://localhost:{server.server_port}/"
    server.shutdown()
    server.server_close()
    thread.join()


def test_it_works_on_another_site_under_a_strict_policy(browser: Browser, assistant: RunningAssistant, other_site: str) -> None:
    with Chat.on(browser, assistant.url, page=other_site) as chat:
        chat.open()
        chat.say(QUESTION)
        chat.button("Yes").click()
        expect(chat.status).to_contain_text("Thank you")
        box = chat.panel.bounding_box()
        kept = chat.history()
        chat.button("Options").click()
        chat.button("Larger text").click()
        with chat.page.expect_download():
            chat.button("Save as a file").click()
        chat.page.evaluate("() => { window.print = () => {}; }")
        chat.button("Print").click()
        chat.button("Forget this conversation").click()
        chat.button("Yes, delete it").click()
        expect(chat.status).to_contain_text("Deleted on")

        assert box is not None and 300 < box["width"] < 600, "the styles are in force"
        assert len(kept) == 1
    assert [fault for fault in chat.faults if "favicon" not in fault] == []


def test_a_site_that_is_not_listed_is_told(browser: Browser, assistant: RunningAssistant) -> None:
    def refuse(page: Page) -> None:
        page.route("**/webhooks/widget/session", lambda route: route.fulfill(status=403, json={"error": "no"}))

    with Chat.on(browser, assistant.url, prepare=refuse) as chat:
        chat.page.locator("dystonia-chat .launcher").click()

        expect(chat.alert).to_contain_text("not on the assistant's list")


# Reading aloud, dictating, sizes, paper.


def test_speech_is_there_only_when_asked_for(browser: Browser, assistant: RunningAssistant) -> None:
    with Chat.on(browser, assistant.url, prepare=lambda page: page.add_init_script(FALSE_SPEECH)) as chat:
        chat.open()
        answer = chat.say(QUESTION)
        assert not chat.button("Read aloud").is_visible() and not chat.button("Dictate").is_visible()

        chat.button("Options").click()
        expect(chat.page.get_by_text("Some browsers send what is spoken to their maker")).to_be_visible()
        chat.page.get_by_label("Show a button that reads answers aloud").check()
        chat.page.get_by_label("Show a button for dictating").check()
        chat.button("Read aloud").click()
        chat.button("Dictate").click()

        assert chat.page.evaluate("() => spoken")[0].startswith(answer.locator("p").first.inner_text())
        assert chat.box.input_value() == "what is dystonia"


def test_a_browser_without_speech_says_so(browser: Browser, assistant: RunningAssistant) -> None:
    with Chat.on(browser, assistant.url, prepare=lambda page: page.add_init_script(NO_SPEECH)) as chat:
        chat.open()
        chat.say("Hello")
        chat.button("Options").click()

        for words in ("reads answers aloud", "for dictating"):
            tick = chat.page.get_by_label(re.compile(rf"{words}.*This browser can't do it"))
            assert tick.is_disabled() and not tick.is_checked()


def test_text_can_be_made_larger_and_stays_so(opened: Chat) -> None:
    def size() -> float:
        return opened.box.evaluate("(box) => parseFloat(getComputedStyle(box).fontSize)")

    before = size()
    opened.button("Options").click()
    for _ in range(5):
        opened.button("Larger text").click()
    assert size() == 2 * before

    opened.page.reload()
    expect(opened.panel).to_be_visible()
    assert size() == 2 * before


def test_on_paper_there_is_the_talk_and_nothing_else(opened: Chat) -> None:
    opened.say(QUESTION)
    opened.page.evaluate("() => { window.print = () => {}; }")
    opened.button("Options").click()
    opened.button("Print").click()

    opened.page.emulate_media(media="print")

    assert opened.answers.last.is_visible()
    assert not opened.page.get_by_role("heading", name="Muscles").is_visible()
    assert not opened.box.is_visible()
    room = opened.log.evaluate("(log) => [log.scrollHeight, log.parentElement.clientHeight]")
    assert room[0] <= room[1], "nothing is scrolled away"
    opened.page.emulate_media(media="screen")
    opened.page.evaluate("() => dispatchEvent(new Event('afterprint'))")
    assert opened.page.evaluate("() => document.adoptedStyleSheets.length") == 0


def test_the_talk_can_be_saved(opened: Chat) -> None:
    answer = opened.say(QUESTION).locator("p").first.inner_text()
    opened.button("Options").click()

    with opened.page.expect_download() as download:
        opened.button("Save as a file").click()

    text = download.value.path().read_text(encoding="utf-8")
    assert QUESTION in text and answer in text and "not medical advice" in text


@pytest.mark.parametrize("wish, animation", [("reduce", "none"), ("no-preference", "rise")])
def test_nothing_moves_for_who_wants_no_motion(
    browser: Browser, assistant: RunningAssistant, wish: str, animation: str
) -> None:
    with Chat.on(browser, assistant.url, reduced_motion=wish) as chat:
        chat.open()

        assert chat.panel.evaluate("(panel) => getComputedStyle(panel).animationName") == animation


def test_it_speaks_german(browser: Browser, assistant: RunningAssistant) -> None:
    def german(page: Page) -> None:
        page.add_init_script("document.addEventListener('readystatechange', () => { document.documentElement.lang = 'de'; })")

    with Chat.on(browser, assistant.url, prepare=german) as chat:
        chat.page.get_by_role("button", name="Fragen zu Dystonie").click()

        expect(chat.button("Senden")).to_be_visible()
        assert chat.say(QUESTION).locator("[lang=en]").count() >= 1


# How long it takes.


def test_the_time_from_key_press_to_answer(opened: Chat, capsys: pytest.CaptureFixture) -> None:
    paints = opened.page.evaluate("() => performance.getEntriesByType('paint').map((one) => [one.name, one.startTime])")
    opened.page.evaluate(TIMES)
    for words in (QUESTION, "How is it treated?", "shorter", "more", "What causes it?") * 4:
        opened.say(words)

    # The last is noted with the frame that shows it.
    opened.page.wait_for_function("() => times.length >= 20")
    times: List[float] = opened.page.evaluate("() => times")
    median = statistics.median(times)
    with capsys.disabled():
        print(
            f"\nWidget: key press to shown answer, median of {len(times)}: {median:.0f} ms; page's first paint: "
            f"{json.dumps({name: round(at) for name, at in paints})} ms"
        )
    assert len(times) == 20
    assert median < 1000 * SECONDS_TO_ANSWER
