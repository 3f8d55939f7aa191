"""Every response says that it is neither kept, nor framed, nor taken for something else than it is."""
from __future__ import annotations

import pytest
import requests

from tests.running import RunningAssistant


@pytest.mark.parametrize(
    "method, path",
    [
        ("GET", "/"),
        ("POST", "/webhooks/rest/webhook"),
        ("POST", "/webhooks/widget/session"),
        ("GET", "/webhooks/widget/history"),
        ("OPTIONS", "/webhooks/widget/message"),
        ("GET", "/no/such/page"),
        ("PUT", "/webhooks/rest/webhook"),
    ],
)
def test_whatever_is_answered_is_not_kept_or_framed_or_guessed_at(assistant: RunningAssistant, method: str, path: str) -> None:
    headers = requests.request(method, assistant.url + path, data=b"", timeout=10).headers

    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]


def test_the_widgets_script_may_be_kept_for_a_while_and_used_by_other_sites(assistant: RunningAssistant) -> None:
    headers = requests.get(f"{assistant.url}/widget/widget.js", timeout=10).headers

    assert "max-age" in headers["Cache-Control"]
    assert headers["Cross-Origin-Resource-Policy"] == "cross-origin"
