"""reports/sbom.json lists what is installed, and nothing in it tells of the machine that it was made on."""
from __future__ import annotations

import json
import re
from typing import Any, Dict

import pytest

from tools import sbom
from tools.environment import ROOT

NO_LICENCE_TOLD = {"axe-playwright-python", "onnx", "partd", "protobuf", "tarsafe", "typing-utils"}
"""Packages whose own description names no licence; each has one in its files."""


@pytest.fixture(scope="module")
def listed() -> Dict[str, Any]:
    """The list."""
    return json.loads(sbom.SBOM.read_text(encoding="utf-8"))


def test_it_lists_every_pinned_package_and_no_other(listed: Dict[str, Any]) -> None:
    difference = sbom.packages(listed) ^ sbom.pinned(ROOT / "requirements.txt")

    assert not difference, "run 'make sbom' after 'make lock'"


def test_it_has_the_form_that_it_says(listed: Dict[str, Any]) -> None:
    assert (listed["bomFormat"], listed["specVersion"]) == ("CycloneDX", sbom.FORM)
    for component in listed["components"]:
        assert re.fullmatch(r"pkg:pypi/[a-z0-9._-]+@\S+", component["purl"])
        assert component["type"] == "library" and component["bom-ref"]


def test_each_package_tells_its_licence(listed: Dict[str, Any]) -> None:
    silent = {component["name"] for component in listed["components"] if not component.get("licenses")}

    assert silent <= NO_LICENCE_TOLD


def test_what_needs_what_is_listed_too(listed: Dict[str, Any]) -> None:
    needs = {entry["ref"]: entry.get("dependsOn", []) for entry in listed["dependencies"]}

    assert set(needs) == {component["bom-ref"] for component in listed["components"]} | {"root-component"}
    assert "sanic==21.12.2" in needs["rasa==3.6.21"]


def test_it_is_the_same_wherever_it_is_made(listed: Dict[str, Any]) -> None:
    text = sbom.SBOM.read_text(encoding="utf-8")

    assert not {"serialNumber", "signature"} & set(listed) and "timestamp" not in listed["metadata"]
    assert str(ROOT) not in text and "file:" not in text
    assert set(re.findall(r"https?://[^\s\"]+", text)) <= {listed["$schema"]}


def test_addresses_are_left_out() -> None:
    component = {"name": "a", "version": "1", "externalReferences": [{"type": "distribution", "url": "https://registry.example"}]}
    listed = {"components": [dict(component)], "metadata": {"tools": {"components": [dict(component)]}}}

    assert "registry" not in json.dumps(sbom.plain(listed))
