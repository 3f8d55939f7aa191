"""The stored talks, for commands that read them or take something out."""

from __future__ import annotations

from server import without_tensorflow

without_tensorflow.install()

from rasa.core.tracker_store import SQLTrackerStore, TrackerStore  # noqa: E402

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

    configured = endpoints(Settings.from_environment()).tracker_store
    try:
        store = TrackerStore.create(configured)
    except Exception as error:  # noqa: BLE001 - every driver has errors of its own
        reason = f"The talks can't be opened ({type(error).__name__})."
        raise NoTalks(f"{reason} Mend: check tracker_store in endpoints.yml.") from error
    if not isinstance(store, SQLTrackerStore):
        raise NoTalks(f"Talks are kept in {type(store).__name__}. Mend: only an SQL store in endpoints.yml can be read.")
    return store
