"""The entry points for users: `explore` and `snapshot`."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tracebench.bench.workbench import Workbench
    from tracebench.models.language_model import LanguageModel
    from tracebench.record.trace import Trace


def explore(
    lm: LanguageModel | Sequence[tuple[LanguageModel, Trace]],
    traces: Trace | str | Sequence[Trace | str] | Any = (),
    *analyses: Any,
) -> Workbench:
    """A workbench of linked views over one or several traces. Show it as a cell's last value.

    Args:
        lm: the model of the traces, or pairs: ``tb.explore([(lm_a, a), (lm_b, b)])``.
        traces: a `Trace`, a prompt to generate from, or a list of them.
        analyses: each replaces the default for the same kind of result:
            ``tb.explore(lm, trace, tb.LogitLens(top=10), tb.IntegratedGradients(n_steps=256))``.

    By default, a bench asks for three results. First, the logit lens. Second, token scores for the log-probability of each
    generated token: by integrated gradients up to 128 tokens (adaptive points for a chat), by input x gradient for longer
    texts. Third, attention, if all heads have at most 80 million weights. Rollout is computed when it is selected or saved.

    Returns:
        A `Workbench`. The replay is done; results are computed when a view asks for them.

    Raises:
        TypeError: no `LanguageModel`, no trace or prompt, or an analysis of the wrong type.
        ValueError: no trace, a trace with another vocabulary, or an analysis with an invalid parameter.
    """
    from tracebench.analyses.arguments import insist_on_vocabulary
    from tracebench.analyses.usual import insist_on_analysis, usual
    from tracebench.bench.workbench import Workbench
    from tracebench.session.session import Session

    pairs, analyses = _pairs(lm, traces, analyses)
    for model, _ in pairs:
        for analysis in analyses:
            insist_on_analysis(analysis, model)
    made = [(model, model.generate(each) if isinstance(each, str) else each) for model, each in pairs]
    for model, trace in made:
        insist_on_vocabulary(model, trace)
    session = Session(made)
    return Workbench(
        [trace for _, trace in made],
        answerer=session,
        usual=lambda trace: usual(session.model_of(trace), trace, analyses),
    )


def _pairs(lm: Any, traces: Any, analyses: tuple[Any, ...]) -> tuple[list[tuple[Any, Any]], tuple[Any, ...]]:
    """Models with their traces or prompts, and the analyses."""
    from tracebench.models.language_model import LanguageModel
    from tracebench.record.trace import Trace

    if isinstance(traces, LanguageModel):
        raise TypeError("explore takes the model first and the trace second: tb.explore(lm, trace)")
    if isinstance(lm, (list, tuple)):
        # With pairs there is no argument `traces`, so this is the first analysis.
        analyses = (*(() if isinstance(traces, tuple) and not traces else (traces,)), *analyses)
        pairs = [each if isinstance(each, tuple) and len(each) == 2 else (each, None) for each in lm]
    else:
        pairs = [(lm, each) for each in (traces if isinstance(traces, (list, tuple)) else [traces])]
    for model, _ in pairs:
        if not isinstance(model, LanguageModel):
            raise TypeError(
                f"explore takes a LanguageModel first, got a {type(model).__name__}: make one with tb.load(name) or "
                "tb.LanguageModel(model, tokenizer)"
            )
    for _, trace in pairs:
        if not isinstance(trace, (Trace, str)):
            raise TypeError(
                f"explore takes a trace or a prompt, got a {type(trace).__name__}: make a trace with lm.generate(...)"
            )
    if not pairs:
        raise ValueError("explore takes at least one trace: tb.explore(lm, trace)")
    return pairs, analyses


class Snapshot:
    """A bench as a page in a cell's output. It works after nbconvert, in nbviewer, and without a kernel."""

    def __init__(self, page: str, title: str) -> None:
        self._page, self._title = page, title

    def _repr_html_(self) -> str:
        return (
            f'<iframe srcdoc="{html.escape(self._page)}" title="{html.escape(self._title)}" '
            'style="width:100%;height:900px;border:0"></iframe>'  # the page adjusts the height when it has loaded
        )

    def __repr__(self) -> str:
        return f"Snapshot({self._title!r}, {len(self._page) / 1e6:.1f} MB)"


def snapshot(bench: Workbench, *, steps: Any = None, detail: Any = None) -> Snapshot:
    """The page of a bench as a cell output.

    Args:
        bench: the bench.
        steps: as in `Workbench.save`.
        detail: as in `Workbench.save`.
    """
    from tracebench.bench.workbench import Workbench
    from tracebench.offline.page import page_html

    if not isinstance(bench, Workbench):
        raise TypeError(f"snapshot takes a bench, got a {type(bench).__name__}: make one with tb.explore(lm, trace)")
    return Snapshot(page_html(bench, bench.baked(steps, detail)), bench.title)
