"""Fact files that a failing disk or a half-finished copy has spoilt: the file is named, and nothing else breaks."""
from __future__ import annotations

import random
import shutil
from pathlib import Path
from typing import Callable

import pytest

from dystonia.store import FactErrors, FactStore
from tests.unit.conftest import SMALL_FACTS

NEEDED = ["cards/eyes.yml", "cautions.yml", "countries.yml", "helplines.yml", "red_flags.yml", "sources.yml", "vocabulary.yml"]
NOISE = random.Random(1).randbytes(64)


@pytest.mark.parametrize("file", NEEDED)
@pytest.mark.parametrize(
    "spoil",
    [
        lambda good: good[: len(good) // 2].rstrip() + b"\n  x: [",
        lambda good: good[: len(good) // 2] + NOISE + good[len(good) // 2 + 64 :],
        lambda good: bytes(len(good)),
        lambda good: b"- 5\n- [a]\n",
    ],
    ids=["cut off", "noise in the middle", "nothing but zeros", "something else"],
)
def test_a_spoilt_fact_file_is_named(tmp_path: Path, file: str, spoil: Callable[[bytes], bytes]) -> None:
    facts = tmp_path / "facts"
    shutil.copytree(SMALL_FACTS, facts)
    (facts / file).write_bytes(spoil((facts / file).read_bytes()))

    with pytest.raises(FactErrors) as errors:
        FactStore.load(facts)
    assert Path(file).name in str(errors.value)
