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

from tracebench.record.counts import counted

if TYPE_CHECKING:
    import pandas as pd

#: The axes of the shared selection. ``query`` and ``key`` run over ``token``.
LINKED = ("trace", "step", "token", "layer", "head", "query", "key", "rank", "site", "sample")

#: Axes of results that the selection does not link.
UNLINKED = ("role", "method", "metric", "component", "watched", "feature", "cell")

#: A repr shows the numbers of an array up to this size; a larger one shows its axes alone.
SHOWN = 20


def whole(value: Any) -> int | None:
    """A whole number of any type (Python, numpy, torch) as an ``int``; None for anything else, also for a bool."""
    if isinstance(value, bool):
        return None
    try:
        return operator.index(value)
    except TypeError:
        return None


@dataclass(frozen=True)
class Axis:
    """One named axis: ``coords[i]`` is the coordinate of offset ``i``.

    Raises:
        ValueError: an unknown name, or a coordinate that occurs twice.
    """

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
        """The offset of a coordinate.

        Raises:
            KeyError: the axis has no such coordinate; the message lists those that it has.
        """
        # True == 1 and 1.0 == 1, so only a whole number may match a coordinate.
        wanted = coord if isinstance(coord, str) else whole(coord)
        try:
            return self.coords.index(wanted)
        except ValueError:
            raise KeyError(f"{self.name}={coord!r} is not there; this axis has {_ends(self.coords)}") from None


@dataclass(frozen=True, eq=False)
class LabeledArray:
    """A numpy array with named axes: ``lens.entropy.sel(layer=27, token=9)``.

    Args:
        values: the numbers, with one dimension per axis. The array may be memory-mapped.
        axes: one `Axis` per dimension, each name once.

    Raises:
        ValueError: the shape does not fit the axes, or a name occurs twice.
    """

    values: np.ndarray
    axes: tuple[Axis, ...]

    def __post_init__(self) -> None:
        expected = tuple(len(axis) for axis in self.axes)
        if np.shape(self.values) != expected:
            axes = ", ".join(f"{axis.name}: {len(axis)}" for axis in self.axes)
            raise ValueError(f"values of shape {np.shape(self.values)} do not fit the axes ({axes})")
        if len(set(self.dims)) != len(self.dims):
            raise ValueError(f"an axis name occurs twice in {self.dims}")

    @classmethod
    def of(cls, values: Any, **coords: Iterable[Hashable]) -> LabeledArray:
        """Short form with one keyword per axis: ``LabeledArray.of(values, layer=range(-1, 30), token=range(12))``."""
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
        """Select by coordinate. One coordinate drops its axis; a slice of coordinates is half-open, as in ``range``.

        Returns:
            A `LabeledArray`, or a plain number if no axis is left.

        Raises:
            KeyError: the array has no such axis or coordinate.
        """
        return self.isel(**{name: self._offset(name, coord) for name, coord in coords.items()})

    def isel(self, **offsets: int | slice) -> Any:
        """Select by offset; otherwise like `sel`.

        Raises:
            KeyError: the array has no such axis.
            IndexError: the axis has no such offset.
        """
        checked = {name: _checked_offset(self.axis(name), offset) for name, offset in offsets.items()}
        index = tuple(checked.get(axis.name, slice(None)) for axis in self.axes)
        values = np.asarray(self.values[index])
        kept = tuple(
            Axis(axis.name, axis.coords[at]) for axis, at in zip(self.axes, index, strict=True) if isinstance(at, slice)
        )
        return LabeledArray(values, kept) if kept else values.item()

    def to_pandas(self, value: str = "value") -> pd.DataFrame:
        """A table with one row per number: a column per axis, and one for the number.

        Args:
            value: the heading of the column of numbers.
        """
        import pandas as pd

        index = pd.MultiIndex.from_product([axis.coords for axis in self.axes], names=list(self.dims))
        return pd.DataFrame({value: np.asarray(self.values).reshape(-1)}, index=index).reset_index()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.values, dtype=dtype, copy=copy)

    def __repr__(self) -> str:
        axes = ", ".join(f"{axis.name}: {len(axis)} ({_ends(axis.coords)})" for axis in self.axes)
        values = np.asarray(self.values)
        # On one line, so that the repr of an object that holds this array has one line too.
        shown = f", {' '.join(np.array2string(values, precision=4).split())}" if values.size <= SHOWN else ""
        return f"LabeledArray({values.dtype}, {axes}{shown})"

    def _offset(self, name: str, coord: Hashable | slice) -> int | slice:
        axis = self.axis(name)
        if not isinstance(coord, slice):
            return axis.index(coord)
        if coord.step is not None:
            raise ValueError(f"{name}: a slice of coordinates takes no step, got {coord}")
        start = 0 if coord.start is None else axis.index(coord.start)
        # A half-open slice may stop one past the last coordinate, which is no coordinate itself.
        past = len(axis) and coord.stop == _after(axis.coords[-1])
        stop = len(axis) if coord.stop is None or past else axis.index(coord.stop)
        return slice(start, stop)


def _checked_offset(axis: Axis, given: Any) -> int | slice:
    """Check an offset. A slice passes; -1 is the last offset, as in a list."""
    if isinstance(given, slice):
        return given
    offset = whole(given)
    if offset is None:
        raise TypeError(f"{axis.name}: an offset is a whole number or a slice, got {given!r}; sel takes coordinates")
    if not -len(axis) <= offset < len(axis):
        raise IndexError(f"{axis.name}: offset {offset} is not there; this axis has {counted(len(axis), 'coordinate')}")
    return offset


def _after(coord: Hashable) -> Hashable:
    return coord + 1 if isinstance(coord, int) else None


def _ends(coords: tuple[Hashable, ...]) -> str:
    if len(coords) <= 6:
        return ", ".join(map(str, coords)) or "no coordinates"
    return f"{coords[0]}, {coords[1]}, ... {coords[-1]}"
