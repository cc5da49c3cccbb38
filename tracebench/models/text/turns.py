"""Which stretch of a rendered conversation is whose: a turn is a content with the template's marks around it."""

from __future__ import annotations

import re
from bisect import bisect_left
from functools import cached_property
from itertools import pairwise, takewhile
from typing import NamedTuple

from tracebench.models.text.rendering import Rendering

#: What begins like a mark that opens a turn, e.g. ``<|im_start|>``.
_OPENER = re.compile(r"\s*(<[^<>]+>|\[\w+\])")


class Stretch(NamedTuple):
    """Characters ``[start, stop)`` of the text, and the message that they belong to; None is the template's own."""

    message: int | None
    start: int
    stop: int


class Turn(NamedTuple):
    """A turn with one stretch of content: ``start <= first <= last <= stop``."""

    start: int
    first: int
    last: int
    stop: int


class Turns:
    """The turns of one conversation.

    Args:
        rendering: of the conversation.
        probing: also render a conversation of three short turns, which shows how a turn that is not the first begins.
    """

    def __init__(self, rendering: Rendering, *, probing: bool = True) -> None:
        self.rendering, self.text = rendering, rendering.text
        self._roles = [message["role"] for message in rendering.messages]
        self._probing = probing

    def stretches(self) -> list[Stretch]:
        """Stretches that cover the text in order. A message that was not found has none."""
        claims = self._within_turns()
        claims += self._without_turns(claims)
        out, at = [], 0
        for claim in sorted(claims, key=lambda claim: (claim.start, claim.stop)):
            if claim.start < at:
                continue
            if claim.start > at:
                out.append(Stretch(None, at, claim.start))
            out.append(claim)
            at = claim.stop
        return [*out, Stretch(None, at, len(self.text))] if at < len(self.text) else out

    # --- turns --------------------------------------------------------------------------------------------------

    @cached_property
    def spans(self) -> dict[int, tuple[int, int]]:
        """The turn of each message that a loop over messages wrote, or whose beginning and end renderings of less show."""
        spans = {}
        for n, found in self.rendering.found.turns.items():
            inside = [(a, b) for a, b in found if any(a <= first and last <= b for first, last in self._contents(n))]
            if inside:
                spans[n] = min(inside, key=_length)
            elif not self._contents(n):
                written = [(a, b) for a, b in found if self.text[a:b].strip()]
                if written:
                    spans[n] = max(written, key=_length)
        if not spans:
            spans = self._between_beginnings()
        return _apart(spans)

    def _between_beginnings(self) -> dict[int, tuple[int, int]]:
        beginnings = [0, *(self.rendering.beginning(n) for n in range(1, len(self._roles))), self.rendering.opening]
        spans = {}
        for n, (start, stop) in enumerate(pairwise(beginnings)):
            if start is not None and stop is not None and start < stop:
                content = self._contents(n)
                if content and all(start <= first and last <= stop for first, last in content):
                    spans[n] = (start, stop)
        return spans

    @cached_property
    def _spans(self) -> dict[int, tuple[int, int]]:
        """The turns, without what the template writes before the first one and after the last one by itself."""
        spans = dict(self.spans)
        if not spans:
            return spans
        self._cut_first(spans)
        opening = self.rendering.opening
        last = max(spans, key=spans.__getitem__)
        start, stop = spans[last]
        if opening is not None and opening > max([start, *(end for _, end in self._contents(last))]):
            spans[last] = (start, min(stop, opening))
        self._cut_tails(spans)
        return spans

    def _cut_first(self, spans: dict[int, tuple[int, int]]) -> None:
        """The first pass of a loop may also write BOS and a default system prompt: a later turn shows what opens a turn."""
        first = min(spans, key=spans.__getitem__)
        start, stop = spans[first]
        bos = getattr(self.rendering.tokenizer, "bos_token", None)
        if start == 0 and bos and self.text.startswith(bos):
            start = min(len(bos), stop)
        spans[first] = (start, stop)
        turn = self._turn(first, (start, stop))
        if turn is None or self._others_in(first, start, turn.first):
            return
        # White space at the edge of a content may be the content's own.
        lead = self.text[turn.start : turn.first].rstrip()
        for other in map(str.rstrip, self._leads(self._roles[first], skip=first)):
            if other and lead.endswith(other):
                spans[first] = (turn.start + len(lead) - len(other), stop)
                return

    def _cut_tails(self, spans: dict[int, tuple[int, int]]) -> None:
        """Some templates open the model's turn at the end of the user's: the other tails show what closes a turn."""
        order = sorted(spans, key=spans.__getitem__)
        for n, after in zip(order, [*order[1:], None], strict=True):
            turn = self._turn(n, spans[n])
            following = self._turn(after, spans[after]) if after is not None else None
            if turn is None or (after is not None and following is None):
                continue
            if following is not None and self.text[following.start : following.first].strip():
                continue
            tail = self.text[turn.last : turn.stop].lstrip()
            for closer in map(str.lstrip, self._tails(self._roles[n])):
                if closer and tail.startswith(closer) and tail[len(closer) :].strip():
                    cut = turn.stop - len(tail) + len(closer)
                    spans[n] = (turn.start, cut)
                    if after is not None and following is not None and following.start == turn.stop:
                        spans[after] = (cut, following.stop)
                    break

    def _turn(self, n: int, span: tuple[int, int]) -> Turn | None:
        start, stop = span
        inside = [(a, b) for a, b in self._contents(n) if start <= a and b <= stop]
        return Turn(start, min(a for a, _ in inside), max(b for _, b in inside), stop) if inside else None

    def _leads(self, role: str, *, skip: int | None = None) -> list[str]:
        """What opens the turns of a role, from turns that are not the first."""
        out = []
        for n, span in self.spans.items():
            turn = self._turn(n, span)
            # The first turn may hold more; another turn is known to be later where it begins after some content.
            later = turn and self._roles[n] == role and n != skip and self._all_contents[0].start < turn.start
            if turn and later and not self._others_in(n, turn.start, turn.first):
                out.append(self.text[turn.start : turn.first])
        return out or (self._probe._leads(role) if self._probe else [])

    def _tails(self, role: str) -> list[str]:
        """What closes the turns of other roles."""
        turns = [(n, self._turn(n, span)) for n, span in self.spans.items() if self._roles[n] != role]
        out = [self.text[turn.last : turn.stop] for n, turn in turns if turn]
        return [*out, *(self._probe._tails(role) if self._probe else [])]

    @cached_property
    def _probe(self) -> Turns | None:
        """A conversation of three short turns that the first role begins; None where the template refuses it."""
        if not self._probing or not self.spans:
            return None
        role = self._roles[min(self.spans, key=self.spans.__getitem__)]
        other = "assistant" if role == "user" else "user"
        talk = [{"role": speaker, "content": "x"} for speaker in (role, other, role)]
        try:
            return Turns(Rendering(self.rendering.tokenizer, talk), probing=False)
        except Exception:  # noqa: BLE001 - the template may refuse this conversation
            return None

    # --- claims -------------------------------------------------------------------------------------------------

    def _contents(self, n: int) -> list[tuple[int, int]]:
        return self.rendering.contents(n)

    def _others_in(self, n: int, start: int, stop: int) -> list[Stretch]:
        """Contents of other messages in a stretch."""
        found = self._all_contents[bisect_left(self._all_contents, start, key=_start) :]
        within = takewhile(lambda content: content.start <= stop, found)
        return [s for s in within if s.message != n and s.stop <= stop and (s.stop > s.start or s.start > start)]

    @cached_property
    def _all_contents(self) -> list[Stretch]:
        found = [Stretch(n, a, b) for n in range(len(self._roles)) for a, b in self._contents(n)]
        return sorted(found, key=lambda content: (content.start, content.stop))

    def _within_turns(self) -> list[Stretch]:
        """Each turn, and in a turn that holds other messages too (a system prompt) the contents of these."""
        claims = []
        for n, span in self._spans.items():
            others = [s for s in self._others_in(n, *span) if s.start < span[1]]
            turn = self._turn(n, span)
            if turn:
                start = max([turn.start, *(s.stop for s in others if s.stop <= turn.first)])
                stop = min([turn.stop, *(s.start for s in others if s.start >= turn.last)])
                claims += [Stretch(n, start, stop), *(s for s in others if s.stop <= start or s.start >= stop)]
            else:
                claims += others or [Stretch(n, *span)]
        return claims

    def _without_turns(self, claims: list[Stretch]) -> list[Stretch]:
        """The turns of messages that no loop wrote, e.g. a system prompt before the first turn."""
        bos = getattr(self.rendering.tokenizer, "bos_token", None)
        low = len(bos) if bos and self.text.startswith(bos) else 0
        free = [c for c in self._all_contents if c.message not in self._spans]
        free = [c for c in free if not any(a <= c.start and c.stop <= b for _, a, b in claims)]
        taken = sorted([*claims, *free], key=_start)
        out: list[Stretch] = []
        #: Where the turn after begins: until there, what follows a content closes its turn.
        high = self.rendering.opening
        for index, content in reversed(list(enumerate(taken))):
            if content in claims:
                high = content.start
                continue
            start = self._opened(content, max([low, *(before.stop for before in taken[:index])]))
            stop = self._closed(content.stop, content.stop if high is None else high)
            out.append(Stretch(content.message, content.start if start is None else start, stop))
            high = start
        return out

    def _opened(self, content: Stretch, low: int) -> int | None:
        """Where the turn begins: with a mark that opens turns, else after what the template writes without it."""
        found = self.text.rfind(self._opener, low, content.start) if self._opener else -1
        if found >= 0:
            return found
        n = content.message or 0
        before = self.text[low : content.start].rstrip()
        for lead in map(str.rstrip, self._leads(self._roles[n])):
            if lead and before.endswith(lead):
                return low + len(before) - len(lead)
        rest = [message for m, message in enumerate(self.rendering.messages) if m != n]
        try:
            without = Turns(Rendering(self.rendering.tokenizer, rest), probing=False)
        except Exception:  # noqa: BLE001 - the template may refuse this conversation
            return None
        own = min((start for start, _ in without.spans.values()), default=len(without.text))
        return min(max(low, len(_common([self.text, without.text[:own]]))), content.start)

    def _closed(self, last: int, high: int) -> int:
        found = self.text.find(self._opener, last, high) if self._opener else -1
        return found if found >= 0 else max(high, last)

    @cached_property
    def _opener(self) -> str:
        """What all turns begin with, that of the model too; "" where they have nothing in common."""
        turns = [self._turn(n, span) for n, span in self._spans.items()]
        leads = [self.text[turn.start : turn.first] for turn in turns if turn]
        if self.rendering.opening is not None:
            leads.append(self.text[self.rendering.opening :])
        found = _OPENER.match(_common([lead for lead in leads if lead]))
        return found[1] if found else ""


def _start(stretch: Stretch) -> int:
    return stretch.start


def _common(texts: list[str]) -> str:
    """The longest beginning of all texts."""
    low, high = min(texts, default=""), max(texts, default="")
    same = next((n for n, (a, b) in enumerate(zip(low, high, strict=False)) if a != b), min(len(low), len(high)))
    return low[:same]


def _length(span: tuple[int, int]) -> int:
    return span[1] - span[0]


def _apart(spans: dict[int, tuple[int, int]]) -> dict[int, tuple[int, int]]:
    """The turns if they do not overlap, else none."""
    order = sorted(spans.values())
    return spans if all(a[1] <= b[0] for a, b in pairwise(order)) else {}
