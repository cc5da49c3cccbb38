"""The text of a trace as every view of positions needs it."""

from __future__ import annotations

from typing import Any

import numpy as np

from tracebench.record.arrays import LabeledArray
from tracebench.record.trace import Trace
from tracebench.widgets import wire


def text_tree(trace: Trace) -> dict[str, Any]:
    """``{"prompt_length", "steps", "ids", "pieces"}``; the data of a view whose result is asked for."""
    ids = LabeledArray.of(np.asarray(trace.tokens.ids, np.int32), token=range(len(trace.tokens)))
    return {
        "prompt_length": trace.prompt_length,
        "steps": len(trace.steps),
        "ids": wire.pack(ids),
        "pieces": wire.pieces(trace.tokens),
    }
