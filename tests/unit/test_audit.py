"""`make audit`: which advisories concern a pinned version, and that none goes unjudged."""
from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List

import pytest
import yaml

from tools import audit


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A database of one package, and a project that pins it."""
    monkeypatch.setattr(audit, "ROOT", tmp_path)
    monkeypatch.setattr(audit, "JUDGED", tmp_path / "security.md")
    (tmp_path / "requirements.txt").write_text("a-package==1.5 \\\n    --hash=sha256:0\nanother==2\n")
    (tmp_path / "security.md").write_text("# Security\n")
    (tmp_path / "vulns" / "a-package").mkdir(parents=True)
    return tmp_path


def tell(database: Path, *events: Dict[str, str], **more: Any) -> None:
    """Puts an advisory into the database."""
    affected: Dict[str, Any] = {"package": {"name": "A_package", "ecosystem": "PyPI"}}
    affected["ranges"] = [{"type": "ECOSYSTEM", "events": list(events)}]
    affected["versions"] = more.pop("versions", [])
    told = {"id": "PYSEC-1", "aliases": ["CVE-1", "GHSA-1"], "details": "It\nbreaks.", "affected": [affected], **more}
    (database / "vulns" / "a-package" / "PYSEC-1.yaml").write_text(yaml.safe_dump(told))


@pytest.mark.parametrize(
    "events, concerns",
    [
        ([{"introduced": "0"}, {"fixed": "1.6"}], True),
        ([{"introduced": "0"}, {"fixed": "1.5"}], False),
        ([{"introduced": "1.5"}], True),
        ([{"introduced": "1.5.1"}], False),
        ([{"introduced": "0"}, {"last_affected": "1.5"}], True),
        ([{"introduced": "0"}, {"last_affected": "1.4"}], False),
        ([{"introduced": "0"}, {"fixed": "1.2"}, {"introduced": "1.4"}, {"fixed": "1.10"}], True),
    ],
)
def test_a_range_concerns_what_lies_in_it(
    database: Path, capsys: pytest.CaptureFixture, events: List[Dict[str, str]], concerns: bool
) -> None:
    tell(database, *events)

    assert audit.main([str(database)]) == int(concerns)
    assert ("a-package 1.5: PYSEC-1, CVE-1, GHSA-1: NOT JUDGED" in capsys.readouterr().out) is concerns


def test_a_version_may_be_named(database: Path) -> None:
    tell(database, {"introduced": "9"}, versions=["1.4", "1.5"])

    assert audit.main([str(database)]) == 1


@pytest.mark.parametrize("name", ["PYSEC-1", "CVE-1", "GHSA-1"])
def test_what_the_page_names_is_judged(database: Path, name: str) -> None:
    tell(database, {"introduced": "0"})
    audit.JUDGED.write_text(f"| a-package | {name} | not reachable |")

    assert audit.main([str(database)]) == 0


def test_a_longer_name_is_another_advisory(database: Path) -> None:
    tell(database, {"introduced": "0"}, aliases=[])
    audit.JUDGED.write_text("PYSEC-12")

    assert audit.main([str(database)]) == 1


def test_a_withdrawn_advisory_concerns_nobody(database: Path) -> None:
    tell(database, {"introduced": "0"}, withdrawn="2024-01-01T00:00:00Z")

    assert audit.main([str(database)]) == 0


def test_without_a_database_it_says_where_to_get_one(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert audit.main([]) == audit.main([str(tmp_path)]) == 1
    assert capsys.readouterr().err.count("advisory-database") == 2
