"""`make validate`: Rasa's own check of domain, rules, stories and examples; a warning counts as a fault."""
from __future__ import annotations

import os
import subprocess
import sys

from server.settings import ROOT


def main() -> int:
    """Runs `rasa data validate --fail-on-warnings`; shows its words only when it finds something."""
    command = [sys.executable, "-W", "ignore", "-m", "rasa", "data", "validate", "--fail-on-warnings"]
    environment = {**os.environ, "TQDM_DISABLE": "1", "RASA_TELEMETRY_ENABLED": "false"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    complaints = [line for line in (done.stdout + done.stderr).splitlines() if "UserWarning" in line or " ERROR " in line]
    if done.returncode or complaints:
        print("\n".join(complaints) or done.stderr[-2000:], file=sys.stderr)
        return 1
    print("Rasa finds nothing to mend in domain, rules, stories and examples.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
