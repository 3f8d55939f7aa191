"""The disk is full, read-only, or has spoilt the file of the talks: visitors are answered, and nothing is lost in silence."""
from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Iterator, List

import pytest
import requests

from server.settings import ROOT
from tests.channels.stand_ins import telegram
from tests.channels.stub_assistant import TELEGRAM_SECRET
from tests.running import RunningAssistant, running_assistant, wait_until

QUESTION = "What is blepharospasm?"
FOLLOW_UP = "and how is it treated?"
EMERGENCY = "I can't breathe since my injection yesterday"
TELLING = "Quillfeather"
"""A name that stands nowhere but in what visitors say here."""
DISK_MEGABYTES = 4


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A disk of a few megabytes."""
    folder = tmp_path_factory.mktemp("disk")
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MEGABYTES}m", "tmpfs", str(folder)]
    if not shutil.which("mount") or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a small disk can't be mounted here. Mend: run this test as root, on Linux.")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture(scope="module")
def app() -> Iterator[telegram.TelegramStandIn]:
    """Where Telegram is, for the assistant on the small disk."""
    stand_in = telegram.TelegramStandIn()
    stand_in.open()
    yield stand_in
    stand_in.close()


@pytest.fixture(scope="module")
def on_disk(
    model: Path, disk: Path, app: telegram.TelegramStandIn, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningAssistant]:
    """An assistant that keeps its data on the small disk."""
    settings = {
        "DYSTONIA_DATA": str(disk / "data"),
        "DYSTONIA_TELEGRAM_TOKEN": telegram.TOKEN,
        "DYSTONIA_TELEGRAM_SECRET": TELEGRAM_SECRET,
        "DYSTONIA_TELEGRAM_API_URL": app.url,
    }
    with running_assistant(model, tmp_path_factory.mktemp("on_disk"), **settings) as running:
        running.data = disk / "data"
        yield running


@pytest.fixture
def full(disk: Path, on_disk: RunningAssistant) -> Iterator[Path]:
    """The file that fills the disk to the last byte; away with it, there is room again."""
    filling = disk / "filling"
    with filling.open("wb", buffering=0) as file, pytest.raises(OSError):
        while True:
            file.write(b"x" * 512)
    yield filling
    filling.unlink(missing_ok=True)


def said_in(assistant: RunningAssistant, sender: str) -> List[str]:
    """What the store holds of a talk's messages, in order."""
    query = "SELECT data FROM events WHERE sender_id = ? AND type_name = 'user' ORDER BY id"
    return [json.loads(data)["text"] for (data,) in assistant.kept(query, f"rest:{sender}")]


def post_update(assistant: RunningAssistant, number: int) -> requests.Response:
    """Telegram hands over a message."""
    user = {"id": 7, "is_bot": False, "first_name": "N"}
    message = {"message_id": number, "date": 0, "chat": {"id": 7, "type": "private"}, "from": user, "text": "Hello"}
    body = {"update_id": number, "message": message}
    headers = {"X-Telegram-Bot-Api-Secret-Token": TELEGRAM_SECRET}
    return requests.post(f"{assistant.url}/webhooks/telegram/webhook", json=body, headers=headers, timeout=30)


def test_on_a_full_disk_talks_go_on_and_are_stored_as_soon_as_there_is_room(on_disk: RunningAssistant, full: Path) -> None:
    # Given a full disk, each message gets its reply, and the talk is remembered.
    visitor, other = on_disk.visitor(), on_disk.visitor()
    assert visitor.say(f"I am {TELLING}. {QUESTION}").kind == "answer"
    assert other.say(QUESTION).kind == "answer"
    assert visitor.say(FOLLOW_UP).reply["about"] == ["blepharospasm"]
    assert visitor.say(EMERGENCY).kind == "emergency"

    # When there is room again, and anyone says something,
    full.unlink()
    on_disk.visitor().say("Hello")

    # then all of it is stored, in order and once.
    assert said_in(on_disk, visitor.sender)[1:] == [FOLLOW_UP, EMERGENCY]
    assert said_in(on_disk, other.sender) == [QUESTION]
    assert "could not be stored" in on_disk.log() and "full" in on_disk.log()
    assert TELLING not in on_disk.log() and "Traceback" not in on_disk.log()


def test_on_a_full_disk_nobody_is_told_that_their_talk_is_deleted(on_disk: RunningAssistant, full: Path) -> None:
    visitor = on_disk.visitor()
    visitor.say(QUESTION)

    assert visitor.say("forget me").kind == "unavailable"

    full.unlink()
    assert "deleted" in visitor.say("forget me").text
    assert said_in(on_disk, visitor.sender) == []


def test_on_a_full_disk_an_app_is_told_to_send_it_again(
    on_disk: RunningAssistant, app: telegram.TelegramStandIn, full: Path
) -> None:
    sent = len(app.calls("sendMessage"))
    refused = [post_update(on_disk, 70_000 + number) for number in range(20)]
    assert {(answer.status_code, *answer.json()) for answer in refused if answer.status_code != 200} == {(503, "error")}

    full.unlink()
    assert [post_update(on_disk, 70_000 + number).status_code for number in range(20)] == [200] * 20

    app.wait_for("sendMessage", sent + 20)
    assert len(app.calls("sendMessage")) == sent + 20
    assert "Traceback" not in on_disk.log()


def test_a_file_of_talks_that_breaks_while_it_runs_is_set_aside_and_the_rest_goes_on(on_disk: RunningAssistant) -> None:
    early, late = on_disk.visitor(), on_disk.visitor()
    early.say(QUESTION)
    for _ in range(10):
        on_disk.visitor().say(QUESTION)
    late.say(QUESTION)
    broken_before = set(on_disk.data.glob("talks.db.broken-*"))

    _spoil(on_disk)
    # What was read before is still in memory; a change from outside has it read again.
    wait_until(lambda: on_disk.alive() and set(on_disk.data.glob("talks.db.broken-*")) > broken_before, 20, "the broken file")

    assert early.say(EMERGENCY).kind == "emergency"
    assert late.say(FOLLOW_UP).reply["about"] == ["blepharospasm"]
    assert said_in(on_disk, late.sender) == [QUESTION, FOLLOW_UP]
    assert "was damaged" in on_disk.log() and "Traceback" not in on_disk.log()


def _spoil(assistant: RunningAssistant) -> None:
    """Overwrites pages in the middle of the file of the talks, as a failing disk does."""
    assistant.kept("PRAGMA wal_checkpoint(TRUNCATE)")
    path = assistant.data / "talks.db"
    middle = path.stat().st_size // 2 // 4096 * 4096
    with path.open("r+b") as file:
        file.seek(middle)
        file.write(random.Random(7).randbytes(3 * 4096))
    assistant.kept("PRAGMA user_version = 1")


@pytest.mark.parametrize("module", ["server.serve", "server.run"])
def test_a_data_folder_that_may_not_be_written_to_is_said_in_one_sentence(model: Path, tmp_path: Path, module: str) -> None:
    folder = tmp_path / "data"
    folder.mkdir(mode=0o555)
    command = [sys.executable, "-W", "ignore", "-m", module, *([str(model)] if module == "server.serve" else [])]

    done = subprocess.run(
        [*_with_no_more_rights_than_others(), *command],
        cwd=ROOT,
        env={**os.environ, "DYSTONIA_DATA": str(folder)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    (line,) = done.stderr.splitlines()
    assert done.returncode == 1
    assert str(folder) in line and "Mend:" in line and "DYSTONIA_DATA" in line


def _with_no_more_rights_than_others() -> List[str]:
    """Root may write anywhere; this takes that from it, and leaves others as they are."""
    if os.geteuid():
        return []
    if not shutil.which("setpriv"):
        pytest.skip("root may write anywhere. Mend: apt-get install util-linux, or run this as someone else.")
    return ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"]
