"""The few functions that tie floors together for a person."""

from __future__ import annotations

import html
from dataclasses import is_dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tracebench.models.language_model import LanguageModel
    from tracebench.trace import Trace
    from tracebench.workbench import Workbench


def explore(lm: LanguageModel, trace: Trace | str, *, lens: Any = None) -> Workbench:
    """The linked workbench over a trace; show it as a cell's last value.

    Args:
        lm: the model that made the trace.
        trace: a `Trace`, or a prompt to generate from.
        lens: a `LogitLens` with other parameters than the default, e.g. ``tb.LogitLens(top=10, watch=(" Rome",))``.

    Returns:
        A `Workbench`. The replay is done; the lens is computed when the view asks for it.
    """
    from tracebench.analyses.base import request
    from tracebench.analyses.lens.logit_lens import LogitLens
    from tracebench.models.language_model import LanguageModel
    from tracebench.session import Session
    from tracebench.trace import Trace
    from tracebench.workbench import Workbench

    if isinstance(trace, LanguageModel):
        raise TypeError("explore takes the model first and then the trace: tb.explore(lm, trace)")
    if not isinstance(lm, LanguageModel):
        raise TypeError(
            f"explore takes a LanguageModel first, got a {type(lm).__name__}: tb.load(name) makes one, and so does "
            "tb.LanguageModel(model, tokenizer)"
        )
    if not isinstance(trace, (Trace, str)):
        raise TypeError(f"explore takes a trace or a prompt, got a {type(trace).__name__}: lm.generate(...) makes one")
    lens = LogitLens() if lens is None else _checked_lens(lens, lm)
    if isinstance(trace, str):
        trace = lm.generate(trace)
    return Workbench([trace, request(lens, trace)], answerer=Session(lm, trace))


def _checked_lens(lens: Any, lm: LanguageModel) -> Any:
    """A lens that can be run on this model. Nothing runs before a view asks, and that is late for a mistake."""
    from tracebench import registry
    from tracebench.analyses.lens.logit_lens import LogitLens
    from tracebench.results.lens_table import LensTable

    if isinstance(lens, LensTable):
        raise TypeError(
            "lens is how to compute one, e.g. tb.LogitLens(top=10): a finished one goes to tb.Workbench([trace, lens])"
        )
    if isinstance(lens, type) or not is_dataclass(lens) or not callable(lens):
        given = f"the class {lens.__name__}" if isinstance(lens, type) else repr(lens)
        raise TypeError(f'lens is an analysis with its parameters, e.g. tb.LogitLens(watch=(" Rome",)), got {given}')
    registry.find("analyses", type(lens).__name__)
    if isinstance(lens, LogitLens):
        for token in lens.watch:
            lm.token_id(token)
    return lens


class Snapshot:
    """A bench as a page inside a cell's output: it survives nbconvert, nbviewer and a lost kernel."""

    def __init__(self, page: str, title: str) -> None:
        self._page, self._title = page, title

    def _repr_html_(self) -> str:
        return (
            f'<iframe srcdoc="{html.escape(self._page)}" title="{html.escape(self._title)}" '
            'style="width:100%;height:900px;border:0"></iframe>'  # the page sets its own height once it is up
        )

    def __repr__(self) -> str:
        return f"Snapshot({self._title!r}, {len(self._page) / 1e6:.1f} MB)"


def snapshot(bench: Workbench, *, steps: Any = None) -> Snapshot:
    """The saved page of a bench as a cell output."""
    from tracebench.offline.bake import bake
    from tracebench.offline.page import page_html
    from tracebench.workbench import Workbench

    if not isinstance(bench, Workbench):
        raise TypeError(f"snapshot takes a bench, got a {type(bench).__name__}: tb.explore(lm, trace) makes one")
    return Snapshot(page_html(bench, bake(bench._answerer, bench._requests, bench.trace, steps)), bench._data["title"])
