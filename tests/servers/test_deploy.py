"""What stands in deploy/ is what nginx, systemd, compose and Kubernetes take, and its settings are the assistant's."""
from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Dict, Set

import pytest
import yaml

from server.settings import ROOT, Settings
from tools.cluster.servers import Nginx, ServerFailed, local_site
from tools.environment import SERVERS

DEPLOY = ROOT / "deploy"
UNIT = DEPLOY / "systemd" / "dystonia@.service"
COMPOSE = DEPLOY / "compose.yml"
KUBERNETES = DEPLOY / "kubernetes" / "dystonia.yml"
READ_COMPOSE = "import sys, compose_spec; read = compose_spec.PyCompose.from_yaml(sys.stdin.read()); read.validate()"


def settings_in(text: str) -> Set[str]:
    """The settings that a text names."""
    return set(re.findall(r"DYSTONIA_\w+", text))


@pytest.fixture
def nginx(installed: None, tmp_path: Path) -> Nginx:
    """nginx with the deployed site."""
    made = Nginx(tmp_path, instances=[5005, 5006])
    made.make()
    return made


# nginx


def test_nginx_takes_the_deployed_site(nginx: Nginx) -> None:
    assert nginx.check() == ""


@pytest.mark.parametrize("upstream", ["upstream.conf", "upstream-compose.conf"])
def test_nginx_takes_where_the_instances_are(nginx: Nginx, upstream: str) -> None:
    shutil.copy(DEPLOY / "nginx" / upstream, nginx.folder / "upstream.conf")

    assert nginx.check() == ""


def test_nginx_says_when_it_does_not(nginx: Nginx) -> None:
    site = nginx.folder / "site.conf"
    site.write_text(site.read_text().replace("ssl_protocols TLSv1.2", "ssl_protocols TLSv9"))

    assert "TLSv9" in nginx.check()


def test_a_site_that_can_no_longer_be_tried_here_is_said(tmp_path: Path) -> None:
    with pytest.raises(ServerFailed, match="no longer stands in"):
        local_site("server {}", tmp_path, 1, 2)


def test_the_proxy_passes_on_no_more_than_is_meant_for_visitors() -> None:
    """Not /metrics, /health, /ready or Rasa's own page."""
    site = Nginx.SITE.read_text()

    assert re.search(r"location / \{\s+return 404;", site)
    assert set(re.findall(r"location ~? ?(\S+) \{[^}]+proxy_pass", site)) == {
        "^/(widget|webhooks/rest)/", "^/webhooks/(widget|slack|telegram)/"
    }
    (ingress,) = (each for each in yaml.safe_load_all(KUBERNETES.read_text()) if each["kind"] == "Ingress")
    assert {path["path"] for path in ingress["spec"]["rules"][0]["http"]["paths"]} == {"/widget/", "/webhooks/"}


def test_an_instance_without_its_database_still_gets_visitors() -> None:
    """Nothing may leave out all instances at once: an emergency needs no database."""
    (deployment,) = (each for each in yaml.safe_load_all(KUBERNETES.read_text()) if each["kind"] == "Deployment")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]

    assert container["readinessProbe"]["httpGet"]["path"] == container["livenessProbe"]["httpGet"]["path"] == "/health"
    for upstream in (DEPLOY / "nginx").glob("upstream*.conf"):
        assert all("max_fails=0" in line for line in upstream.read_text().splitlines() if line.strip().startswith("server "))


def test_the_proxy_logs_neither_address_nor_query() -> None:
    site = Nginx.SITE.read_text()
    (logged,) = re.findall(r"log_format dystonia '(.*)';", site)

    assert site.count("server {") == site.count("access_log ")
    assert set(re.findall(r"\$\w+", logged)) == {"$time_iso8601", "$request_method", "$uri", "$status", "$upstream_addr"}


def test_what_a_visitor_says_of_its_own_address_is_dropped() -> None:
    """DYSTONIA_PROXIES=1 believes the last address of the header: it must be the one that nginx has seen."""
    assert "proxy_set_header X-Forwarded-For $remote_addr;" in Nginx.SITE.read_text()


# systemd


@pytest.fixture
def verify() -> str:
    """systemd's own check."""
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd-analyze is not there. Mend: apt-get install systemd (.ci/run does it)")
    return program


def said_of_unit(verify: str, unit: str, folder: Path, name: str = UNIT.name) -> str:
    """What systemd says of a unit, but for the programs that are not installed here."""
    for other in UNIT.parent.glob("*@.*"):
        (folder / other.name).write_text(unit if other.name == name else other.read_text())
    instance = name.replace("@", "@5005")
    (folder / name).rename(folder / instance)
    done = subprocess.run([verify, "verify", instance], cwd=folder, capture_output=True, text=True, check=False)
    said = (line for line in done.stderr.splitlines() if "dystonia" in line)
    return "\n".join(line for line in said if "is not executable: No such file" not in line)


@pytest.mark.parametrize("unit", sorted(UNIT.parent.glob("*@.*")), ids=lambda unit: str(unit.name))
def test_systemd_takes_the_units(verify: str, tmp_path: Path, unit: Path) -> None:
    assert said_of_unit(verify, unit.read_text(), tmp_path, unit.name) == ""


def test_a_command_is_run_with_the_settings_and_the_data_of_the_service() -> None:
    told, unit = (UNIT.parent / "dystonia-do").read_text(), UNIT.read_text()

    for shared in ("EnvironmentFile=/etc/dystonia/settings.env", "DYSTONIA_DATA=/var/lib/dystonia/", "/opt/dystonia"):
        assert shared in told and shared in unit
    assert "--uid=dystonia" in told and "User=dystonia" in unit
    assert subprocess.run(["sh", "-n", UNIT.parent / "dystonia-do"], check=False).returncode == 0


def test_systemd_says_when_it_does_not(verify: str, tmp_path: Path) -> None:
    assert "Retart" in said_of_unit(verify, UNIT.read_text().replace("Restart=", "Retart="), tmp_path)


# compose and Kubernetes


def compose_says(text: str) -> str:
    """What a reader of the Compose specification says of a file; empty when there is nothing to say."""
    python = [str(SERVERS / "bin" / "python"), "-c", READ_COMPOSE]
    return subprocess.run(python, input=text, capture_output=True, text=True, check=False).stderr


@pytest.mark.usefixtures("installed")
def test_the_compose_file_is_of_its_specification() -> None:
    assert compose_says(COMPOSE.read_text()) == ""
    assert "condition" in compose_says(COMPOSE.read_text().replace("condition: service_healthy", "condition: now"))


def test_the_compose_file_mounts_files_that_are_there() -> None:
    services = yaml.safe_load(COMPOSE.read_text())["services"]
    mounted = [volume.split(":")[0] for volume in services["nginx"]["volumes"]]

    assert [name for name in mounted if name.startswith("./") and not (DEPLOY / name).is_file()] == []
    assert (ROOT / services["assistant"]["build"]["dockerfile"]).is_file()


@pytest.mark.parametrize("secrets", ["deploy/settings.env", "deploy/.env"])
def test_secrets_get_neither_into_git_nor_into_an_image(secrets: str) -> None:
    ignored = subprocess.run(["git", "check-ignore", "--quiet", secrets], cwd=ROOT, check=False)

    assert ignored.returncode == 0
    assert secrets in (ROOT / ".dockerignore").read_text().splitlines()


@pytest.mark.usefixtures("installed")
def test_kubernetes_takes_the_manifests(tmp_path: Path) -> None:
    def said(text: str) -> "subprocess.CompletedProcess[str]":
        (tmp_path / "dystonia.yml").write_text(text)
        check = [str(SERVERS / "bin" / "kubernetes-validate"), "--strict", "--quiet", str(tmp_path / "dystonia.yml")]
        return subprocess.run(check, capture_output=True, text=True, check=False)

    assert said(KUBERNETES.read_text()).returncode == 0
    assert said(KUBERNETES.read_text().replace("replicas: 2", "replicas: two")).returncode != 0


# All of them


@pytest.mark.parametrize("path", sorted(path.name for path in DEPLOY.rglob("*") if path.is_file()))
def test_every_setting_that_is_named_is_one(path: str) -> None:
    (file,) = DEPLOY.rglob(path)
    known = settings_in((ROOT / "server" / "settings.py").read_text() + (ROOT / "server" / "bots.py").read_text())

    assert settings_in(file.read_text()) <= known


def test_the_example_of_settings_is_taken_once_a_secret_is_put_in() -> None:
    lines = (line.lstrip("#") for line in (DEPLOY / "settings.env.example").read_text().splitlines())
    example: Dict[str, str] = dict(line.split("=", 1) for line in lines if line.startswith("DYSTONIA_"))

    settings = Settings.from_environment({**example, "DYSTONIA_WIDGET_SECRET": "s" * 64})

    assert settings.proxies == 1 and settings.redis_url and settings.postgres_url
