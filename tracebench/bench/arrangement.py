"""The arrangement of the views in a bench, as data. Twin of ``js/src/bench/arrangement.ts``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

FIELDS = ("order", "hidden", "enlarged")


def names_of(stems: Sequence[str]) -> list[str]:
    """The name of each view: its stem, with a number from the second on: ``token_scores``, ``token_scores-2``."""
    counts = [stems[: at + 1].count(stem) for at, stem in enumerate(stems)]
    return [stem if count == 1 else f"{stem}-{count}" for stem, count in zip(stems, counts, strict=True)]


def checked(given: Any, names: Sequence[str]) -> dict[str, Any]:
    """Check an arrangement and complete it.

    Args:
        given: any of ``order``, ``hidden`` (names of views) and ``enlarged`` (a name or None). Views that ``order`` lacks
            follow in their default order.
        names: all views, in their default order.

    Raises:
        TypeError: a value of the wrong type.
        ValueError: an unknown field or view, or a view that is named twice.
    """
    if not isinstance(given, Mapping):
        raise TypeError(f"an arrangement is a dict of {', '.join(FIELDS)}, got {given!r}")
    if unknown := sorted(str(field) for field in given if field not in FIELDS):
        raise ValueError(f"an arrangement has {', '.join(FIELDS)}, got {', '.join(unknown)}; check the spelling")
    order = _names("order", given.get("order", ()), names)
    hidden = _names("hidden", given.get("hidden", ()), names)
    enlarged = given.get("enlarged")
    if enlarged is not None:
        (enlarged,) = _names("enlarged", [enlarged], names)
        if enlarged in hidden:
            raise ValueError(f"{enlarged!r} cannot be enlarged and hidden: take it out of one of them")
    return {
        "order": [*order, *(name for name in names if name not in order)],
        "hidden": [name for name in names if name in hidden],
        "enlarged": enlarged,
    }


def _names(field: str, given: Any, names: Sequence[str]) -> list[str]:
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise TypeError(f"{field} is a list of views, got {given!r}: this bench has {', '.join(names)}")
    found = list(given)
    for name in found:
        if name not in names:
            raise ValueError(f"{field} names {name!r}, which is not a view of this bench: it has {', '.join(names)}")
    if len(set(found)) != len(found):
        raise ValueError(f"{field} names a view twice: {', '.join(map(str, found))}")
    return found
