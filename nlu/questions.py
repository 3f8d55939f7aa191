"""Questions: where a message holds more than one, or one inside a long story, and how each reads by itself."""
from __future__ import annotations

import re
from typing import Iterator, List, Sequence, Tuple

from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.shared.nlu.constants import METADATA
from rasa.shared.nlu.training_data.message import Message

from dystonia.store import shared_store
from nlu.component import ReadingComponent
from nlu.message import NAMED_KINDS, TALK, Part, Reading, Word, reading_of
from nlu.vocabulary import VocabularyExtractor

MAX_PARTS = 6
"""More parts than this are joined to the last; a message has at most 1,000 characters."""
MIN_WORDS = 2
GENERAL = "dystonia"
"""What a part of a longer message is about when nothing narrower is named."""

_ENDS = frozenset({".", "?", "!", ";", "…"})
_ASKS = r"(?:how|what|why|when|where|who|which|whose|is|are|am|can|could|do|does|did|will|would|should|has|have|may)"
_JOINT = re.compile(r"^(?:and|also|plus|then|but|or|so|otherwise)$", re.I)
_ADDS = re.compile(r"^(?:also|plus|otherwise)$", re.I)
_OPENS = re.compile(rf"^(?:{_ASKS}(?:'?s|'?re)?|any|tell|explain)$", re.I)
_QUESTION = re.compile(
    rf"\?|^(?:and |so |but |also |plus |then |or |ok |hi |hello |please )*(?:any|{_ASKS})(?:'?s|n'?t)?\b|\b(?:tell me|explain|i (?:want|need) to know|wondering)\b", re.I
)
_REFERS_BACK = re.compile(
    r"^(?:and|but|so|or|also)\b|\b(?:it|its|it's|that|this|these|those|them|they|one|ones|there|same|he|she|the injections?|the treatment)\b"
    r"|^(?:what|how) about\b|^(?:why|how|when|where|really|how so|how long|how often|is it)\??$",
    re.I,
)


def is_question(text: str) -> bool:
    """Whether words ask for something, by form alone."""
    return bool(_QUESTION.search(text))


def refers_back(text: str) -> bool:
    """Whether words lean on what was said before ("it", "and the other one", "how long")."""
    return bool(_REFERS_BACK.search(text)) or len(text.split()) <= 3


@DefaultV1Recipe.register([DefaultV1Recipe.ComponentType.MESSAGE_FEATURIZER], is_trainable=False)
class QuestionSplitter(ReadingComponent):
    """Makes the parts of a message: the whole first, then, where there are several, each by itself."""

    @classmethod
    def required_components(cls) -> List[type]:
        """Names are put in one spelling, so they must have been found."""
        return [VocabularyExtractor]

    def read(self, message: Message) -> None:
        """Sets the parts, each with its subjects and text."""
        reading = reading_of(message)
        talk = ((message.get(METADATA) or {}).get(TALK) or {}).get("about") or []
        spans = list(_spans(reading))
        whole = (0, len(reading.words))
        for first, last in [whole, *spans] if len(spans) > 1 else [whole]:
            part = Part(first, last)
            named = _named(reading, part)
            part.subjects = named or _leant_on(reading, part, talk) or ([GENERAL] if reading.parts else [])
            part.text, part.words = _uniform(reading, part), reading.text(first, last).lower()
            if part.subjects and not named:
                part.alone = Part(first, last, part.text, part.words)
                part.text = " ".join([part.text, *map(_name, part.subjects[:1])])
            reading.parts.append(part)


def _named(reading: Reading, part: Part) -> List[str]:
    """The subjects that a part names itself and does not rule out; its types and treatments before its parts of the body."""
    mentions = [mention for mention in reading.mentions_in(part) if not mention.excluded]
    named = [mention.slug for mention in mentions if mention.kind in NAMED_KINDS]
    return list(dict.fromkeys(named or [mention.subject for mention in mentions if mention.subject]))


def _leant_on(reading: Reading, part: Part, talk: Sequence[str]) -> List[str]:
    """The subject that a part leans on: named earlier in the message, else of the talk."""
    earlier = [mention.subject for mention in reading.mentions if mention.last <= part.first and not mention.excluded]
    subjects = [subject for subject in earlier if subject]
    if subjects:
        return subjects[-1:]
    if not refers_back(reading.text(part.first, part.last)):
        return []
    terms = shared_store().terms
    return [slug for slug in talk if slug in terms and terms[slug].kind in NAMED_KINDS]


def _spans(reading: Reading) -> Iterator[Tuple[int, int]]:
    """The stretches of a message that may be a question each."""
    cuts = [0]
    words = reading.words
    for position in range(1, len(words)):
        if words[position - 1].typed in _ENDS or "\n" in words[position - 1].space:
            cuts.append(position)
        elif _JOINT.match(words[position].typed) and _opens_question(words, position + 1):
            cuts.append(position)
        elif _ADDS.match(words[position].typed):
            cuts.append(position)
        elif words[position - 1].typed == "," and _opens_question(words, position):
            cuts.append(position)
    cuts.append(len(words))
    spans = [(first, last) for first, last in zip(cuts, cuts[1:]) if _long_enough(reading, first, last)]
    if len(spans) > MAX_PARTS:
        spans = [*spans[: MAX_PARTS - 1], (spans[MAX_PARTS - 1][0], spans[-1][1])]
    return iter(spans)


def _opens_question(words: Sequence[Word], position: int) -> bool:
    return position < len(words) and bool(_OPENS.match(words[position].typed))


def _long_enough(reading: Reading, first: int, last: int) -> bool:
    return sum(word.typed[0].isalnum() for word in reading.words[first:last]) >= MIN_WORDS


def _uniform(reading: Reading, part: Part) -> str:
    """The words of a part, with each type and treatment under the name of its slug, and no joint at the start."""
    pieces: List[str] = []
    position = part.first
    if position < part.last and _JOINT.match(reading.words[position].typed):
        position += 1
    for mention in reading.mentions_in(part):
        if mention.kind in NAMED_KINDS:
            pieces += [reading.text(position, mention.first), _name(mention.slug)]
            position = mention.last
    pieces.append(reading.text(position, part.last))
    return " ".join(piece for piece in pieces if piece).lower()


def _name(slug: str) -> str:
    return slug.replace("_", " ")
