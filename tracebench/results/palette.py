"""The colour scales of the figures. They equal those of the bench in light mode (``color.ts``; a test compares them).

Amounts have one teal scale that gets darker. Signed amounts are orange above zero and blue below. Colour-blind readers can
read both.
"""

from __future__ import annotations

Rgb = tuple[int, int, int]

#: Colours of amounts in [0, 1], the background first.
AMOUNT: tuple[Rgb, ...] = ((238, 243, 243), (122, 184, 186), (0, 96, 106))
#: Colours of signed amounts in [-1, 1]: above and below zero, the background first.
ABOVE: tuple[Rgb, ...] = ((245, 246, 247), (244, 176, 122), (201, 84, 10))
BELOW: tuple[Rgb, ...] = ((245, 246, 247), (138, 181, 222), (28, 94, 164))


def sequential() -> list[tuple[float, str]]:
    """The scale of amounts as a plotly colorscale: (position in [0, 1], colour)."""
    return _scale(AMOUNT)


def diverging() -> list[tuple[float, str]]:
    """The scale of signed amounts as a plotly colorscale; zero is in the middle."""
    return _scale((*BELOW[:0:-1], *ABOVE))


def edge(value: float) -> str:
    """The strongest colour of a sign."""
    return _css((BELOW if value < 0 else ABOVE)[-1])


def _scale(stops: tuple[Rgb, ...]) -> list[tuple[float, str]]:
    return [(i / (len(stops) - 1), _css(stop)) for i, stop in enumerate(stops)]


def _css(colour: Rgb) -> str:
    return f"rgb{colour}"
