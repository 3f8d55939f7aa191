"""Makes the pictures in the documentation anew: ``.venv/bin/python -m tests.browser.pictures``."""
from __future__ import annotations

import io
import tempfile
from pathlib import Path
from typing import Any, Callable, Dict, NamedTuple

from PIL import Image
from playwright.sync_api import sync_playwright

from server.model import train
from server.settings import ROOT
from tests.browser.chat import Chat
from tests.browser.conftest import arguments, chromium
from tests.browser.test_states import CRISIS, DARK, EMERGENCY, QUESTION, TALL_PHONE
from tests.running import running_assistant

PICTURES = ROOT / "docs" / "pictures"
LARGEST = 80_000
"""Bytes of a picture."""


class Picture(NamedTuple):
    """What is to be seen, and on what kind of screen."""

    reach: Callable[[Chat], Any]
    screen: Dict[str, Any]


def answer(chat: Chat) -> None:
    """A question was answered."""
    chat.open()
    chat.say(QUESTION)


def emergency(chat: Chat) -> None:
    """Someone in England needs help now."""
    chat.open()
    chat.say("I live in England")
    chat.say(EMERGENCY)


def crisis(chat: Chat) -> None:
    """Someone in the USA wants to die."""
    chat.open()
    chat.say("I live in the USA")
    chat.say(CRISIS)


def options(chat: Chat) -> None:
    """The options are open."""
    answer(chat)
    chat.button("Options").click()


TAKEN: Dict[str, Picture] = {
    "widget-light": Picture(answer, {}),
    "widget-dark": Picture(emergency, DARK),
    "phone-emergency-light": Picture(emergency, TALL_PHONE),
    "phone-emergency-dark": Picture(emergency, {**TALL_PHONE, **DARK}),
    "phone-crisis-light": Picture(crisis, TALL_PHONE),
    "phone-options-dark": Picture(options, {**TALL_PHONE, **DARK}),
}


def small(png: bytes) -> Image.Image:
    """A picture of few colours: the page has few, and a repository keeps every version."""
    return Image.open(io.BytesIO(png)).convert("RGB").quantize(64)


def main() -> None:
    """Takes and writes them all."""
    with tempfile.TemporaryDirectory() as folder, running_assistant(train(), Path(folder)) as assistant:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium(), args=arguments())
            for name, picture in TAKEN.items():
                with Chat.on(browser, assistant.url, **picture.screen) as chat:
                    picture.reach(chat)
                    path = PICTURES / f"{name}.png"
                    small(chat.page.screenshot()).save(path, optimize=True)
                    assert path.stat().st_size < LARGEST, f"{path} is too large"


if __name__ == "__main__":
    main()
