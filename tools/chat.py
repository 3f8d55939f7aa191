"""Talks to the running assistant in the terminal, over its REST channel."""
from __future__ import annotations

import json
import shutil
import sys
import textwrap
import urllib.error
import urllib.request
import uuid
from typing import Any, Dict, List, Optional

from server.settings import Settings


def main() -> int:
    """Asks and shows answers until the visitor leaves with Ctrl-D or 'quit'."""
    settings = Settings.from_environment()
    url = f"{settings.url}/webhooks/rest/webhook"
    sender, choices = f"chat-{uuid.uuid4().hex}", []  # type: ignore[var-annotated]
    print("Ask about dystonia. A number picks a suggested question; 'quit' or Ctrl-D ends.")
    while True:
        try:
            typed = input("\nYou: ").strip()
        except (EOFError, KeyboardInterrupt):
            print()
            return 0
        if typed in ("quit", "exit"):
            return 0
        if typed:
            try:
                choices = show(ask(url, sender, pick(typed, choices), settings.rest_key))
            except urllib.error.URLError:
                print(f"Nothing answers at {url}. Mend: start it with 'make run' in another terminal.", file=sys.stderr)
                return 1


def pick(typed: str, choices: List[str]) -> str:
    """The suggested question with that number, or the words as typed."""
    return choices[int(typed) - 1] if typed.isdigit() and 0 < int(typed) <= len(choices) else typed


def ask(url: str, sender: str, message: str, key: Optional[str]) -> List[Dict[str, Any]]:
    """Sends a message, with the key where one is set; a refused one gives its reason as text."""
    body = json.dumps({"sender": sender, "message": message}).encode()
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    request = urllib.request.Request(url, body, {"Content-Type": "application/json", **headers})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as refused:
        return [{"text": json.load(refused)["error"]}]


def show(items: List[Dict[str, Any]]) -> List[str]:
    """Prints a reply; returns the payloads of its buttons."""
    width = min(88, shutil.get_terminal_size().columns)
    choices: List[str] = []
    for item in items:
        for paragraph in item.get("text", "").split("\n"):
            print(textwrap.fill(paragraph, width, subsequent_indent="  " if paragraph.startswith("•") else ""))
        for button in item.get("buttons", []):
            choices.append(button["payload"])
            print(f"  [{len(choices)}] {button['title']}")
    return choices


if __name__ == "__main__":
    sys.exit(main())
