"""docs/openapi.yml names every address that the running assistant has, and no other."""
from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, Set, Tuple

import pytest
import yaml

from server.settings import ROOT

OPEN_ALL = {
    "DYSTONIA_SLACK_TOKEN": "xoxb-1",
    "DYSTONIA_SLACK_SECRET": "0123456789abcdef",
    "DYSTONIA_TELEGRAM_TOKEN": "1:a",
    "DYSTONIA_TELEGRAM_SECRET": "0123456789abcdef",
}
ROUTES_OF = """
import json, pathlib
from server import serve
class Serving:
    def __init__(self, app, *_):
        self.routes = app.router.routes
    def run(self):
        told = sorted([method, "/" + route.path] for route in self.routes for method in route.methods)
        print("ROUTES " + json.dumps(told))
serve.Serving = Serving
serve.main(pathlib.Path("no model"))
"""
METHODS = ("get", "post", "put", "patch", "delete", "options", "head")


@pytest.fixture(scope="module")
def described() -> Dict[str, Any]:
    """The file."""
    return yaml.safe_load((ROOT / "docs" / "openapi.yml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def routes(tmp_path_factory: pytest.TempPathFactory) -> Set[Tuple[str, str]]:
    """Method and path of each route of the server, with every channel open; it is made ready, but does not listen."""
    environment = {**os.environ, **OPEN_ALL, "DYSTONIA_DATA": str(tmp_path_factory.mktemp("data"))}
    command = [sys.executable, "-W", "ignore", "-c", ROUTES_OF]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=120)
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("ROUTES ")] or [done.stderr]
    return {(method, path) for method, path in json.loads(line[len("ROUTES ") :])}


def test_every_address_is_described_and_none_that_is_not_there(described: Dict[str, Any], routes: Set[Tuple[str, str]]) -> None:
    told = {(method.upper(), path) for path, item in described["paths"].items() for method in item if method in METHODS}

    assert told == routes


def test_whatever_takes_words_in_says_how_it_refuses_them(described: Dict[str, Any]) -> None:
    for path, item in described["paths"].items():
        for operation in item.values():
            if "requestBody" in operation:
                assert {"408", "413", "503"} <= set(operation["responses"]), path


def test_the_replies_are_those_of_the_contract(described: Dict[str, Any]) -> None:
    assert described["components"]["schemas"]["Reply"] == {"$ref": "reply.schema.json"}
    assert (Path(ROOT) / "docs" / "reply.schema.json").is_file()
