"""The parts of a sentence, and numbers in words.

A sentence is a tuple of parts. A part is text, or ``{"token": "·Paris"}`` so that a view can draw tokens differently.
"""

from __future__ import annotations

import math
import re

from tracebench.record.counts import counted
from tracebench.requests.parameters import parsed

Parts = tuple[str | dict[str, str], ...]


def probability(p: float) -> str:
    """A probability as the views write it (``js/src/ui/format.ts``). Only 0 is written as 0, and only 1 as 1."""
    written = f"{p:.3f}"
    if p > 0 and float(written) == 0:
        return f"{p:.0e}".replace("e-0", "e-").replace("e-", "e−")
    return ">0.999" if p < 1 and float(written) == 1 else written


def equals(p: float) -> str:
    """The probability with its sign: ``= 0.702`` or ``> 0.999``."""
    written = probability(p)
    return f"> {written[1:]}" if written.startswith(">") else f"= {written}"


def signed(x: float, most: float) -> str:
    """A score as the views write it (``js/src/token_scores/words.ts``): "+2.33", "−0.15".

    Args:
        x: the score.
        most: the largest absolute score beside it. If that is small, all scores get more digits.
    """
    digits = 2 if most >= 1 or not most > 0 else min(6, 1 - math.floor(math.log10(most)))
    sign = "+" if x > 0 else "−" if x < 0 else ""
    written = f"{abs(x):.{digits}f}"
    if x and abs(x) == most and float(written) == 0:
        # Do not write the largest score as 0.
        written = f"{abs(x):.0e}".replace("e-0", "e-").replace("e-", "e−")
    return f"{sign}{written}"


def percent(share: float) -> str:
    if 0 < share < 0.01:
        return "less than 1 %"
    return "more than 99 %" if 0.99 < share < 1 else f"{round(share * 100)} %"


def as_text(parts: Parts) -> str:
    """The sentence as plain text, with tokens in quotation marks."""
    return "".join(part if isinstance(part, str) else f"“{part['token']}”" for part in parts)


def method_in_words(method: str) -> str:
    """``IntegratedGradients(n_steps=64)`` as "integrated gradients, 64 points". Twin: ``js/src/token_scores/words.ts``."""
    name, params = parsed(method)
    words = re.sub(r"(?<=[a-z\d])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name).split(" ")
    spoken = " ".join(word if len(word) > 1 and word.isupper() else word.lower() for word in words).replace(
        " x ", " × "
    )
    points = "adaptive point" if params.get("quadrature") == "adaptive" else "point"
    return f"{spoken}, {counted(params['n_steps'], points)}" if "n_steps" in params else spoken
