"""What the static replies need to know of the talk: which replies it has had, and whether someone asks for a number again."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Text

from rasa.shared.core.events import BotUttered, Event, Restarted, SessionStarted
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.shared.nlu.constants import INTENT, INTENT_NAME_KEY, PREDICTED_CONFIDENCE_KEY, TEXT

from dystonia.aftercare import asks_again, due, how_it_stands, kinds_said, last_urgent, red_flag_said, wants_a_line
from dystonia.helplines import HELP_KINDS
from nlu import red_flag_rules
from nlu.message import IN_DOUBT

HELPLINE = "helpline"
"""In the parse data of a message that asks for a number after an urgent reply."""


def kinds_in(tracker: Optional[DialogueStateTracker]) -> List[Text]:
    """The kinds of the replies of a talk, in order."""
    return kinds_said(_replies(tracker))


def red_flag_in(tracker: Optional[DialogueStateTracker]) -> Optional[Text]:
    """The red flag that the last urgent reply of a talk answered."""
    return red_flag_said(_replies(tracker))


def lead_to_help(parsed: Dict[Text, Any], tracker: Optional[DialogueStateTracker]) -> None:
    """Leads a message to help that asks for it after an urgent reply, whatever else it resembles.

    Asked for a number, and right after the reply what to do, the reply is said again; who tells how things stand
    ("it came out", "nobody answers there") gets a reply of its own, unless the rules see a red flag in it.
    """
    text, kinds = parsed.get(TEXT) or "", kinds_in(tracker)
    kind = last_urgent(kinds)
    stands = how_it_stands(text) if due(kinds) else None
    if stands and not red_flag_rules.raised(text):
        parsed[INTENT] = {INTENT_NAME_KEY: stands, PREDICTED_CONFIDENCE_KEY: 1.0}
        parsed.pop(IN_DOUBT, None)
    elif (parsed.get(INTENT) or {}).get(INTENT_NAME_KEY) in HELP_KINDS or kind is None:
        return
    elif wants_a_line(text) or asks_again(text) and last_urgent(kinds[-2:]):
        parsed[INTENT] = {INTENT_NAME_KEY: kind, PREDICTED_CONFIDENCE_KEY: 1.0}
        parsed[HELPLINE] = True


def _replies(tracker: Optional[DialogueStateTracker]) -> List[Dict[Text, Any]]:
    return [event.as_dict() for event in tracker.events if _matters(event)] if tracker else []


def _matters(event: Event) -> bool:
    return isinstance(event, (BotUttered, Restarted, SessionStarted))
