"""A conversation through the model's chat template, with the stretch of every message kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from tracebench.models.text.alignment import aligned
from tracebench.models.text.rendering import Rendering, formats_itself
from tracebench.models.text.turns import Stretch, Turns
from tracebench.record.checks import Check
from tracebench.record.trace import Segment

if TYPE_CHECKING:
    from tracebench.models.core import ModelCore


class Chat(NamedTuple):
    """A conversation as token ids.

    Args:
        ids: up to where the model goes on.
        segments: who said which tokens, in order, without gaps.
        continued: the last message is the assistant's, and the model goes on with it.
        checks: what is not known of the segments.
    """

    ids: list[int]
    segments: tuple[Segment, ...]
    continued: bool
    checks: tuple[Check, ...]


def render(lm: ModelCore, messages: Sequence[Mapping[str, str]]) -> Chat:
    """Token ids of a conversation up to the model's turn, and who said which tokens.

    A segment holds a message with the template's marks around it. What belongs to no message alone has the role
    ``"template"``: BOS, a default system prompt, what opens the model's turn at the end.
    """
    tokenizer = lm.tokenizer
    if not (getattr(tokenizer, "chat_template", None) or formats_itself(tokenizer)):
        raise ValueError(f"{lm.name} has no chat template: write the prompt yourself and use lm.generate(text)")
    messages = _checked(messages)
    continued = messages[-1]["role"] == "assistant"
    try:
        rendering = Rendering(tokenizer, messages, continued=continued)
    except Exception as error:
        # A template is a program from elsewhere, and may fail in any way.
        raise ValueError(f"the chat template of {lm.name} refuses this conversation: {error}") from error
    ids = rendering.ids if rendering.ids is not None else lm.pieces.encode(rendering.text, special=False)
    stretches = Turns(rendering).stretches()
    spans = aligned(rendering.text, ids, lm.tokens(ids).pieces, tokenizer)
    if spans is None:
        segments = (Segment("template", 0, len(ids)),)
        return Chat(ids, segments, continued, (_unplaced(len(messages)),))
    placed = {stretch.message for stretch in stretches}
    missing = [
        n
        for n, message in enumerate(messages)
        if n not in placed or (message["content"].strip() and not rendering.contents(n))
    ]
    checks = (_unfound(messages, missing),) if missing else ()
    return Chat(ids, _segments(rendering, stretches, spans), continued, checks)


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


def _segments(
    rendering: Rendering, stretches: Sequence[Stretch], spans: Sequence[tuple[int, int]]
) -> tuple[Segment, ...]:
    """The stretches as tokens: a token with characters of a message's content belongs to that message."""
    text, messages = rendering.text, rendering.messages
    offset = _byte_offsets(text)
    contents = sorted(
        (offset[a], offset[b], stretch.message)
        for stretch in stretches
        if stretch.message is not None
        for a, b in rendering.contents(stretch.message)
        if stretch.start <= a < b <= stretch.stop
    )
    edges = [(offset[stretch.stop], stretch.message) for stretch in stretches]
    owners: list[int | None] = []
    edge = content = 0
    for start, stop in spans:
        while edge < len(edges) - 1 and edges[edge][0] <= start:
            edge += 1
        while content < len(contents) and contents[content][1] <= start:
            content += 1
        touches = content < len(contents) and contents[content][0] < stop
        owners.append(contents[content][2] if touches else edges[edge][1])
    out: list[Segment] = []
    for n, owner in enumerate(owners):
        if n and owner == owners[n - 1]:
            out[-1] = Segment(out[-1].role, out[-1].start, n + 1)
        else:
            out.append(Segment("template" if owner is None else messages[owner]["role"], n, n + 1))
    return tuple(out)


def _byte_offsets(text: str) -> list[int]:
    out = [0]
    for char in text:
        out.append(out[-1] + len(char.encode("utf-8", "surrogatepass")))
    return out


def _unfound(messages: Sequence[Mapping[str, str]], missing: Sequence[int]) -> Check:
    named = ", ".join(f"{n} ({messages[n]['role']})" for n in missing)
    return Check(
        "segments",
        "measure",
        len(missing),
        0,
        f"The content of message {named} is not found in the prompt: the chat template leaves it out or rewrites it. Compare "
        "trace.prompt with the messages.",
        "messages",
    )


def _unplaced(number: int) -> Check:
    return Check(
        "segments",
        "measure",
        number,
        0,
        "No message has a segment: the text of the tokens differs from what the chat template wrote, and the tokenizer gives "
        "no offsets.",
        "messages",
    )
