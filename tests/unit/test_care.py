"""What goes on beside the turns comes to its end with the process."""
from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, Callable, Dict
from unittest.mock import Mock

from rasa.shared.core.domain import Domain
from rasa.shared.core.events import UserUttered
from rasa.shared.core.trackers import DialogueStateTracker

from server import care
from server.settings import Settings
from server.tracker_store import TalkStore


def test_turns_that_wait_for_room_are_stored_when_the_process_stops(tmp_path: Any) -> None:
    listeners: Dict[str, Callable[..., Any]] = {}
    app = Mock(register_listener=lambda listener, event: listeners.update({event: listener}))
    care.attach(app, Settings(), [])
    store = TalkStore(Domain.empty(), db=str(tmp_path / "talks.db"))
    # Given a turn that could not be stored, and room for it since then,
    store._waiting["rest:a"] = DialogueStateTracker.from_events("rest:a", [UserUttered("Hello")], domain=Domain.empty())
    app.ctx.agent = SimpleNamespace(tracker_store=store)

    asyncio.run(listeners["before_server_stop"](app, Mock()))

    store.let_go("rest:a")
    assert [event.text for event in asyncio.run(store.retrieve("rest:a")).events if isinstance(event, UserUttered)] == ["Hello"]
    store.engine.dispose()
