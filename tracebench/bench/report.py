"""What a trace and its results come down to, as text for a console."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from typing import Any

from tracebench.record.tokens import display_piece
from tracebench.record.trace import Trace
from tracebench.sentences.generation import said
from tracebench.sentences.words import as_text


def report(trace: Trace, results: Iterable[Any], missing: Iterable[str] = ()) -> str:
    """The text, the sentence of the first step, a line per step, what each result says, and every check in full.

    Args:
        trace: what was said.
        results: of analyses on it.
        missing: what is not among them and why, a sentence each.
    """
    results = list(results)
    lines = [
        f"{trace.provenance.model}, {trace.provenance.layers} layers, {trace.provenance.dtype}",
        _harmless(f"{trace.prompt}▸{trace.completion}"),
        "",
    ]
    if trace.steps:
        continued = [result.sentence(trace, 0) or () for result in results if result.says == "continues"]
        lines += [as_text((*said(trace, 0), *(part for parts in continued for part in parts))), ""]
        lines += [*_steps(trace, results), ""]
    for result in results:
        own = [*result.lines(trace)]
        lines += [*own, ""] if own else []
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


def _steps(trace: Trace, results: list[Any]) -> Iterator[str]:
    """A line per step: the token, how sure the model was, and the columns of the results that have one."""
    columns = [column for result in results if (column := result.step_column(trace)) is not None]
    yield "step  token            p     entropy" + "".join(f"   {heading}" for heading, _ in columns)
    probs, entropy = trace.candidates.chosen_probs.values, trace.candidates.entropy.values
    for step in trace.steps:
        shown = trace.tokens.display[trace.prompt_length + step]
        cells = "".join(f"  {cells[step]}" for _, cells in columns)
        yield f"{step:>4}  {shown:<14} {probs[step]:6.3f}  {entropy[step]:5.2f} nats{cells}"
