"""A damaged model is moved away and trained anew; a training that is killed leaves nothing that passes for a model."""
from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any, Iterator, List, Optional
from unittest.mock import Mock

import pytest

from server import model, run
from server.run import NotUsable, Process, Supervisor
from server.settings import Settings
from tests.running import free_ports

WHOLE = gzip.compress(bytes(range(256)) * 4000)


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    """A model file, whole."""
    path = tmp_path / "0123456789ab.tar.gz"
    path.write_bytes(WHOLE)
    return path


def test_a_whole_model_stays_where_it_is(packed: Path) -> None:
    assert model.set_aside_if_damaged(packed) is None
    assert packed.read_bytes() == WHOLE


def test_a_missing_model_is_no_damaged_one(tmp_path: Path) -> None:
    assert model.set_aside_if_damaged(tmp_path / "none.tar.gz") is None


@pytest.mark.parametrize(
    "spoilt",
    [b"", WHOLE[: len(WHOLE) // 2], WHOLE[:-4], WHOLE[:500] + bytes(64) + WHOLE[564:], b"<html>Not found</html>", bytes(9000)],
    ids=["empty", "cut off", "almost whole", "spoilt in the middle", "another file", "zeros"],
)
def test_a_damaged_model_is_moved_away(packed: Path, spoilt: bytes) -> None:
    packed.write_bytes(spoilt)

    aside = model.set_aside_if_damaged(packed)

    assert aside and aside.read_bytes() == spoilt and not packed.exists()
    assert aside.suffix != ".gz", "it would be taken for a model"


def test_a_damaged_model_that_may_not_be_moved_away_is_said(packed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packed.write_bytes(WHOLE[:-4])
    monkeypatch.setattr(Path, "replace", Mock(side_effect=PermissionError(13, "Permission denied")))

    with pytest.raises(model.TrainingFailed, match=f"{packed} is damaged.*Mend: remove it, then make train"):
        model.set_aside_if_damaged(packed)


def test_a_folder_of_models_that_may_not_be_written_to_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(model, "MODELS", tmp_path)
    monkeypatch.setattr(model.os, "access", lambda *_: False)

    with pytest.raises(model.TrainingFailed, match=f"{tmp_path} may not be written to. Mend: make train"):
        model.train()


class Fake(Process):
    """A process that ends at its first starts, and then answers."""

    def __init__(self, name: str, ends: int, served: Optional[Path] = None) -> None:
        super().__init__(name, [], {}, model=served)
        self._ends, self.starts = ends, 0

    def start(self) -> None:
        """Counts."""
        self.starts += 1

    def died(self) -> bool:
        """At the first starts."""
        return self.starts <= self._ends

    def answers(self) -> bool:
        """Whenever it has not ended."""
        return not self.died()


class SetsAside(Fake):
    """Rasa that finds its model damaged at the first start."""

    def start(self) -> None:
        """Moves the model away."""
        super().start()
        if self.died() and self.model:
            self.model.unlink()


@pytest.fixture
def trainings(monkeypatch: pytest.MonkeyPatch, packed: Path) -> List[Any]:
    """What was trained; a training puts a model where it belongs."""
    asked: List[Any] = []

    def train(command: List[str], **_: Any) -> Mock:
        asked.append(command)
        packed.write_bytes(WHOLE)
        return Mock(returncode=0)

    monkeypatch.setattr(run, "path_for_inputs", lambda: packed)
    monkeypatch.setattr(run.subprocess, "run", train)
    monkeypatch.setattr(run, "_greet", Mock(side_effect=run.Stop))
    monkeypatch.setattr(run.signal, "signal", Mock())
    return asked


@pytest.fixture
def supervisor(trainings: List[Any], tmp_path: Path) -> Iterator[Supervisor]:
    """A supervisor, not started yet."""
    supervisor = Supervisor(Settings(port=free_ports(1)[0], data=tmp_path))
    yield supervisor
    supervisor._listener.close()


def test_a_model_that_was_damaged_at_the_start_is_trained_anew_and_rasa_started_again(
    supervisor: Supervisor, trainings: List[Any], packed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rasa, actions = SetsAside("Rasa", 1, packed), Fake("action server", 0)
    monkeypatch.setattr(supervisor, "_made", lambda *_: [actions, rasa])

    assert supervisor.run() == 0
    assert (len(trainings), rasa.starts, actions.starts) == (1, 2, 1)


def test_what_ends_at_the_start_with_a_whole_model_is_not_tried_again(
    supervisor: Supervisor, trainings: List[Any], packed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rasa = Fake("Rasa", 9, packed)
    monkeypatch.setattr(supervisor, "_made", lambda *_: [rasa])

    with pytest.raises(NotUsable, match="Rasa ended while starting"):
        supervisor.run()
    assert (len(trainings), rasa.starts) == (0, 1)


def test_a_model_that_is_damaged_when_rasa_is_started_again_is_trained_anew(
    supervisor: Supervisor, trainings: List[Any], packed: Path
) -> None:
    rasa = Fake("Rasa", 1, packed)
    rasa.start()
    packed.unlink()
    supervisor._processes = [rasa]

    supervisor._tend(0)

    assert (len(trainings), rasa.starts) == (1, 2) and packed.exists()


def test_a_model_that_is_damaged_when_another_is_to_take_over_is_trained_anew(
    supervisor: Supervisor, trainings: List[Any], packed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = Fake("Rasa", 0, packed), SetsAside("Rasa", 1, packed)
    new.findings = lambda: {"ready": True, "model": "m", "content": "c"}  # type: ignore[method-assign]
    supervisor._processes = [old]
    monkeypatch.setattr(supervisor, "_made", lambda *_: [new])
    monkeypatch.setattr(supervisor, "_run_beside", run.subprocess.run)

    supervisor._reload()

    assert (len(trainings), new.starts, supervisor._processes) == (1, 2, [new])


def test_a_training_that_fails_leaves_no_model(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import rasa.model_training

    def killed(*_: Any, output: str, fixed_model_name: str, **__: Any) -> None:
        (Path(output) / f"{fixed_model_name}.tar.gz").write_bytes(WHOLE[:100])
        raise KeyboardInterrupt

    monkeypatch.setattr(rasa.model_training, "train", killed)
    monkeypatch.setattr(model, "MODELS", tmp_path)

    with pytest.raises(KeyboardInterrupt):
        model.train()
    assert not model.path_for_inputs().exists()


def test_a_training_that_succeeds_gives_the_model_its_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import rasa.model_training

    def trained(*_: Any, output: str, fixed_model_name: str, **__: Any) -> Mock:
        (Path(output) / f"{fixed_model_name}.tar.gz").write_bytes(WHOLE)
        return Mock(code=0)

    monkeypatch.setattr(rasa.model_training, "train", trained)
    monkeypatch.setattr(model, "MODELS", tmp_path)

    assert model.train() == model.path_for_inputs()
    assert [path.name for path in tmp_path.iterdir()] == [model.path_for_inputs().name]
