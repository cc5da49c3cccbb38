"""File names for saved benches."""

from __future__ import annotations

import re
from pathlib import Path


def unused_path(folder: Path, title: str) -> Path:
    """An .html path in the folder, named after the title, that does not exist yet."""
    stem = "-".join(re.findall(r"[^\W_]+", title.lower())[:6])[:48] or "bench"
    path, number = folder / f"{stem}.html", 2
    while path.exists():
        path, number = folder / f"{stem}-{number}.html", number + 1
    return path
