"""Questions: where a message holds more than one, or one inside a long story, and how each reads by itself."""

from __future__ import annotations

import re
from typing import Iterator, List, Optional, Sequence, Tuple

from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.shared.nlu.training_data.message import Message

from dystonia.question import Talk
from dystonia.store import shared_store
from nlu import talk as talks
from nlu.component import ReadingComponent
from nlu.message import NAMED_KINDS, Part, Reading, Word, reading_of
from nlu.vocabulary import VocabularyExtractor

MAX_PARTS = 6
"""More parts than this are joined to the last; a message has at most 1,000 characters."""
MAX_CLAUSES = 48
"""The same, of those that are read for red flags only: room for all that a long message holds."""
MIN_WORDS = 2
A_FEW = 4
"""A message of so many words with a topic in it ("any side effects?") leans on the talk."""
GENERAL = "dystonia"
"""What a part of a longer message is about when nothing narrower is named."""

ENOUGH_WORDS = 3
"""So many words must be left when courtesies are taken away, or they stay."""

_OPENING = re.compile(
    r"^(?:(?:hi|hello|hey|hiya|dear|good (?:morning|afternoon|evening|day))"
    r"(?: (?:there|all|everyone|folks|team|again|sir|madam|doctor))*"
    r"|(?:i )?hope (?:you|that you|this|it) (?:don't|do n't|dont|is n't|isn't|won't|wont) "
    r"(?:mind|annoy you|be a bother|a bother)(?: (?:me|my) asking)?"
    r"|(?:just )?(?:a )?quick (?:one|question)(?: from me| if i may)?"
    r"|(?:i )?hope (?:you are|you're|youre|all is|this finds you)(?: (?:doing|keeping))?(?: (?:well|ok|good))?"
    r"|(?:i'm |im |i am )?(?:so )?sorry (?:to (?:bother|trouble) you|for (?:asking|bothering you))|excuse me"
    r"|(?:please |just )?(?:can|could|would) (?:you|someone|anyone|somebody) (?:please |kindly )?"
    r"(?:help(?: me)?|tell me|explain)"
    r"|(?:i )?(?:just )?(?:wanted to|want to|would like to|'d like to) ask(?: you)?(?: something| a question)?"
    r"|(?:i have a |i've got a )?quick question|(?:can|could|may|might) i (?:just |please )?ask(?: you)?(?: something)?"
    r"|(?:i )?(?:was|am|i'm|im)? ?(?:just )?(?:wondering|hoping (?:you|someone) can help)"
    r"|if you (?:don't|dont) mind(?: me asking)?|please)\b[\s,.!:;-]+"
)
_CLOSING = re.compile(
    r"[\s,.!?-]+(?:(?:many |big )?thanks?(?: you)?"
    r"(?:,? (?:so|very) much| a lot| again| kindly| ever so| in advance| for \w+(?: \w+)?)*|cheers|ta|please"
    r"|x{1,3}|(?:best|kind|warm) (?:wishes|regards)|regards|much appreciated"
    r"|(?:i'd |i would )?(?:be (?:so |very )?grateful|appreciate it)"
    r"|any (?:help|advice|info) (?:is |would be )?(?:appreciated|welcome)|god bless(?: you)?|bless you)[\s.!?]*$"
)
"""Courtesies at the start and at the end of a message."""

_ENDS = frozenset({".", "?", "!", ";", "…"})
_PAUSES = frozenset({",", "-", "–", "—", ":", "--"})
_ASKS = r"(?:how|what|why|when|where|who|which|whose|is|are|am|can|could|do|does|did|will|would|should|has|have|may)"
_JOINT = re.compile(r"^(?:and|also|plus|then|but|or|so|otherwise|&)$", re.I)
_ADDS = re.compile(r"^(?:also|plus|otherwise)$", re.I)
_OPENS = re.compile(rf"^(?:{_ASKS}(?:'?s|'?re)?|any|whether|tell|explain)$", re.I)
_STATES = re.compile(
    r"^(?:i|i'?m|i'?ve|my|our|he|he'?s|his|she|she'?s|her|we|we'?re|we'?ve"
    r"|they|they'?re|there|there'?s|it'?s|mum|mom|dad|someone|somebody)$",
    re.I,
)
"""What a clause begins with that states something."""
_OPENS_IN_TWO = re.compile(
    r"^(?:(?:what|how) about|if (?:so|not|yes|no)|(?:was|were) (?:it|that|this|they|he|she|the|my)"
    r"|(?:anything|anyone|someone|somewhere) (?:that|who|to))$",
    re.I,
)
_INVERTED = re.compile(
    r"^(?:what|how|who|when|where|why) (?:do|does|did|is|are|can|could|will|would|should)"
    r" (?:i|you|we|they|he|she|it|people|doctors)$"
    r"|^(?:what|how) about .*$|^what(?:'s| is) (?:it|that|this)$",
    re.I,
)
"""How a question begins that follows another sentence without any mark."""
_TURNED = re.compile(r"^(?:is|are|does|do|can|could|should|will|would) (?:that|it|this|they|i|you|he|she|we|there)$", re.I)
_WH = re.compile(r"\b(?:how|what|which|why|where|who|whether|if)\b", re.I)
_QUESTION = re.compile(
    r"\?|^(?:(?:and|so|but|also|plus|then|or|&|otherwise|ok|hi|hello|please|if (?:so|not|yes|no),?) )*"
    rf"(?:any|whether|{_ASKS})(?:'?s|n'?t)?\b"
    r"|^(?:(?:and|or|so) )?(?:was|were) (?:it|that|this|they|he|she|the|my)\b"
    r"|\b(?:tell me|explain|i (?:want|need) to know|wondering|give me|show me|(?:like|love) to know)\b"
    r"|\bwhat(?:'?s| is) (?:that|it|this)$"
    r"|\b(?:is|are|does) (?:that|it|this|they) (?:a|an|the|normal|ok|okay|safe|dangerous|usual|common|bad|true)\b",
    re.I,
)
_PRONOUNS = r"it|its|it's|them|they|one|ones|same|he|she|the injections?|the treatment"
_BARELY = r"^(?:what|how) about\b|^(?:why|how|when|where|really|how so|how long|how often|is it)\??$"
_REFERS_BACK = re.compile(rf"^(?:and|but|so|or|also)\b|\b(?:{_PRONOUNS}|that|this|these|those|there)\b|{_BARELY}", re.I)
_BEFORE_THAT = (
    "is are was does did do can will would could should of about for with to like than from on by at after before into mean "
    "means get have treat cause causes cure stop fix what why how 's"
).replace(" ", "|")
_LEANS = re.compile(
    rf"^(?:and|but|so|or|also)\b|\b(?:{_PRONOUNS}|their|both|him|her|his)\b"
    rf"|(?:^|\b(?:{_BEFORE_THAT}) )(?:that|this|these|those)\b|\b(?:that|this|those)[ ?.!]*$|{_BARELY}",
    re.I,
)
"""Words that plainly stand for something said before; "a group that helps" does not."""
_JOINED = re.compile(r"^(?:(?:and|but|so|or|also|plus|then|&) )+", re.I)
_PRONOUN = re.compile(r"\b(?:it|that|this|them|these|those)\b", re.I)
SIDES = frozenset({"symptom", "aspect", "cause", "test"})
"""Kinds of vocabulary entry that "it" may stand for where a talk is about dystonia as a whole."""
_TOPIC_WORDS = {
    "symptoms": r"symptoms?|signs?",
    "cause": r"causes?",
    "treatment_overview": r"treatments?",
    "side_effects": r"side ?effects?|downsides?",
    "prognosis": r"outlook|prognosis",
    "diagnosis": r"diagnosis|tests?",
    "genetics": r"genetics|inheritance",
    "triggers": r"triggers?",
}
"""Nouns that are topics."""
_TOPIC_WORD = re.compile("|".join(rf"(?P<{topic}>\b(?:{words})\b)" for topic, words in _TOPIC_WORDS.items()), re.I)
_RULED_OUT = re.compile(r"\b(?:not|n't|dont|don't|didnt|didn't)\b(?: (?!but\b)\w+){0,4}", re.I)
"""Words that a correction lays aside: "I don't mean treatment"."""
_GOES_WITH_A_TYPE = re.compile(
    r"\b(?:genes?|genetics?|inherit\w*|run in|runs in|pass(?:ed)? (?:it )?on"
    r"|brother|sister|siblings?|fault|caused?|spread|cured?"
    r"|get worse|gets worse|outlook|rare|common|school|college|job|wheelchair"
    r"|die|life|symptoms?|signs?|diagnos\w+|doctor|see|first|start)\b",
    re.I,
)
_LISTS = re.compile(r"^(?:,|and|or|&|/|the|its|their|also|plus|of|for|in|my|with|about|then)$", re.I)


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
        reading, talk = reading_of(message), talks.talk_of(message)
        spans = [span for span in _spans(reading) if not is_courtesy(reading.text(*span))]
        reading.asks = any(is_question(reading.text(*span)) for span in [(0, len(reading.words)), *spans])
        picked = talks.point_out(reading, talk)
        spans = [] if picked else spans
        listed = list(_listed(reading)) if len(spans) < 2 else []
        asking = listed or _asking(reading, spans if len(spans) > 1 else [])
        for first, last in [(0, len(reading.words)), *asking]:
            part = _part(reading, first, last)
            part.topic_word, part.is_listed = _topic_word(part.words), bool(listed and reading.parts)
            _settle_subject(reading, part, talk)
            reading.parts.append(part)
        if picked:
            _pick(reading.parts[0], picked.id, picked.question)
            return
        if not reading.parts[1:] and len(spans) < 2:
            _carry_over(reading, reading.parts[0], talk)
        clauses = [span for span in _clauses(reading) if not is_courtesy(reading.text(*span))]
        reading.asides = [_part(reading, *span) for span in clauses if len(clauses) > 1 and span not in asking]


def _part(reading: Reading, first: int, last: int) -> Part:
    part = Part(first, last, words=reading.text(first, last).lower())
    part.text = _uniform(reading, part)
    return part


def _asking(reading: Reading, spans: Sequence[Tuple[int, int]]) -> List[Tuple[int, int]]:
    """Those stretches that are a question each, where there are several, or where the only one points at something.

    A message with one question in it is read whole: what stands around the question says what it is about.
    """
    asking = [span for span in spans if is_question(reading.text(*span))]
    points = any(mention.pointed_at and first <= mention.first < last for mention in reading.mentions for first, last in asking)
    return asking if len(asking) > 1 or points else []


def _settle_subject(reading: Reading, part: Part, talk: Talk) -> None:
    """What a part is about by its own words, else by those it leans on; then it also stands without that subject."""
    named = _named(reading, part)
    leant_on = [] if named else _leant_on(reading, part, talk)
    part.subjects = named or leant_on or ([GENERAL] if reading.parts else [])
    # "And" joins a part to the part before it, and a message to the talk.
    words = _JOINED.sub("", part.words) if reading.parts else part.words
    part.leans = bool(_LEANS.search(words) or part.topic_word and part.last - part.first <= A_FEW)
    if part.subjects and not named:
        part.alone = Part(part.first, part.last, part.text, part.words)
        part.subjects = _most_likely_meant(part, part.subjects)
        part.text = " ".join([part.text, *map(_name, part.subjects[:1])])


def _most_likely_meant(part: Part, subjects: Sequence[str]) -> List[str]:
    """Subjects of the talk, the likeliest first: kin, blame, school, work and the outlook go with a type, not a treatment."""
    terms = shared_store().terms
    of_types = bool(_GOES_WITH_A_TYPE.search(part.words))
    return sorted(subjects, key=lambda slug: of_types and not (slug in terms and terms[slug].kind == "type"))


def _pick(part: Part, card_id: str, question: str) -> None:
    part.picked, part.text, part.alone = card_id, question.lower(), None


def _carry_over(reading: Reading, part: Part, talk: Talk) -> None:
    """Completes a fragment or a correction ("and the hand?", "why?") with the last question; it is not read alone then."""
    part.corrects = talk.topic is not None and not is_question(part.words) and talks.is_correction(reading)
    carried = None if part.corrects and part.topic_word else talks.carried_over(reading, talk, part.corrects)
    last = shared_store().cards.get(talk.cards[-1]) if talk.cards else None
    if carried:
        part.text, part.carried, subject = carried
        part.subjects, part.alone = [subject] if subject else part.subjects, None
    elif last and talks.is_bare(reading):
        part.is_bare, part.alone = True, None
        part.text = f"{part.words.rstrip('?!. ')} {last.question.lower()}"


def _topic_word(words: str) -> Optional[str]:
    """The topic that words name, where they name just one."""
    named = {found.lastgroup for found in _TOPIC_WORD.finditer(_RULED_OUT.sub(" ", words))}
    return named.pop() if len(named) == 1 else None


def _listed(reading: Reading) -> Iterator[Tuple[int, int]]:
    """The nouns of a list of topics: "symptoms and treatment of cervical dystonia"."""
    words, found = reading.words, []
    for place in range(len(words)):
        for last in (place + 2, place + 1):
            text = reading.text(place, last)
            match = _TOPIC_WORD.match(text)
            if match and match.end() == len(text) and (not found or found[-1][1] <= place):
                found.append((place, last, match.lastgroup))
                break
    covered = {place for mention in reading.mentions for place in range(mention.first, mention.last)}
    run: List[Tuple[int, int, Optional[str]]] = []
    for noun in found:
        between = range(run[-1][1], noun[0]) if run else range(0)
        if all(place in covered or _LISTS.match(words[place].repaired) for place in between):
            run.append(noun)
    if len({topic for _, _, topic in run}) == len(run) > 1:
        yield from ((first, last) for first, last, _ in run)


def _named(reading: Reading, part: Part) -> List[str]:
    """The subjects that a part names itself and does not rule out; its types and treatments before its parts of the body."""
    mentions = [mention for mention in reading.mentions_in(part) if not mention.excluded]
    named = [mention.slug for mention in mentions if mention.kind in NAMED_KINDS]
    return list(dict.fromkeys(named or [mention.subject for mention in mentions if mention.subject]))


def _leant_on(reading: Reading, part: Part, talk: Talk) -> List[str]:
    """The subject that a part leans on: named earlier in the message, else of the talk."""
    earlier = [mention.subject for mention in reading.mentions if mention.last <= part.first and not mention.excluded]
    subjects = [subject for subject in earlier if subject]
    if subjects:
        return subjects[-1:]
    if part.is_listed:
        return [mention.subject for mention in reading.mentions if mention.subject and not mention.excluded][:1]
    terms, subjects = shared_store().terms, list(talks.lookup().subjects(talk.about))
    if not subjects and _PRONOUN.search(part.words) and not reading.mentions_in(part):
        # "What can I do about it", after mood or sleep.
        subjects = [slug for slug in talk.about if slug in terms and terms[slug].kind in SIDES]
    return subjects or [slug for slug in talk.about if slug == GENERAL]


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
        elif words[position - 1].typed in _PAUSES and _opens_question(words, position):
            cuts.append(position)
        elif _begins_unmarked(reading, cuts[-1], position):
            cuts.append(position)
    return iter(_between(reading, cuts, MAX_PARTS))


def _clauses(reading: Reading) -> List[Tuple[int, int]]:
    """The stretches of a message that may each tell of an emergency, whatever is asked beside it: cut finer than questions."""
    words, cuts = reading.words, [0]
    for position in range(1, len(words) - 1):
        ended = words[position - 1].typed in _ENDS or "\n" in words[position - 1].space
        joined = bool(_JOINT.match(words[position].typed))
        apart = joined or words[position - 1].typed in _PAUSES
        opens = bool(_STATES.match(words[position + joined].typed)) or _opens_question(words, position + joined)
        if ended or apart and opens or joined and is_question(reading.text(cuts[-1], position)):
            cuts.append(position)
    return _between(reading, cuts, MAX_CLAUSES)


def _between(reading: Reading, cuts: Sequence[int], most: int) -> List[Tuple[int, int]]:
    """The stretches between cuts that are long enough; those past the most are joined to the last."""
    bounds = [*cuts, len(reading.words)]
    spans = [(first, last) for first, last in zip(bounds, bounds[1:]) if _long_enough(reading, first, last)]
    return spans if len(spans) <= most else [*spans[: most - 1], (spans[most - 1][0], spans[-1][1])]


def _begins_unmarked(reading: Reading, start: int, position: int) -> bool:
    """Whether a question begins at a word though nothing marks it: "... does it hurt", "... what can I do"."""
    if position - start <= MIN_WORDS or _JOINT.match(reading.words[position - 1].typed):
        return False
    if _INVERTED.match(reading.text(position, position + 3)):
        return True
    before = reading.text(max(start, position - 4), position)
    asks_already = re.match(_ASKS + r"\b", reading.text(start, position), re.I) or _WH.search(before)
    return not asks_already and bool(_TURNED.match(reading.text(position, position + 2)))


def _opens_question(words: Sequence[Word], position: int) -> bool:
    if position >= len(words):
        return False
    two = " ".join(word.typed for word in words[position : position + 2])
    return bool(_OPENS.match(words[position].typed) or _OPENS_IN_TWO.match(two))


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
    return without_courtesies(" ".join(piece for piece in pieces if piece).lower())


def without_courtesies(text: str) -> str:
    """A text without the courtesies around its question, which say nothing of what is asked; whole where none is left."""
    plain, before = text, None
    while plain != before:
        before, plain = plain, _CLOSING.sub("", _OPENING.sub("", plain))
    return plain if len(plain.split()) >= ENOUGH_WORDS and is_question(plain) else text


def is_courtesy(text: str) -> bool:
    """Whether words are a courtesy and nothing else: "could you please tell me,"."""
    plain, before = f"{text.lower()} ", None
    while plain != before:
        before, plain = plain, _CLOSING.sub("", _OPENING.sub("", plain))
    return not re.search(r"\w", plain)


def _name(slug: str) -> str:
    return slug.replace("_", " ")
