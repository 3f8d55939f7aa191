"""The page of all cards: how each reads, where that comes from, and how far it has been checked."""

from __future__ import annotations

import base64
import datetime
import hashlib
from collections import Counter
from pathlib import Path
from typing import Dict, Iterable, List, Sequence

from dystonia import wording
from dystonia.models import TOPICS, Card, Passage, Point, Source, State, Status
from dystonia.reply import unique
from dystonia.store import GENERAL_INFORMATION, FactStore
from tools.facts.markup import Html, element, joined

STATES: Dict[State, str] = {
    State.draft: "not yet checked; no visitor reads it",
    State.checked: "compared with its sources, but not read by a clinician",
    State.reviewed: "read and approved by a clinician",
}
"""What each state means to a reader of the page."""
STATUSES: Dict[Status, str] = {
    Status.settled: "the sources agree",
    Status.debated: "the sources disagree",
    Status.outdated_term: "explains an older word",
}
"""What each status means to a reader of the page."""
_BESIDE = Path(__file__).resolve().parent
"""Where the style and the script of the page stand."""


def document(store: FactStore) -> str:
    """All cards as one HTML file that loads nothing from anywhere."""
    style, script = ((_BESIDE / name).read_text(encoding="utf-8") for name in ("page.css", "page.js"))
    policy = (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; base-uri 'none'; form-action 'none'"
    )
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="referrer", content="no-referrer"),
        element("title", f"Dystonia assistant: all {len(store.cards)} cards"),
        element("style", Html(style)),
    )
    body = element(
        "body",
        element("a", "Skip to the cards", href="#cards", class_="skip"),
        _introduction(store),
        element("div", element("div", _filters(store), _contents(store), class_="side"), _cards(store), class_="columns"),
        element("script", Html(script)),
    )
    return f"<!doctype html>\n{element('html', head, body, lang='en-GB')}\n"


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _introduction(store: FactStore) -> Html:
    return element(
        "header",
        element("h1", "What the dystonia assistant says"),
        element(
            "p",
            f"All {len(store.cards)} cards, each as visitors read it. Made on ",
            _date(datetime.date.today()),
            f" from version {store.version} of the facts.",
        ),
        element("div", _review_state(store), _how_to_review(), class_="notices"),
    )


def _how_to_review() -> Html:
    return element(
        "section",
        element("h2", "How to review"),
        element(
            "p",
            "Choose a subject, tick “show review boxes”, and fill in the box under each card, on screen or on paper. What you "
            "fill in on screen is kept only until you close the page: print it to a PDF file, and send that back. The printout "
            "holds the cards that are shown.",
        ),
        element("p", "“Read as” says how much of a source was read. Sources open in a new tab."),
        class_="how",
    )


def _review_state(store: FactStore) -> Html:
    counts = Counter(card.state for card in store.cards.values())
    reviewed, total = counts[State.reviewed], len(store.cards)
    some, none = f"A clinician has reviewed {reviewed} of the {total} cards", "No clinician has reviewed these cards yet"
    listed = (element("li", element("strong", f"{counts[state]} {state.value}"), f": {STATES[state]}") for state in STATES)
    return element(
        "section",
        element("h2", some if reviewed else none),
        element("ul", *listed),
        element("p", "The first answer of every talk also says: “", store.cautions[GENERAL_INFORMATION].full.text, "”"),
        class_="notice",
    )


def _filters(store: FactStore) -> Html:
    """The form that the script brings to life; hidden until then, because without it nothing would be filtered."""
    cards = store.cards.values()
    subjects = _by_kind(store, {slug for card in cards for slug in _subjects(store, card)})
    topics = [topic for topic in TOPICS if topic in {card.topic.value for card in cards}]
    return element(
        "form",
        element("h2", "Find cards"),
        element("label", "Words", element("input", type="search", name="words", autocomplete="off")),
        _select("Topic", [_option(topic, _words(topic)) for topic in topics]),
        _select(
            "Subject",
            [
                element("optgroup", *(_option(slug, _name(store, slug)) for slug in slugs), label=kind)
                for kind, slugs in subjects.items()
            ],
        ),
        _select("State", [_option(state.value, state.value) for state in State]),
        element("label", element("input", type="checkbox", name="boxes"), "Show review boxes", class_="tick"),
        element("button", "Show all cards", type="reset"),
        id="filters",
        role="search",
        aria_label="Find cards",
        hidden=True,
    )


def _select(label: str, options: Iterable[Html]) -> Html:
    return element("label", label, element("select", _option("", "all"), *options, name=label.lower()))


def _option(value: str, label: str) -> Html:
    return element("option", label, value=value)


def _contents(store: FactStore) -> Html:
    groups = _groups(store)
    listed: List[Html] = []
    for kind, slugs in _by_kind(store, groups).items():
        links = (element("a", _name(store, slug), href=f"#{_anchor(slug)}") for slug in slugs)
        lines = (element("li", link, f" {len(groups[slug])}") for slug, link in zip(slugs, links))
        listed += [element("h3", kind), element("ul", *lines)]
    return element("nav", element("details", element("summary", "All subjects"), *listed), aria_label="Subjects")


def _cards(store: FactStore) -> Html:
    groups = _groups(store)
    ordered = [slug for slugs in _by_kind(store, groups).values() for slug in slugs]
    return element(
        "main",
        element("p", f"{len(store.cards)} cards", id="count", role="status"),
        *(
            element(
                "section",
                element("h2", _name(store, slug), id=_anchor(slug)),
                *(_card(store, card) for card in groups[slug]),
                class_="group",
                aria_labelledby=_anchor(slug),
            )
            for slug in ordered
        ),
        id="cards",
        tabindex="-1",
    )


# One card.


def _card(store: FactStore, card: Card) -> Html:
    cautions = [store.cautions[caution].full for caution in card.cautions]
    sources = unique(source for passage in [*card.passages, *cautions] for source in passage.sources)
    return element(
        "article",
        element("h3", card.question, " ", element("span", card.state.value, class_=f"state {card.state.value}")),
        _passage("p", card, card.lead, sources, "lead"),
        element("ul", *(_passage("li", card, point, sources) for point in card.points)) if card.points else Html(),
        *(_passage("p", card, caution, sources, "caution") for caution in cautions),
        element("p", _label("span", "When asked for less: "), wording.sentences(card.lead.text)[0], class_="short"),
        _read_next(store, card),
        _other_questions(card),
        _label("h4", "Sources"),
        element("ol", *(_note(card, store.sources[source], place) for place, source in enumerate(sources, 1)), class_="notes"),
        _facts_about(store, card),
        _review_box(card),
        class_=f"card {card.state.value}",
        id=card.id,
        data_topic=card.topic.value,
        data_subject=" ".join(_subjects(store, card)),
        data_state=card.state.value,
    )


def _passage(name: str, card: Card, passage: Passage, sources: Sequence[str], class_: str = "point") -> Html:
    """What a visitor reads, and the numbers of the notes that name its sources."""
    places = sorted(sources.index(source) + 1 for source in passage.sources)
    links = [element("a", str(place), href=f"#{_note_id(card, place)}", aria_label=f"Source {place}") for place in places]
    named = (element("strong", f"{passage.label}: "),) if isinstance(passage, Point) and passage.label else ()
    numbers = _label("sup", *(piece for link in links for piece in (" ", link)))
    return element(name, *named, passage.text, numbers, class_=class_)


def _note(card: Card, source: Source, place: int) -> Html:
    """A source. Only web addresses become links: a file may hold any text."""
    public = bool(source.url) and source.url.startswith(("https://", "http://"))
    title = (
        element("a", source.title, href=source.url, rel="noopener noreferrer", target="_blank")
        if public
        else joined(source.title, " (", source.url or "no public address", ")")
    )
    rest = f". {source.publisher}, {source.date}. Read as: {_words(source.seen_as)}."
    return element("li", title, rest, id=_note_id(card, place))


def _read_next(store: FactStore, card: Card) -> Html:
    links = (element("li", element("a", store.cards[other].question, href=f"#{other}")) for other in card.see_also)
    return element("div", _label("h4", "Read next"), element("ul", *links), class_="next") if card.see_also else Html()


def _other_questions(card: Card) -> Html:
    others = card.questions[1:]
    summary = _label("summary", f"{len(others)} other ways to ask it")
    return element("details", summary, element("ul", *(element("li", question) for question in others)))


def _facts_about(store: FactStore, card: Card) -> Html:
    late = " (overdue)" if card.review_by < datetime.date.today() else ""
    grade = wording.reading_grade(" ".join(passage.text for passage in card.passages))
    rows: Dict[str, Html] = {
        "Card": element("a", card.id, href=f"#{card.id}"),
        "Topic": joined(_words(card.topic.value)),
        "About": joined("; ".join(_name(store, slug) for slug in card.about)),
        "Status": joined(card.status.value, _label("span", f": {STATUSES[card.status]}")),
        "State": joined(card.state.value, _label("span", f": {STATES[card.state]}")),
        "Compared with its sources": _date(card.reviewed),
        "Check again by": joined(_date(card.review_by), late),
        "Reading grade": joined(f"{grade:.1f}"),
        "Safety words": joined("; ".join(map(_words, card.cautions)) or "none"),
        "Covers": joined("; ".join(_cell(store, cell) for cell in card.covers) or "nothing in the matrix"),
    }
    if card.clinician:
        rows["Reviewed by"] = joined(f"{card.clinician.name}, {card.clinician.profession}, ", _date(card.clinician.date))
    return element("dl", *(element("div", _label("dt", name), element("dd", value)) for name, value in rows.items()))


def _review_box(card: Card) -> Html:
    """What a clinician fills in: real fields, so that it can be done on screen as well as on paper."""
    name, note = f"{card.id}-verdict", f"{card.id}-note"
    verdicts = (
        element("label", element("input", type="radio", name=name, autocomplete="off"), verdict, class_="tick")
        for verdict in ("Right as it stands", "Needs a change")
    )
    return element(
        "fieldset",
        element("legend", f"Review of {card.id}"),
        *verdicts,
        element("span", "Note", id=note),
        # Not a textarea: that would cut off a long note on paper.
        element("div", role="textbox", contenteditable="true", aria_multiline="true", aria_labelledby=note),
        element("label", "Name, date", element("input", type="text", autocomplete="off")),
        class_="review",
    )


# Names and order.


def _groups(store: FactStore) -> Dict[str, List[Card]]:
    """The cards of each subject that comes first in some card, in the order of the topics."""
    groups: Dict[str, List[Card]] = {}
    for card in sorted(store.cards.values(), key=lambda card: TOPICS.index(card.topic.value)):
        groups.setdefault(_subjects(store, card)[0], []).append(card)
    return groups


def _subjects(store: FactStore, card: Card) -> Sequence[str]:
    return unique(store.subject(slug) for slug in card.about)


def _by_kind(store: FactStore, slugs: Iterable[str]) -> Dict[str, List[str]]:
    """Some slugs by the kind of thing they are, all in the order of the vocabulary; countries come last."""
    wanted = set(slugs)
    kinds: Dict[str, List[str]] = {}
    for term in store.terms.values():
        if term.slug in wanted:
            kinds.setdefault(f"{_words(term.kind).capitalize()}s", []).append(term.slug)
    countries = [code for code in store.countries if code in wanted]
    return {**kinds, "Countries": countries} if countries else kinds


def _name(store: FactStore, slug: str) -> str:
    name = store.countries[slug].name if slug in store.countries else store.name(slug)
    return name[0].upper() + name[1:]


def _cell(store: FactStore, cell: str) -> str:
    slug, _, facet = cell.partition(".")
    return f"{store.name(slug)}, {_words(facet)}"


def _words(name: str) -> str:
    return name.replace("_", " ").replace("-", " ")


def _anchor(slug: str) -> str:
    return f"subject-{slug}"


def _note_id(card: Card, place: int) -> str:
    return f"{card.id}-source-{place}"


# Small pieces.


def _label(name: str, *content: str) -> Html:
    """Words that stand on every card, which the search therefore passes over."""
    return element(name, *content, class_="label")


def _date(day: datetime.date) -> Html:
    return element("time", f"{day.day} {day:%B %Y}", datetime=day.isoformat())
