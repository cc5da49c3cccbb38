"""What to call a model in a record that is given away."""

from __future__ import annotations

from pathlib import Path


def shown_name(given: str) -> str:
    """The hub id, or only the folder's name: a full path can reveal a user name."""
    path = Path(given)
    if not given or not (path.is_absolute() or path.is_dir()):
        return given
    path = path.resolve() if path.name in ("", "..") else path
    # The hub's cache: models--somebody--a-model/snapshots/<commit>
    cached = path.parent.parent.name
    if path.parent.name == "snapshots" and cached.startswith("models--"):
        return cached.removeprefix("models--").replace("--", "/", 1)
    return path.name
