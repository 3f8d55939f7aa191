"""HTML that can't be broken by what is put into it: text is escaped unless it is markup made here."""

from __future__ import annotations

from html import escape
from typing import Union

_WITHOUT_END = frozenset({"input", "meta"})
"""Elements that hold nothing and have no end tag."""


class Html(str):
    """Text that is markup already; every other text is escaped on its way into an element."""


def element(tag: str, /, *content: str, **attributes: Union[str, bool]) -> Html:
    """One element.

    Args:
        tag: its name, such as ``p``.
        content: what it holds, in order.
        attributes: ``class_`` and ``data_topic`` become ``class`` and ``data-topic``; True stands for a bare name, False
            for none.
    """
    listed = "".join(_attribute(key.rstrip("_").replace("_", "-"), value) for key, value in attributes.items())
    end = "" if tag in _WITHOUT_END else f"</{tag}>"
    return Html(f"<{tag}{listed}>{joined(*content)}{end}")


def joined(*content: str) -> Html:
    """Several pieces, one after the other."""
    return Html("".join(piece if isinstance(piece, Html) else escape(piece) for piece in content))


def _attribute(name: str, value: Union[str, bool]) -> str:
    if isinstance(value, bool):
        return f" {name}" if value else ""
    return f' {name}="{escape(value)}"'
