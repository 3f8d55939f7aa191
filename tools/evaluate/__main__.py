"""Measures, prints, and writes reports/understanding.json and the page reports/latest/understanding.html."""

from __future__ import annotations

import sys
import time

from server.model import path_for_inputs
from server.settings import ROOT
from tools.assistant import Assistant
from tools.evaluate import page, table
from tools.evaluate.sections import measure

PAGE = ROOT / "reports" / "latest" / "understanding.html"


def main() -> int:
    """Returns the exit status: a goal that is not met is no failure."""
    started = time.monotonic()
    model = path_for_inputs()
    if not model.is_file():
        print(
            "There is no model for the present inputs. Mend: run 'make train', or 'make evaluate', which trains first.",
            file=sys.stderr,
        )
        return 1
    evaluation = measure(Assistant(model))
    before = table.previous()
    name = model.stem.split(".")[0]
    print(f"\nHow held-out messages are understood. Model {name}. In brackets: 95 % intervals.")
    print(table.terminal(evaluation.sections, before))
    table.KEPT.write_text(table.as_json(evaluation, name), encoding="utf-8")
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(page.document(evaluation, before, name), encoding="utf-8")
    print(f"Figures: {table.KEPT.relative_to(ROOT)}. To read and print: {PAGE.relative_to(ROOT)}.")
    print(f"Took {time.monotonic() - started:.0f} s.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
