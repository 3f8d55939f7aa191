"""Holds the conversations in suite/ with the assistant: starts one of its own, with nothing stored, and stops it afterwards."""
from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from typing import Iterator

import suite.__main__ as score
import suite.botium.__main__ as botium
from server.settings import ROOT
from tools.bench_bots import free_ports

START_SECONDS = 90
STOP_SECONDS = 30


def main() -> int:
    """Scores all conversations, or, with ``botium`` first, runs a part of them through Botium; the status is that of either."""
    runner, arguments = (botium, sys.argv[2:]) if sys.argv[1:2] == ["botium"] else (score, sys.argv[1:])
    try:
        with own_assistant() as url:
            return runner.main([url, "--contract", *arguments])
    except RuntimeError as error:
        print(error, file=sys.stderr)
        return 2


@contextlib.contextmanager
def own_assistant() -> Iterator[str]:
    """The assistant on free ports, with a data folder that is thrown away; gives the address of its REST webhook.

    Raises:
        RuntimeError: it did not start.
    """
    port, action_port = free_ports(2)
    with tempfile.TemporaryDirectory(prefix="suite-") as data:
        # Nothing of the settings of whoever runs this: neither their channels nor their key.
        kept = {name: value for name, value in os.environ.items() if not name.startswith("DYSTONIA_")}
        own = {"DYSTONIA_PORT": str(port), "DYSTONIA_ACTION_PORT": str(action_port), "DYSTONIA_DATA": data}
        command = [sys.executable, "-W", "ignore", "-m", "server.run"]
        process = subprocess.Popen(command, cwd=ROOT, env={**kept, **own}, stdout=subprocess.DEVNULL)
        try:
            for page in (f"http://127.0.0.1:{action_port}/health", f"http://127.0.0.1:{port}/webhooks/rest/"):
                _wait_for(page, process)
            yield f"http://127.0.0.1:{port}/webhooks/rest/webhook"
        finally:
            process.terminate()
            process.wait(STOP_SECONDS)


def _wait_for(page: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError), urllib.request.urlopen(page, timeout=1):
            return
        time.sleep(0.05)
    raise RuntimeError("The assistant did not start. Mend: see what it says above, or run 'make run'.")


if __name__ == "__main__":
    sys.exit(main())
