"""The widget as a person meets it: what can be seen, pressed and heard."""
from __future__ import annotations

import contextlib
import importlib.util
import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional

from playwright.sync_api import Browser, BrowserContext, Locator, Page, Route, expect

DESK = {"viewport": {"width": 1100, "height": 760}, "reduced_motion": "reduce"}
"""The screen of most tests: nothing fades in, so that colours are what they are going to be."""
NOTED = """
window.blocked = [];
addEventListener('securitypolicyviolation', (event) => blocked.push(`${event.violatedDirective}: ${event.blockedURI}`));
"""
FOCUSED = """() => { let e = document.activeElement;
  while (e?.shadowRoot?.activeElement) e = e.shadowRoot.activeElement;
  return e; }"""
WIDE = """() => {
  const inside = [...document.querySelector('dystonia-chat').shadowRoot.querySelectorAll('*')];
  const scrolls = (e) => /auto|scroll/.test(getComputedStyle(e).overflowX);
  const scrolled = inside.filter((e) => scrolls(e) && e.scrollWidth > e.clientWidth + 1);
  const out = inside.filter((e) => { const r = e.getBoundingClientRect();
    return r.width > 1 && !e.closest('.vh')
      && (r.right > innerWidth + 1 || r.left < -1); });
  const page = document.documentElement.scrollWidth > innerWidth ? ['the page'] : [];
  return [...page, ...[...scrolled, ...out].map((e) => `${e.tagName}.${e.className} ${e.textContent.slice(0, 40)}`)];
}"""
SMALL = """() => [...document.querySelector('dystonia-chat').shadowRoot
  .querySelectorAll('button, summary, textarea, a, label.tick')]
  .filter((e) => e.checkVisibility()).map((e) => [e, e.getBoundingClientRect()])
  .filter(([e, r]) => r.width > 0 && (r.width < 43.9 || r.height < 43.9))
  .map(([e, r]) => `${e.tagName} ${e.textContent.slice(0, 30)}: ${r.width.toFixed(1)} x ${r.height.toFixed(1)}`)"""
REACHED = """(button) => { const r = button.getBoundingClientRect();
  const hit = button.getRootNode().elementFromPoint(r.left + r.width / 2, r.top + r.height / 2);
  return hit === button || button.contains(hit); }"""


def axe_script() -> str:
    """axe-core, as the package axe-playwright-python brings it."""
    spec = importlib.util.find_spec("axe_playwright_python")
    assert spec is not None and spec.origin is not None
    return (Path(spec.origin).parent / "axe.min.js").read_text(encoding="utf-8")


@dataclass
class Chat:
    """A page with the widget, and everything that went wrong on it."""

    context: BrowserContext
    page: Page
    url: str
    faults: List[str] = field(default_factory=list)

    @classmethod
    @contextlib.contextmanager
    def on(
        cls,
        browser: Browser,
        url: str,
        page: str = "/widget/demo",
        prepare: Optional[Callable[[Page], None]] = None,
        **context: Any,
    ) -> Iterator["Chat"]:
        """The widget on a page; further arguments are those of a browser context, such as its viewport."""
        with contextlib.closing(browser.new_context(**{**DESK, **context})) as opened:
            chat = cls(opened, opened.new_page(), url)
            chat.page.set_default_timeout(15_000)
            chat.page.add_init_script(NOTED)
            chat.page.on("pageerror", lambda error: chat.faults.append(f"error: {error}"))
            chat.page.on("request", lambda request: chat._check_request(request.url))
            if prepare:
                prepare(chat.page)
            chat.page.goto(page if "://" in page else url + page)
            yield chat
            chat.faults += chat.page.evaluate("() => window.blocked")

    def _check_request(self, address: str) -> None:
        if not address.startswith((self.url, "blob:", "data:", "http://localhost:")):
            self.faults.append(f"call: {address}")

    # What can be found.

    def button(self, name: str, exact: bool = True) -> Locator:
        """A button by its words."""
        return self.page.get_by_role("button", name=name, exact=exact)

    @property
    def panel(self) -> Locator:
        """The dialog."""
        return self.page.get_by_role("dialog")

    @property
    def box(self) -> Locator:
        """Where questions are typed."""
        return self.page.locator("dystonia-chat #box")

    @property
    def log(self) -> Locator:
        """The conversation."""
        return self.page.get_by_role("log")

    @property
    def answers(self) -> Locator:
        """Everything that was answered."""
        return self.page.locator("dystonia-chat article")

    @property
    def alert(self) -> Locator:
        """What went wrong."""
        return self.page.locator("dystonia-chat [role=alert]")

    @property
    def status(self) -> Locator:
        """What goes on."""
        return self.page.locator("dystonia-chat [role=status]")

    @property
    def choices(self) -> Locator:
        """The suggested questions, "shorter" and "more"."""
        return self.page.locator("dystonia-chat button.choice")

    # What can be done.

    def open(self) -> None:
        """Opens it, and waits for what can be asked first."""
        self.page.locator("dystonia-chat .launcher").click()
        expect(self.choices.first).to_be_visible()

    def say(self, words: str) -> Locator:
        """Asks, and waits for the answer."""
        count = self.answers.count()
        self.box.fill(words)
        self.box.press("Enter")
        expect(self.answers).to_have_count(count + 1)
        return self.answers.last

    def key(self, name: str) -> None:
        """Presses a key."""
        self.page.keyboard.press(name)

    def focused(self, expression: str = "e.textContent") -> Any:
        """Something about the element that has the keyboard."""
        return self.page.evaluate(f"() => {{ const e = ({FOCUSED})(); return e && ({expression}); }}")

    def history(self) -> List[str]:
        """What the assistant has kept of the visitor's words."""
        stored = self.page.evaluate("() => Object.values({...sessionStorage})[0]")
        headers = {"Authorization": f"Bearer {json.loads(stored)['token']}"}
        turns = self.context.request.get(f"{self.url}/webhooks/widget/history", headers=headers).json()["turns"]
        return [turn["said"] for turn in turns]

    def paint(self, accent: str) -> None:
        """Gives the widget another colour, as a site's style sheet does, and opens it anew."""
        change = "(accent) => document.querySelector('dystonia-chat').style.setProperty('--dystonia-accent', accent)"
        self.page.evaluate(change, accent)
        self.key("Escape")
        self.page.locator("dystonia-chat .launcher").click()

    def answer_with(self, **answer: Any) -> None:
        """Puts words into the assistant's mouth, for the next messages."""

        def fulfil(route: Route) -> None:
            reply = {"kind": "answer", "sources": [], **answer.get("reply", {})}
            route.fulfill(json={"id": "made-up-00", "text": "", "blocks": [], "buttons": [], **answer, "reply": reply})

        self.page.route("**/webhooks/widget/message", fulfil)

    # What can be measured.

    def violations(self, *rules: str) -> List[str]:
        """What axe-core finds wrong by these rules, or by all but the experimental ones."""
        self.page.evaluate(axe_script())
        asked = {"resultTypes": ["violations"], **({"runOnly": list(rules)} if rules else {})}
        found = self.page.evaluate("async (asked) => (await axe.run(document, asked)).violations", asked)
        return [f"{rule['id']}: {node['target']} {node.get('failureSummary', '')}" for rule in found for node in rule["nodes"]]

    def too_wide(self) -> List[str]:
        """What sticks out of the screen, or scrolls sideways."""
        return self.page.evaluate(WIDE)

    def too_small(self) -> List[str]:
        """What is harder to hit than 44 by 44 pixels."""
        return self.page.evaluate(SMALL)

    def reachable(self, button: Locator) -> bool:
        """Whether the keyboard brings a button into view, with nothing over it."""
        button.focus()
        return button.evaluate(REACHED)

    def read_out(self) -> List[str]:
        """The panel as a screen reader is told of it: roles, names and texts, in order."""
        client = self.context.new_cdp_session(self.page)
        tree = client.send("Accessibility.getFullAXTree")["nodes"]
        nodes: Dict[str, Dict[str, Any]] = {node["nodeId"]: node for node in tree}
        root = next(node for node in nodes.values() if _value(node, "role") == "dialog")
        return [line for line in _lines(root, nodes) if line]


def _lines(node: Dict[str, Any], nodes: Dict[str, Dict[str, Any]]) -> Iterator[str]:
    role, name = _value(node, "role"), re.sub(r"\s+", " ", _value(node, "name")).strip()
    if not node.get("ignored") and role not in ("generic", "InlineTextBox", "none", "ListMarker", "LineBreak"):
        yield name if role == "StaticText" else f"[{role}] {name}".strip()
        if role in ("button", "link", "heading", "StaticText"):
            return
    for child in node.get("childIds", []):
        if child in nodes:
            yield from _lines(nodes[child], nodes)


def _value(node: Dict[str, Any], name: str) -> str:
    return str((node.get(name) or {}).get("value") or "")
