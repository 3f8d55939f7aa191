"""What the static replies need to know of the talk: which replies it has had, and whether someone asks for a number again."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Text

from rasa.shared.core.events import BotUttered, Event, Restarted, SessionStarted
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.shared.nlu.constants import INTENT, INTENT_NAME_KEY, PREDICTED_CONFIDENCE_KEY, TEXT

from dystonia.aftercare import kinds_said, last_urgent, wants_a_line
from dystonia.helplines import HELP_KINDS

HELPLINE = "helpline"
"""In the parse data of a message that asks for a number after an urgent reply."""


def kinds_in(tracker: Optional[DialogueStateTracker]) -> List[Text]:
    """The kinds of the replies of a talk, in order."""
    return kinds_said([event.as_dict() for event in tracker.events if _matters(event)]) if tracker else []


def lead_to_help(parsed: Dict[Text, Any], tracker: Optional[DialogueStateTracker]) -> None:
    """After an urgent reply, a message that asks for help or for a number leads to it, whatever else it resembles."""
    if (parsed.get(INTENT) or {}).get(INTENT_NAME_KEY) in HELP_KINDS or not wants_a_line(parsed.get(TEXT) or ""):
        return
    kind = last_urgent(kinds_in(tracker))
    if kind:
        parsed[INTENT] = {INTENT_NAME_KEY: kind, PREDICTED_CONFIDENCE_KEY: 1.0}
        parsed[HELPLINE] = True


def _matters(event: Event) -> bool:
    return isinstance(event, (BotUttered, Restarted, SessionStarted))
