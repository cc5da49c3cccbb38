"""The few functions that tie floors together for a person."""

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
    """The linked workbench over one or several traces; show it as a cell's last value.

    Args:
        lm: the model that made the traces; or pairs of models and traces, ``tb.explore([(lm_a, a), (lm_b, b)])``.
        traces: a `Trace`, a prompt to generate from, or a list of them.
        analyses: each takes the place of the default that gives the same kind of result:
            ``tb.explore(lm, trace, tb.LogitLens(top=10), tb.IntegratedGradients(n_steps=256))``.

    By default a bench asks for the logit lens; for the scores of each token, which explain the log-probability of what was
    said (integrated gradients up to 128 tokens, with adaptive points for a chat; input x gradient for longer texts); and for
    attention where the patterns of all heads are at most 80 million weights. The rollout is computed when it is chosen, or
    saved.

    Returns:
        A `Workbench`. The replay is done; everything else is computed when a view asks for it.
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
        raise TypeError("explore takes the model first and then the trace: tb.explore(lm, trace)")
    if isinstance(lm, (list, tuple)):
        # There is no second argument then: what stands there is the first analysis.
        analyses = (*(() if isinstance(traces, tuple) and not traces else (traces,)), *analyses)
        pairs = [each if isinstance(each, tuple) and len(each) == 2 else (each, None) for each in lm]
    else:
        pairs = [(lm, each) for each in (traces if isinstance(traces, (list, tuple)) else [traces])]
    for model, _ in pairs:
        if not isinstance(model, LanguageModel):
            raise TypeError(
                f"explore takes a LanguageModel first, got a {type(model).__name__}: tb.load(name) makes one, and so does "
                "tb.LanguageModel(model, tokenizer)"
            )
    for _, trace in pairs:
        if not isinstance(trace, (Trace, str)):
            raise TypeError(
                f"explore takes a trace or a prompt, got a {type(trace).__name__}: lm.generate(...) makes one"
            )
    if not pairs:
        raise ValueError("explore takes at least one trace: tb.explore(lm, trace)")
    return pairs, analyses


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


def snapshot(bench: Workbench, *, steps: Any = None, detail: Any = None) -> Snapshot:
    """The saved page of a bench as a cell output. ``steps`` and ``detail`` are those of `Workbench.save`."""
    from tracebench.bench.workbench import Workbench
    from tracebench.offline.page import page_html

    if not isinstance(bench, Workbench):
        raise TypeError(f"snapshot takes a bench, got a {type(bench).__name__}: tb.explore(lm, trace) makes one")
    return Snapshot(page_html(bench, bench.baked(steps, detail)), bench.title)
