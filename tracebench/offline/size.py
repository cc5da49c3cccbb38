"""Estimate the size of a page, part by part, before it is made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tracebench.offline.bake import FAILURES, Detail, aliases, entries
from tracebench.offline.page import code_size, readable_size, tree_size, views_size
from tracebench.record.traces import Traces
from tracebench.requests.request import Request
from tracebench.widgets.trees import pack

#: The largest relative error of an estimate; a test checks it.
ACCURACY = 0.1

#: Bytes of text that the answer at another step adds to its numbers (60 to 136 were measured).
_WORDS = 100


@dataclass(frozen=True)
class PageSize:
    """An estimate of the size of a page, in bytes.

    Args:
        parts: name -> bytes, the largest first: ``"code"`` (the views and their host), ``"views"`` (their data without
            requests), and each analysis with its answers.
        missing: requests that must be computed first. Their size is in ``parts`` if the answer at another step is known.
        unknown: analyses without any known answer, so their size is not known.
    """

    parts: Mapping[str, int]
    missing: tuple[Request, ...] = ()
    unknown: tuple[str, ...] = ()

    @property
    def bytes(self) -> int:
        """The size of the page, without the unknown analyses."""
        return sum(self.parts.values())

    @property
    def note(self) -> str:
        """The parts with their sizes, and the requests that must be computed first."""
        note = ", ".join(f"{name} {readable_size(size)}" for name, size in self.parts.items())
        if self.missing:
            counts = {each.analysis: 0 for each in self.missing}
            for each in self.missing:
                counts[each.analysis] += 1
            named = ", ".join(f"{name} ({count})" if count > 1 else name for name, count in counts.items())
            note += f"; computed first: {named}"
        return note + (f"; size not known yet: {', '.join(self.unknown)}" if self.unknown else "")

    def __repr__(self) -> str:
        least = "at least " if self.unknown else "about "
        return f"PageSize({least}{readable_size(self.bytes)}: {self.note})"


@dataclass(eq=False)
class Measure:
    """Measures the pages of one bench, and caches the size of each analysis."""

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
            known: request key -> result, for all results in the page.
            wanted: further requests to answer in the page.
            detail: the form of large results, as in `Workbench.save`.
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
        # The cache holds the results and compares by identity: an id alone may be reused.
        same, size = self._known.get(name, ((), 0))
        results = (detail, *group.values())
        if len(same) != len(results) or any(a is not b for a, b in zip(same, results, strict=True)):
            try:
                packed = [entries(key, result, traces, detail) for key, result in group.items()]
                trees = {key: tree for each in packed for key, tree in each.items()}
                size = tree_size(trees | aliases(group, traces))
            except FAILURES:  # e.g. too large: the page has only a sentence instead
                size = 0
            self._known[name] = (results, size)
        return size


def _numbers(tree: Any) -> int:
    """The bytes of the arrays of an answer in a page."""
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
    """The sentence that says why a page is not written, and what to leave out.

    Args:
        size: bytes of the page.
        limit: the given ``max_bytes``.
        estimate: the estimate of this page.
        now: the estimate of the page without further steps.
        about: whether ``size`` is an estimate.
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
