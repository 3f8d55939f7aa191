"""Questions as the understanding hands them to the core, made by hand."""
from __future__ import annotations

from typing import Any

from dystonia.question import Question, Talk

SUBJECTS = ("dystonia", "cervical_dystonia", "hand_dystonia", "blepharospasm")
TREATED = {f"{subject}.treatment": 0.1 for subject in SUBJECTS}
"""What "how is it treated?" may lead to, while nothing but its own words is known."""
WHAT_IS = {f"{subject}.what_is": 0.1 for subject in SUBJECTS}


def asked(text: str, topic: str | None, cards: dict[str, float], **more: Any) -> Question:
    """A question with the cards that its words point to and their probabilities."""
    candidates = tuple(sorted(cards.items(), key=lambda item: -item[1]))
    return Question(text, topic=topic, confidence=0.9, candidates=candidates, **{"likeness": 0.7, **more})


def plain(card_id: str, topic: str, about: str) -> Question:
    """A question that plainly asks for one card."""
    return asked(f"a question for {card_id}", topic, {card_id: 0.95}, about=(about,), likeness=0.9)


def vague(*cards: str) -> Question:
    """A question that points to some cards a little, and to none enough."""
    return asked("something about that thing", None, dict.fromkeys(cards, 0.01), likeness=0.3)


EYES = plain("blepharospasm.what_is", "type_info", "blepharospasm")
EYES_TREATED = plain("blepharospasm.treatment", "treatment_overview", "blepharospasm")
NECK = plain("cervical_dystonia.what_is", "type_info", "cervical_dystonia")
NECK_TREATED = plain("cervical_dystonia.treatment", "treatment_overview", "cervical_dystonia")
HOW_TREATED = asked("and how is it treated?", "treatment_overview", TREATED, refers_back=True)
NEW_TALK = Talk()
