"""A tree with its bytes as one deflated block: what a saved page consists of. Its reader is ``js/src/offline/page.ts``."""

from __future__ import annotations

import json
import struct
import zlib
from typing import Any

#: Buffers of so many bytes have Huffman codes of their own: numbers of different kinds share none (6 % less for attention).
LARGE = 4096


def deflated(tree: Any, strategy: int = zlib.Z_DEFAULT_STRATEGY) -> bytes:
    """uint32 length, JSON, then the buffers, each aligned to 8 bytes; deflated.

    Args:
        tree: JSON with bytes in it.
        strategy: of zlib; ``zlib.Z_FILTERED`` is for noise, where few bytes repeat and some are frequent.
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
    # Its memory decides after how many bytes the codes are made anew.
    deflater = zlib.compressobj(8, zlib.DEFLATED, zlib.MAX_WBITS, 7, strategy)
    parts = [deflater.compress(struct.pack("<I", len(text)) + text)]
    for data in buffers:
        if len(data) >= LARGE:
            parts.append(deflater.flush(zlib.Z_SYNC_FLUSH))
        parts.append(deflater.compress(data))
    return b"".join((*parts, deflater.flush()))
