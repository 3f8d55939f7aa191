"""Settings of a running assistant, all from the environment, each with a default for one machine."""
from __future__ import annotations

import ipaddress
import os
import re
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import List, Mapping, Optional, Tuple

ROOT = Path(__file__).resolve().parent.parent

LOG_FORMS = ("plain", "json")
SHORTEST_SECRET = 32
_AS_OWNER = "run the command as who runs the assistant (docs/operations.md#as-the-service-does)"
_PLACE = r"(?:[^\s/@:\[\]]+|\[[0-9a-fA-F:]+\])(?::\d{1,5})?"
_ORIGIN = re.compile(r"https?://(?:[a-z0-9.-]+|\[[0-9a-f:]+\])(?::\d{1,5})?")


class SettingsError(ValueError):
    """A setting can't be used; the message says which, why and what to write."""


@dataclass(frozen=True)
class Settings:
    """Where the assistant listens and keeps its talks.

    Attributes:
        host: address that Rasa listens on (DYSTONIA_HOST).
        port: its port (DYSTONIA_PORT).
        action_port: port of the action server, always on the loopback address; without one, actions run inside the Rasa
            process (DYSTONIA_ACTION_PORT).
        data: folder for talks, made when missing (DYSTONIA_DATA).
        action_timeout: seconds before a visitor is told that the look-up failed (DYSTONIA_ACTION_TIMEOUT).
        widget_origins: sites that may show the chat widget, as ``https://site.example``; with none, those on the loopback
            address only (DYSTONIA_WIDGET_ORIGINS, apart by spaces or commas).
        widget_secret: signs the widget's sessions; without it one is made in the data folder (DYSTONIA_WIDGET_SECRET).
        proxies: how many proxies of yours stand in front and add to ``X-Forwarded-For`` (DYSTONIA_PROXIES).
        keep_days: days after its last message that a talk is deleted (DYSTONIA_KEEP_DAYS).
        metrics_token: opens ``/metrics`` to whoever names it; without it that page is closed (DYSTONIA_METRICS_TOKEN).
        postgres_url: the PostgreSQL database of the talks; without it SQLite in the data folder (DYSTONIA_POSTGRES_URL).
        redis_url: what several instances share locks and limits through; without it there is one instance (DYSTONIA_REDIS_URL).
        rest_key: what callers of the REST channel must send (DYSTONIA_REST_KEY).
        log: ``plain`` lines for people, or ``json`` lines for machines (DYSTONIA_LOG).
    """

    host: str = "127.0.0.1"
    port: int = 5005
    action_port: Optional[int] = None
    data: Path = ROOT / "var"
    action_timeout: float = 2.0
    widget_origins: Tuple[str, ...] = ()
    widget_secret: Optional[str] = field(default=None, repr=False)
    proxies: int = 0
    keep_days: int = 30
    metrics_token: Optional[str] = field(default=None, repr=False)
    postgres_url: Optional[str] = field(default=None, repr=False)
    redis_url: Optional[str] = field(default=None, repr=False)
    rest_key: Optional[str] = field(default=None, repr=False)
    log: str = "plain"

    def __post_init__(self) -> None:
        """Refuses what can't go together.

        Raises:
            SettingsError: several instances would not be one assistant.
        """
        if self.redis_url and not self.postgres_url:
            raise SettingsError(
                "DYSTONIA_REDIS_URL is set without DYSTONIA_POSTGRES_URL: several instances would share locks, but no talks. "
                "Mend: set DYSTONIA_POSTGRES_URL too, or neither for one instance."
            )
        if self.redis_url and not self.widget_secret:
            raise SettingsError(
                "DYSTONIA_REDIS_URL is set without DYSTONIA_WIDGET_SECRET: no instance would take the widget's sessions of "
                "another. Mend: set the same secret for every instance, such as openssl rand -hex 32 makes."
            )

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Settings":
        """Reads the settings.

        Raises:
            SettingsError: a value is not of the kind it must be.
        """
        return cls(
            host=environment.get("DYSTONIA_HOST", cls.host),
            port=_port(environment, "DYSTONIA_PORT", cls.port),
            action_port=_port(environment, "DYSTONIA_ACTION_PORT", 5055) if "DYSTONIA_ACTION_PORT" in environment else None,
            data=Path(environment.get("DYSTONIA_DATA", cls.data)).resolve(),
            action_timeout=_seconds(environment, "DYSTONIA_ACTION_TIMEOUT", cls.action_timeout),
            widget_origins=_origins(environment, "DYSTONIA_WIDGET_ORIGINS"),
            widget_secret=_secret(environment, "DYSTONIA_WIDGET_SECRET"),
            proxies=_count(environment, "DYSTONIA_PROXIES", cls.proxies),
            metrics_token=_secret(environment, "DYSTONIA_METRICS_TOKEN"),
            log=_one_of(environment, "DYSTONIA_LOG", LOG_FORMS, cls.log),
            keep_days=_days(environment, "DYSTONIA_KEEP_DAYS", cls.keep_days),
            postgres_url=_address(environment, "DYSTONIA_POSTGRES_URL", "postgresql", "postgresql://user:password@127.0.0.1:5432/dystonia"),
            redis_url=_address(environment, "DYSTONIA_REDIS_URL", "rediss?", "redis://127.0.0.1:6379/0"),
            rest_key=_secret(environment, "DYSTONIA_REST_KEY"),
        )

    def check_data(self) -> None:
        """Makes the data folder where there is none.

        Raises:
            SettingsError: nothing can be written there.
        """
        try:
            # It holds health talk: for its owner alone.
            self.data.mkdir(mode=0o700, parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.data) as probe:
                probe.write(b"a talk")
        except OSError as error:
            raise SettingsError(
                f"Nothing can be written to the data folder {self.data} ({error.strerror}). Mend: let who runs the assistant "
                "write there, make room on the disk, or set DYSTONIA_DATA to another folder."
            ) from None

    def check_owner(self) -> None:
        """For commands: root may write anywhere, but what it leaves there the assistant could neither read nor delete.

        Raises:
            SettingsError: this is root, and the data folder is someone else's.
        """
        if os.geteuid() == 0 and self.data.exists() and self.data.stat().st_uid != 0:
            raise self.foreign()

    def foreign(self) -> SettingsError:
        """What is said where the data folder can't be used by whoever runs a command."""
        return SettingsError(f"The data folder {self.data} belongs to someone else. Mend: {_AS_OWNER}.")

    @property
    def action_url(self) -> Optional[str]:
        """Where Rasa calls actions; None where it runs them itself."""
        return f"http://127.0.0.1:{self.action_port}/webhook" if self.action_port else None

    @property
    def action_facts_url(self) -> Optional[str]:
        """Where the action server says which facts it has read; None where there is none."""
        return f"http://127.0.0.1:{self.action_port}/facts" if self.action_port else None

    @property
    def ports(self) -> List[Tuple[str, str, int]]:
        """The ports that are taken, Rasa's first: setting, address and number."""
        ports = [("DYSTONIA_PORT", self.host, self.port)]
        return [*ports, ("DYSTONIA_ACTION_PORT", "127.0.0.1", self.action_port)] if self.action_port else ports

    @property
    def url(self) -> str:
        """Where visitors' messages go."""
        return f"http://{self.host}:{self.port}"

    @property
    def rest_is_open(self) -> bool:
        """Whether REST is served: with a key, or to this machine alone. A proxy here makes the whole world look like it."""
        return self.rest_key is not None or is_loopback(self.host) and not self.proxies

    @property
    def talks(self) -> Path:
        """The SQLite file of the talks."""
        return self.data / "talks.db"


def is_loopback(host: str) -> bool:
    """Whether an address, or the name of one, is that of this machine to itself; what is neither is not."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _port(environment: Mapping[str, str], name: str, default: int) -> int:
    value = environment.get(name, str(default))
    if not (value.isascii() and value.isdecimal()) or not 0 < int(value) < 65536:
        raise SettingsError(f"{name} is '{value}', which is no port. Mend: a number from 1 to 65535, such as {default}.")
    return int(value)


def _seconds(environment: Mapping[str, str], name: str, default: float) -> float:
    value = environment.get(name, str(default))
    try:
        seconds = float(value)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= 60:
        raise SettingsError(f"{name} is '{value}'. Mend: seconds, more than 0 and at most 60, such as {default}.")
    return seconds


def _origins(environment: Mapping[str, str], name: str) -> Tuple[str, ...]:
    origins = tuple(environment.get(name, "").replace(",", " ").split())
    for origin in origins:
        if not _ORIGIN.fullmatch(origin):
            raise SettingsError(
                f"{name} is '{origin}', which is no origin. Mend: scheme and host as the browser sends them, without a path, "
                "such as https://www.example.org."
            )
    return origins


def _secret(environment: Mapping[str, str], name: str) -> Optional[str]:
    secret = environment.get(name) or None
    if secret is not None and len(secret) < SHORTEST_SECRET:
        # The value itself is not repeated.
        mend = f"at least {SHORTEST_SECRET} at random, such as openssl rand -hex 32 makes"
        raise SettingsError(f"{name} has {len(secret)} characters. Mend: {mend}.")
    return secret


def _address(environment: Mapping[str, str], name: str, scheme: str, example: str) -> Optional[str]:
    address = environment.get(name) or None
    if address is not None and not re.fullmatch(rf"{scheme}://(?:[^\s/@]*@)?{_PLACE}(?:/\S*)?", address):
        # The value itself may hold a password.
        mend = f"write one like {example}, and in a password %40 for @, %2F for / and %3A for :"
        raise SettingsError(f"{name} is no address of such a server. Mend: {mend}.")
    return address


def _count(environment: Mapping[str, str], name: str, default: int) -> int:
    value = environment.get(name, str(default))
    if not (value.isascii() and value.isdecimal()) or int(value) > 10:
        raise SettingsError(f"{name} is '{value}'. Mend: how many proxies stand in front, 0 to 10.")
    return int(value)


def _days(environment: Mapping[str, str], name: str, default: int) -> int:
    value = environment.get(name, str(default))
    if not (value.isascii() and value.isdecimal()) or not 0 < int(value) <= 3650:
        raise SettingsError(f"{name} is '{value}'. Mend: whole days, 1 to 3650, such as {default}.")
    return int(value)


def _one_of(environment: Mapping[str, str], name: str, choices: Tuple[str, ...], default: str) -> str:
    value = environment.get(name, default)
    if value not in choices:
        raise SettingsError(f"{name} is '{value}'. Mend: {' or '.join(choices)}.")
    return value
