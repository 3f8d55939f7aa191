"""`make doctor`: each fault that is planted is found, with its mend; a healthy installation has none."""

from __future__ import annotations

import fcntl
import gzip
import os
import socket
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any, Dict, List

import pytest

from dystonia.store import FactErrors, FactStore
from server.papers import DAY
from server.run import MARK_FILE, hold
from tests.channels.stand_ins.collector import CollectorStandIn
from tests.running import free_ports
from tools import doctor

SECRET = "0123456789abcdef" * 4


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The data folder of a healthy installation."""
    data = tmp_path / "var"
    data.mkdir(mode=0o700)
    return data


@pytest.fixture(autouse=True)
def facts(store: FactStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """The facts, which are read once for all tests."""
    monkeypatch.setattr(FactStore, "load", lambda: store)


@pytest.fixture
def environment(data: Path) -> Dict[str, str]:
    """The settings of a healthy installation."""
    port, action_port = free_ports(2)
    return {"DYSTONIA_DATA": str(data), "DYSTONIA_PORT": str(port), "DYSTONIA_ACTION_PORT": str(action_port)}


def findings(check: Any, environment: Dict[str, str], **more: str) -> List[doctor.Finding]:
    """What a check finds; each finding has its mend."""
    found = doctor._of(check, {**environment, **more})
    assert all(finding.mend for finding in found)
    return found


def only(check: Any, environment: Dict[str, str], **more: str) -> doctor.Finding:
    """The one finding of a check."""
    (finding,) = findings(check, environment, **more)
    return finding


def keep(data: Path, days: float) -> None:
    """A talk that ended so many days ago."""
    with closing(sqlite3.connect(data / "talks.db")) as talks:
        talks.execute("CREATE TABLE IF NOT EXISTS events (sender_id TEXT, timestamp REAL)")
        talks.execute("INSERT INTO events VALUES ('widget:one', ?)", (time.time() - days * DAY,))
        talks.commit()


def test_a_healthy_installation_has_no_fault(environment: Dict[str, str]) -> None:
    checks = [check for check in doctor.CHECKS if check is not doctor.check_facts]

    assert [finding for check in checks for finding in findings(check, environment)] == []
    assert not any(finding.is_fault for finding in findings(doctor.check_facts, environment))


def test_another_package_than_the_pinned_is_found(environment: Dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_PIN", doctor.re.compile(r"^(sanic)(==)", doctor.re.M))

    assert "sanic 21" in only(doctor.check_python, environment).what


def test_another_python_is_found(environment: Dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "PYTHON", (3, 99))

    assert "Rasa needs 3.99" in only(doctor.check_python, environment).what


def test_a_missing_package_is_said_by_the_check_that_needs_it(
    environment: Dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(doctor.sys.modules, "server.bots", None)

    assert "could not be made" in only(doctor.check_channels, environment).what


@pytest.mark.parametrize(
    "setting, value",
    [("DYSTONIA_PORT", "none"), ("DYSTONIA_KEEP_DAYS", "0"), ("DYSTONIA_LOG", "loud"), ("DYSTONIA_METRICS_TOKEN", "short")],
)
def test_a_setting_that_can_not_be_read_is_found_once(environment: Dict[str, str], setting: str, value: str) -> None:
    found = [finding for check in doctor.CHECKS for finding in findings(check, environment, **{setting: value})]

    assert [setting in finding.what for finding in found] == [True]


def test_facts_that_can_not_be_used_are_found(environment: Dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise FactErrors([])

    monkeypatch.setattr(FactStore, "load", fail)

    assert "facts can't be used" in only(doctor.check_facts, environment).what


def test_a_missing_model_is_advice(environment: Dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("server.model.path_for_inputs", lambda: tmp_path / "none.tar.gz")

    assert any("no model" in finding.what for finding in findings(doctor.check_facts, environment))


def test_a_damaged_model_is_found_and_left_where_it_is(
    environment: Dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    model = tmp_path / "cut-short.tar.gz"
    model.write_bytes(gzip.compress(b"a model")[:-9])
    monkeypatch.setattr("server.model.path_for_inputs", lambda: model)

    assert [finding.mend for finding in findings(doctor.check_facts, environment) if "damaged" in finding.what] == [
        "rm models/cut-short.tar.gz, then make train"
    ]
    assert model.exists()


def test_a_setting_with_a_slip_is_found(environment: Dict[str, str]) -> None:
    finding = only(doctor.check_settings, environment, DYSTONIA_KEEP_DAY="7")

    assert "does nothing" in finding.what and "DYSTONIA_KEEP_DAYS" in finding.mend


def test_old_numbers_are_found(environment: Dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "NUMBERS_AGE", -365_000)

    assert "The numbers to call" in only(doctor.check_numbers, environment).what


def test_a_clock_that_is_behind_is_found(environment: Dict[str, str], data: Path) -> None:
    keep(data, 0)
    tomorrow = time.time() + DAY
    os.utime(data / "talks.db", (tomorrow, tomorrow))

    assert "24 hours behind" in only(doctor.check_clock, environment).what


@pytest.mark.parametrize("setting", ["DYSTONIA_PORT", "DYSTONIA_ACTION_PORT"])
def test_a_taken_port_is_found(environment: Dict[str, str], setting: str) -> None:
    with socket.create_server(("127.0.0.1", int(environment[setting]))):
        assert setting in only(doctor.check_ports, environment).mend


def test_an_assistant_that_runs_and_is_not_ready_is_found(environment: Dict[str, str], data: Path) -> None:
    (data / "run.json").write_text(f'{{"pid": {os.getpid()}}}')
    running = hold(data / MARK_FILE, fcntl.LOCK_SH, os.O_CREAT)

    assert "not ready" in only(doctor.check_ports, environment).what
    os.close(running)


def test_an_assistant_that_a_power_cut_has_ended_does_not_run(environment: Dict[str, str], data: Path) -> None:
    """The number that it has left behind may be another program's by now."""
    (data / "run.json").write_text(f'{{"pid": {os.getpid()}}}')
    os.close(hold(data / MARK_FILE, fcntl.LOCK_SH, os.O_CREAT))

    assert findings(doctor.check_ports, environment) == []


@pytest.mark.parametrize("check", doctor.CHECKS)
def test_what_may_not_be_read_is_said_and_not_thrown(
    environment: Dict[str, str], data: Path, monkeypatch: pytest.MonkeyPatch, check: Any
) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        raise PermissionError(13, "Permission denied", "/var/lib/dystonia/5005")

    monkeypatch.setattr(os, "stat", refuse)
    monkeypatch.setattr(os, "open", refuse)

    faults = {finding.what for finding in findings(check, environment) if finding.is_fault}
    assert faults <= {f"The data folder {data} belongs to someone else."}


@pytest.mark.parametrize("setting, url", [("DYSTONIA_POSTGRES_URL", "postgresql"), ("DYSTONIA_REDIS_URL", "redis")])
def test_a_server_that_can_not_be_reached_is_found(environment: Dict[str, str], setting: str, url: str) -> None:
    nobody = f"//me:hush@127.0.0.1:{free_ports(1)[0]}/0"
    wanted = {"DYSTONIA_POSTGRES_URL": f"postgresql:{nobody}", "DYSTONIA_WIDGET_SECRET": SECRET, setting: f"{url}:{nobody}"}

    (finding,) = [each for each in findings(doctor.check_servers, environment, **wanted) if setting in each.mend]

    assert "can't be reached" in finding.what and "hush" not in finding.what


def test_a_data_folder_that_others_can_read_is_found(environment: Dict[str, str], data: Path) -> None:
    (data / "gaps.html").write_text("words")
    data.chmod(0o755)

    assert only(doctor.check_data, environment).mend == f"chmod 700 {data}"


def test_a_data_folder_that_is_none_is_found(environment: Dict[str, str], data: Path) -> None:
    (data / "file").touch()

    assert "can't be written" in only(doctor.check_data, environment, DYSTONIA_DATA=str(data / "file")).what


@pytest.mark.parametrize("free, is_fault", [(doctor.LEAST_ROOM - 1, True), (doctor.ROOM - 1, False)])
def test_a_full_disk_is_found(
    environment: Dict[str, str], monkeypatch: pytest.MonkeyPatch, free: int, is_fault: bool
) -> None:
    usage = type("Usage", (), {"free": free})
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda path: usage)

    assert only(doctor.check_data, environment).is_fault is is_fault


def test_a_damaged_file_of_talks_is_found(environment: Dict[str, str], data: Path) -> None:
    (data / "talks.db").write_bytes(b"SQLite format 3\x00" + b"\xff" * 4096)

    assert any("damaged" in finding.what for finding in findings(doctor.check_talks, environment))


def test_talks_that_should_be_gone_are_found(environment: Dict[str, str], data: Path) -> None:
    keep(data, 40)

    assert any("40 days old" in finding.what for finding in findings(doctor.check_talks, environment))


def test_a_missing_backup_is_advice(environment: Dict[str, str], data: Path) -> None:
    keep(data, 1)

    assert not only(doctor.check_talks, environment).is_fault


@pytest.mark.parametrize("setting", ["DYSTONIA_WIDGET_SECRET", "DYSTONIA_METRICS_TOKEN"])
def test_a_secret_that_can_be_guessed_is_found_and_not_shown(environment: Dict[str, str], setting: str) -> None:
    finding = only(doctor.check_secrets, environment, **{setting: "hush" * 8})

    assert setting in finding.what and "hush" not in finding.what
    assert findings(doctor.check_secrets, environment, **{setting: SECRET}) == []


def test_a_secret_file_that_others_can_read_is_found(environment: Dict[str, str], data: Path) -> None:
    (data / "widget_secret").write_text(SECRET)
    (data / "widget_secret").chmod(0o644)

    assert "chmod 600" in only(doctor.check_secrets, environment).mend


def test_a_channel_that_is_half_configured_is_found(environment: Dict[str, str]) -> None:
    finding = only(doctor.check_channels, environment, DYSTONIA_SLACK_TOKEN="xoxb-1")

    assert "Slack stays closed" in finding.what and "DYSTONIA_SLACK_SECRET" in finding.what


@pytest.mark.parametrize(
    "setting, value, words",
    [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "localhost:4318", "is no URL"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "by grpc"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9", "can't be reached (ConnectionError)"),
    ],
)
def test_a_collector_that_traces_can_not_be_sent_to_is_found(
    environment: Dict[str, str], setting: str, value: str, words: str
) -> None:
    named = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", setting: value}

    assert words in only(doctor.check_traces, environment, **named).what


def test_a_collector_that_refuses_traces_is_found_and_one_that_takes_them_is_fine(environment: Dict[str, str]) -> None:
    with CollectorStandIn(status=404) as collector:
        named = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url}

        assert "status 404" in only(doctor.check_traces, environment, **named).what
        collector.status = 200
        assert findings(doctor.check_traces, environment, **named) == []


@pytest.mark.parametrize(
    "settings, words",
    [
        ({"DYSTONIA_WIDGET_ORIGINS": "http://friends.example", "DYSTONIA_PROXIES": "1"}, "unencrypted"),
        ({"DYSTONIA_WIDGET_ORIGINS": "https://friends.example"}, "share its limit"),
        ({"DYSTONIA_HOST": "192.0.2.7"}, "without encryption"),
    ],
    ids=["plain site", "no proxy counted", "open to the network"],
)
def test_how_visitors_come_in_is_looked_at(environment: Dict[str, str], settings: Dict[str, str], words: str) -> None:
    assert words in only(doctor.check_sites, environment, **settings).what


def test_sites_on_this_machine_are_fine(environment: Dict[str, str]) -> None:
    assert findings(doctor.check_sites, environment, DYSTONIA_WIDGET_ORIGINS="http://localhost:8000 http://127.0.0.1:1") == []


@pytest.mark.parametrize("is_fault, status", [(True, 1), (False, 0)])
def test_the_exit_status_tells_faults_from_advice(
    is_fault: bool, status: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(doctor, "CHECKS", (lambda settings, environment: [doctor.Finding("It hums.", "oil it", is_fault)],))

    assert doctor.main() == status
    assert "It hums." in capsys.readouterr().out
