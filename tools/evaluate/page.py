"""The report as one HTML page that loads nothing: every figure, and plots with their data."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Iterable, List, Sequence

from tools.evaluate import table
from tools.evaluate.evaluation import Evaluation
from tools.evaluate.figures import Section
from tools.evaluate.plots import Plot, plots
from tools.evaluate.table import Previous
from tools.facts.markup import Html, element, joined

TITLE = "How held-out messages are understood"
# The plots have styles in their elements, which no hash can allow.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_HEAD = ("figure", "value", "95 % interval", "of", "goal", "", "change")


def document(evaluation: Evaluation, before: Previous, model: str) -> str:
    """The page, as text."""
    style = (Path(__file__).resolve().parent / "page.css").read_text(encoding="utf-8")
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("title", TITLE),
        element("style", Html(style)),
    )
    drawn = plots(evaluation)
    body = element(
        "body",
        _introduction(evaluation.sections, before, model),
        element(
            "main",
            _goals(evaluation.sections, before),
            *map(_figure, drawn),
            *(_section(each, before) for each in evaluation.sections),
        ),
    )
    return f"<!doctype html>\n{element('html', head, body, lang='en-GB')}\n"


def _introduction(sections: Sequence[Section], before: Previous, model: str) -> Html:
    goals = [figure for section in sections for figure in section.figures if figure.goal]
    met = sum(table.verdict(figure) == "met" for figure in goals)
    since = f"Change is since {before.where}." if before.values else "No earlier run is kept to compare with."
    return element(
        "header",
        element("h1", TITLE),
        element(
            "p", f"Model {model}, measured on {datetime.date.today():%-d %B %Y}. {met} of {len(goals)} goals are met. {since}"
        ),
        element(
            "p",
            "An interval holds the middle 95 of 100 figures that come of drawing as many of the same messages again, some of "
            "them more than once (bootstrap). A change within it may be chance. The messages are not shown: nothing may be "
            "learned from them.",
        ),
    )


def _goals(sections: Sequence[Section], before: Previous) -> Html:
    with_goals = Section(
        "Goals", "The figures that have a goal.", [figure for section in sections for figure in section.figures if figure.goal]
    )
    return _section(with_goals, before)


def _section(section: Section, before: Previous) -> Html:
    rows = (
        (
            figure.name,
            table.shown(figure, figure.value),
            f"{table.shown(figure, figure.low)} to {table.shown(figure, figure.high)}",
            str(figure.count),
            str(figure.goal or ""),
            table.verdict(figure),
            table.change(figure, before),
        )
        for figure in section.figures
    )
    return element("section", element("h2", section.title), element("p", section.about), _table(_HEAD, rows))


def _figure(plot: Plot) -> Html:
    return element(
        "figure",
        element("h2", plot.title),
        Html(plot.svg),
        element("figcaption", plot.says),
        element("details", element("summary", "The data"), _table(plot.head, plot.rows)),
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Html:
    lines: List[Html] = []
    for first, *rest in rows:
        cells = (element("td", cell, class_=cell if cell in ("met", "short") else False) for cell in rest)
        lines.append(element("tr", element("th", first, scope="row"), *cells))
    titles = (element("th", title, scope="col") if title else element("td") for title in head)
    return element(
        "div", element("table", element("thead", element("tr", *titles)), element("tbody", joined(*lines))), class_="wide"
    )
