"""Answers: which card is said, in what form, with which safety words, and what can be asked next."""
from __future__ import annotations

import datetime
from dataclasses import dataclass, replace
from typing import Callable, Iterable, List, Optional, Sequence, Tuple

from dystonia import wording
from dystonia.lookup import GENERAL, Lookup, Match
from dystonia.models import Card, Review, State
from dystonia.question import Question, Talk
from dystonia.reply import OUT_OF_SCOPE, Answer, Button, Kind, unique
from dystonia.store import GENERAL_INFORMATION, FactStore

ENOUGH = 0.12
"""A share of belief below which no card is said to answer, unless the question is nearly one of a card's own."""
NEARLY = 0.85
"""A likeness from which a question counts as nearly one of a card's own."""
UNSURE = 0.5
"""A share of belief below which the runner-up is offered as the first next question."""
ASK_COUNTRY = "Which country are you in? Tell me, and I will look for what I know of there."
MAX_BUTTONS = 3
MAX_TRIES = 2
MAX_SOURCES_NAMED = 3


@dataclass(frozen=True)
class Said:
    """An answer, and the talk as it stands after it."""

    answer: Answer
    talk: Talk


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
        found: List[Tuple[Question, Match]] = []
        runners_up: List[str] = []
        missed: List[Tuple[Question, List[Match]]] = []
        current = talk
        for question in questions:
            pair = self._comparison(question, current)
            if pair:
                return self._side_by_side(question, pair, talk)
            matches = [match for match in self._lookup.rank(question, current) if match.card.id not in {m.card.id for _, m in found}]
            if not matches:
                continue
            best = matches[0]
            if len(questions) == 1 and best.share < ENOUGH and question.likeness < NEARLY:
                missed.append((question, matches))
                continue
            found.append((question, best))
            if best.share < UNSURE and question.likeness < NEARLY:
                runners_up += [match.card.id for match in matches[1:2]]
            topic = question.topic or best.card.topic.value
            current = replace(current, about=self._subject(question, best.card, current), topic=topic)
        if found:
            return self._cards(found, talk, current, runners_up)
        if missed:
            return self._clarify(*missed[0], talk)
        return Said(Answer(Kind.out_of_scope, (OUT_OF_SCOPE,), confidence=_confidence(questions)), talk)

    def located(self, talk: Talk) -> Said:
        """The last answer anew, for the country that the visitor has now named."""
        cards = [self._store.cards[card_id] for card_id in talk.cards if card_id in self._store.cards]
        asked = [Question(card.question, card.topic.value, 1.0, tuple(card.about), candidates=((card.id, 1.0),)) for card in cards if card.by_country]
        return self.answer(asked, talk) if asked else self._nothing_to_go_on(replace(talk, asks_country=False))

    def correct(self, question: Question, talk: Talk) -> Said:
        """Redoes the last question about what the visitor meant instead ("no, the hand one")."""
        if talk.topic is None:
            return self.answer([question], talk)
        return self.answer([replace(question, topic=talk.topic, topic_given=True, confidence=1.0)], talk)

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
            return self._cards([(question, match)], talk, current)
        return self._nothing_to_go_on(talk)

    def pick(self, talk: Talk) -> Said:
        """ "Yes" after a clarifying question: the first of what was offered; otherwise more on the subject."""
        offered = [self._store.cards[card_id] for card_id in talk.offered if card_id in self._store.cards]
        return self._picked(offered[0], talk) if offered else self.more(talk)

    def decline(self, talk: Talk) -> Said:
        """ "No": nothing is pressed on anyone."""
        text = "That is fine. Ask me in other words, or about something else to do with dystonia."
        return Said(Answer(Kind.smalltalk, (text,), buttons=_FIRST), replace(talk, offered=(), clarified=0))

    # The parts of an answer.

    def _cards(
        self, found: Sequence[Tuple[Question, Match]], talk: Talk, after: Talk, runners_up: Sequence[str] = ()
    ) -> Said:
        cards = [match.card for _, match in found]
        paragraphs: List[str] = [paragraph for card in cards for paragraph in self._body(card)]
        if any(match.card.by_country and not self._lookup.country(question, talk) for question, match in found):
            paragraphs.append(ASK_COUNTRY)
        confidence = min(_sure(question, match) for question, match in found)
        topics = [question.topic or match.card.topic.value for question, match in found]
        return self._finish(cards, topics, paragraphs, talk, after, confidence, runners_up)

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
        ids = tuple(card.id for card in cards)
        answer = Answer(
            kind=Kind.answer,
            paragraphs=(*paragraphs, *self._overdue(cards), *self._caution_words(cautions, talk, cards), self._source_line(sources, cards)),
            buttons=self._next_questions(cards, talk, runners_up),
            topics=unique(topics),
            about=after.about,
            cards=ids,
            sources=sources,
            cautions=cautions,
            confidence=confidence,
        )
        talk = replace(
            after, cards=ids, said=unique((*talk.said, *ids)), cautions=unique((*talk.cautions, *cautions)), offered=(), clarified=0,
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
            self._store.cautions[caution].short if caution in said else self._store.cautions[caution].full.text for caution in cautions
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

    def _subject(self, question: Question, card: Card, talk: Talk) -> Tuple[str, ...]:
        """What the talk is about after a card: subjects first, and the old one where nothing took its place."""
        resolved = self._lookup.resolve(question, talk)
        about = resolved if set(resolved) & set(card.about) else tuple(card.about)
        subjects = self._lookup.subjects(about)
        if not subjects and GENERAL not in question.about:
            subjects = self._lookup.subjects(talk.about)
        return unique((*subjects, *about))

    # Two subjects side by side.

    def _comparison(self, question: Question, talk: Talk) -> Optional[Tuple[Card, Card]]:
        if question.topic != "comparison":
            return None
        subjects = self._lookup.subjects(self._lookup.resolve(question, talk))
        if len(subjects) != 2:
            return None
        best = self._lookup.rank(question, talk)
        if best and set(subjects) <= set(best[0].card.about):
            return None
        first, second = (self._lookup.introduction(slug) for slug in subjects)
        return (first, second) if first and second else None

    def _side_by_side(self, question: Question, pair: Tuple[Card, Card], talk: Talk) -> Said:
        paragraphs: List[str] = []
        for card in pair:
            name = self._store.name(card.about[0])
            paragraphs.append(f"{name[0].upper()}{name[1:]}: {card.lead.text}")
            paragraphs += self._body(card)[1:]
        about = tuple(card.about[0] for card in pair)
        after = replace(talk, about=about, topic="comparison")
        return self._finish(pair, ["comparison"], paragraphs, talk, after, question.confidence)

    # When it is not clear what is meant.

    def _clarify(self, question: Question, matches: Sequence[Match], talk: Talk) -> Said:
        choices = tuple(match.card.id for match in matches if match.card.id not in talk.offered)[: 2 if talk.clarified < MAX_TRIES else 3]
        buttons = tuple(Button.asking(self._store.cards[card_id].question) for card_id in choices)
        confidence = question.confidence
        if talk.clarified >= MAX_TRIES or not choices:
            text = (
                "I am sorry, I still can't find the card that answers this. These are the nearest ones. The support group, a dystonia "
                "charity or your doctor may know more."
            )
            return Said(
                Answer(Kind.clarify, (text,), buttons or _FIRST, confidence=confidence), replace(talk, offered=choices, clarified=0)
            )
        text = "I am not sure what you mean. Is it one of these? If not, please put it in other words."
        return Said(
            Answer(Kind.clarify, (text,), buttons, topics=_topics(question), confidence=confidence),
            replace(talk, offered=choices, clarified=talk.clarified + 1),
        )

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
        return Said(Answer(Kind.smalltalk, (text,), buttons=_FIRST), talk)


_FIRST = (Button.asking("What is dystonia?"), Button.asking("How is dystonia treated?"), Button.asking("What can you do?"))


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
