"""`python -m tools.facts new`: asks for what a card needs, one thing at a time, and writes it as a draft."""

from __future__ import annotations

import datetime
import re
from collections import Counter
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, List, Optional

from dystonia import wording
from dystonia.models import TOPICS, Status
from dystonia.store import FactStore
from tools.facts import writing

Ask = Callable[[str], str]
Fault = Callable[[str], Optional[str]]
_ID = re.compile(r"^[a-z0-9_]+\.[a-z0-9_]+$")
BUTTON = 60
YEAR = datetime.timedelta(days=365)


def new(store: FactStore, folder: Path, ask: Ask = input) -> int:
    """Asks, shows the card, and adds it to a file; returns the exit status, 1 when the editor stops before the end."""
    print(
        "A new card. Answer each question and press Enter; an empty line ends a list. Ctrl-C stops, and nothing is written.\n"
    )
    try:
        card = _asked(store, ask)
        file = _one(
            ask,
            "In which file?",
            _suggested_file(store, folder, card["about"]),
            lambda name: None if re.fullmatch(r"[a-z0-9_]+\.yml", name) else "write small letters and end in .yml",
        )
    except (KeyboardInterrupt, EOFError):
        print("\nStopped. Nothing was written.")
        return 1
    path = folder / "cards" / file
    writing.save(path, writing.put(path.read_text(encoding="utf-8") if path.exists() else "", card))
    print(f"\n{writing.as_yaml(card)}\nWritten to {folder.name}/cards/{file} as a draft: no visitor reads it yet.")
    print("Next: compare each sentence with its sources, write 'state: checked', run 'make facts', then 'make train'.")
    return 0


def _asked(store: FactStore, ask: Ask) -> Dict[str, Any]:
    card_id = _one(ask, "Its id, subject.short_name (for example massage.cost)", "", lambda text: _fault_in_id(store, text))
    subject = card_id.partition(".")[0]
    today = datetime.date.today()
    return {
        "id": card_id,
        "topic": _one(ask, f"Its topic, one of {', '.join(TOPICS)}", "", _known(TOPICS)),
        "about": _many(
            ask, "What it is about, the most specific first", _known({*store.terms, *store.countries}), 1, [subject]
        ),
        "questions": _questions(store, ask),
        "lead": _passage(store, ask, "The answer in one or two sentences; the first must answer by itself"),
        "points": _points(store, ask),
        "reviewed": today.isoformat(),
        "review_by": (today + YEAR).isoformat(),
        "status": _one(
            ask,
            f"Its status, one of {', '.join(each.value for each in Status)}",
            "settled",
            _known([each.value for each in Status]),
        ),
        "state": "draft",
        "cautions": _many(ask, f"Safety words it must carry, of {', '.join(store.cautions)}", _known(store.cautions)),
        "see_also": _many(ask, "Ids of cards to read next", _known(store.cards)),
    }


def _questions(store: FactStore, ask: Ask) -> List[str]:
    fault = _fault_in_question(store)
    first = _one(ask, "The question as it stands on a button", "", lambda text: fault(text) or _fault_on_a_button(text))
    return _many(ask, "Other ways to ask it, at least two", fault, 3, [first])


def _fault_on_a_button(text: str) -> Optional[str]:
    return None if len(text) <= BUTTON and text.endswith("?") else f"it must have at most {BUTTON} characters and end in '?'"


def _points(store: FactStore, ask: Ask) -> List[Dict[str, Any]]:
    points: List[Dict[str, Any]] = []
    while len(points) < 5 and _one(ask, "A further point? yes or no", "no", _known(["yes", "no"])) == "yes":
        points.append(_passage(store, ask, "The point, one or two short sentences"))
    return points


def _passage(store: FactStore, ask: Ask, prompt: str) -> Dict[str, Any]:
    return {
        "text": _one(ask, prompt, "", _fault_in_text),
        "sources": _many(ask, "Ids of the sources that back every sentence of it", _known(store.sources), 1),
    }


def _one(ask: Ask, prompt: str, default: str, fault: Fault) -> str:
    while True:
        text = " ".join(ask(f"{prompt}{f' [{default}]' if default else ''}: ").split()) or default
        problem = fault(text)
        if problem is None:
            return text
        print(f"  That can't be used: {problem}.")


def _many(ask: Ask, prompt: str, fault: Fault, least: int = 0, first: Iterable[str] = ()) -> List[str]:
    print(f"{prompt}.")
    listed = [text for text in first if fault(text) is None]
    while True:
        text = " ".join(ask(f"  {len(listed) + 1}{f' ({listed[0]} is there)' if len(listed) == 1 and first else ''}: ").split())
        if not text and len(listed) >= least:
            return listed
        problem = fault(text) or ("it is there already" if text in listed else None)
        if problem is None:
            listed.append(text)
        else:
            print(f"  That can't be used: {problem}.")


def _known(names: Iterable[str]) -> Fault:
    known = list(names)

    def fault(text: str) -> Optional[str]:
        if text in known:
            return None
        near = " or ".join(get_close_matches(text, known, n=3))
        return f"'{text}' is not known{f'; did you mean {near}' if near else ''}"

    return fault


def _fault_in_id(store: FactStore, text: str) -> Optional[str]:
    if not _ID.match(text):
        return "write subject.short_name in small letters, digits and underscores"
    return "there is a card of that name" if text in store.cards else None


def _fault_in_question(store: FactStore) -> Fault:
    taken = {question.lower(): card.id for card in store.cards.values() for question in card.questions}

    def fault(text: str) -> Optional[str]:
        if not 5 <= len(text) <= 200:
            return "it must have 5 to 200 characters"
        return f"it already leads to {taken[text.lower()]}" if text.lower() in taken else None

    return fault


def _fault_in_text(text: str) -> Optional[str]:
    rule = next(wording.faults(text), None)
    if rule is not None:
        return f"it {rule.fault}; {rule.mend}"
    return None if len(text) >= 10 else "it is too short"


def _suggested_file(store: FactStore, folder: Path, about: List[str]) -> str:
    """The file that holds most cards about the first subject."""
    counts: Counter = Counter()
    for path in sorted((folder / "cards").glob("*.yml")):
        ids = writing.cards_in(path.read_text(encoding="utf-8"))
        counts[path.name] = sum(about[0] in store.cards[card_id].about for card_id in ids if card_id in store.cards)
    return counts.most_common(1)[0][0]
