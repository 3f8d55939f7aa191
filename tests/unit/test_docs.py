"""The documentation says what is there: each command, file, setting, field and card it names exists, and none is left out."""
from __future__ import annotations

import re
from pathlib import Path
from typing import Iterator, List, Set, Tuple

import pytest
import yaml

from dystonia import wording
from dystonia.models import FILES, TOPICS, Card, Point
from dystonia.reply import Kind, Reply
from dystonia.store import FactStore, shared_store
from server.settings import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
FOUNDING = {"overview": "founding-overview", "what is dystonia": "founding-what-is-dystonia"}
FOUNDING_STATEMENTS = 72
MADE_BY_COMMANDS = (".venv", "models", "reports", "results", "var")
"""Folders and files that commands make: they need not be there."""

_PATH = re.compile(r"`((?:[\w.-]+/)+[\w.-]*)`")
_LINK = re.compile(r"\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)")
_MAKE = re.compile(r"(?:`|^)make ([a-z]+)", re.M)
_SETTING = re.compile(r"DYSTONIA_[A-Z_]+")
_SETTING_OF_TRACES = re.compile(r"OTEL_[A-Z_]+")


def text_of(page: str) -> str:
    """A page's text."""
    return (ROOT / page).read_text(encoding="utf-8")


def all_pages() -> str:
    """The text of every page."""
    return "\n".join(page.read_text(encoding="utf-8") for page in PAGES)


def targets() -> Set[str]:
    """The commands of the Makefile."""
    return set(re.findall(r"^([a-z-]+):", text_of("Makefile"), re.M))


def table_rows(page: str, heading: str) -> List[List[str]]:
    """The rows of the table whose head starts with some words, cell by cell."""
    lines = text_of(page).splitlines()
    start = next(place for place, line in enumerate(lines) if line.startswith(f"| {heading} |"))
    rows = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return rows


def ids(cell: str) -> List[str]:
    """What stands between backticks."""
    return re.findall(r"`([^`]+)`", cell)


def paths_named_in(page: Path) -> Iterator[Path]:
    """Files and folders that a page names: its links, and backticked words that look like a path of this project."""
    text = page.read_text(encoding="utf-8")
    for link in _LINK.findall(text):
        yield page.parent / link
    for name in _PATH.findall(text):
        if name.partition("/")[0] not in MADE_BY_COMMANDS:
            yield ROOT / name


@pytest.fixture(scope="module")
def store() -> FactStore:
    """The facts."""
    return shared_store()


# Commands, files, settings.


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_documented_command_is_in_the_makefile(page: Path) -> None:
    named = set(_MAKE.findall(page.read_text(encoding="utf-8")))

    assert named <= targets()


def test_every_command_of_the_makefile_is_documented() -> None:
    documented = {name for row in table_rows("README.md", "command") for name in _MAKE.findall(row[0])}

    assert documented == targets()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_documented_file_exists(page: Path) -> None:
    missing = [str(path.relative_to(ROOT)) for path in paths_named_in(page) if not path.exists()]

    assert missing == []


def test_a_file_that_is_not_there_would_be_noticed(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("See `docs/no-such-page.md`, `tests/nothing/` and [this](gone.md).", encoding="utf-8")

    assert [path.exists() for path in paths_named_in(page)] == [False, False, False]


def test_every_fact_file_is_explained_to_editors() -> None:
    named = {name for row in table_rows("docs/editing-facts.md", "file") for name in ids(row[0])}

    assert named == {f"facts/{name}" for name in FILES} | {"facts/cards/"}


def test_settings_and_their_documentation_agree() -> None:
    documented = {name for row in table_rows("README.md", "setting") for name in ids(row[0]) if _SETTING.match(name)}

    assert documented == set(_SETTING.findall(text_of("server/settings.py") + text_of("server/bots.py")))
    assert set(_SETTING.findall(all_pages())) <= documented


def test_the_settings_of_traces_and_their_documentation_agree() -> None:
    documented = {name.partition("=")[0] for row in table_rows("docs/operations.md", "setting") for name in ids(row[0])}

    assert documented == set(_SETTING_OF_TRACES.findall(text_of("server/tracing.py")))
    assert set(_SETTING_OF_TRACES.findall(text_of("README.md") + text_of("deploy/settings.env.example"))) <= documented


# The README.


def test_the_readme_says_first_that_no_clinician_has_reviewed_the_content() -> None:
    first_words = " ".join(text_of("README.md").split("\n\n")[1].split())

    assert first_words.startswith("**No clinician has reviewed the content of this project.**")


@pytest.mark.parametrize("command", ["make run", "make test"])
def test_each_of_the_two_commands_stands_alone_in_a_block(command: str) -> None:
    assert text_of("README.md").count(f"```\n{command}\n```\n") == 1


def test_the_conversation_in_the_readme_is_what_the_facts_say(store: FactStore) -> None:
    shown = " ".join(re.search(r"## A conversation.*?```\n(.*?)```", text_of("README.md"), re.S)[1].split())
    cards = [store.cards["blepharospasm.what_is"], store.cards["blepharospasm.treatment"]]
    said = [passage.text for card in cards for passage in card.passages]
    said += [store.cautions["general_information"].full.text, store.cautions["toxin_warning"].full.text]
    said += [store.boundaries["medicine_changes"].reply.text.replace("{subject}", "baclofen")]

    assert [text for text in said if " ".join(text.split()) not in shown] == []


# The page for editors.


def test_every_topic_has_a_line() -> None:
    assert [ids(row[0])[0] for row in table_rows("docs/editing-facts.md", "topic")] == list(TOPICS)


def test_every_caution_has_a_line(store: FactStore) -> None:
    assert [ids(row[0])[0] for row in table_rows("docs/editing-facts.md", "caution")] == list(store.cautions)


def test_every_field_of_a_card_is_explained() -> None:
    explained = {name for row in table_rows("docs/editing-facts.md", "field") for name in ids(row[0])}

    assert explained == {*Card.__fields__, *Point.__fields__}


def test_the_example_is_a_card_that_would_be_taken(store: FactStore) -> None:
    block = re.search(r"```yaml\n(.*?)```", text_of("docs/editing-facts.md"), re.S)[1]
    (raw,) = yaml.safe_load(block)
    card = Card(**raw)

    assert set(card.about) <= set(store.terms)
    assert set(card.see_also) <= set(store.cards)
    assert set(card.cautions) <= set(store.cautions)
    assert {source for passage in card.passages for source in passage.sources} <= set(store.sources)
    assert [rule.fault for passage in card.passages for rule in wording.faults(passage.text)] == []


def test_every_rule_of_wording_has_its_mend() -> None:
    told = {row[0] for row in table_rows("docs/editing-facts.md", "it says")}

    assert {f"the text {rule.fault}" for rule in wording.RULES} <= told


# The page on the architecture.


def test_the_pipeline_is_described_in_its_order() -> None:
    pipeline = yaml.safe_load(text_of("config.yml"))["pipeline"]

    described = [ids(row[0])[0] for row in table_rows("docs/architecture.md", "component")]

    assert described == [step["name"].rpartition(".")[2] for step in pipeline]


def test_every_policy_and_slot_is_described() -> None:
    policies = {step["name"] for step in yaml.safe_load(text_of("config.yml"))["policies"]}
    slots = {name for row in table_rows("docs/architecture.md", "slot") for name in ids(row[0])}

    assert slots == set(yaml.safe_load(text_of("domain.yml"))["slots"])
    assert policies <= set(ids(text_of("docs/architecture.md")))


def test_the_reply_contract_is_described() -> None:
    rows = table_rows("docs/architecture.md", "field")

    assert [ids(row[0])[0] for row in rows] == list(Reply.__dataclass_fields__)
    assert set(ids(rows[0][1])) == {kind.value for kind in Kind}


def test_the_order_of_what_wins_is_that_of_the_code() -> None:
    written = re.search(r"^crisis > .*$", text_of("docs/architecture.md"), re.M)[0].split(" > ")

    assert written == [kind.value for kind in Kind][: len(written)]


def test_every_folder_of_tests_is_described() -> None:
    described = {ids(row[0])[0] for row in table_rows("docs/testing.md", "folder")}
    folders = [path.name for path in (ROOT / "tests").iterdir() if path.is_dir() and not path.name.startswith(("_", "."))]

    assert described == {f"tests/{name}/" for name in folders}


def test_every_held_out_set_is_described() -> None:
    described = {ids(row[0])[0].rstrip("/") for row in table_rows("docs/testing.md", "file")}

    assert described == {path.relative_to(ROOT).as_posix() for path in (ROOT / "tests/understanding/held_out").iterdir()}


# The founding statements.


def founding_rows() -> List[List[str]]:
    """Number, statement, documents, cards and difference of each row."""
    return table_rows("docs/founding-statements.md", "no.")


def cards_and_documents() -> List[Tuple[str, List[str], List[str]]]:
    """For each row: its number, its card ids and its founding documents."""
    return [(row[0], ids(row[3]), row[2].split(", ")) for row in founding_rows()]


def test_every_founding_statement_has_a_row() -> None:
    rows = founding_rows()

    assert [row[0] for row in rows] == [str(number) for number in range(1, FOUNDING_STATEMENTS + 1)]
    assert len({row[1] for row in rows}) == FOUNDING_STATEMENTS
    assert all(len(row) == 5 and row[1] and ids(row[3]) for row in rows)


def test_every_card_of_a_founding_statement_exists(store: FactStore) -> None:
    named = {card for _, cards, _ in cards_and_documents() for card in cards}
    explained = {card for row in founding_rows() for card in ids(row[4])}

    assert sorted((named | explained) - set(store.cards)) == []


def test_the_cards_of_a_founding_statement_name_its_document(store: FactStore) -> None:
    lost = []
    for number, cards, documents in cards_and_documents():
        cited = {source for card in cards for passage in store.cards[card].passages for source in passage.sources}
        lost += [(number, document) for document in documents if FOUNDING[document] not in cited]

    assert lost == []
