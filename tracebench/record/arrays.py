"""Arrays whose axes have names and coordinates.

Axis names are the linking protocol of the bench: a view slices its data at the selection by *name and coordinate*,
never by position. A layer axis may start at -1 (the embedding), so an offset is never a coordinate.
"""

from __future__ import annotations

import operator
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

#: The axes that the shared selection knows. ``query`` and ``key`` run over ``token``.
LINKED = ("trace", "step", "token", "layer", "head", "query", "key", "rank", "site", "sample")

#: Axes that results may have without being linked.
UNLINKED = ("role", "method", "metric", "component", "watched", "feature", "cell")

#: How many numbers a repr shows; of more it says only where they are.
SHOWN = 20


def whole(value: Any) -> int | None:
    """A whole number as Python's own, whoever's it is (numpy's and torch's too); None for all else, a bool included."""
    if isinstance(value, bool):
        return None
    try:
        return operator.index(value)
    except TypeError:
        return None


@dataclass(frozen=True)
class Axis:
    """One named axis: ``coords[i]`` is the coordinate of offset ``i``. Coordinates are unique."""

    name: str
    coords: tuple[Hashable, ...]

    def __post_init__(self) -> None:
        if self.name not in LINKED and self.name not in UNLINKED:
            known = ", ".join((*LINKED, *UNLINKED))
            raise ValueError(f"axis {self.name!r} is not one of the axis names: {known}")
        if len(set(self.coords)) != len(self.coords):
            raise ValueError(f"axis {self.name!r} has a coordinate twice: {_ends(self.coords)}")

    def __len__(self) -> int:
        return len(self.coords)

    def index(self, coord: Hashable) -> int:
        """The offset of a coordinate; a ``KeyError`` that says which coordinates there are."""
        # True == 1 and 1.0 == 1: what is no whole number would find a coordinate that is one.
        wanted = coord if isinstance(coord, str) else whole(coord)
        try:
            return self.coords.index(wanted)
        except ValueError:
            raise KeyError(f"{self.name}={coord!r} is not there; this axis has {_ends(self.coords)}") from None


@dataclass(frozen=True, eq=False)
class LabeledArray:
    """A numpy array with named axes: ``lens.entropy.sel(layer=27, token=9)``.

    Args:
        values: the numbers, shape = the lengths of ``axes`` in order. May be a lazily read (memory-mapped) array.
        axes: one `Axis` per dimension, each name once.
    """

    values: np.ndarray
    axes: tuple[Axis, ...]

    def __post_init__(self) -> None:
        expected = tuple(len(axis) for axis in self.axes)
        if np.shape(self.values) != expected:
            axes = ", ".join(f"{axis.name}: {len(axis)}" for axis in self.axes)
            raise ValueError(f"values of shape {np.shape(self.values)} do not fit the axes ({axes})")
        if len(set(self.dims)) != len(self.dims):
            raise ValueError(f"an axis name stands twice in {self.dims}")

    @classmethod
    def of(cls, values: Any, **coords: Iterable[Hashable]) -> LabeledArray:
        """The short way: ``LabeledArray.of(values, layer=range(-1, 30), token=range(12))``, one keyword an axis."""
        return cls(np.asarray(values), tuple(Axis(name, tuple(these)) for name, these in coords.items()))

    @property
    def dims(self) -> tuple[str, ...]:
        return tuple(axis.name for axis in self.axes)

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(len(axis) for axis in self.axes)

    def axis(self, name: str) -> Axis:
        for axis in self.axes:
            if axis.name == name:
                return axis
        raise KeyError(f"there is no axis {name!r}; this array has {', '.join(self.dims) or 'none'}")

    def coords(self, name: str) -> tuple[Any, ...]:
        return self.axis(name).coords

    def sel(self, **coords: Hashable | slice) -> Any:
        """Slice by coordinate. A single coordinate drops its axis; a slice of coordinates is half-open, as in ``range``.

        Returns a `LabeledArray`, or a plain number once no axis is left.
        """
        return self.isel(**{name: self._offset(name, coord) for name, coord in coords.items()})

    def isel(self, **offsets: int | slice) -> Any:
        """Slice by offset, otherwise as `sel`."""
        checked = {name: _checked_offset(self.axis(name), offset) for name, offset in offsets.items()}
        index = tuple(checked.get(axis.name, slice(None)) for axis in self.axes)
        values = np.asarray(self.values[index])
        kept = tuple(
            Axis(axis.name, axis.coords[at]) for axis, at in zip(self.axes, index, strict=True) if isinstance(at, slice)
        )
        return LabeledArray(values, kept) if kept else values.item()

    def to_pandas(self, value: str = "value") -> pd.DataFrame:
        """Long form: one row per number, one column per axis, and the column ``value``."""
        import pandas as pd

        index = pd.MultiIndex.from_product([axis.coords for axis in self.axes], names=list(self.dims))
        return pd.DataFrame({value: np.asarray(self.values).reshape(-1)}, index=index).reset_index()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.values, dtype=dtype, copy=copy)

    def __repr__(self) -> str:
        axes = ", ".join(f"{axis.name}: {len(axis)} ({_ends(axis.coords)})" for axis in self.axes)
        values = np.asarray(self.values)
        # In one line, so that an array inside of another repr stays one.
        shown = f", {' '.join(np.array2string(values, precision=4).split())}" if values.size <= SHOWN else ""
        return f"LabeledArray({values.dtype}, {axes}{shown})"

    def _offset(self, name: str, coord: Hashable | slice) -> int | slice:
        axis = self.axis(name)
        if not isinstance(coord, slice):
            return axis.index(coord)
        if coord.step is not None:
            raise ValueError(f"{name}: a slice of coordinates takes no step, got {coord}")
        start = 0 if coord.start is None else axis.index(coord.start)
        # Half-open, so the stop may lie one past the last coordinate, where no coordinate is.
        past = len(axis) and coord.stop == _after(axis.coords[-1])
        stop = len(axis) if coord.stop is None or past else axis.index(coord.stop)
        return slice(start, stop)


def _checked_offset(axis: Axis, given: Any) -> int | slice:
    """An offset that is there, or a slice; as in a list, -1 is the last."""
    if isinstance(given, slice):
        return given
    offset = whole(given)
    if offset is None:
        raise TypeError(f"{axis.name}: an offset is a whole number or a slice, got {given!r}; sel takes coordinates")
    if not -len(axis) <= offset < len(axis):
        raise IndexError(f"{axis.name}: offset {offset} is not there; this axis has {len(axis)} coordinates")
    return offset


def _after(coord: Hashable) -> Hashable:
    return coord + 1 if isinstance(coord, int) else None


def _ends(coords: tuple[Hashable, ...]) -> str:
    if len(coords) <= 6:
        return ", ".join(map(str, coords)) or "no coordinates"
    return f"{coords[0]}, {coords[1]}, ... {coords[-1]}"
