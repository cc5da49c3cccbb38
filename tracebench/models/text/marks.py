"""Marks in a chat template's input that tell where each message stands in what it renders.

A mark is one character that neither the conversation nor its rendering has. Marks go into the content of messages, and
around each turn of the template's loops over messages. They count only where the text without them is the plain rendering.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import count

#: Where blocks of private characters begin, and how many characters a block has.
BLOCKS, SIZE = (0xF0000, 0xF4000, 0xF8000, 0x100000, 0x104000, 0x108000), 0x4000
#: In a block: two marks for each loop, one for each message, then one for each place in a content.
MESSAGES, PLACES = 0x400, 0x1400
#: The key of a message that holds its mark. No template knows it.
KEY = "tracebench_mark"

#: Places in contents: message -> offsets in its content, in order.
Places = Mapping[int, Sequence[int]]


def free_block(*texts: str) -> int | None:
    """The beginning of a block that no text has a character of."""
    used = {ord(char) for text in texts for char in text if char >= chr(BLOCKS[0])}
    return next((base for base in BLOCKS if not any(base <= code < base + SIZE for code in used)), None)


@dataclass
class Marked:
    """What the marks of one rendering tell; all positions are in the text without marks.

    Args:
        text: the rendering without marks.
        places: message -> (offset in its content, position) of its marks, in the order of the text.
        turns: message -> the stretches that loops over messages wrote for it.
    """

    text: str
    places: dict[int, list[tuple[int, int]]] = field(default_factory=dict)
    turns: dict[int, list[tuple[int, int]]] = field(default_factory=dict)


def with_marks(messages: Sequence[Mapping[str, str]], places: Places, base: int, *, keys: bool) -> list[dict[str, str]]:
    """The messages with a mark at each place, and with ``keys`` a mark of the whole message beside its content."""
    out, number = [], count(base + PLACES)
    for n, message in enumerate(messages):
        content, parts, before = message["content"], [], 0
        for at in places.get(n, ()):
            parts += [content[before:at], chr(next(number))]
            before = at
        marked = {**message, "content": "".join([*parts, content[before:]])}
        out.append({**marked, KEY: chr(base + MESSAGES + n)} if keys else marked)
    return out


def fits(messages: Sequence[Mapping[str, str]], places: Places) -> bool:
    """Whether a block has enough marks."""
    return len(messages) <= PLACES - MESSAGES and sum(map(len, places.values())) <= SIZE - PLACES


def taken_out(rendered: str, places: Places, base: int) -> Marked:
    """The rendering without marks, and what they tell."""
    names = [(n, at) for n, offsets in sorted(places.items()) for at in offsets]
    any_mark = re.compile(f"[{chr(base)}-{chr(base + SIZE - 1)}]")
    marks = [(ord(mark[0]) - base, mark.start() - n) for n, mark in enumerate(any_mark.finditer(rendered))]
    found = Marked(any_mark.sub("", rendered))
    for mark, position in marks:
        if mark >= PLACES:
            n, at = names[mark - PLACES]
            found.places.setdefault(n, []).append((at, position))
    for n, start, stop in _turns(marks, len(found.text)):
        found.turns.setdefault(n, []).append((start, stop))
    return found


def _turns(marks: Sequence[tuple[int, int]], end: int) -> Iterator[tuple[int, int, int]]:
    """(message, start, stop) of each pass through a loop. A pass ends where the next begins, or the loop ends."""
    open_: list[tuple[int, int, int]] = []
    loop = 0
    for mark, position in marks:
        if mark >= PLACES:
            continue
        if mark >= MESSAGES:
            open_.append((loop, mark - MESSAGES, position))
            continue
        loop = mark // 2
        if any(known == loop for known, _, _ in open_):
            while open_:
                known, n, start = open_.pop()
                yield n, start, position
                if known == loop:
                    break
    for _, n, start in reversed(open_):
        yield n, start, end


@lru_cache(maxsize=16)
def with_loop_marks(source: str, base: int) -> str | None:
    """The same template, which also writes a mark where a loop takes up a message and where the loop ends.

    The lexer's tokens are written anew, because its rules for white space depend on what stands beside a tag.
    """
    import jinja2

    out, loops = [], []
    lexer = jinja2.Environment(trim_blocks=True, lstrip_blocks=True)  # noqa: S701 - it renders nothing
    tag: list[tuple[str, str]] = []
    number = count()
    try:
        for _, kind, value in lexer.lex(source):
            if kind == "data":
                out.append("{{ " + repr(value) + " }}")
            elif kind in ("block_begin", "variable_begin"):
                out.append("{%" if kind == "block_begin" else "{{")
                tag = []
            elif kind == "block_end":
                out.append("%}")
                out.append(_after(tag, loops, number, base))
            elif kind == "variable_end":
                out.append("}}")
            elif not kind.startswith(("comment", "raw", "linecomment")):
                out.append(value)
                if kind != "whitespace":
                    tag.append((kind, value))
    except jinja2.TemplateSyntaxError:
        return None
    return "".join(out) if next(number) <= MESSAGES // 2 else None


def _after(tag: list[tuple[str, str]], loops: list[int], number: Iterator[int], base: int) -> str:
    """What to write after a tag: the message that a loop takes up, or the end of the loop."""
    words = [value for _, value in tag]
    if words[:1] == ["for"]:
        loops.append(next(number))
        if len(words) > 3 and words[2] == "in":
            mark = chr(base + 2 * loops[-1])
            return (
                f"{{{{ {mark!r} + {words[1]}[{KEY!r}] if {words[1]} is mapping and {KEY!r} in {words[1]} else '' }}}}"
            )
    if words[:1] == ["endfor"] and loops:
        return "{{ " + repr(chr(base + 2 * loops.pop() + 1)) + " }}"
    return ""
