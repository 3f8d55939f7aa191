"""Writes conversations as Botium's own convo files, which its other tools read too."""
from __future__ import annotations

from pathlib import Path
from typing import Iterable, Iterator

from suite.judging import LEAD_CHARACTERS
from suite.reading import Conversation, Turn, Words


def write_convos(conversations: Iterable[Conversation], avoided: Iterable[Words], with_contract: bool, folder: Path) -> None:
    """Writes a file ``<id>.convo.txt`` for each conversation.

    ``shorter`` and ``new`` are left out: a convo file can't look back.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for talk in conversations:
        steps = [step for turn in talk.turns for step in _steps(turn, tuple(avoided), with_contract)]
        (folder / f"{talk.id}.convo.txt").write_text("\n\n".join([talk.id, *steps]) + "\n", encoding="utf-8")


def _steps(turn: Turn, avoided: Iterable[Words], with_contract: bool) -> Iterator[str]:
    yield f"#me\n{turn.say}"
    lead = rf"^[\s\S]{{0,{LEAD_CHARACTERS}}}?"
    found = [_javascript(words) for words in turn.says] + [lead + _javascript(words) for words in turn.leads_with]
    lines = [_asserter("TEXT_REGEXP_ALL_IC", found)] if found else []
    lines.append(_asserter("!TEXT_REGEXP_ANY_IC", [_javascript(words) for words in (*turn.never, *avoided)]))
    if with_contract:
        wanted = [(name, each) for name, values in turn.contract.items() for each in values]
        lines += [_asserter("JSON_PATH", [_path(name), f"^({'|'.join(each)})$"]) for name, each in wanted]
    yield "\n".join(["#bot", *lines])


def _path(field: str) -> str:
    return f"$..custom.reply.{field}" + ("" if field == "kind" else "[*]")


def _javascript(words: Words) -> str:
    """The pattern; both kinds of apostrophe, because Botium reads a reply as it comes."""
    return words.pattern.pattern.replace("'", "['\u2019]")


def _asserter(name: str, arguments: Iterable[str]) -> str:
    """A line of a convo file, where | stands between arguments and is escaped within them."""
    return f"{name} " + "|".join(argument.replace("|", r"\|") for argument in arguments)
