"""The widget where things are rough: slow and broken networks, keys held too long, odd words, other pages' styles, paper."""
from __future__ import annotations

import json
from typing import Any, List

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser.chat import Chat
from tests.browser.test_states import DARK, EMERGENCY, PHONE, QUESTION
from tests.browser.test_talk import MESSAGE
from tests.running import RunningAssistant

HISTORY = "**/webhooks/widget/history"
NO_STORAGE = """
for (const name of ['localStorage', 'sessionStorage'])
  Object.defineProperty(window, name, {get() { throw new DOMException('no', 'SecurityError'); }});
"""
EAR = """
window.heard = [];
window.SpeechRecognition = window.webkitSpeechRecognition = class {
  start() { heard.push('start'); } abort() { heard.push('abort'); this.onend(); } };
"""
VOICE = """
window.spoken = [];
Object.defineProperty(window, 'speechSynthesis', {value: {
  speaking: true, cancel() { spoken.push('silence'); }, speak(it) { spoken.push(it.text); }}});
"""
LEAKING = "html:root { font-size: 62.5%; } body { text-align: center; text-transform: uppercase; letter-spacing: 9px; }"
LUMINANCE = """(element) => { const [r, g, b] = getComputedStyle(element).color.match(/[\\d.]+/g).map(Number);
  return (0.2126 * r + 0.7152 * g + 0.0722 * b) / 255; }"""


def shown(chat: Chat) -> List[str]:
    """What was asked, as the talk shows it."""
    return [(said.text_content() or "").removeprefix("You said: ") for said in chat.page.locator("dystonia-chat .said").all()]


# Networks.


def test_what_is_asked_before_the_talk_is_there_is_answered(chat: Chat) -> None:
    held: List[Route] = []
    chat.page.route("**/webhooks/widget/session", lambda route: held.append(route))
    chat.page.locator("dystonia-chat .launcher").click()
    chat.box.fill(QUESTION)
    chat.key("Enter")
    expect(chat.status).to_have_text("Looking it up.")

    assert len(held) == 1, "one session is enough"
    held[0].continue_()

    expect(chat.answers).to_have_count(1)
    assert shown(chat) == chat.history() == [QUESTION]


def test_what_is_asked_while_the_talk_is_brought_back_stands_below_it(opened: Chat) -> None:
    opened.say(QUESTION)
    held: List[Route] = []
    opened.page.route(HISTORY, lambda route: held.append(route))
    opened.page.reload()
    opened.box.fill("How is it treated?")
    opened.box.press("Enter")
    expect(opened.status).to_have_text("Looking it up.")

    held[0].continue_()

    expect(opened.answers).to_have_count(2)
    assert shown(opened) == [QUESTION, "How is it treated?"]


def test_a_talk_that_could_not_be_brought_back_at_first_is_there_once_later(opened: Chat) -> None:
    opened.say(QUESTION)
    opened.page.route(HISTORY, lambda route: route.abort(), times=1)
    opened.page.reload()
    expect(opened.alert).to_contain_text("can't be reached")

    opened.box.fill("How is it treated?")
    opened.box.press("Enter")
    expect(opened.answers).to_have_count(2)
    opened.key("Escape")
    opened.page.locator("dystonia-chat .launcher").click()

    expect(opened.answers).to_have_count(2)
    assert shown(opened) == [QUESTION, "How is it treated?"]


def test_a_session_that_ends_amid_a_talk_is_told_with_the_answer(opened: Chat) -> None:
    opened.say(QUESTION)
    opened.page.route(MESSAGE, lambda route: route.fulfill(status=401, json={"error": "no"}), times=1)

    opened.say("What is dystonia?")

    expect(opened.status).to_contain_text("a new one was started")
    assert opened.history() == ["What is dystonia?"]


def test_a_start_of_the_assistant_in_between_loses_and_doubles_nothing(opened: Chat, assistant: RunningAssistant) -> None:
    opened.say(QUESTION)
    assistant.rasa.kill()
    opened.box.fill("How is it treated?")
    opened.key("Enter")
    expect(opened.alert).to_contain_text("still in the box")

    assistant.rasa.start()
    opened.key("Enter")

    expect(opened.answers).to_have_count(2)
    assert shown(opened) == opened.history() == [QUESTION, "How is it treated?"]


def test_feedback_that_does_not_arrive_is_told_as_it_is(opened: Chat) -> None:
    opened.say(QUESTION)
    opened.page.route("**/webhooks/widget/feedback", lambda route: route.abort(), times=1)

    opened.button("Yes").click()
    expect(opened.alert).to_have_text("The assistant can't be reached just now. Please try again.")
    opened.button("Yes").click()

    expect(opened.status).to_contain_text("Thank you")


def test_no_receipt_is_given_for_what_could_not_be_deleted(opened: Chat) -> None:
    def refuse(route: Route) -> None:
        route.fulfill(status=401, json={"error": "no"}) if route.request.method == "DELETE" else route.continue_()

    opened.say(QUESTION)
    opened.page.route("**/webhooks/widget/session", refuse)
    opened.button("Options").click()
    opened.button("Forget this conversation").click()
    opened.button("Yes, delete it").click()

    expect(opened.alert).to_contain_text("could not be deleted")
    assert opened.answers.count() == 1


# Keys.


@pytest.mark.parametrize("key", ["1", "Enter"])
def test_a_key_that_is_held_down_counts_once(opened: Chat, key: str) -> None:
    opened.box.fill("" if key == "1" else QUESTION)
    opened.page.keyboard.down(key)
    expect(opened.answers).to_have_count(1)
    for _ in range(3):
        opened.page.keyboard.down(key)
    opened.page.keyboard.up(key)

    expect(opened.alert).to_be_empty()
    assert opened.box.input_value() == ""
    assert len(opened.history()) == 1


def test_closing_with_a_key_held_down_does_not_open_it_again(opened: Chat) -> None:
    opened.button("Close").focus()
    for _ in range(3):
        opened.page.keyboard.down("Enter")
    opened.page.keyboard.up("Enter")

    expect(opened.panel).to_be_hidden()


def test_escape_that_ends_the_choice_of_a_letter_closes_nothing(opened: Chat) -> None:
    pressed = {"key": "Escape", "isComposing": True, "bubbles": True, "composed": True}
    opened.box.evaluate("(box, pressed) => box.dispatchEvent(new KeyboardEvent('keydown', pressed))", pressed)

    expect(opened.panel).to_be_visible()


def test_where_it_covers_the_page_the_keyboard_stays_in_it(browser: Browser, assistant: RunningAssistant) -> None:
    with Chat.on(browser, assistant.url, **PHONE) as chat:
        chat.open()
        chat.button("Send").focus()

        chat.key("Tab")
        assert chat.focused() == "Options"
        chat.key("Shift+Tab")
        assert chat.focused() == "Send"


def test_where_the_page_can_be_seen_the_keyboard_gets_to_it(opened: Chat) -> None:
    opened.button("Send").focus()

    opened.key("Tab")

    assert opened.focused() != "Options"


# Words.


@pytest.mark.parametrize(
    "words",
    ["thank you \U0001faf6", "\U0001f600", "\u202eWhat is dystonia?", "What is\u00a0dystonia?\v", "x" * 1000, "שלום"],
    ids=["new emoji", "emoji alone", "right-to-left override", "from a word processor", "long", "another script"],
)
def test_odd_words_get_an_answer(opened: Chat, words: str) -> None:
    assert opened.say(words).inner_text()
    assert opened.too_wide() == []


def test_forget_me_in_words_clears_the_page_too(opened: Chat) -> None:
    opened.say(QUESTION)

    opened.say("How is it treated?")
    opened.box.fill("forget me")
    opened.key("Enter")
    expect(opened.answers).to_have_count(1)

    expect(opened.answers.last).to_contain_text("I have deleted this talk")
    assert shown(opened) == ["forget me"] and opened.history() == []
    opened.say(QUESTION)
    assert opened.answers.count() == 2


def test_what_can_not_be_read_is_told_as_it_is(opened: Chat) -> None:
    opened.box.fill("/")
    opened.key("Enter")

    expect(opened.alert).to_contain_text("in other words")


def test_spaces_are_nothing_to_send(opened: Chat) -> None:
    opened.box.fill("   ")
    opened.key("Enter")

    expect(opened.alert).to_contain_text("Write a question first")


# Pages and browsers.


def test_without_storage_it_works_until_the_page_is_left(browser: Browser, assistant: RunningAssistant) -> None:
    with Chat.on(browser, assistant.url, prepare=lambda page: page.add_init_script(NO_STORAGE)) as chat:
        chat.open()
        chat.say(QUESTION)
        chat.say("How is it treated?")
        chat.button("Options").click()
        chat.button("Larger text").click()
        chat.button("Forget this conversation").click()
        chat.button("Yes, delete it").click()

        expect(chat.status).to_contain_text("Deleted on")
    assert chat.faults == []


def test_a_page_that_moves_it_keeps_the_talk(opened: Chat) -> None:
    opened.say(QUESTION)

    opened.page.evaluate("() => document.querySelector('footer').append(document.querySelector('dystonia-chat'))")

    expect(opened.answers).to_have_count(1)
    opened.say("How is it treated?")
    assert shown(opened) == opened.history() == [QUESTION, "How is it treated?"]


def test_the_styles_of_a_page_do_not_get_in(browser: Browser, assistant: RunningAssistant) -> None:
    def leak(page: Page) -> None:
        page.add_init_script(f"""addEventListener('DOMContentLoaded', () => {{
            const styles = new CSSStyleSheet(); styles.replaceSync({json.dumps(LEAKING)});
            document.adoptedStyleSheets = [styles]; }})""")

    with Chat.on(browser, assistant.url, prepare=leak) as chat:
        chat.open()
        article = chat.say(QUESTION)
        names = ["fontSize", "textAlign", "textTransform", "letterSpacing"]
        style = article.evaluate("(element, names) => names.map((name) => getComputedStyle(element)[name])", names)

        assert style == ["16px", "start", "none", "normal"]


def test_two_tabs_do_not_undo_each_others_wishes(opened: Chat) -> None:
    other = opened.context.new_page()
    other.goto(f"{opened.url}/widget/demo")
    other.evaluate("() => localStorage.setItem('dystonia-chat', JSON.stringify({scale: 200}))")

    opened.say(QUESTION)

    assert json.loads(opened.page.evaluate("() => localStorage['dystonia-chat']"))["scale"] == 200


def test_a_talk_that_another_tab_has_deleted_begins_anew(opened: Chat) -> None:
    opened.say(QUESTION)
    stored = opened.page.evaluate("() => Object.values({...sessionStorage})[0]")
    headers = {"Authorization": f"Bearer {json.loads(stored)['token']}"}
    assert opened.context.request.delete(f"{opened.url}/webhooks/widget/session", headers=headers).ok

    opened.say("How is it treated?")

    assert opened.history() == ["How is it treated?"]


# By ear and by voice.


def test_a_talk_that_is_brought_back_is_not_announced_but_the_next_answer_is(opened: Chat) -> None:
    opened.say(QUESTION)
    opened.page.reload()
    expect(opened.answers).to_have_count(1)
    assert opened.log.get_attribute("aria-live") == "off"

    opened.say("How is it treated?")

    assert opened.log.get_attribute("aria-live") == "polite"


def test_the_microphone_is_closed_with_the_panel(browser: Browser, assistant: RunningAssistant) -> None:
    with Chat.on(browser, assistant.url, prepare=lambda page: page.add_init_script(EAR)) as chat:
        chat.open()
        chat.button("Options").click()
        chat.page.get_by_label("Show a button for dictating").check()
        chat.button("Dictate").click()

        chat.key("Escape")

        assert chat.page.evaluate("() => heard") == ["start", "abort"]


def test_a_new_answer_can_be_read_while_the_last_is_still_being_read(browser: Browser, assistant: RunningAssistant) -> None:
    with Chat.on(browser, assistant.url, prepare=lambda page: page.add_init_script(VOICE)) as chat:
        chat.open()
        chat.button("Options").click()
        chat.page.get_by_label("Show a button that reads answers aloud").check()
        chat.say(QUESTION)
        chat.button("Read aloud").click()
        first: List[str] = chat.page.evaluate("() => spoken.splice(0)")
        second = chat.say("How is it treated?").locator("p").first.inner_text()
        chat.button("Read aloud").click()

        spoken: List[str] = chat.page.evaluate("() => spoken.splice(0)")
        assert spoken[0] == "silence" and spoken[1].startswith(second[:40])
        assert len(first) > 4 and not any("•" in line or "\n" in line for line in first), "line by line"
        chat.button("Stop reading").click()
        assert chat.page.evaluate("() => spoken") == ["silence"]


def test_the_hint_to_the_number_keys_goes_with_them(opened: Chat) -> None:
    group = opened.page.get_by_role("group", name="Suggested questions")
    assert group.get_attribute("aria-description") == "Keys 1 to 3 choose one."

    opened.button("Options").click()
    opened.page.get_by_label("Number keys choose suggested questions").uncheck()

    assert group.get_attribute("aria-description") == ""


# Paper.


@pytest.mark.parametrize("theme", [None, "dark"])
def test_paper_is_white_whatever_the_screen_is(browser: Browser, assistant: RunningAssistant, theme: Any) -> None:
    with Chat.on(browser, assistant.url, **DARK) as chat:
        if theme:
            chat.page.evaluate("(theme) => document.querySelector('dystonia-chat').setAttribute('theme', theme)", theme)
        chat.open()
        chat.say(QUESTION)
        chat.say(EMERGENCY)
        chat.page.emulate_media(media="print")

        for part in (chat.answers.first, chat.page.locator("dystonia-chat .said").first, chat.answers.last.locator("h3")):
            assert part.evaluate(LUMINANCE) < 0.3
