"""`make backup` and `make restore`: everything that can't be made anew, in one folder, while the assistant runs or not.

Talks and events are in SQLite files, copied with SQLite's own online backup. With PostgreSQL, `pg_dump` and `pg_restore` copy
them, where they are installed. A backup is cleaned like the rest (server/papers.py): it holds nothing that is too old or was
forgotten, and goes after a week. Before talks are restored, what was forgotten since the backup is taken out of them.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, closing, contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Dict, Iterator, List, Optional, Sequence

from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from server.papers import BACKUP_DAYS, BACKUPS, DAY, DUMP_FILE, EVENT_FILES, NAMED, TALK_FILE
from server.postgres import CannotStart, Presence, wait_for
from server.run import MARK_FILE, hold
from server.settings import Settings, SettingsError
from server.several import USE_FILE
from server.talks import Talks

POSTGRES = "DYSTONIA_POSTGRES_URL"
SECRET_FILE = "widget_secret"
"""Without it, the sessions of the chat widget end."""
DATABASES = (TALK_FILE, *EVENT_FILES)
RUNS = "The assistant runs. Mend: stop it (Ctrl-C, or systemctl stop; every instance), restore, and start it again."
BESIDE = ("-wal", "-shm", "-journal")
"""What SQLite keeps beside a file, which belongs to that file alone."""


class NotDone(RuntimeError):
    """Nothing was changed; the message says why and what to do."""


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Does what is asked; returns the exit status."""
    asked = _parser().parse_args(arguments)
    try:
        settings = Settings.from_environment()
        settings.check_owner()
        if asked.do == "backup":
            print(f"Backup: {back_up(settings)}\nIt holds health talk. It goes after {BACKUP_DAYS} days.")
        else:
            before = restore(settings, asked.file)
            print(f"Restored from {asked.file}." + (f" What stood here before is the backup {before}." if before else ""))
    except (SettingsError, NotDone, CannotStart) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def back_up(settings: Settings) -> Path:
    """Copies what can't be made anew into a new folder, for its owner alone; returns the folder.

    Raises:
        NotDone: there is nothing, or it can't be written.
    """
    there, postgres = _there(settings.data), os.environ.get(POSTGRES)
    if not there and not postgres:
        raise NotDone(f"Nothing is kept in {settings.data} yet. Mend: start the assistant first, or set DYSTONIA_DATA.")
    backup = _new_folder(settings.data)
    try:
        backup.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        backup.mkdir(mode=0o700)
        for name in there:
            _copy(settings.data / name, backup / name)
        if postgres:
            _postgres("pg_dump", postgres, "--format=custom", "--no-owner", f"--file={backup / DUMP_FILE}")
    except (OSError, sqlite3.Error) as error:
        shutil.rmtree(backup, ignore_errors=True)
        raise NotDone(f"The backup can't be written to {backup.parent} ({error}). Mend: see to room and permissions.") from None
    except NotDone:
        shutil.rmtree(backup, ignore_errors=True)
        raise
    return backup


def restore(settings: Settings, backup: Path) -> Optional[Path]:
    """Puts a backup in the place of what is kept; returns the backup that was made of that, where there was anything.

    What was forgotten, or has grown too old, since the backup was made is not brought back.

    Raises:
        NotDone: the assistant runs, or this is no backup.
        CannotStart: PostgreSQL can't be reached.
    """
    _check(settings, backup)
    if settings.postgres_url:
        wait_for(settings.postgres_url, patience=0)
    with _to_itself(settings):
        return _put_back(settings, backup, os.environ.get(POSTGRES))


def _put_back(settings: Settings, backup: Path, postgres: Optional[str]) -> Optional[Path]:
    before = back_up(settings) if postgres or _there(settings.data) else None
    kept = postgres or f"sqlite:///{settings.talks}"
    forgotten = _forgotten(kept) if before else {}
    if postgres:
        anew = ("--clean", "--if-exists", "--no-owner", "--single-transaction")
        _postgres("pg_restore", postgres, *anew, str(backup / DUMP_FILE))
    _replace_files(settings.data, backup)
    _forget_again(kept, forgotten, time.time() - settings.keep_days * DAY)
    return before


@contextmanager
def _to_itself(settings: Settings) -> Iterator[None]:
    """Sees that nobody uses what is to be replaced, and that an assistant that is started meanwhile waits.

    Raises:
        NotDone: someone does, or nothing can be written there.
    """
    with ExitStack() as stack:
        try:
            settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
            stack.callback(os.close, hold(settings.data / MARK_FILE, fcntl.LOCK_EX | fcntl.LOCK_NB, os.O_CREAT))
            # A supervisor that was killed leaves Rasa to finish what is under way.
            stack.callback(os.close, hold(settings.data / USE_FILE, fcntl.LOCK_EX | fcntl.LOCK_NB, os.O_CREAT))
            if settings.postgres_url:
                stack.callback(Presence(settings.postgres_url, shares_redis=False, patience=0).close)
        except (BlockingIOError, CannotStart):
            raise NotDone(RUNS) from None
        except OSError as error:
            raise NotDone(f"{settings.data} can't be used ({error.strerror}). Mend: see to its permissions.") from None
        yield


def _replace_files(data: Path, backup: Path) -> None:
    """Puts files in the place of others once all of them are written.

    Raises:
        NotDone: they could not be written; nothing was replaced.
    """
    try:
        with tempfile.TemporaryDirectory(prefix="restore-", dir=data) as written:
            for name in _there(backup):
                _copy(backup / name, Path(written, name))
            for name in (*DATABASES, SECRET_FILE):
                for ending in ("", *BESIDE):
                    (data / f"{name}{ending}").unlink(missing_ok=True)
            for name in _there(backup):
                Path(written, name).replace(data / name)
    except (OSError, sqlite3.Error) as error:
        raise NotDone(f"The backup can't be put into {data} ({error}). Mend: see to room and permissions.") from None


def _new_folder(data: Path) -> Path:
    """Where the next backup goes; one a second."""
    while (folder := data / BACKUPS / datetime.now(timezone.utc).strftime(NAMED)).exists():
        time.sleep(0.1)
    return folder


def _there(folder: Path) -> List[str]:
    return [name for name in (*DATABASES, SECRET_FILE) if (folder / name).is_file()]


def _copy(source: Path, target: Path) -> None:
    """Copies a file, for its owner alone; a database as it stands at one moment, whoever writes to it."""
    target.touch(mode=0o600)
    if source.name not in DATABASES:
        shutil.copyfile(source, target)
        return
    with closing(sqlite3.connect(source, timeout=10)) as kept, closing(sqlite3.connect(target)) as copy:
        kept.backup(copy)


def _check(settings: Settings, backup: Path) -> None:
    """Whether a backup can be put in the place of what is kept.

    Raises:
        NotDone: it can't.
    """
    there = [backup / name for name in (*_there(backup), DUMP_FILE) if (backup / name).is_file() and name != SECRET_FILE]
    if not there:
        raise NotDone(f"{backup} is no backup. Mend: make restore FILE=var/backups/... (ls var/backups).")
    damaged = [str(path) for path in there if path.suffix == ".db" and not _is_whole(path)]
    if damaged:
        raise NotDone(f"{', '.join(damaged)} is damaged. Mend: take another backup.")
    if (backup / DUMP_FILE).is_file() != bool(os.environ.get(POSTGRES)):
        raise NotDone(f"The backup is of another kind of database. Mend: set {POSTGRES} as when it was made, or leave it out.")


def _is_whole(path: Path) -> bool:
    if not path.stat().st_size:
        # To SQLite, an empty file is a database of its own.
        return False
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)) as copy:
            return copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    except sqlite3.Error:
        return False


def _forgotten(url: str) -> Dict[str, float]:
    """What was forgotten, by what is kept now; nothing where that can't be read any more, as after a damage."""
    try:
        with closing(Talks.at(url)) as talks:
            return talks.forgotten()
    except SQLAlchemyError:
        print("What is kept now can't be read: what was forgotten since the backup can't be taken out of it.", file=sys.stderr)
        return {}


def _forget_again(url: str, forgotten: Dict[str, float], before: float) -> None:
    with closing(Talks.at(url)) as talks:
        talks.note_forgotten(forgotten)
        talks.expire_all(before)
        talks.forget_again(forgotten)
        talks.tidy()


def _postgres(program: str, url: str, *arguments: str) -> None:
    """Runs one of PostgreSQL's programs; the password goes through the environment, which others can't see.

    Raises:
        NotDone: it is not installed, or failed.
    """
    if shutil.which(program) is None:
        raise NotDone(f"{program} is not installed. Mend: install PostgreSQL's client programs (package postgresql-client).")
    to = make_url(url)
    named = {"PGHOST": to.host, "PGPORT": to.port, "PGUSER": to.username, "PGPASSWORD": to.password, "PGDATABASE": to.database}
    environment = {**os.environ, **{name: str(value) for name, value in named.items() if value}}
    target = ["--dbname", str(to.database)] if program == "pg_restore" else []
    done = subprocess.run([program, *target, *arguments], env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotDone(f"{done.stderr.strip()}\n{program} failed; its reason is above. Nothing more was done.")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tools.backup", description="Copies what is kept, or puts a copy back.")
    does = parser.add_subparsers(dest="do", required=True)
    does.add_parser("backup", help="copies all that can't be made anew into a new folder below the data folder")
    back = does.add_parser("restore", help="puts a backup in the place of what is kept; the assistant must not run")
    back.add_argument("file", type=Path, metavar="FOLDER", help="a backup, such as var/backups/2026-01-31T12-00-00Z")
    return parser


if __name__ == "__main__":
    sys.exit(main())
