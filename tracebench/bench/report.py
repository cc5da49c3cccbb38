"""What a trace and its results come down to, as text for a console."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from tracebench.record.tokens import display_piece
from tracebench.record.trace import Trace
from tracebench.sentences import findings

#: How many tokens are named of those that speak for a decision.
NAMED = 3


def report(trace: Trace, results: Iterable[Any], missing: Iterable[str] = ()) -> str:
    """The text, the finding of the first step, a line per step, who speaks for it, and every check in full.

    Args:
        trace: what was said.
        results: of analyses on it.
        missing: what is not among them and why, a sentence each.
    """
    results = list(results)
    lens = next((result for result in results if result.kind == "lens_table"), None)
    lines = [
        f"{trace.provenance.model}, {trace.provenance.layers} layers, {trace.provenance.dtype}",
        _harmless(f"{trace.prompt}▸{trace.completion}"),
        "",
    ]
    if trace.steps:
        lines += [findings.as_text(findings.finding(trace, lens, 0) if lens else findings.said(trace, 0)), ""]
        lines += [*_steps(trace, lens), ""]
    for scores in (result for result in results if result.kind == "token_scores"):
        lines += [*_speakers(trace, scores), ""]
    for sentence in missing:
        lines += [sentence, ""]
    lines.append("Checks (what was measured, and what is allowed):")
    for whose, checks in (("the generation", trace.checks), *((_named(result), result.checks) for result in results)):
        lines += [f"- {whose}", *(f"  {check}: {check.meaning}" for check in checks)]
    return "\n".join(lines)


def _harmless(text: str) -> str:
    """The text without what would steer a console: control characters as a view shows them."""
    return "".join(c if c in "\n\t" or unicodedata.category(c) != "Cc" else display_piece(c.encode()) for c in text)


def _named(result: Any) -> str:
    """A result by the Python that gives it."""
    target = getattr(result, "target", None)
    return result.method if target is None else f"{result.method} of {target!r}"


def _steps(trace: Trace, lens: Any) -> Iterator[str]:
    yield "step  token            p     entropy" + ("   leads to the end from" if lens else "")
    probs, entropy = trace.candidates.chosen_probs.values, trace.candidates.entropy.values
    for step in trace.steps:
        shown = trace.tokens.display[trace.prompt_length + step]
        led = f"  {_led(trace, lens, step)}" if lens else ""
        yield f"{step:>4}  {shown:<14} {probs[step]:6.3f}  {entropy[step]:5.2f} nats{led}"


def _led(trace: Trace, lens: Any, step: int) -> str:
    layer = lens.answer_layer(trace.position(step), trace.token_at(step).id)
    if layer is None:
        return "never"
    return "the embedding" if layer == -1 else f"layer {layer} of 0-{lens.layers[-1]}"


def _speakers(trace: Trace, scores: Any) -> Iterator[str]:
    """The tokens with the largest scores, with their sign: a token may speak against what was said."""
    for step in scores.steps:
        row = np.asarray(scores.at(step), np.float64)
        there = np.flatnonzero(~np.isnan(row))
        largest = there[np.argsort(-np.abs(row[there]), kind="stable")][:NAMED]
        named = ", ".join(f"{trace.tokens.display[at]} {row[at]:+.2f}" for at in largest)
        yield f"{scores.question(trace, step)} Most: {named} ({scores.unit})"
    # Where they do not add up the sentences above must not stand alone.
    yield from (str(check) for check in scores.checks if check.state != "holds")
