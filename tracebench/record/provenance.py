"""The origin of a trace: enough to run it again, and to check that model and tokenizer are the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Provenance:
    """The origin of a trace.

    Args:
        model: hub id, or the name of the folder or file without its path.
        layers: number of blocks.
        heads: attention heads per block; 0 if the model has no attention.
        code: Python that binds ``lm`` to the model again.
        revision: commit of the hub snapshot; None if it is not known.
        weights: digest of the weights when the trace was made (see `LanguageModel.fingerprint`); "" without a model.
        tokenizer: digest of the vocabulary and the tokenizer's settings, or "" without a tokenizer.
        dtype: dtype of the weights in the computation, e.g. ``"float32"``.
        device: device of the embedding, which receives the token ids.
        seed: seed of the sampling; None for a greedy generation and for a text that was read.
        settings: the call that made the text (``{"how": "generate", "max_new_tokens": 8, ...}``).
        set_aside: settings of the model's generation_config that ``generate`` ignored, with their values.
        torch: global settings of torch that may change numbers, if they differ from torch's defaults.
        versions: versions of python, torch, transformers, captum and tracebench.
        time: UTC, ISO 8601, seconds.
    """

    model: str
    layers: int
    heads: int
    code: str = ""
    revision: str | None = None
    weights: str = ""
    tokenizer: str = ""
    dtype: str = ""
    device: str = ""
    seed: int | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    set_aside: Mapping[str, Any] = field(default_factory=dict)
    torch: Mapping[str, Any] = field(default_factory=dict)
    time: str = ""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Provenance:
        return cls(**data)
