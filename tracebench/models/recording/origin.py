"""Where a record of a model comes from, without saying who made it."""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tracebench.record.provenance import Provenance

if TYPE_CHECKING:
    from tracebench.models.language_model import LanguageModel


def provenance(lm: LanguageModel, settings: Mapping[str, Any], seed: int | None) -> Provenance:
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
        versions=_versions(),
        time=now.isoformat().replace("+00:00", "Z"),
    )


def shown_name(given: str) -> str:
    """What to call what was loaded from there: a record is given away, and where a folder is says who somebody is."""
    path = Path(given)
    if not given or not (path.is_absolute() or path.is_dir()):
        return given
    path = path.resolve() if path.name in ("", "..") else path
    # The hub's cache: models--somebody--a-model/snapshots/<commit>
    cached = path.parent.parent.name
    if path.parent.name == "snapshots" and cached.startswith("models--"):
        return cached.removeprefix("models--").replace("--", "/", 1)
    return path.name


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in ("torch", "transformers", "captum", "tracebench"):
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found
