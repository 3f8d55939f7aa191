"""`make env` on machines of many kinds, without installing anything: stand-ins on the PATH show what would be run."""
from __future__ import annotations

import ast
import os
import stat
import sys
from pathlib import Path

import pytest

from tools import environment

PYTHON_3_10 = "echo 3 10"
PYTHON_3_12 = "echo 3 12"
DEAD_SHIM = "echo \"pyenv: python3.10: command not found\" >&2; exit 127"


class Machine:
    """A machine with an empty PATH and an empty home."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.bin, self.home = folder, folder / "bin", folder / "home"
        self.bin.mkdir()
        self.home.mkdir()
        monkeypatch.setenv("PATH", str(self.bin))
        monkeypatch.setenv("HOME", str(self.home))
        monkeypatch.delenv("PYENV_ROOT", raising=False)
        monkeypatch.setattr(environment, "TOOLS", folder / "tools")

    def has(self, name: str, script: str) -> str:
        """Puts a program into the PATH or, with a folder in its name, somewhere else."""
        path = self.bin / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return str(path)

    def has_uv(self, status: int = 0, words: str = "") -> str:
        """uv, which writes down what it was asked to do."""
        return self.has("uv", f'echo "$@" >> {self.folder}/asked; echo "{words}" >&2; exit {status}')

    def asked_of_uv(self) -> str:
        """What uv was asked to do."""
        asked = self.folder / "asked"
        return asked.read_text() if asked.exists() else ""


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """The machine that the test runs on, as environment.py sees it."""
    return Machine(tmp_path, monkeypatch)


def test_the_version_of_an_interpreter_is_found_by_running_it(machine: Machine) -> None:
    assert environment.version_of(sys.executable) == sys.version_info[:2]
    assert environment.version_of(machine.has("python3.10", PYTHON_3_12)) == (3, 12)


def test_what_does_not_run_has_no_version(machine: Machine) -> None:
    assert environment.version_of("python3.10") is None
    assert environment.version_of(machine.has("python3.10", DEAD_SHIM)) is None


def test_python_on_the_path_is_taken(machine: Machine) -> None:
    machine.has("python3.10", PYTHON_3_10)

    assert environment.find_python(machine.has_uv()) == "python3.10"
    assert machine.asked_of_uv() == ""


def test_behind_a_dead_shim_the_versions_of_pyenv_are_looked_through(machine: Machine) -> None:
    machine.has("python3.10", DEAD_SHIM)
    found = machine.has(f"{machine.home}/.pyenv/versions/3.10.13/bin/python3.10", PYTHON_3_10)

    assert environment.find_python(machine.has_uv()) == found
    assert machine.asked_of_uv() == ""


def test_pyenv_may_live_elsewhere(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYENV_ROOT", str(machine.folder / "elsewhere"))
    found = machine.has(f"{machine.folder}/elsewhere/versions/3.10.4/bin/python3.10", PYTHON_3_10)

    assert environment.find_python(machine.has_uv()) == found


def test_other_versions_of_pyenv_are_left_alone(machine: Machine) -> None:
    machine.has(f"{machine.home}/.pyenv/versions/3.12.1/bin/python3.10", PYTHON_3_12)
    machine.has(f"{machine.home}/.pyenv/versions/3.10.1/bin/python3.10", PYTHON_3_12)

    assert environment.find_python(machine.has_uv()) == "3.10"


def test_with_no_python_uv_fetches_one(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    assert environment.find_python(machine.has_uv()) == "3.10"

    assert machine.asked_of_uv().split() == ["python", "install", "--quiet", "3.10"]
    assert "uv fetches one" in capsys.readouterr().out


def test_when_uv_can_fetch_none_the_mend_is_said(machine: Machine) -> None:
    with pytest.raises(environment.SetupError) as failed:
        environment.find_python(machine.has_uv(status=2, words="error: no route to host"))

    assert "no route to host" in str(failed.value)
    assert "Mend: install Python 3.10" in str(failed.value)


def test_uv_on_the_path_is_taken(machine: Machine) -> None:
    installed = machine.has_uv()

    assert environment.find_uv() == installed


def test_uv_that_was_installed_before_is_taken(machine: Machine) -> None:
    installed = machine.has(f"{machine.folder}/tools/bin/uv", "exit 0")

    assert environment.find_uv() == installed


def test_a_python_that_makes_no_environments_is_said(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", machine.has("python3", "echo 'No module named venv' >&2; exit 1"))

    with pytest.raises(environment.SetupError, match="Mend: install the package python3-venv, or uv"):
        environment.find_uv()
    assert not (machine.folder / "tools").exists()


@pytest.mark.parametrize(
    "words, mend",
    [
        ("error: command 'gcc' failed: No such file or directory", "C compiler"),
        ("Failed to fetch: dns error", "check the network"),
    ],
)
def test_a_failed_command_says_what_it_said_and_the_mend(machine: Machine, words: str, mend: str) -> None:
    with pytest.raises(environment.SetupError) as failed:
        environment.run([machine.has("tool", f'echo "{words}" >&2; exit 1')], "install the packages")

    said = str(failed.value)
    assert words in said and "Could not install the packages. Mend:" in said and mend in said


def test_a_command_that_works_says_nothing(machine: Machine, capfd: pytest.CaptureFixture[str]) -> None:
    environment.run([machine.has("tool", "echo busy; echo noise >&2")], "install the packages")

    assert capfd.readouterr() == ("", "")


def test_what_is_installed_is_not_installed_again(machine: Machine, tmp_path: Path) -> None:
    # Given an environment that was made on a machine with everything,
    requirements, venv = tmp_path / "requirements.txt", tmp_path / "venv"
    requirements.write_text("a==1 --hash=sha256:0")
    machine.has("python3.10", PYTHON_3_10)
    machine.has(f"{venv}/bin/python", PYTHON_3_10)
    machine.has_uv()
    environment.ensure(requirements, venv)
    first = machine.asked_of_uv()
    # when it is asked for again, nothing is done;
    environment.ensure(requirements, venv)
    assert machine.asked_of_uv() == first
    # but when a pin has changed, the packages are installed with their hashes.
    requirements.write_text("a==2 --hash=sha256:1")
    environment.ensure(requirements, venv)
    again = machine.asked_of_uv()[len(first) :]
    assert again.startswith("pip sync") and "--require-hashes" in again and str(requirements) in again


def test_a_failed_installation_is_tried_again(machine: Machine, tmp_path: Path) -> None:
    requirements, venv = tmp_path / "requirements.txt", tmp_path / "venv"
    requirements.write_text("a==1 --hash=sha256:0")
    machine.has(f"{venv}/bin/python", PYTHON_3_10)
    machine.has_uv(status=1)
    with pytest.raises(environment.SetupError):
        environment.ensure(requirements, venv)

    machine.has_uv()
    before = machine.asked_of_uv()
    environment.ensure(requirements, venv)

    assert machine.asked_of_uv() != before


def test_every_command_of_the_environment_finds_the_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packages = tmp_path / "lib" / "python3.10" / "site-packages"
    packages.mkdir(parents=True)
    monkeypatch.setattr(environment, "VENV", tmp_path)

    environment.write_path_file()

    (written,) = packages.glob("*.pth")
    lines = written.read_text().splitlines()
    assert lines[0] == str(environment.ROOT)
    # Python runs a line of such a file only when it begins with "import".
    assert all(line.startswith("import ") for line in lines[1:])
    assert "without_tensorflow.install()" in lines[-1]


def test_another_system_is_told_what_to_do(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(os, "name", "nt")
        status = environment.main()

    assert status == 1
    assert "Mend: on Windows, use WSL." in capsys.readouterr().err


def test_a_fault_is_said_without_a_traceback(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def fail(*_: object) -> None:
        raise environment.SetupError("Something is missing. Mend: get it.")

    monkeypatch.setattr(environment, "ensure", fail)

    assert environment.main() == 1
    assert capsys.readouterr().err == "Something is missing. Mend: get it.\n"


def test_it_runs_on_python_3_9_with_nothing_installed() -> None:
    source = Path(environment.__file__).read_text(encoding="utf-8")
    tree = ast.parse(source, feature_version=(3, 9))

    imports = [node for node in ast.walk(tree) if isinstance(node, (ast.Import, ast.ImportFrom))]
    named = {node.module if isinstance(node, ast.ImportFrom) else alias.name for node in imports for alias in node.names}
    assert {name.partition(".")[0] for name in named} <= set(sys.stdlib_module_names)
