"""Reads the conversations and says, with file and line, what is wrong with them."""
from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Optional, Pattern, Sequence, Tuple

import yaml

FOLDER = Path(__file__).resolve().parent
CONTRACT = ("kind", "topics", "about", "cards", "cautions")
"""What of a reply's account of itself can be expected."""

_IDEA = re.compile(r"<(\w+)>")
_ID = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")


class SuiteError(ValueError):
    """The files of the suite can't be used; the message names every fault, one a line."""


@dataclass(frozen=True)
class Words:
    """Words to look for in a reply.

    Attributes:
        written: as the suite has them, for the score card.
        pattern: what finds them: at the beginning of a word, in capitals or not.
    """

    written: str
    pattern: "Pattern[str]"


@dataclass(frozen=True)
class Turn:
    """What the visitor says, and what must hold for the reply.

    Attributes:
        says: each must be found in the reply.
        leads_with: each must be found near its beginning.
        never: none may be found.
        shorter: whether the reply must be shorter than the one before.
        new: whether the reply must differ from all before.
        contract: for each field of the reply's account of itself, what must stand there; each with its alternatives.
    """

    say: str
    says: Tuple[Words, ...] = ()
    leads_with: Tuple[Words, ...] = ()
    never: Tuple[Words, ...] = ()
    shorter: bool = False
    new: bool = False
    contract: Mapping[str, Tuple[Tuple[str, ...], ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Conversation:
    """A talk of one visitor: what it tests, where it is written, its turns."""

    id: str
    tests: str
    place: str
    turns: Tuple[Turn, ...]


@dataclass(frozen=True)
class Group:
    """Conversations about one matter; in the groups of safety a fault may cost a life."""

    name: str
    about: str
    safety: bool
    conversations: Tuple[Conversation, ...]


@dataclass(frozen=True)
class Suite:
    """All groups, those of safety first, and what no reply may hold."""

    groups: Tuple[Group, ...]
    always_avoided: Tuple[Words, ...]

    def conversations(self) -> Iterator[Conversation]:
        """Every conversation."""
        return (conversation for group in self.groups for conversation in group.conversations)


def read_suite(folder: Path = FOLDER) -> Suite:
    """The suite in a folder: ``ideas.yml`` and ``conversations/*.yml``.

    Raises:
        SuiteError: a file is missing or not as it must be.
    """
    reader = _Reader(folder.parent)
    avoided = reader.read_ideas(folder / "ideas.yml")
    paths = sorted((folder / "conversations").glob("*.yml"))
    groups = [group for path in paths for group in reader.groups(path)]
    if not paths:
        reader.fault(reader.at(folder / "conversations"), "no file *.yml is here", "put the conversations there")
    if reader.faults:
        raise SuiteError("\n".join(reader.faults))
    return Suite(tuple(sorted(groups, key=lambda group: not group.safety)), avoided)


class _Entry(dict):
    """A mapping of a YAML file that knows its line."""

    line = 0


class _Loader(yaml.SafeLoader):
    """Reads mappings as entries, and refuses a key that is written twice."""


def _entry(loader: _Loader, node: yaml.MappingNode) -> _Entry:
    entry = _Entry()
    entry.line = node.start_mark.line + 1
    for key_node, value_node in node.value:
        key = loader.construct_object(key_node, deep=True)
        if key in entry:
            raise yaml.constructor.ConstructorError(None, None, f"'{key}' is written twice", key_node.start_mark)
        entry[key] = loader.construct_object(value_node, deep=True)
    return entry


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _entry)


class _Reader:
    """Turns files into a suite and collects what is wrong with them."""

    def __init__(self, root: Path) -> None:
        self.faults: List[str] = []
        self._root = root
        self._places: Dict[str, str] = {}
        self._ideas: Dict[str, str] = {}

    def fault(self, place: str, what: str, mend: str) -> None:
        """Notes a fault."""
        self.faults.append(f"{place}: {what}. Mend: {mend}.")

    def at(self, path: Path, entry: Any = None) -> str:
        """The place of a file, or of an entry in it."""
        place = str(path.relative_to(self._root))
        return f"{place}:{entry.line}" if isinstance(entry, _Entry) else place

    def read_ideas(self, path: Path) -> Tuple[Words, ...]:
        """Learns the ideas that conversations may name; gives those that are always avoided."""
        avoided: List[Words] = []
        for entry in self._list(self._load(path), self.at(path)):
            place = self.at(path, entry)
            if not self._fits(entry, place, {"idea": str, "means": str, "found_by": str}, {"always_avoided": bool}):
                continue
            words = self._words(entry["found_by"], place)
            if words is not None:
                self._ideas[entry["idea"]] = words.written
            if words is not None and entry.get("always_avoided"):
                avoided.append(Words(f"<{entry['idea']}> ({entry['means']})", words.pattern))
        return tuple(avoided)

    def groups(self, path: Path) -> Iterator[Group]:
        """The group in a file; none, where it is not as it must be."""
        entry = self._load(path)
        # Where there is no entry, the file could not be read, and that is said already.
        required = {"group": str, "about": str, "conversations": list}
        if entry is None or not self._fits(entry, self.at(path, entry), required, {"safety": bool}):
            return
        found = [self._conversation(path, raw) for raw in entry["conversations"]]
        yield Group(entry["group"], entry["about"], entry.get("safety", False), tuple(filter(None, found)))

    def _conversation(self, path: Path, raw: Any) -> Optional[Conversation]:
        place = self.at(path, raw)
        if not self._fits(raw, place, {"id": str, "tests": str, "turns": list}, {}):
            return None
        name = raw["id"]
        if not _ID.fullmatch(name):
            self.fault(place, f"'{name}' is no id", "small letters and digits, words joined by -")
        if name in self._places:
            self.fault(place, f"the id '{name}' stands at {self._places[name]} too", "give one of them another id")
        self._places[name] = place
        turns = [self._turn(path, turn) for turn in raw["turns"]]
        if not turns:
            self.fault(place, f"'{name}' has no turns", "add what the visitor says")
        return Conversation(name, raw["tests"], place, tuple(filter(None, turns)))

    def _turn(self, path: Path, raw: Any) -> Optional[Turn]:
        place = self.at(path, raw)
        optional = {"says": list, "leads_with": list, "never": list, "shorter": bool, "new": bool, "contract": dict}
        if not self._fits(raw, place, {"say": str}, optional):
            return None
        if len(raw) == 1:
            self.fault(place, "nothing is expected of the reply", "add says, leads_with, never, shorter, new or contract")
        words = {
            name: tuple(filter(None, (self._words(each, place) for each in raw.get(name, []))))
            for name in ("says", "leads_with", "never")
        }
        contract = self._contract(raw.get("contract", {}), place)
        return Turn(raw["say"], **words, shorter=raw.get("shorter", False), new=raw.get("new", False), contract=contract)

    def _contract(self, raw: Mapping[str, Any], place: str) -> Dict[str, Tuple[Tuple[str, ...], ...]]:
        contract = {}
        for name, value in raw.items():
            wanted = value if isinstance(value, list) else [value]
            if name not in CONTRACT or not all(isinstance(each, str) for each in wanted):
                self.fault(place, f"'{name}' can't be expected of the contract", f"one of {', '.join(CONTRACT)}, with words")
                continue
            contract[name] = tuple(tuple(each.split("|")) for each in wanted)
        return contract

    def _words(self, written: Any, place: str) -> Optional[Words]:
        if not isinstance(written, str):
            self.fault(place, f"{written!r} is expected, which is no text", f"write {_KINDS[str]}")
            return None
        written = written.strip()
        unknown = [name for name in _IDEA.findall(written) if name not in self._ideas]
        if unknown:
            self.fault(place, f"<{unknown[0]}> is no idea of ideas.yml", f"one of {', '.join(self._ideas)}")
            return None
        source = _IDEA.sub(lambda found: f"(?:{self._ideas[found[1]]})", written)
        try:
            return Words(written, re.compile(rf"\b(?:{source})", re.IGNORECASE))
        except re.error as error:
            self.fault(place, f"'{written}' is no pattern ({error})", "words, with | between alternatives")
            return None

    def _load(self, path: Path) -> Any:
        try:
            loaded = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)
            if loaded is None:
                self.fault(self.at(path), "it is empty", "look at the other files")
            return loaded
        except OSError as error:
            self.fault(self.at(path), f"it can't be read ({error.strerror})", "put it there")
        except UnicodeDecodeError:
            self.fault(self.at(path), "it is not UTF-8", "save it as UTF-8")
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            place = f"{self.at(path)}:{mark.line + 1}" if mark else self.at(path)
            self.fault(place, f"it is no YAML ({getattr(error, 'problem', error)})", "look at quotes, colons and indentation")
        return None

    def _list(self, loaded: Any, place: str) -> Sequence[Any]:
        if loaded is None or isinstance(loaded, list):
            return loaded or []
        self.fault(place, "it is no list", "begin each entry with a dash")
        return []

    def _fits(self, entry: Any, place: str, required: Mapping[str, type], optional: Mapping[str, type]) -> bool:
        """Whether a mapping has the fields that it must have, of the right kind, and no others."""
        if not isinstance(entry, dict):
            self.fault(place, f"'{entry}' has no fields", f"write {', '.join(required)}, each with a colon")
            return False
        before = len(self.faults)
        known = {**required, **optional}
        for name in required:
            if name not in entry:
                self.fault(place, f"'{name}' is missing", f"add '{name}:'")
        for name, value in entry.items():
            if name not in known:
                self.fault(place, f"'{name}' is no field", f"one of {', '.join(known)}")
            elif not isinstance(value, known[name]):
                self.fault(place, f"'{name}' is {value!r}", f"write {_KINDS[known[name]]}")
        return len(self.faults) == before


_KINDS = {
    str: "text, in quotes where it is a number or yes",
    list: "a list in square brackets",
    bool: "true or false",
    dict: "fields, in curly brackets",
}
