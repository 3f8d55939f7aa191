"""Card files as text: one way to write a card, so that a change to one leaves every other line of its file as it was."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence

import yaml

from dystonia.models import Card

_START = re.compile(r"^- id: (?P<id>\S+)\s*$", re.M)
_FIELDS = (
    "id", "topic", "about", "questions", "lead", "points", "covers", "reviewed", "review_by", "status", "state", "clinician",
    "by_country", "cautions", "see_also",
)  # fmt: skip


def plain(card: Card) -> Dict[str, Any]:
    """A card as the plain values that stand in its file; fields that are empty and may be left out are."""
    values = {field: _plain(getattr(card, field)) for field in _FIELDS}
    return {field: value for field, value in values.items() if value or field in ("cautions", "see_also")}


def as_yaml(card: Mapping[str, Any]) -> str:
    """A card, as :func:`plain` gives it, the way all card files are written."""
    lines: List[str] = []
    for field in _FIELDS:
        if field not in card or field in ("points", "covers") and not card[field]:
            continue
        value = card[field]
        if field == "questions":
            lines += [f"{field}:", *(f"  - {_text(question)}" for question in value)]
        elif field == "lead":
            lines += [f"{field}:", *(f"  {line}" for line in _passage(value))]
        elif field == "points":
            lines.append(f"{field}:")
            for point in value:
                first, *rest = _passage(point)
                lines += [f"  - {first}", *(f"    {line}" for line in rest)]
        elif field == "by_country":
            lines.append(f"{field}: true")
        elif field == "clinician":
            lines += [f"{field}:", *(f"  {name}: {_text(each)}" for name, each in value.items())]
        else:
            lines.append(f"{field}: {_listed(value) if isinstance(value, list) else _text(value)}")
    first, *rest = lines
    return "\n".join([f"- {first}", *(f"  {line}" for line in rest)]) + "\n"


def cards_in(text: str) -> List[str]:
    """The ids of the cards of a file, in order."""
    return _START.findall(text)


def put(text: str, card: Mapping[str, Any]) -> str:
    """The text of a card file with a card in the place of the one with its id, or at the end."""
    written = as_yaml(card)
    span = _span(text, card["id"])
    if span is None:
        return f"{text.rstrip()}\n\n{written}" if text.strip() else written
    first, last = span
    kept = text[first:last]
    return text[:first] + written + kept[len(kept.rstrip("\n")) + 1 :] + text[last:]


def take_out(text: str, card_id: str) -> str:
    """The text of a card file without a card."""
    span = _span(text, card_id)
    return text if span is None else (text[: span[0]] + text[span[1] :]).rstrip("\n") + "\n"


def save(path: Path, text: str) -> None:
    """Writes a file at once or not at all."""
    beside = path.with_suffix(".new")
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)


def _span(text: str, card_id: str) -> Optional[Sequence[int]]:
    starts = list(_START.finditer(text))
    for place, start in enumerate(starts):
        if start["id"] == card_id:
            return start.start(), starts[place + 1].start() if place + 1 < len(starts) else len(text)
    return None


def _plain(value: Any) -> Any:
    if hasattr(value, "dict"):
        return {name: _plain(each) for name, each in value.dict().items() if each is not None}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    return value.value if hasattr(value, "value") else value.isoformat() if hasattr(value, "isoformat") else value


def _passage(passage: Mapping[str, Any]) -> List[str]:
    label = [f"label: {_text(passage['label'])}"] if passage.get("label") else []
    return [*label, f"text: {_text(passage['text'])}", f"sources: {_listed(passage['sources'])}"]


def _listed(values: Sequence[str]) -> str:
    return f"[{', '.join(map(str, values))}]"


def _text(value: str) -> str:
    """A text without quotes where YAML reads it back as it is."""
    try:
        if yaml.safe_load(f"- {value}") == [value] or re.fullmatch(r"\d{4}-\d\d-\d\d", value):
            return value
    except yaml.YAMLError:
        pass
    return json.dumps(value, ensure_ascii=False)
