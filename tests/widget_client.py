"""The chat widget's side of the talk, without a browser: what its script sends, and what else could be sent in its place."""
from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from typing import Any, Dict, List, Optional

import requests

from tests.running import RunningAssistant

SITE = "http://localhost:8000"


@dataclass
class WidgetClient:
    """A visitor's session; without a token, someone who has none."""

    url: str
    token: Optional[str] = None
    origin: Optional[str] = SITE
    _http: requests.Session = field(default_factory=requests.Session)

    @classmethod
    def opened(cls, assistant: RunningAssistant) -> "WidgetClient":
        """Someone new, with a session."""
        client = cls(assistant.url)
        client.token = client.send("POST", "session").json()["token"]
        return client

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> requests.Response:
        """Any request to the channel; a body that is not bytes is sent as JSON."""
        if self.origin is not None:
            headers.setdefault("Origin", self.origin)
        if self.token is not None:
            headers.setdefault("Authorization", f"Bearer {self.token}")
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        return self._http.request(method, f"{self.url}/webhooks/widget/{path}", data=data, headers=headers, timeout=30)

    def say(self, message: str, message_id: Optional[str] = None) -> Dict[str, Any]:
        """Says something; it must be taken in."""
        answer = self.send("POST", "message", {"id": message_id or uuid.uuid4().hex, "message": message})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def turns(self) -> List[Dict[str, Any]]:
        """What was said so far."""
        return self.send("GET", "history").json()["turns"]
