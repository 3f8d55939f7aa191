"""What a message takes from the talk it stands in: which thing "the second one" is, and what "and children?" leaves unsaid."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Iterator, List, NamedTuple, Optional, Pattern, Sequence, Set, Tuple

from rasa.shared.nlu.constants import METADATA
from rasa.shared.nlu.training_data.message import Message

from dystonia.lookup import GENERAL, Lookup
from dystonia.models import Card
from dystonia.question import Talk
from dystonia.store import shared_store
from nlu.message import NAMED_KINDS, TALK, Mention, Reading
from nlu.vocabulary import COUNTRY

_PLACES = {
    "first": 0, "1st": 0, "former": 0, "top": 0, "1": 0, "second": 1, "2nd": 1, "2": 1, "third": 2, "3rd": 2, "3": 2,
    "fourth": 3, "4th": 3, "4": 3, "fifth": 4, "5th": 4, "5": 4, "sixth": 5, "6th": 5, "last": -1, "latter": -1, "bottom": -1,
}  # fmt: skip
OTHER = "other"
_THINGS = "kind type sort form option choice question answer point treatment thing bit item button suggestion".split()
A_FEW = 12
"""A message of more words than this says too much of its own to be a correction of the last question."""


def _words(listed: str) -> Pattern[str]:
    """Any one of some words, and nothing else."""
    return re.compile(rf"^(?:{'|'.join(map(re.escape, listed.split()))})$", re.I)


_ORDINAL = _words(" ".join([*_PLACES, OTHER]))
_THING = _words(" ".join(["one", "ones", *_THINGS]))
_NUMBERED = _words("number no no. nr option choice answer point")
_GOES_ON = _words(
    "please pls plz you that and or of then in into is are was does do did can could will would have has if turn become thanks "
    "thank too as , . ? !"
)
"""What can follow "the second" where it stands by itself; "the second injection" is another matter."""
_ONLY_PICKS = _words(
    "and ok okay so um er yes yeah yep no hi oh right well now then the a an just let lets let's me us i i'd i'll want wanted "
    "would like need mean meant choose pick take go with for to by try tell give show say said read explain describe hear know "
    "see open more again about on what what's whats is was 's s are were it that this of did do can could you your please pls "
    "plz thanks thank number mentioned listed one ones love dear first , . ? ! -"
)
_LEADS_IN = _words(
    "and but or so ok okay also plus then oh hm hmm um er right well now for from than in with to on at "
    "the a an my her his their our your any some of same one ones kind kinds type types sort form version "
    "as too please pls though tho instead , . ? ! - …"
)
_OFFERS_ANOTHER = _words("and but or so ok okay also plus for in with to any same")
_WHAT_ABOUT = re.compile(r"\b(?:what|how|wot|wat)(?:'?s)? (?:about|abt|of|if (?:it's|its|it is))(?: |$)", re.I)
_CORRECTS = re.compile(
    r"^(?:no|nope|nah|not|sorry|oops|whoops|wait|actually|hang on|i mean|i meant|i ment|i said|correction)\b"
    r"|\b(?:i (?:mean|meant|ment|said)|i (?:was|am|'m) (?:asking|talking|on) about|my question (?:is|was) about"
    r"|i asked (?:you )?about|just the)\b",
    re.I,
)
_BARE = re.compile(
    r"^(?:(?:and|but|so|ok|oh|hm+|um+) )*"
    r"(?:why(?: not| so| is that| that| though)?|how(?: come| so| long| often| soon| many| much| bad| far| is that)?"
    r"|when|where|who"
    r"|really|honestly|seriously|truly|is (?:that|it) (?:so|right|true)|are you sure|since when|says who|for how long|always)"
    r"(?: then| though| please)?[ ?!.]*$",
    re.I,
)
_CONTENT = re.compile(r"[a-z]{4,}")
_EMPTY = _words(
    "what when where which whose does have been will would could should with from this that these those "
    "them they there then than about into more some same done make made help tell want need know mean "
    "dystonia please thanks sorry"
)


class Pick(NamedTuple):
    """What a message picks: a card that was offered, or a thing (slug) that was listed; and the words that do."""

    item: str
    first: int
    last: int


def talk_of(message: Message) -> Talk:
    """The talk that a message stands in; an empty one while Rasa trains."""
    return Talk.from_slots((message.get(METADATA) or {}).get(TALK) or {})


def point_out(reading: Reading, talk: Talk) -> Optional[Card]:
    """Finds what "the second one" stands for: it becomes a mention of the thing, or the card where nothing else is said.

    Returns:
        The card that the message picks and asks nothing else about, or None.
    """
    store = shared_store()
    picked: Optional[Card] = None
    for pick in list(_picks(reading, talk)):
        card = store.cards.get(pick.item)
        slug = card.about[0] if card else pick.item
        if _nothing_else(reading, pick):
            picked = card or lookup().introduction(slug)
        if slug in store.terms:
            kind, stands_for = store.terms[slug].kind, store.terms[slug].stands_for
            reading.mentions.append(Mention(slug, kind, pick.first, pick.last, stands_for=stands_for, pointed_at=True))
    reading.mentions.sort(key=lambda mention: mention.first)
    return picked or _picked_by_word(reading, talk)


def carried_over(reading: Reading, talk: Talk, corrects: bool) -> Optional[Tuple[str, str, Optional[str]]]:
    """The last question with what a fragment, or a correction, puts in the place of its subject: "and the hand?", "coffee?".

    Returns:
        The question in whole words, its topic, and the subject it is now about (None where that of the talk stays); or None
        where the message is no such fragment, or the last question makes no sense of it.
    """
    store = shared_store()
    if talk.topic is None or not talk.cards or talk.cards[-1] not in store.cards:
        return None
    mentions = _meant_instead(reading) if corrects else _fragment(reading)
    if not mentions:
        return None
    last, mention = store.cards[talk.cards[-1]], mentions[-1]
    slug = mention.subject or mention.slug
    old = set(lookup().subjects(talk.about))
    for new, kept in ((slug, old), *((kind, set()) for kind in _kinds_for(slug)), (slug, set())):
        answers = [card for card in store.cards_by_slug.get(new, ()) if card.topic.value == talk.topic]
        if any(_is_about(card, new, kept) for card in answers if corrects or card is not last):
            subject = new if new in store.terms and store.terms[new].kind in NAMED_KINDS else None
            words = _name(new) if subject else reading.text(mention.first, mention.last)
            return _put_in(last, new, words), talk.topic, subject
    return None


def is_correction(reading: Reading) -> bool:
    """Whether a message says, by its form, that something else was meant: "actually my question is about the jaw"."""
    words = reading.text(0, len(reading.words))
    return bool(len(reading.words) <= A_FEW and _meant_instead(reading) and _CORRECTS.search(words))


def _meant_instead(reading: Reading) -> List[Mention]:
    named = (mention for mention in reading.mentions if not mention.excluded)
    return [mention for mention in named if mention.kind != COUNTRY and mention.slug != GENERAL]


def is_bare(reading: Reading) -> bool:
    """Whether a message asks, and holds no word of what about: "why?", "how come", "really?"."""
    return bool(_BARE.match(reading.text(0, len(reading.words))))


@lru_cache(maxsize=1)
def lookup() -> Lookup:
    """The look-up over the facts."""
    return Lookup(shared_store())


def _picks(reading: Reading, talk: Talk) -> Iterator[Pick]:
    words = reading.words
    for place, word in enumerate(words):
        if not _ORDINAL.match(word.repaired):
            continue
        first, last = place, place + 1
        before = words[place - 1].repaired.lower() if place else ""
        after = words[last].repaired if last < len(words) else ""
        if _THING.match(after):
            last += 1
        elif after and not _GOES_ON.match(after):
            continue
        pointed_at = before == "the" or _NUMBERED.match(before) or last == place + 2 and not word.repaired.isdigit()
        if not (pointed_at or _alone(reading, place, last)):
            continue
        first -= bool(before == "the" or _NUMBERED.match(before))
        item = _item(word.repaired.lower(), _choices(reading, first, talk), talk)
        if item and all(last <= mention.first or mention.last <= first for mention in reading.mentions):
            yield Pick(item, first, last)


def _alone(reading: Reading, first: int, last: int) -> bool:
    return all(_ONLY_PICKS.match(word.repaired) for word in [*reading.words[:first], *reading.words[last:]])


def _nothing_else(reading: Reading, pick: Pick) -> bool:
    rest = [*reading.words[: pick.first], *reading.words[pick.last :]]
    return all(_ONLY_PICKS.match(word.repaired) for word in rest)


def _choices(reading: Reading, before: int, talk: Talk) -> Sequence[str]:
    """What an ordinal counts: things named just before in the message, else what was offered, else what was listed."""
    earlier = [mention for mention in reading.mentions if mention.last <= before and not mention.excluded]
    named = list(dict.fromkeys(mention.subject for mention in earlier if mention.subject))
    return named if len(named) > 1 else talk.offered or talk.listed


def _item(word: str, choices: Sequence[str], talk: Talk) -> Optional[str]:
    if word == OTHER:
        # Of two things: the one that the talk is not about just now.
        left = [choice for choice in choices if choice not in talk.about[:1]]
        return left[0] if len(choices) == 2 and len(left) == 1 else None
    place = _PLACES[word]
    if place < 0:
        return next((choice for choice in reversed(choices) if choice), None)
    return (choices[place] or None) if place < len(choices) else None


def _picked_by_word(reading: Reading, talk: Talk) -> Optional[Card]:
    """The one of the cards just offered that a few words point to: "eyelids", "the treatment"."""
    store = shared_store()
    offered = [store.cards[card_id] for card_id in talk.offered if card_id in store.cards]
    if len(offered) < 2 or len(reading.words) > 6:
        return None
    named, said = _meant_instead(reading), _content(reading.text(0, len(reading.words)))
    if named:
        hits = [card for card in offered if all({mention.slug, mention.subject} & set(card.about) for mention in named)]
    else:
        asked = [_content(card.question) for card in offered]
        common = set.intersection(*asked)
        hits = [card for card, words in zip(offered, asked) if said & words - common]
    if len(hits) != 1 or not named and reading.asks and not said <= _content(hits[0].question):
        return None
    return hits[0]


def _content(text: str) -> Set[str]:
    """The beginnings of the words that say something: "what", "does" and the like stand in any question."""
    return {word[:5] for word in _CONTENT.findall(text.lower()) if not _EMPTY.match(word)}


def _fragment(reading: Reading) -> List[Mention]:
    """The mentions of a message that holds nothing else, and does not start a new subject by a bare name."""
    words, start = reading.words, 0
    for place, word in enumerate(words[:-1]):
        # "Sorry to be a pest, and the eyes?": what matters is the last clause.
        if word.typed in {",", ".", "!"}:
            start = place + 1
    mentions = [mention for mention in reading.mentions if mention.first >= start]
    if not mentions or len(_meant_instead(reading)) < len(reading.mentions):
        return []
    covered = {place for mention in mentions for place in range(mention.first, mention.last)}
    said = " ".join("_" if place in covered else word.repaired for place, word in enumerate(words) if place >= start)
    rest = _WHAT_ABOUT.sub("and ", said.replace(" '", "'").replace("as well", "too")).replace("_", " ").split()
    if not all(_LEADS_IN.match(word) for word in rest) or start and not (rest and _OFFERS_ANOTHER.match(rest[0])):
        return []
    asks = "?" in rest or any(_OFFERS_ANOTHER.match(word) for word in rest)
    return mentions if asks or not any(mention.subject for mention in mentions) else []


@lru_cache(maxsize=None)
def _kinds_for(slug: str) -> Tuple[str, ...]:
    """Types that are named after people or a thing: "children" may mean dystonia in children."""
    term = shared_store().terms.get(slug)
    if term is None or term.kind in NAMED_KINDS:
        return ()
    names = tuple(f" in {phrase}" for phrase in (term.name, *term.synonyms))
    return tuple(
        other.slug
        for other in shared_store().terms.values()
        if other.kind == "type" and any(phrase.endswith(names) for phrase in other.phrases)
    )


def _is_about(card: Card, slug: str, subjects: Set[str]) -> bool:
    """Whether a card is about a thing, and the old subject too where that can stay: "and breastfeeding?", after botox."""
    about = set(lookup().subjects(card.about)) - {slug}
    return slug in lookup().subjects([slug]) or (bool(about & subjects) if subjects else not about)


def _put_in(card: Card, slug: str, words: str) -> str:
    """A card's question with another thing in the place of its own of the same kind."""
    store = shared_store()
    question = card.question.lower()
    kind = store.terms[slug].kind if slug in store.terms else None
    alike = [old for old in card.about if old in store.terms and _same_sort(store.terms[old].kind, kind)]
    for old in alike:
        for phrase in sorted(store.terms[old].phrases, key=len, reverse=True):
            found = re.search(rf"\b{re.escape(phrase.lower())}\b", question)
            if found:
                return f"{question[: found.start()]}{words}{question[found.end() :]}"
    return f"{question} {words}"


def _same_sort(one: str, other: Optional[str]) -> bool:
    return (one in NAMED_KINDS) == (other in NAMED_KINDS)


def _name(slug: str) -> str:
    return slug.replace("_", " ")
