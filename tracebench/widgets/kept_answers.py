"""Keep delivered results, so that slices match the answer on the screen.

A result that is computed again could differ, because a cell may have edited the weights. The cache is limited by bytes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection
from typing import Any

from tracebench.record.arrays import LabeledArray

#: Bytes of arrays to keep, without those in sight. The largest attention that a bench requests by default fits.
MAX_BYTES = 400_000_000


class KeptAnswers:
    """Results by the id of their answer, and the newest answer of each request. Safe for threads.

    Args:
        in_sight: returns the keys of the requests on the screen. Their newest results always stay and do not count.
        max_bytes: limit for the other results. The one that was put last stays, also if it is larger.
    """

    def __init__(self, in_sight: Callable[[], Collection[str]] = tuple, max_bytes: int = MAX_BYTES) -> None:
        self._in_sight, self.max_bytes = in_sight, max_bytes
        self._lock = threading.Lock()
        self._count = 0
        #: Id of an answer -> (request key, result), the least recently used first.
        self._kept: dict[str, tuple[str, Any]] = {}
        #: Request key -> id of its newest answer.
        self._newest: dict[str, str] = {}
        #: Keys of requests whose last answer was an error.
        self.forgotten: set[str] = set()

    def put(self, key: str, result: Any) -> str:
        """Keep the result of a request. Returns the id of the answer, which is the same each time for the same result."""
        with self._lock:
            known = (answer for answer, kept in self._kept.items() if kept[0] == key and kept[1] is result)
            answer = next(known, None)
            if answer is None:
                self._count += 1
                answer = str(self._count)
            self._newest[key] = answer
            self.forgotten.discard(key)
            self._keep(answer, key, result)
        return answer

    def restore(self, answer: str, key: str, result: Any) -> Any:
        """Keep a result that was computed again for a dropped answer.

        Returns:
            The kept result: an earlier one if another thread was faster.
        """
        with self._lock:
            if answer not in self._kept:
                self._newest.setdefault(key, answer)
                self._keep(answer, key, result)
            return self._kept[answer][1]

    def get(self, answer: str | None) -> Any:
        """The result of an answer; None if it was dropped."""
        with self._lock:
            kept = self._kept.pop(answer, None) if answer is not None else None
            if answer is None or kept is None:
                return None
            self._kept[answer] = kept
            return kept[1]

    def newest(self, key: str) -> str | None:
        """The id of the newest answer to a request."""
        return self._newest.get(key)

    def forget(self, key: str) -> None:
        """Forget which answer of a request is newest. Slices of its older answers are still found by their id."""
        with self._lock:
            self._newest.pop(key, None)
            self.forgotten.add(key)

    def by_request(self) -> dict[str, Any]:
        """Request key -> newest result, if it is kept."""
        with self._lock:
            return {key: self._kept[answer][1] for key, answer in self._newest.items() if answer in self._kept}

    def _keep(self, answer: str, key: str, result: Any) -> None:
        self._kept.pop(answer, None)
        self._kept[answer] = (key, result)
        sizes = {each: size_of(kept) for each, (_, kept) in self._kept.items()}
        if sum(sizes.values()) <= self.max_bytes:
            return
        in_sight = set(self._in_sight())
        others = [
            each
            for each, (request_key, _) in self._kept.items()
            if request_key not in in_sight or self._newest.get(request_key) != each
        ]
        total = sum(sizes[each] for each in others)
        for old in others:
            if total <= self.max_bytes or old == answer:
                continue
            total -= sizes[old]
            old_key, _ = self._kept.pop(old)
            if self._newest.get(old_key) == old:
                del self._newest[old_key]


def size_of(result: Any) -> int:
    """Bytes of the arrays of a result. Memory-mapped arrays count too, but they are not read."""
    fields = getattr(result, "__dict__", {}).values()
    return sum(getattr(field.values if isinstance(field, LabeledArray) else field, "nbytes", 0) for field in fields)
