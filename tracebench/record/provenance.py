"""Where a record comes from: enough to run it again, and to see that it was run on the same thing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Provenance:
    """The origin of a trace.

    Args:
        model: hub id, or the name of the folder or file, without where it was.
        layers: number of blocks.
        heads: attention heads per block; 0 where the model has no attention.
        code: Python that binds ``lm`` to the model again.
        revision: commit of the hub snapshot, where one is known.
        weights: digest of the weights' bits when the record was made (see `LanguageModel.fingerprint`); "" where no model was.
        tokenizer: digest of the vocabulary and the tokenizer's settings, or "" without a tokenizer.
        dtype: of the weights that compute, e.g. ``"float32"``.
        device: where token ids go, which is where the embedding is.
        seed: of the sampling; None when greedy or read.
        settings: how the text came about (``{"how": "generate", "max_new_tokens": 8, ...}``).
        set_aside: the parts of the model's own generation_config that ``generate`` did not follow, with their values.
        torch: what was set in torch for all code and may change numbers, where it differs from torch's default.
        versions: of python, torch, transformers, captum and tracebench.
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
