"""The colours of numbers, as the bench has them on a light ground (``color.ts``; a test compares them).

One sequential scale for amounts, in teal, whose lightness alone orders it. One scale for signed amounts: orange above zero,
blue below. Both are right for colour-blind readers.
"""

from __future__ import annotations

Rgb = tuple[int, int, int]

#: Amounts in [0, 1], from paper.
AMOUNT: tuple[Rgb, ...] = ((238, 243, 243), (122, 184, 186), (0, 96, 106))
#: Signed amounts in [-1, 1], from paper: what is above zero, what is below.
ABOVE: tuple[Rgb, ...] = ((245, 246, 247), (244, 176, 122), (201, 84, 10))
BELOW: tuple[Rgb, ...] = ((245, 246, 247), (138, 181, 222), (28, 94, 164))


def sequential() -> list[tuple[float, str]]:
    """The scale for amounts as plotly takes one."""
    return _scale(AMOUNT)


def diverging() -> list[tuple[float, str]]:
    """The scale for signed amounts as plotly takes one: zero is its middle."""
    return _scale((*BELOW[:0:-1], *ABOVE))


def edge(value: float) -> str:
    """The strongest colour of a sign."""
    return _css((BELOW if value < 0 else ABOVE)[-1])


def _scale(stops: tuple[Rgb, ...]) -> list[tuple[float, str]]:
    return [(i / (len(stops) - 1), _css(stop)) for i, stop in enumerate(stops)]


def _css(colour: Rgb) -> str:
    return f"rgb{colour}"
