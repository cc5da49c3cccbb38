"""A conversation through the model's chat template, with the stretch of every message kept."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from tracebench.record.trace import Segment

if TYPE_CHECKING:
    from tracebench.models.core import ModelCore


def render(lm: ModelCore, messages: Sequence[Mapping[str, str]]) -> tuple[list[int], tuple[Segment, ...]]:
    """Token ids of a conversation up to the model's turn, and who said which tokens.

    A segment holds a message with the template's marks around it. What the template puts before the first message (a
    default system prompt, BOS) has the role ``"template"``, and so has what opens the model's turn at the end.
    """
    tokenizer = lm.tokenizer
    if tokenizer is None or not getattr(tokenizer, "chat_template", None):
        raise ValueError(f"{lm.name} has no chat template: write the prompt yourself and use lm.generate(text)")
    messages = _checked(messages)
    text = _rendered(lm, messages, add_generation_prompt=True)
    ids = lm.pieces.encode(text, special=False)
    starts = _starts(lm, text, messages)
    stops = [*starts[1:], _ending(lm, text, messages)]
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


def _checked(messages: Sequence[Mapping[str, str]]) -> list[dict[str, str]]:
    if not isinstance(messages, (list, tuple)):
        raise TypeError(
            f'a conversation is a list of messages: [{{"role": "user", "content": "..."}}], got {messages!r}'
        )
    for message in messages:
        whole = isinstance(message, Mapping) and set(message) == {"role", "content"}
        if not whole or not all(isinstance(value, str) for value in message.values()):
            raise ValueError(f'a message is {{"role": "user", "content": "..."}} and both are text, got {message!r}')
    if not messages:
        raise ValueError('a conversation has at least one message: lm.chat([{"role": "user", "content": "..."}])')
    return [dict(message) for message in messages]


def _starts(lm: ModelCore, text: str, messages: list[dict[str, str]]) -> list[int]:
    """Where each message begins in the rendered text.

    Between the words of two messages, that is where the mark that opens turns stands. Where there is no such mark, the
    text of the messages before it tells, if the template renders it and it is a beginning of the whole.
    """
    starts: list[int] = []
    mark, floor = _mark(text, _ending(lm, text, messages)), 0
    for n, message in enumerate(messages):
        at = _common(text, _beginning(lm, messages[:n])) if n else None
        floor = max(floor, at or 0)
        content = message["content"].strip()
        words = text.find(content, floor)
        between = text[: words if words >= 0 else floor]
        opened = between.rfind(mark, floor) if mark else -1
        if opened < 0:
            opened = floor if at is not None else _guessed(lm, between, floor)
        starts.append(opened)
        floor = max(floor, words + len(content))
    return starts


def _ending(lm: ModelCore, text: str, messages: list[dict[str, str]]) -> int:
    """Where the last message ends and the model's turn is opened."""
    at = _common(text, _beginning(lm, messages))
    return len(text) if at is None else at


def _mark(text: str, opening: int) -> str | None:
    """What opens a turn, e.g. ``<|im_start|>``: that of the model's turn is known, because templates can leave it out."""
    found = re.match(r"\s*(<[^<>]+>)", text[opening:])
    return found[1] if found else None


def _guessed(lm: ModelCore, between: str, floor: int) -> int:
    """Where a turn begins that nothing tells: at its last line that starts like a mark, but after BOS."""
    bos = lm.tokenizer.bos_token
    return max(between.rfind("\n<", floor) + 1, floor, len(bos) if bos and between.startswith(bos) else 0)


def _rendered(lm: ModelCore, messages: list[dict[str, str]], *, add_generation_prompt: bool) -> str:
    from jinja2 import TemplateError

    try:
        return lm.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=add_generation_prompt)
    except TemplateError as error:
        raise ValueError(f"the chat template of {lm.name} refuses this conversation: {error}") from error


def _beginning(lm: ModelCore, messages: list[dict[str, str]]) -> str | None:
    """The text of the first messages; None where the template insists on who speaks first or last."""
    try:
        return _rendered(lm, messages, add_generation_prompt=False)
    except ValueError:
        return None


def _common(text: str, beginning: str | None) -> int | None:
    return len(beginning) if beginning is not None and text.startswith(beginning) else None
