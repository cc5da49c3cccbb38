"""Time and memory of calls in this process."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

STATUS = Path("/proc/self/status")

MEASURES_PEAKS = "TRACEBENCH_MEASURES_PEAKS"


class Cost(NamedTuple):
    """Wall seconds, processor seconds (all threads), and peak megabytes above the memory in use at the start."""

    wall: float
    cpu: float
    peak: float


def cost(call: Callable[[], Any]) -> Cost:
    """The cost of one call. The peak is NaN on systems other than Linux."""
    before = _start_peak()
    wall, cpu = time.perf_counter(), time.process_time()
    call()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return Cost(wall, cpu, _status("VmHWM") - before)


def peaks(calls: dict[str, Callable[[], Any]], module: str, options: list[str]) -> dict[str, float]:
    """Peak megabytes of each call, measured in a separate process that returns freed memory to the system at once.

    By default glibc keeps freed memory for the next array, and the peak of the same call then differs by tens of
    megabytes between runs. Returning memory costs time, so no time is measured in that process.

    Args:
        calls: name -> call, as for `ratios`; each is called once as a warm-up.
        module: the benchmark that calls this function; the separate process runs it again.
        options: its command line.
    """
    if MEASURES_PEAKS in os.environ:
        for call in calls.values():
            call()
        print(json.dumps({name: cost(call).peak for name, call in calls.items()}))
        sys.exit()
    environment = {MEASURES_PEAKS: "1", "MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536"}
    command = [sys.executable, "-m", module, *options]
    output = subprocess.run(command, env=os.environ | environment, stdout=subprocess.PIPE, text=True, check=True).stdout  # noqa: S603
    return json.loads(output.splitlines()[-1])


def ratios(calls: dict[str, Callable[[], Any]], reference: str, rounds: int) -> dict[str, tuple[float, float, float]]:
    """For each call: the median ratios to the reference (wall, processor) and the largest peak in megabytes.

    Each round measures all calls, and a ratio compares within one round, because the speed of a shared machine varies.
    """
    rows = [{name: cost(call) for name, call in calls.items()} for _ in range(rounds)]
    return {
        name: (
            median(row[name].wall / row[reference].wall for row in rows),
            median(row[name].cpu / row[reference].cpu for row in rows),
            max(row[name].peak for row in rows),
        )
        for name in calls
    }


def verdict(what: str, value: float, limit: float, unit: str = "") -> bool:
    """Print a value with its budget, and return whether the value is within it."""
    kept = value <= limit
    print(f"{'✓' if kept else '✗'} {what}: {value:.2f}{unit} (budget {limit:g}{unit})")
    return kept


def _start_peak() -> float:
    if not STATUS.exists():
        return float("nan")
    Path("/proc/self/clear_refs").write_text("5")  # resets the peak
    return _status("VmRSS")


def _status(field: str) -> float:
    if not STATUS.exists():
        return float("nan")
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith(field))
    return int(line.split()[1]) / 1024
