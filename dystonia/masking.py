"""Masking: personal details in a message are replaced by what they were, such as ``[name]``, before anything is stored.

It errs on the side of leaving words as they are: "I am tired" is no name, "10 to 20 units" no phone number, "DYT1" no
postcode. So it takes away what people usually give away, not everything that could tell who somebody is.
"""
from __future__ import annotations

import re
from functools import lru_cache
from typing import Callable, Dict, FrozenSet, Iterator, List, NamedTuple, Pattern, Sequence, Tuple

import yaml

from dystonia.masking_words import GIVEN_NAMES, LOOK_LIKE_PARTICIPLES, NOT_NAMES, RELATIVES
from dystonia.store import FACTS


class Detail(NamedTuple):
    """A personal detail: what it is (``mail``, ``name`` ...) and the characters ``start`` to ``end`` (not included)."""

    kind: str
    start: int
    end: int


Span = Tuple[int, int]

_NOT_IN_A_WORD = r"(?<![\w@.+-])"
_MONTH = r"(?:jan|feb|mar|apr|may|june?|july?|aug|sept?|oct|nov|dec)[a-z]*\.?"
_DAY = r"\d{1,2}(?:st|nd|rd|th)?"
_DAY_MONTH_YEAR = (
    rf"(?:\d{{1,4}}[-/. ]\d{{1,2}}[-/. ]\d{{1,4}}|(?:{_DAY}\s+(?:of\s+)?)?{_MONTH}(?:\s+{_DAY})?,?\s+(?:19|20)\d\d|"
    rf"{_DAY}\s+(?:of\s+)?{_MONTH})"
)
_PROVIDERS = r"(?:gmail|googlemail|hotmail|yahoo|outlook|icloud|aol|protonmail|proton|gmx|live|btinternet|msn)"
_PROFILES = r"(?:facebook|fb|instagram|linkedin|twitter|x|tiktok|t|wa|snapchat|threads|reddit)\.(?:com|me|net)"
_POSTCODE_AREAS = (
    "AB|AL|BA|BB|BD|BF|BH|BL|BN|BR|BS|BT|BX|B|CA|CB|CF|CH|CM|CO|CR|CT|CV|CW|DA|DD|DE|DG|DH|DL|DN|DT|DY|EC|EH|EN|EX|E|FK|FY|GL|GU|"
    "GY|G|HA|HD|HG|HP|HR|HS|HU|HX|IG|IM|IP|IV|JE|KA|KT|KW|KY|LA|LD|LE|LL|LN|LS|LU|L|ME|MK|ML|M|NE|NG|NN|NP|NR|NW|N|OL|OX|PA|PE|PH|PL|"
    "PO|PR|RG|RH|RM|SA|SE|SG|SK|SL|SM|SN|SO|SP|SR|SS|ST|SW|SY|S|TA|TD|TF|TN|TQ|TR|TS|TW|UB|WA|WC|WD|WF|WN|WR|WS|WV|W|YO|ZE"
)
_US_STATES = (
    "A[KLRZ]|C[AOT]|D[CE]|FL|GA|HI|I[ADLN]|K[SY]|LA|M[ADEINOST]|N[CDEHJMVY]|O[HKR]|PA|RI|S[CD]|T[NX]|UT|V[AT]|W[AIVY]"
)
_UNIT = (
    r"(?!\s*(?:mg|mcg|ug|µg|g|ml|l|iu|u|units?|steps?|people|patients?|words|years?|days?|hours?|times|cases|%|percent|per)"
    r"\b)"
)

_PUBLIC = re.compile(
    r"\bNCT\d{8}\b|\bPMC?(?:ID)?:?\s*\d{5,9}\b|\b(?:doi:?\s*)?10\.\d{4,9}/\S+|\bISBN(?:-1[03])?:?\s*[\d-]{10,17}|"
    r"\b(?:19|20)\d\d\s*(?:-|to|–)\s*(?:19|20)\d\d\b",
    re.I,
)
"""Numbers that belong to no person: trials, papers, books, spans of years."""

_FORMS: Sequence[Tuple[str, Pattern[str]]] = (
    ("mail", re.compile(r"[\w.+'-]+@(?:[\w-]+\.)+[a-z]{2,}", re.I)),
    (
        "mail",
        re.compile(
            r"\b[\w+-]+(?:(?:\.|\s+dot\s+)[\w+-]+){0,3}\s*(?:\(at\)|\[at\]|\bat\b|@)"
            rf"\s*{_PROVIDERS}\s*(?:\.|\(dot\)|\[dot\]|\bdot\b)\s*\w{{2,4}}\b",
            re.I,
        ),
    ),
    ("web address", re.compile(rf"(?:https?://)?\b(?:www\.|m\.)?{_PROFILES}/\S*\w/?", re.I)),
    ("web address", re.compile(r"(?:https?://|\bwww\.)\S*(?:[?=&#@]|\d{4}|[0-9a-f]{8}-[0-9a-f]{4})\S*", re.I)),
    ("account", re.compile(r"(?<![\w@./])@[a-z_][\w.]{2,29}\b", re.I)),
    (
        "date of birth",
        re.compile(
            r"\b(?:born(?:\s+on|\s+in)?(?:\s+the)?|d\.?o\.?b\.?|date\s+of\s+birth|birth\s?(?:day|date))"
            rf"(?:\s+(?:is|was|on|the))*\s*[:=-]?\s*({_DAY_MONTH_YEAR})",
            re.I,
        ),
    ),
    ("number", re.compile(r"(?<![\w-])\d{3}-\d{2}-\d{4}(?![\w-])")),
    ("number", re.compile(r"(?<!\w)(?!BG|GB|NK|KN|TN|NT|ZZ)[A-Z]{2}\s?\d{2}\s?\d{2}\s?\d{2}\s?[A-D]\b")),
    ("number", re.compile(r"\b[A-Z]{2}\d{2}(?:\s?[A-Z0-9]{4}){3,7}(?:\s?[A-Z0-9]{1,3})?\b")),
    (
        "number",
        re.compile(
            r"\b(?:nhs|hospital|patient|insurance|policy|reference|ref|member(?:ship)?|passport|medicare|medicaid|mrn|ssn|social\s+security|"
            r"chi|national\s+insurance|licen[cs]e|account|sort\s+code)(?:\s+(?:number|no\.?|num|id|code|#))?(?:\s+is)?\s*[:#=]?\s*"
            r"((?=[a-z-]{0,4}(?:[ /-]?[a-z]?\d){4})[a-z0-9]+(?:[ /-]?[a-z]?\d+[a-z]?)+)\b",
            re.I,
        ),
    ),
    (
        "phone",
        re.compile(
            r"\b(?:phone|tel|telephone|mobile|cell|call(?:\s+me)?|ring(?:\s+me)?|text(?:\s+me)?|whatsapp|number)(?:\s+(?:is|on|at|me|number|no\.?))*"
            rf"\s*[:=]?\s*(\+?\(?\d[\d\s()./-]{{4,18}}\d)(?![\d%]){_UNIT}",
            re.I,
        ),
    ),
    ("phone", re.compile(r"(?<![\w+])\+\d(?:[\s().-]{0,2}\d){7,14}(?!\w)")),
    ("phone", re.compile(r"(?<![\w.,+-])\(?0\d(?:[\s().-]{0,2}\d){7,10}(?!\w)")),
    ("phone", re.compile(r"(?<![\w.,+-])(?:1[-. ])?(?:\(\d{3}\)\s?|\d{3}[-. ])\d{3}[-. ]\d{4}(?![\w-])")),
    ("number", re.compile(r"(?<![\w.,-])\d{4}(?:[ -]?\d{4}){2,3}(?:[ -]?\d{1,3})?(?![\w-])")),
    ("number", re.compile(rf"(?<![\w.,/£$€-])\d{{7,}}(?![\w,/-]|\.\d){_UNIT}")),
    (
        "postcode",
        re.compile(
            rf"(?<![\w-])(?:{_POSTCODE_AREAS})\d[A-Z\d]?\s?"
            r"(?!\d(?:st|nd|rd|th|ug|gr|hr)\b)\d[ABD-HJLNP-UW-Z]{2}(?![\w-])",
            re.I,
        ),
    ),
    ("postcode", re.compile(r"(?<![\w-])[ABCEGHJ-NPRSTVXY]\d[ABCEGHJ-NPRSTV-Z][ -]?\d[ABCEGHJ-NPRSTV-Z]\d(?![\w-])")),
    ("postcode", re.compile(rf"(?<![\w-])(?:(?<=\b)(?:{_US_STATES})\.?,?\s+\d{{5}}(?:-\d{{4}})?|\d{{5}}-\d{{4}})(?![\w-])")),
    (
        "postcode",
        re.compile(
            r"\b(?:zip(?:\s?code)?|post\s?code|postal\s+code|plz)(?:\s+is)?\s*:?\s*([a-z]{0,2}\d\w{2,5}(?:\s\d\w{2})?)\b", re.I
        ),
    ),
    (
        "address",
        re.compile(
            r"(?<![\w-])\d{1,4}[A-Za-z]?,?\s+(?:[A-Z][a-z']+\s+){1,3}"
            r"(?:Street|St|Road|Rd|Avenue|Ave|Lane|Ln|Drive|Close|Court|Way|Gardens|Terrace|Crescent|Place|Boulevard|Blvd)\b\.?"
        ),
    ),
)
"""Details that show in their form. Where a pattern has a group, only the group is the detail."""

# Names.

_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_LETTERS = re.compile(r"[^\W\d_]{2,}")
_PAUSE = re.compile(r"\s*(?:$|[,.;!?\n]|and\b)")
_PARTICLES = frozenset("van von der den de la le du da di dos del al el bin ibn mac mc ter o'".split())
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_PHRASES = ("synonyms", "older_terms", "misspellings")
_LONGEST = 4
"""Words of a name that are taken together."""

_STRONG = re.compile(
    r"\b(?:my|our)\s+(?:full\s+|first\s+|last\s+|sur)?name(?:['’]s|\s+is|s|\s*:|\s*=)\s*|\bi(?:\s+am|['’]?m)\s+called\s+", re.I
)
"""What only a name follows, in whatever letters."""
_WEAK = re.compile(r"\b(?:i\s+am|i['’]?m|this\s+is|call\s+me)\s+", re.I)
"""What a name may follow: it must be a frequent one, or begin with a capital and be no everyday word."""
_OF_OTHERS = re.compile(
    rf"\b(?:my|our|his|her|their)\s+(?:\w+\s+){{0,1}}(?:{'|'.join(RELATIVES)})(?:\s+is\s+(?:called|named)|['’]s\s+name\s+is|,)?\s+|"
    r"\b(?:[Dd]r|DR|[Mm]rs?|[Mm]s|Miss|[Pp]rof(?:essor)?|[Dd]octor|[Nn]urse)\.?\s+"
)
"""What the name of somebody else may follow."""
_SIGNED = re.compile(
    r"\b(?:regards|best\s+wishes|yours(?:\s+\w+)?|thanks|thank\s+you|cheers|love),?\s*(?=[^\W\d_]+(?:\s[^\W\d_]+)?\W*$)", re.I
)
"""The end of a letter, before one or two words that end the message."""


def mask(text: str) -> str:
    """The text with each personal detail replaced by its kind in brackets: "I'm Susan" becomes "I'm [name]"."""
    return replaced(text, details(text))


def replaced(text: str, found: Sequence[Detail]) -> str:
    """The text with these details, in order and apart, replaced by their kinds."""
    pieces, last = [], 0
    for detail in found:
        pieces += [text[last : detail.start], f"[{detail.kind}]"]
        last = detail.end
    return "".join([*pieces, text[last:]])


def details(text: str) -> List[Detail]:
    """The personal details in a text, in order; none overlaps another."""
    public = [match.span() for match in _PUBLIC.finditer(text)] if any(map(str.isdigit, text)) else []
    found: List[Detail] = []
    for detail in [*_by_form(text), *_names(text)]:
        inside = [span for span in [*public, *((other.start, other.end) for other in found)] if _overlap(span, detail)]
        if not inside and detail.end > detail.start:
            found.append(detail)
    return sorted(found, key=lambda detail: detail.start)


def _overlap(span: Span, detail: Detail) -> bool:
    return span[0] < detail.end and detail.start < span[1]


def _by_form(text: str) -> Iterator[Detail]:
    for kind, form in _FORMS:
        for match in form.finditer(text):
            yield Detail(kind, *match.span(form.groups))


def _names(text: str) -> Iterator[Detail]:
    title_case = _in_title_case(text)
    openings: Dict[Pattern[str], Callable[[str], bool]] = {
        _STRONG: lambda word: not _everyday(word),
        _WEAK: lambda word: _is_name(word, title_case),
        _OF_OTHERS: lambda word: word[0].isupper() and _is_name(word, title_case),
        _SIGNED: lambda word: word[0].isupper() and _is_name(word, title_case),
    }
    for opening, may_be_name in openings.items():
        for match in opening.finditer(text):
            lower = opening is _STRONG and not text[match.end() : match.end() + 1].isupper()
            yield Detail("name", match.end(), _end_of_name(text, match.end(), may_be_name, lower))


def _end_of_name(text: str, start: int, may_be_name: Callable[[str], bool], lower: bool) -> int:
    """Where the name ends that begins at ``start``; ``start`` itself where there is none."""
    word = _WORD.match(text, start)
    if word is None or not may_be_name(word[0]):
        return start
    for _ in range(_LONGEST - 1):
        # An initial may have a full stop.
        gap = ". " if len(word[0]) == 1 and text.startswith(". ", word.end()) else " "
        follows = _WORD.match(text, word.end() + len(gap)) if text.startswith(gap, word.end()) else None
        if follows is None or not _goes_on(text, follows, lower):
            break
        word, lower = follows, False
    return word.end()


def _goes_on(text: str, word: "re.Match[str]", lower: bool) -> bool:
    """Whether a word after a name belongs to it: a capital, a particle, one before a pause, or (``lower``) any rare one."""
    if len(word[0]) == 1:
        return word[0].isupper() and word[0] != "I"
    if word[0].lower() in _PARTICLES:
        return True
    if _everyday(word[0]):
        return False
    return word[0][0].isupper() or lower or _PAUSE.match(text, word.end()) is not None


def _is_name(word: str, title_case: bool) -> bool:
    if word.lower() in GIVEN_NAMES:
        return True
    return not title_case and word[0].isupper() and not (len(word) > 1 and word.isupper()) and not _everyday(word)


def _everyday(word: str) -> bool:
    """Whether a word is one that people say of themselves, a participle, or the name of a thing we know."""
    small = re.sub(r"['’](?:s|m|re|ve|ll|d)?$", "", word.lower())
    first = re.split(r"['’-]", small)[0]
    if len(small) < 2 or small in NOT_NAMES or first in NOT_NAMES or {small, first} & _known_words():
        return small not in GIVEN_NAMES
    return len(small) > 4 and small.endswith(("ing", "ed", "ful", "less")) and small not in LOOK_LIKE_PARTICIPLES


def _in_title_case(text: str) -> bool:
    """Whether Most Words Begin Like This: then a capital says nothing."""
    words = [word for word in re.findall(r"[^\W\d_]{2,}", text)]
    return len(words) > 4 and sum(word[0].isupper() for word in words) > 0.7 * len(words)


@lru_cache(maxsize=1)
def _known_words() -> FrozenSet[str]:
    """The words of the vocabulary: "I am Dystonic" and "this is Meige" tell no name."""
    try:
        # The one file alone: reading and checking all facts would hold up the first message by a second.
        terms = yaml.load((FACTS / "vocabulary.yml").read_text(encoding="utf-8"), Loader=_LOADER)
        phrases = [
            phrase
            for term in terms
            if term["kind"] != "organisation"
            for phrase in (term["name"], *(other for field in _PHRASES for other in term.get(field) or ()))
        ]
    except (OSError, ValueError, TypeError, KeyError, yaml.YAMLError):
        # Without it more is masked, and a message is still stored.
        return frozenset()
    words = {word for phrase in phrases for form in (_WORD, _LETTERS) for word in form.findall(phrase.lower())}
    return frozenset(words) - GIVEN_NAMES
