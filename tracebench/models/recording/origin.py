"""Where a record of a model comes from, without saying who made it."""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tracebench.models.state.circumstances import set_in_torch
from tracebench.record.provenance import Provenance

if TYPE_CHECKING:
    from tracebench.models.core import ModelCore


def provenance(
    lm: ModelCore, settings: Mapping[str, Any], seed: int | None, set_aside: Mapping[str, Any] | None = None
) -> Provenance:
    """Of a record that this model makes now."""
    now = datetime.now(UTC).replace(microsecond=0)
    return Provenance(
        model=lm.name,
        code=lm.code,
        layers=lm.layers,
        heads=lm.heads,
        revision=getattr(lm.model.config, "_commit_hash", None),
        weights=lm.fingerprint(),
        tokenizer=lm.pieces.digest,
        dtype=str(lm.dtype).removeprefix("torch."),
        device=str(lm.device),
        seed=seed,
        settings=dict(settings),
        set_aside=dict(set_aside or {}),
        torch=set_in_torch(),
        versions=_versions(),
        time=now.isoformat().replace("+00:00", "Z"),
    )


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in ("torch", "transformers", "captum", "tracebench"):
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found
