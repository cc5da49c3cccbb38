"""Save a bench as a page or as data, and estimate the size of a page."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal

from tracebench import bundle
from tracebench.offline.bake import Detail, ask_all, bake, check_detail, in_steps
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
        """All results that are known so far."""
        return tuple(self._answerer.known().values())

    def current_requests(self) -> list[Request]:
        """The current and alternative requests of the visible views about every trace."""
        raise NotImplementedError

    def check_open(self) -> None:
        """Raise a ``ValueError`` if the bench is closed."""
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
            path: the file to write; its folder must exist.
            steps: ``"all"`` computes the requests of the views at every step. None saves their current requests and all
                earlier answers.
            max_bytes: refuse a larger page. If the estimate is clearly larger, nothing is computed. The error names the
                largest parts and what to leave out; `size` gives them in advance.
            detail: the form of large results in a page. For attention, ``"compact"`` has 16 levels, with the 16 largest
                weights and the sum of the others exact in each row. ``"full"`` has one byte per weight and is about 2.5
                times as large. None means full for small results, else compact.

        Returns:
            The path; its repr states the size.

        Raises:
            TypeError: a path or a limit of the wrong type.
            ValueError: another suffix, an option that does not fit it, or a closed bench.
            FileError: the page is too large, or the file cannot be written.
        """
        if not isinstance(path, (str, os.PathLike)):
            raise TypeError(f"save takes the path of an .html or .trace file, got a {type(path).__name__}")
        if max_bytes is not None and whole(max_bytes) is None:
            raise TypeError(f"max_bytes is a whole number of bytes or None, got {max_bytes!r}")
        self.check_open()
        suffix = Path(path).suffix.lower()
        if suffix not in (".html", ".htm", ".trace"):
            raise ValueError(f"save a bench as .html (a page) or .trace (data), got {os.fspath(path)!r}")
        if suffix == ".trace" and max_bytes is not None:
            raise ValueError("max_bytes is for a page (.html): a .trace is as large as its numbers")
        if suffix == ".trace" and detail is not None:
            raise ValueError("detail is for a page (.html): a .trace holds the exact numbers")
        if suffix == ".trace":
            ask_all(self._answerer, self.current_requests(), self.traces, steps)
            return bundle.save(path, *self.traces, *self.results)
        if max_bytes is not None:
            self._check_size(max_bytes, steps, detail)
        return write_page(
            path,
            self,
            self.baked(steps, detail),
            max_bytes,
            lambda size: self._refused(size, max_bytes, steps, detail),
        )

    def size(self, steps: Literal["all"] | None = None, detail: Detail = None) -> PageSize:
        """Estimate the size of the page that `save` writes, within 10 %. Nothing is computed or written.

        Args:
            steps: as in `save`.
            detail: as in `save`.

        Returns:
            A `PageSize`: its ``bytes``, its ``parts`` (code, views, each analysis with its answers), the requests that must
            be computed first (``missing``), and the analyses of unknown size (``unknown``).
        """
        self.check_open()
        check_detail(detail)
        computes = not isinstance(self._answerer, Stored)
        wanted = in_steps(self.current_requests(), self.traces, steps) if computes else []
        return self._measure.estimate(self, self._answerer.known(), wanted, detail)

    def _check_size(
        self,
        max_bytes: int,
        steps: Literal["all"] | None = None,
        detail: Detail = None,
    ) -> None:
        """Raise a ``FileError`` if the estimate is clearly above the limit, before more is computed."""
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
        """The answers in a page: to the requests of its views at the selected step (or at every step), and all known ones."""
        self.check_open()
        return bake(self._answerer, self.current_requests(), self.traces, steps, detail)
