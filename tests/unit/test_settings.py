"""Settings come from the environment; one that can't be used is refused in one sentence that says what to write."""
from __future__ import annotations

from pathlib import Path
from typing import Dict

import pytest
from hypothesis import given
from hypothesis import strategies as some

from server.settings import ROOT, Settings, SettingsError


def test_with_nothing_set_the_assistant_listens_on_loopback_only() -> None:
    settings = Settings.from_environment({})

    assert (settings.host, settings.port) == ("127.0.0.1", 5005)
    assert settings.action_port is settings.action_url is None
    assert settings.data == ROOT / "var"
    assert settings.action_timeout == 2.0


def test_each_setting_has_its_variable(tmp_path: Path) -> None:
    settings = Settings.from_environment(
        {
            "DYSTONIA_HOST": "192.0.2.7",
            "DYSTONIA_PORT": "6005",
            "DYSTONIA_ACTION_PORT": "6055",
            "DYSTONIA_DATA": str(tmp_path),
            "DYSTONIA_ACTION_TIMEOUT": "1.5",
            "DYSTONIA_WIDGET_ORIGINS": "https://friends.example, http://localhost:8000 http://[::1]",
            "DYSTONIA_WIDGET_SECRET": "s" * 32,
            "DYSTONIA_PROXIES": "1",
            "DYSTONIA_KEEP_DAYS": "7",
            "DYSTONIA_REST_KEY": "k" * 32,
            "DYSTONIA_POSTGRES_URL": "postgresql://me:hush@db.example/talks?sslmode=verify-full",
            "DYSTONIA_REDIS_URL": "rediss://:hush@locks.example:6379/0",
        }
    )

    origins = ("https://friends.example", "http://localhost:8000", "http://[::1]")
    addresses = ("postgresql://me:hush@db.example/talks?sslmode=verify-full", "rediss://:hush@locks.example:6379/0")
    more = dict(zip(("postgres_url", "redis_url"), addresses), keep_days=7, rest_key="k" * 32)
    assert settings == Settings("192.0.2.7", 6005, 6055, tmp_path, 1.5, origins, "s" * 32, 1, **more)
    assert all(secret not in repr(settings) for secret in ("ssss", "kkkk", "hush"))
    assert settings.url == "http://192.0.2.7:6005"
    assert settings.talks == tmp_path / "talks.db"


def test_actions_are_called_on_loopback_whatever_the_host() -> None:
    assert Settings(host="192.0.2.7", action_port=6055).action_url == "http://127.0.0.1:6055/webhook"


def test_a_relative_data_folder_is_made_absolute() -> None:
    assert Settings.from_environment({"DYSTONIA_DATA": "talks"}).data == Path.cwd() / "talks"


@pytest.mark.parametrize("name", ["DYSTONIA_PORT", "DYSTONIA_ACTION_PORT"])
@pytest.mark.parametrize("value", ["", "0", "65536", "-1", "80a", "5005.0", " 5005", "²"])
def test_what_is_no_port_is_refused(name: str, value: str) -> None:
    assert "from 1 to 65535" in _refusal({name: value})


@pytest.mark.parametrize("value", ["", "0", "-1", "61", "soon", "nan", "inf"])
def test_what_is_no_time_to_wait_is_refused(value: str) -> None:
    assert "at most 60" in _refusal({"DYSTONIA_ACTION_TIMEOUT": value})


@pytest.mark.parametrize(
    "value", ["*", "friends.example", "https://friends.example/", "https://friends.example/page", "ftp://x.example", "https://*.x"]
)
def test_what_is_no_origin_is_refused(value: str) -> None:
    assert "https://www.example.org" in _refusal({"DYSTONIA_WIDGET_ORIGINS": value})


@pytest.mark.parametrize("name", ["DYSTONIA_WIDGET_SECRET", "DYSTONIA_REST_KEY"])
def test_a_short_secret_is_refused_and_not_repeated(name: str) -> None:
    with pytest.raises(SettingsError, match="31 characters.*Mend: at least 32") as refused:
        Settings.from_environment({name: "hush" * 7 + "hus"})

    assert "hush" not in str(refused.value)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_rest_is_open_to_this_machine_alone(host: str) -> None:
    assert Settings(host=host).rest_is_open
    assert not Settings(host=host, proxies=1).rest_is_open
    assert Settings(host=host, proxies=1, rest_key="k" * 32).rest_is_open


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "chat.example", "localhost.example", ""])
def test_rest_is_open_to_others_with_a_key_only(host: str) -> None:
    assert not Settings(host=host).rest_is_open
    assert Settings(host=host, rest_key="k" * 32).rest_is_open


def test_the_data_folder_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    Settings(data=tmp_path / "var").check_data()

    assert (tmp_path / "var").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("value", ["", "-1", "11", "one", "1.0"])
def test_what_is_no_number_of_proxies_is_refused(value: str) -> None:
    assert "0 to 10" in _refusal({"DYSTONIA_PROXIES": value})


@pytest.mark.parametrize("name", ["DYSTONIA_POSTGRES_URL", "DYSTONIA_REDIS_URL"])
@pytest.mark.parametrize("value", ["hush.example:5432", "http://hush.example", "postgresql://", "redis:/hush", "redis://a b",
                                   "{}://me:hu@sh@db", "{}://me:hush@db:port/0", "{}://[::1"])
def test_what_is_no_address_of_such_a_server_is_refused_and_not_repeated(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"{name} is no address.*Mend: write one like") as refused:
        Settings.from_environment({name: value.format("redis" if "REDIS" in name else "postgresql")})

    assert "hu@sh" not in str(refused.value) and "hush" not in str(refused.value)


def test_several_instances_must_be_able_to_be_one_assistant() -> None:
    redis = {"DYSTONIA_REDIS_URL": "redis://127.0.0.1:6379/0"}
    with pytest.raises(SettingsError, match="without DYSTONIA_POSTGRES_URL.*Mend: set DYSTONIA_POSTGRES_URL too"):
        Settings.from_environment(redis)
    with pytest.raises(SettingsError, match="without DYSTONIA_WIDGET_SECRET.*Mend: set the same secret"):
        Settings.from_environment({**redis, "DYSTONIA_POSTGRES_URL": "postgresql://me@127.0.0.1/talks"})


@given(port=some.integers(1, 65535), seconds=some.floats(0.001, 60))
def test_every_port_and_every_time_up_to_a_minute_is_taken(port: int, seconds: float) -> None:
    settings = Settings.from_environment({"DYSTONIA_PORT": str(port), "DYSTONIA_ACTION_TIMEOUT": str(seconds)})

    assert (settings.port, settings.action_timeout) == (port, seconds)


def _refusal(environment: Dict[str, str]) -> str:
    ((name, value),) = environment.items()
    with pytest.raises(SettingsError) as refused:
        Settings.from_environment(environment)
    message = str(refused.value)
    assert message.startswith(f"{name} is '{value}'") and "Mend:" in message and "\n" not in message
    return message


def test_a_data_folder_is_made_where_it_can_be(tmp_path: Path) -> None:
    Settings(data=tmp_path / "not" / "there").check_data()

    assert list((tmp_path / "not" / "there").iterdir()) == []


def test_a_data_folder_that_cannot_be_is_named_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(SettingsError, match="file/data.*Mend:.*DYSTONIA_DATA"):
        Settings(data=tmp_path / "file" / "data").check_data()
