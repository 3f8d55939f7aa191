"""Lets Rasa 3.6.21 run where TensorFlow is not installed.

Rasa imports TensorFlow when it starts, although nothing in this project's pipeline uses it. Leaving it out takes the
install from 2.6 GB to under 1 GB, halves the memory and takes seconds off a start (docs/architecture.md has the
figures). This module adds a finder at the *end* of ``sys.meta_path``: it answers only for packages that no other finder
knows, so that a real TensorFlow, where one is installed, always wins.

The stand-ins can be imported, subclassed, used as decorators and in annotations; that is all that importing Rasa does
with them. Components that compute with TensorFlow can't run on them; ``nlu.importer`` refuses a configuration that
names one, and says how to install the real thing.

The same finder stands in for packages that Rasa imports for channels and stores of its own, which this project does not use
(``LEFT_OUT``): 100 MB less to install, and to watch for vulnerabilities. Those stand-ins raise ``LeftOut`` when they are used.

A process that serves leaves out more (``UNUSED_WHEN_SERVING``): what Rasa imports for components, channels and pictures that
are not used then, and what this project needs for training only. That saves 45 MB and half a second of a start.

Rasa does not support this. tests/unit/test_without_tensorflow.py guards it.
"""
from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any, Collection, Optional

ABSENT_PACKAGES = frozenset({"tensorflow", "tensorflow_hub", "tensorflow_text", "keras", "jax"})
LEFT_OUT = {
    "boto3": "the tracker store DynamoDB and models on Amazon S3",
    "botocore": "the tracker store DynamoDB and models on Amazon S3",
    "confluent_kafka": "the event broker Kafka",
    "fbmessenger": "the channel Facebook Messenger",
    "pymongo": "the tracker store MongoDB",
    "rocketchat_API": "the channel Rocket.Chat",
    "twilio": "the channel Twilio",
    "webexteamssdk": "the channel Webex Teams",
}
"""Packages that are not installed, and what needs them."""


UNUSED_WHEN_SERVING = frozenset(
    {
        "PIL",
        "aio_pika",
        "aiogram",
        "aiormq",
        "matplotlib",
        "pamqp",
        "prompt_toolkit",
        "questionary",
        "scipy",
        "sklearn",
        "spacy.cli",
    }
)
"""Packages and modules that are installed, and that no process needs which only serves."""


class LeftOut(RuntimeError):
    """Something needs a package that is not installed here."""


class _StandInType(type):
    """A class whose attributes are stand-in classes themselves."""

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        base = _LeftOutStandIn if issubclass(cls, _LeftOutStandIn) else _StandIn
        stand_in = _StandInType(name, (base,), {"__module__": cls.__module__})
        setattr(cls, name, stand_in)
        return stand_in


class _StandIn(metaclass=_StandInType):
    """A base class and decorator that does nothing."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Accepts anything: decorators such as ``tf.function(...)`` are called while Rasa is imported."""

    def __call__(self, decorated: Any = None, *args: Any, **kwargs: Any) -> Any:
        return decorated


class _LeftOutStandIn(Exception, metaclass=_StandInType):
    """A base class, or an exception to be caught, that can't be made."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        package = next(name for name in (base.__module__.partition(".")[0] for base in type(self).__mro__) if name in LEFT_OUT)
        raise LeftOut(
            f"The package {package} is not installed. It is for {LEFT_OUT[package]}. Mend: take that out of credentials.yml or "
            f"endpoints.yml, or take {package} out of override-dependencies in pyproject.toml, then 'make lock' and 'make env'."
        )


class _StandInModule(ModuleType):
    __path__: list = []
    __version__ = "0.0.0"
    base: type = _StandIn

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        stand_in = _StandInType(name, (self.base,), {"__module__": self.__name__})
        setattr(self, name, stand_in)
        return stand_in


class _LeftOutModule(_StandInModule):
    base = _LeftOutStandIn


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def __init__(self, names: Collection[str]) -> None:
        self._names = frozenset(names)

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> Optional[importlib.machinery.ModuleSpec]:
        levels = fullname.split(".")
        if not any(".".join(levels[:depth]) in self._names for depth in range(1, len(levels) + 1)):
            return None
        return importlib.machinery.ModuleSpec(fullname, self, is_package=True)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        module = _LeftOutModule if spec.name.partition(".")[0] in LEFT_OUT else _StandInModule
        return module(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Nothing to run: attributes appear when they are asked for."""


_MISSING, _UNUSED = _Finder(ABSENT_PACKAGES | LEFT_OUT.keys()), _Finder(UNUSED_WHEN_SERVING)


def install(serving: bool = False) -> None:
    """Adds the finder once; harmless where TensorFlow is installed.

    Args:
        serving: whether this process only serves, with no component but ours: then it does without ``UNUSED_WHEN_SERVING``,
            though they are installed.
    """
    if _MISSING not in sys.meta_path:
        sys.meta_path.append(_MISSING)
    if serving and _UNUSED not in sys.meta_path:
        sys.meta_path.insert(0, _UNUSED)


def has_only_our_components(config: Path) -> bool:
    """Whether a configuration's pipeline names no component of Rasa's own, nor anybody else's."""
    import yaml  # Not at the top: every Python of this environment imports this module as it starts.

    pipeline = (yaml.safe_load(config.read_bytes()) or {}).get("pipeline") or []
    return all(str(component.get("name", "")).startswith("nlu.") for component in pipeline)


def tensorflow_is_real() -> bool:
    """Whether a real TensorFlow would be imported."""
    spec = importlib.util.find_spec("tensorflow")
    return spec is not None and not isinstance(spec.loader, _Finder)
