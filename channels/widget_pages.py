"""The widget's files, served by the assistant itself: the script, the demo page, and the words in other languages."""
from __future__ import annotations

import gzip
import hashlib
import json
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Dict, Text

from sanic import Blueprint
from sanic.request import Request
from sanic.response import HTTPResponse, raw

from channels.intake import Refused
from server.settings import ROOT

WIDGET = ROOT / "widget"

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)
"""What the demo page may do: nothing but load its own files, and never make markup out of text."""

FILES: Dict[Text, Text] = {
    "widget.js": "text/javascript; charset=utf-8",
    "demo": "text/html; charset=utf-8",
    "demo.css": "text/css; charset=utf-8",
    "demo.svg": "image/svg+xml",
}
"""What can be fetched below ``/widget/``, and nothing else."""

# Lines that hold a comment and nothing else.
_COMMENTS = re.compile(r"^[ \t]*(?:/\*\*(?:(?!\*/).)*\*/|//[^\n]*)[ \t]*\n", re.MULTILINE | re.DOTALL)
_LANGUAGE = re.compile(r"[a-z]{2,3}(?=-|$)")


@dataclass(frozen=True)
class _File:
    """A file as it is sent."""

    body: bytes
    packed: bytes
    tag: Text
    kind: Text

    @classmethod
    def read(cls, name: Text) -> "_File":
        body = sent(name)
        return cls(body, gzip.compress(body, 9, mtime=0), f'"{hashlib.sha256(body).hexdigest()[:16]}"', FILES[name])


def sent(name: Text) -> bytes:
    """A file as browsers get it: the script without its comments, which are for who works on it."""
    text = (WIDGET / (name if "." in name else f"{name}.html")).read_text(encoding="utf-8")
    return (_COMMENTS.sub("", text) if name.endswith(".js") else text).encode()


def pages() -> Blueprint:
    """The routes below ``/widget``."""
    routes = Blueprint("dystonia_widget_pages", url_prefix="/widget")
    files = {name: _File.read(name) for name in FILES}

    def serve(file: _File):  # noqa: ANN202 - a handler
        async def handle(request: Request) -> HTTPResponse:
            return _answered(file, request)

        return handle

    for name, file in files.items():
        routes.add_route(serve(file), f"/{name}", methods=["GET"], name=name.replace(".", "_"))
    return routes


def _answered(file: _File, request: Request) -> HTTPResponse:
    headers = {
        "Cache-Control": "public, max-age=300, must-revalidate",
        "Content-Security-Policy": POLICY,
        # The script is there for other sites' pages; the rest is not.
        "Cross-Origin-Resource-Policy": "cross-origin" if file.kind.startswith("text/javascript") else "same-origin",
        "ETag": file.tag,
        "Referrer-Policy": "no-referrer",
        "Vary": "Accept-Encoding",
        "X-Content-Type-Options": "nosniff",
    }
    if file.tag in request.headers.get("if-none-match", ""):
        return raw(b"", status=304, headers=headers, content_type=file.kind)
    if "gzip" in request.headers.get("accept-encoding", ""):
        return raw(file.packed, headers={**headers, "Content-Encoding": "gzip"}, content_type=file.kind)
    return raw(file.body, headers=headers, content_type=file.kind)


@lru_cache(maxsize=32)
def strings(language: Text) -> Dict[Text, Text]:
    """The widget's own words in a language, by the names that they have in ``widget/widget.js``.

    Raises:
        Refused: status 404, when nobody has translated them; the widget then shows its English.
    """
    tag = _LANGUAGE.match(language.lower())
    path = WIDGET / "strings" / f"{tag[0]}.json" if tag else None
    if path is None or not path.is_file():
        raise Refused(404, "The widget's words are not there in this language. See docs/channels.md to translate them.")
    return json.loads(path.read_text(encoding="utf-8"))
