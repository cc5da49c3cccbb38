"""What a bench asks by itself about a trace: one function per question, each gives (requests, note).

A note says what is not asked, or is asked in another way than usual, with the Python that asks it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

from tracebench import registry
from tracebench.analyses.attention.patterns import AttentionPatterns
from tracebench.analyses.attention.rollout import AttentionRollout
from tracebench.analyses.attribution.input_x_gradient import InputXGradient
from tracebench.analyses.attribution.integrated_gradients import IntegratedGradients
from tracebench.analyses.base import request
from tracebench.analyses.lens.logit_lens import LogitLens
from tracebench.models.language_model import LanguageModel
from tracebench.record.target import Target
from tracebench.record.trace import Trace
from tracebench.requests.request import Request

#: The most attention weights that a bench asks for by itself, four bytes each in memory: those of the demo model for 544 tokens.
#: A page with so many has about 10 MB (benchmarks/snapshot.py).
WEIGHTS = 80_000_000

#: The number that a bench explains. On the demo model 64 points of the path meet the sum of a log-probability within 5 %, but
#: not that of a logit.
OF = "log_prob"

#: Integrated gradients take 64 passes. A longer text gets input x gradient, one pass, unless the other is asked for.
SHORT = 128

Asked = tuple[list[Request], str | None]


def layers(_lm: LanguageModel, trace: Trace, _targets: Sequence[Target]) -> Asked:
    """When did the answer form?"""
    return [request(LogitLens(), trace)], None


def tokens(_lm: LanguageModel, trace: Trace, targets: Sequence[Target]) -> Asked:
    """Which tokens speak for it?"""
    if not trace.steps:
        return [], None
    # In a chat the number may jump along the path (docs/attribution.md); evenly placed points miss the jump.
    quadrature = 'quadrature="adaptive"' if trace.segments else ""
    if len(trace.tokens) > SHORT:
        note = (
            f"Scores of more than {SHORT} tokens are by input x gradient, one pass; integrated gradients, 64 passes: "
            f"tb.explore(lm, trace, tb.IntegratedGradients({quadrature}))."
        )
        return [request(InputXGradient(), trace, target=target) for target in targets], note
    analysis = IntegratedGradients(quadrature="adaptive") if trace.segments else IntegratedGradients()
    return [request(analysis, trace, target=target) for target in targets], None


def attention(lm: LanguageModel, trace: Trace, _targets: Sequence[Target]) -> Asked:
    """Where did it look?"""
    if not lm.heads:
        return [], None
    length = len(trace.tokens)
    weights = lm.heads * lm.layers * length**2
    if weights > WEIGHTS:
        return [], (
            f"Attention to {length} tokens is not shown: it has {weights / 1e6:,.0f} million weights, and a bench asks for at "
            f"most {WEIGHTS / 1e6:.0f} million by itself; in Python tb.AttentionPatterns(layers=...)(lm, trace) gives those of "
            "some layers."
        )
    # A rollout takes a small part of what the patterns take, in memory and in a page.
    return [request(AttentionPatterns(), trace), request(AttentionRollout(), trace)], None


QUESTIONS: tuple[Callable[[LanguageModel, Trace, Sequence[Target]], Asked], ...] = (layers, tokens, attention)


def usual(
    lm: LanguageModel,
    trace: Trace,
    analyses: Iterable[Any] = (),
    targets: Sequence[Target] = (Target(0, of=OF),),
) -> Asked:
    """What a bench asks about a trace.

    Args:
        lm: the model that made the trace.
        trace: the text.
        analyses: each takes the place of the usual ones that give the same kind of result.
        targets: what is explained, by analyses that explain a number.

    Returns:
        The requests, in the order of their views, and what the head of the bench has to say about them.
    """
    given: dict[str, list[Any]] = {}
    for analysis in analyses:
        given.setdefault(registry.result_kind(type(analysis).__name__), []).append(analysis)
    requests, notes, placed = [], [], set()
    for question in QUESTIONS:
        found, note = question(lm, trace, targets)
        kinds = {registry.result_kind(each.analysis) for each in found}
        kept = [each for each in found if registry.result_kind(each.analysis) not in given]
        for kind in [kind for kind in given if kind in kinds and kind not in placed]:
            kept += _about(given[kind], trace, targets)
            placed.add(kind)
        # A note is about the usual analysis; one that was given instead needs none.
        if note is not None and not kinds & set(given):
            notes.append(note)
        requests += kept
    for kind in [kind for kind in given if kind not in placed]:
        requests += _about(given[kind], trace, targets)
    return requests, " ".join(notes) or None


def insist_on_analysis(analysis: Any, lm: LanguageModel) -> None:
    """A sentence for what is no analysis with its parameters, or one that this model cannot run.

    Nothing runs before a view asks, and that is late for a mistake.
    """
    example = 'tb.explore(lm, trace, tb.LogitLens(watch=(" Rome",)))'
    if hasattr(analysis, "kind") and hasattr(analysis, "method"):
        raise TypeError(
            f"explore takes analyses, which say how to compute a result, e.g. {example}: a finished "
            f"{type(analysis).__name__} goes to tb.Workbench([trace, result])"
        )
    if isinstance(analysis, type) or not is_dataclass(analysis) or not callable(analysis):
        said = f"the class {analysis.__name__}" if isinstance(analysis, type) else repr(analysis)
        raise TypeError(f"explore takes analyses with their parameters after the traces, e.g. {example}, got {said}")
    try:
        registry.result_kind(type(analysis).__name__)
    except KeyError as unknown:
        raise TypeError(f"{type(analysis).__name__} is no registered analysis: {unknown.args[0]}") from None
    if hasattr(analysis, "insist_on"):
        analysis.insist_on(lm)


def takes_target(analysis: Any) -> bool:
    """Whether an analysis explains a number: then its result names the target."""
    kind = registry.result_kind(type(analysis).__name__)
    return "target" in {field.name for field in fields(registry.result_class(kind))}


def _about(analyses: Iterable[Any], trace: Trace, targets: Sequence[Target]) -> list[Request]:
    found: list[Request] = []
    for analysis in analyses:
        if not takes_target(analysis):
            found.append(request(analysis, trace))
        elif trace.steps:
            found += [request(analysis, trace, target=target) for target in targets]
    return found
