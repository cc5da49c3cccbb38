"""Out-of-memory errors: recognise them, give them a clear message, and estimate free memory beforehand."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import torch

T = TypeVar("T")

#: Messages of torch's out-of-memory errors that are plain RuntimeErrors: CPU on Linux and macOS, CPU on Windows, Apple's
#: GPUs and drivers, NVIDIA's cuBLAS.
_FULL = ("can't allocate memory", "not enough memory", "out of memory", "CUBLAS_STATUS_ALLOC_FAILED")

#: Linux control groups (a container's limit), version 2 and version 1: the files with the limit, the use, and its details.
_GROUPS = tuple(
    tuple(f"/sys/fs/cgroup/{name}" for name in names)
    for names in (
        ("memory.max", "memory.current", "memory.stat"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "memory/memory.stat"),
    )
)

#: Cached file pages in a control group's statistics. Version 1 has a ``total_`` entry that includes the groups below.
_PAGES = ("inactive_file", "active_file")


#: The machine's main memory.
MAIN = torch.device("cpu")


class DoesNotFit(ValueError):  # noqa: N818 - the name states the fact
    """A computation needs more memory than there is; the message says what fits."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error is an out-of-memory error; on some devices it is a plain ``RuntimeError``."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in _FULL)


@contextmanager
def fitting(sentence: str) -> Generator[None]:
    """Within this scope, an out-of-memory error becomes `DoesNotFit` with this message."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise DoesNotFit(sentence) from error


def halving(attempt: Callable[[int], T], rows: int, sentence: str) -> tuple[int, T]:
    """Call ``attempt(rows)``, and halve ``rows`` each time memory runs out.

    Args:
        attempt: takes the number of rows to compute at a time.
        rows: number of rows of the first attempt, at least 1.
        sentence: message of the `DoesNotFit` if one row does not fit either.

    Returns:
        The rows of the successful attempt, and its result.

    Raises:
        DoesNotFit: one row does not fit.
    """
    while True:
        try:
            return rows, attempt(rows)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            if rows == 1:
                raise DoesNotFit(sentence) from error
        rows //= 2  # outside of `except`: the error's traceback keeps the attempt's memory alive


def free_bytes(device: torch.device = MAIN) -> int | None:
    """Bytes of a device's memory (default: main memory) that this process can still allocate; None if unknown."""
    if device.type == "cpu":
        known = [_available(), _of_address_space(), *map(_of_group, _GROUPS)]
    else:
        try:
            # Apple's GPUs share the main memory.
            known = [_of_apple(), free_bytes()] if device.type == "mps" else [_of_device(device)]
        except RuntimeError:  # some drivers do not report it, such as those of Intel's integrated GPUs
            return None
    return min((max(0, size) for size in known if size is not None), default=None)


def _of_apple() -> int:
    return torch.mps.recommended_max_memory() - torch.mps.current_allocated_memory()


def _of_device(device: torch.device) -> int | None:
    """Free bytes of a device with its own memory, plus the bytes that torch reserved there and does not use."""
    try:
        backend: Any = torch.get_device_module(device)
    except RuntimeError:  # "meta", and devices whose package is not installed
        return None
    if not hasattr(backend, "mem_get_info"):
        return None
    return backend.mem_get_info(device)[0] + backend.memory_reserved(device) - backend.memory_allocated(device)


def _available() -> int | None:
    """Linux's estimate of the bytes available without swapping."""
    for line in _read("/proc/meminfo").splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return None


def _of_address_space() -> int | None:
    """Bytes left under the process's address space limit (``ulimit -v``)."""
    try:
        import resource
    except ImportError:  # Windows has no such module
        return None
    limit, used = resource.getrlimit(resource.RLIMIT_AS)[0], _read("/proc/self/statm").split()
    return max(0, limit - int(used[0]) * resource.getpagesize()) if limit != resource.RLIM_INFINITY and used else None


def _of_group(files: tuple[str, ...]) -> int | None:
    """Bytes left under a container's limit. Cached file pages count as free, because the system drops them on demand."""
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
