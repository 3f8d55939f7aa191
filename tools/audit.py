"""Compares the pinned packages with known vulnerabilities, without a network: with a copy of the PyPA advisory database.

An advisory that concerns a pinned version must be judged in docs/security.md, by its id or one of its other names; any that is
not is printed, and the command fails. The database is at github.com/pypa/advisory-database: clone it, and pass the folder.
"""
from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple

import yaml
from packaging.version import InvalidVersion, Version

from server.settings import ROOT

JUDGED = ROOT / "docs" / "security.md"
_PIN = re.compile(r"^([a-z0-9-]+)==([^\s\\]+)", re.MULTILINE)
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class Advisory:
    """A known vulnerability of one package, as far as it matters here."""

    id: str
    names: Tuple[str, ...]
    details: str

    def is_judged(self, page: str) -> bool:
        """Whether a page names it, by any of its names."""
        return any(re.search(rf"{re.escape(name)}\b", page) for name in self.names)


def main(arguments: List[str]) -> int:
    """Prints what is not judged yet; returns 1 where there is any, or no database."""
    folder = Path(arguments[0]) / "vulns" if arguments else None
    if folder is None or not folder.is_dir():
        print("Mend: clone github.com/pypa/advisory-database, then: make audit DATA=<its folder>.", file=sys.stderr)
        return 1
    page = JUDGED.read_text(encoding="utf-8")
    pins = dict(_PIN.findall((ROOT / "requirements.txt").read_text(encoding="utf-8")))
    found = [(package, advisory) for package, version in pins.items() for advisory in concerning(folder, package, version)]
    for package, advisory in found:
        judged = "judged in docs/security.md" if advisory.is_judged(page) else "NOT JUDGED"
        print(f"{package} {pins[package]}: {', '.join(advisory.names)}: {judged}\n  {advisory.details[:160]}")
    left = [advisory for _, advisory in found if not advisory.is_judged(page)]
    print(f"{len(pins)} packages, {len(found)} advisories that concern them, {len(left)} not judged.")
    return 1 if left else 0


def concerning(folder: Path, package: str, version: str) -> Iterator[Advisory]:
    """The advisories that concern a version of a package; withdrawn ones are left out."""
    for path in sorted((folder / package).glob("*.yaml")):
        told = yaml.load(path.read_text(encoding="utf-8"), Loader=_LOADER)
        if not told.get("withdrawn") and any(_concerns(affected, package, version) for affected in told["affected"]):
            details = " ".join((told.get("summary") or told.get("details", "")).split())
            yield Advisory(told["id"], (told["id"], *told.get("aliases", ())), details)


def _concerns(affected: Dict[str, Any], package: str, version: str) -> bool:
    if re.sub(r"[-_.]+", "-", affected["package"]["name"]).lower() != package:
        return False
    ranges = [each["events"] for each in affected.get("ranges", ()) if each["type"] == "ECOSYSTEM"]
    return version in affected.get("versions", ()) or any(_within(events, Version(version)) for events in ranges)


def _within(events: List[Dict[str, str]], version: Version) -> bool:
    """Whether a version lies in a range of the OSV format: the last event at or before it decides."""
    inside = False
    for kind, at in ((kind, _version(at)) for event in events for kind, at in event.items()):
        if kind == "introduced" and version >= at:
            inside = True
        elif kind == "fixed" and version >= at or kind == "last_affected" and version > at:
            inside = False
    return inside


def _version(text: str) -> Version:
    try:
        return Version(text)
    except InvalidVersion:
        return Version("0")


if __name__ == "__main__":
    sys.exit(main([argument for argument in sys.argv[1:] if argument]))
