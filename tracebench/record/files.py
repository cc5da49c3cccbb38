"""Records in one safetensors file: arrays as tensors, everything else as JSON in the file's metadata. No pickle.

A file is a list of records. Each record has a kind (the class that reads it), JSON, and named arrays, with or without
axes. On opening, the digest of each array and of the list of contents is checked. Arrays stay memory-mapped.
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

#: Version of the file format. Raise it if an older reader would misread a new file. 2: several traces per file.
FORMAT = 2
_KEY = "tracebench"


class FileError(ValueError):
    """A file cannot be read or written; the message says why in one sentence."""


@dataclass(frozen=True)
class Record:
    """One object as it is stored in a file.

    Args:
        kind: the registry name of its class, e.g. ``"trace"`` or ``"lens_table"``.
        json: the fields that are not arrays.
        arrays: name -> plain array or `LabeledArray`.
    """

    kind: str
    json: Mapping[str, Any]
    arrays: Mapping[str, np.ndarray | LabeledArray] = field(default_factory=dict)

    def group(self, prefix: str) -> dict[str, np.ndarray]:
        """The plain arrays named ``prefix.*``, by name without the prefix.

        Raises:
            ValueError: there is none.
        """
        start = prefix + "."
        found = {name[len(start) :]: np.asarray(a) for name, a in self.arrays.items() if name.startswith(start)}
        if not found:
            raise ValueError(f"its {self.kind} has no {prefix}")
        return found

    def labeled(self, name: str) -> LabeledArray:
        """The array of this name, with its axes.

        Raises:
            FileError: the array or its axes are missing.
        """
        array = self.arrays.get(name)
        if not isinstance(array, LabeledArray):
            found = "is missing" if array is None else "has lost its axes"
            raise FileError(f"the file is damaged: {self.kind}.{name} {found}")
        return array


def prefixed(prefix: str, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The arrays with ``prefix.`` before their names: the reverse of `Record.group`."""
    return {f"{prefix}.{name}": array for name, array in arrays.items()}


def write_records(path: str | os.PathLike[str], records: Sequence[Record]) -> Path:
    """Write records to ``path``, atomically: an interrupted write leaves the old file as it was."""
    from safetensors.numpy import save

    tensors: dict[str, np.ndarray] = {}
    contents = []
    for number, record in enumerate(records):
        axes, digests = {}, {}
        for name, array in record.arrays.items():
            plain = _plain(array, f"{record.kind}.{name}")
            tensors[f"{number}/{name}"], digests[name] = plain, _digest(plain)
            if isinstance(array, LabeledArray):
                axes[name] = [[axis.name, _pack_coords(axis.coords)] for axis in array.axes]
        contents.append({"kind": record.kind, "json": record.json, "arrays": digests, "axes": axes})
    text = json.dumps(contents, sort_keys=True)
    meta = json.dumps({"format": FORMAT, "digest": _sha256(text.encode()), "records": text})
    return write_atomically(path, save(tensors, metadata={_KEY: meta}))


def _plain(array: np.ndarray | LabeledArray, name: str) -> np.ndarray:
    """The numbers of an array in the order of bytes that a file has; a ``FileError`` for what no file holds."""
    plain = np.asarray(array, order="C")
    if plain.dtype.byteorder == ">":
        plain = plain.astype(plain.dtype.newbyteorder("<"))
    if np.ma.isMaskedArray(array) or plain.dtype not in {np.dtype(each) for each in _DTYPES.values()}:
        raise FileError(f"a file holds whole numbers, floats and booleans without a mask, {name} is {plain.dtype}")
    return plain


def write_atomically(path: str | os.PathLike[str], content: bytes) -> Path:
    """Write bytes to a temporary file and rename it to ``path``. The permissions and links of an old file stay."""
    shown = printable(path)
    try:
        # Follow a link, so that the link stays and the file behind it changes.
        target = Path(path).expanduser().resolve()
        if not target.parent.is_dir():
            raise FileError(f"cannot save {shown}: the folder {printable(target.parent)} does not exist; make it first")
        with _temporary_file(target) as file:
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
        # RuntimeError: circular links. ValueError: a null byte or a lone surrogate (UnicodeEncodeError) in the name.
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise FileError(f"cannot save {shown}: {reason}; choose another name or folder") from error
    return Path(path).expanduser()


def _temporary_file(target: Path) -> Scope[BinaryIO]:
    """A new file in the target's folder. The end of the scope deletes it, unless it was renamed."""
    temporary = target.with_name(f".tracebench-{secrets.token_hex(8)}")

    def enter(undo: ExitStack) -> BinaryIO:
        undo.callback(temporary.unlink, missing_ok=True)
        return undo.enter_context(temporary.open("xb"))

    return Scope(enter)


def printable(path: str | os.PathLike[str]) -> str:
    """A path for a message: escaped if it has characters that cannot be printed."""
    return ascii(str(path)) if not str(path).isprintable() else str(path)


def read_records(path: str | os.PathLike[str]) -> list[Record]:
    """Read the records of a file. Their arrays are views of the memory-mapped file.

    Raises:
        FileError: the file is missing, damaged, or not in a format that this version reads.
    """
    source = Path(path).expanduser() if str(path).startswith("~") else Path(path)
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
    # Map the file once, because every mapping keeps a file descriptor open.
    mapped = np.asarray(np.memmap(source, "u1", "r"))[start:]
    return [_read_record(source, n, record, header, mapped) for n, record in enumerate(records)]


def _sha256(content: bytes | memoryview) -> str:
    return hashlib.sha256(content).hexdigest()


def _digest(array: np.ndarray) -> str:
    """The digest of an array: its dtype, its shape, and the SHA-256 of its bytes."""
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
        raise FileError(f"{printable(source)} is not a tracebench file: its header is nested too deeply") from None
    except OSError as error:
        raise FileError(f"cannot read {printable(source)}: {error.strerror}") from error
    except UnicodeDecodeError:
        raise FileError(f"{printable(source)} is not a tracebench file: its header is not text") from None
    except json.JSONDecodeError:
        raise FileError(f"{printable(source)} is not a tracebench file: its header is not JSON") from None
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
    "I16": "<i2",
    "U16": "<u2",
    "U32": "<u4",
    "U64": "<u8",
    "BOOL": "?",
}


def _read_record(
    source: Path, number: int, entry: dict[str, Any], header: dict[str, Any], mapped: np.ndarray
) -> Record:
    arrays: dict[str, np.ndarray | LabeledArray] = {}
    for name, digest in entry["arrays"].items():
        array = _view(source, header[f"{number}/{name}"], mapped)
        if _digest(array) != digest:
            raise FileError(f"{printable(source)} is damaged: the numbers of {entry['kind']}.{name} were changed")
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
