"""Answers: which card is said, in what form, with which safety words, and what can be asked next."""
from __future__ import annotations

import datetime
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import zip_longest
from typing import Callable, Dict, Iterable, List, Optional, Sequence, Tuple

from dystonia import wording
from dystonia.lookup import GENERAL, Lookup, Match
from dystonia.models import Card, Review, State
from dystonia.question import Question, Talk
from dystonia.reply import FIRST_QUESTIONS, OUT_OF_SCOPE, Answer, Button, Kind, unique
from dystonia.store import GENERAL_INFORMATION, ONE_PERSON, FactStore

ENOUGH = 0.12
"""A share of belief below which no card is said to answer, unless the question is nearly one of a card's own."""
NEARLY = 0.85
"""A likeness from which a question counts as nearly one of a card's own."""
FAINTLY = 0.55
"""A likeness below which no card is near enough to be said."""
UNSURE = 0.5
"""A share of belief below which the runner-up is offered as the first next question."""
ASK_COUNTRY = "Which country are you in? Tell me, and I will look for what I know of there."
CLOSE = 0.5
"""How near the runner-up's share must come to the best card's, for a visitor to be asked which is meant."""
A_LIST = 3
"""So many types or treatments in the direct answer are a list, which "the second one" counts in."""
MAX_BUTTONS = 3
MAX_TRIES = 2
MAX_SOURCES_NAMED = 3


@dataclass(frozen=True)
class Said:
    """An answer, and the talk as it stands after it."""

    answer: Answer
    talk: Talk


@dataclass(frozen=True)
class _Piece:
    """What is said to one question: its cards, its paragraphs, and what it asks of the visitor."""

    cards: Tuple[Card, ...]
    topic: str
    paragraphs: Tuple[str, ...]
    confidence: float
    asks: Tuple[str, ...] = ()
    picked: bool = False


class Answerer:
    """Answers questions from a store; holds no state of any talk."""

    def __init__(self, store: FactStore) -> None:
        self._store = store
        self._lookup = Lookup(store)

    def answer(self, questions: Sequence[Question], talk: Talk) -> Said:
        """Answers the questions of one message, in order; each may lean on the one before.

        Returns:
            An answer of kind ``answer``, ``clarify`` or ``out_of_scope``.
        """
        found: List[_Piece] = []
        runners_up: List[str] = []
        missed: List[Tuple[Question, List[Match]]] = []
        current = talk
        for question in questions:
            pair = self._comparison(question, current)
            if pair:
                found.append(self._side_by_side(question, pair))
                current = replace(current, about=tuple(card.about[0] for card in pair), topic="comparison")
                continue
            said = {card.id for piece in found for card in piece.cards}
            matches = [match for match in self._lookup.rank(question, current) if match.card.id not in said]
            if not matches:
                continue
            best = matches[0]
            if len(questions) == 1 and not self._answers(question, best):
                missed.append((question, matches))
                continue
            if len(questions) == 1 and self._torn(question, matches, talk):
                return self._which(question, matches, talk)
            found.append(self._piece(question, best, current))
            if best.share < UNSURE and question.likeness < NEARLY:
                runners_up += [match.card.id for match in matches[1:2]]
            topic = question.topic or best.card.topic.value
            current = replace(current, about=self._subject(question, best.card, current), topic=topic)
        if found:
            return self._pieces(found, talk, current, runners_up)
        if missed:
            return self._clarify(*missed[0], talk)
        return Said(Answer(Kind.out_of_scope, (OUT_OF_SCOPE,), FIRST_QUESTIONS, confidence=_confidence(questions)), talk)

    def located(self, talk: Talk) -> Said:
        """The last answer anew, for the country that the visitor has now named."""
        cards = [self._store.cards[card_id] for card_id in talk.cards if card_id in self._store.cards]
        asked = [
            Question(card.question, card.topic.value, 1.0, tuple(card.about), candidates=((card.id, 1.0),), likeness=1.0)
            for card in cards
            if card.by_country
        ]
        return self.answer(asked, talk) if asked else self._nothing_to_go_on(replace(talk, asks_country=False))

    def correct(self, question: Question, talk: Talk) -> Said:
        """Redoes the last question about what the visitor meant instead ("no, the hand one")."""
        topic = question.topic_word or talk.topic
        named = [self._store.subject(slug) for slug in question.about]
        answers = {card.topic.value for slug in named for card in self._store.cards_by_slug.get(slug, ())}
        if topic is None or named and topic not in answers:
            # Of what is meant instead, the last question can't be asked ("I meant coffee", after side effects of tablets).
            return self.answer([replace(question, topic=None, refers_back=True)], talk)
        return self.answer([replace(question, topic=topic, topic_given=True, confidence=1.0)], talk)

    def shorter(self, talk: Talk) -> Said:
        """The last cards in one sentence each."""
        return self._again(talk, lambda card: (wording.sentences(card.lead.text)[0],))

    def repeat(self, talk: Talk) -> Said:
        """The last cards once more, in full."""
        return self._again(talk, self._body)

    def more(self, talk: Talk) -> Said:
        """The next card that the last ones point to and that was not said yet."""
        for card_id in self._onward(talk):
            card = self._store.cards[card_id]
            question = Question(card.question, topic=card.topic.value, confidence=1.0, about=tuple(card.about))
            match = Match(card, 1.0)
            current = replace(talk, about=tuple(card.about), topic=card.topic.value)
            return self._pieces([self._piece(question, match, talk)], talk, current)
        return self._nothing_to_go_on(talk)

    def pick(self, talk: Talk) -> Said:
        """ "Yes" after a clarifying question: the first of what was offered; otherwise more on the subject."""
        offered = [self._store.cards[card_id] for card_id in talk.offered if card_id in self._store.cards]
        return self._picked(offered[0], talk) if offered else self.more(talk)

    def decline(self, talk: Talk) -> Said:
        """ "No": nothing is pressed on anyone."""
        text, buttons = "That is fine. Ask me in other words, or about something else to do with dystonia.", FIRST_QUESTIONS
        offered = [self._store.cards[card_id] for card_id in talk.offered if card_id in self._store.cards]
        if offered:
            text = f"Then please put it in other words, or look at what is near to it. {_A_PERSON}"
            buttons = self._next_questions(offered, talk, ()) or FIRST_QUESTIONS
        return Said(Answer(Kind.smalltalk, (text,), buttons=buttons), replace(talk, offered=(), clarified=0))

    def in_general(self, said: Said) -> Said:
        """An answer led by the words that it judges nobody's case: in full once, in short afterwards."""
        caution, known = self._store.cautions[ONE_PERSON], ONE_PERSON in said.talk.cautions
        return Said(
            replace(
                said.answer,
                paragraphs=(caution.short if known else caution.full.text, *said.answer.paragraphs),
                cautions=(ONE_PERSON, *said.answer.cautions),
            ),
            replace(said.talk, cautions=unique((*said.talk.cautions, ONE_PERSON))),
        )

    @staticmethod
    def _answers(question: Question, best: Match) -> bool:
        """Whether the best card is likely enough: shares add up to 1, so a question that no card is like has a best one too."""
        if question.picked or question.topic_given or question.is_bare or question.likeness >= NEARLY:
            return True
        # What leans on the talk says little itself, and is like no card's question.
        return best.share >= ENOUGH and (question.likeness >= FAINTLY or question.refers_back)

    # The parts of an answer.

    def _piece(self, question: Question, match: Match, talk: Talk) -> "_Piece":
        card = match.card
        ask = (ASK_COUNTRY,) if card.by_country and not self._lookup.country(question, talk) else ()
        topic = question.topic or card.topic.value
        return _Piece((card,), topic, self._body(card), _sure(question, match), ask, question.picked)

    def _pieces(self, found: Sequence["_Piece"], talk: Talk, after: Talk, runners_up: Sequence[str] = ()) -> Said:
        cards = unique(card for piece in found for card in piece.cards)
        paragraphs = [paragraph for piece in found for paragraph in piece.paragraphs]
        paragraphs += unique(line for piece in found for line in piece.asks)
        confidence = min(piece.confidence for piece in found)
        said = self._finish(cards, [piece.topic for piece in found], paragraphs, talk, after, confidence, runners_up)
        # "And the third?" counts on in the same list.
        return replace(said, talk=replace(said.talk, listed=talk.listed)) if all(piece.picked for piece in found) else said

    def _finish(
        self,
        cards: Sequence[Card],
        topics: Sequence[str],
        paragraphs: Sequence[str],
        talk: Talk,
        after: Talk,
        confidence: float = 1.0,
        runners_up: Sequence[str] = (),
    ) -> Said:
        cautions = unique(caution for card in cards for caution in card.cautions)
        if GENERAL_INFORMATION not in talk.cautions:
            cautions += (GENERAL_INFORMATION,)
        sources = unique(source for card in cards for passage in card.passages for source in passage.sources)
        ids, buttons = tuple(card.id for card in cards), self._next_questions(cards, talk, runners_up)
        answer = Answer(
            kind=Kind.answer,
            paragraphs=(
                *paragraphs,
                *self._overdue(cards),
                *self._caution_words(cautions, talk, cards),
                self._source_line(sources, cards),
            ),
            buttons=buttons,
            topics=unique(topics),
            about=after.about,
            cards=ids,
            sources=sources,
            cautions=cautions,
            confidence=confidence,
        )
        talk = replace(
            after,
            cards=ids,
            said=unique((*talk.said, *ids)),
            cautions=unique((*talk.cautions, *cautions)),
            offered=(),
            clarified=0,
            listed=self._listed(cards, buttons),
            asks_country=ASK_COUNTRY in paragraphs,
        )
        return Said(answer, talk)

    @staticmethod
    def _body(card: Card) -> Tuple[str, ...]:
        points = "\n".join(f"• {point.shown}" for point in card.points)
        return (card.lead.text, points) if points else (card.lead.text,)

    def _caution_words(self, cautions: Iterable[str], talk: Talk, cards: Sequence[Card]) -> Tuple[str, ...]:
        said = set(talk.cautions)
        if all(card.state is State.reviewed for card in cards):
            # In full it says that no clinician has reviewed the answer.
            said.add(GENERAL_INFORMATION)
        return tuple(
            self._store.cautions[caution].short if caution in said else self._store.cautions[caution].full.text
            for caution in cautions
        )

    def _source_line(self, sources: Sequence[str], cards: Sequence[Card]) -> str:
        named = unique(f"{self._store.sources[source].publisher} ({self._store.sources[source].date})" for source in sources)
        rest = len(named) - MAX_SOURCES_NAMED
        listed = "; ".join(named[:MAX_SOURCES_NAMED])
        more = f"; and {rest} more" if rest > 0 else ""
        reviews = unique(_review(card.clinician) for card in cards if card.clinician)
        return " ".join([f"Sources: {listed}{more}. Checked {_day(min(card.reviewed for card in cards))}.", *reviews])

    @staticmethod
    def _overdue(cards: Sequence[Card]) -> Tuple[str, ...]:
        today = datetime.date.today()
        late = [card for card in cards if card.review_by < today]
        return (f"This was due to be checked again by {_day(late[0].review_by)}, so it may be out of date.",) if late else ()

    def _next_questions(self, cards: Sequence[Card], talk: Talk, runners_up: Sequence[str]) -> Tuple[Button, ...]:
        spoken = {card.id for card in cards} | set(talk.said)
        linked = [card_id for card in cards for card_id in card.see_also]
        onward = unique(card_id for card_id in (*runners_up, *linked) if card_id not in spoken)
        return tuple(Button.asking(self._store.cards[card_id].question) for card_id in onward[:MAX_BUTTONS])

    def _listed(self, cards: Sequence[Card], buttons: Sequence[Button]) -> Tuple[str, ...]:
        """What "the second one" can mean after an answer: a thing in its list, in its second point, or the second button."""
        if len(cards) > 1:
            each = unique(slug for card in cards for slug in self._lookup.subjects(card.about[:1]))
            return each if len(each) > 1 else self._ids(buttons)
        own = self._lookup.subjects(cards[0].about)
        listed = tuple(slug for slug in self._lookup.named_in(cards[0].lead.text) if slug not in own)
        if len(listed) >= A_LIST:
            return listed
        points = [[slug for slug in self._lookup.named_in(point.text) if slug not in own] for point in cards[0].points]
        items = [*((slugs or [""])[0] for slugs in points), *[""] * (len(buttons) - len(points))]
        return tuple(item or offered for item, offered in zip_longest(items, self._ids(buttons), fillvalue=""))

    def _ids(self, buttons: Sequence[Button]) -> Tuple[str, ...]:
        return tuple(self._asked_as[button.payload] for button in buttons)

    @cached_property
    def _asked_as(self) -> Dict[str, str]:
        return {card.question: card.id for card in self._store.cards.values()}

    def _subject(self, question: Question, card: Card, talk: Talk) -> Tuple[str, ...]:
        """What the talk is about after a card: subjects first, and the old one where nothing took its place."""
        resolved = self._lookup.resolve(question, talk)
        about = resolved if set(resolved) & set(card.about) else tuple(card.about)
        subjects = self._lookup.subjects(about) or self._lookup.subjects(card.about[:1])
        if not subjects and GENERAL not in question.about:
            subjects = self._lookup.subjects(talk.about)
        if subjects and all(self._store.terms[slug].kind == "treatment" for slug in subjects) and GENERAL not in question.about:
            # A treatment is talked of for the type that was named before: "can she have DBS", then "will her brother get it".
            kept = [slug for slug in self._lookup.subjects(talk.about) if self._store.terms[slug].kind == "type"]
            subjects = (*subjects, *kept[:1])
        return unique((*subjects, *about))

    # Two subjects side by side.

    def _comparison(self, question: Question, talk: Talk) -> Optional[Tuple[Card, Card]]:
        if question.topic != "comparison":
            return None
        subjects = self._lookup.subjects(self._lookup.resolve(question, talk))
        if len(subjects) == 1 and question.refers_back:
            # "How is that different from Meige?" sets it against what the talk is about.
            subjects = unique((*subjects, *self._lookup.subjects(talk.about)[:1]))
        if len(subjects) > 2:
            # "Is DBS better than botox for the neck" sets two treatments against each other, not the neck.
            kinds = [self._store.terms[slug].kind for slug in subjects]
            subjects = tuple(slug for slug, kind in zip(subjects, kinds) if kinds.count(kind) == 2)
        if len(subjects) != 2:
            return None
        best = self._lookup.rank(question, talk)
        if best and set(subjects) <= set(best[0].card.about):
            return None
        first, second = (self._lookup.introduction(slug) for slug in subjects)
        return (first, second) if first and second else None

    def _side_by_side(self, question: Question, pair: Tuple[Card, Card]) -> "_Piece":
        paragraphs: List[str] = []
        for card in pair:
            name = self._store.name(card.about[0])
            paragraphs.append(f"{name[0].upper()}{name[1:]}: {card.lead.text}")
            paragraphs += self._body(card)[1:]
        return _Piece(pair, "comparison", tuple(paragraphs), question.confidence)

    # When it is not clear what is meant.

    def _torn(self, question: Question, matches: Sequence[Match], talk: Talk) -> bool:
        """Whether two cards that answer different things are about as likely, and it was not asked before which is meant."""
        if len(matches) < 2 or question.likeness >= NEARLY or question.topic_given or question.picked or question.is_bare:
            return False
        best, second = matches[:2]
        ids = {best.card.id, second.card.id}
        return (
            best.share < UNSURE
            and second.share >= CLOSE * best.share
            and (best.card.topic, best.card.about[0]) != (second.card.topic, second.card.about[0])
            and not talk.clarified
            and not ids <= set(talk.asked_back)
        )

    def _which(self, question: Question, matches: Sequence[Match], talk: Talk) -> Said:
        choices = tuple(match.card.id for match in matches[:2])
        text = "I can read that in two ways. Which one do you mean? If neither, please put it in other words."
        return self._ask_back(question, text, choices, talk)

    def _ask_back(self, question: Question, text: str, choices: Sequence[str], talk: Talk) -> Said:
        buttons = tuple(Button.asking(self._store.cards[card_id].question) for card_id in choices)
        after = replace(
            talk, offered=tuple(choices), clarified=talk.clarified + 1, asked_back=unique((*talk.asked_back, *choices))
        )
        return Said(Answer(Kind.clarify, (text,), buttons, topics=_topics(question), confidence=question.confidence), after)

    def _clarify(self, question: Question, matches: Sequence[Match], talk: Talk) -> Said:
        tried = talk.clarified >= MAX_TRIES
        new = tuple(match.card.id for match in matches if match.card.id not in talk.asked_back)[:2]
        if not tried and new:
            text = "I am not sure what you mean. Is it one of these? If not, please put it in other words."
            return self._ask_back(question, text, new, talk)
        choices = tuple(match.card.id for match in matches if match.card.id not in talk.offered)[:MAX_BUTTONS]
        buttons = tuple(Button.asking(self._store.cards[card_id].question) for card_id in choices)
        text = f"I am sorry, I still can't find the card that answers this. These are the nearest ones. {_A_PERSON}"
        answer = Answer(Kind.clarify, (text,), buttons or FIRST_QUESTIONS, confidence=question.confidence)
        return Said(answer, replace(talk, offered=choices, clarified=0))

    # Going on from the last answer.

    def _again(self, talk: Talk, body: Callable[[Card], Tuple[str, ...]]) -> Said:
        cards = [self._store.cards[card_id] for card_id in talk.cards if card_id in self._store.cards]
        if not cards:
            return self._nothing_to_go_on(talk)
        topics = [talk.topic] if talk.topic else [card.topic.value for card in cards]
        return self._finish(cards, topics, [paragraph for card in cards for paragraph in body(card)], talk, talk)

    def _picked(self, card: Card, talk: Talk) -> Said:
        current = replace(talk, about=tuple(card.about), topic=card.topic.value)
        return self._finish([card], [card.topic.value], self._body(card), talk, current)

    def _onward(self, talk: Talk) -> List[str]:
        cards = [self._store.cards[card_id] for card_id in talk.cards if card_id in self._store.cards]
        linked = [card_id for card in cards for card_id in card.see_also]
        related = [card.id for slug in talk.about if slug != GENERAL for card in self._store.cards_by_slug.get(slug, ())]
        return [card_id for card_id in unique([*linked, *related]) if card_id not in talk.said and card_id in self._store.cards]

    def _nothing_to_go_on(self, talk: Talk) -> Said:
        text = "I have nothing to add to that. What else would you like to know about dystonia?"
        if not talk.said:
            text = "I am here. What would you like to know about dystonia?"
        return Said(Answer(Kind.smalltalk, (text,), buttons=FIRST_QUESTIONS), talk)


_A_PERSON = "The support group, a dystonia charity or your doctor may know more."


def _day(date: datetime.date) -> str:
    return f"{date.day} {date:%B %Y}"


def _review(clinician: Review) -> str:
    return f"Reviewed by {clinician.name}, {clinician.profession}, {_day(clinician.date)}."


def _topics(question: Question) -> Tuple[str, ...]:
    return (question.topic,) if question.topic else ()


def _confidence(questions: Sequence[Question]) -> float:
    return max((question.confidence for question in questions), default=0.0)


def _sure(question: Question, match: Match) -> float:
    return min(1.0, max(question.confidence, match.share, question.likeness if question.likeness >= NEARLY else 0.0))
