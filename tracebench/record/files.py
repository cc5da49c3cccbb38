"""Records in one safetensors file: arrays as arrays, everything else as JSON in the file's metadata. No pickle.

A file is a list of records. Each has a kind (which class reads it), JSON, and named arrays, some of which carry axes.
A digest of each array and one of the list of contents are compared when a file is opened; arrays stay mapped.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from tracebench.record.arrays import Axis, LabeledArray
from tracebench.runtime.interrupts import Scope

#: Raised when a file says something that an older reader would misread. 2: several traces, and results name theirs.
FORMAT = 2
_KEY = "tracebench"


class FileError(ValueError):
    """A file that cannot be read or written, in one sentence."""


@dataclass(frozen=True)
class Record:
    """What one object looks like in a file.

    Args:
        kind: the registry name of its class, e.g. ``"trace"`` or ``"lens_table"``.
        json: what is not an array.
        arrays: plain arrays or `LabeledArray`, by name.
    """

    kind: str
    json: Mapping[str, Any]
    arrays: Mapping[str, np.ndarray | LabeledArray] = field(default_factory=dict)

    def group(self, prefix: str) -> dict[str, np.ndarray]:
        """The plain arrays named ``prefix.*``, without the prefix; there must be some."""
        start = prefix + "."
        found = {name[len(start) :]: np.asarray(a) for name, a in self.arrays.items() if name.startswith(start)}
        if not found:
            raise ValueError(f"its {self.kind} has no {prefix}")
        return found

    def labeled(self, name: str) -> LabeledArray:
        """The array of this name, which must be there with its axes."""
        array = self.arrays.get(name)
        if not isinstance(array, LabeledArray):
            found = "is missing" if array is None else "has lost its axes"
            raise FileError(f"the file is damaged: {self.kind}.{name} {found}")
        return array


def prefixed(prefix: str, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The reverse of `Record.group`."""
    return {f"{prefix}.{name}": array for name, array in arrays.items()}


def write_records(path: str | os.PathLike[str], records: Sequence[Record]) -> Path:
    """Write records to ``path``, atomically: an interrupted write leaves what was there."""
    from safetensors.numpy import save

    tensors: dict[str, np.ndarray] = {}
    contents = []
    for number, record in enumerate(records):
        axes, digests = {}, {}
        for name, array in record.arrays.items():
            plain = np.ascontiguousarray(array)
            tensors[f"{number}/{name}"], digests[name] = plain, _digest(plain)
            if isinstance(array, LabeledArray):
                axes[name] = [[axis.name, _pack_coords(axis.coords)] for axis in array.axes]
        contents.append({"kind": record.kind, "json": record.json, "arrays": digests, "axes": axes})
    text = json.dumps(contents, sort_keys=True)
    meta = json.dumps({"format": FORMAT, "digest": _sha256(text.encode()), "records": text})
    return write_atomically(path, save(tensors, metadata={_KEY: meta}))


def write_atomically(path: str | os.PathLike[str], content: bytes) -> Path:
    """Write bytes beside the target and rename them into place; an older file's permissions and links stay."""
    shown = printable(path)
    try:
        # Of a link, the file that it leads to is written.
        target = Path(path).resolve()
        if not target.parent.is_dir():
            raise FileError(f"cannot save {shown}: the folder {printable(target.parent)} does not exist; make it first")
        with _beside(target) as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            file.close()
            temporary = Path(file.name)
            if target.exists():
                temporary.chmod(target.stat().st_mode)
            temporary.replace(target)
    except FileError:
        raise
    except (OSError, ValueError, RuntimeError) as error:
        # RuntimeError: links that lead in a circle. ValueError: "embedded null byte", UnicodeEncodeError for a lone surrogate in the name.
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise FileError(f"cannot save {shown}: {reason}; choose another name or folder") from error
    return Path(path)


def _beside(target: Path) -> Scope[BinaryIO]:
    """Within this scope there is a new file in the target's folder; what has not been renamed by then is gone."""
    temporary = target.with_name(f".tracebench-{secrets.token_hex(8)}")

    def enter(undo: ExitStack) -> BinaryIO:
        undo.callback(temporary.unlink, missing_ok=True)
        return undo.enter_context(temporary.open("xb"))

    return Scope(enter)


def printable(path: str | os.PathLike[str]) -> str:
    """A path for a sentence: what cannot be printed is escaped."""
    return ascii(str(path)) if not str(path).isprintable() else str(path)


def read_records(path: str | os.PathLike[str]) -> list[Record]:
    """Read the records of a file; arrays are views of the mapped file."""
    source = Path(path)
    header, start = _read_header(source)
    meta = header.pop("__metadata__", {})
    if _KEY not in meta:
        raise FileError(f"{printable(source)} is a safetensors file, but not one that tracebench saved")
    content = json.loads(meta[_KEY])
    if content["format"] > FORMAT:
        raise FileError(
            f"{printable(source)} has file format {content['format']}, this tracebench reads up to {FORMAT}: "
            "upgrade tracebench to open it"
        )
    if "digest" not in content:
        raise FileError(f"{printable(source)} is damaged or older than tracebench 0.1: it carries no digest")
    if content["digest"] != _sha256(content["records"].encode()):
        raise FileError(f"{printable(source)} is damaged: its list of contents was changed after it was saved")
    records = json.loads(content["records"])
    expected = {f"{n}/{name}" for n, record in enumerate(records) for name in record["arrays"]}
    if expected != set(header):
        missing = ", ".join(sorted(expected ^ set(header))[:3])
        raise FileError(f"{printable(source)} is damaged: its arrays do not fit its list of contents ({missing})")
    # Mapped once: every mapping keeps a file descriptor.
    mapped = np.asarray(np.memmap(source, "u1", "r"))[start:]
    return [_read_record(source, n, record, header, mapped) for n, record in enumerate(records)]


def _sha256(content: bytes | memoryview) -> str:
    return hashlib.sha256(content).hexdigest()


def _digest(array: np.ndarray) -> str:
    """Of an array's type, shape and bytes."""
    return f"{array.dtype.str} {list(array.shape)} {_sha256(array.reshape(-1).view('u1').data)}"


def _read_header(source: Path) -> tuple[dict[str, Any], int]:
    try:
        if source.exists() and not source.is_file():
            raise FileError(f"{printable(source)} is a folder or a device, expected a file that tb.save wrote")
        size = source.stat().st_size
        with source.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if size < 8 or length > size - 8:
                raise FileError(f"{printable(source)} is cut short or is not a tracebench file ({size} bytes)")
            header = json.loads(file.read(length))
    except FileNotFoundError:
        raise FileError(f"there is no file {printable(source)}") from None
    except RecursionError:
        raise FileError(f"{printable(source)} is not a tracebench file: its header has no end of brackets") from None
    except OSError as error:
        raise FileError(f"cannot read {printable(source)}: {error.strerror}") from error
    except UnicodeDecodeError:
        raise FileError(f"{printable(source)} is not a tracebench file: its header is no text") from None
    except json.JSONDecodeError:
        raise FileError(f"{printable(source)} is not a tracebench file: its header is no JSON") from None
    ends = [entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"]
    if size != 8 + length + max(ends, default=0):
        raise FileError(
            f"{printable(source)} is cut short: {size} bytes, expected {8 + length + max(ends, default=0)}; "
            "save or copy it again"
        )
    return header, 8 + length


_DTYPES = {
    "F32": "<f4",
    "F64": "<f8",
    "F16": "<f2",
    "I32": "<i4",
    "I64": "<i8",
    "U8": "u1",
    "I8": "i1",
    "U16": "<u2",
    "BOOL": "?",
}


def _read_record(
    source: Path, number: int, entry: dict[str, Any], header: dict[str, Any], mapped: np.ndarray
) -> Record:
    arrays: dict[str, np.ndarray | LabeledArray] = {}
    for name, digest in entry["arrays"].items():
        array = _view(source, header[f"{number}/{name}"], mapped)
        if _digest(array) != digest:
            raise FileError(
                f"{printable(source)} is damaged: the numbers of {entry['kind']}.{name} are not those that were saved"
            )
        if name in entry["axes"]:
            axes = tuple(Axis(axis, _unpack_coords(coords)) for axis, coords in entry["axes"][name])
            try:
                arrays[name] = LabeledArray(array, axes)
            except ValueError as error:
                raise FileError(f"{printable(source)} is damaged: {entry['kind']}.{name}: {error}") from error
        else:
            arrays[name] = array
    return Record(entry["kind"], entry["json"], arrays)


def _view(source: Path, entry: dict[str, Any], mapped: np.ndarray) -> np.ndarray:
    dtype, shape = np.dtype(_DTYPES[entry["dtype"]]), tuple(entry["shape"])
    first, last = entry["data_offsets"]
    if last - first != dtype.itemsize * int(np.prod(shape, dtype=np.int64)):
        raise FileError(f"{printable(source)} is damaged: an array of shape {shape} has {last - first} bytes")
    return mapped[first:last].view(dtype).reshape(shape)


def _pack_coords(coords: Iterable[Any]) -> Any:
    coords = tuple(coords)
    if (
        coords
        and all(isinstance(c, int) for c in coords)
        and coords == tuple(range(coords[0], coords[0] + len(coords)))
    ):
        return {"range": [coords[0], coords[0] + len(coords)]}
    return list(coords)


def _unpack_coords(coords: Any) -> tuple[Any, ...]:
    return tuple(range(*coords["range"])) if isinstance(coords, dict) else tuple(coords)
