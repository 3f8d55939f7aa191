"""Makes the environment: Python 3.10, pinned and hashed packages. Runs on any Python from 3.9 on, with nothing installed.

Used by every make target that needs packages: does nothing, in a few milliseconds, when all is in place.
"""
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
TOOLS = ROOT / ".venv-tools"
STOCK = ROOT / ".venv-stock"
SERVERS = ROOT / ".venv-servers"
SBOM = ROOT / ".venv-sbom"
WITH_TENSORFLOW = ROOT / "requirements-tensorflow.txt"
WANTED = (3, 10)


class SetupError(Exception):
    """Something is missing that this script can't get; the message says what and how to mend it."""


def main():
    """Makes or mends the environment; returns the exit status."""
    if os.name != "posix":
        print("This runs on Linux and macOS. Mend: on Windows, use WSL.", file=sys.stderr)
        return 1
    requirements = WITH_TENSORFLOW if os.environ.get("TENSORFLOW") == "1" else ROOT / "requirements.txt"
    try:
        if "lock" in sys.argv:
            lock(find_uv())
        ensure(requirements)
        if "servers" in sys.argv:
            ensure(ROOT / "requirements-servers.txt", SERVERS)
    except SetupError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def ensure_stock():
    """Makes or mends the environment of stock Rasa, which the project is measured beside; returns its interpreter."""
    ensure(WITH_TENSORFLOW, STOCK)
    return python(STOCK)


def ensure_sbom():
    """Makes or mends the environment of the tool that lists packages; returns its interpreter."""
    ensure(ROOT / "requirements-sbom.txt", SBOM)
    return python(SBOM)


def ensure(requirements, venv=VENV):
    """Installs what a requirements file pins, unless just that is installed already."""
    stamp = venv / "installed"
    wanted = hashlib.sha256(requirements.read_bytes() + str(ROOT).encode()).hexdigest()
    if stamp.is_file() and stamp.read_text() == wanted and python(venv).exists():
        return
    uv = find_uv()
    if not (python(venv).exists() and version_of(str(python(venv))) == WANTED):
        shutil.rmtree(venv, ignore_errors=True)
        run([uv, "venv", "--quiet", "--python", find_python(uv), str(venv)], "make the environment")
    print("Installing packages (about a minute the first time) ...", flush=True)
    # Nothing is resolved here: the file names every package with its hash, and leaves some of Rasa's out on purpose.
    install = [uv, "pip", "sync", "--quiet", "--python", str(python(venv)), "--require-hashes", str(requirements)]
    run(install, "install the packages")
    if venv == VENV:
        write_path_file()
    stamp.write_text(wanted)


def lock(uv):
    """Pins all packages anew, with hashes and without the name of any host."""
    common = [uv, "pip", "compile", "--quiet", "--generate-hashes", "--no-emit-index-url", "--no-header", "--no-annotate"]
    project = [*common, "--python-version", "3.10", "--extra", "test", str(ROOT / "pyproject.toml")]
    run([*project, "--upgrade", "-o", str(ROOT / "requirements.txt")], "pin the packages")
    overrides = ["--no-config", "--override", str(ROOT / "tools" / "overrides-tensorflow.txt")]
    run(
        [*project, *overrides, "--upgrade", "-o", str(ROOT / "requirements-tensorflow.txt")], "pin the packages with TensorFlow"
    )
    servers = [*common, "--python-version", "3.10", "--no-config", str(ROOT / "tools" / "servers.in")]
    run([*servers, "--upgrade", "-o", str(ROOT / "requirements-servers.txt")], "pin the servers of `make cluster`")


def python(venv):
    """An environment's interpreter."""
    return venv / "bin" / "python"


def find_uv():
    """uv from the PATH, or installed, pinned and hashed, into a folder of its own."""
    found = shutil.which("uv")
    if found:
        return found
    if not (TOOLS / "bin" / "uv").exists():
        print("Getting uv, which installs packages ...", flush=True)
        try:
            subprocess.run([sys.executable, "-m", "venv", str(TOOLS)], check=True, capture_output=True)
        except subprocess.CalledProcessError:
            shutil.rmtree(TOOLS, ignore_errors=True)
            raise SetupError(
                "This Python can't make a virtual environment, and uv is not installed. "
                "Mend: install the package python3-venv, or uv, then run the command again."
            ) from None
        pip = [str(TOOLS / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        run([*pip, "--require-hashes", "-r", str(ROOT / "requirements-uv.txt")], "install uv")
    return str(TOOLS / "bin" / "uv")


def find_python(uv):
    """A Python 3.10: on the PATH, in pyenv's versions folder, or fetched by uv."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    candidates = ["python3.10", *sorted(map(str, pyenv.glob("3.10*/bin/python3.10")), reverse=True)]
    for candidate in candidates:
        # A pyenv shim exists for versions that are not active, and fails when it is run: so each is tried.
        if version_of(candidate) == WANTED:
            return candidate
    print("No Python 3.10 on this machine; uv fetches one ...", flush=True)
    run(
        [uv, "python", "install", "--quiet", "3.10"],
        "fetch Python 3.10",
        "install Python 3.10 (package python3.10, or 'pyenv install 3.10'), or allow uv to fetch it",
    )
    return "3.10"


def version_of(interpreter):
    """(major, minor) of an interpreter, or None when it does not run."""
    try:
        script = "import sys; print(*sys.version_info[:2])"
        answer = subprocess.run([interpreter, "-c", script], capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return tuple(int(part) for part in answer.stdout.split())


def write_path_file():
    """Lets every command of the environment, Rasa's own too, find the project and run without TensorFlow."""
    packages = next((VENV / "lib").glob("python*/site-packages"))
    lines = [str(ROOT), "import os; os.environ.setdefault('RASA_TELEMETRY_ENABLED', 'false')"]
    lines.append("import server.without_tensorflow; server.without_tensorflow.install()")
    (packages / "dystonia_assistant.pth").write_text("\n".join(lines) + "\n")


def run(command, purpose, mend=None):
    """Runs a command; its own words are shown only when it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return
    words = (done.stderr or done.stdout).strip()
    if not mend:
        mend = "install a C compiler (package build-essential)" if "gcc" in words or "compiler" in words else (
            "check the network, then run the command again"
        )
    raise SetupError("{}\nCould not {}. Mend: {}.".format(words, purpose, mend))


if __name__ == "__main__":
    if sys.version_info < (3, 9):
        sys.exit("This needs Python 3.9 or newer to start with. Mend: install a newer python3.")
    sys.exit(main())
