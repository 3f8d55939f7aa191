"""`make preview`: the page that editors read and clinicians review, and how it is written and served."""
from __future__ import annotations

import base64
import hashlib
import http.client
import os
import re
import signal
import socket
import threading
import urllib.request
from collections import Counter
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Dict, Iterator, List, Optional, Tuple

import pytest

from dystonia.store import FactStore
from tools.facts import preview
from tools.facts.__main__ import main

PLANTED = "<script>alert(1)</script>"
CARDS = f"""
- id: blepharospasm.what_is
  topic: type_info
  about: [eyes]
  questions: [What is blepharospasm?, blepharospasm in plain words, eyes that will not open]
  lead:
    text: Blepharospasm squeezes the eyes shut. The eyes themselves are healthy.
    sources: [eye-clinic]
  covers: [blepharospasm.what_it_is]
  reviewed: 2026-01-01
  review_by: 2999-01-01
  status: settled
  state: checked
  see_also: [blepharospasm.treatment, cervical_dystonia.help]

- id: blepharospasm.treatment
  topic: treatment_overview
  about: [blepharospasm, botulinum_toxin]
  questions: [How is blepharospasm treated?, blepharospasm injections, help for shut eyes]
  lead:
    text: Injections into the eyelids help many people.
    sources: [neck-clinic, eye-clinic]
  points:
    - text: Dark glasses help some people.
      sources: [hand-clinic, eye-clinic]
  reviewed: 2026-01-01
  review_by: 2999-01-01
  status: debated
  state: checked
  cautions: [toxin_warning]

- id: cervical_dystonia.help
  topic: organisations
  about: [cervical_dystonia, UK]
  questions: [Who helps with neck dystonia in the UK?, neck help, necks in Britain]
  lead:
    text: A group in the UK helps people with neck dystonia.
    sources: [neck-clinic]
  reviewed: 2019-01-01
  review_by: 2020-01-01
  status: settled
  state: reviewed
  clinician: {{name: Ann Example, profession: neurologist, date: 2019-02-03}}

- id: dystonia.planted
  topic: definition
  about: [dystonia]
  questions: ['What is {PLANTED}?', '"><img src=x onerror=alert(2)>', '{PLANTED}']
  lead:
    text: 'This is a text & {PLANTED} in it.'
    sources: [eye-clinic]
  points:
    - text: 'This is a point with {PLANTED} in it.'
      sources: [eye-clinic]
  reviewed: 2026-01-01
  review_by: 2999-01-01
  status: settled
  state: draft
"""
CARD_IDS = ["blepharospasm.treatment", "blepharospasm.what_is", "cervical_dystonia.help", "dystonia.planted"]
ENOUGH_CONTRAST = 4.5
"""Ratio of luminances for text, WCAG 2.2, criterion 1.4.3."""

Tag = Tuple[str, Dict[str, Optional[str]]]


class Reader(HTMLParser):
    """Reads a page as a browser does: its tags, and the form fields that no label holds."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: List[Tag] = []
        self.nameless: List[Tag] = []
        self._labels = 0
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: List[Tuple[str, Optional[str]]]) -> None:
        """Keeps a tag."""
        self.tags.append((tag, dict(attrs)))
        self._labels += tag == "label"
        if tag in ("input", "select") and not self._labels:
            self.nameless.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        """Leaves a label."""
        self._labels -= tag == "label"

    def values(self, attribute: str) -> List[str]:
        """What an attribute is anywhere on the page."""
        return [attrs[attribute] or "" for _, attrs in self.tags if attribute in attrs]


@pytest.fixture
def facts(facts: Path) -> Path:
    """A copy of the small facts with a few cards of all states, one of them with markup in its text."""
    for path in (facts / "cards").iterdir():
        path.unlink()
    (facts / "cards" / "few.yml").write_text(CARDS, encoding="utf-8")
    (facts / "uncovered.yml").write_text("[]\n", encoding="utf-8")
    return facts


@pytest.fixture
def store(facts: Path) -> FactStore:
    """Those facts, loaded."""
    return FactStore.load(facts)


@pytest.fixture
def page(store: FactStore) -> str:
    """The page of those facts."""
    return preview.document(store)


def card(page: str, card_id: str) -> str:
    """What a reader sees of one card, in one line."""
    (markup,) = re.findall(rf'<article [^>]*id="{re.escape(card_id)}".*?</article>', page, re.S)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", markup)).split())


def inside(page: str, tag: str) -> str:
    """What the only element of a kind holds."""
    (content,) = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.S)
    return content


# What is on the page.


def test_every_card_stands_there_once_under_its_subject(page: str) -> None:
    articles = [attrs["id"] for tag, attrs in Reader(page).tags if tag == "article"]
    groups = [tag_id for tag_id in Reader(page).values("id") if tag_id.startswith("subject-")]

    assert sorted(articles) == CARD_IDS
    assert groups == ["subject-dystonia", "subject-blepharospasm", "subject-cervical_dystonia"]
    # The cards of a subject come in the order of the topics: what it is, then how it is treated.
    assert articles[1:3] == ["blepharospasm.what_is", "blepharospasm.treatment"]


@pytest.mark.parametrize(
    "words",
    [
        "How is blepharospasm treated? checked",
        # The numbers of the notes stand behind what each source backs.
        "Injections into the eyelids help many people. 1 2",
        "Dark glasses help some people. 2 3",
        "Trouble swallowing is an emergency. 4",
        "When asked for less: Injections into the eyelids help many people.",
        "2 other ways to ask it blepharospasm injections help for shut eyes",
        "Necks . Neck Clinic, 2021. Read as: abstract.",
        "Hands (no public address). Hand Clinic, undated. Read as: full text.",
        "About Blepharospasm; Botulinum toxin",
        "Status debated : the sources disagree",
        "State checked : compared with its sources, but not read by a clinician",
        "Compared with its sources 1 January 2026",
        "Check again by 1 January 2999 Reading grade",
        "Safety words toxin warning",
        "Right as it stands Needs a change Note Name, date",
    ],
)
def test_a_card_shows_all_that_an_editor_or_a_clinician_asks(page: str, words: str) -> None:
    assert words in card(page, "blepharospasm.treatment")


def test_the_short_form_is_the_first_sentence_alone(page: str) -> None:
    told = card(page, "blepharospasm.what_is")

    assert "When asked for less: Blepharospasm squeezes the eyes shut. Read next How is blepharospasm treated?" in told
    assert "Covers blepharospasm, what it is" in told


def test_a_late_card_says_so_and_a_reviewed_one_says_by_whom(page: str) -> None:
    told = card(page, "cervical_dystonia.help")

    assert "Check again by 1 January 2020 (overdue)" in told
    assert "Reviewed by Ann Example, neurologist, 3 February 2019" in told
    assert "About Cervical dystonia; The United Kingdom" in told
    assert "overdue" not in card(page, "blepharospasm.what_is")


def test_states_are_counted(page: str) -> None:
    assert "A clinician has reviewed 1 of the 4 cards" in page
    assert re.findall(r"<strong>(.*?)</strong>", page) == ["1 draft", "2 checked", "1 reviewed"]


def test_the_page_says_plainly_that_no_clinician_has_reviewed_anything(facts: Path) -> None:
    path = facts / "cards" / "few.yml"
    text = re.sub("  clinician: .*\n", "", path.read_text(encoding="utf-8")).replace("state: reviewed", "state: checked")
    path.write_text(text, encoding="utf-8")

    page = preview.document(FactStore.load(facts))

    assert "<h2>No clinician has reviewed these cards yet</h2>" in page
    assert "<strong>0 reviewed</strong>" in page


# Nothing on the page can do harm.


def test_markup_in_a_card_is_shown_and_never_run(page: str) -> None:
    tags = Counter(tag for tag, _ in Reader(page).tags)

    assert tags["script"] == 1
    assert tags["img"] == 0
    assert f"This is a text & {PLANTED} in it." in unescape(page)
    assert f"This is a point with {PLANTED} in it." in unescape(page)


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("sources.yml", "title: Eyelids", f"title: '{PLANTED}'"),
        ("sources.yml", "publisher: Eye Clinic", f"publisher: '{PLANTED}'"),
        ("sources.yml", "https://eyes.example/lids", f"https://eyes.example/\"{PLANTED}"),
        ("sources.yml", "https://eyes.example/lids", "javascript:alert(1)"),
        ("cautions.yml", "General", f"General {PLANTED}"),
        ("cautions.yml", "The effect", f"The effect {PLANTED}"),
        ("vocabulary.yml", "name: blepharospasm", f"name: '{PLANTED}'"),
        ("countries.yml", "the United Kingdom", f"the United {PLANTED}"),
        ("cards/few.yml", "Ann Example", f"'{PLANTED}'"),
    ],
)
def test_markup_in_any_other_file_is_never_run(facts: Path, file: str, old: str, new: str) -> None:
    path = facts / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")

    reader = Reader(preview.document(FactStore.load(facts)))

    assert Counter(tag for tag, _ in reader.tags)["script"] == 1
    assert [link for link in reader.values("href") if not link.startswith(("#", "http"))] == []


def test_nothing_is_loaded_from_anywhere(page: str, store: FactStore) -> None:
    reader = Reader(page)
    outward = [(tag, attrs) for tag, attrs in reader.tags if (attrs.get("href") or "#")[0] != "#"]

    assert {tag for tag, _ in reader.tags} & {"link", "img", "iframe", "object", "embed", "base", "audio", "video"} == set()
    assert [name for name in ("src", "srcset", "action", "data", "poster", "background", "ping") if reader.values(name)] == []
    assert {tag for tag, _ in outward} == {"a"}
    assert {attrs["href"] for _, attrs in outward} <= {source.url for source in store.sources.values()}
    assert {attrs["rel"] for _, attrs in outward} == {"noopener noreferrer"}
    assert re.findall(r"url\(|@import|https?:", inside(page, "style") + inside(page, "script")) == []


def test_the_policy_of_the_page_allows_its_own_style_and_script_and_nothing_else(page: str) -> None:
    reader = Reader(page)
    (policy,) = [attrs["content"] or "" for _, attrs in reader.tags if attrs.get("http-equiv") == "Content-Security-Policy"]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    hashes = {
        part: f"'sha256-{base64.b64encode(hashlib.sha256(inside(page, part).encode()).digest()).decode()}'"
        for part in ("style", "script")
    }

    assert rules == {
        "default-src": "'none'",
        "style-src": hashes["style"],
        "script-src": hashes["script"],
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    assert [name for _, attrs in reader.tags for name in attrs if name == "style" or name.startswith("on")] == []


# The page is for everyone.


def test_links_within_the_page_lead_somewhere(page: str) -> None:
    reader = Reader(page)
    ids = reader.values("id")

    assert [link for link in reader.values("href") if link.startswith("#") and link[1:] not in ids] == []
    assert [link for link in reader.values("aria-labelledby") if link not in ids] == []
    assert len(ids) == len(set(ids))


def test_without_the_script_all_cards_are_shown_and_no_dead_controls(page: str) -> None:
    hidden = [(tag, attrs.get("id")) for tag, attrs in Reader(page).tags if "hidden" in attrs]

    assert hidden == [("form", "filters")]


def test_the_page_has_a_language_landmarks_headings_and_names_for_its_fields(page: str) -> None:
    reader = Reader(page)
    tags = Counter(tag for tag, _ in reader.tags)
    levels = [int(tag[1]) for tag, _ in reader.tags if re.fullmatch("h[1-6]", tag)]

    assert [attrs["lang"] for tag, attrs in reader.tags if tag == "html"] == ["en-GB"]
    assert (tags["header"], tags["main"], tags["nav"], tags["h1"]) == (1, 1, 1, 1)
    assert [(above, below) for above, below in zip(levels, levels[1:]) if below > above + 1] == []
    assert reader.nameless == []


def test_the_filters_offer_what_the_cards_hold(page: str) -> None:
    form = page[page.index("<form") : page.index("</form>")]

    assert re.findall(r'<option value="([^"]+)"', form) == [
        *("definition", "type_info", "treatment_overview", "organisations"),
        *("dystonia", "blepharospasm", "cervical_dystonia", "botulinum_toxin", "UK"),
        *("draft", "checked", "reviewed"),
    ]


def themes(page: str) -> Iterator[Dict[str, str]]:
    """The colours of the light and of the dark page."""
    for block in re.findall(r":root \{(.*?)\}", inside(page, "style"), re.S)[:2]:
        yield dict(re.findall(r"--(\S+): (#[0-9a-f]{6});", block))


def contrast(one: str, other: str) -> float:
    """Ratio of the relative luminances of two colours, as WCAG 2.2 defines it."""

    def luminance(colour: str) -> float:
        channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_all_words_stand_out_from_their_ground_by_day_and_by_night(page: str) -> None:
    faint = [
        (theme[words], theme[ground])
        for theme in themes(page)
        for words in ("ink", "quiet", "accent")
        for ground in ("page", "paper", "notice", "caution")
        if contrast(theme[words], theme[ground]) < ENOUGH_CONTRAST
    ]

    assert len(list(themes(page))) == 2
    assert faint == []


# How it is written and served.


def test_the_page_is_written_to_a_file_and_nothing_is_served(
    facts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "to mail" / "cards.html"

    status = main(["preview", "--file", str(path)], facts)

    assert status == 0
    assert path.read_text(encoding="utf-8") == preview.document(FactStore.load(facts))
    assert capsys.readouterr().out == f"All cards are in {path}\n"


def test_a_file_that_can_not_be_written_is_told_with_its_mend(
    facts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status = main(["preview", "--file", str(tmp_path)], facts)

    assert status == 1
    assert f"{tmp_path} can't be written" in capsys.readouterr().err


@pytest.fixture
def port(page: str) -> Iterator[int]:
    """Where the page is served while a test runs."""
    with preview.page_server(page, 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(("path", "status"), [("/", 200), ("/favicon.ico", 404), ("/../facts.html", 404)])
def test_the_page_is_served_and_nothing_else(port: int, page: str, path: str, status: int) -> None:
    asking = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    asking.request("GET", path)
    answer = asking.getresponse()
    body = answer.read().decode()
    asking.close()

    assert answer.status == status
    assert (body == page) == (status == 200)


def test_only_this_machine_reaches_the_page(port: int) -> None:
    # All of 127.0.0.0/8 is this machine: a server that listens on every address would answer on the next one too.
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.2", port), timeout=2)


def test_the_page_is_served_and_opened_until_the_editor_ends_it(
    store: FactStore, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: Dict[str, str] = {}

    def read_then_press_ctrl_c(address: str) -> None:
        try:
            with urllib.request.urlopen(address, timeout=10) as answer:
                seen[address] = answer.read().decode()
        finally:
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr("webbrowser.open", read_then_press_ctrl_c)

    status = preview.run(store, 0, open_page=True, path=tmp_path / "facts.html")

    ((address, page),) = seen.items()
    assert status == 0
    assert page == preview.document(store) == (tmp_path / "facts.html").read_text(encoding="utf-8")
    assert address in capsys.readouterr().out


@pytest.mark.parametrize("taken", [True, False], ids=["taken", "no port at all"])
def test_a_port_that_can_not_be_had_is_told_with_its_mend(
    store: FactStore, port: int, tmp_path: Path, capsys: pytest.CaptureFixture[str], taken: bool
) -> None:
    status = preview.run(store, port if taken else 70_000, open_page=False, path=tmp_path / "facts.html")

    assert status == 1
    assert "can't be used. Mend: choose another with --port" in capsys.readouterr().err
