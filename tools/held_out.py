"""The held-out sets: read, and with slips of the keyboard. No rule, card or example was made from them."""
from __future__ import annotations

import random
from pathlib import Path
from typing import Any, Dict, List

import yaml

from server.settings import ROOT

HELD_OUT = ROOT / "tests" / "understanding" / "held_out"

_NEIGHBOURS = {
    "q": "wa", "w": "qes", "e": "wrd", "r": "etf", "t": "ryg", "y": "tuh", "u": "yij", "i": "uok", "o": "ipl", "p": "ol",
    "a": "qsz", "s": "awdx", "d": "sefc", "f": "drgv", "g": "fthb", "h": "gyjn", "j": "hukm", "k": "jil", "l": "kop",
    "z": "asx", "x": "zsdc", "c": "xdfv", "v": "cfgb", "b": "vghn", "n": "bhjm", "m": "njk",
}  # fmt: skip
"""Keys beside each other on a QWERTY keyboard."""


def read(name: str, folder: Path = HELD_OUT) -> List[Dict[str, Any]]:
    """The entries of one set."""
    return yaml.safe_load((folder / f"{name}.yml").read_text(encoding="utf-8"))


def with_slips(text: str, slips: int, seed: int) -> str:
    """A text with slips: a key beside the one meant, a letter left out, doubled, or swapped with the next.

    Args:
        text: what was meant.
        slips: how many; fewer where there are not as many letters.
        seed: the same seed and text give the same slips.
    """
    chance = random.Random(f"{seed}:{text}")
    letters = list(text)
    for _ in range(slips):
        places = [place for place, letter in enumerate(letters) if letter.lower() in _NEIGHBOURS]
        if not places:
            break
        place = chance.choice(places)
        kind = chance.choice(("beside", "left out", "doubled", "swapped"))
        if kind == "beside":
            letters[place] = chance.choice(_NEIGHBOURS[letters[place].lower()])
        elif kind == "left out":
            del letters[place]
        elif kind == "doubled":
            letters.insert(place, letters[place])
        elif place + 1 < len(letters):
            letters[place], letters[place + 1] = letters[place + 1], letters[place]
    return "".join(letters)
