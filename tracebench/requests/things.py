"""Parameters that are too large for a request: traces, arrays and tables travel as their content hash.

A request holds ``{"$trace": hash}``. The object itself stays in the kernel and is looked up by its hash when the request
runs. In copied code it is ``tb.open("HASH.trace").trace``, a file that `tb.save` writes.
"""

from __future__ import annotations

import ast
import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from tracebench.record.arrays import LabeledArray
from tracebench.record.files import Record
from tracebench.record.trace import Trace

#: Key in plain data -> the attribute of a `Bundle` with such an object.
KEYS = {"$trace": "trace", "$array": "array", "$table": "table"}

_OPENED = re.compile(r"([0-9a-f]{16})\.trace")


def key_of(value: Any) -> str | None:
    """The key of a trace, an array or a table in plain data; None for any other value."""
    if isinstance(value, Trace):
        return "$trace"
    if isinstance(value, (LabeledArray, np.ndarray)):
        return "$array"
    # Compare the name of the class, so that pandas is not imported.
    is_table = type(value).__module__.partition(".")[0] == "pandas" and type(value).__name__ == "DataFrame"
    return "$table" if is_table else None


def hash_of(value: Any) -> str:
    """The content hash (16 hex digits) of a trace, an array or a table."""
    if isinstance(value, Trace):
        return value.hash
    digest = hashlib.sha256()
    if isinstance(value, LabeledArray):
        digest.update(repr([(axis.name, axis.coords) for axis in value.axes]).encode())
        value = value.values
    if not hasattr(value, "to_json"):
        plain = np.asarray(value, order="C")
        if plain.dtype.hasobject or np.ma.isMaskedArray(value):
            raise TypeError(f"an array that is a parameter holds plain numbers without a mask, got {plain.dtype}")
        digest.update(f"{plain.dtype.str} {list(plain.shape)}".encode())
        digest.update(plain.tobytes())
    else:
        digest.update(value.to_json(orient="split", double_precision=15).encode())
    return digest.hexdigest()[:16]


def kept(value: Any) -> Any:
    """A copy that a later edit of the original does not change: its hash stays true. A trace is frozen already."""
    if isinstance(value, LabeledArray):
        return LabeledArray(kept(np.asarray(value.values)), value.axes)
    if isinstance(value, np.ndarray):
        copy = value.copy()
        copy.flags.writeable = False
        return copy
    return value if isinstance(value, Trace) else value.copy()


def python_of(key: str, content: str) -> str:
    """Python that opens an object from the file named by its hash."""
    return f"tb.open('{content}.trace').{KEYS[key]}"


def opened(node: ast.expr) -> dict[str, str] | None:
    """``tb.open('HASH.trace').trace`` as plain data; None for any other expression."""
    if not isinstance(node, ast.Attribute) or not isinstance(node.value, ast.Call):
        return None
    key = next((key for key, attribute in KEYS.items() if attribute == node.attr), None)
    call = node.value
    if key is None or ast.unparse(call.func) != "tb.open" or len(call.args) != 1 or call.keywords:
        return None
    path = call.args[0].value if isinstance(call.args[0], ast.Constant) else None
    found = _OPENED.fullmatch(path) if isinstance(path, str) else None
    return {key: found[1]} if found else None


@dataclass(frozen=True, eq=False)
class StoredThing:
    """An array or a table in a file."""

    value: Any

    kind = "thing"

    def to_record(self) -> Record:
        if isinstance(self.value, (LabeledArray, np.ndarray)):
            return Record(self.kind, {}, {"values": self.value})
        dtypes = [str(dtype) for dtype in self.value.dtypes]
        return Record(
            self.kind, {"table": self.value.to_json(orient="split", double_precision=15), "dtypes": dtypes}, {}
        )

    @classmethod
    def from_record(cls, record: Record) -> StoredThing:
        if "values" in record.arrays:
            return cls(record.arrays["values"])
        import pandas as pd

        # pandas' own reader guesses types: "001" would be 1.
        given = json.loads(record.json["table"])
        table = pd.DataFrame(given["data"], index=given["index"], columns=given["columns"])
        return cls(table.astype(dict(zip(table.columns, record.json["dtypes"], strict=True))))
