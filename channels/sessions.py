"""Signed, anonymous sessions: whoever holds the token reaches one talk, and nobody can make up a token or guess an id."""
from __future__ import annotations

import os
import re
import secrets
import time
from pathlib import Path
from typing import Callable, Optional, Tuple

import jwt

from channels.intake import Refused

ALGORITHM = "HS256"
AUDIENCE = "dystonia-widget"
LASTS = 24 * 60 * 60
"""Seconds after which a token is no longer taken."""

_ID = re.compile(r"[\w-]{32}", re.ASCII)


class Sessions:
    """Gives out tokens and reads them."""

    def __init__(self, secret: str, clock: Callable[[], float] = time.time) -> None:
        self._secret = secret
        self._clock = clock

    def open(self) -> Tuple[str, int]:
        """A token for a new talk, with an id of 192 random bits; and when it ends, in seconds since 1970."""
        now = int(self._clock())
        claims = {"sub": secrets.token_urlsafe(24), "aud": AUDIENCE, "iat": now, "exp": now + LASTS}
        return jwt.encode(claims, self._secret, ALGORITHM), now + LASTS

    def talk(self, authorization: Optional[str], ended_too: bool = False) -> str:
        """The id of the talk that a request may reach, from its ``Authorization`` header.

        Args:
            authorization: the header.
            ended_too: whether a token is taken that was given out here and has ended since.

        Raises:
            Refused: status 401, for no token, one that was not given out here, or one that has ended.
        """
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer":
            raise Refused(401, "A session is missing. Open one, and send 'Authorization: Bearer <token>'.")
        try:
            # One algorithm, by name: what the token says of itself is not asked. Times are compared with our own clock.
            options = {"require": ["sub", "aud", "exp"], "verify_exp": False, "verify_iat": False}
            claims = jwt.decode(token, self._secret, algorithms=[ALGORITHM], audience=AUDIENCE, options=options)
            alive = isinstance(claims["exp"], int) and (ended_too or self._clock() < claims["exp"])
            if alive and isinstance(claims["sub"], str) and _ID.fullmatch(claims["sub"]):
                return claims["sub"]
        except (jwt.InvalidTokenError, ValueError):
            pass
        raise Refused(401, "The session is not valid or has ended. Open a new one.")


def kept_secret(path: Path) -> str:
    """The secret in a file that only its owner reads; where there is none, one is made at random."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(48))
    except FileExistsError:
        path.chmod(0o600)
    secret = path.read_text().strip()
    if not secret:
        # A start that was cut off between making and writing the file.
        path.unlink()
        return kept_secret(path)
    return secret
