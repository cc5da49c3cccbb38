"""The few functions that tie floors together for a person."""

from __future__ import annotations

import html
from collections.abc import Iterable
from dataclasses import is_dataclass
from typing import TYPE_CHECKING, Any

from tracebench.record.target import Target

if TYPE_CHECKING:
    from tracebench.bench.workbench import Workbench
    from tracebench.models.language_model import LanguageModel
    from tracebench.record.trace import Trace
    from tracebench.requests.request import Request


#: Attention weights that a bench asks for unasked, four bytes each in memory: the demo model's of 544 tokens. A page of so
#: many has about 10 MB (see benchmarks/snapshot.py).
WEIGHTS = 80_000_000

#: What the bench explains: on the demo model 64 points on the path meet its sum within 5 %, that of a logit not at all.
OF = "log_prob"

#: Integrated gradients walk a path of 64 points: a longer text gets input x gradient unless it is asked for.
SHORT = 128


def explore(lm: LanguageModel, trace: Trace | str, *, lens: Any = None, attribution: Any = None) -> Workbench:
    """The linked workbench over a trace; show it as a cell's last value.

    Args:
        lm: the model that made the trace.
        trace: a `Trace`, or a prompt to generate from.
        lens: a `LogitLens` with other parameters than the default, e.g. ``tb.LogitLens(top=10, watch=(" Rome",))``.
        attribution: which tokens speak for each step: `IntegratedGradients` with other parameters, or `InputXGradient`. By
            default the first up to 128 tokens (with adaptive points where the trace is a chat), and the second, which is one
            pass, for longer texts. What is explained is the log-probability of what was said.

    Attention is a view of the bench where the patterns of all heads are at most 80 million weights (`AttentionPatterns` gives
    those of longer texts, layer by layer, for ``tb.Workbench([trace, attention])``). The rollout beside it is computed when it is
    chosen, or saved: what is saved has it too.

    Returns:
        A `Workbench`. The replay is done; everything else is computed when a view asks for it.
    """
    from tracebench.analyses.arguments import insist_on_vocabulary
    from tracebench.analyses.lens.logit_lens import LogitLens
    from tracebench.bench.workbench import Workbench
    from tracebench.models.language_model import LanguageModel
    from tracebench.record.trace import Trace
    from tracebench.session.session import Session

    if isinstance(trace, LanguageModel):
        raise TypeError("explore takes the model first and then the trace: tb.explore(lm, trace)")
    if not isinstance(lm, LanguageModel):
        raise TypeError(
            f"explore takes a LanguageModel first, got a {type(lm).__name__}: tb.load(name) makes one, and so does "
            "tb.LanguageModel(model, tokenizer)"
        )
    if not isinstance(trace, (Trace, str)):
        raise TypeError(f"explore takes a trace or a prompt, got a {type(trace).__name__}: lm.generate(...) makes one")
    lens = LogitLens() if lens is None else _checked("lens", lens, lm)
    if attribution is not None:
        attribution = _checked("attribution", attribution, lm)
    if isinstance(trace, str):
        trace = lm.generate(trace)
    insist_on_vocabulary(lm, trace)
    requests = asked(lm, trace, lens, attribution)
    return Workbench([trace, *requests], answerer=Session(lm, trace), note=said_of(lm, trace, attribution))


def asked(
    lm: LanguageModel,
    trace: Trace,
    lens: Any,
    attribution: Any = None,
    targets: Iterable[Target] = (Target(0, of=OF),),
) -> list[Request]:
    """What a bench of a model asks about a trace: the lens, which tokens speak for each target, attention where it is small."""
    from tracebench.analyses.attention.patterns import AttentionPatterns
    from tracebench.analyses.attention.rollout import AttentionRollout
    from tracebench.analyses.attribution.input_x_gradient import InputXGradient
    from tracebench.analyses.attribution.integrated_gradients import IntegratedGradients
    from tracebench.analyses.base import request

    if attribution is None and _is_long(trace):
        attribution = InputXGradient()
    elif attribution is None:
        # On the way through a chat the number may jump (docs/attribution.md), and points that are the same for every text miss that.
        attribution = IntegratedGradients(quadrature="adaptive") if trace.segments else IntegratedGradients()
    requests = [request(lens, trace)]
    if trace.steps:
        requests += [request(attribution, trace, target) for target in targets]
    if lm.heads and unasked(lm, trace) is None:
        # A rollout is a small part of what the patterns take, in memory and in a page.
        requests += [request(AttentionPatterns(), trace), request(AttentionRollout(), trace)]
    return requests


def unasked(lm: LanguageModel, trace: Trace) -> str | None:
    """What a bench does not ask about a text because it is long, and how to ask it, in a sentence."""
    length = len(trace.tokens)
    weights = lm.heads * lm.layers * length**2
    if weights <= WEIGHTS:
        return None
    return (
        f"Attention to {length} tokens is not shown: it has {weights / 1e6:,.0f} million weights, and up to "
        f"{WEIGHTS / 1e6:.0f} million are asked for by themselves; in Python tb.AttentionPatterns(layers=...)(lm, trace) gives "
        "those of some layers."
    )


def said_of(lm: LanguageModel, trace: Trace, attribution: Any = None) -> str | None:
    """What a bench does not show, or shows by another method than usual, and the Python that does, for its head."""
    said = [unasked(lm, trace)]
    if attribution is None and trace.steps and _is_long(trace):
        how = 'quadrature="adaptive"' if trace.segments else ""
        said.append(
            f"Scores of more than {SHORT} tokens are by input x gradient, one pass; integrated gradients, 64 passes: "
            f"tb.explore(lm, trace, attribution=tb.IntegratedGradients({how}))."
        )
    return " ".join(filter(None, said)) or None


def _is_long(trace: Trace) -> bool:
    return len(trace.tokens) > SHORT


#: Argument of `explore` -> the kind of result that its view shows, and an example.
_SHOWN = {
    "lens": ("lens_table", 'tb.LogitLens(watch=(" Rome",))'),
    "attribution": ("token_scores", "tb.IntegratedGradients(n_steps=256)"),
}


def _checked(name: str, given: Any, lm: LanguageModel) -> Any:
    """An analysis that can be run on this model. Nothing runs before a view asks, and that is late for a mistake."""
    from tracebench import registry

    kind, example = _SHOWN[name]
    if hasattr(given, "kind") and hasattr(given, "method"):
        raise TypeError(
            f"{name} is how to compute one, e.g. {example}: a finished {type(given).__name__} goes to "
            "tb.Workbench([trace, result])"
        )
    if isinstance(given, type) or not is_dataclass(given) or not callable(given):
        said = f"the class {given.__name__}" if isinstance(given, type) else repr(given)
        raise TypeError(f"{name} is an analysis with its parameters, e.g. {example}, got {said}")
    if registry.result_kind(type(given).__name__) != kind:
        raise TypeError(f"{name} is an analysis that gives a {kind}, e.g. {example}, got {given!r}")
    for token in getattr(given, "watch", ()):
        lm.token_id(token)
    return given


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


def snapshot(bench: Workbench, *, steps: Any = None, attention: Any = None) -> Snapshot:
    """The saved page of a bench as a cell output. ``steps`` and ``attention`` are those of `Workbench.save`."""
    from tracebench.bench.workbench import Workbench
    from tracebench.offline.page import page_html

    if not isinstance(bench, Workbench):
        raise TypeError(f"snapshot takes a bench, got a {type(bench).__name__}: tb.explore(lm, trace) makes one")
    return Snapshot(page_html(bench, bench.baked(steps, attention)), bench._data["title"])
