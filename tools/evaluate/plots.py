"""The plots of the page: drawn by matplotlib, and made to follow the colours and the letters of the page they stand in."""

from __future__ import annotations

import io
import re
from html import escape
from typing import Any, Dict, Iterator, List, NamedTuple, Sequence, Tuple

import matplotlib
from matplotlib.figure import Figure as Drawing

from tools.evaluate.behaviour import MESSAGES_LOST
from tools.evaluate.evaluation import Evaluation
from tools.evaluate.figures import Figure
from tools.evaluate.measures import BINS
from tools.evaluate.sections import KEPT

INK, QUIET, LINE, ACCENT, GOAL = (f"#00000{place}" for place in range(1, 6))
"""Colours that stand for those of the page; nothing else is drawn in them."""
_VARIABLES = {INK: "--ink", QUIET: "--quiet", LINE: "--line", ACCENT: "--accent", GOAL: "--caution-edge"}
_STYLE = {
    "svg.fonttype": "none",
    "text.color": INK,
    "axes.labelcolor": QUIET,
    "axes.edgecolor": LINE,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "xtick.major.pad": 7,
    "ytick.major.pad": 7,
    "grid.color": LINE,
    "font.size": 11,
    "legend.frameon": False,
}


class Plot(NamedTuple):
    """A plot with all that says the same in words.

    Attributes:
        name: its id on the page.
        title: what it shows.
        says: the text alternative: what one would see.
        svg: the drawing, to stand in HTML.
        head, rows: its data.
    """

    name: str
    title: str
    says: str
    svg: str
    head: Tuple[str, ...]
    rows: List[Tuple[str, ...]]


def plots(evaluation: Evaluation) -> List[Plot]:
    """All plots, in reading order."""
    with matplotlib.rc_context(_STYLE):
        return list(_plots(evaluation))


def _plots(evaluation: Evaluation) -> Iterator[Plot]:
    yield _topics(evaluation.topics)
    yield _confusions(evaluation.confusions)
    yield _scope(evaluation.curve, evaluation.at)
    yield _reliability(evaluation)
    yield _losses(evaluation.losses)
    yield _speed(evaluation.speed)


def _topics(topics: Sequence[Figure]) -> Plot:
    ordered = sorted(topics, key=lambda figure: figure.value)
    drawing, axes = _axes(len(ordered) * 0.3 + 1)
    names = [figure.name for figure in ordered]
    axes.barh(names, [figure.value for figure in ordered], color=ACCENT, alpha=0.45, height=0.7)
    _whiskers(axes, ordered)
    axes.axvline(0.95, color=GOAL, linestyle="--", linewidth=1.2)
    axes.set_xlim(0, 1.0)
    axes.set_xlabel("share of questions whose topic was seen; dashed: the goal, 0.95")
    says = f"Worst: {_listed(ordered[:3])}. Best: {_listed(ordered[-3:][::-1])}."
    rows = [
        (figure.name, f"{figure.value:.3f}", f"{figure.low:.3f} to {figure.high:.3f}", str(figure.count)) for figure in ordered
    ]
    return _plot("topics", "Accuracy of each topic", says, drawing, ("topic", "accuracy", "95 % interval", "questions"), rows)


def _confusions(confusions: Dict[Tuple[str, str], int]) -> Plot:
    truths, taken = sorted({one for one, _ in confusions}), sorted({other for _, other in confusions})
    drawing, axes = _axes(len(truths) * 0.32 + 2.2, grid=None)
    most = max(confusions.values(), default=1)
    for (one, other), count in confusions.items():
        place = taken.index(other), truths.index(one)
        axes.add_patch(
            matplotlib.patches.Rectangle(
                (place[0] - 0.5, place[1] - 0.5), 1, 1, color=ACCENT, alpha=0.1 + 0.45 * count / most, linewidth=0
            )
        )
        axes.text(*place, str(count), ha="center", va="center", fontsize=9)
    axes.set_xticks(range(len(taken)), taken, rotation=60, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(truths)), truths)
    axes.set_xlim(-0.5, len(taken) - 0.5)
    axes.set_ylim(len(truths) - 0.5, -0.5)
    axes.set_xlabel("taken for")
    axes.set_ylabel("topic")
    ordered = sorted(confusions.items(), key=lambda item: (-item[1], item[0]))
    says = "Most often: " + "; ".join(f"{one} taken for {other}, {count} times" for (one, other), count in ordered[:5]) + "."
    rows = [(one, other, str(count)) for (one, other), count in ordered]
    return _plot("confusions", "Which topics are taken for which", says, drawing, ("topic", "taken for", "questions"), rows)


def _scope(curve: Sequence[Tuple[float, float]], at: Tuple[float, float]) -> Plot:
    drawing, axes = _axes(4.5, grid="both")
    axes.step([kept for kept, _ in curve], [refused for _, refused in curve], where="post", color=ACCENT, linewidth=2)
    axes.plot(*at, marker="o", markersize=9, color=INK)
    axes.annotate("in use", at, (-10, -14), textcoords="offset points", ha="right")
    axes.plot(0.97, 0.95, marker="+", markersize=14, markeredgewidth=2, color=GOAL)
    axes.annotate("goal", (0.97, 0.95), (8, 6), textcoords="offset points", color=GOAL)
    axes.set_xlim(0.7, 1.005)
    axes.set_ylim(0, 1.02)
    axes.set_xlabel("share kept of what belongs here")
    axes.set_ylabel("share refused of what does not")
    points = [(f"{kept:.0%}", _refused_keeping(curve, kept)) for kept in (0.85, 0.90, *KEPT, 0.99)]
    says = (
        f"In use: {at[0]:.1%} kept, {at[1]:.1%} refused. "
        + "; ".join(f"at {kept} kept, {refused:.1%} refused" for kept, refused in points)
        + "."
    )
    rows = [(kept, f"{refused:.3f}") for kept, refused in points]
    return _plot("scope", "Keeping what belongs here against refusing what does not", says, drawing, ("kept", "refused"), rows)


def _refused_keeping(curve: Sequence[Tuple[float, float]], kept: float) -> float:
    return max(refused for share, refused in curve if share >= kept - 1e-9)


def _reliability(evaluation: Evaluation) -> Plot:
    drawing, axes = _axes(4.5, grid="both")
    filled = [(place, each) for place, each in enumerate(evaluation.bins) if each.count]
    axes.plot([0, 1], [0, 1], color=QUIET, linestyle="--", linewidth=1)
    axes.bar(
        [(place + 0.5) / BINS for place, _ in filled], [each.right for _, each in filled], width=0.09, color=ACCENT, alpha=0.45
    )
    axes.plot(
        [each.confidence for _, each in filled], [each.right for _, each in filled], marker="o", linestyle="none", color=INK
    )
    for place, each in filled:
        axes.annotate(
            str(each.count), ((place + 0.5) / BINS, each.right), (0, 8), textcoords="offset points", ha="center", fontsize=9
        )
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.12)
    axes.set_xlabel("confidence of the reply")
    axes.set_ylabel("share of right topics")
    worst = max(
        filled, key=lambda item: abs(item[1].confidence - item[1].right) * item[1].count, default=(0, evaluation.bins[0])
    )[1]
    says = (
        f"{sum(each.count for each in evaluation.bins)} answers in ten bins; on the dashed line, confidence is as high as the "
        f"share of right ones. What weighs most: {worst.count} answers of mean confidence {worst.confidence:.2f}, of which "
        f"{worst.right:.2f} were right."
    )
    rows = [
        (f"{place / BINS:.1f} to {(place + 1) / BINS:.1f}", str(each.count), f"{each.confidence:.3f}", f"{each.right:.3f}")
        for place, each in filled
    ]
    return _plot(
        "reliability", "Whether confidence can be believed", says, drawing, ("bin", "answers", "mean confidence", "right"), rows
    )


def _losses(losses: Sequence[Figure]) -> Plot:
    ordered = sorted(losses, key=lambda figure: -figure.value)
    names = [figure.name.replace(f": {MESSAGES_LOST}", "") for figure in ordered]
    drawing, axes = _axes(len(ordered) * 0.36 + 1)
    axes.barh(names, [figure.value * 100 for figure in ordered], color=ACCENT, alpha=0.45, height=0.7)
    _whiskers(axes, ordered, 100)
    axes.axvline(0, color=QUIET, linewidth=1)
    axes.axvline(3, color=GOAL, linestyle="--", linewidth=1.2)
    axes.invert_yaxis()
    axes.set_xlabel("points of topic accuracy lost; dashed: the goal for two slips, 3")
    says = f"Points lost, most: {_listed(ordered[:3], 100)}. Least: {_listed(ordered[-3:], 100)}. Minus: it got better."
    rows = [
        (name, f"{figure.value * 100:.1f}", f"{figure.low * 100:.1f} to {figure.high * 100:.1f}", str(figure.count))
        for name, figure in zip(names, ordered)
    ]
    return _plot(
        "losses",
        "What changes that must not matter cost",
        says,
        drawing,
        ("change", "points lost", "95 % interval", "messages"),
        rows,
    )


def _speed(speed: Dict[str, Tuple[float, float]]) -> Plot:
    names = list(speed)
    drawing, axes = _axes(len(names) * 0.36 + 1)
    axes.barh(names, [slow for _, slow in speed.values()], color=ACCENT, alpha=0.2, height=0.7, label="95th percentile")
    axes.barh(names, [middle for middle, _ in speed.values()], color=ACCENT, alpha=0.6, height=0.7, label="median")
    axes.axvline(8, color=GOAL, linestyle="--", linewidth=1.2)
    axes.invert_yaxis()
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncol=2)
    axes.set_xlabel("milliseconds a message; dashed: the goal for the whole, 8")
    says = (
        "; ".join(f"{name}: median {middle:.2f} ms, 95th percentile {slow:.2f} ms" for name, (middle, slow) in speed.items())
        + "."
    )
    rows = [(name, f"{middle:.2f}", f"{slow:.2f}") for name, (middle, slow) in speed.items()]
    return _plot(
        "speed", "How long each component takes", says, drawing, ("component", "median, ms", "95th percentile, ms"), rows
    )


def _axes(height: float, grid: Any = "x") -> Tuple[Drawing, Any]:
    drawing = Drawing(figsize=(8.5, height))
    axes = drawing.add_subplot()
    axes.set_axisbelow(True)
    axes.patch.set_visible(False)
    drawing.patch.set_visible(False)
    if grid:
        axes.grid(axis=grid, linewidth=0.8)
    return drawing, axes


def _whiskers(axes: Any, figures: Sequence[Figure], scale: float = 1) -> None:
    reach = [
        [max(0, each.value - each.low) * scale for each in figures],
        [max(0, each.high - each.value) * scale for each in figures],
    ]
    axes.errorbar(
        [each.value * scale for each in figures],
        range(len(figures)),
        xerr=reach,
        fmt="none",
        ecolor=INK,
        elinewidth=1.2,
        capsize=3,
    )


def _listed(figures: Sequence[Figure], scale: float = 1) -> str:
    names = [figure.name.replace(f": {MESSAGES_LOST}", "") for figure in figures]
    return ", ".join(f"{name} {figure.value * scale:.{1 if scale > 1 else 3}f}" for name, figure in zip(names, figures))


def _plot(name: str, title: str, says: str, drawing: Drawing, head: Tuple[str, ...], rows: List[Tuple[str, ...]]) -> Plot:
    written = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": name}):
        drawing.savefig(written, format="svg", bbox_inches="tight", metadata={"Date": None})
    return Plot(name, title, says, _for_html(written.getvalue(), name, title, says), head, rows)


def _for_html(svg: str, name: str, title: str, says: str) -> str:
    """An SVG file as it can stand in a page: no addresses, ids of its own, the page's colours and letters, and words for it."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.S)
    svg = re.sub(r'\s(?:xmlns(?::\w+)?|version|width|height)="[^"]*"', "", svg[: svg.index(">")]) + svg[svg.index(">") :]
    svg = svg.replace("xlink:href", "href")
    svg = re.sub(r'\bid="', f'id="{name}-', svg)
    svg = re.sub(r'href="#', f'href="#{name}-', svg).replace("url(#", f"url(#{name}-")
    svg = re.sub(r"font: ([\d.]+px) [^;\"]*", r"font-size: \1", svg)
    for colour, variable in _VARIABLES.items():
        svg = svg.replace(colour, f"var({variable})")
    words = f'<title id="{name}-title">{escape(title)}</title><desc id="{name}-says">{escape(says)}</desc>'
    opening = f'<svg role="img" aria-labelledby="{name}-title" aria-describedby="{name}-says"'
    return svg.replace("<svg", opening, 1).replace(">", f">{words}", 1)
