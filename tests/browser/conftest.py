"""A real Chromium, driven by Playwright, on the assistant's own demo page."""
from __future__ import annotations

import os
import shutil
from typing import Iterator, List, Optional

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.browser.chat import Chat
from tests.running import RunningAssistant

expect.set_options(timeout=20_000)  # the first answer after a start takes some seconds on a busy machine
NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")


def chromium() -> Optional[str]:
    """Where this machine has it, or None."""
    return next(filter(None, map(shutil.which, NAMES)), None)


def arguments() -> List[str]:
    """What it is started with: its sandbox does not start for root, as whom containers run."""
    return ["--disable-gpu", *(["--no-sandbox"] if os.geteuid() == 0 else [])]


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """The machine's own Chromium; Playwright's own is a download of its own, which not every network allows."""
    found = chromium()
    if found is None:
        pytest.skip("NO BROWSER TEST WAS RUN: there is no Chromium here. Mend: install it (Debian: apt-get install chromium).")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=arguments())
        yield browser
        browser.close()


@pytest.fixture
def chat(browser: Browser, assistant: RunningAssistant) -> Iterator[Chat]:
    """The widget on the demo page, closed. Afterwards: no script failed, nothing was blocked, no other site was called."""
    with Chat.on(browser, assistant.url) as chat:
        yield chat
        assert chat.faults == []


@pytest.fixture
def opened(chat: Chat) -> Chat:
    """The widget, opened."""
    chat.open()
    return chat
