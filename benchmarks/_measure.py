"""Time and memory of calls in this process."""

import ctypes
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

STATUS = Path("/proc/self/status")

#: Parameters of glibc's `mallopt`.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3


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


def peak(call: Callable[[], Any]) -> float:
    """The peak of one call in megabytes, of what it really has: freed arrays are given back at once.

    By itself glibc keeps what was freed for the next array, and the peak of one and the same call then differs by tens of
    megabytes from run to run. It stays so afterwards and costs time: measure time first.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        for parameter in (M_MMAP_THRESHOLD, M_TRIM_THRESHOLD):
            mallopt(parameter, 2**16)
    call()
    return cost(call).peak


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
