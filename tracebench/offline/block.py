"""The data block of a saved page: a tree with its bytes, deflated. ``js/src/offline/page.ts`` reads it."""

from __future__ import annotations

import json
import struct
import zlib
from typing import Any

#: A buffer of this many bytes or more gets its own Huffman codes. Attention then takes 6 % less.
LARGE = 4096


def deflated(tree: Any, strategy: int = zlib.Z_DEFAULT_STRATEGY) -> bytes:
    """The deflated block: the length of the JSON as uint32, the JSON, then the buffers, each aligned to 8 bytes.

    Args:
        tree: JSON that may contain bytes.
        strategy: the strategy of zlib. ``zlib.Z_FILTERED`` suits noise: few repetitions, but some bytes are frequent.
    """
    buffers: list[bytes] = []
    size = 0

    def walk(node: Any) -> Any:
        nonlocal size
        if isinstance(node, (bytes, memoryview)):
            data = bytes(node)
            start, padding = size, -len(data) % 8
            buffers.append(data + b"\0" * padding)
            size += len(data) + padding
            return {"$buffer": [start, len(data)]}
        if isinstance(node, dict):
            return {key: walk(value) for key, value in node.items()}
        if isinstance(node, (list, tuple)):
            return [walk(value) for value in node]
        return node

    text = json.dumps(walk(tree), sort_keys=True, separators=(",", ":"), allow_nan=False).encode("ascii")
    # The memory level (7) sets how often zlib makes new codes.
    deflater = zlib.compressobj(8, zlib.DEFLATED, zlib.MAX_WBITS, 7, strategy)
    parts = [deflater.compress(struct.pack("<I", len(text)) + text)]
    for data in buffers:
        if len(data) >= LARGE:
            parts.append(deflater.flush(zlib.Z_SYNC_FLUSH))
        parts.append(deflater.compress(data))
    return b"".join((*parts, deflater.flush()))
