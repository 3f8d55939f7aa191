"""What a sentence that visitors read may not hold, and how hard it may be to read."""
from __future__ import annotations

import re
from functools import lru_cache
from typing import Iterator, List, NamedTuple

MAX_GRADE = 9.0
"""The highest Flesch-Kincaid grade a card may have, names set aside (US National Library of Medicine: 6 to 8)."""

_AMOUNT = r"\d+(?:[.,]\d+)?\s?(?:mg|mcg|µg|micrograms?|milligrams?|grams?|g|ml|millilit\w+|units?|iu|tablets?|pills?|drops?)\b"
_MEDICINE = r"(?:taking|using|your|the|this|that)\s+(?:\w+\s+){0,3}"


class Rule(NamedTuple):
    """A pattern that no sentence may match, what it stands for, and how an editor mends it."""

    pattern: "re.Pattern[str]"
    fault: str
    mend: str


RULES = (
    Rule(
        re.compile(_AMOUNT + r"|\b(?:one|two|three|four|five|six|ten|half an?|(?:half|a quarter|a third|a half) of an?)\s+(?:and a half\s+)?(?:tablets?|pills?|drops?|units?)\b", re.I),
        "gives a dose",
        "take the amount out; only a prescriber may name one",
    ),
    Rule(
        re.compile(
            r"\bguarantee\w*|\bwill (?:cure|heal|fix|make you better|go away|get better|help you|work for you)\b"
            r"|\balways (?:works|helps)\b|\b(?:completely|totally|perfectly) safe\b|\bno (?:risks?|side effects)\b"
            r"|\bmiracle\b|\byou will (?:recover|improve|be fine|be cured|be well)\b",
            re.I,
        ),
        "makes a promise",
        "say what happened to how many people, or use 'may' or 'can'",
    ),
    Rule(
        re.compile(
            r"(?<!if )(?<!whether )(?<!that )\byou (?:probably |clearly |must |likely |do )?have (?:a |an )?"
            r"(?:\w+ )?(?:dystonia|blepharospasm|parkinson\w*|stroke)\b(?! (?:clinic|group|nurse|team))(?=\s*[.!;])",
            re.I,
        ),
        "makes a diagnosis",
        "speak of people with the condition, not of what the reader has",
    ),
    Rule(
        re.compile(
            r"(?<!not )(?<!never )(?<!n't )(?<!before you )(?<!before )(?<!to )(?<!who )"
            rf"\b(?:stop|increase|double|reduce|lower|raise|halve|skip)\s+{_MEDICINE}"
            r"(?:dose|medicines?|tablets?|pills?|drugs?|pump|baclofen|levodopa|clonazepam|diazepam)\b",
            re.I,
        ),
        "advises starting, stopping or changing a medicine",
        "say who can decide that: the prescriber or a pharmacist",
    ),
    Rule(
        re.compile(r"\b(?:botox|dysport|xeomin|myobloc|daxxify)\b[^.]{0,40}\b(?:is|are|works?) (?:the )?(?:better|best|strong(?:er|est)|safe(?:r|st)|(?:more|most) effective)\b", re.I),
        "prefers a brand",
        "speak of botulinum toxin, or of all its kinds alike",
    ),
    Rule(re.compile(r"!"), "has an exclamation mark", "use a full stop: calm words carry further"),
)

_NAMES = re.compile(
    r"\b(?:dysto\w+|blepharospasm|botulinum|toxins?|oromandibular|laryngeal|cervical|torticollis|dysphonia|anticholinergics?"
    r"|benzodiazepines?|baclofen|levodopa|trihexyphenidyl|clonazepam|diazepam|\w+benazine|myoclon\w+|parkinson\w*"
    r"|tardive|paroxysmal|generali[sz]ed|segmental|multifocal|idiopathic|intrathecal|pallid\w+|thalam\w+|denervation"
    r"|metoclopramide|antipsychotics?|neurolog\w+|stimulat\w+|medicines?|injections?|movements?|specialists?"
    r"|physiotherap\w+|\w*therap\w+|conditions?|syndrome|muscles?|organi[sz]ations?)\b",
    re.I,
)
_ABBREVIATIONS = re.compile(r"\b[A-Z]{2,}\w*\b")
_SENTENCE_END = re.compile(r"(?<=[.?!])[\"')\]]*\s+(?=[\"'(\[]?[A-Z0-9])")


def sentences(text: str) -> List[str]:
    """The sentences of a text, in order; abbreviations such as "e.g." are not expected in cards."""
    return [sentence for sentence in _SENTENCE_END.split(text.strip()) if sentence]


def faults(text: str) -> Iterator[Rule]:
    """The rules that a text breaks, each at most once."""
    return (rule for rule in RULES if rule.pattern.search(text))


def reading_grade(text: str) -> float:
    """Flesch-Kincaid US school grade of a text, names of conditions and medicines counted as one short word.

    Formula: Kincaid and others, 1975. Syllables are counted by spelling, about one in thirty wrongly.
    """
    words = re.findall(r"[A-Za-z']+", _NAMES.sub("name", _ABBREVIATIONS.sub("name", text)))
    if not words:
        return 0.0
    syllables = sum(_syllables(word.lower()) for word in words)
    return 0.39 * len(words) / max(1, len(sentences(text))) + 11.8 * syllables / len(words) - 15.59


# Vowels that stand together are one syllable, but these are said apart: "med-i-um", "be-ing", "ide-a", "us-u-al", "cre-ate".
_VOWELS = re.compile(r"[aeiouy]+")
_APART = re.compile(r"(?<![cstxg])i(?=[aou]|en)|[eo](?=ing)|e(?=a$|o(?!p))|(?<![qg])u(?=a)|(?<=cr)e(?=at)")
# An e at the end, or before such an ending, is silent, but for "ta-ble", "no-ses" and "trea-ted".
_SILENT = re.compile(
    r"(?<![^aeiouyl]l)e$|(?<![sxzcg])(?<!ch)(?<!sh)(?<![^aeiouyl]l)es$|(?<![tde])(?<![^aeiouyl]l)ed$|[^aeiouy]e(?=(?:ly|ments?|ful|less|times)$)"
)


@lru_cache(maxsize=20_000)
def _syllables(word: str) -> int:
    """Syllables by spelling: groups of vowels, more where they are said apart, less what is silent."""
    word = word.replace("'", "")
    return max(1, len(_VOWELS.findall(word)) + len(_APART.findall(word)) - bool(_SILENT.search(word)))
