"""A conversation through the model's chat template, with the stretch of every message kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from tracebench.trace import Segment

if TYPE_CHECKING:
    from tracebench.models.language_model import LanguageModel


def render(lm: LanguageModel, messages: Sequence[Mapping[str, str]]) -> tuple[list[int], tuple[Segment, ...]]:
    """Token ids of a conversation up to the model's turn, and who said which tokens.

    A segment holds a message with the template's marks around it. What the template puts before the first message (a
    default system prompt, BOS) has the role ``"template"``, and so has what opens the model's turn at the end.
    """
    tokenizer = lm.tokenizer
    if tokenizer is None or not getattr(tokenizer, "chat_template", None):
        raise ValueError(f"{lm.name} has no chat template: write the prompt yourself and use lm.generate(text)")
    messages = [dict(message) for message in messages]
    for message in messages:
        if set(message) != {"role", "content"} or not all(isinstance(value, str) for value in message.values()):
            raise ValueError(f'a message is {{"role": "user", "content": "..."}}, got {message!r}')
    if not messages:
        raise ValueError('a conversation has at least one message: lm.chat([{"role": "user", "content": "..."}])')
    text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    ids = lm.pieces.encode(text, special=False)
    starts = _starts(lm, text, messages)
    stops = [*starts[1:], len(tokenizer.apply_chat_template(messages, tokenize=False))]
    offsets = lm.tokens(ids).offsets
    data = text.encode()
    spans = [(len(text[:a].encode()), len(text[:b].encode())) for a, b in zip(starts, stops, strict=True)]
    segments = []
    edges = [("template", 0, spans[0][0])]
    edges += [(message["role"], *span) for message, span in zip(messages, spans, strict=True)]
    edges.append(("template", spans[-1][1], len(data)))
    for role, first, last in edges:
        inside = [n for n, (a, b) in enumerate(offsets) if first <= a < last or (a == b == first < last)]
        if inside:
            segments.append(Segment(role, inside[0], inside[-1] + 1))
    return ids, tuple(segments)


def _starts(lm: LanguageModel, text: str, messages: list[dict[str, str]]) -> list[int]:
    """Where each message begins in the rendered text.

    The text of the messages before it is a prefix of the whole where the template renders turn by turn. Where it does
    not, or refuses such a beginning, the message starts where its own words do.
    """
    starts = []
    for n, message in enumerate(messages):
        at = _common(text, _rendered(lm, messages[:n])) if n else None
        begin = starts[-1] if starts else 0
        words = text.find(message["content"].strip(), begin)
        if at is None or not begin <= at <= words:
            # Before the first message's words stand its marks: they begin at the last line break or template start.
            at = max(text.rfind("\n<", begin, words) + 1, begin) if words >= 0 else begin
        starts.append(at)
    return starts


def _rendered(lm: LanguageModel, messages: list[dict[str, str]]) -> str | None:
    from jinja2 import TemplateError

    try:
        return lm.tokenizer.apply_chat_template(messages, tokenize=False)
    except TemplateError:
        # Many templates insist on who speaks first or last; then the words themselves must do.
        return None


def _common(text: str, beginning: str | None) -> int | None:
    return len(beginning) if beginning is not None and text.startswith(beginning) else None
