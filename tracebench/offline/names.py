"""What the file of a bench is called."""

from __future__ import annotations

import re
from pathlib import Path


def unused_path(folder: Path, title: str) -> Path:
    """A file name that says what is in it and that nothing has yet."""
    stem = "-".join(re.findall(r"[^\W_]+", title.lower())[:6])[:48] or "bench"
    path, number = folder / f"{stem}.html", 2
    while path.exists():
        path, number = folder / f"{stem}-{number}.html", number + 1
    return path
