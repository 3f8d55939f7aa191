"""Lines of the log: for people or for machines, and in neither the words of an error or of one of Rasa's own lines."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
from typing import Any, Iterator, Tuple

import pytest
import structlog

from server import logs

TELLING = "Quillfeather"


@pytest.fixture(autouse=True)
def put_back() -> Iterator[None]:
    """Leaves logging as it was."""
    root, handlers, level = logging.getLogger(), logging.getLogger().handlers[:], logging.getLogger().level
    structlog.reset_defaults()
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def fail() -> None:
    """Raises an error that quotes a visitor, out of another that does."""
    try:
        raise KeyError(TELLING)
    except KeyError as error:
        raise ValueError(f"{TELLING} can't be read") from error


def line_of_a_failure(form: str, capsys: pytest.CaptureFixture[str]) -> str:
    """What the log says of such an error."""
    logs.set_up(form)
    try:
        fail()
    except ValueError:
        logging.getLogger("rasa.core").exception("A turn failed.")
    return capsys.readouterr().err


def test_plain_lines_are_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up("plain")

    logging.getLogger("channels.turn").warning("%d events were given up.", 3)

    assert capsys.readouterr().err == "WARNING channels.turn: 3 events were given up.\n"


def test_json_lines_are_for_machines(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up("json")

    logging.getLogger("channels.turn").warning("%d events were given up.", 3)

    told = json.loads(capsys.readouterr().err)
    assert told.pop("time").endswith("+00:00")
    assert told == {"level": "WARNING", "logger": "channels.turn", "message": "3 events were given up."}


@pytest.mark.parametrize("form", ["plain", "json"])
def test_an_errors_own_words_are_left_out(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    said = line_of_a_failure(form, capsys)

    assert TELLING not in said
    assert "ValueError from KeyError at " in said and "test_log_lines.py:" in said
    assert said.count("\n") == 1


@pytest.mark.parametrize("form", ["plain", "json"])
def test_what_rasas_own_lines_quote_is_left_out(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up(form)

    structlog.get_logger("rasa.shared.core.events").warning("event.deserialization.failed", rasa_event={"text": TELLING})

    said = capsys.readouterr().err
    assert "event.deserialization.failed" in said and TELLING not in said


def test_what_asyncio_quotes_is_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    async def fail_late() -> None:
        fail()

    async def fail_in_the_background() -> None:
        asyncio.get_running_loop().call_soon(lambda text: fail(), f"{TELLING} said")
        await asyncio.wait([asyncio.ensure_future(fail_late())])

    logs.set_up("plain")
    asyncio.run(fail_in_the_background())
    gc.collect()

    said = capsys.readouterr().err
    assert "Exception in callback" in said and "Task exception was never retrieved [ValueError from KeyError at " in said
    assert TELLING not in said


@pytest.mark.parametrize("line", [("Exception occurred while handling uri: %s", f"'/?{TELLING}'"), (ValueError(TELLING),)])
def test_what_sanic_quotes_is_left_out(line: Tuple[Any, ...], capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up("plain")

    logging.getLogger("sanic.error").error(*line)

    said = capsys.readouterr().err
    assert said in ("ERROR sanic.error: Exception occurred while handling uri:\n", "ERROR sanic.error: ValueError\n")


def test_an_id_of_a_talk_is_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up("plain")

    logging.getLogger("rasa.core.processor").warning("Circuit breaker tripped. Stopped for sender 'slack:T1:C2:U3'.")

    assert capsys.readouterr().err.endswith("Stopped for sender 'slack:...'.\n")


@pytest.mark.parametrize("level", ["debug", "info"])
def test_nothing_below_a_warning_is_written(level: str, capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up("plain")

    getattr(structlog.get_logger(), level)("processor.message.parse", text=TELLING)
    getattr(logging.getLogger("rasa"), level)(TELLING)

    assert capsys.readouterr().err == ""


def test_the_supervisor_speaks_the_same_form(capsys: pytest.CaptureFixture[str]) -> None:
    logs.tell("\nStopping ...", "plain")
    logs.tell("\nStopping ...", "json")

    plain, machine = capsys.readouterr().out.strip().splitlines()
    assert plain == "Stopping ..."
    assert json.loads(machine)["message"] == "Stopping ..."
