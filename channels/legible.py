"""Puts oddly typed letters into plain ones before anything is understood: full width, Cyrillic, struck through, "d i e".

People type so on purpose, to get past filters, or by no fault of theirs: keyboards, dictation and cramped hands do it too.
What is not recognised stays as it is.
"""

from __future__ import annotations

import math
import re
import unicodedata
from functools import lru_cache
from importlib.resources import files
from typing import Dict

_LOOK_ALIKES = str.maketrans(
    "аеорсухіјѕԁһԛԝӏвнкмтАВЕКМНОРСТХУІЈЅαονρτυικΑΒΕΖΗΙΚΜΝΟΡΤΥΧıɑɡℓ",
    "aeopcyxijsdhqwlbhkmtABEKMHOPCTXYIJSaovptuikABEZHIKMNOPTYXiagl",
)
"""Cyrillic, Greek and other letters that look like Latin ones (Unicode Technical Standard 39 lists them as confusable)."""

_WORD = re.compile(r"[^\W\d_]+")
# Three or more single letters with the same sign between them; two or three of the sign part two words.
_SPACED = re.compile(r"(?<![\w'’])[A-Za-z]([ .\-_*·•|/])[A-Za-z](?:\1{1,3}[A-Za-z])+(?![^\W_]|['’])")

A_WORD = 3
"""So many letters apart are one word: "d i e", "U.S.A"."""
A_SENTENCE = 3
"""Lines of fewer words than this, on average, are no sentences."""
LONGEST = 20
"""Letters of the longest word that is looked for."""
UNHEARD = -12.0
"""What each letter of a word counts that the list does not know: less than any word on it."""
WITHOUT_APOSTROPHE = ("cant", "dont", "wont", "im", "ive", "hes", "shes", "didnt", "isnt", "kms")


def legible(text: str) -> str:
    """The text with letters that are only styled, disguised or drawn apart put right; all else is left alone."""
    text = "".join(map(_unstyled, _without_strokes(text)))
    if re.search("[A-Za-z]", text) and not text.isascii():
        text = _WORD.sub(lambda word: _undisguised(word[0]), text)
    return _SPACED.sub(lambda run: _joined(run[0], run[1]), _in_one_line(text))


def _in_one_line(text: str) -> str:
    """Words that stand under each other, a few in a line, as one sentence."""
    lines = [line for line in text.splitlines() if line.strip()]
    few = len(text.split()) < A_SENTENCE * len(lines) and not any(re.search(r"[.?!]\s*$", line) for line in lines[:-1])
    return " ".join(line.strip() for line in lines) if len(lines) > 1 and few else text


def _without_strokes(text: str) -> str:
    """Without marks that are drawn over plain letters and make no letter of their own."""
    kept: list[str] = []
    for character in text:
        if not (unicodedata.category(character) in ("Mn", "Me") and kept and kept[-1].isascii()):
            kept.append(character)
    return "".join(kept)


def _unstyled(character: str) -> str:
    """A letter or digit of a styled alphabet (full width, bold, circled) as the plain one."""
    if character.isascii():
        return character
    plain = unicodedata.normalize("NFKC", character)
    return plain if plain.isascii() and plain.isalnum() else character


def _undisguised(word: str) -> str:
    plain = word.translate(_LOOK_ALIKES)
    return plain if plain.isascii() else word


def _joined(run: str, sign: str) -> str:
    words = ["".join(word.split(sign)) for word in re.split(rf"{re.escape(sign)}{{2,}}", run)]
    return " ".join(words) if len(words) > 1 or len(words[0]) == A_WORD else _in_words(words[0])


def _in_words(letters: str) -> str:
    """Letters without spaces as the likeliest words: "icantbreathe" is "i cant breathe".

    The likelihood of a cut is the product of its words' shares in English, found from left to right (Viterbi, 1967).
    """
    likelihood, shares, text = [0.0], _shares(), letters.lower()
    starts = [0]
    for end in range(1, len(text) + 1):
        scores = [
            (likelihood[start] + shares.get(text[start:end], UNHEARD * (end - start)), start)
            for start in range(max(0, end - LONGEST), end)
        ]
        score, start = max(scores)
        likelihood.append(score)
        starts.append(start)
    words, end = [], len(text)
    while end:
        words.insert(0, text[starts[end] : end])
        end = starts[end]
    return " ".join(words)


@lru_cache(maxsize=1)
def _shares() -> Dict[str, float]:
    """Logarithm of each English word's share, by the list that comes with symspellpy; read when the first such message comes.

    The package's own look-up takes seconds to load, which would hold up everyone; this takes a tenth of one.
    """
    listing = (files("symspellpy") / "frequency_dictionary_en_82_765.txt").read_text(encoding="utf-8-sig")
    counts = {word: float(count) for word, count in (line.split() for line in listing.splitlines())}
    # One letter is a word only where it is one in a sentence; and the list knows no words without their apostrophe.
    counts = {word: count for word, count in counts.items() if len(word) > 1 or word in ("a", "i")}
    counts.update(dict.fromkeys(WITHOUT_APOSTROPHE, 1e8))
    whole = math.log(sum(counts.values()))
    return {word: math.log(count) - whole for word, count in counts.items()}
