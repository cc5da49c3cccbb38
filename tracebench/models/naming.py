"""The name of a model in a saved file: a hub id or a folder name, never a full path."""

from __future__ import annotations

from pathlib import Path


def shown_name(given: str) -> str:
    """The hub id, or the last part of a folder's path: a full path can reveal a user name."""
    path = Path(given)
    if not given or not (path.is_absolute() or path.is_dir()):
        return given
    path = path.resolve() if path.name in ("", "..") else path
    # A folder of the hub's cache: models--owner--name/snapshots/<commit>
    cached = path.parent.parent.name
    if path.parent.name == "snapshots" and cached.startswith("models--"):
        return cached.removeprefix("models--").replace("--", "/", 1)
    return path.name
