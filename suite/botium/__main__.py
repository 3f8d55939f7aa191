"""``python -m suite.botium URL``: writes a part of the suite as convo files and runs them through botium-core."""
from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Optional, Sequence

from suite.botium.convos import write_convos
from suite.reading import SuiteError, read_suite

FOLDER = Path(__file__).resolve().parent
GROUPS = ["Emergencies", "Comparisons", "Corrections", "Out of scope"]
"""The part that is run: danger, two subjects, talks of several turns, and what does not belong here."""


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Runs them; the status is 0, 1 where less passes than ``--floor`` says, or 2 where they could not be run."""
    options = _parser().parse_args(arguments)
    missing = [program for program in ("node", "npm") if shutil.which(program) is None]
    if missing:
        print(f"Not found: {', '.join(missing)}. Mend: install Node 18 or newer; Botium runs on it.", file=sys.stderr)
        return 2
    try:
        suite = read_suite()
    except SuiteError as error:
        print(error, file=sys.stderr)
        return 2
    talks = [talk for group in suite.groups if group.name in options.groups for talk in group.conversations]
    if not _install():
        return 2
    with tempfile.TemporaryDirectory(prefix="botium-") as work:
        convos = (options.keep or Path(work) / "convos").resolve()
        write_convos(talks, suite.always_avoided, options.contract, convos)
        # Botium leaves a folder of its own where it is started.
        command = ["node", str(FOLDER / "run.js"), str(convos), options.url, str(options.floor)]
        return subprocess.run(command, cwd=work, check=False).returncode


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m suite.botium", description="Runs a part of the suite through botium-core.")
    parser.add_argument("url", help="the bot's webhook, such as http://127.0.0.1:5005/webhooks/rest/webhook")
    parser.add_argument("--contract", action="store_true", help="look at the replies' account of themselves too")
    parser.add_argument("--groups", nargs="+", default=GROUPS, help="groups of conversations to run")
    parser.add_argument("--floor", type=float, default=90.0, help="percent that must pass")
    parser.add_argument("--keep", type=Path, help="folder to write the convo files to, and to leave them in")
    return parser


def _install() -> bool:
    """Installs botium-core as it is pinned, without the script in it that reports each installation to its maker."""
    done, pinned = FOLDER / "node_modules" / ".package-lock.json", FOLDER / "package-lock.json"
    if done.is_file() and done.stat().st_mtime >= pinned.stat().st_mtime:
        return True
    print("Installing botium-core (half a minute, the first time) ...", flush=True)
    return subprocess.run(["npm", "ci", "--ignore-scripts", "--silent"], cwd=FOLDER, check=False).returncode == 0


if __name__ == "__main__":
    sys.exit(main())
