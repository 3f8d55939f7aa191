"""Rasa without TensorFlow: what is put in its place, and that a real one always wins."""
from __future__ import annotations

import ast
import importlib
import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, Set

import pytest
import yaml

from server import without_tensorflow
from server.settings import ROOT

pytestmark = pytest.mark.skipif(
    without_tensorflow.tensorflow_is_real(), reason="a real TensorFlow is installed. Mend: make clean, make env."
)


@pytest.fixture(autouse=True)
def _stand_ins() -> None:
    without_tensorflow.install()


def test_rasa_is_whole_without_tensorflow() -> None:
    for module in ("rasa.core.agent", "rasa.core.run", "rasa.core.test", "rasa.model_training"):
        importlib.import_module(module)
    import tensorflow

    assert isinstance(tensorflow, without_tensorflow._StandInModule)


def test_a_stand_in_is_a_base_class_a_decorator_and_an_annotation() -> None:
    import tensorflow as tf

    class Layer(tf.keras.layers.Layer):
        @tf.function(experimental_relax_shapes=True)
        def call(self, inputs: tf.Tensor) -> tf.Tensor:
            return inputs

    assert Layer(units=3).call("what came in") == "what came in"


def test_a_stand_in_module_has_modules_below_it() -> None:
    from tensorflow.python.keras.utils import tf_utils

    assert tf_utils.__name__ == "tf_utils" or tf_utils.__module__.startswith("tensorflow.")


def test_a_stand_in_claims_no_special_attribute() -> None:
    import tensorflow as tf

    for thing in (tf, tf.Tensor):
        assert not hasattr(thing, "__array__") and not hasattr(thing, "__wrapped__")


def test_installing_twice_adds_one_finder_at_the_end() -> None:
    without_tensorflow.install()

    finders = [isinstance(finder, without_tensorflow._Finder) for finder in sys.meta_path]
    assert finders.count(True) == 1


def test_other_missing_packages_stay_missing() -> None:
    for name in ("no_such_package", "tensorflowish"):
        assert importlib.util.find_spec(name) is None


@pytest.mark.parametrize("package", sorted(without_tensorflow.ABSENT_PACKAGES | without_tensorflow.LEFT_OUT.keys()))
def test_a_real_package_wins(package: str, tmp_path: Path) -> None:
    (tmp_path / package).mkdir()
    (tmp_path / package / "__init__.py").write_text("REAL = True")
    script = (
        f"import sys; sys.path[:0] = [{str(tmp_path)!r}, {str(ROOT)!r}]\n"
        "from server import without_tensorflow as w; w.install()\n"
        f"import {package}; print({package}.REAL, w.tensorflow_is_real())"
    )

    done = subprocess.run([sys.executable, "-S", "-c", script], capture_output=True, text=True, check=True)

    assert done.stdout.split() == ["True", str(package == "tensorflow")]


# Packages that were left out.


def test_what_was_left_out_is_what_is_not_installed() -> None:
    text = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    installed = set(re.findall(r"^([a-z0-9-]+)==", text, re.MULTILINE))

    assert not installed & {name.replace("_", "-").lower() for name in without_tensorflow.LEFT_OUT}


def test_rasas_channels_can_be_imported_without_them() -> None:
    for module in ("rasa.core.channels", "rasa.core.tracker_store", "rasa.core.brokers.kafka", "rasa.nlu.persistor"):
        importlib.import_module(module)


def test_who_only_serves_does_without_what_serving_needs_not(tmp_path: Path) -> None:
    script = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
        "from server import without_tensorflow as w; w.install(serving=True)\n"
        "import rasa.core.run, nlu.cards, nlu.decision\n"
        "print([name for name in sorted(w.UNUSED_WHEN_SERVING & sys.modules.keys())"
        " if sys.modules[name].__spec__.has_location])"
    )

    done = subprocess.run([sys.executable, "-W", "ignore", "-c", script], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("component, ours", [("nlu.words.SpacyWords", True), ("CountVectorsFeaturizer", False)])
def test_a_component_of_another_hand_gets_all_that_is_installed(component: str, ours: bool, tmp_path: Path) -> None:
    config = tmp_path / "config.yml"
    config.write_text(f"pipeline:\n  - name: nlu.topics.TopicClassifier\n  - name: {component}\n")

    assert without_tensorflow.has_only_our_components(config) is ours


USES: Dict[str, Callable[[], object]] = {
    "twilio": lambda: _of("rasa.core.channels.twilio", "TwilioOutput")("sid", "token", "number"),
    "fbmessenger": lambda: _of("rasa.core.channels.facebook", "MessengerClient")("token"),
    "rocketchat_API": lambda: _of("rasa.core.channels.rocketchat", "RocketChatBot")("user", "password", "url"),
    "webexteamssdk": lambda: _of("rasa.core.channels.webexteams", "WebexTeamsBot")("token", "room"),
    "boto3": lambda: _of("rasa.core.tracker_store", "DynamoTrackerStore")(None),
    "botocore": lambda: _of("botocore.exceptions", "BotoCoreError")(),
    "pymongo": lambda: _of("rasa.core.tracker_store", "MongoTrackerStore")(None),
    "confluent_kafka": lambda: _of("confluent_kafka", "Producer")({}),
}


@pytest.mark.parametrize("package", without_tensorflow.LEFT_OUT)
def test_who_uses_what_was_left_out_is_told_what_to_do(package: str) -> None:
    with pytest.raises(without_tensorflow.LeftOut) as told:
        USES[package]()

    assert f"package {package} is" in str(told.value) and "Mend:" in str(told.value)


def test_an_error_of_a_package_that_was_left_out_can_be_caught_and_never_comes() -> None:
    from botocore.exceptions import BotoCoreError
    from pymongo.errors import ConnectionFailure

    with pytest.raises(KeyError):
        try:
            raise KeyError
        except (BotoCoreError, ConnectionFailure):
            pass


def _of(module: str, name: str) -> Any:
    return getattr(importlib.import_module(module), name)


# A configuration that needs the real thing.


def test_our_configuration_needs_no_tensorflow() -> None:
    from nlu.importer import NEEDS_TENSORFLOW

    assert not _named(yaml.safe_load((ROOT / "config.yml").read_text(encoding="utf-8"))) & NEEDS_TENSORFLOW


@pytest.mark.parametrize("part, component", [("pipeline", "DIETClassifier"), ("policies", "TEDPolicy")])
def test_a_configuration_that_needs_tensorflow_is_refused(part: str, component: str, tmp_path: Path) -> None:
    from rasa.shared.exceptions import RasaException

    from nlu.importer import FactsImporter

    config = tmp_path / "config.yml"
    config.write_text(yaml.safe_dump({"recipe": "default.v1", "language": "en", part: [{"name": component, "epochs": 1}]}))

    with pytest.raises(RasaException) as refused:
        FactsImporter(str(config), str(ROOT / "domain.yml"), []).get_config()
    assert component in str(refused.value) and "make env TENSORFLOW=1" in str(refused.value)


def test_every_component_of_rasa_that_imports_tensorflow_is_refused() -> None:
    import rasa

    from nlu.importer import NEEDS_TENSORFLOW

    paths = [path for part in ("nlu", "core") for path in (Path(rasa.__file__).parent / part).rglob("*.py")]
    modules = [ast.parse(path.read_text(encoding="utf-8")) for path in paths]
    need_it = {name for module in modules if _imports_tensorflow(module) for name in _components(module)}

    assert "DIETClassifier" in need_it
    assert need_it - NEEDS_TENSORFLOW == set()


def _named(config: Any) -> Set[str]:
    return {step["name"] for part in ("pipeline", "policies") for step in config[part]}


def _imports_tensorflow(module: ast.Module) -> bool:
    names = [alias.name for node in module.body if isinstance(node, ast.Import) for alias in node.names]
    return any(name.partition(".")[0] in without_tensorflow.ABSENT_PACKAGES for name in names)


def _components(module: ast.Module) -> Iterator[str]:
    for node in module.body:
        decorators = [ast.unparse(each) for each in node.decorator_list] if isinstance(node, ast.ClassDef) else []
        if any("DefaultV1Recipe.register" in decorator for decorator in decorators):
            yield node.name
