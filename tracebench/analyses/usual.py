"""The default requests of a bench about a trace: one function per question, each gives (requests, note).

A note names a default request that is left out or replaced because it is too expensive, with the Python that makes it.
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

#: Maximum attention weights that a bench requests by default, four bytes each: the demo model has as many at 544 tokens.
#: A page with that many is about 10 MB (benchmarks/snapshot.py).
WEIGHTS = 80_000_000

#: The quantity that a bench explains by default. On the demo model, 64 points of integrated gradients are complete within
#: 5 % for a log-probability, but not for a logit.
OF = "log_prob"

#: Longer texts get input x gradient (one pass) by default instead of integrated gradients (64 passes).
SHORT = 128

Defaults = tuple[list[Request], str | None]


def layers(_lm: LanguageModel, trace: Trace, _targets: Sequence[Target]) -> Defaults:
    """When did the answer form?"""
    return [request(LogitLens(), trace)], None


def tokens(_lm: LanguageModel, trace: Trace, targets: Sequence[Target]) -> Defaults:
    """Which tokens speak for it?"""
    if not trace.steps:
        return [], None
    # In a chat the number may jump along the path (docs/attribution.md), and fixed points miss the jump.
    quadrature = 'quadrature="adaptive"' if trace.segments else ""
    if len(trace.tokens) > SHORT:
        note = (
            f"Scores of more than {SHORT} tokens are by input x gradient (one pass). For integrated gradients (64 passes): "
            f"tb.explore(lm, trace, tb.IntegratedGradients({quadrature}))."
        )
        return [request(InputXGradient(), trace, target=target) for target in targets], note
    analysis = IntegratedGradients(quadrature="adaptive") if trace.segments else IntegratedGradients()
    return [request(analysis, trace, target=target) for target in targets], None


def attention(lm: LanguageModel, trace: Trace, _targets: Sequence[Target]) -> Defaults:
    """Where did it look?"""
    if not lm.heads:
        return [], None
    length = len(trace.tokens)
    weights = lm.heads * lm.layers * length**2
    if weights > WEIGHTS:
        return [], (
            f"Attention to {length} tokens is not shown: it has {weights / 1e6:,.0f} million weights, and a bench requests at "
            f"most {WEIGHTS / 1e6:.0f} million by default. For some layers: tb.AttentionPatterns(layers=...)(lm, trace)."
        )
    # A rollout needs much less memory, and less of a page, than the patterns.
    return [request(AttentionPatterns(), trace), request(AttentionRollout(), trace)], None


QUESTIONS: tuple[Callable[[LanguageModel, Trace, Sequence[Target]], Defaults], ...] = (layers, tokens, attention)


def usual(
    lm: LanguageModel,
    trace: Trace,
    analyses: Iterable[Any] = (),
    targets: Sequence[Target] = (Target(0, of=OF),),
) -> Defaults:
    """The requests of a bench about a trace.

    Args:
        lm: the model that made the trace.
        trace: the trace.
        analyses: each replaces the default analyses that give the same kind of result.
        targets: the numbers to explain, for analyses that take a target.

    Returns:
        The requests in the order of their views, and the notes for the head of the bench (None if there are none).
    """
    given: dict[str, list[Any]] = {}
    for analysis in analyses:
        given.setdefault(registry.result_kind(type(analysis).__name__), []).append(analysis)
    requests, notes, placed = [], [], set()
    for question in QUESTIONS:
        defaults, note = question(lm, trace, targets)
        kinds = {registry.result_kind(default.analysis) for default in defaults}
        kept = [default for default in defaults if registry.result_kind(default.analysis) not in given]
        for kind in [kind for kind in given if kind in kinds and kind not in placed]:
            kept += _requests(given[kind], trace, targets)
            placed.add(kind)
        # A note is about the default analysis; drop it if the user replaced that.
        if note is not None and not kinds & set(given):
            notes.append(note)
        requests += kept
    for kind in [kind for kind in given if kind not in placed]:
        requests += _requests(given[kind], trace, targets)
    return requests, " ".join(notes) or None


def insist_on_analysis(analysis: Any, lm: LanguageModel) -> None:
    """Check that an argument of `explore` is a registered analysis that this model can run.

    Analyses run only when a view requests their result, and an error there would come late.

    Raises:
        TypeError: a finished result, a class, or an object that is no registered analysis.
        ValueError: the model cannot run it, e.g. a watched text is not one token.
    """
    example = 'tb.explore(lm, trace, tb.LogitLens(watch=(" Rome",)))'
    if hasattr(analysis, "kind") and hasattr(analysis, "method"):
        raise TypeError(
            f"explore takes analyses, which compute a result later, e.g. {example}: show a finished "
            f"{type(analysis).__name__} with tb.Workbench([trace, result])"
        )
    if isinstance(analysis, type) or not is_dataclass(analysis) or not callable(analysis):
        got = f"the class {analysis.__name__}" if isinstance(analysis, type) else repr(analysis)
        raise TypeError(f"explore takes analyses with their parameters after the traces, e.g. {example}, got {got}")
    name = type(analysis).__name__
    try:
        registered = registry.analysis_class(name)
    except KeyError as unknown:
        raise TypeError(f"{name} is no registered analysis: {unknown.args[0]}") from None
    if registered is not type(analysis):
        raise TypeError(
            f"{name} of {type(analysis).__module__} is not the registered {name} of {registered.__module__}: rename yours and "
            "register it"
        )
    if registry.result_kind(name) == "trace":
        raise TypeError(f"{name} gives a trace, which no view asks for: bench.add({analysis!r}(lm, trace)) shows it")
    if hasattr(analysis, "insist_on"):
        analysis.insist_on(lm)


def takes_target(analysis: Any) -> bool:
    """Whether an analysis takes a target: its result class then has a field ``target``."""
    kind = registry.result_kind(type(analysis).__name__)
    return "target" in {field.name for field in fields(registry.result_class(kind))}


def _requests(analyses: Iterable[Any], trace: Trace, targets: Sequence[Target]) -> list[Request]:
    """The requests of these analyses: one for each target, or one for an analysis without a target."""
    found: list[Request] = []
    for analysis in analyses:
        if not takes_target(analysis):
            found.append(request(analysis, trace))
        elif trace.steps:
            found += [request(analysis, trace, target=target) for target in targets]
    return found
