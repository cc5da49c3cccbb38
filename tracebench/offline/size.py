"""How large a page will be, part by part, before it is made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tracebench.offline.bake import FAILURES, Detail, also, entries
from tracebench.offline.page import code_size, readable_size, tree_size, views_size
from tracebench.record.traces import Traces
from tracebench.requests.request import Request
from tracebench.widgets.trees import pack

#: How far an estimate may be from the page that is written then, as a share of it; a test holds it to that.
ACCURACY = 0.1

#: What an answer at another step adds beside its numbers: its own words, where all else was said before (60 to 136 bytes measured).
_WORDS = 100


@dataclass(frozen=True)
class PageSize:
    """An estimate in bytes.

    Args:
        parts: what -> bytes: ``"code"`` (the views and their host), ``"views"`` (what they show unasked), and every analysis
            with its answers, the largest first.
        missing: what would have to be computed first; at other steps than one that is known its size is in ``parts``.
        unknown: the analyses of which nothing was computed yet, so that their size is not known either.
    """

    parts: Mapping[str, int]
    missing: tuple[Request, ...] = ()
    unknown: tuple[str, ...] = ()

    @property
    def bytes(self) -> int:
        """Of the whole page, without what is unknown."""
        return sum(self.parts.values())

    @property
    def note(self) -> str:
        """Part by part, and what is to be computed."""
        said = ", ".join(f"{name} {readable_size(size)}" for name, size in self.parts.items())
        if self.missing:
            counts = {each.analysis: 0 for each in self.missing}
            for each in self.missing:
                counts[each.analysis] += 1
            named = ", ".join(f"{name} ({count})" if count > 1 else name for name, count in counts.items())
            said += f"; computed first: {named}"
        return said + (f"; of a size not known yet: {', '.join(self.unknown)}" if self.unknown else "")

    def __repr__(self) -> str:
        least = "at least " if self.unknown else "about "
        return f"PageSize({least}{readable_size(self.bytes)}: {self.note})"


@dataclass(eq=False)
class Measure:
    """Measures the pages of one bench; what was packed once is not packed again."""

    _known: dict[str, tuple[tuple[Any, ...], int]] = field(default_factory=dict)

    def estimate(
        self,
        bench: Any,
        known: Mapping[str, Any],
        wanted: Iterable[Request],
        detail: Detail = None,
    ) -> PageSize:
        """The size of the page of a bench.

        Args:
            bench: a `Workbench`.
            known: request key -> result, all of which goes into the page.
            wanted: what has to be in the page too.
            detail: how much of large results is kept, as in `Workbench.save`.
        """
        missing = tuple({each.key: each for each in wanted if each.key not in known}.values())
        groups: dict[str, dict[str, Any]] = {}
        for key, result in sorted(known.items()):
            groups.setdefault(result.method.partition("(")[0], {})[key] = result
        answers = {name: self._packed(name, group, bench.traces, detail) for name, group in groups.items()}
        unknown = []
        for request in missing:
            sibling = next(iter(groups.get(request.analysis, {}).values()), None)
            if sibling is None:
                unknown.append(request.analysis)
            else:
                answers[request.analysis] += _numbers(pack(sibling, bench.traces)) + _WORDS
        parts = {**answers, "code": code_size(bench), "views": views_size(bench)}
        ordered = dict(sorted(parts.items(), key=lambda part: -part[1]))
        return PageSize(ordered, missing, tuple(dict.fromkeys(unknown)))

    def _packed(self, name: str, group: dict[str, Any], traces: Traces, detail: Detail) -> int:
        # The results themselves, so that none of them is gone and its id another's.
        same, size = self._known.get(name, ((), 0))
        results = (detail, *group.values())
        if len(same) != len(results) or any(a is not b for a, b in zip(same, results, strict=True)):
            try:
                packed = [entries(key, result, traces, detail) for key, result in group.items()]
                trees = {key: tree for each in packed for key, tree in each.items()}
                size = tree_size(trees | also(group, traces))
            except FAILURES:  # too large for a page, say: it holds one sentence instead
                size = 0
            self._known[name] = (results, size)
        return size


def _numbers(tree: Any) -> int:
    """The arrays of an answer alone."""
    found: list[Any] = []

    def walk(node: Any) -> None:
        if isinstance(node, bytes):
            found.append(node)
        elif isinstance(node, Mapping):
            for value in node.values():
                walk(value)
        elif isinstance(node, (list, tuple)):
            for value in node:
                walk(value)

    walk(tree)
    return tree_size(found)


def refusal(size: int, limit: int, estimate: PageSize, now: PageSize, about: bool) -> str:
    """Why a page is not written, and what to leave out.

    Args:
        size: of the page.
        limit: what was allowed.
        estimate: its parts.
        now: the same without further steps.
        about: whether the size is an estimate.
    """
    largest = ", ".join(f"{name} ({readable_size(part)})" for name, part in list(estimate.parts.items())[:3])
    answers = [name for name in estimate.parts if name not in ("code", "views")]
    least = size - sum(estimate.parts[name] for name in answers)
    ways = []
    if now.bytes < estimate.bytes and now.bytes <= limit:
        ways.append(f'save without steps="all" (about {readable_size(now.bytes)})')
    if least > limit:
        ways.append(f"allow more: without any answer it would still be {readable_size(least)}")
    else:
        dropped, rest = [], size
        while rest > limit:
            dropped.append(answers[len(dropped)])
            rest -= estimate.parts[dropped[-1]]
        named = " and ".join(dropped)
        ways.append(f"leave out {named} (about {readable_size(rest)}): tb.Workbench([trace, *the other results])")
        ways.append("allow more")
    return (
        f"the page would be {'about ' if about else ''}{readable_size(size)}, more than max_bytes={limit}: nothing was written. "
        f"Its largest parts: {largest}. What to do: {', or '.join(ways)}"
    )
