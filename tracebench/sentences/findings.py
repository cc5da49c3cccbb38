"""What a step comes down to, in one sentence a person can repeat.

A sentence is a tuple of parts: text, or ``{"token": "·Paris"}``, so that a view can set tokens apart from prose.
"""

from __future__ import annotations

import math
import re

import numpy as np

from tracebench.record.checks import Check
from tracebench.record.trace import Trace
from tracebench.requests.request import parsed
from tracebench.results.lens_table import LensTable
from tracebench.results.token_scores import TokenScores

Parts = tuple[str | dict[str, str], ...]

#: The check that scores add up to what they share out.
COMPLETENESS = "completeness"


def said(trace: Trace, step: int) -> Parts:
    """What was said at a step and how sure the model was; needs the trace alone."""
    trace.check_step(step)
    at = trace.prompt_length + step
    prob = float(np.asarray(trace.candidates.chosen_probs.values)[step])
    rank = trace.chosen_rank(step)
    parts: list[str | dict[str, str]] = ["The text goes on with " if trace.was_read else "The model said "]
    parts += [{"token": trace.tokens.display[at]}, f" with p {_equals(prob)}"]
    if rank is None:
        parts.append(", past the recorded alternatives")
    elif rank > 0:
        best = trace.candidates.token_ids.values[step, 0]
        top = float(trace.candidates.probs.values[step, 0])
        parts += [
            f" (its choice number {rank + 1}; the first was ",
            {"token": trace.candidates.vocabulary.display(int(best))},
            f", p {_equals(top)})",
        ]
    return tuple(parts)


def probability(p: float) -> str:
    """As the views write it (``js/src/ui/format.ts``): what is not 0 never reads as 0, what is not 1 never as 1."""
    written = f"{p:.3f}"
    if p > 0 and float(written) == 0:
        return f"{p:.0e}".replace("e-0", "e-").replace("e-", "e−")
    return ">0.999" if p < 1 and float(written) == 1 else written


def _equals(p: float) -> str:
    """``= 0.702``, ``> 0.999``."""
    written = probability(p)
    return f"> {written[1:]}" if written.startswith(">") else f"= {written}"


def finding(trace: Trace, lens: LensTable, step: int) -> Parts:
    """`said`, and the layer from which that token led to the end."""
    position, token = trace.position(step), trace.token_at(step)
    layer, last = lens.answer_layer(position, token.id), lens.layers[-1]
    leads = np.asarray(lens.token_ids.sel(token=position).sel(rank=0)) == token.id
    before = [
        each for each, leading in zip(lens.layers, leads, strict=True) if leading and (layer is None or each < layer)
    ]
    lost = f" (it led before, up to {_named(before[-1])}, and lost it)" if before else ""
    if layer is None:
        return (*said(trace, step), f"; the last layer itself puts another token first{lost}.")
    if layer == last:
        return (*said(trace, step), f"; it leads in the last layer, {last}, {'again' if before else 'only'}{lost}.")
    return (*said(trace, step), f"; it leads from {_named(layer)} of 0–{last} on, to the end{lost}.")


def _named(layer: int) -> str:
    return "the embedding" if layer == -1 else f"layer {layer}"


def attributed(trace: Trace, scores: TokenScores, step: int) -> Parts:
    """What speaks for a decision and what against it: who leads by how much, the largest scores, the method, and its checks.

    Args:
        trace: what the scores are about.
        scores: of this step, or of every step.
        step: one of ``scores.steps``; a ``KeyError`` says which there are.
    """
    row = scores.at(step)
    value = float(scores.values.sel(step=step))
    sizes = float(np.nansum(np.abs(row)))
    most = float(np.nanmax(np.abs(row), initial=0.0))
    # Largest first without regard to sign, equal ones in the order of the text, as the view lists them.
    order = [int(at) for at in np.argsort(-np.abs(np.nan_to_num(row)), kind="stable") if not np.isnan(row[at])]
    above = [at for at in order if row[at] > 0][:2]
    below = [at for at in order if row[at] < 0][:1]

    def named(these: list[int]) -> Parts:
        parts: list[str | dict[str, str]] = []
        for i, at in enumerate(these):
            share = f", {_percent(abs(float(row[at])) / sizes)}"
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
    return (*parts, f". By {_method(scores.method)}{_proved(scores, step)}.")


def _number(trace: Trace, scores: TokenScores, step: int, value: float) -> Parts:
    """The number that is explained, in words."""
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


def _method(method: str) -> str:
    """``IntegratedGradients(n_steps=64)`` as "integrated gradients, 64 points"; the view says it too (``js/src/token_scores/words.ts``)."""
    name, params = parsed(method)
    words = re.sub(r"(?<=[a-z\d])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name).split(" ")
    said = " ".join(word if len(word) > 1 and word.isupper() else word.lower() for word in words).replace(" x ", " × ")
    points = "adaptive points" if params.get("quadrature") == "adaptive" else "points"
    return f"{said}, {params['n_steps']} {points}" if "n_steps" in params else said


def _unmet(scores: TokenScores, step: int) -> tuple[str, ...]:
    """That the scores of a step do not add up to what they share out, before any of them is told."""
    check = _completeness(scores)
    if check is None:
        return ()
    gap = _gap(scores, step, check)
    if gap <= check.limit:
        return ()
    off = "" if math.isnan(gap) else f" by {gap:.2g} {check.unit} (limit {check.limit:.2g})"
    return (f"its scores miss what they share out{off}, so take them with care: ",)


def _completeness(scores: TokenScores) -> Check | None:
    """The check that scores add up, where it does not hold."""
    return next((check for check in _wrong(scores) if check.name == COMPLETENESS), None)


def _gap(scores: TokenScores, step: int, check: Check) -> float:
    """By how much the scores of a step miss what they share out; of many steps the check has the worst alone."""
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
    said = {"amber": "is amber", "broken": "is BROKEN, so these numbers are not to be trusted"}
    each = []
    for check in wrong:
        value = "unknown" if math.isnan(check.value) else f"{check.value:.2g}"
        unit = f" {check.unit}" if check.unit else ""
        each.append(f"“{check.name}” {said[check.state]} ({value}, limit {check.limit:.2g}{unit})")
    return "; but " + " and ".join(each)


def signed(x: float, most: float) -> str:
    """As the views write a column of scores (``js/src/token_scores/words.ts``): "+2.33", "−0.15"; more digits where all are small."""
    digits = 2 if most >= 1 or not most > 0 else min(6, 1 - math.floor(math.log10(most)))
    sign = "+" if x > 0 else "−" if x < 0 else ""
    written = f"{abs(x):.{digits}f}"
    if x and abs(x) == most and float(written) == 0:
        # The largest of all, or a number that stands alone: it must not read as nothing.
        written = f"{abs(x):.0e}".replace("e-0", "e-").replace("e-", "e−")
    return f"{sign}{written}"


def _percent(share: float) -> str:
    if 0 < share < 0.01:
        return "less than 1 %"
    return "more than 99 %" if 0.99 < share < 1 else f"{round(share * 100)} %"


def as_text(parts: Parts) -> str:
    """The sentence as plain text, tokens in quotation marks."""
    return "".join(part if isinstance(part, str) else f"“{part['token']}”" for part in parts)
