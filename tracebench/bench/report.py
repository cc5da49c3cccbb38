"""A trace and its results as text for a console."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from typing import Any

from tracebench.record.counts import counted
from tracebench.record.tokens import display_piece
from tracebench.record.trace import Trace
from tracebench.sentences.generation import generation_sentence
from tracebench.sentences.words import as_text


def report(trace: Trace, results: Iterable[Any], missing: Iterable[str] = ()) -> str:
    """The text, the sentence of the first step, a line per step, the lines of each result, and every check.

    Args:
        trace: the trace.
        results: results about it.
        missing: one sentence per missing result, with the reason.
    """
    results = list(results)
    lines = [
        f"{trace.provenance.model}, {counted(trace.provenance.layers, 'layer')}, {trace.provenance.dtype}",
        _without_controls(f"{trace.prompt}▸{trace.completion}"),
        "",
    ]
    if trace.steps:
        continued = [result.sentence(trace, 0) or () for result in results if result.says == "continues"]
        lines += [as_text((*generation_sentence(trace, 0), *(part for parts in continued for part in parts))), ""]
        lines += [*_steps(trace, results), ""]
    for result in results:
        own = [*result.lines(trace)]
        lines += [*own, ""] if own else []
    for sentence in missing:
        lines += [sentence, ""]
    lines.append("Checks (the measured value, and its limit):")
    for name, checks in (("the generation", trace.checks), *((_code(result), result.checks) for result in results)):
        lines += [f"- {name}", *(f"  {check}: {check.meaning}" for check in checks)]
    return "\n".join(lines)


def _without_controls(text: str) -> str:
    """The text with codes for control characters, which could change the state of a console."""
    return "".join(c if c in "\n\t" or unicodedata.category(c) != "Cc" else display_piece(c.encode()) for c in text)


def _code(result: Any) -> str:
    """The method of a result, with its target."""
    target = getattr(result, "target", None)
    return result.method if target is None else f"{result.method} of {target!r}"


def _steps(trace: Trace, results: list[Any]) -> Iterator[str]:
    """A line per step: the token, its probability, the entropy, and the columns of the results."""
    columns = [column for result in results if (column := result.step_column(trace)) is not None]
    yield "step  token            p     entropy" + "".join(f"   {heading}" for heading, _ in columns)
    probs, entropy = trace.candidates.chosen_probs.values, trace.candidates.entropy.values
    for step in trace.steps:
        shown = trace.tokens.display[trace.prompt_length + step]
        cells = "".join(f"  {cells[step]}" for _, cells in columns)
        yield f"{step:>4}  {shown:<14} {probs[step]:6.3f}  {entropy[step]:5.2f} nats{cells}"
