"""Visitors who talk all at the same time, and say again what was not acknowledged, as the widget and good clients do."""
from __future__ import annotations

import contextlib
import time
import uuid
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Dict, Iterator, List, Optional, Tuple

import requests

from tests.running import wait_until

QUESTIONS = (
    "What is blepharospasm?",
    "and how is it treated?",
    "What is cervical dystonia?",
    "Thank you",
    "What causes dystonia?",
    "Does dystonia run in families?",
    "I can't breathe since my injection yesterday",
    "How is dystonia treated?",
)
PATIENCE = 90
"""Seconds after which a visitor gives up."""


@dataclass
class Talker:
    """One visitor.

    Attributes:
        acknowledged: the id (where the channel has ids) and words of each message that got its reply, in order.
        kinds: the kind of each of these replies.
        repeated: words that were said again because no reply came.
    """

    url: str
    acknowledged: List[Tuple[str, str]] = field(default_factory=list)
    kinds: List[str] = field(default_factory=list)
    repeated: List[str] = field(default_factory=list)
    http: requests.Session = field(default_factory=requests.Session)

    def talk(self, rounds: int) -> None:
        """Asks all questions, so many times."""
        for question in QUESTIONS * rounds:
            self.kinds.append(self._insist(uuid.uuid4().hex, question))

    def _insist(self, message_id: str, question: str) -> str:
        deadline = time.monotonic() + PATIENCE
        while True:
            with contextlib.suppress(requests.RequestException):
                answer = self.send(message_id, question)
                if answer.status_code == 200:
                    self.acknowledged.append((message_id, question))
                    return self.kind(answer.json())
                assert answer.status_code in (429, 503) and answer.json()["error"], answer.text
            assert time.monotonic() < deadline, f"'{question}' got no reply within {PATIENCE} s"
            self.repeated.append(question)
            time.sleep(0.1)

    def send(self, message_id: str, question: str) -> requests.Response:
        """Sends a message."""
        raise NotImplementedError

    def kind(self, answer: Any) -> str:
        """The kind of a reply; there must be exactly one."""
        raise NotImplementedError


@dataclass
class RestTalker(Talker):
    """A visitor over REST, which knows no ids: who repeats a message may be heard twice."""

    sender: str = field(default_factory=lambda: uuid.uuid4().hex)

    def send(self, message_id: str, question: str) -> requests.Response:
        """Sends a message."""
        said = {"sender": self.sender, "message": question}
        return self.http.post(f"{self.url}/webhooks/rest/webhook", json=said, timeout=30)

    def kind(self, answer: Any) -> str:
        """The kind of a reply; there must be exactly one."""
        (reply,) = [item["custom"]["reply"] for item in answer if "custom" in item]
        return str(reply["kind"])


@dataclass
class WidgetTalker(Talker):
    """A visitor of the chat widget, whose messages have ids: repeated, they are heard once."""

    _token: Optional[str] = None

    def send(self, message_id: str, question: str) -> requests.Response:
        """Sends a message."""
        if self._token is None:
            self._token = self.http.post(f"{self.url}/webhooks/widget/session", timeout=30).json()["token"]
        said = {"id": message_id, "message": question}
        return self.http.post(f"{self.url}/webhooks/widget/message", json=said, headers=self._headers(), timeout=30)

    def kind(self, answer: Any) -> str:
        """The kind of a reply; there must be exactly one."""
        return str(answer["reply"]["kind"])

    def history(self) -> List[Tuple[str, str]]:
        """Id and words of each message that is stored with its reply, in order."""
        answer = self.http.get(f"{self.url}/webhooks/widget/history", headers=self._headers(), timeout=30)
        return [(turn["id"], turn["said"]) for turn in answer.json()["turns"]]

    def _headers(self) -> Dict[str, str]:
        return {"Authorization": f"Bearer {self._token}"}


@dataclass
class Crowd:
    """Visitors of both channels."""

    talkers: List[Talker]
    _talks: "List[Future[None]]" = field(default_factory=list)

    def acknowledged(self) -> int:
        """How many messages got their replies so far."""
        return sum(len(talker.acknowledged) for talker in self.talkers)

    def kinds(self) -> List[str]:
        """The kinds of all replies so far."""
        return [kind for talker in self.talkers for kind in talker.kinds]

    def come_to(self, messages: int) -> None:
        """Waits until so many messages have been acknowledged."""
        wait_until(lambda: self.acknowledged() >= messages or any(talk.done() for talk in self._talks), PATIENCE, "the talk")

    def finish(self) -> None:
        """Lets everyone say all that they have to say; fails where one of them did."""
        for talk in self._talks:
            talk.result()


@contextlib.contextmanager
def talking(url: str, each: int = 4, rounds: int = 2) -> Iterator[Crowd]:
    """So many visitors of each channel, who begin to talk at once."""
    crowd = Crowd([make(url) for make in (RestTalker, WidgetTalker) for _ in range(each)])
    with ThreadPoolExecutor(len(crowd.talkers)) as pool:
        crowd._talks = [pool.submit(talker.talk, rounds) for talker in crowd.talkers]
        yield crowd
        crowd.finish()
