"""The results that views were given, as many as fit: slices are of the very one that is shown, and asked anew it could be
another one, of weights that were edited since.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection
from typing import Any

from tracebench.record.arrays import LabeledArray

#: Bytes of arrays that are kept at the most, beside what is in sight: the attention of the longest text that a bench asks it
#: of by itself, and some more.
MOST = 400_000_000


class Given:
    """Results under the id of the answer that they were, and the newest of each request. From any thread.

    Args:
        in_sight: the keys of the requests whose newest result is never dropped, and does not count.
        most: bytes of all the others; what was put last stays, however large.
    """

    def __init__(self, in_sight: Callable[[], Collection[str]] = tuple, most: int = MOST) -> None:
        self._in_sight, self.most = in_sight, most
        self._lock = threading.Lock()
        self._count = 0
        #: Id of the answer -> its request's key, and the result; what was asked for last stands last.
        self._kept: dict[str, tuple[str, Any]] = {}
        #: Request key -> id of its newest answer.
        self._newest: dict[str, str] = {}
        #: Keys of requests that had an answer and have none any more.
        self.forgotten: set[str] = set()

    def put(self, key: str, result: Any) -> str:
        """Keep what answers a request. Returns the id of the answer: one result has one, however often it is given."""
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

    def put_back(self, answer: str, key: str, result: Any) -> Any:
        """Keep what was computed anew in place of an answer that was dropped. Returns what is kept: another may have been sooner."""
        with self._lock:
            if answer not in self._kept:
                self._newest.setdefault(key, answer)
                self._keep(answer, key, result)
            return self._kept[answer][1]

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
            self.forgotten.add(key)

    def by_request(self) -> dict[str, Any]:
        """Request key -> its newest result, of all that are kept."""
        with self._lock:
            return {key: self._kept[answer][1] for key, answer in self._newest.items() if answer in self._kept}

    def _keep(self, answer: str, key: str, result: Any) -> None:
        self._kept.pop(answer, None)
        self._kept[answer] = (key, result)
        sizes = {each: size_of(kept) for each, (_, kept) in self._kept.items()}
        if sum(sizes.values()) <= self.most:
            return
        in_sight = set(self._in_sight())
        others = [each for each, (its, _) in self._kept.items() if its not in in_sight or self._newest.get(its) != each]
        total = sum(sizes[each] for each in others)
        for old in others:
            if total <= self.most or old == answer:
                continue
            total -= sizes[old]
            its, _ = self._kept.pop(old)
            if self._newest.get(its) == old:
                del self._newest[its]


def size_of(result: Any) -> int:
    """Bytes of the arrays of a result; what is read from a file when it is used is not read for it."""
    fields = getattr(result, "__dict__", {}).values()
    return sum(getattr(field.values if isinstance(field, LabeledArray) else field, "nbytes", 0) for field in fields)
