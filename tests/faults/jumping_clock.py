"""Runs one of the project's processes with a clock that is as far off as a file says, read each time anyone asks for the time.

As a process: file, module, arguments. What reads the time in C (SQLite, the log's own stamps) is not moved, and neither is the
monotonic clock, which no one can set.
"""
from __future__ import annotations

import runpy
import sys
import time
from pathlib import Path


def main() -> None:
    """Puts the clock in place before the module is imported."""
    seconds_off, module, *arguments = sys.argv[1:]
    true_time = time.time
    time.time = lambda: true_time() + float(Path(seconds_off).read_text())
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__")


if __name__ == "__main__":
    main()
