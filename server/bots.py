"""Opens Slack and Telegram: each is open as soon as its secrets are in the environment, and closed until then."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Callable, Dict, List, Mapping, Tuple, Union

from rasa.core.channels.channel import InputChannel

from channels.slack import SlackChannel
from channels.slack_api import API_URL as SLACK_API
from channels.telegram import TelegramChannel
from channels.telegram_api import API_URL as TELEGRAM_API
from server.settings import Settings, SettingsError

NEEDED = {
    "Slack": {
        "DYSTONIA_SLACK_TOKEN": "the Bot User OAuth Token of your Slack app (page OAuth & Permissions)",
        "DYSTONIA_SLACK_SECRET": "the Signing Secret of your Slack app (page Basic Information)",
    },
    "Telegram": {
        "DYSTONIA_TELEGRAM_TOKEN": "the token that @BotFather gave you",
        "DYSTONIA_TELEGRAM_SECRET": (
            "a long word of your own, such as python3 -c 'import secrets; print(secrets.token_urlsafe(32))' prints"
        ),
    },
}
"""What each channel needs, and where it is found."""

FORMS = {
    "DYSTONIA_SLACK_TOKEN": (r"xoxb-[\w.-]+", "begins with xoxb-"),
    "DYSTONIA_SLACK_SECRET": (r"\w{16,256}", "16 letters and digits or more"),
    "DYSTONIA_TELEGRAM_TOKEN": (r"\d+:[\w-]+", "a number, a colon, and letters"),
    "DYSTONIA_TELEGRAM_SECRET": (r"[\w-]{16,256}", "16 to 256 letters, digits, _ and -, as Telegram allows no others"),
}
"""What a secret looks like: a wrong one is named at the start, not by silence on a phone. It is never shown."""


def open_bots(settings: Settings, environment: Mapping[str, str], say: Callable[[str], object]) -> List[InputChannel]:
    """The channels that are configured.

    Args:
        settings: for the folder of their events.
        environment: their secrets.
        say: takes one line for whoever runs the assistant, for each channel that is open or half configured.
    """
    opened: List[InputChannel] = []
    for name, make in (("Slack", _slack), ("Telegram", _telegram)):
        try:
            if any(environment.get(variable) for variable in NEEDED[name]):
                events = settings.postgres_url or settings.data / f"{name.lower()}.db"
                opened.append(make(_secrets(name, environment), events, environment))
                say(f"{name} is open: it may post to /webhooks/{opened[-1].url_prefix()}/webhook (docs/channels.md).")
        except SettingsError as error:
            say(f"{name} stays closed; all else runs. {error}")
    return opened


def half_configured(environment: Mapping[str, str]) -> List[str]:
    """What is wrong with the channels that someone began to configure, one sentence each."""
    faults = []
    for name in NEEDED:
        try:
            if any(environment.get(variable) for variable in NEEDED[name]):
                _secrets(name, environment)
        except SettingsError as error:
            faults.append(f"{name} stays closed. {error}")
    return faults


def telegram_secrets(environment: Mapping[str, str]) -> Tuple[str, str, str]:
    """Token, secret and server of Telegram, for commands.

    Raises:
        SettingsError: one is missing or can't be one.
    """
    secrets = _secrets("Telegram", environment)
    return (
        secrets["DYSTONIA_TELEGRAM_TOKEN"],
        secrets["DYSTONIA_TELEGRAM_SECRET"],
        _address(environment, "DYSTONIA_TELEGRAM_API_URL", TELEGRAM_API),
    )


def _telegram(secrets: Dict[str, str], events: Union[Path, str], environment: Mapping[str, str]) -> InputChannel:
    api_url = _address(environment, "DYSTONIA_TELEGRAM_API_URL", TELEGRAM_API)
    return TelegramChannel(secrets["DYSTONIA_TELEGRAM_TOKEN"], secrets["DYSTONIA_TELEGRAM_SECRET"], events, api_url)


def _slack(secrets: Dict[str, str], events: Union[Path, str], environment: Mapping[str, str]) -> InputChannel:
    api_url = _address(environment, "DYSTONIA_SLACK_API_URL", SLACK_API)
    return SlackChannel(secrets["DYSTONIA_SLACK_TOKEN"], secrets["DYSTONIA_SLACK_SECRET"], events, api_url)


def _secrets(channel: str, environment: Mapping[str, str]) -> Dict[str, str]:
    found: Dict[str, str] = {}
    for variable, what in NEEDED[channel].items():
        value = environment.get(variable, "").strip()
        form, described = FORMS[variable]
        if not value:
            raise SettingsError(f"{variable} is not set. Mend: set it to {what}.")
        if not re.fullmatch(form, value, re.ASCII):
            raise SettingsError(f"{variable} can't be right ({described}). Mend: set it to {what}.")
        found[variable] = value
    return found


def _address(environment: Mapping[str, str], variable: str, default: str) -> str:
    value = environment.get(variable, default)
    if not re.fullmatch(r"https?://[^\s?#]+", value):
        raise SettingsError(f"{variable} is '{value}', which is no address. Mend: leave it out, or write one like {default}.")
    return value
