"""How a bench is saved: as a page or as data, with the size of a page before it is made."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal

from tracebench import bundle
from tracebench.offline.bake import Detail, ask_all, bake, in_steps, insist_on_detail
from tracebench.offline.page import write_page
from tracebench.offline.size import ACCURACY, Measure, PageSize, refusal
from tracebench.record.arrays import whole
from tracebench.record.files import FileError
from tracebench.record.traces import Traces
from tracebench.requests.request import Answerer, Request
from tracebench.requests.stored import Stored


class Saving:
    """The part of a `Workbench` that saves it."""

    traces: Traces
    _answerer: Answerer
    _measure: Measure

    @property
    def results(self) -> tuple[Any, ...]:
        """Every result that is known so far."""
        return tuple(self._answerer.known().values())

    def now(self) -> list[Request]:
        """What the views in sight ask about every trace, and what else they offer to ask."""
        raise NotImplementedError

    def insist_on_open(self) -> None:
        """A ``ValueError`` where the bench was closed."""
        raise NotImplementedError

    def save(
        self,
        path: str | os.PathLike[str],
        *,
        steps: Literal["all"] | None = None,
        max_bytes: int | None = None,
        detail: Detail = None,
    ) -> Path:
        """Save the bench: ``.html`` as one page that needs no kernel and no network, ``.trace`` as data.

        Args:
            path: where to; the folder must exist.
            steps: ``"all"`` computes what the views ask at every step; None saves what they ask now, and all that was
                asked before.
            max_bytes: refuse to write a page that is larger, before anything is computed where that is sure. The refusal
                names the largest parts and what to leave out; `size` tells them beforehand.
            detail: how a page holds large results. Attention is ``"compact"`` at 16 levels, with the 16 largest weights
                of each row exact and the sum of the rest; ``"full"`` with a byte for every weight, about 2.5 times as
                large; None is full where that is small.

        Returns:
            The path; its repr states the size.
        """
        if not isinstance(path, (str, os.PathLike)):
            raise TypeError(f"save takes the path of an .html or .trace file, got a {type(path).__name__}")
        if max_bytes is not None and whole(max_bytes) is None:
            raise TypeError(f"max_bytes is a whole number of bytes or None, got {max_bytes!r}")
        self.insist_on_open()
        suffix = Path(path).suffix.lower()
        if suffix not in (".html", ".htm", ".trace"):
            raise ValueError(f"save a bench as .html (a page) or .trace (data), got {os.fspath(path)!r}")
        if suffix == ".trace" and max_bytes is not None:
            raise ValueError("max_bytes is for a page (.html): a .trace is as large as its numbers")
        if suffix == ".trace" and detail is not None:
            raise ValueError("detail is for a page (.html): a .trace holds the exact numbers")
        if suffix == ".trace":
            ask_all(self._answerer, self.now(), self.traces, steps)
            return bundle.save(path, *self.traces, *self.results)
        if max_bytes is not None:
            self._insist_on_size(max_bytes, steps, detail)
        return write_page(
            path,
            self,
            self.baked(steps, detail),
            max_bytes,
            lambda size: self._refused(size, max_bytes, steps, detail),
        )

    def size(self, steps: Literal["all"] | None = None, detail: Detail = None) -> PageSize:
        """About how large the page would be that `save` writes, within 10 %, without computing or writing anything.

        Args:
            steps: as in `save`.
            detail: as in `save`.

        Returns:
            A `PageSize`: its ``bytes``, its ``parts`` (code, views, every analysis with its answers), what would have to be
            computed first (``missing``), and of which of that the size is not known (``unknown``).
        """
        self.insist_on_open()
        insist_on_detail(detail)
        computes = not isinstance(self._answerer, Stored)
        wanted = in_steps(self.now(), self.traces, steps) if computes else []
        return self._measure.estimate(self, self._answerer.known(), wanted, detail)

    def _insist_on_size(
        self,
        max_bytes: int,
        steps: Literal["all"] | None = None,
        detail: Detail = None,
    ) -> None:
        """Before anything more is computed: what is known already, or sure to come, may be too much for a page."""
        expected = self.size(steps, detail)
        if expected.bytes * (1 - ACCURACY) > max_bytes:
            raise FileError(refusal(expected.bytes, max_bytes, expected, self.size(None, detail), about=True))

    def _refused(
        self,
        size: int,
        max_bytes: int | None,
        steps: Literal["all"] | None,
        detail: Detail,
    ) -> str:
        return refusal(size, max_bytes or 0, self.size(steps, detail), self.size(None, detail), about=False)

    def baked(self, steps: Literal["all"] | None = None, detail: Detail = None) -> dict[str, Any]:
        """The answers that go into a page: what its views ask at the selected step (or at every one), and all that is known."""
        self.insist_on_open()
        return bake(self._answerer, self.now(), self.traces, steps, detail)
