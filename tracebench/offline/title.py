"""What a bench is called: as a title, and as a file."""

from __future__ import annotations

import re
from pathlib import Path

from tracebench.record.trace import Trace


def title_of(trace: Trace) -> str:
    """The beginning of what was said."""
    said = b"".join(token.piece for token in trace.tokens if not token.special).decode("utf-8", "replace")
    messages = trace.provenance.settings.get("messages")
    if messages:
        # A template's words ("system", "user") are nobody's title.
        answer = b"".join(t.piece for t in (trace.token_at(s) for s in trace.steps) if not t.special)
        said = f"{messages[-1]['content']} {answer.decode('utf-8', 'replace')}"
    text = " ".join("".join(c if c.isprintable() else " " for c in said).split())
    return text if len(text) <= 70 else text[:69] + "…"


def unused_path(folder: Path, title: str) -> Path:
    """A file name that says what is in it and that nothing has yet."""
    stem = "-".join(re.findall(r"[^\W_]+", title.lower())[:6])[:48] or "bench"
    path, number = folder / f"{stem}.html", 2
    while path.exists():
        path, number = folder / f"{stem}-{number}.html", number + 1
    return path
