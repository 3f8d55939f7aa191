"""Slack and Telegram are closed until their secrets are there; half of them are named, and hold up nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Dict, List

import pytest
import yaml

from channels.slack import HOME_QUESTIONS
from dystonia.store import FactStore
from server.bots import NEEDED, open_bots
from server.settings import ROOT, Settings

GOOD = {
    "DYSTONIA_SLACK_TOKEN": "xoxb-12-ab",
    "DYSTONIA_SLACK_SECRET": "0123456789abcdef",
    "DYSTONIA_TELEGRAM_TOKEN": "12:ab-c",
    "DYSTONIA_TELEGRAM_SECRET": "0123456789-abcdef",
}


def opened(environment: Dict[str, str], said: List[str]) -> List[str]:
    """Names of the channels that are open."""
    return [channel.name() for channel in open_bots(Settings(data=Path("nowhere")), environment, said.append)]


def test_without_secrets_both_are_closed_and_nothing_is_said() -> None:
    said: List[str] = []

    assert opened({}, said) == [] == said


def test_with_their_secrets_both_are_open_and_say_so() -> None:
    said: List[str] = []

    assert opened(GOOD, said) == ["slack", "telegram"]
    assert [line.split()[:3] for line in said] == [["Slack", "is", "open:"], ["Telegram", "is", "open:"]]


@pytest.mark.parametrize("missing", GOOD)
def test_a_missing_secret_is_named_and_the_other_channel_opens(missing: str) -> None:
    said: List[str] = []

    names = opened({name: value for name, value in GOOD.items() if name != missing}, said)

    assert len(names) == 1 and names[0].upper() not in missing
    told = [line for line in said if "closed" in line]
    assert len(told) == 1 and f"{missing} is not set. Mend:" in told[0]


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("DYSTONIA_SLACK_TOKEN", "xoxp-1"),
        ("DYSTONIA_SLACK_SECRET", "short"),
        ("DYSTONIA_TELEGRAM_TOKEN", "no-colon"),
        ("DYSTONIA_TELEGRAM_SECRET", "with a space in it"),
        ("DYSTONIA_TELEGRAM_API_URL", "telegram"),
        ("DYSTONIA_SLACK_API_URL", "ftp://slack.example"),
    ],
)
def test_what_can_not_be_right_is_named(name: str, wrong: str) -> None:
    said: List[str] = []

    assert len(opened({**GOOD, name: wrong}, said)) == 1
    assert any(name in line and "Mend:" in line for line in said)


@pytest.mark.parametrize("name", GOOD)
def test_no_secret_is_ever_said(name: str) -> None:
    said: List[str] = []
    opened({**GOOD, name: "a wrong value !"}, said)

    assert "a wrong value" not in " ".join(said)
    assert not any(value in line for line in said for value in GOOD.values())


def test_each_question_of_the_home_page_is_one_of_a_card() -> None:
    asked = {question for card in FactStore.load().cards.values() for question in card.questions}

    assert [question for question in HOME_QUESTIONS if question not in asked] == []
    assert len(HOME_QUESTIONS) <= 25


def test_the_manifest_asks_for_no_more_than_is_used() -> None:
    manifest = yaml.safe_load((ROOT / "deploy" / "slack-manifest.yml").read_text(encoding="utf-8"))

    assert sorted(manifest["oauth_config"]["scopes"]["bot"]) == ["app_mentions:read", "chat:write", "commands", "im:history"]
    assert manifest["settings"]["event_subscriptions"]["bot_events"] == ["app_home_opened", "app_mention", "message.im"]
    addresses = [
        manifest["settings"]["event_subscriptions"]["request_url"],
        manifest["settings"]["interactivity"]["request_url"],
        manifest["features"]["slash_commands"][0]["url"],
    ]
    assert set(addresses) == {"https://chat.example.org/webhooks/slack/webhook"}


def test_what_is_needed_is_what_the_settings_name() -> None:
    assert [name for needed in NEEDED.values() for name in needed] == list(GOOD)
