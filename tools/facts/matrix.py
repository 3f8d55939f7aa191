"""`make matrix`: which card says what of every type and treatment, and what is empty on purpose and why."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Dict, Iterator, List, NamedTuple

from dystonia.models import FACETS
from dystonia.store import FactStore

DOCUMENT = Path(__file__).resolve().parent.parent.parent / "docs" / "matrix.md"


class Cell(NamedTuple):
    """One facet of one subject: the cards that cover it, or those of its parent, or why there is none."""

    subject: str
    facet: str
    cards: List[str]
    parent: str
    why: str

    @property
    def state(self) -> str:
        """``filled``, ``by parent``, ``empty on purpose`` or ``unexplained``."""
        if self.cards:
            return "by parent" if self.parent else "filled"
        return "empty on purpose" if self.why else "unexplained"


def cells(store: FactStore) -> Iterator[Cell]:
    """All cells, in the order of the vocabulary and of the facets."""
    covering: Dict[str, List[str]] = {}
    for card in store.cards.values():
        for cell in card.covers:
            covering.setdefault(cell, []).append(card.id)
    for term in store.terms.values():
        reasons = store.uncovered[term.slug].empty if term.slug in store.uncovered else {}
        for facet in FACETS.get(term.kind, ()):
            cards, parent = covering.get(f"{term.slug}.{facet}", []), ""
            if not cards and facet not in reasons and term.parent in store.terms and store.terms[term.parent].kind == term.kind:
                cards = covering.get(f"{term.parent}.{facet}", [])
                parent = term.parent or ""
            yield Cell(term.slug, facet, cards, parent if cards else "", reasons.get(facet, ""))


def document(store: FactStore) -> str:
    """The matrix as a Markdown page."""
    listed = list(cells(store))
    counts = Counter(cell.state for cell in listed)
    lines = [
        "# What the cards cover",
        "",
        "Made by `make matrix` from the `covers` of the cards and from `facts/uncovered.yml`; do not edit it by hand.",
        "",
        f"{len(listed)} cells: {counts['filled']} filled by a card of their own, "
        f"{counts['by parent']} by a card of the wider group (↑), "
        f"{counts['empty on purpose']} empty on purpose (–, reasons below), "
        f"{counts['unexplained']} empty without a reason (?).",
    ]
    for kind, facets in FACETS.items():
        lines += ["", f"## {kind.capitalize()}s", "", "| | " + " | ".join(facet.replace("_", " ") for facet in facets) + " |"]
        lines.append("|---" * (len(facets) + 1) + "|")
        for slug in dict.fromkeys(cell.subject for cell in listed if store.terms[cell.subject].kind == kind):
            row = [_shown(cell) for cell in listed if cell.subject == slug]
            lines.append(f"| **{store.name(slug)}** | " + " | ".join(row) + " |")
    lines += ["", "## Empty on purpose", "", "| cell | why |", "|---|---|"]
    lines += [f"| {cell.subject}.{cell.facet} | {cell.why} |" for cell in listed if cell.state == "empty on purpose"]
    return "\n".join(lines) + "\n"


def write(store: FactStore, path: Path = DOCUMENT) -> int:
    """Writes the page, and prints what is empty without a reason; returns the exit status, 1 when anything is."""
    path.write_text(document(store), encoding="utf-8")
    listed = list(cells(store))
    for state, count in Counter(cell.state for cell in listed).items():
        print(f"{state:<17}{count:>5}")
    bare = [f"{cell.subject}.{cell.facet}" for cell in listed if cell.state == "unexplained"]
    for cell in bare:
        print(f"  {cell}: no card covers it. Mend: name it in a card's 'covers', or say why not in facts/uncovered.yml.")
    return 1 if bare else 0


def _shown(cell: Cell) -> str:
    if cell.cards:
        more = f" +{len(cell.cards) - 1}" if len(cell.cards) > 1 else ""
        return (
            f"{'↑ ' if cell.parent else ''}{cell.cards[0].partition('.')[2]}{more}"
            if cell.cards[0].startswith(f"{cell.parent or cell.subject}.")
            else f"{'↑ ' if cell.parent else ''}{cell.cards[0]}{more}"
        )
    return "–" if cell.why else "?"
