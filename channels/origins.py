"""Which sites may call a channel from a visitor's browser."""
from __future__ import annotations

import re
from typing import Dict, Optional, Sequence

from channels.intake import Refused

_LOOPBACK = re.compile(r"https?://(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?")


class Origins:
    """The sites that are let in: those listed, or, while none is, pages on the loopback address, for trying things out."""

    def __init__(self, listed: Sequence[str]) -> None:
        self._listed = frozenset(listed)

    def check(self, origin: Optional[str]) -> None:
        """Lets a request in.

        Browsers name the origin in every call from another site; a program that names none could as well make one up.

        Raises:
            Refused: status 403, for a site that is not let in.
        """
        if origin is not None and not self.lets_in(origin):
            raise Refused(403, "This site may not use the assistant. Who runs it can list the site in DYSTONIA_WIDGET_ORIGINS.")

    def lets_in(self, origin: str) -> bool:
        """Whether a site is let in."""
        return origin in self._listed if self._listed else _LOOPBACK.fullmatch(origin) is not None

    def headers(self, origin: Optional[str]) -> Dict[str, str]:
        """What lets the browser hand the answer to a site; nothing for a site that is not let in. Never with credentials."""
        told = {"Vary": "Origin"}
        if origin is not None and self.lets_in(origin):
            told.update(
                {
                    "Access-Control-Allow-Origin": origin,
                    "Access-Control-Allow-Headers": "Authorization, Content-Type",
                    "Access-Control-Allow-Methods": "GET, POST, DELETE",
                    "Access-Control-Expose-Headers": "Retry-After",
                    "Access-Control-Max-Age": "600",
                }
            )
        return told
