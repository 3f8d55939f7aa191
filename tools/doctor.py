"""`make doctor`: what is wrong with this installation, each with its mend. Changes nothing."""

from __future__ import annotations

import difflib
import os
import pwd
import re
import shutil
import sqlite3
import stat
import sys
import sysconfig
import time
import urllib.request
import warnings
from contextlib import closing
from dataclasses import dataclass
from datetime import date, timedelta
from importlib import metadata
from ipaddress import ip_address
from typing import Callable, Iterator, List, Mapping, Optional, Tuple
from urllib.parse import urlsplit

# Only what needs no package stands here: a check that needs one imports it, and says so where it is missing.
from server.settings import ROOT, Settings, SettingsError
from tools.reload import NotRunning, status

PYTHON = (3, 10)
DAY = 24 * 3600.0
ROOM = 1024**3
"""Bytes that should be free: a training, a backup and some months of talks."""
LEAST_ROOM = 200 * 1024**2
NUMBERS_AGE = 180
"""Days after which the numbers to call should be compared with their sources again."""
RETENTION_SLACK = 2
"""Days that a talk may be older than it is kept: the assistant may have been off for one."""
BACKUP_AGE = 2
COLLECTOR_SECONDS = 3
"""How long a collector of traces may take to answer."""

SET_BY_COMMANDS = ("DYSTONIA_FUZZ", "DYSTONIA_SOCKETS")
_SETTING = re.compile(r"DYSTONIA_[A-Z]+(?:_[A-Z]+)*")
_PIN = re.compile(r"^([\w.-]+)==([^\s;]+)", re.M)


@dataclass(frozen=True)
class Finding:
    """Something that is wrong, or that should be seen to.

    Attributes:
        what: what was found.
        mend: what to do.
        is_fault: whether the assistant is hurt by it; otherwise it is advice.
    """

    what: str
    mend: str
    is_fault: bool = True


Findings = Iterator[Finding]


def main() -> int:
    """Prints what was found; returns the exit status: 1 where anything is wrong."""
    # Sanic turns warnings on that are not for whoever runs this.
    warnings.showwarning = lambda *_, **__: None
    # Several checks may meet the same fault: it is said once.
    found = list(dict.fromkeys(finding for check in CHECKS for finding in _of(check, os.environ)))
    for finding in sorted(found, key=lambda each: not each.is_fault):
        print(f"{'Wrong' if finding.is_fault else 'Advice'}: {finding.what}\n       Mend: {finding.mend}")
    faults = sum(finding.is_fault for finding in found)
    print(f"{len(CHECKS)} checks: " + (f"{faults} wrong, {len(found) - faults} to see to." if found else "all is well."))
    return 1 if faults else 0


def _of(check: Callable[..., Findings], environment: Mapping[str, str]) -> List[Finding]:
    """The findings of a check; where the settings can't be read, only the check of the settings finds that."""
    try:
        settings = Settings.from_environment(environment)
    except SettingsError:
        if check is not check_settings:
            return []
        settings = Settings()
    try:
        return list(check(settings, environment))
    except ImportError as error:
        return [Finding(f"One check could not be made: {error}.", "rm -rf .venv, then make env")]
    except PermissionError:
        return [_as_finding(settings.foreign())]
    except SettingsError as error:
        return [_as_finding(error)]


# What runs.


def check_python(settings: Settings, environment: Mapping[str, str]) -> Findings:
    """Python, and the packages against the pins."""
    if sys.version_info[:2] != PYTHON:
        version = ".".join(map(str, sys.version_info[:2]))
        yield Finding(f"Python is {version}, and Rasa needs {'.'.join(map(str, PYTHON))}.", "make env")
    # Not the whole path: Setuptools adds packages of its own to it.
    site = sysconfig.get_path("purelib")
    pins = dict(_PIN.findall((ROOT / "requirements.txt").read_text()))
    there = {_name(package.metadata["Name"]): package.version for package in metadata.distributions(path=[site])}
    odd = [f"{name} {there.get(_name(name), 'is missing')}" for name, pin in pins.items() if there.get(_name(name)) != pin]
    if odd:
        listed = ", ".join(odd[:5]) + (f" and {len(odd) - 5} more" if len(odd) > 5 else "")
        yield Finding(f"Packages differ from requirements.txt: {listed}.", "rm -rf .venv, then make env")


def check_facts(settings: Settings, environment: Mapping[str, str]) -> Findings:
    """The facts, and whether there is a model for them."""
    from dystonia.store import FactErrors, FactStore
    from server.model import is_damaged, path_for_inputs

    try:
        store = FactStore.load()
    except FactErrors as errors:
        yield Finding(f"The facts can't be used. {' '.join(str(errors).split())[:300]}", "make facts says all of it")
        return
    model = path_for_inputs()
    if not model.is_file():
        yield Finding("There is no model for the present facts.", "make train (make run does it too)", is_fault=False)
    elif is_damaged(model):
        yield Finding(f"The model models/{model.name} is damaged.", f"rm models/{model.name}, then make train")
    today = date.today()
    overdue = [card for card in store.cards.values() if card.review_by < today]
    if overdue:
        yield Finding(f"{len(overdue)} cards are past their date for review.", "make facts lists them", is_fault=False)


def check_numbers(settings: Settings, environment: Mapping[str, str]) -> Findings:
    """When the numbers to call were last compared with their sources."""
    import yaml

    from dystonia.store import FACTS

    try:
        lines = yaml.safe_load((FACTS / "helplines.yml").read_text(encoding="utf-8"))
        old = [str(line["country"]) for line in lines if line["checked"] < date.today() - timedelta(days=NUMBERS_AGE)]
    except (OSError, ValueError, KeyError, TypeError, yaml.YAMLError):
        # What is wrong with the file, the check of the facts says.
        return
    if old:
        mend = "compare them with their sources, dial them, and set 'checked' in facts/helplines.yml"
        yield Finding(f"The numbers to call were checked over {NUMBERS_AGE} days ago: {', '.join(old)}.", mend)


def check_clock(settings: Settings, environment: Mapping[str, str]) -> Findings:
    """The clock, against what was made here before."""
    places = [ROOT / "requirements.txt", *(path for path in settings.data.glob("*.db"))]
    newest = max(path.stat().st_mtime for path in places)
    if time.time() < newest - 3600:
        behind = (newest - time.time()) / 3600
        mend = "set the clock (timedatectl set-ntp true); until then, talks are kept too long or deleted too soon"
        yield Finding(f"The clock is {behind:.0f} hours behind the newest file of this installation.", mend)


# Where it listens, and what it keeps.


def check_settings(settings: Settings, environment: Mapping[str, str]) -> Findings:
    """Whether the settings can be read at all."""
    try:
        Settings.from_environment(environment)
    except SettingsError as error:
        yield _as_finding(error)
    read = (ROOT / "server" / name for name in ("settings.py", "bots.py"))
    known = {*SET_BY_COMMANDS, *(name for path in read for name in _SETTING.findall(path.read_text()))}
    for name in sorted(set(filter(_SETTING.fullmatch, environment)) - known):
        near = difflib.get_close_matches(name, known, n=1)
        mend = f"did you mean {near[0]}?" if near else "README.md lists them all"
        yield Finding(f"{name} is no setting, so it does nothing.", mend)


def check_servers(settings: Settings, environment: Mapping[str, str]) -> Findings:
    """Whether the servers that instances share can be reached."""
    from server import postgres, redis_server

    for url, wait_for in ((settings.postgres_url, postgres.wait_for), (settings.redis_url, redis_server.wait_for)):
        try:
            if url:
                wait_for(url, 0)
        except postgres.CannotStart as error:
            yield _as_finding(error)


def check_ports(settings: Settings, environment: Mapping[str, str]) -> Findings:
    """Whether the ports are free, or are this assistant's own; and if it runs, whether it is ready."""
    try:
        status(settings)
    except NotRunning:
        from server.run import listening

        for name, host, port in settings.ports:
            try:
                listening(name, host, port).close()
            except SettingsError as error:
                yield _as_finding(error)
        return
    try:
        urllib.request.urlopen(f"{settings.url}/ready", timeout=10).close()
    except OSError as error:
        why = error.read().decode() if hasattr(error, "read") else str(error)
        yield Finding(f"The assistant runs, but is not ready: {why}", "see its messages; make reload, or start it again")


def check_data(settings: Settings, environment: Mapping[str, str]) -> Findings:
    """The data folder: whether it can be written, and who can read it."""
    data = settings.data
    there = next(path for path in (data, *data.parents) if path.exists())
    if not data.is_dir() and data.exists() or not os.access(there, os.W_OK | os.X_OK):
        yield Finding(f"The data folder {data} can't be written.", f"chown it to who runs the assistant ({_user()})")
    if data.is_dir():
        readable = [path.name for path in sorted(data.iterdir()) if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO)]
        if data.stat().st_mode & (stat.S_IRGRP | stat.S_IXGRP | stat.S_IROTH | stat.S_IXOTH) and readable:
            yield Finding(f"Others on this machine can read {data}, which holds health talk.", f"chmod 700 {data}")
        if settings.talks.is_file() and not os.access(settings.talks, os.W_OK):
            yield Finding(f"{settings.talks} can't be written.", f"chown it to who runs the assistant ({_user()})")
    room = shutil.disk_usage(there).free
    if room < ROOM:
        mend = "make room; old backups are in backups/ of the data folder"
        yield Finding(f"Only {room // 1024**2} MB are free where talks are kept.", mend, is_fault=room < LEAST_ROOM)


def check_talks(settings: Settings, environment: Mapping[str, str]) -> Findings:
    """The file of the talks: whether it is whole, and whether what is too old is deleted."""
    from server.papers import backups, made

    if not settings.talks.is_file():
        return
    if settings.postgres_url:
        mend = "make move, which takes them along (docs/deploy.md)"
        yield Finding(f"Talks are kept in PostgreSQL, and {settings.talks} still holds older ones.", mend, is_fault=False)
    try:
        with closing(sqlite3.connect(f"file:{settings.talks}?mode=ro", uri=True, timeout=10)) as talks:
            whole = talks.execute("PRAGMA quick_check").fetchone() == ("ok",)
            oldest: Optional[float] = talks.execute(
                "SELECT min(last) FROM (SELECT max(timestamp) AS last FROM events GROUP BY sender_id)"
            ).fetchone()[0]
    except sqlite3.Error:
        whole, oldest = False, None
    if not whole:
        mend = "stop the assistant, move the file away, then make restore FILE=var/backups/..."
        yield Finding(f"{settings.talks} is damaged.", mend)
    if oldest and time.time() - oldest > (settings.keep_days + RETENTION_SLACK) * DAY:
        days = (time.time() - oldest) / DAY
        mend = "let the assistant run (it deletes within minutes of its start), or lower DYSTONIA_KEEP_DAYS; see its messages"
        yield Finding(f"There are talks {days:.0f} days old; they should go after {settings.keep_days}.", mend)
    last = max((made(backup) for backup in backups(settings.data)), default=0.0)
    if time.time() - last > BACKUP_AGE * DAY:
        yield Finding("There is no backup of the last two days.", "make backup, once a day by cron or a timer", is_fault=False)


# Who is let in.


def check_secrets(settings: Settings, environment: Mapping[str, str]) -> Findings:
    """Whether secrets can be guessed, and whether others can read the one that was made here."""
    secrets = {"DYSTONIA_WIDGET_SECRET": settings.widget_secret, "DYSTONIA_METRICS_TOKEN": settings.metrics_token}
    for name, secret in secrets.items():
        if secret and len(set(secret)) < 10:
            yield Finding(f"{name} has only {len(set(secret))} different characters.", "make one with openssl rand -hex 32")
    kept = settings.data / "widget_secret"
    if kept.is_file() and kept.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH):
        yield Finding(f"Others on this machine can read {kept}.", f"chmod 600 {kept}")


def check_channels(settings: Settings, environment: Mapping[str, str]) -> Findings:
    """Channels that someone began to configure."""
    from server.bots import half_configured

    for fault in half_configured(environment):
        what, _, mend = fault.partition(" Mend: ")
        yield Finding(what, mend)


def check_traces(settings: Settings, environment: Mapping[str, str]) -> Findings:
    """Whether the collector of traces takes any, where one is configured."""
    from server import tracing

    try:
        url = tracing.collector(environment)
        if url is None:
            return
        from server.spans import Exporter

        status = Exporter(endpoint=url, timeout=COLLECTOR_SECONDS).status()
    except SettingsError as error:
        what, _, mend = str(error).partition(" Mend: ")
        yield Finding(f"Traces stay off. {what}", mend)
    except (OSError, ValueError) as error:
        mend = "start it, or mend the OTEL_EXPORTER_OTLP_... settings (docs/operations.md)"
        yield Finding(f"The collector of traces can't be reached ({type(error).__name__}).", mend)
    else:
        if status >= 400:
            mend = "compare OTEL_EXPORTER_OTLP_ENDPOINT and OTEL_EXPORTER_OTLP_HEADERS with what the collector wants"
            yield Finding(f"The collector of traces answers with status {status}.", mend)


def check_sites(settings: Settings, environment: Mapping[str, str]) -> Findings:
    """Which sites may show the widget, and how visitors reach it."""
    beyond = [origin for origin in settings.widget_origins if not _is_local(urlsplit(origin).hostname or "")]
    plain = [origin for origin in beyond if origin.startswith("http://")]
    if plain:
        yield Finding(f"{', '.join(plain)} sends health talk unencrypted.", "put the site on https, and list it so")
    if beyond and _is_local(settings.host) and not settings.proxies:
        yield Finding(
            "Sites are listed, but no proxy: if one stands in front, all visitors count as one and share its limit.",
            "set DYSTONIA_PROXIES to how many proxies of yours stand in front (mostly 1)",
        )
    if not _is_local(settings.host) and not settings.proxies:
        yield Finding(
            f"The assistant listens on {settings.host} itself, without encryption.",
            "listen on 127.0.0.1 behind a proxy with TLS, and set DYSTONIA_PROXIES=1 (docs/operations.md)",
        )


def _as_finding(error: Exception) -> Finding:
    what, _, mend = str(error).partition(" Mend: ")
    return Finding(what, mend)


def _is_local(host: str) -> bool:
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def _name(package: str) -> str:
    return re.sub(r"[-_.]+", "-", package).lower()


def _user() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


CHECKS: Tuple[Callable[..., Findings], ...] = (
    check_python,
    check_settings,
    check_servers,
    check_facts,
    check_numbers,
    check_clock,
    check_ports,
    check_data,
    check_talks,
    check_secrets,
    check_channels,
    check_traces,
    check_sites,
)


if __name__ == "__main__":
    sys.exit(main())
