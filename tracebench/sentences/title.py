"""The title of a trace."""

from __future__ import annotations

from tracebench.record.trace import Trace


def title_of(trace: Trace) -> str:
    """The beginning of the text without special tokens, at most 70 characters."""
    text = b"".join(token.piece for token in trace.tokens if not token.special).decode("utf-8", "replace")
    messages = trace.provenance.settings.get("messages")
    if messages:
        # Leave out the words of the chat template ("system", "user").
        answer = b"".join(t.piece for t in (trace.token_at(s) for s in trace.steps) if not t.special)
        text = f"{messages[-1]['content']} {answer.decode('utf-8', 'replace')}"
    text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return text if len(text) <= 70 else text[:69] + "…"
