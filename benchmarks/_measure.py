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
    """Seconds on the wall, seconds of the processor (all threads), and megabytes above what was there at the start."""

    wall: float
    cpu: float
    peak: float


def cost(call: Callable[[], Any]) -> Cost:
    """One call. The peak is known on Linux only (NaN elsewhere)."""
    before = _start_peak()
    wall, cpu = time.perf_counter(), time.process_time()
    call()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return Cost(wall, cpu, _status("VmHWM") - before)


def peaks(calls: dict[str, Callable[[], Any]], module: str, options: list[str]) -> dict[str, float]:
    """Peaks of calls in megabytes, of what they really have, from a process of its own that gives freed arrays back at once.

    By itself glibc keeps what was freed for the next array: the peak of one and the same call then differs by tens of
    megabytes from run to run. Giving back costs time, so time is not measured there.

    Args:
        calls: as for `ratios`; each is called once before.
        module: the benchmark that calls this function, run again by its name.
        options: its command line.
    """
    if MEASURES_PEAKS in os.environ:
        for call in calls.values():
            call()
        print(json.dumps({name: cost(call).peak for name, call in calls.items()}))
        sys.exit()
    environment = {MEASURES_PEAKS: "1", "MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536"}
    command = [sys.executable, "-m", module, *options]
    said = subprocess.run(command, env=os.environ | environment, stdout=subprocess.PIPE, text=True, check=True).stdout  # noqa: S603
    return json.loads(said.splitlines()[-1])


def ratios(calls: dict[str, Callable[[], Any]], reference: str, rounds: int) -> dict[str, tuple[float, float, float]]:
    """Median over rounds of the ratio to the reference in the same round (wall, processor), and the largest peak.

    Rounds are interleaved because a shared machine is faster now and slower then.
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
    """Print a budget and whether it is kept."""
    kept = value <= limit
    print(f"{'✓' if kept else '✗'} {what}: {value:.2f}{unit} (budget {limit:g}{unit})")
    return kept


def _start_peak() -> float:
    if not STATUS.exists():
        return float("nan")
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    return _status("VmRSS")


def _status(field: str) -> float:
    if not STATUS.exists():
        return float("nan")
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith(field))
    return int(line.split()[1]) / 1024
