"""The hazard log: docs/hazards.yml and the figures of reports/safety.json as one page, docs/safety.md."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any, Dict, Iterator, List, Literal, Tuple

import yaml
from pydantic import BaseModel, Extra, Field

from server.settings import ROOT

LOG = ROOT / "docs" / "hazards.yml"
PAGE = ROOT / "docs" / "safety.md"
REPORT = ROOT / "reports" / "safety.json"

SEVERITIES = ("minor", "significant", "considerable", "major", "catastrophic")
LIKELIHOODS = ("very low", "low", "medium", "high", "very high")
RISKS = ((1, 1, 2, 2, 3), (1, 2, 2, 3, 4), (2, 2, 3, 3, 4), (2, 3, 3, 4, 5), (3, 4, 4, 5, 5))
"""The risk of each likelihood (row) and severity (column): 3 needs a clinician's agreement, 4 and 5 can't be accepted."""


class Control(BaseModel):
    """What lowers a risk, and the tests that prove it: ``file::function``."""

    does: str
    tests: List[str] = Field(..., min_items=1)

    class Config:
        extra = Extra.forbid


class Hazard(BaseModel):
    """One way in which a visitor can come to harm."""

    id: str
    hazard: str
    cause: str
    effect: str
    severity: Literal["minor", "significant", "considerable", "major", "catastrophic"]
    before: Literal["very low", "low", "medium", "high", "very high"]
    after: Literal["very low", "low", "medium", "high", "very high"]
    controls: List[Control] = Field(..., min_items=1)
    figures: List[str]
    residual: str

    class Config:
        extra = Extra.forbid

    @property
    def risks(self) -> Tuple[int, int]:
        """The risk without and with the controls, 1 to 5."""
        column = SEVERITIES.index(self.severity)
        return RISKS[LIKELIHOODS.index(self.before)][column], RISKS[LIKELIHOODS.index(self.after)][column]


def hazards(path: Path = LOG) -> List[Hazard]:
    """The log, in its order.

    Raises:
        pydantic.ValidationError: a field is missing, misspelt or none of the values allowed.
    """
    return [Hazard(**entry) for entry in yaml.safe_load(path.read_text(encoding="utf-8"))]


def write() -> Path:
    """Writes the page from the log and the last figures."""
    report = json.loads(REPORT.read_text(encoding="utf-8"))
    PAGE.write_text(page(hazards(), report), encoding="utf-8")
    return PAGE


def missing_tests(log: List[Hazard]) -> List[str]:
    """Tests that the log names and that are not there."""
    named = [test for hazard in log for control in hazard.controls for test in control.tests]
    return [test for test in named if test.partition("::")[2] not in _functions(ROOT / test.partition("::")[0])]


def page(log: List[Hazard], report: Dict[str, Any]) -> str:
    """The page, in Markdown."""
    return (
        "\n".join(
            [*_opening(report), *_table(log), *_figures(report), *(line for each in log for line in _section(each, report))]
        )
        + "\n"
    )


def _opening(report: Dict[str, Any]) -> Iterator[str]:
    yield from (
        "# Safety case",
        "",
        "**No clinician has reviewed this page, the hazards, the ratings or the replies, and no clinical safety officer "
        "has signed",
        "it.** It is laid out in the manner of a hazard log under DCB0129, the English standard for the makers of health "
        "software,",
        "so that one can review it. It is not a claim to meet that standard.",
        "",
        "Made by `make safety` from `docs/hazards.yml` and `reports/safety.json`; change those, not this page.",
        f"Figures: model `{report['model']}`, facts `{report['content']}`.",
        "",
        "How a risk is rated: the severity (minor, significant, considerable, major, catastrophic) and the likelihood "
        "(very low, low,",
        "medium, high, very high) of harm to a visitor give a number from 1 to 5. 1 and 2 can be accepted, 3 only with a "
        "clinician's",
        "agreement, 4 and 5 not. The ratings are the project's own judgement.",
        "",
    )


def _table(log: List[Hazard]) -> Iterator[str]:
    yield from ("## Hazards", "", "| | hazard | severity | before | after |", "|---|---|---|---|---|")
    for each in log:
        before, after = each.risks
        yield f"| {each.id} | {each.hazard} | {each.severity} | {each.before} ({before}) | {each.after} ({after}) |"
    open_risks = [each.id for each in log if each.risks[1] >= 4]
    yield ""
    yield f"Not acceptable as it stands: {', '.join(open_risks)}." if open_risks else "No risk is left at 4 or 5."
    yield ""


def _figures(report: Dict[str, Any]) -> Iterator[str]:
    yield from (
        "## Figures",
        "",
        "Measured on messages that no rule and no training example was made from. In brackets the 95 % interval "
        "(Wilson, 1927). A message is caught where help comes first: by the whole urgent reply (raised at once), "
        "or by an answer that the number leads, because it was in doubt.",
        "",
        "| what | share | of | goal | |",
        "|---|---|---|---|---|",
    )
    for name, each in report["figures"].items():
        goal = f"at {'most' if each['at_most'] else 'least'} {each['goal']:g}" if "goal" in each else ""
        verdict = ("short", "met")[each["met"]] if goal else ""
        yield f"| {name} | {_said(each)} | {each['count']} of {each['total']} | {goal} | {verdict} |"
    yield ""


def _section(each: Hazard, report: Dict[str, Any]) -> Iterator[str]:
    before, after = each.risks
    yield from (f"## {each.id}. {each.hazard}", "", f"- **Cause:** {each.cause}", f"- **Effect:** {each.effect}")
    yield f"- **Before:** {each.severity}, {each.before}: risk {before}. **After:** {each.after}: risk {after}."
    for control in each.controls:
        yield f"- **Control:** {control.does}"
        yield from (f"  - `{test}`" for test in control.tests)
    for name in each.figures:
        found = report["figures"].get(name)
        yield f"- **Measured:** {name}: {_said(found) if found else 'not measured yet'}"
    yield from (f"- **Residual risk:** {each.residual.strip()}", "")


def _said(figure: Dict[str, Any]) -> str:
    return f"{figure['value']:.3f} ({figure['low']:.3f} to {figure['high']:.3f})"


def _functions(path: Path) -> List[str]:
    if not path.is_file():
        return []
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [node.name for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]
