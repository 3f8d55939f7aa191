"""The trained model: whether there is one for the present inputs, and how it is trained."""
from __future__ import annotations

import gzip
import hashlib
import json
import logging
import os
import sys
import time
import zlib
from pathlib import Path
from typing import Iterator, Optional

import yaml

from server.settings import ROOT

MODELS = ROOT / "models"
KEPT = 3
"""How many models are kept; older ones are removed after a training."""

_TRAINED_ON = ("vocabulary.yml", "countries.yml", "red_flags.yml", "boundaries.yml")
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class TrainingFailed(RuntimeError):
    """Rasa made no model; its own words are above."""


def path_for_inputs() -> Path:
    """Where the model for the present inputs is, or will be: its name is the hash of what it learns from."""
    digest = hashlib.sha256()
    for path in sorted(_files()):
        digest.update(path.relative_to(ROOT).as_posix().encode())
        digest.update(path.read_bytes() if path.is_file() else b"")
    for path in sorted((ROOT / "facts" / "cards").glob("*.yml")):
        # Only what is learned from: an answer can be mended without a training.
        try:
            cards = yaml.load(path.read_bytes(), Loader=_LOADER) or []
        except (OSError, yaml.YAMLError):
            cards = []  # Whoever trains or serves says what is wrong with it.
        learned = [
            [card.get(field) for field in ("id", "topic", "about", "questions", "state")]
            for card in cards
            if isinstance(card, dict)
        ]
        digest.update(json.dumps(learned).encode())
    return MODELS / f"{digest.hexdigest()[:12]}.tar.gz"


def train(force: bool = False) -> Path:
    """Trains a model for the present inputs unless there is one.

    Raises:
        TrainingFailed: Rasa made none.
        dystonia.store.FactErrors: the facts can't be used.
    """
    target = path_for_inputs()
    if target.is_file() and not force:
        return target
    # Rasa's progress bars write a line for each step where no terminal is attached.
    os.environ["TQDM_DISABLE"] = "1"
    from server import without_tensorflow

    without_tensorflow.install()
    import warnings

    warnings.simplefilter("ignore")
    from rasa.model_training import train as rasa_train

    MODELS.mkdir(exist_ok=True)
    if not os.access(MODELS, os.W_OK | os.X_OK):
        raise TrainingFailed(f"{MODELS} may not be written to. Mend: make train, as who may (with docs/deploy.md, root).")
    started = time.monotonic()
    print("Training (three to five minutes) ", end="", flush=True)
    logging.getLogger("rasa.engine.training.hooks").addHandler(_Dots())
    logging.getLogger("rasa.engine.training.hooks").setLevel(logging.INFO)
    logging.getLogger("rasa.engine.training.hooks").propagate = False
    # Under its own name only once it is whole: a training may be killed while the file is written.
    made = MODELS / f"unfinished-{os.getpid()}.tar.gz"
    result = rasa_train(
        str(ROOT / "domain.yml"),
        str(ROOT / "config.yml"),
        [str(ROOT / "data")],
        output=str(MODELS),
        fixed_model_name=made.name[: -len(".tar.gz")],
        force_training=True,
    )
    if result.code or not made.is_file():
        raise TrainingFailed("Rasa made no model. Mend: see its messages above, or run 'make facts' and 'make validate'.")
    made.replace(target)
    print(f" {time.monotonic() - started:.0f} s.", flush=True)
    for old in sorted(MODELS.glob("*.tar.gz"), key=lambda model: model.stat().st_mtime)[:-KEPT]:
        old.unlink()
    return target


def set_aside_if_damaged(model: Path) -> Optional[Path]:
    """Moves a model away that can't be unpacked, so that it is trained anew; returns where to, or None where it is whole.

    Raises:
        TrainingFailed: it may not be moved away.
    """
    if not is_damaged(model):
        return None
    try:
        return model.replace(model.with_name(f"{model.name}.damaged"))
    except OSError as error:
        mend = "remove it, then make train, as who may (with docs/deploy.md, root)"
        raise TrainingFailed(f"{model} is damaged and can't be moved away ({error.strerror}). Mend: {mend}.") from None


def is_damaged(model: Path) -> bool:
    """Whether a model is there and can't be unpacked (half a second)."""
    try:
        with gzip.open(model) as packed:
            if not packed.read(1):
                return True
            while packed.read(1 << 20):
                pass
    except FileNotFoundError:
        return False
    except (OSError, EOFError, zlib.error):
        return True
    return False


class _Dots(logging.Handler):
    """A dot for each component that is done."""

    def emit(self, record: logging.LogRecord) -> None:
        """Shows progress."""
        print(".", end="", flush=True)


def _files() -> Iterator[Path]:
    yield from (ROOT / name for name in ("config.yml", "domain.yml", "requirements.txt", "dystonia/reply.py"))
    yield from (ROOT / "data").rglob("*.yml")
    yield from (ROOT / "nlu").glob("*.py")
    yield ROOT / "nlu" / "adapter.npz"
    yield from (ROOT / "facts" / name for name in _TRAINED_ON)


def main() -> int:
    """Trains; returns the exit status."""
    from dystonia.store import FactErrors, FactStore

    try:
        FactStore.load()
        model = train(force="--force" in sys.argv)
    except (FactErrors, TrainingFailed) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"Model: {model.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
