"""The time of ``import tracebench``: under 0.3 s, and without importing torch or anywidget."""

import json
import subprocess
import sys
from statistics import median

from benchmarks._measure import verdict

PROBE = """
import json, sys, time
started = time.perf_counter()
import tracebench
seconds = time.perf_counter() - started
print(json.dumps({"seconds": seconds, "modules": len(sys.modules), "heavy": [m for m in ("torch", "transformers", "anywidget", "numpy", "pandas") if m in sys.modules]}))
"""


def main() -> int:
    runs = [json.loads(subprocess.check_output([sys.executable, "-c", PROBE])) for _ in range(5)]  # noqa: S603
    seconds = median(run["seconds"] for run in runs)
    print(f"import tracebench: {runs[0]['modules']} modules, of the heavy ones {runs[0]['heavy'] or 'none'}")
    kept = verdict("seconds of import tracebench", seconds, 0.3, " s")
    return 0 if kept and not {"torch", "transformers", "anywidget"} & set(runs[0]["heavy"]) else 1


if __name__ == "__main__":
    sys.exit(main())
