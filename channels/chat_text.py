"""From one reply to the forms of Slack and Telegram: pure functions that escape, split and put buttons in rows.

What is said is the same everywhere; only the form is the app's own. Limits are those that Slack and Telegram publish.
"""

from __future__ import annotations

import hashlib
import html
import re
from typing import Any, Callable, Dict, Iterator, List, Mapping, NamedTuple, Sequence, Tuple

TELEGRAM_TEXT = 4096
"""UTF-16 units in one message. Counted with the marks of HTML, though Telegram counts without: a little room is left."""
SLACK_SECTION = 3000
SLACK_SECTIONS = 4
"""Sections in one message: 50 blocks are allowed, but all together have a limit too, which Slack does not publish."""
SLACK_TITLE = 75
SLACK_VALUE = 2000
SLACK_ROW = 5
SLACK_BUTTONS = 25

URGENT = ("crisis", "emergency")

Turn = Mapping[str, Any]
"""What channels.turn.take_turn gives: ``text``, ``buttons``, ``reply``."""


class Part(NamedTuple):
    """A piece of a text that is kept whole while there is room, and the white space behind it."""

    words: str
    space: str


# A telephone number, or figures that belong together: broken in two, it can't be dialled.
_NUMBER = re.compile(r"\+?\(?\d(?:[\d().\-]| (?=[\d(]))*")
_SENTENCE = re.compile(r"(?:[^\n]*?[.!?…][\"')\]”’]*(?=\s|$)|[^\n]+|)(\s+|$)")
_WORD = re.compile(r"(\S+)(\s+|$)")
_MARKUP_MARKS = re.compile(r"[*_~`]|^&gt;|:(?=[\w+'-]+:)", re.MULTILINE)
_JOINER = "\u2060"
_NOT_SHOWN = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")


def telegram_length(text: str) -> int:
    """Length as Telegram counts it: in UTF-16 units."""
    return len(text.encode("utf-16-le")) // 2


def split(text: str, fits: Callable[[str], bool]) -> List[str]:
    """Cuts a text where it must: between sentences if it can, else between words, last between characters.

    No figure is cut from the next in a telephone number, unless the number alone does not fit.

    Args:
        text: what is to be sent.
        fits: whether a piece may be sent as one; it must allow a single character.

    Returns:
        Pieces without white space at their ends, none empty; joined they hold every visible character, in order.
    """
    pieces: List[str] = []
    piece = ""
    for part in _parts(text.strip(), fits):
        if piece.strip() and not fits((piece + part.words).strip()):
            pieces.append(piece.strip())
            piece = ""
        piece += part.words + part.space
    return [*pieces, piece.strip()] if piece.strip() else pieces


def _parts(text: str, fits: Callable[[str], bool]) -> Iterator[Part]:
    for sentence in _sentences(text):
        if fits(sentence.words):
            yield sentence
        else:
            yield from _words(sentence, fits)


def _sentences(text: str) -> Iterator[Part]:
    for found in _SENTENCE.finditer(text):
        if found.group():
            yield Part(found.group()[: len(found.group()) - len(found.group(1))], found.group(1))


def _words(sentence: Part, fits: Callable[[str], bool]) -> Iterator[Part]:
    for word in _unbroken(sentence.words + sentence.space):
        if fits(word.words):
            yield word
        else:
            yield from (Part(piece, "") for piece in _characters(word.words, fits))
            yield Part("", word.space)


def _unbroken(text: str) -> Iterator[Part]:
    """Words, with the spaces inside a telephone number taken for a part of the word."""
    inside = {place for number in _NUMBER.finditer(text) for place in range(number.start(), number.end())}
    start = 0
    for space in re.finditer(r"\s+", text):
        if space.start() not in inside:
            yield Part(text[start : space.start()], space.group())
            start = space.end()
    if start < len(text):
        yield Part(text[start:], "")


def _characters(word: str, fits: Callable[[str], bool]) -> Iterator[str]:
    start = 0
    while start < len(word):
        low, high = start + 1, len(word)
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if fits(word[start:middle]) else (low, middle - 1)
        yield word[start:low]
        start = low


def shortened(text: str, limit: int) -> str:
    """The text, or as many whole words of it as fit, and an ellipsis."""
    if len(text) <= limit:
        return text
    return re.sub(r"\s+\S*$", "", text[:limit])[: limit - 1].rstrip() + "…"


# Telegram


def telegram_html(text: str, urgent: bool = False, sources: Sequence[Mapping[str, Any]] = ()) -> str:
    """A text in Telegram's HTML: escaped, the first paragraph of an urgent reply in bold, publishers linked."""
    return _marked(text, urgent, sources, _telegram_escaped, "<b>{}</b>", '<a href="{}">{}</a>')


def _telegram_escaped(text: str) -> str:
    return html.escape(_NOT_SHOWN.sub("\ufffd", text), quote=False)


def telegram_texts(turn: Turn) -> List[str]:
    """A reply as the HTML of one message or more, each within the limit."""
    urgent, sources = turn["reply"]["kind"] in URGENT, turn["reply"]["sources"]
    forms = (True, False) if urgent else (False,)

    def fits(piece: str) -> bool:
        return all(telegram_length(telegram_html(piece, form, sources)) <= TELEGRAM_TEXT for form in forms)

    pieces = split(turn["text"], fits)
    return [telegram_html(piece, urgent and not place, sources) for place, piece in enumerate(pieces)]


def telegram_keyboard(buttons: Sequence[Mapping[str, str]]) -> List[List[Dict[str, str]]]:
    """Rows of an inline keyboard, one button each: wide enough to be hit, and to be read.

    A button shows what it says for the visitor. It carries a short id of that, because a question is longer than 64
    bytes; ``pressed`` finds the words again in the keyboard that Telegram sends back. So nothing is kept for it.
    """
    return [[{"text": button["payload"], "callback_data": button_id(button["payload"])}] for button in buttons]


def button_id(payload: str) -> str:
    """A short id of what a button says, always the same for the same words."""
    return "say:" + hashlib.sha256(payload.encode("utf-8", "replace")).hexdigest()[:16]


def pressed(callback: Mapping[str, Any]) -> str:
    """The words of the button that a Telegram callback names, or nothing when its message is gone."""
    markup = (callback.get("message") or {}).get("reply_markup") or {}
    for row in markup.get("inline_keyboard") or []:
        for button in row:
            if button.get("callback_data") and button["callback_data"] == callback.get("data"):
                return str(button.get("text", ""))
    return ""


# Slack


def mrkdwn(text: str, urgent: bool = False, sources: Sequence[Mapping[str, Any]] = ()) -> str:
    """A text in Slack's mrkdwn: escaped, no mark of it taken for formatting, publishers linked.

    mrkdwn has no escape for its own marks, so an invisible joiner stands on both sides of each: then it marks nothing.
    """
    return _marked(text, urgent, sources, mrkdwn_escaped, "*{}*", "<{}|{}>")


def mrkdwn_escaped(text: str) -> str:
    """A text that mrkdwn shows as it is."""
    escaped = _NOT_SHOWN.sub("\ufffd", text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _MARKUP_MARKS.sub(lambda mark: f"{_JOINER}{mark.group()}{_JOINER}", escaped)


def slack_messages(turn: Turn) -> List[Dict[str, Any]]:
    """A reply as the arguments (``text``, ``blocks``) of one message or more; buttons stand under the last.

    ``text`` is what notifications show and screen readers read; Slack shows the blocks.
    """
    urgent, sources = turn["reply"]["kind"] in URGENT, turn["reply"]["sources"]
    forms = (True, False) if urgent else (False,)

    def fits(piece: str) -> bool:
        return all(len(mrkdwn(piece, form, sources)) <= SLACK_SECTION for form in forms)

    pieces = split(turn["text"], fits)
    rows = slack_buttons(turn["buttons"])
    shown = [(piece, _section(mrkdwn(piece, urgent and not place, sources))) for place, piece in enumerate(pieces)]
    messages = [_slack_message(shown[start : start + SLACK_SECTIONS]) for start in range(0, len(shown), SLACK_SECTIONS)]
    messages[-1]["blocks"] += rows
    return messages


def _slack_message(shown: Sequence[Tuple[str, Dict[str, Any]]]) -> Dict[str, Any]:
    return {"text": mrkdwn_escaped("\n\n".join(piece for piece, _ in shown)), "blocks": [section for _, section in shown]}


def slack_buttons(buttons: Sequence[Mapping[str, str]]) -> List[Dict[str, Any]]:
    """Rows of five buttons, at most 25 in all. Each needs an id of its own in its message."""
    elements = [
        {
            "type": "button",
            "action_id": f"say:{place}",
            "text": {"type": "plain_text", "text": shortened(button["title"], SLACK_TITLE), "emoji": False},
            "value": shortened(button["payload"], SLACK_VALUE),
        }
        for place, button in enumerate(buttons[:SLACK_BUTTONS])
    ]
    return [
        {"type": "actions", "block_id": f"say:{start}", "elements": elements[start : start + SLACK_ROW]}
        for start in range(0, len(elements), SLACK_ROW)
    ]


def _section(text: str) -> Dict[str, Any]:
    # verbatim: Slack makes no mention, channel or link of its own out of what is said.
    return {"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": True}}


# Both


def _marked(
    text: str,
    urgent: bool,
    sources: Sequence[Mapping[str, Any]],
    escaped: Callable[[str], str],
    bold: str,
    link: str,
) -> str:
    paragraphs = text.split("\n\n")
    first = [bold.format(escaped(line)) if line.strip() else line for line in paragraphs[0].split("\n")] if urgent else []
    rest = paragraphs[1:] if urgent else paragraphs
    shown = [_linked(paragraph, sources, escaped, link) for paragraph in rest]
    return "\n\n".join(["\n".join(first), *shown] if urgent else shown)


def _linked(paragraph: str, sources: Sequence[Mapping[str, Any]], escaped: Callable[[str], str], link: str) -> str:
    """The paragraph, with each publisher that it lists made a link to its document, once."""
    if not paragraph.startswith("Sources: "):
        return escaped(paragraph)
    shown, place = "", 0
    for source in sources:
        start = paragraph.find(f"{source['publisher']} ({source['date']})", place)
        if start >= 0 and _is_address(source.get("url")):
            end = start + len(source["publisher"])
            address = html.escape(source["url"], quote=False)
            shown += escaped(paragraph[place:start]) + link.format(address, escaped(source["publisher"]))
            place = end
    return shown + escaped(paragraph[place:])


def _is_address(url: Any) -> bool:
    return isinstance(url, str) and re.fullmatch(r"https?://[^\s|<>\"]+", url) is not None
