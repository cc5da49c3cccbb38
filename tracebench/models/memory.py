"""Memory that is not there: told apart from other errors, said in a sentence, and asked about beforehand."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import torch

#: How torch's allocator of the processor says it, which has no exception of its own.
_FULL = ("can't allocate memory", "not enough memory")

#: Where Linux says what a group of processes may use and uses (version 2, version 1).
_GROUPS = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
)


class DoesNotFit(ValueError):  # noqa: N818 - what is the case
    """More memory was needed than there is, in one sentence."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory is full; on a processor it is a mere ``RuntimeError``."""
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


def free_bytes() -> int | None:
    """What this process can still take of the machine's main memory; None where the system does not say."""
    known = [_available(), _of_address_space(), *map(_of_group, _GROUPS)]
    return min((size for size in known if size is not None), default=None)


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


def _of_group(files: tuple[str, str]) -> int | None:
    """What a container's limit leaves."""
    limit, used = (_read(name).strip() for name in files)
    return max(0, int(limit) - int(used)) if limit.isdigit() and used.isdigit() else None


def _read(name: str) -> str:
    try:
        return Path(name).read_text("ascii")
    except (OSError, ValueError):
        return ""
