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
    failed = [
        name
        for name in names
        if subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], env=environment).returncode
    ]  # noqa: PLW1510, S603
    return len(failed)


if __name__ == "__main__":
    sys.exit(main())
