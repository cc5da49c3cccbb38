"""Memory that is not there: told apart from other errors, said in a sentence, and asked about beforehand."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import torch

T = TypeVar("T")

#: How torch says it where it has no exception of its own: the processor's allocator (Linux and macOS, Windows), Apple's GPUs
#: and a driver, NVIDIA's matrices.
_FULL = ("can't allocate memory", "not enough memory", "out of memory", "CUBLAS_STATUS_ALLOC_FAILED")

#: Where Linux says what a group of processes may use, uses, and what of (version 2, version 1).
_GROUPS = tuple(
    tuple(f"/sys/fs/cgroup/{name}" for name in names)
    for names in (
        ("memory.max", "memory.current", "memory.stat"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "memory/memory.stat"),
    )
)

#: Pages of files in a group's statistics; version 1 counts what is below the group under ``total_``.
_PAGES = ("inactive_file", "active_file")


#: The machine's main memory.
MAIN = torch.device("cpu")


class DoesNotFit(ValueError):  # noqa: N818 - what is the case
    """More memory was needed than there is, in one sentence."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory is full; on some devices it is a mere ``RuntimeError``."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in _FULL)


@contextmanager
def fitting(sentence: str) -> Generator[None]:
    """Where memory runs out inside, this sentence is raised as `DoesNotFit`."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise DoesNotFit(sentence) from error


def halving(attempt: Callable[[int], T], rows: int, sentence: str) -> tuple[int, T]:
    """What is attempted with so many rows at a time, or half as many as often as memory runs out.

    Args:
        attempt: is called anew with fewer rows.
        rows: to begin with, at least 1.
        sentence: is raised as `DoesNotFit` where not even one row fits.

    Returns:
        The rows that fitted, and what the attempt gave.
    """
    while True:
        try:
            return rows, attempt(rows)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            if rows == 1:
                raise DoesNotFit(sentence) from error
        rows //= 2  # out here: the error holds on to what the attempt had in memory


def free_bytes(device: torch.device = MAIN) -> int | None:
    """What this process can still take of a device's memory, by default of the machine's main memory; None where nobody says."""
    if device.type == "cpu":
        known = [_available(), _of_address_space(), *map(_of_group, _GROUPS)]
    else:
        try:
            # What Apple's GPUs take is taken from the main memory.
            known = [_of_apple(), free_bytes()] if device.type == "mps" else [_of_device(device)]
        except RuntimeError:  # a driver that does not say, as those of Intel's integrated GPUs
            return None
    return min((max(0, size) for size in known if size is not None), default=None)


def _of_apple() -> int:
    return torch.mps.recommended_max_memory() - torch.mps.current_allocated_memory()


def _of_device(device: torch.device) -> int | None:
    """What a device with memory of its own has left, and what torch has taken of it and does not use."""
    try:
        backend: Any = torch.get_device_module(device)
    except RuntimeError:  # "meta", and devices whose package is not there
        return None
    if not hasattr(backend, "mem_get_info"):
        return None
    return backend.mem_get_info(device)[0] + backend.memory_reserved(device) - backend.memory_allocated(device)


def _available() -> int | None:
    """Linux's own estimate of what can be had without swapping."""
    for line in _read("/proc/meminfo").splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return None


def _of_address_space() -> int | None:
    """What a limit on the process (``ulimit -v``) leaves."""
    try:
        import resource
    except ImportError:  # not on Windows
        return None
    limit, used = resource.getrlimit(resource.RLIMIT_AS)[0], _read("/proc/self/statm").split()
    return max(0, limit - int(used[0]) * resource.getpagesize()) if limit != resource.RLIM_INFINITY and used else None


def _of_group(files: tuple[str, ...]) -> int | None:
    """What a container's limit leaves; pages of files that were read count as used there, and are given up when asked for."""
    limit, used, stat = (_read(name).strip() for name in files)
    if not (limit.isdigit() and used.isdigit()):
        return None
    counts = {name: int(count) for name, _, count in (line.partition(" ") for line in stat.splitlines())}
    pages = sum(counts.get(f"total_{name}", 0) or counts.get(name, 0) for name in _PAGES)
    return max(0, int(limit) - max(0, int(used) - pages))


def _read(name: str) -> str:
    try:
        return Path(name).read_text("ascii")
    except (OSError, ValueError):
        return ""
