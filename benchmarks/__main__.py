"""Run benchmarks, each in its own process, so that no benchmark warms up another. Without names, run all of them."""

import argparse
import os
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parent


def main() -> int:
    known = sorted(file.stem for file in FOLDER.glob("*.py") if not file.stem.startswith("_"))
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=f"one or more of {', '.join(known)}")
    names = parser.parse_args().names or known
    unknown = [name for name in names if name not in known]
    if unknown:
        parser.error(f"no benchmark {', '.join(unknown)}; choose from {', '.join(known)}")
    # Waiting OpenMP threads spin by default, and then any other busy process makes a forward pass 13 times slower.
    environment = {"OMP_WAIT_POLICY": "passive", "HF_HUB_OFFLINE": "1", **os.environ}
    commands = [[sys.executable, "-m", f"benchmarks.{name}"] for name in names]
    return sum(subprocess.run(command, env=environment, check=False).returncode != 0 for command in commands)  # noqa: S603


if __name__ == "__main__":
    sys.exit(main())
