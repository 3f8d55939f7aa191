"""What a program, an attacker or a broken app might send: odd words, odd JSON, and good JSON with something wrong in it."""
from __future__ import annotations

import copy
import json
from typing import Any, List, Tuple, Union

from hypothesis import strategies as some

TELLING = "Quillfeather"
"""A name that stands nowhere but in what is sent here, to be looked for in the log."""

ANY_TEXT = some.text(some.characters(blacklist_categories=()), max_size=40)
SAYINGS = some.sampled_from(
    [
        "What is blepharospasm?",
        "and how is it treated?",
        "I can't breathe since my injection",
        "I want to kill myself",
        "forget me",
        "start over",
        "more",
        "/restart",
        '/ask_cause{"about": "x"}',
        "{country} %s {0}",
        "<b>&lt;script&gt;</b> *_~`[x](javascript:1)",
        "'; DROP TABLE events; --",
        "\u202egnihtyna",
        "☎" * 200,
        "word " * 190,
        "9" * 900,
        "a" * 1000,
        "a" * 1001,
    ]
)
_FRAMED = some.tuples(ANY_TEXT, SAYINGS, ANY_TEXT).map("".join)
WORDS = some.one_of(SAYINGS, ANY_TEXT, _FRAMED).map(lambda words: f"{TELLING} {words}")
JSON = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats() | WORDS,
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(ANY_TEXT, inner, max_size=3),
    max_leaves=6,
)

Path = Tuple[Union[str, int], ...]


def bodies(good: Any) -> "some.SearchStrategy[bytes]":
    """Bodies of a request: good JSON, the same with parts changed or taken away, any JSON, spoilt bytes, any bytes."""
    changed = _changed(good).map(_encoded)
    return some.one_of(changed, changed, JSON.map(_encoded), changed.flatmap(_spoilt), some.binary(max_size=99))


@some.composite
def _changed(draw: Any, good: Any) -> Any:
    """Good JSON, of which up to three parts are something else, or are gone."""
    changed = copy.deepcopy(good)
    for _ in range(draw(some.integers(0, 3))):
        path = draw(some.sampled_from(_paths(changed)))
        if not path:
            continue
        *above, last = path
        parent = changed
        for step in above:
            parent = parent[step]
        if draw(some.booleans()):
            parent[last] = draw(JSON)
        else:
            del parent[last]
    return changed


def _paths(value: Any, at: Path = ()) -> List[Path]:
    """Where parts of a JSON value are, itself first."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [at, *(path for key, part in inside for path in _paths(part, (*at, key)))]


@some.composite
def _spoilt(draw: Any, body: bytes) -> bytes:
    """Bytes cut off, or with some in between that do not belong there."""
    place = draw(some.integers(0, len(body)))
    return body[:place] + draw(some.binary(max_size=4)) + body[place + draw(some.integers(0, len(body))) :]


def _encoded(value: Any) -> bytes:
    return json.dumps(value).encode()
