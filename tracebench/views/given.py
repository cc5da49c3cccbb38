"""The results that views were given, as many as fit: slices are of the very one that is shown, and asked anew it could be
another one, of weights that were edited since.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection
from typing import Any

from tracebench.arrays import LabeledArray

#: Bytes of arrays that are kept at the most, beside what is in sight: three times the demo model's attention at 512 tokens.
MOST = 256_000_000


class Given:
    """Results under the id of the answer that they were, and the newest of each request. From any thread.

    Args:
        in_sight: the keys of the requests whose newest result is never dropped.
        most: bytes of all that is kept; the newest result stays, however large.
    """

    def __init__(self, in_sight: Callable[[], Collection[str]] = tuple, most: int = MOST) -> None:
        self._in_sight, self.most = in_sight, most
        self._lock = threading.Lock()
        self._count = 0
        #: Id of the answer -> its request's key, and the result; what was asked for last stands last.
        self._kept: dict[str, tuple[str, Any]] = {}
        #: Request key -> id of its newest answer.
        self._newest: dict[str, str] = {}

    def put(self, key: str, result: Any) -> str:
        """Keep what answers a request. Returns the id of the answer: one result has one, however often it is given."""
        with self._lock:
            known = (answer for answer, kept in self._kept.items() if kept[0] == key and kept[1] is result)
            answer = next(known, None)
            if answer is None:
                self._count += 1
                answer = str(self._count)
            self._newest[key] = answer
            self._keep(answer, key, result)
        return answer

    def put_back(self, answer: str, key: str, result: Any) -> None:
        """Keep what was computed anew in place of an answer that was dropped."""
        with self._lock:
            self._keep(answer, key, result)

    def of(self, answer: str | None) -> Any:
        """The result that an answer was; None where it was dropped."""
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
        """A request has no answer any more; whoever shows an old one has slices of it still."""
        with self._lock:
            self._newest.pop(key, None)

    def by_request(self) -> dict[str, Any]:
        """Request key -> its newest result, of all that are kept."""
        with self._lock:
            return {key: self._kept[answer][1] for key, answer in self._newest.items()}

    def _keep(self, answer: str, key: str, result: Any) -> None:
        self._kept.pop(answer, None)
        self._kept[answer] = (key, result)
        total = sum(size_of(kept) for _, kept in self._kept.values())
        if total <= self.most:
            return
        in_sight = set(self._in_sight())
        for old, (its, kept) in list(self._kept.items())[:-1]:
            newest = self._newest.get(its) == old
            if total <= self.most or (newest and its in in_sight):
                continue
            total -= size_of(kept)
            del self._kept[old]
            if newest:
                del self._newest[its]


def size_of(result: Any) -> int:
    """Bytes of the arrays of a result; what is read from a file when it is used is not read for it."""
    fields = getattr(result, "__dict__", {}).values()
    return sum(getattr(field.values if isinstance(field, LabeledArray) else field, "nbytes", 0) for field in fields)
