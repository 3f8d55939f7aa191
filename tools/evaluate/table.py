"""The figures on the terminal and in reports/understanding.json, beside those of the last commit."""

from __future__ import annotations

import json
import subprocess
from typing import Any, Dict, List, Mapping, NamedTuple, Optional

from server.settings import ROOT
from tools.evaluate.evaluation import Evaluation
from tools.evaluate.figures import Figure, Section

CONFUSIONS = 20
"""How many pairs of topics are kept."""
KEPT = ROOT / "reports" / "understanding.json"


class Previous(NamedTuple):
    """The figures of an earlier run by their names, and where they stand."""

    values: Mapping[str, float]
    where: str


def previous() -> Previous:
    """The figures as last committed; else those of the file; else none."""
    shown = subprocess.run(
        ["git", "show", f"HEAD:{KEPT.relative_to(ROOT).as_posix()}"], cwd=ROOT, capture_output=True, text=True
    )
    if shown.returncode == 0:
        return Previous(values(json.loads(shown.stdout)), "the last commit")
    if KEPT.is_file():
        return Previous(
            values(json.loads(KEPT.read_text(encoding="utf-8"))), f"{KEPT.relative_to(ROOT)}, which is not committed"
        )
    return Previous({}, "")


def values(kept: Mapping[str, Any]) -> Dict[str, float]:
    """The values of a kept report by name; before intervals were kept it was a flat list of them."""
    return {name: figure["value"] if isinstance(figure, dict) else figure for name, figure in kept.get("figures", kept).items()}


def as_json(evaluation: Evaluation, model: str) -> str:
    """What is kept: figures and counts, and no message."""
    figures = {figure.name: _kept(figure) for section in evaluation.sections for figure in section.figures}
    kept = {
        "model": model,
        "figures": figures,
        "topics": {figure.name: _kept(figure) for figure in evaluation.topics},
        "confusions": [
            {"topic": one, "taken_for": other, "count": count}
            for (one, other), count in evaluation.confusions.most_common(CONFUSIONS)
        ],
    }
    return json.dumps(kept, indent=1, ensure_ascii=False) + "\n"


def _kept(figure: Figure) -> Dict[str, Any]:
    kept: Dict[str, Any] = {
        "value": round(figure.value, 4),
        "low": round(figure.low, 4),
        "high": round(figure.high, 4),
        "of": figure.count,
    }
    if figure.goal is not None:
        kept["goal"] = str(figure.goal)
    return kept


def terminal(sections: List[Section], before: Previous) -> str:
    """The table: name, value, 95 % interval, goal, whether it is met, and the change since the run before."""
    width = max(len(figure.name) for section in sections for figure in section.figures)
    lines = [f"Change: since {before.where}." if before.values else "Change: no earlier run is kept, in git or as a file.", ""]
    for section in sections:
        lines += [
            section.title,
            *(f"  {figure.name:<{width}}  {_line(figure, before)}".rstrip() for figure in section.figures),
            "",
        ]
    return "\n".join(lines)


def _line(figure: Figure, before: Previous) -> str:
    between = f"[{shown(figure, figure.low)}, {shown(figure, figure.high)}]"
    goal = f"{figure.goal} {verdict(figure)}" if figure.goal else ""
    return f"{shown(figure, figure.value):>8}  {between:<20}  {goal:<12}  {change(figure, before)}"


def verdict(figure: Figure) -> str:
    """Whether the goal is met; nothing where there is none."""
    return "" if figure.goal is None else "met" if figure.goal.met(figure.value) else "short"


def change(figure: Figure, before: Previous) -> str:
    """The change since the run before; nothing where it had no such figure."""
    earlier: Optional[float] = before.values.get(figure.name)
    if earlier is None:
        return ""
    # Kept values are rounded: what did not change must not show as a change of their last digit.
    shown_change = f"{round(figure.value, 4) - earlier:{'+.2f' if figure.unit else '+.3f'}}"
    return "same" if not float(shown_change) else shown_change


def shown(figure: Figure, value: float) -> str:
    """A value as it is read: shares with three digits, milliseconds with one or two."""
    return f"{value:.2f} {figure.unit}" if figure.unit else f"{value:.3f}"
