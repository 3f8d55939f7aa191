"""The gaps as one HTML file that loads nothing from anywhere, to read, to print and to work through."""

from __future__ import annotations

import base64
import datetime
import hashlib
from pathlib import Path

import tools.facts
from tools.facts.markup import Html, element
from tools.gaps.groups import Group, Grouping, Near
from tools.gaps.report import size, span, summary, why
from tools.gaps.talks import Account

STYLE = Path(tools.facts.__file__).with_name("page.css")
"""The style of the page of all cards (`make preview`)."""


def document(account: Account, grouping: Grouping, smallest: int) -> str:
    """The page."""
    style = STYLE.read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="referrer", content="no-referrer"),
        element("title", "Dystonia assistant: what it did not understand"),
        element("style", Html(style)),
    )
    body = element("body", _introduction(account, grouping, smallest), _groups(grouping))
    return f"<!doctype html>\n{element('html', head, body, lang='en-GB')}\n"


def _introduction(account: Account, grouping: Grouping, smallest: int) -> Html:
    told = (element("li", line) for line in summary(account, grouping, smallest))
    return element(
        "header",
        element("h1", "What the assistant did not understand"),
        element("p", f"Made on {datetime.date.today()} from stored conversations."),
        element(
            "div",
            element(
                "section",
                element("h2", "Treat this page as confidential"),
                element(
                    "p",
                    "It holds words of visitors about their health. Mail addresses, numbers and most names are masked, but a "
                    "story can tell who someone is. Do not publish it, and delete it when you have worked through it.",
                ),
                class_="notice",
            ),
            element("section", element("h2", "What was read"), element("ul", *told), class_="how"),
            class_="notices",
        ),
    )


def _groups(grouping: Grouping) -> Html:
    groups = [_group(place, group) for place, group in enumerate(grouping.groups, 1)]
    return element("main", *(groups or [element("p", "There is no group to show.")]))


def _group(place: int, group: Group) -> Html:
    heading = f"group-{place}"
    return element(
        "article",
        element("h2", f"{place}. {size(group)}", id=heading),
        element("p", group.hint, class_="lead"),
        element("h3", "What visitors wrote"),
        element("ul", *(element("li", f"“{example}”") for example in group.examples)),
        element("h3", "The nearest cards"),
        element("ol", *(_near(near) for near in group.near)),
        element(
            "dl",
            _row("When", span(*group.days)),
            _row("Why it counts", why(group)),
            *(_row("Chosen when asked back", f"{question} ({count})") for question, count in group.picked),
            *(_row("Said of the answer", f"“{complaint}”") for complaint in group.complaints),
        ),
        class_="card",
        aria_labelledby=heading,
    )


def _near(near: Near) -> Html:
    return element("li", f"{near.question} ", element("span", f"{near.card}, likeness {near.likeness:.2f}", class_="short"))


def _row(name: str, value: str) -> Html:
    return element("div", element("dt", name), element("dd", value))
