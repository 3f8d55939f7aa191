"""The stored talks, for commands that read them or take something out."""

from __future__ import annotations

from pathlib import Path

from server import without_tensorflow

without_tensorflow.install()

from rasa.core.tracker_store import SQLTrackerStore, TrackerStore  # noqa: E402

from server.papers import EVENT_FILES, TALK_FILE, backups  # noqa: E402
from server.settings import Settings  # noqa: E402


class NoTalks(RuntimeError):
    """The store of the talks can't be read; the message says why and what to do."""


def open_store() -> SQLTrackerStore:
    """The tracker store that endpoints.yml and the settings name.

    Raises:
        NoTalks: it is no SQL database, or can't be opened.
        SettingsError: a setting can't be used.
    """
    from server.serve import endpoints

    settings = Settings.from_environment()
    settings.check_owner()
    if not settings.postgres_url and not _holds_talks(settings.data):
        # Otherwise an empty store would be made there, and "nothing is kept of this talk" would be said of the wrong folder.
        mend = "set DYSTONIA_DATA as the assistant has it (docs/operations.md)"
        raise NoTalks(f"No talks are kept in {settings.data}. Mend: {mend}.")
    configured = endpoints(settings).tracker_store
    try:
        store = TrackerStore.create(configured)
    except Exception as error:  # noqa: BLE001 - every driver has errors of its own
        reason = f"The talks can't be opened ({type(error).__name__})."
        mend = "see that DYSTONIA_POSTGRES_URL is right" if settings.postgres_url else "check tracker_store in endpoints.yml"
        raise NoTalks(f"{reason} Mend: {mend}, then make doctor.") from error
    if not isinstance(store, SQLTrackerStore):
        raise NoTalks(f"Talks are kept in {type(store).__name__}. Mend: only an SQL store in endpoints.yml can be read.")
    return store


def _holds_talks(data: Path) -> bool:
    return any((data / name).is_file() for name in (TALK_FILE, *EVENT_FILES)) or any(backups(data))
