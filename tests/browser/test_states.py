"""Every state of the widget: nothing that axe-core objects to, nothing cut off, nothing too small to hit."""
from __future__ import annotations

from typing import Any, Callable, Dict, List, NamedTuple, Optional

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser.chat import Chat
from tests.running import RunningAssistant

QUESTION = "What is blepharospasm?"
EMERGENCY = "I can't breathe since my injection yesterday"
CRISIS = "I want to kill myself"
OWN_WORDS = """() => { const texts = [];
  const others = '.said, .key, output, [lang=en]';
  const walk = (node) => { for (const child of node.childNodes) {
    if (child.nodeType === Node.TEXT_NODE && child.data.trim()) texts.push(child.data.trim());
    else if (child.nodeType === Node.ELEMENT_NODE && !child.matches(others)) walk(child); } };
  walk(document.querySelector('dystonia-chat').shadowRoot);
  return texts; }"""
OWN_NAMES = """() => [...document.querySelector('dystonia-chat').shadowRoot.querySelectorAll('[aria-label]')]
  .map((e) => e.ariaLabel)"""
LARGE_TEXT = "() => { document.documentElement.style.fontSize = '200%'; }"


class State(NamedTuple):
    """How a state comes about, and on what kind of screen."""

    reach: Callable[[Chat], Any]
    screen: Dict[str, Any] = {}
    prepare: Optional[Callable[[Page], None]] = None


def nothing(chat: Chat) -> None:
    """The widget is closed."""
    expect(chat.page.locator("dystonia-chat .launcher")).to_be_visible()


def opened(chat: Chat) -> None:
    """Someone has opened it."""
    chat.open()


def answered(chat: Chat) -> None:
    """A question was answered, and its sources are open."""
    chat.open()
    chat.say(QUESTION)
    chat.page.locator("dystonia-chat summary").click()


def emergency(chat: Chat) -> None:
    """Someone needs help now."""
    chat.open()
    chat.say("I live in England")
    expect(chat.say(EMERGENCY).get_by_role("link", name="Call 999").first).to_be_visible()


def crisis(chat: Chat) -> None:
    """Someone wants to die."""
    chat.open()
    expect(chat.say(CRISIS).get_by_role("heading", name="Talk to someone now")).to_be_visible()


def failing(chat: Chat) -> None:
    """The assistant does not answer."""
    chat.open()
    chat.page.route("**/webhooks/widget/message", lambda route: route.fulfill(status=503, json={"error": "no"}))
    chat.box.fill(QUESTION)
    chat.key("Enter")
    expect(chat.alert).to_contain_text("still in the box")


def offline(chat: Chat) -> None:
    """The network is gone."""
    chat.open()
    chat.context.set_offline(True)
    chat.box.fill(QUESTION)
    chat.key("Enter")
    expect(chat.alert).to_contain_text("offline")


def long_talk(chat: Chat) -> None:
    """Much has been said."""
    chat.open()
    for words in (QUESTION, "and how is it treated?", "shorter", "football?", "more", "Compare baclofen and botox"):
        chat.say(words)


def options(chat: Chat) -> None:
    """The options are open, with everything switched on, after an answer."""
    chat.open()
    chat.say(QUESTION)
    chat.button("Options").click()
    for box in chat.page.get_by_role("checkbox").all():
        if box.is_enabled():
            box.check()


def forgetting(chat: Chat) -> None:
    """Someone is asked whether the talk shall be deleted."""
    options(chat)
    chat.button("Forget this conversation").click()


def not_helped(chat: Chat) -> None:
    """Someone is asked what was wrong with an answer."""
    chat.open()
    chat.say(QUESTION)
    chat.button("No").click()
    expect(chat.page.get_by_label("What was missing or wrong?")).to_be_focused()


def everything_large(chat: Chat) -> None:
    """Text is twice as large, and every panel is open."""
    chat.page.evaluate(LARGE_TEXT)
    forgetting(chat)
    chat.button("No").click()
    expect(chat.page.get_by_label("What was missing or wrong?")).to_be_visible()


def largest(chat: Chat) -> None:
    """Text is as large as the widget itself can make it."""
    options(chat)
    for _ in range(3):
        chat.button("Larger text").click()


def in_arabic(page: Page) -> None:
    """A page that runs from right to left; each word of the widget is marked as translated."""

    def turned(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, body=answer.text().replace('<html lang="en">', '<html lang="ar" dir="rtl">'))

    page.route("**/widget/demo", turned)
    page.route("**/webhooks/widget/strings?lang=ar", lambda route: route.fulfill(json=translated(page)))


def translated(page: Page) -> Dict[str, str]:
    """The widget's words in a language that nobody speaks: each between marks."""
    words = page.evaluate("() => customElements.get('dystonia-chat').strings")
    return {**{name: f"⟦{word}⟧" for name, word in words.items()}, "dir": "rtl"}


def arabic(chat: Chat) -> None:
    """A question was answered on a page that runs from right to left."""
    chat.open()
    chat.say(QUESTION)
    chat.button("⟦Options⟧").click()


PHONE = {"viewport": {"width": 320, "height": 256}}
TALL_PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}
DARK = {"color_scheme": "dark"}
FORCED = {"forced_colors": "active"}

STATES: Dict[str, State] = {
    "closed": State(nothing),
    "open": State(opened),
    "answer": State(answered),
    "emergency": State(emergency),
    "crisis": State(crisis),
    "error": State(failing),
    "offline": State(offline),
    "long talk": State(long_talk),
    "options": State(options),
    "forgetting": State(forgetting),
    "not helped": State(not_helped),
    "dark": State(answered, DARK),
    "dark emergency": State(emergency, DARK),
    "dark crisis": State(crisis, DARK),
    "dark error": State(failing, DARK),
    "forced colours": State(emergency, FORCED),
    "forced colours, options": State(options, FORCED),
    "400 %": State(answered, PHONE),
    "400 %, options": State(options, PHONE),
    "phone": State(emergency, TALL_PHONE),
    "200 % text": State(everything_large),
    "200 % text on a phone": State(everything_large, PHONE),
    "largest own text": State(largest, TALL_PHONE),
    "right to left": State(arabic, {}, in_arabic),
    "right to left, 400 %": State(arabic, PHONE, in_arabic),
}


@pytest.mark.parametrize("state", STATES.values(), ids=list(STATES))
def test_every_state_is_within_reach_of_everyone(browser: Browser, assistant: RunningAssistant, state: State) -> None:
    with Chat.on(browser, assistant.url, prepare=state.prepare, **state.screen) as chat:
        state.reach(chat)

        assert chat.too_wide() == []
        assert chat.too_small() == []
        assert chat.violations() == []
        if chat.panel.is_visible():
            assert chat.reachable(chat.page.locator("dystonia-chat form .accent"))
    assert chat.faults == []


def test_axe_would_find_a_fault(opened: Chat) -> None:
    opened.box.evaluate("(box) => box.form.querySelector('label').remove()")

    assert [fault for fault in opened.violations() if fault.startswith("label")]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_any_accent_can_be_read(browser: Browser, assistant: RunningAssistant, scheme: str) -> None:
    with Chat.on(browser, assistant.url, color_scheme=scheme) as chat:
        chat.open()
        chat.say("Hello")
        for accent in ("#ffd400", "#000", "#fff", "#777", "#c2185b", "rgb(0 128 128)", "oklch(70% 0.2 30)"):
            chat.paint(accent)

            assert chat.violations("color-contrast") == [], accent


def test_every_word_of_the_widget_can_be_translated(browser: Browser, assistant: RunningAssistant) -> None:
    with Chat.on(browser, assistant.url, prepare=in_arabic) as chat:
        arabic(chat)
        said: List[str] = chat.page.evaluate(OWN_WORDS)
        names: List[str] = chat.page.evaluate(OWN_NAMES)

    spoken = [text for text in said + names if text not in ("A−", "A+")]
    assert len(spoken) > 20
    assert [text for text in spoken if not text.startswith("⟦")] == []
