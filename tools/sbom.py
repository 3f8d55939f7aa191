"""Writes reports/sbom.json: every package that the assistant is installed with, in the form of CycloneDX.

The list comes from cyclonedx-bom, which reads the environment and checks what it writes against the form's own schema. It is
the same on every machine of one kind: no time, no path, no serial number, and no address that a package was fetched from.
"""
from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, Set

from server.settings import ROOT
from tools.environment import SetupError, ensure_sbom

SBOM = ROOT / "reports" / "sbom.json"
FORM = "1.6"

def main() -> int:
    """Writes the file; returns the exit status."""
    try:
        tool = ensure_sbom().with_name("cyclonedx-py")
    except SetupError as error:
        print(error, file=sys.stderr)
        return 1
    flags = ["--output-reproducible", "--validate", "--output-format", "JSON", "--spec-version", FORM, "--output-file", "-"]
    command = [str(tool), "environment", "--pyproject", str(ROOT / "pyproject.toml"), *flags, sys.executable]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"{done.stderr}\nNo list could be made. Mend: make env, then run it again.", file=sys.stderr)
        return 1
    listed = plain(json.loads(done.stdout))
    SBOM.write_text(json.dumps(listed, indent=1, ensure_ascii=False, sort_keys=True) + "\n", encoding="utf-8")
    print(f"{len(listed['components'])} packages are listed in {SBOM.relative_to(ROOT)}.")
    return 0


def plain(listed: Dict[str, Any]) -> Dict[str, Any]:
    """The list without addresses, which may differ from machine to machine, and without what may hold some."""
    for component in (*listed["components"], *listed["metadata"]["tools"]["components"]):
        for field in ("externalReferences", "description"):
            component.pop(field, None)
    return listed


def packages(listed: Dict[str, Any]) -> Set[str]:
    """``name==version`` of all that is listed."""
    return {f"{_normal(component['name'])}=={component['version']}" for component in listed["components"]}


def pinned(requirements: Path) -> Set[str]:
    """``name==version`` of all that a requirements file pins."""
    return set(re.findall(r"^([a-z0-9-]+==[^\s\\]+)", requirements.read_text(encoding="utf-8"), re.MULTILINE))


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    sys.exit(main())
