"""The sentence of token scores: the tokens for and against a decision, the method, and its checks."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from tracebench.record.checks import Check
from tracebench.record.trace import Trace
from tracebench.sentences.words import Parts, method_in_words, percent, probability, signed

if TYPE_CHECKING:
    from tracebench.results.token_scores import TokenScores

#: Name of the check that the scores add up to the difference they explain.
COMPLETENESS = "completeness"


def scores_sentence(trace: Trace, scores: TokenScores, step: int) -> Parts:
    """The sentence about a step: the explained number, the largest scores for and against, the method, and its checks.

    Args:
        trace: the trace of the scores.
        scores: scores of this step, or of every step.
        step: one of ``scores.steps``.

    Raises:
        KeyError: this step was not explained.
    """
    row = scores.at(step)
    value = float(scores.values.sel(step=step))
    sizes = float(np.nansum(np.abs(row)))
    most = float(np.nanmax(np.abs(row), initial=0.0))
    # Sort by absolute score, largest first; equal scores stay in the order of the text. The view has the same order.
    order = [int(at) for at in np.argsort(-np.abs(np.nan_to_num(row)), kind="stable") if not np.isnan(row[at])]
    above = [at for at in order if row[at] > 0][:2]
    below = [at for at in order if row[at] < 0][:1]

    def named(these: list[int]) -> Parts:
        parts: list[str | dict[str, str]] = []
        for i, at in enumerate(these):
            share = f", {percent(abs(float(row[at])) / sizes)}"
            share += " of all scores by size" if at == (*above, *below)[0] else ""
            again = f", position {at}" if trace.tokens.display.count(trace.tokens.display[at]) > 1 else ""
            number = signed(float(row[at]), most)
            parts += [" and "] if i else []
            parts += [{"token": trace.tokens.display[at]}, f" ({number}{share if sizes else ''}{again})"]
        return tuple(parts)

    entropy = scores.target.of == "entropy"
    push, against = ("make it less sure", "surer") if entropy else ("speak for it", "against")
    if len(above) == 1:
        push = push.replace("make", "makes").replace("speak", "speaks")
    parts: list[str | dict[str, str]] = [*_number(trace, scores, step, value), "; ", *_unmet(scores, step)]
    if above:
        parts += [*named(above), f" {push} most, "]
        parts += [*named(below), f" {against}"] if below else [f"none {against}"]
    elif below:
        parts += [*named(below), f" {'makes it surer' if entropy else 'speaks against it'} most, none for it"]
    else:
        own = scores.baseline and math.isnan(float(scores.baseline_values.sel(step=step)))
        parts += ["no token scores anything", ", because the text before it is its own baseline" if own else ""]
    return (*parts, f". By {method_in_words(scores.method)}{_proved(scores, step)}.")


def _number(trace: Trace, scores: TokenScores, step: int, value: float) -> Parts:
    """The explained number in words."""
    target, unit = scores.target, scores.unit
    size = signed(abs(value), abs(value)).lstrip("+")
    if target.of == "entropy":
        return (f"The entropy is {size} {unit}",)
    of = {"logit": "logit", "log_prob": "log-probability", "prob": "probability"}[target.of]
    token = {"token": scores.vocabulary.display(int(scores.explained.sel(step=step)))}
    if target.against is None:
        number = probability(value) if target.of == "prob" else f"{signed(value, abs(value)).lstrip('+')} {unit}"
        return (f"The {of} of ", token, f" is {number}")
    known = trace.candidates.vocabulary.union(scores.vocabulary)
    given = target.against if isinstance(target.against, int) else known.find(target.against)
    other = {"token": known.display(given) if given is not None and given in known else str(target.against)}
    if math.isnan(value):
        return ("By how much ", token, " leads ", other, f" is not known ({of})")
    if value == 0:
        return (token, " and ", other, f" are level ({of})")
    about = {"prob": f" by {size} ({of})", "logit": f" by {size} {unit}"}.get(target.of, f" by {size} {unit} ({of})")
    return (token, " leads " if value > 0 else " trails ", other, about)


def _unmet(scores: TokenScores, step: int) -> tuple[str, ...]:
    """The warning that the scores of a step do not add up. It comes before the scores."""
    check = _completeness(scores)
    if check is None:
        return ()
    gap = _gap(scores, step, check)
    if gap <= check.limit:
        return ()
    missing = "" if math.isnan(gap) else f": {_amount(gap, check)} is missing (limit {_amount(check.limit, check)})"
    return (f"the scores do not add up{missing}, so take them with care: ",)


def _amount(value: float, check: Check) -> str:
    """A value with its unit. A unit that begins with "of" is a share, so the value is a percentage."""
    return f"{value * 100:.2g} %" if check.unit.startswith("of ") else f"{value:.2g} {check.unit}".rstrip()


def _completeness(scores: TokenScores) -> Check | None:
    """The check that the scores add up, if it does not hold; else None."""
    return next((check for check in _wrong(scores) if check.name == COMPLETENESS), None)


def _gap(scores: TokenScores, step: int, check: Check) -> float:
    """The missing share of a step. With several steps we compute it, because the check holds only the worst step."""
    if len(scores.steps) == 1:
        return check.value
    at = {"step": step}
    difference = float(scores.values.sel(**at)) - float(scores.baseline_values.sel(**at))
    return abs(float(np.nansum(scores.at(step))) - difference) / abs(difference) if difference else math.nan


def _wrong(scores: TokenScores) -> list[Check]:
    return [check for check in scores.checks if check.state != "holds"]


def _proved(scores: TokenScores, step: int) -> str:
    wrong = _wrong(scores)
    if not scores.checks:
        return ", which carries no checks"
    if not wrong:
        return "; its checks hold" if len(scores.checks) > 1 else "; its check holds"
    unmet = _completeness(scores)
    elsewhere = unmet is not None and _gap(scores, step, unmet) <= unmet.limit
    wrong = [check for check in wrong if check.name != COMPLETENESS]
    if not wrong and elsewhere:
        return f"; its checks hold here, “{COMPLETENESS}” does not at another step"
    if not wrong:
        others = len(scores.checks) - 1
        return ("", "; its other check holds", "; its other checks hold")[min(others, 2)]
    states = {"amber": "is amber", "broken": "is BROKEN, so do not trust these numbers"}
    each = []
    for check in wrong:
        value = "unknown" if math.isnan(check.value) else f"{check.value:.2g}"
        unit = f" {check.unit}" if check.unit else ""
        each.append(f"“{check.name}” {states[check.state]} ({value}, limit {check.limit:.2g}{unit})")
    return "; but " + " and ".join(each)


#: Tokens per step in a report.
NAMED = 3


def scores_lines(trace: Trace, scores: TokenScores) -> Iterator[str]:
    """The lines of a report: the largest scores of each step with their sign, and the checks that do not hold."""
    for step in scores.steps:
        row = np.asarray(scores.at(step), np.float64)
        there = np.flatnonzero(~np.isnan(row))
        largest = there[np.argsort(-np.abs(row[there]), kind="stable")][:NAMED]
        named = ", ".join(f"{trace.tokens.display[at]} {row[at]:+.2f}" for at in largest)
        yield f"{scores.question(trace, step)} Most: {named} ({scores.unit})"
    # Warn the reader if the scores do not add up.
    yield from (str(check) for check in scores.checks if check.state != "holds")
