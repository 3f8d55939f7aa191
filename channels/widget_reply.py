"""A reply in the form that a page can show without reading its text: blocks, lines, and pieces that can be pressed."""
from __future__ import annotations

from itertools import groupby
from typing import Any, Dict, List, Optional, Text, Union

from rasa.shared.core.events import BotUttered, UserUttered
from rasa.shared.core.trackers import DialogueStateTracker

from dystonia.helplines import HELP_KINDS
from dystonia.reply import Kind
from dystonia.telephones import pieces

POINT = "• "
WITH_NUMBERS = (*HELP_KINDS, Kind.unavailable.value)
"""Kinds of reply whose numbers can be pressed. In any other a number may be a year or a count."""

Line = List[Union[Text, Dict[Text, Text]]]


def shown(message_id: Text, turn: Dict[Text, Any]) -> Dict[Text, Any]:
    """A turn (channels/turn.py) as the widget shows it: the same words, in blocks."""
    kind = turn["reply"]["kind"]
    blocks = [block for paragraph in turn["text"].split("\n\n") for block in _blocks(paragraph, kind)]
    return {"id": message_id, "text": turn["text"], "blocks": blocks, "buttons": turn["buttons"], "reply": turn["reply"]}


def stored_turns(tracker: Optional[DialogueStateTracker], model: Text) -> List[Dict[Text, Any]]:
    """What was said in a stored talk, oldest first: each message with the reply that it got.

    A message without a reply is left out: something failed before the turn was over, and it may be sent again.
    """
    turns: List[Dict[Text, Any]] = []
    for event in tracker.events if tracker else ():
        if isinstance(event, UserUttered) and event.text:
            turns.append({"id": event.message_id, "said": event.text, "at": event.timestamp, "heard": []})
        elif isinstance(event, BotUttered) and turns:
            turns[-1]["heard"].append(event)
    return [_stored(turn, model) for turn in turns if any(_contract(event) for event in turn["heard"])]


def _stored(turn: Dict[Text, Any], model: Text) -> Dict[Text, Any]:
    heard = turn.pop("heard")
    contract = next(told for told in map(_contract, reversed(heard)) if told)
    reply = shown(
        turn["id"],
        {
            "text": "\n\n".join(event.text.strip() for event in heard if event.text),
            "buttons": [button for event in heard for button in event.data.get("buttons") or []],
            "reply": {**contract, "model": model},
        },
    )
    return {**turn, "answer": reply}


def _contract(event: BotUttered) -> Optional[Dict[Text, Any]]:
    return ((event.data or {}).get("custom") or {}).get("reply")


def _blocks(paragraph: Text, kind: Text) -> List[Dict[Text, Any]]:
    """A paragraph of points becomes a list; so do the lines of numbers of an urgent reply."""
    lines = paragraph.split("\n")
    if kind in HELP_KINDS and len(lines) > 1:
        return [{"list": True, "lines": [_line(line, kind) for line in lines]}]
    return [
        {"list": is_list, "lines": [_line(line[len(POINT) :] if is_list else line, kind) for line in group]}
        for is_list, group in groupby(lines, lambda line: line.startswith(POINT))
    ]


def _line(line: Text, kind: Text) -> Line:
    if kind not in WITH_NUMBERS:
        return [line]
    return [{"text": piece.text, "href": piece.href} if piece.href else piece.text for piece in pieces(line)]
