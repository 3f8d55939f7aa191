"""`scores`: how the treatment answers score with DISCERN and PEMAT-P, what falls short, and which scores are out of date.

DISCERN (Charnock and others, J Epidemiol Community Health 53:105-111, 1999): 16 questions, 1 (no) to 5 (yes), in all 16 to 80.
PEMAT-P (Shoemaker and others, Patient Educ Couns 96:395-403, 2014; US Agency for Healthcare Research and Quality): 24 items,
1 (agree), 0 (disagree) or NA (does not apply); a score is the share of 1 among the items that apply, in percent.
The scores stand in ``reports/treatment_scores.yml``; people give them, this command only adds them up.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, NamedTuple, Optional, Sequence, Tuple

import yaml

from dystonia.models import Card
from dystonia.store import FactStore, Problem

SCORES = Path(__file__).resolve().parent.parent.parent / "reports" / "treatment_scores.yml"
SCORED_BY = "scored by the project itself with these instruments, not by clinicians or trained raters"
GOALS = {"DISCERN": 63.0, "understandability": 90.0, "actionability": 80.0}
"""What the means should reach: points of 80, percent, percent. The project chose them; neither instrument has a pass mark."""

DISCERN = {
    1: "says what it covers and for whom",
    2: "gives what it promises",
    3: "answers what patients ask",
    4: "shows what it rests on",
    5: "shows how old that is",
    6: "is balanced",
    7: "points to further help",
    8: "tells what is uncertain",
    9: "explains how the treatment works",
    10: "tells the benefits",
    11: "tells the risks",
    12: "tells what happens without treatment",
    13: "tells the effect on quality of life",
    14: "tells the other choices",
    15: "helps to decide together",
    16: "overall",
}
"""The questions in this project's words."""

PEMAT = {
    1: "purpose plain at once",
    2: "nothing that distracts",
    3: "everyday words",
    4: "medical words explained",
    5: "active voice",
    6: "clear numbers",
    7: "no sums to do",
    8: "short sections",
    9: "sections have headers",
    10: "sensible order",
    11: "a summary",
    12: "key points stand out",
    15: "pictures wherever they would help",
    16: "pictures that fit",
    17: "pictures have captions",
    18: "pictures are uncluttered",
    19: "simple tables",
    20: "names something to do",
    21: "speaks to the reader",
    22: "breaks it into steps",
    23: "gives a tool such as a checklist",
    24: "explains sums",
    25: "explains charts",
    26: "pictures wherever they would help to act",
}
"""The items of the version for print in this project's words, by their numbers there; 13 and 14 are for sound and film only."""

ACTIONABILITY = frozenset(range(20, 27))
MAY_NOT_APPLY = frozenset({6, 8, 9, 11, 16, 17, 18, 19, 24, 25})
"""Items that PEMAT-P lets a rater leave out."""
NOT_APPLICABLE = "NA"


class Scored(NamedTuple):
    """The scores of one answer; in ``pemat``, None is an item that does not apply."""

    card: str
    line: int
    text: Optional[str]
    discern: Dict[int, int]
    pemat: Dict[int, Optional[int]]

    @property
    def values(self) -> Dict[str, float]:
        """What each goal is held against: points of 80, percent, percent."""
        return {
            "DISCERN": float(sum(self.discern.values())),
            "understandability": _percent(score for item, score in self.pemat.items() if item not in ACTIONABILITY),
            "actionability": _percent(score for item, score in self.pemat.items() if item in ACTIONABILITY),
        }


class ScoreErrors(ValueError):
    """The scores can't be used; ``problems`` holds every fault found."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = list(problems)
        count = len(self.problems)
        super().__init__("\n".join([f"{count} fault{'' if count == 1 else 's'} in the scores:", *map(str, self.problems)]))


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument("--stamp", action="store_true", help="note in the scores that they are of the present texts")


def command(store: FactStore, asked: argparse.Namespace, path: Optional[Path] = None) -> int:
    """Runs the command; returns the exit status, 1 where the scores can't be used."""
    path = path or SCORES
    try:
        scored = read(store, path)
        if asked.stamp:
            stamp(store, scored, path)
            scored = read(store, path)
    except ScoreErrors as faults:
        print(faults, file=sys.stderr)
        return 1
    print(report(store, scored))
    return 0


def read(store: FactStore, path: Path) -> List[Scored]:
    """The scores of a file, in its order.

    Raises:
        ScoreErrors: the file is missing or not valid YAML, a card is unknown or stands twice, an item or a reason is missing,
            or a score is out of range.
    """
    name = f"{path.parent.name}/{path.name}"
    try:
        text = path.read_text(encoding="utf-8")
        entries, root = yaml.safe_load(text), yaml.compose(text, yaml.SafeLoader)
    except FileNotFoundError:
        raise ScoreErrors([Problem(name, 1, "", "the file is not there", "score the answers and write them to it")]) from None
    except yaml.YAMLError as error:
        line = getattr(getattr(error, "problem_mark", None), "line", 0) + 1
        raise ScoreErrors([Problem(name, line, "", "not valid YAML", "look for a missing quote, colon or indent")]) from None
    if not (isinstance(entries, list) and entries and all(isinstance(each, dict) and "card" in each for each in entries)):
        raise ScoreErrors([Problem(name, 1, "", "no list of entries with a card each", "begin each entry with '- card: ID'")])
    problems: List[Problem] = []
    scored: List[Scored] = []
    for entry, node in zip(entries, root.value):
        card, line = str(entry["card"]), node.start_mark.line + 1
        if card not in store.cards:
            problems.append(Problem(name, line, card, "there is no such card", "correct the id, or take the entry out"))
        if card in (each.card for each in scored):
            problems.append(Problem(name, line, card, "the card stands twice", "keep one of the two entries"))
        page = _Entry(name, card, node)
        discern = page.scores(entry, "discern", DISCERN)
        pemat = page.scores(entry, "pemat", PEMAT)
        problems += page.problems
        scored.append(Scored(card, line, entry.get("text"), discern, pemat))
    if problems:
        raise ScoreErrors(problems)
    return scored


def fingerprint(card: Card) -> str:
    """Short hash of lead, points and their labels; changes whenever a word of them changes."""
    return hashlib.sha256("\n".join([card.lead.text, *(point.shown for point in card.points)]).encode()).hexdigest()[:10]


def stamp(store: FactStore, scored: Sequence[Scored], path: Path) -> None:
    """Writes into the file, after each card's id, which text its scores are of; nothing else in the file changes."""
    lines = path.read_text(encoding="utf-8").splitlines()
    for each in sorted(scored, key=lambda each: -each.line):
        if each.text is not None:
            place = next(number for number in range(each.line - 1, len(lines)) if lines[number].strip().startswith("text:"))
            del lines[place]
        lines.insert(each.line, f'  text: "{fingerprint(store.cards[each.card])}"')
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    for each in scored:
        if each.text != fingerprint(store.cards[each.card]):
            print(f"Stamped {each.card}.")


def report(store: FactStore, scored: Sequence[Scored]) -> str:
    """Table, means, goals, what fell short, and which scores are of another text."""
    means = {goal: sum(each.values[goal] for each in scored) / len(scored) for goal in GOALS}
    width = max(len(each.card) for each in scored)
    lines = [f"Treatment answers: {len(scored)}, {SCORED_BY}.", "", _row("card", width, list(GOALS))]
    lines += [_row(each.card, width, _shown(each.values)) for each in scored]
    lines += ["", _row("mean", width, _shown(means)), _row("goal", width, _shown(GOALS)), ""]
    for goal, least in GOALS.items():
        below = sum(each.values[goal] < least for each in scored)
        state = "reached" if means[goal] >= least else f"missed by {least - means[goal]:.1f}"
        lines.append(f"{goal}: {means[goal]:.1f} of at least {least:g}, {state}; below it: {below} of {len(scored)} answers.")
    lines += ["", "What falls short:", *_short(scored)]
    changed = list(_changed(store, scored))
    lines += ["", *changed] if changed else []
    return "\n".join(lines)


def _short(scored: Sequence[Scored]) -> Iterator[str]:
    """The DISCERN questions with a mean below 4, lowest first, then the PEMAT items not met, most often missed first."""
    means = {item: sum(each.discern[item] for each in scored) / len(scored) for item in DISCERN}
    for item in sorted((item for item in means if means[item] < 4), key=lambda item: means[item]):
        yield f"  DISCERN {item}, {DISCERN[item]}: mean {means[item]:.2f}"
    missed = {item: sum(each.pemat[item] == 0 for each in scored) for item in PEMAT}
    for item in sorted((item for item in missed if missed[item]), key=lambda item: -missed[item]):
        yield f"  PEMAT {item}, {PEMAT[item]}: not met by {missed[item]} of {len(scored)}"


def _changed(store: FactStore, scored: Sequence[Scored]) -> Iterator[str]:
    """A warning for each answer whose scores are not known to be of its present text."""
    for each in scored:
        if each.text is None:
            yield f"Warning: {each.card} has no 'text'. Mend: score the answer as it stands, then run: scores --stamp"
        elif each.text != fingerprint(store.cards[each.card]):
            yield f"Warning: {each.card} has changed since it was scored. Mend: score it again, then run: scores --stamp"


def _percent(scores: Iterator[Optional[int]]) -> float:
    counted = [score for score in scores if score is not None]
    return 100 * sum(counted) / len(counted) if counted else 0.0


def _shown(values: Mapping[str, float]) -> List[str]:
    return [f"{values['DISCERN']:.1f}".removesuffix(".0"), *(f"{values[goal]:.0f} %" for goal in list(GOALS)[1:])]


def _row(first: str, width: int, cells: Sequence[str]) -> str:
    return f"{first:<{width}}" + "".join(f"{cell:>{len(goal) + 2}}" for goal, cell in zip(GOALS, cells))


class _Entry:
    """Reads the scores of one card and collects what is wrong with them, each fault with its line."""

    def __init__(self, file: str, card: str, node: yaml.MappingNode) -> None:
        self.file, self.card, self.line = file, card, node.start_mark.line + 1
        self.problems: List[Problem] = []
        self._nodes = {key.value: value for key, value in node.value}

    def scores(self, entry: Mapping[str, Any], instrument: str, items: Mapping[int, str]) -> Dict[int, Any]:
        """The scores by item; items that are missing or can't be used are left out."""
        rows = entry.get(instrument)
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            self._fault(self.line, f"there is no list '{instrument}'", f"add {len(items)} items, each with item, score and why")
            return {}
        found: Dict[int, Any] = {}
        for row, node in zip(rows, self._nodes[instrument].value):
            line, item = node.start_mark.line + 1, row.get("item")
            if type(item) is not int or item not in items:
                self._fault(line, f"{instrument} has no item {item}", f"use the numbers {_numbers(items)}")
            elif item in found:
                self._fault(line, f"{instrument} item {item} stands twice", "keep one of the two")
            else:
                found[item] = self._score(line, instrument, row)
        for item in items:
            if item not in found:
                self._fault(self.line, f"{instrument} item {item} ({items[item]}) is missing", "score it, with a reason")
        return found

    def _score(self, line: int, instrument: str, row: Mapping[str, Any]) -> Optional[int]:
        item, score = row["item"], row.get("score")
        allowed: Tuple[Any, ...] = (1, 2, 3, 4, 5)
        if instrument == "pemat":
            allowed = (0, 1, NOT_APPLICABLE) if item in MAY_NOT_APPLY else (0, 1)
        if isinstance(score, bool) or score not in allowed:
            self._fault(line, f"{instrument} item {item} has the score {score}", f"use one of {', '.join(map(str, allowed))}")
        if not str(row.get("why") or "").strip():
            self._fault(line, f"{instrument} item {item} has no reason", "say in 'why' what the score rests on")
        return None if score == NOT_APPLICABLE else score

    def _fault(self, line: int, fault: str, mend: str) -> None:
        self.problems.append(Problem(self.file, line, self.card, fault, mend))


def _numbers(items: Mapping[int, str]) -> str:
    return "1 to 16" if items is DISCERN else "1 to 12 and 15 to 26"
