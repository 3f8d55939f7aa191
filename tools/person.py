"""`make export` and `make erase`: everything that is kept of one talk, to hand it to whom it belongs to, or to delete it."""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple

from server.papers import (
    DAMAGED,
    DUMP_FILE,
    PAGES,
    TALK_FILE,
    backups,
    event_files,
    left_behind,
    remove,
    waiting_events,
)
from server.settings import Settings, SettingsError
from server.talks import Talks
from tools.stored import NoTalks, open_store

AGAIN = 0.5
"""Seconds after an erasure until it is looked whether a turn that was under way has written something again."""
TIMES = 20
"""How often it is looked: as long as a turn may take."""

_TALK = re.compile(r"(?:rest|widget|slack|telegram):[\w.@:+=*-]+", re.ASCII)


def main(arguments: Optional[Sequence[str]] = None, again: float = AGAIN) -> int:
    """Does what is asked; returns the exit status."""
    asked = _parser().parse_args(arguments)
    try:
        settings = Settings.from_environment()
        talks = Talks.at(open_store().engine.url)
        found = sorted({*talks.matching(asked.talk), *_elsewhere(talks, settings.data, asked.talk)})
    except (SettingsError, NoTalks) as fault:
        print(fault, file=sys.stderr)
        return 1
    if not found:
        print(f"Nothing is kept of a talk '{asked.talk}'. Mend: see docs/privacy.md for how ids look.", file=sys.stderr)
        return 1
    if asked.do == "export":
        print(json.dumps([exported(talks, settings.data, talk) for talk in found], ensure_ascii=False, indent=2))
        return 0
    for talk in found:
        print(f"{talk}: {erase(talks, settings.data, talk, again)} entries were deleted.")
    dumped = any((folder / DUMP_FILE).is_file() for folder in backups(settings.data))
    print("PostgreSQL dumps in backups/ can't be opened: they hold it until they go." if dumped else "Backups are clean too.")
    print("Logs hold no words. Copies elsewhere are yours to delete.")
    return 0


def exported(talks: Talks, data: Path, talk: str) -> Dict[str, Any]:
    """All that is kept of a talk: first for people, then as it is stored."""
    events = talks.events(talk)
    return {
        "talk": talk,
        "exported": _when(time.time()),
        "messages": [_message(event) for event in events if event["event"] in ("user", "bot")],
        "remembered": _remembered(events),
        "feedback": [{**said, "timestamp": _when(said["timestamp"])} for said in talks.feedback.of(talk)],
        "waiting_to_be_answered": [content for id_, content in _contents(talks, data) if id_ == talk],
        "as_stored": events,
    }


def erase(talks: Talks, data: Path, talk: str, again: float = AGAIN) -> int:
    """Deletes a talk wherever it is kept; returns how many entries that were.

    It is deleted once more where a turn that was under way writes it anew.
    """
    deleted = sum(events.erase(talk) for events in waiting_events(data, talks))
    for _ in range(TIMES):
        deleted += talks.erase(talk)
        time.sleep(again)
        if not talks.events(talk):
            break
    remove(data, PAGES)
    # What could be read of a damaged file is in its successor; the file itself can't be cleaned.
    remove(data, DAMAGED)
    for _ in range(TIMES):
        if talks.tidy():
            break
        # Someone reads just now.
        time.sleep(again)
    for copy in _open_copies(talks, data):
        deleted += copy.erase(talk)
        copy.tidy()
    for folder in backups(data):
        deleted += sum(events.erase(talk) for events in event_files(folder))
    return deleted


def _message(event: Dict[str, Any]) -> Dict[str, Any]:
    said: Dict[str, Any] = {"when": _when(event["timestamp"]), "who": "visitor" if event["event"] == "user" else "assistant"}
    said["text"] = event.get("text")
    if event["event"] == "user":
        parsed = event.get("parse_data") or {}
        said["understood_as"] = (parsed.get("intent") or {}).get("name")
        said["named"] = {entity["entity"]: entity["value"] for entity in parsed.get("entities") or []}
    return said


def _remembered(events: List[Dict[str, Any]]) -> Dict[str, Any]:
    """What the talk remembered last: the subject, the country and the like."""
    slots = {event["name"]: event["value"] for event in events if event["event"] == "slot"}
    return {name: value for name, value in slots.items() if value not in (None, [], "")}


def _when(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="seconds")


def _contents(talks: Talks, data: Path) -> Iterator[Tuple[str, Any]]:
    """What the apps have handed over and is not answered yet, or not sent."""
    for events in waiting_events(data, talks):
        yield from ((event.talk, {"message": event.content, "reply": event.calls}) for event in events.waiting())


def _elsewhere(talks: Talks, data: Path, pattern: str) -> Iterator[str]:
    """The talks that a pattern names among the events of apps, in backups, and in what was left when PostgreSQL was set."""
    like = re.compile(".*".join(map(re.escape, pattern.split("*"))))
    yield from (talk for events in waiting_events(data, talks) for talk in events.talks() if like.fullmatch(talk))
    for folder in backups(data):
        yield from (talk for events in event_files(folder) for talk in events.talks() if like.fullmatch(talk))
    yield from (talk for copy in _open_copies(talks, data) for talk in copy.matching(pattern))


def _open_copies(talks: Talks, data: Path) -> Iterator[Talks]:
    for folder in (*backups(data), *left_behind(data, talks)):
        if (folder / TALK_FILE).is_file():
            copy = Talks.at(f"sqlite:///{folder / TALK_FILE}")
            yield copy
            copy.close()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tools.person", description="Exports or erases all that is kept of a talk.")
    parser.add_argument("do", choices=["export", "erase"])
    parser.add_argument("talk", type=_pattern, help="its id, such as widget:... or slack:T1:*:U7, where * stands for anything")
    return parser


def _pattern(value: str) -> str:
    named = value.partition(":")[2].replace(":", "")
    if not _TALK.fullmatch(value) or "*" in named and len(named.replace("*", "")) < 3:
        raise argparse.ArgumentTypeError(
            f"'{value}' is no id of a talk. Mend: channel and id, such as TALK=widget:abc... or TALK='slack:T123:*:U456', "
            "with at least three characters beside a * (docs/privacy.md)."
        )
    return value


if __name__ == "__main__":
    sys.exit(main())
