"""What a trace is called."""

from __future__ import annotations

from tracebench.record.trace import Trace


def title_of(trace: Trace) -> str:
    """The beginning of what was said."""
    said = b"".join(token.piece for token in trace.tokens if not token.special).decode("utf-8", "replace")
    messages = trace.provenance.settings.get("messages")
    if messages:
        # A title has no words of the template ("system", "user").
        answer = b"".join(t.piece for t in (trace.token_at(s) for s in trace.steps) if not t.special)
        said = f"{messages[-1]['content']} {answer.decode('utf-8', 'replace')}"
    text = " ".join("".join(c if c.isprintable() else " " for c in said).split())
    return text if len(text) <= 70 else text[:69] + "…"
