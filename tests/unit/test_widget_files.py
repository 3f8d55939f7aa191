"""The widget's files: small, calling nobody, and with every word in every language."""
from __future__ import annotations

import gzip
import json
import re
from pathlib import Path
from typing import Dict

import pytest

from channels.widget_pages import FILES, WIDGET, sent

LARGEST = 12_000
"""Bytes of the script as it is sent, gzipped."""
TRANSLATIONS = sorted((WIDGET / "strings").glob("*.json"))


def script() -> str:
    """The widget's source."""
    return (WIDGET / "widget.js").read_text(encoding="utf-8")


def english() -> Dict[str, str]:
    """The widget's own words, by name."""
    block = re.search(r"const ENGLISH = \{\n(.*?)\n  \};", script(), re.S)[1]
    return {name: json.loads(words) for name, words in re.findall(r'^    (\w+):\s+(".*?"),$', block, re.M)}


def test_the_script_is_small() -> None:
    size = len(gzip.compress(sent("widget.js"), 9, mtime=0))

    assert size <= LARGEST, f"{size} bytes gzipped"


def test_the_script_is_sent_without_its_comments_and_with_all_else() -> None:
    lines = [line.strip() for line in sent("widget.js").decode().splitlines()]

    assert not [line for line in lines if line.startswith(("//", "/**", "*/", "* "))]
    assert "</script>" not in sent("widget.js").decode(), "the example of its use was a comment"
    kept = iter(line.strip() for line in script().splitlines())
    assert all(line in kept for line in lines), "each line stands in the source, in the same order"
    code = {line for line in map(str.strip, script().splitlines()) if not line.startswith(("//", "/*", "*"))}
    assert code - set(lines) <= {""}


def test_no_colour_depends_on_what_older_phones_do_not_know() -> None:
    # Safari before 17.5 leaves a property out whose value holds light-dark(): the panel would have no background.
    assert "light-dark(" not in script()


def test_the_script_never_makes_markup_of_text() -> None:
    used = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|setHTML|createContextualFragment|\beval\b"

    assert re.findall(used, script()) == []


@pytest.mark.parametrize("name", FILES)
def test_no_file_names_another_site(name: str) -> None:
    text = (WIDGET / (name if "." in name else f"{name}.html")).read_text(encoding="utf-8")

    assert set(re.findall(r"(?:https?:)?//[\w.-]+\.\w+", text)) <= {"https://assistant.example", "http://www.w3.org"}


def test_every_word_is_used() -> None:
    unused = [name for name in english() if len(re.findall(rf"\b{name}\b", script())) < 2]

    assert unused == []


@pytest.mark.parametrize("path", TRANSLATIONS, ids=lambda path: path.stem)
def test_a_translation_has_the_same_words_and_blanks(path: Path) -> None:
    words: Dict[str, str] = json.loads(path.read_text(encoding="utf-8"))

    assert list(words) == list(english())
    assert all(words.values()) and words["dir"] in ("ltr", "rtl")
    blanks = {name: re.findall(r"\{\w+\}", text) for name, text in english().items()}
    assert {name: re.findall(r"\{\w+\}", text) for name, text in words.items()} == blanks
