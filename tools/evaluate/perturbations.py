"""Changes to a message that must not change what is understood: the invariance tests of the checklist."""

from __future__ import annotations

import random
import re
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Sequence, Tuple

from dystonia.models import Term
from dystonia.store import shared_store
from nlu.message import NAMED_KINDS
from tools.evaluate.judging import EVERYTHING
from tools.evaluate.measures import SEED
from tools.held_out import with_slips

SLIPS = 2
Pairs = Sequence[Tuple[str, str]]
_OTHER_WORDS = re.compile(r"(?:ing|ed|ic|al|ive|or|er|ist|ject|gene|mutation|[^isu]s)$")
"""Ends of phrases in the vocabulary that are verbs, adjectives, plurals, people or genes: no name to put in a name's place."""
_OTHERWISE_WORDS = ("its", "were", "ill")
"""Contractions that are other words when the apostrophe is left out."""


class Perturbation(NamedTuple):
    """A kind of change; ``change`` takes a text and a source of chance."""

    name: str
    change: Callable[[str, random.Random], str]

    def of(self, text: str) -> str:
        """The text changed: the same each time. As it was where there is nothing to change."""
        return self.change(text, random.Random(f"{SEED}:{self.name}:{text}"))


def slips(count: int) -> Perturbation:
    """Slips of the keyboard, some in every message."""
    return Perturbation(f"{count} typing slip{'s' if count > 1 else ''}", lambda text, _: with_slips(text, count, SEED))


def perturbations(tables: Mapping[str, Any]) -> List[Perturbation]:
    """All of them.

    Args:
        tables: word tables of tests/understanding/held_out/checklist.yml.
    """
    misheard, short, spelled = ([tuple(pair) for pair in tables[name]] for name in ("dictation", "contractions", "spellings"))
    both_spellings = [*spelled, *_turned(spelled)]
    written_out = [
        pair
        for one, other in short
        for pair in ((other, one), (other.replace("'", ""), one))
        if pair[0] not in _OTHERWISE_WORDS
    ]
    return [
        slips(1),
        slips(SLIPS),
        Perturbation("a word misheard in dictation", lambda text, chance: swap_one(text, misheard, chance)),
        Perturbation("no punctuation", lambda text, _: without_punctuation(text)),
        Perturbation("lower case", lambda text, _: text.lower()),
        Perturbation("capitals", lambda text, _: text.upper()),
        Perturbation("contractions made", lambda text, _: swap_all(text, short)),
        Perturbation("contractions written out", lambda text, _: swap_all(text, written_out)),
        Perturbation("another name for the same", another_name),
        Perturbation("British or American words", lambda text, _: swap_all(text, both_spellings)),
        Perturbation("polite opening", lambda text, chance: f"{chance.choice(tables['openings'])} {text}"),
        Perturbation("polite closing", lambda text, chance: f"{text} {chance.choice(tables['closings'])}"),
    ]


def without_punctuation(text: str) -> str:
    """As phones and dictation leave it; hyphens stay, because they join words."""
    return " ".join(re.sub(r"[^\w\s-]", "", text).split())


def swap_all(text: str, pairs: Pairs) -> str:
    """Every phrase on the left of a pair becomes the one on its right, once."""
    swaps = {left.lower(): right for left, right in reversed(pairs)}
    return _matcher(swaps).sub(lambda found: _cased(found[0], swaps[found[0].lower()]), text)


def swap_one(text: str, pairs: Pairs, chance: random.Random) -> str:
    """One of the phrases on the left, by chance, becomes the one on its right."""
    swaps = {left.lower(): right for left, right in pairs}
    places = list(_matcher(swaps).finditer(text))
    if not places:
        return text
    place = chance.choice(places)
    return text[: place.start()] + _cased(place[0], swaps[place[0].lower()]) + text[place.end() :]


def another_name(text: str, chance: random.Random) -> str:
    """One type or treatment is called by another of its names, lay or medical, as the vocabulary has them."""
    names: Dict[str, List[str]] = {}
    for term in shared_store().terms.values():
        if term.kind in NAMED_KINDS and term.slug != EVERYTHING:
            listed = _names(term)
            names.update({name.lower(): [other for other in listed if other != name] for name in listed})
    pairs = [(name, chance.choice(others)) for name, others in sorted(names.items()) if others]
    return swap_one(text, pairs, chance)


def _names(term: Term) -> List[str]:
    """The names that fit in each other's place: nouns of the same thing, not what people say instead of a name."""
    last = term.name.split()[-1]
    single = [each for each in term.synonyms if " " not in each and len(each) > 3 and each[:5] != term.name[:5]]
    alike = [each for each in term.synonyms if " " in each and each.split()[-1] == last]
    older = [each for each in term.older_terms if " " in each or term.kind == "type"]
    nouns = [each for each in (term.name, *single, *alike, *older) if not _OTHER_WORDS.search(each)]
    return list(dict.fromkeys(nouns)) if term.name in nouns else []


def _turned(pairs: Pairs) -> List[Tuple[str, str]]:
    return [(right, left) for left, right in pairs]


def _matcher(swaps: Mapping[str, str]) -> "re.Pattern[str]":
    listed = "|".join(re.escape(phrase) for phrase in sorted(swaps, key=len, reverse=True))
    return re.compile(rf"(?<![\w'-])(?:{listed})(?![\w'-])", re.I)


def _cased(before: str, after: str) -> str:
    """The new words, with a capital where the old ones began with one and went on small."""
    return after[0].upper() + after[1:] if before[:1].isupper() and not before[1:2].isupper() else after
