"""`make reload`: has the running assistant take the present model and facts, with no message lost; says what became of it."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import sys
import time
from typing import Any, Dict

from server.run import MARK_FILE, STATUS_FILE, hold
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
        SettingsError: that can't be seen from here.
    """
    try:
        os.close(hold(settings.data / MARK_FILE, fcntl.LOCK_EX | fcntl.LOCK_NB))
    except BlockingIOError:
        return _noted(settings)
    except PermissionError:
        raise settings.foreign() from None
    except OSError:
        # No folder, or no mark in it.
        pass
    raise NotRunning(f"No assistant runs with the data folder {settings.data}. Mend: make run, or set DYSTONIA_DATA.")


def _noted(settings: Settings) -> Dict[str, Any]:
    try:
        return json.loads((settings.data / STATUS_FILE).read_text())
    except (OSError, ValueError):
        mend = "see to room and permissions, and start it again"
        raise SettingsError(f"The assistant runs, but {settings.data / STATUS_FILE} can't be read. Mend: {mend}.") from None


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
