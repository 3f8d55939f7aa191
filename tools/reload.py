"""`make reload`: has the running assistant take the present model and facts, with no message lost; says what became of it."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from typing import Any, Dict

from server.run import STATUS_FILE
from server.settings import Settings, SettingsError

PATIENCE_SECONDS = 900.0
"""A training takes three to five minutes, on a busy machine longer."""


class NotRunning(RuntimeError):
    """No assistant runs with this data folder; the message says what to do."""


def main() -> int:
    """Reloads; returns the exit status: 0 where the new model and facts serve, 1 where the old ones go on."""
    try:
        settings = Settings.from_environment()
        before = status(settings)
        print("Reloading; this takes some seconds, and minutes where the model is trained anew ...", flush=True)
        os.kill(before["pid"], signal.SIGUSR1)
        after = _when_done(settings, before["reloads"])
    except (SettingsError, NotRunning, TimeoutError) as error:
        print(error, file=sys.stderr)
        return 1
    replaced = after["outcome"] == "replaced"
    print(after["words"], file=sys.stdout if replaced else sys.stderr)
    return 0 if replaced else 1


def status(settings: Settings) -> Dict[str, Any]:
    """What the running supervisor has written down.

    Raises:
        NotRunning: there is none.
    """
    try:
        noted = json.loads((settings.data / STATUS_FILE).read_text())
        os.kill(noted["pid"], 0)
    except (OSError, ValueError, KeyError):
        mend = "make run, or set DYSTONIA_DATA"
        raise NotRunning(f"No assistant runs with the data folder {settings.data}. Mend: {mend}.") from None
    return noted


def _when_done(settings: Settings, reloads: int) -> Dict[str, Any]:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        noted = status(settings)
        if noted["reloads"] > reloads:
            return noted
        time.sleep(0.1)
    raise TimeoutError(f"It is not done after {PATIENCE_SECONDS / 60:.0f} minutes. Mend: see the assistant's own messages.")


if __name__ == "__main__":
    sys.exit(main())
