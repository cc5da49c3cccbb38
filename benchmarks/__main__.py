"""``python -m benchmarks [name ...]``: each in a process of its own, so that none warms up another."""

import os
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parent


def main() -> int:
    names = sys.argv[1:] or sorted(file.stem for file in FOLDER.glob("*.py") if not file.stem.startswith("_"))
    # Waiting OpenMP threads spin by default, and then any other busy process makes a forward pass 13 times slower.
    environment = {"OMP_WAIT_POLICY": "passive", "HF_HUB_OFFLINE": "1", **os.environ}
    commands = [[sys.executable, "-m", f"benchmarks.{name}"] for name in names]
    return sum(subprocess.run(command, env=environment, check=False).returncode != 0 for command in commands)  # noqa: S603


if __name__ == "__main__":
    sys.exit(main())
