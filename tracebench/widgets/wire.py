"""The wire format of arrays. Twin of ``js/src/wire.ts``; ``tests/fixtures/wire.json`` proves that they agree.

A *tree* is JSON in which an array is ``{"$array": bytes, "dtype", "shape", "dims", "coords", "encoding"}``. In a trait the
bytes stay in place, and ipywidgets moves them. For a message `split` replaces them by indices.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from tracebench.record.arrays import LabeledArray
from tracebench.record.checks import Check
from tracebench.record.tokens import Tokens, Vocabulary, display_piece, piece_kind

#: numpy kind and size -> dtype on the wire, which has no 64-bit numbers.
_TRAVELS = {
    "f2": "f4",
    "f4": "f4",
    "f8": "f4",
    "i8": "i4",
    "i4": "i4",
    "i2": "i4",
    "i1": "i4",
    "u1": "u1",
    "u2": "u2",
    "b1": "u1",
}

#: The whole number that stands for 1.0 in the encoding ``"fixed-14"``.
FIXED = 2**14 - 1


def pack(array: LabeledArray, encoding: str = "plain") -> dict[str, Any]:
    """An array as a tree node.

    Args:
        array: any numbers. Floats travel as float32, integers as int32.
        encoding: ``"plain"``, or a smaller one for weights in [0, 1]. ``"sqrt-u8"`` is one byte with fine steps for small
            weights (most attention weights are below half a linear step). ``"fixed-14"`` is two bytes, exact to 0.00004.

    Raises:
        ValueError: an unknown encoding, or values outside [0, 1] for a small one.
    """
    values = np.asarray(array.values)
    if encoding in ("sqrt-u8", "fixed-14"):
        if values.size and not (float(values.min()) >= 0.0 and float(values.max()) <= 1.0):
            raise ValueError(f"{encoding} holds values in [0, 1], got {values.min():.3g} to {values.max():.3g}")
        if encoding == "sqrt-u8":
            values = np.rint(np.sqrt(values.astype(np.float32)) * 255).astype(np.uint8)
        else:
            values = np.rint(values.astype(np.float64) * FIXED).astype(np.uint16)
    elif encoding != "plain":
        raise ValueError(f"encoding is 'plain', 'sqrt-u8' or 'fixed-14', got {encoding!r}")
    dtype = _TRAVELS[values.dtype.kind + str(values.dtype.itemsize)]
    coords = {axis.name: list(axis.coords) for axis in array.axes if axis.coords != tuple(range(len(axis)))}
    data = np.ascontiguousarray(values, dtype="<" + dtype)
    if encoding == "fixed-14":
        # Store all low bytes and then all high bytes: few different high bytes occur, so they compress well together.
        data = data.reshape(-1).view("u1").reshape(-1, 2).T
    return {
        "$array": data.tobytes(),
        "dtype": dtype,
        "shape": list(array.shape),
        "dims": list(array.dims),
        "coords": coords,
        "encoding": encoding,
    }


def within_one(values: np.ndarray) -> np.ndarray:
    """Clip values that rounding has pushed just above 1. Larger values stay, and `pack` refuses them."""
    near = (values > 1) & (values < 1 + 1e-5)
    return np.where(near, values.dtype.type(1), values) if near.any() else values


def split(tree: Any) -> tuple[Any, list[bytes]]:
    """A tree for a custom message, and its buffers. Bytes in the tree become indices into the list of buffers."""
    buffers: list[bytes] = []

    def walk(node: Any) -> Any:
        if isinstance(node, bytes):
            buffers.append(node)
            return len(buffers) - 1
        if isinstance(node, Mapping):
            return {key: walk(value) for key, value in node.items()}
        if isinstance(node, (list, tuple)):
            return [walk(value) for value in node]
        return node

    return walk(tree), buffers


def piece(data: bytes, special: bool) -> list[str]:
    """``[text, display, kind]`` of one token."""
    return [data.decode("utf-8", "replace"), display_piece(data, special), piece_kind(data, special)]


def pieces(tokens: Tokens) -> list[list[str]]:
    return [piece(token.piece, token.special) for token in tokens]


def vocabulary(known: Vocabulary, ids: Iterable[int]) -> dict[str, list[str]]:
    """Id -> `piece`, for the ids in a tree."""
    return {str(i): piece(known.pieces[i], i in known.special) for i in sorted(set(ids))}


def checks(these: Iterable[Check]) -> list[dict[str, Any]]:
    """Checks with their states. An unknown value (NaN) is None, because JSON has no NaN."""
    return [
        {**check.to_json(), "value": check.value if math.isfinite(check.value) else None, "state": check.state}
        for check in these
    ]
