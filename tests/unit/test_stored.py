"""Commands that read the stored talks: they read those of the assistant, and make no empty store where there is none."""

from __future__ import annotations

from pathlib import Path
from typing import List

import pytest

from tools import person


@pytest.mark.parametrize("command", [["erase", "widget:abc"], ["export", "widget:abc"]])
def test_nothing_is_said_of_a_talk_in_a_folder_without_talks(
    command: List[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DYSTONIA_DATA", str(tmp_path / "wrong"))

    assert person.main(command) == 1

    assert f"No talks are kept in {tmp_path / 'wrong'}. Mend: set DYSTONIA_DATA" in capsys.readouterr().err
    assert not (tmp_path / "wrong").exists()
