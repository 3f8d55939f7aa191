"""What a sentence that visitors read may not hold, and how hard it may be to read."""
from __future__ import annotations

import re
from functools import lru_cache
from typing import Iterator, List, NamedTuple

MAX_GRADE = 9.0
"""The highest Flesch-Kincaid grade a card may have, names set aside (US National Library of Medicine: 6 to 8)."""

_NUMBER = (
    r"(?:\d+(?:[.,]\d+)?|one|two|three|four|five|six|seven|eight|nine|ten|twelve|fifteen|twenty|thirty|forty|fifty|sixty|eighty"
    r"|a hundred|two hundred|a thousand|half an?|(?:half|a quarter|a third|a half) of an?)"
)
_AMOUNT = (
    r"\b\d+(?:[.,]\d+)?\s?(?:mg|mcg|µg|micrograms?|milligrams?|grams?|g|ml|millilit\w+|units?|iu|tablets?|pills?"
    r"|capsules?|drops?)\b"
    rf"|\b{_NUMBER}\s+(?:and a half\s+)?(?:tablets?|pills?|capsules?|drops?|units?|milligrams?|teaspoons?|tablespoons?"
    rf"|puffs?|sachets?)\b"
    r"|\b(?:one|two|three|four|half|a quarter)(?: (?:of it|of them|extra))? (?:in the morning|at bedtime|at night"
    r"|twice a day|once a day|every \w+ hours)\b"
    r"|\b(?:a single|(?:takes?|have|swallow) another|an extra|one more|a quarter) (?:tablet|pill|capsule|drop|dose)\b"
    r"|\bhalf (?:of )?(?:your|the) (?:usual |normal |daily )?(?:dose|amount)\b"
    r"|\b(?:take|give|have|swallow|use) (?:it|one|two|them|this|these) (?:once|twice|(?:two|three|four) times) (?:a|per"
    r"|each) day\b"
)
_MEDICINE = (
    r"(?:doses?|dosage|medicines?|medication|tablets?|pills?|drugs?|pump|injections?|toxin|botox|stimulator|settings?"
    r"|baclofen|levodopa|clonazepam"
    r"|diazepam|lorazepam|trihexyphenidyl|tetrabenazine|artane|sinemet|antipsychotic)"
)
_CHANGE = (
    r"(?:stop|start|begin|increase|double|triple|reduce|lower|raise|halve|skip|miss|drop|quit|switch|swap|come off|wean"
    r"|cut down|cut back|go back on)"
)
_CONDITION = (
    r"(?:dystonia|dystonic \w+|blepharospasm|torticollis|dysphonia|parkinson\w*|strokes?|meige\w*|dyt\d*\w*"
    r"|multiple sclerosis|epilepsy|functional disorder"
    r"|status dystonicus)"
)
_TELLS = r"(?:^|[.;:,]\s+|\b(?:so|and|then|please|now|just|you)\s+)"
"""What stands before a verb that tells someone to do a thing."""
_RELATIVE = r"(?:son|daughter|child|baby|husband|wife|partner|mother|father|mum|mom|dad|brother|sister)"
_BRAND = (
    r"(?:botox|dysport|xeomin|myobloc|neurobloc|daxxify|lioresal|rivotril|artane|xenazine|austedo|ingrezza|sinemet"
    r"|madopar|medtronic|boston scientific|abbott)"
)


class Rule(NamedTuple):
    """A pattern that no sentence may match, what it stands for, and how an editor mends it."""

    pattern: "re.Pattern[str]"
    fault: str
    mend: str


RULES = (
    Rule(re.compile(_AMOUNT, re.I), "gives a dose", "take the amount out; only a prescriber may name one"),
    Rule(
        re.compile(
            r"\bguarantee[sd]?\b(?<!not guarantee)(?<!n't guarantee)|\bwill (?:cure|heal|fix|make you better|go away"
            r"|get better|help you|work for you|disappear)\b"
            r"|\balways (?:works|helps)\b|\b(?:completely|totally|perfectly|entirely|absolutely) (?:safe|harmless)\b"
            r"|\bno (?:risks?|side effects)\b(?! (?:is|are) known)"
            r"|\bmiracle\b|\bnever comes? back\b|\b100 ?(?:%|per ?cent)|\bnothing (?:serious|to worry about)\b"
            r"|\b(?:do not|don't|no need to) worry\b(?! if\b)"
            r"|\b(?:relief|recovery|success|a cure) is (?:assured|certain|sure)\b|\bworks? (?:every time|without fail)\b"
            r"|\b(?:puts?|will put) an end to\b|\bwill be gone\b|\bno danger in\b"
            r"|\bbound to (?:help|work|pass|get better)\b|\byou can be sure\b"
            r"|\bit(?: is|'s) (?:quite |totally )?harmless\b|\byou(?:'ll| will| are going to"
            r"|'re going to) (?:soon )?be (?:back|fine|ok|okay|cured|well|better|free|able to)\b"
            r"|\bsure way\b|\brisk[- ]free\b|\bcertain to (?:work|help|recover)\b"
            r"|\b(?:you|he|she|they|your \w+) will (?:soon |surely |certainly |definitely |fully )*"
            r"(?:recover|improve|be fine|be cured|be well|be ok|be all right|get better|get well|walk again|be free"
            r"|feel better|heal|be back to normal)\b",
            re.I,
        ),
        "makes a promise",
        "say what happened to how many people, or use 'may' or 'can'",
    ),
    Rule(
        re.compile(
            r"(?<!if )(?<!whether )(?<!that )(?<!when )\byou (?:probably |clearly |must |likely |do "
            r"|definitely )?have (?:a |an )?"
            r"(?:\w+ )?(?:dystonia|blepharospasm|torticollis|dysphonia|parkinson\w*|stroke)\b(?! (?:clinic|group|nurse"
            r"|team))(?= disease)?(?=\s*(?:disease)?[.!;])"
            rf"|\b(?:it|this|that|which|he|she|child) (?:sounds?|looks?|seems?) (?:very much |a lot |rather )?(?:like"
            rf"|as if|as though|to be|to me like)\b(?: \w+){{0,4}} {_CONDITION}\b"
            rf"|\b(?:this|that|it) (?:is|must be) (?:definitely|clearly|probably|certainly|surely|just|only"
            rf"|obviously) (?:an? )?(?:(?!about)\w+ )?{_CONDITION}\b"
            rf"|\bwhat you (?:describe|have|feel|tell me)\b(?: \w+){{0,2}} (?:is|are|must be) (?:\w+ ){{0,2}}{_CONDITION}\b"
            rf"|(?<!if )(?<!whether )(?<!that )(?<!when )\byour (?:{_RELATIVE} (?:has|have|does not have)"
            rf"|symptoms? (?:show|mean|prove|are)|(?:scan|mri|test|result|gene report)s? (?:is|are|shows?|means?|proves?))"
            rf" (?:\w+ ){{0,6}}(?:{_CONDITION}|normal|abnormal|fine|clear)\b"
            rf"|\byou (?:do not|don't|can't|cannot) have (?:a |an )?(?:\w+ )?{_CONDITION}\b"
            rf"|(?<!if )(?<!whether )(?<!when )\byou are (?:suffering from|having|developing) (?:a "
            rf"|an )?(?:\w+ )?{_CONDITION}\b"
            r"|\b(?:it|this|that) (?:is|must be) (?:just|only) (?:anxiety|stress|nerves)\b"
            rf"|(?<!if )(?<!whether )(?<!when )\byou (?:seem|appear) to have (?:an? )?(?:\w+ )?{_CONDITION}\b"
            rf"|(?<!if )(?<!whether )(?<!when )(?<!that )\byou(?:'re| are| have|'ve) (?:had|having"
            rf"|got) (?:an? )?(?:\w+ )?{_CONDITION}\b(?! (?:at|by|when|in|from|before|after|for|since))"
            rf"|\b(?:means?|proves?|shows?|confirms?) (?:that )?(?:you|he|she|your {_RELATIVE}) (?:have|has|had"
            rf"|got) (?:an? )?(?:\w+ )?{_CONDITION}\b"
            rf"|(?:^|[.;]\s+)(?:he|she) (?:has|has had|is having) (?:an? )?(?:\w+ )?{_CONDITION}\b"
            rf"|(?:^|[.;,]\s+)(?:clearly |surely |so )?your (?!doctor)(?:\w+(?:'s)? )?(?:\w+ )(?:has|have|is"
            rf"|are) (?:an? )?(?:[\w-]+ )?(?:{_CONDITION}|dystonic)\b"
            rf"|(?:^|[.;]\s+)(?:sounds|looks) (?:very much )?like {_CONDITION}\b|\bso it is (?:\w+ )?{_CONDITION}\b"
            rf"|\byou have(?: not|n't) (?:got|had) (?:an? )?{_CONDITION}\b"
            rf"|\bit (?:can't|cannot|must|has to) be (?:an? )?(?:\w+ )?{_CONDITION}\b",
            re.I,
        ),
        "makes a diagnosis",
        "speak of people with the condition, not of what the reader has",
    ),
    Rule(
        re.compile(
            r"(?<!not )(?<!never )(?<!n't )(?<!before you )(?<!before )(?<!to )(?<!who )"
            r"(?<!if you )(?<!that )(?<!or )(?<!may )(?<!can )"
            rf"\b{_CHANGE}\s+(?:taking |using )?(?:your|taking|using)\s+(?:\w+ ){{0,3}}{_MEDICINE}\b"
            rf"|{_TELLS}{_CHANGE}\s+(?:the|this|that|these|those|all)\s+(?:\w+ ){{0,3}}{_MEDICINE}\b"
            rf"|(?:^|[.;:]\s+)(?:please |now |just )?{_CHANGE} (?:to )?{_MEDICINE}\b"
            rf"|\byou (?:should|must|need to|ought to|had better|could|can|may|might want to) (?:(?!not"
            rf"|never)\w+ )?(?:try )?(?:{_CHANGE}|coming off|stopping|starting)\b[^.;]{{0,30}}\b{_MEDICINE}\b"
            r"|(?<!that )\bit(?: is|'s) (?:fine|ok|okay|safe|all right|best) to (?:skip|stop|miss|take|change|double"
            r"|drop|come off|wait)\b"
            rf"|\byou (?:do not|don't|no longer) need (?:your|the|any|more|these|those) (?:\w+ )?{_MEDICINE}\b"
            rf"|{_TELLS}(?:turn|switch|set) (?:your|the) (?:stimulator|dbs|pump|device|neurostimulator) (?:up|down|off|on|to)\b"
            rf"|\b(?:go back|return) (?:to|on to|onto) (?:your|the) (?:\w+ ){{0,2}}{_MEDICINE}\b|\bno need to (?:keep"
            rf"|go on|carry on|continue) (?:taking|using)\b"
            rf"|(?<!not )(?<!never )(?<!n't )(?<!to )\b(?:cut out|leave off|leave out|give up|get off|go off|keep taking"
            rf"|carry on taking|continue taking|continue) (?:with )?(?:your|the|all) (?:\w+ ){{0,2}}{_MEDICINE}\b"
            rf"|\b(?:don't|do not) (?:take|use) (?:your|another|the next|any more of) (?:\w+ ){{0,2}}{_MEDICINE}\b"
            rf"|\b(?:be taken|taking yourself) off (?:your|the) (?:\w+ ){{0,2}}{_MEDICINE}\b|\bwhy not (?:try )?(?:stop"
            rf"|start|change|stopping|starting|changing)\b"
            rf"|\b(?:don't|do not|no need to) bother with (?:your|the) {_MEDICINE}\b"
            r"|\bif i were you\b|\bi(?:'d| would|'ll)? (?:suggest|advise|recommend)\b",
            re.I,
        ),
        "advises starting, stopping or changing a medicine",
        "say who can decide that: the prescriber or a pharmacist",
    ),
    Rule(
        re.compile(
            rf"\b{_BRAND}\b[^.?]{{0,40}}\b(?:is|are|works?|lasts?|gives?|has|does) (?:(?:the|by far|much|far|clearly) )*"
            r"(?:better|best|strong(?:er|est)|safe(?:r|st)|superior|longer|longest|preferred|fewer|less|(?:more"
            r"|most) (?:effective|reliable))\b"
            rf"|\b(?:best|safest|strongest|better|safer|superior|most effective) (?:\w+ )?(?:brand|toxin|product|make"
            rf"|maker|device)?\s*(?:is|are|would be) {_BRAND}\b"
            rf"|\b{_BRAND}\b[^.?]{{0,30}}\b(?:is|are|works?|acts?) (?:an? )?(?:\w+er|(?:more"
            rf"|less) \w+)(?: and)?(?: so)?(?: an?)?(?: \w+){{0,2}} (?:than|choice|one|option)\b"
            rf"|\b(?:stick|keep) (?:to|with) {_BRAND}\b|\bi (?:like|love|trust) {_BRAND}\b|\b{_BRAND} makes? the (?:best"
            rf"|finest|safest)\b"
            rf"|\b{_BRAND} (?:beats|outperforms|outlasts|wins over|has the edge)\b|\b(?:nothing|none) (?:beats"
            rf"|matches) {_BRAND}\b"
            r"|\b(?:is|are) the (?:best|right|safest) (?:choice|option|treatment|one) for (?:you|him|her)\b"
            r"|\bgo(?:es)? with (?:botox|dysport|xeomin|myobloc|daxxify)\b"
            rf"|\b(?:choose|pick|prefers?|recommends?|avoid|ask for|insist on|go for|opt for)\s+(?:\w+ )?{_BRAND}\b",
            re.I,
        ),
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
    r"(?<![^aeiouyl]l)e$|(?<![sxzcg])(?<!ch)(?<!sh)(?<![^aeiouyl]l)es$|(?<![tde])(?<![^aeiouyl]l)ed$|[^aeiouy]e(?=(?:ly"
    r"|ments?|ful|less|times)$)"
)


@lru_cache(maxsize=20_000)
def _syllables(word: str) -> int:
    """Syllables by spelling: groups of vowels, more where they are said apart, less what is silent."""
    word = word.replace("'", "")
    return max(1, len(_VOWELS.findall(word)) + len(_APART.findall(word)) - bool(_SILENT.search(word)))
