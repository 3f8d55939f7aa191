"""The fact store: everything in ``facts/``, loaded once, checked as a whole, then read-only."""

from __future__ import annotations

import datetime
import hashlib
import os
import pickle
import re
import sys
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Dict, FrozenSet, Iterable, List, Optional, Sequence, Tuple, Union

import yaml
from pydantic import ValidationError

from dystonia import wording
from dystonia.models import (
    FACETS,
    FILES,
    Boundary,
    Card,
    Caution,
    Country,
    Helpline,
    Organisation,
    Passage,
    RedFlag,
    Source,
    State,
    Term,
    Uncovered,
)

FACTS = Path(__file__).resolve().parent.parent / "facts"
"""The facts that ship with the project."""

CHECKED = FACTS.parent / "models" / "facts"
"""Where the facts are kept once they are checked, in a form that is read in a tenth of the time (``shared_store``)."""

UNKNOWN_COUNTRY = "unknown"
GENERAL_INFORMATION = "general_information"
"""The caution that every first answer of a talk carries."""
ONE_PERSON = "one_person"
"""The caution that leads an answer where a judgement on one person may have been asked for."""
SHORT_FORM = 5
"""Words that the first sentence of a lead has at least: it is all that "shorter" says."""
_YAML_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@lru_cache(maxsize=1)
def shared_store() -> "FactStore":
    """The store of this process as visitors get it, read on first use.

    Facts that were checked by the present code are not checked again: reading them takes 0.1 s instead of 1.5, and 30 MB less.

    Raises:
        FactErrors: as ``FactStore.load``.
    """
    version = served_version()
    kept = CHECKED / f"{version}-{_code_version()}.pickle"
    try:
        store = pickle.loads(kept.read_bytes())
    except Exception:  # noqa: BLE001 - missing, cut off, of another Python: whatever is wrong, the facts are there
        store = FactStore.load().for_visitors()
        if store.version == version:
            _keep(store, kept)
    return store


def _keep(store: "FactStore", path: Path) -> None:
    """Writes checked facts down, and removes older ones; a folder that can't be written to costs no more than time."""
    unfinished = path.with_suffix(f".{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished.write_bytes(pickle.dumps(store))
        unfinished.replace(path)
        for other in path.parent.glob("*.pickle"):
            if other != path:
                other.unlink(missing_ok=True)
    except OSError:
        unfinished.unlink(missing_ok=True)


def _code_version() -> str:
    """Short hash of the code that checks facts, and of the Python that reads them."""
    digest = hashlib.sha256(sys.version.encode())
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


@dataclass(frozen=True)
class Problem:
    """One fault in a fact file: where it is, what is wrong and how to mend it."""

    file: str
    line: int
    entry: str
    fault: str
    mend: str

    def __str__(self) -> str:
        entry = f" {self.entry}:" if self.entry else ""
        return f"{self.file}, line {self.line}:{entry} {self.fault}. Mend: {self.mend}."


class FactErrors(ValueError):
    """The fact files can't be used; ``problems`` holds every fault found, not only the first."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = sorted(problems, key=lambda problem: (problem.file, problem.line, problem.fault))
        count = len(self.problems)
        heading = f"{count} fault{'' if count == 1 else 's'} in the fact files:"
        super().__init__("\n".join([heading, *map(str, self.problems)]))


@dataclass(frozen=True)
class FactStore:
    """All facts, by id.

    Attributes:
        version: short hash of the files' content; stands in every reply as ``content``.
    """

    version: str
    cards: Dict[str, Card]
    sources: Dict[str, Source]
    terms: Dict[str, Term]
    countries: Dict[str, Country]
    cautions: Dict[str, Caution]
    helplines: Dict[str, Helpline]
    organisations: Dict[str, Organisation]
    red_flags: Dict[str, RedFlag]
    boundaries: Dict[str, Boundary]
    uncovered: Dict[str, Uncovered]

    @classmethod
    def load(cls, folder: Union[str, "os.PathLike[str]"] = FACTS) -> "FactStore":
        """Reads and checks a facts folder.

        Raises:
            FactErrors: anything is missing, misspelt, contradictory or not fit to be read by visitors.
        """
        files = _Files(Path(folder))
        store = cls(
            version=content_version(Path(folder)),
            cards=files.read_cards(),
            sources=files.read("sources.yml"),
            terms=files.read("vocabulary.yml"),
            countries=files.read("countries.yml"),
            cautions=files.read("cautions.yml"),
            helplines=files.read("helplines.yml"),
            organisations=files.read("organisations.yml"),
            red_flags=files.read("red_flags.yml"),
            boundaries=files.read("boundaries.yml"),
            uncovered=files.read("uncovered.yml"),
        )
        problems = [*files.problems, *_Checks(store, files).problems()]
        if problems:
            raise FactErrors(problems)
        return store

    def for_visitors(self) -> "FactStore":
        """The same without the cards that are drafts."""
        return replace(self, cards={card.id: card for card in self.cards.values() if card.state is not State.draft})

    @cached_property
    def cards_by_slug(self) -> Dict[str, Tuple[Card, ...]]:
        """The cards about each slug, in file order."""
        found: Dict[str, List[Card]] = {}
        for card in self.cards.values():
            for slug in card.about:
                found.setdefault(slug, []).append(card)
        return {slug: tuple(cards) for slug, cards in found.items()}

    def name(self, slug: str) -> str:
        """How a slug reads in the middle of a sentence."""
        return self.terms[slug].name if slug in self.terms else slug.replace("_", " ")

    def helpline(self, country: Optional[str]) -> Helpline:
        """The numbers for a country, or what to say while it is not known."""
        return self.helplines.get(country or UNKNOWN_COUNTRY, self.helplines[UNKNOWN_COUNTRY])

    def subject(self, slug: str) -> str:
        """The slug that answers are filed under: "the hand" stands for hand dystonia."""
        term = self.terms.get(slug)
        return term.stands_for if term and term.stands_for else slug

    def overdue(self, today: datetime.date) -> List[Card]:
        """Cards past their review date, longest overdue first."""
        return sorted((card for card in self.cards.values() if card.review_by < today), key=lambda card: card.review_by)


def content_version(folder: Path = FACTS) -> str:
    """Short hash of all files of a facts folder; changes whenever a word that visitors read changes."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.yml")):
        digest.update(path.relative_to(folder).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


@lru_cache(maxsize=1)
def served_version() -> str:
    """The version of the facts that this process serves: as they were at the first call, "" where they could not be read."""
    try:
        return content_version()
    except OSError:
        return ""


class _Files:
    """Reads YAML files and remembers on which line each entry stands."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.problems: List[Problem] = []
        self._nodes: Dict[Tuple[str, str], yaml.Node] = {}
        self._file_of: Dict[Tuple[str, str], str] = {}
        self._names: Dict[str, FrozenSet[str]] = {}
        self._texts: Dict[str, bytes] = {}

    def read(self, name: str) -> Dict[str, Any]:
        """The entries of one file at the top of the folder, by id."""
        return self._read([self.folder / name], FILES[name], name)

    def read_cards(self) -> Dict[str, Card]:
        """The cards of all files in ``cards/``, by id."""
        return self._read(sorted(path for path in (self.folder / "cards").glob("*.yml") if path.is_file()), Card, "cards")

    def locate(self, group: str, entry: str, path: Sequence[Union[str, int]] = ()) -> Tuple[str, int]:
        """File and line of an entry, or of a field inside it."""
        node = self._nodes[group, entry]
        for step in path:
            deeper = _child(node, step)
            if deeper is None:
                break
            node = deeper
        return self._file_of[group, entry], node.start_mark.line + 1

    def names(self, group: str) -> FrozenSet[str]:
        """Every id in a group of files that is read, also of entries that can't be used for another fault."""
        if group not in self._names:
            self._names[group] = frozenset(entry for kind, entry in self._nodes if kind == group)
        return self._names[group]

    def _bytes(self, path: Path) -> bytes:
        name = path.relative_to(self.folder).as_posix()
        if name not in self._texts:
            self._texts[name] = path.read_bytes()
        return self._texts[name]

    def _read(self, paths: Iterable[Path], model: type, group: str) -> Dict[str, Any]:
        entries: Dict[str, Any] = {}
        for path in paths:
            name = f"{self.folder.name}/{path.relative_to(self.folder).as_posix()}"
            for node in self._entry_nodes(path, name):
                self._add(entries, node, model, group, name)
        return entries

    def _entry_nodes(self, path: Path, name: str) -> List[yaml.Node]:
        try:
            root = yaml.compose(self._bytes(path), Loader=_YAML_LOADER)
        except FileNotFoundError:
            self._problem(name, 1, "", "the file is missing", "put it back from the last version")
            return []
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            mark = getattr(error, "problem_mark", None)
            reason = getattr(error, "problem", None) or "it is not UTF-8 text"
            line = mark.line + 1 if mark else 1
            self._problem(name, line, "", f"not valid YAML: {reason}", "look for a missing quote, colon or indent there")
            return []
        if root is None:
            self._problem(name, 1, "", "the file is empty", "put its entries back, or remove the file")
            return []
        if not isinstance(root, yaml.SequenceNode):
            self._problem(name, 1, "", "not a list of entries", "start each entry with '- '")
            return []
        return root.value

    def _add(self, entries: Dict[str, Any], node: yaml.Node, model: type, group: str, name: str) -> None:
        line = node.start_mark.line + 1
        for place, name_of in _doubled(node):
            self._problem(name, place, "", f"the field '{name_of}' stands twice", "keep one of the two")
        try:
            raw = _construct(node)
        except yaml.YAMLError as error:
            self._problem(name, line, "", f"not valid YAML: {error}", "quote the value that is meant as text")
            return
        if not isinstance(raw, dict):
            self._problem(name, line, "", "an entry is not a set of fields", "write it as 'field: value' lines")
            return
        key = str(raw.get("id") or raw.get("slug") or raw.get("country") or "")
        if (group, key) in self._nodes:
            file, first = self.locate(group, key)
            self._problem(name, line, key, f"the id stands twice, first in {file}, line {first}", "give one another id")
            return
        self._nodes[group, key], self._file_of[group, key] = node, name
        try:
            entries[key] = model(**raw)
        except ValidationError as error:
            for detail in error.errors():
                self._problem(name, *self._explain(group, key, detail))
        except TypeError as error:
            self._problem(name, line, key, str(error), "use text for the names of fields")

    def _explain(self, group: str, key: str, detail: Dict[str, Any]) -> Tuple[int, str, str, str]:
        path = detail["loc"]
        field = ".".join(str(step + 1) if isinstance(step, int) else str(step) for step in path)
        line = self.locate(group, key, path)[1]
        kind, message = detail["type"], detail["msg"]
        if kind == "value_error.missing":
            return line, key, f"the field '{field}' is missing", "add it"
        if kind == "value_error.extra":
            return line, key, f"there is no field '{field}'", "check its spelling, or take it out"
        if kind in ("type_error.enum", "value_error.const"):
            return line, key, f"'{field}' is none of the values allowed", f"use one of {_allowed(message)}"
        if "date" in kind:
            return line, key, f"'{field}' is not a date", "write it as 2026-11-21"
        return line, key, f"'{field}': {message}", "see docs/editing-facts.md for what it may hold"

    def _problem(self, file: str, line: int, entry: str, fault: str, mend: str) -> None:
        self.problems.append(Problem(file, line, entry, fault, mend))


_NO_LETTERS = re.compile(r"[\W_]+")
_BRACES = re.compile(r"\{[^}\s]*\}?|\S*\}")
RED_FLAG_WORDS = ("{emergency}", "{crisis}", "{named}")
BOUNDARY_WORDS = ("{emergency}", "{crisis}", "{subject}")
"""What a reply may ask to be filled in (server/responses.py)."""


def _said(flag: RedFlag) -> List[str]:
    """Everything that may be said to a red flag."""
    return [flag.reply.text, *(text for texts in flag.voices.values() for text in texts)]


class _Loader(yaml.SafeLoader):
    """Leaves dates as text: the models read them, and say so in plain words when one can't be."""


_Loader.add_constructor("tag:yaml.org,2002:timestamp", _Loader.construct_yaml_str)


def _doubled(node: yaml.Node) -> Iterable[Tuple[int, str]]:
    """Fields that stand twice in one entry, each with its line: YAML would keep the last and say nothing."""
    if isinstance(node, yaml.MappingNode):
        names = [key.value for key, _ in node.value]
        for place, (key, value) in enumerate(node.value):
            if key.value in names[:place]:
                yield key.start_mark.line + 1, key.value
            yield from _doubled(value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            yield from _doubled(value)


def _construct(node: yaml.Node) -> Any:
    loader = _Loader("")
    try:
        return loader.construct_object(node, deep=True)
    finally:
        loader.dispose()


def _child(node: yaml.Node, step: Union[str, int]) -> Optional[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return next((value for key, value in node.value if key.value == step), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step]
    return None


def _allowed(message: str) -> str:
    return message.partition("permitted: ")[2] or message


class _Checks:
    """What one entry alone can't show: references, dates, wording, reading grade, phrases claimed twice."""

    def __init__(self, store: FactStore, files: _Files) -> None:
        self._store = store
        self._files = files
        self._questions: Dict[str, str] = {}

    def problems(self) -> Iterable[Problem]:
        for card in self._store.cards.values():
            yield from self._card(card)
        for group, entries in self._texts():
            for key, passage in entries:
                yield from self._passage(group, key, passage, ())
        for caution in self._store.cautions.values():
            yield from self._wording("cautions.yml", caution.id, caution.short, ("short",))
        for flag in self._store.red_flags.values():
            yield from self._red_flag(flag)
        for group, listed in (("helplines.yml", self._store.helplines), ("organisations.yml", self._store.organisations)):
            for key, entry in listed.items():
                yield from self._sources(group, key, entry.sources, ("sources",))
        yield from self._vocabulary()
        yield from self._matrix()
        yield from self._filled_in()
        yield from self._must_be_there("helplines.yml", UNKNOWN_COUNTRY, "add what to say before the country is known")
        yield from self._must_be_there("cautions.yml", GENERAL_INFORMATION, "add the caution that every first answer carries")
        yield from self._must_be_there(
            "cautions.yml", ONE_PERSON, "add the words that lead an answer which may be taken for one person's"
        )

    def _must_be_there(self, group: str, entry: str, mend: str) -> Iterable[Problem]:
        names = self._files.names(group)
        if names and entry not in names:
            yield Problem(f"{self._files.folder.name}/{group}", 1, "", f"there is no entry '{entry}'", mend)

    def _texts(self) -> Iterable[Tuple[str, List[Tuple[str, Passage]]]]:
        yield "cautions.yml", [(key, caution.full) for key, caution in self._store.cautions.items()]
        yield "red_flags.yml", [(key, flag.reply) for key, flag in self._store.red_flags.items()]
        yield "boundaries.yml", [(key, boundary.reply) for key, boundary in self._store.boundaries.items()]

    def _problem(self, group: str, entry: str, path: Sequence[Union[str, int]], fault: str, mend: str) -> Problem:
        file, line = self._files.locate(group, entry, path)
        return Problem(file, line, entry, fault, mend)

    def _card(self, card: Card) -> Iterable[Problem]:
        for listed, field, known in (
            (card.about, "about", self._files.names("vocabulary.yml") | self._files.names("countries.yml")),
            (card.cautions, "cautions", self._files.names("cautions.yml")),
            (card.see_also, "see_also", self._files.names("cards")),
        ):
            for position, name in enumerate(listed):
                if known and name not in known:
                    yield self._problem(
                        "cards", card.id, (field, position), f"'{name}' in {field} is not known", _nearest(name, known)
                    )
        for position, passage in enumerate(card.passages):
            path = ("lead",) if position == 0 else ("points", position - 1)
            yield from self._passage("cards", card.id, passage, path)
        if card.state is not State.draft:
            for position, other in enumerate(card.see_also):
                if other in self._store.cards and self._store.cards[other].state is State.draft:
                    yield self._problem(
                        "cards",
                        card.id,
                        ("see_also", position),
                        f"'{other}' in see_also is a draft",
                        "take it out, or check it",
                    )
        yield from self._whole_card(card)

    def _whole_card(self, card: Card) -> Iterable[Problem]:
        if (card.state is State.reviewed) != (card.clinician is not None):
            yield self._problem(
                "cards",
                card.id,
                ("state",),
                "'reviewed' and 'clinician' go together",
                "give name, profession and date, or write 'checked'",
            )
        if card.review_by <= card.reviewed:
            yield self._problem("cards", card.id, ("review_by",), "review_by is not after reviewed", "set a later date")
        if len(wording.sentences(card.lead.text)) > 2:
            yield self._problem("cards", card.id, ("lead",), "the lead has more than two sentences", "move the rest to points")
        if len(wording.sentences(card.lead.text)[0].split()) < SHORT_FORM:
            yield self._problem(
                "cards",
                card.id,
                ("lead",),
                "the first sentence is too short to answer by itself",
                f"write at least {SHORT_FORM} words",
            )
        if len(card.question) > 60 or not card.question.endswith("?"):
            yield self._problem(
                "cards",
                card.id,
                ("questions", 0),
                "the first question does not fit on a button",
                "at most 60 characters, ending in '?'",
            )
        grade = wording.reading_grade(" ".join(passage.text for passage in card.passages))
        if grade > wording.MAX_GRADE:
            yield self._problem(
                "cards",
                card.id,
                ("lead",),
                f"reading grade {grade:.1f} is over {wording.MAX_GRADE:.0f}",
                "shorter sentences, shorter words",
            )
        for position, question in enumerate(card.questions):
            other = self._questions.setdefault(_plain(question), card.id)
            if other != card.id:
                yield self._problem(
                    "cards",
                    card.id,
                    ("questions", position),
                    f"'{question}' already leads to {other}",
                    "keep it in one of the two",
                )

    def _red_flag(self, flag: RedFlag) -> Iterable[Problem]:
        if flag.self_test not in flag.people_might_say:
            fault, mend = "'self_test' is none of people_might_say", "write one of them, word for word"
            yield self._problem("red_flags.yml", flag.id, ("self_test",), fault, mend)
        for voice, texts in flag.voices.items():
            for position, text in enumerate(texts):
                yield from self._wording("red_flags.yml", flag.id, text, ("voices", voice.value, position))
        if "{named}" in " ".join(_said(flag)) and not (flag.named and flag.named[-1].heard == []):
            fault, mend = "nothing is said for {named} where no word is heard", "end 'named' with an entry whose 'heard' is []"
            yield self._problem("red_flags.yml", flag.id, ("named",), fault, mend)

    def _passage(self, group: str, entry: str, passage: Passage, path: Sequence[Union[str, int]]) -> Iterable[Problem]:
        yield from self._sources(group, entry, passage.sources, path)
        yield from self._wording(group, entry, passage.text, path)

    def _sources(self, group: str, entry: str, sources: Sequence[str], path: Sequence[Union[str, int]]) -> Iterable[Problem]:
        known = self._files.names("sources.yml")
        for source in sources:
            if known and source not in known:
                yield self._problem(group, entry, path, f"the source '{source}' is not known", _nearest(source, known))

    def _wording(self, group: str, entry: str, text: str, path: Sequence[Union[str, int]]) -> Iterable[Problem]:
        for rule in wording.faults(text):
            yield self._problem(group, entry, path, f'the text {rule.fault}: "{_quote(rule, text)}"', rule.mend)

    def _filled_in(self) -> Iterable[Problem]:
        """What a reply asks to be filled in must be something that can be."""
        for group, texts, known in (
            ("red_flags.yml", {key: _said(flag) for key, flag in self._store.red_flags.items()}, RED_FLAG_WORDS),
            ("boundaries.yml", {key: [entry.reply.text] for key, entry in self._store.boundaries.items()}, BOUNDARY_WORDS),
        ):
            for key, said in texts.items():
                for found in _BRACES.findall(" ".join(said)):
                    if found not in known:
                        mend = f"write {' or '.join(known)}"
                        yield self._problem(group, key, ("reply",), f"'{found}' is nothing that can be filled in", mend)

    def _matrix(self) -> Iterable[Problem]:
        cells = {f"{term.slug}.{facet}" for term in self._store.terms.values() for facet in FACETS.get(term.kind, ())}
        covered: Dict[str, str] = {}
        for card in self._store.cards.values():
            for position, cell in enumerate(card.covers):
                if cells and cell not in cells:
                    mend = _nearest(cell, cells)
                    yield self._problem(
                        "cards", card.id, ("covers", position), f"'{cell}' in covers is no cell of the matrix", mend
                    )
                covered.setdefault(cell, card.id)
        for entry in self._store.uncovered.values():
            for facet in entry.empty:
                cell = f"{entry.slug}.{facet}"
                if cell not in cells:
                    yield self._problem(
                        "uncovered.yml",
                        entry.slug,
                        ("empty", facet),
                        f"'{cell}' is no cell of the matrix",
                        _nearest(cell, cells),
                    )
                if cell in covered:
                    yield self._problem(
                        "uncovered.yml",
                        entry.slug,
                        ("empty", facet),
                        f"{covered[cell]} covers '{cell}'",
                        "take it out of one of the two",
                    )

    def _vocabulary(self) -> Iterable[Problem]:
        claimed: Dict[str, str] = {}
        for term in self._store.terms.values():
            for field in ("parent", "stands_for"):
                slug = getattr(term, field)
                if slug and slug not in self._files.names("vocabulary.yml"):
                    mend = _nearest(slug, self._store.terms)
                    yield self._problem("vocabulary.yml", term.slug, (field,), f"'{slug}' is not known", mend)
            for phrase in term.phrases:
                other = claimed.setdefault(phrase.lower(), term.slug)
                if other != term.slug:
                    yield self._problem(
                        "vocabulary.yml", term.slug, (), f"'{phrase}' already means {other}", "keep it in one of the two"
                    )


def _plain(text: str) -> str:
    return _NO_LETTERS.sub(" ", text.lower()).strip()


def _quote(rule: wording.Rule, text: str) -> str:
    match = rule.pattern.search(text)
    return match.group(0) if match else ""


def _nearest(name: str, known: Iterable[str]) -> str:
    near = get_close_matches(name, list(known), n=3, cutoff=0.6)
    return f"did you mean {' or '.join(near)}" if near else "check its spelling, or add it first"
