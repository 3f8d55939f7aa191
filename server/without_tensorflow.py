"""Lets Rasa 3.6.21 run where TensorFlow is not installed.

Rasa imports TensorFlow when it starts, although nothing in this project's pipeline uses it. Leaving it out takes the
install from 2.6 GB to under 1 GB, halves the memory and takes seconds off a start (docs/architecture.md has the
figures). This module adds a finder at the *end* of ``sys.meta_path``: it answers only for packages that no other finder
knows, so that a real TensorFlow, where one is installed, always wins.

The stand-ins can be imported, subclassed, used as decorators and in annotations; that is all that importing Rasa does
with them. Components that compute with TensorFlow can't run on them; ``nlu.importer`` refuses a configuration that
names one, and says how to install the real thing.

Rasa does not support this. tests/unit/test_without_tensorflow.py guards it.
"""
from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import sys
from types import ModuleType
from typing import Any, Optional

ABSENT_PACKAGES = frozenset({"tensorflow", "tensorflow_hub", "tensorflow_text", "keras", "jax"})


class _StandInType(type):
    """A class whose attributes are stand-in classes themselves."""

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        stand_in = _StandInType(name, (_StandIn,), {"__module__": cls.__module__})
        setattr(cls, name, stand_in)
        return stand_in


class _StandIn(metaclass=_StandInType):
    """A base class and decorator that does nothing."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Accepts anything: decorators such as ``tf.function(...)`` are called while Rasa is imported."""

    def __call__(self, decorated: Any = None, *args: Any, **kwargs: Any) -> Any:
        return decorated


class _StandInModule(ModuleType):
    __path__: list = []
    __version__ = "0.0.0"

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        stand_in = _StandInType(name, (_StandIn,), {"__module__": self.__name__})
        setattr(self, name, stand_in)
        return stand_in


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> Optional[importlib.machinery.ModuleSpec]:
        if fullname.partition(".")[0] not in ABSENT_PACKAGES:
            return None
        return importlib.machinery.ModuleSpec(fullname, self, is_package=True)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        return _StandInModule(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Nothing to run: attributes appear when they are asked for."""


def install() -> None:
    """Adds the finder once; harmless where TensorFlow is installed."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.append(_Finder())


def tensorflow_is_real() -> bool:
    """Whether a real TensorFlow would be imported."""
    spec = importlib.util.find_spec("tensorflow")
    return spec is not None and not isinstance(spec.loader, _Finder)
