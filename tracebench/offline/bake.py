"""Which answers go into a saved page: all that is known, and what its views will ask."""

from __future__ import annotations

import threading
import warnings
import zlib
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from tracebench.offline.block import deflated
from tracebench.record.traces import Traces
from tracebench.requests.aliases import other_keys
from tracebench.requests.request import Absent, Answerer, Job, Request, slice_key
from tracebench.runtime import cells
from tracebench.widgets.answers import described, sentence_of
from tracebench.widgets.trees import pack, slices

#: How much of large results a page keeps; None is as much as fits well.
Detail = Literal["compact", "full"] | None

#: What an analysis raises where it cannot answer (running out of memory is a RuntimeError of torch's).
FAILURES = (ValueError, LookupError, TypeError, ArithmeticError, RuntimeError, MemoryError)

#: Seconds that a cancelled job is given at the most to leave the model.
LETS_GO = 60

#: Stands for a part of a page that is inflated when it is asked for.
CHUNK = "$chunk"
#: Stands for an answer that has another key: the same question, its tokens named in another way.
SAME = "$same"
#: Bytes from which a slice is such a part. What is smaller opens with the page, and compresses better together.
APART = 4096


def bake(
    answerer: Answerer,
    requests: Iterable[Request],
    traces: Traces,
    steps: Literal["all"] | None = None,
    detail: Detail = None,
) -> dict[str, dict[str, Any]]:
    """Request key -> answer tree, or ``{"$error": sentence}`` where there is none: the page then says why.

    ``"absent": true`` stands beside the sentence of a question that has no answer at all.

    An answer is also found where its question names the same tokens in another way: ``{"$same": key}``.
    Slices of answers have keys of their own (`slice_key`); a large one is ``{"$chunk": deflated bytes}``.

    Args:
        answerer: who computes what is not known yet.
        requests: what the views of the page ask when it opens.
        traces: what the answers are about.
        steps: ``"all"`` asks every request that has a step at each step.
        detail: how much of large results is kept, see `Workbench.save`.

    A request without an answer is left out, and the page says so. One that fails is warned about: what was computed for the
    other views is not lost for it.
    """
    insist_on_detail(detail)
    answered: dict[str, Any] = {}
    baked = ask_all(answerer, requests, traces, steps, answered)
    # What was answered a moment ago is in the page, also where the answerer does not rely on it any more.
    known = {**answered, **answerer.known()}
    baked |= {other: tree for other, tree in also(known, traces).items() if other not in baked}
    for key, result in known.items():
        try:
            baked.update(entries(key, result, traces, detail))
        except FAILURES as failure:  # too large for a page, say
            baked[key] = _failure(repr(result), failure)
    return dict(sorted(baked.items()))


def entries(key: str, result: Any, traces: Traces, detail: Detail) -> dict[str, dict[str, Any]]:
    """What a page has of a result: its answer and, where its view asks for slices of it, each of them."""
    insist_on_detail(detail)
    found = {key: pack(result, traces)}
    for coords, tree in slices(result, traces, detail):
        large = _bytes(tree) > APART
        found[slice_key(key, coords)] = {CHUNK: deflated(tree, zlib.Z_FILTERED)} if large else tree
    return found


def also(known: Mapping[str, Any], traces: Traces) -> dict[str, dict[str, Any]]:
    """What leads to the results that are known under other names of their tokens."""
    return {other: {SAME: key} for other, key in other_keys(known, traces).items()}


def insist_on_detail(detail: Any) -> None:
    """A ``ValueError`` for what is no detail of a page."""
    if detail not in (None, "compact", "full"):
        raise ValueError(
            "detail is 'compact' (attention at 16 levels, the largest weights exact), 'full' (every weight in a byte) or None "
            f"(full where that is small), got {detail!r}"
        )


def _bytes(tree: dict[str, Any]) -> int:
    """The size of a tree's arrays."""
    return sum(len(node["$array"]) for node in tree.values() if isinstance(node, dict) and "$array" in node)


def ask_all(
    answerer: Answerer,
    requests: Iterable[Request],
    traces: Traces,
    steps: Literal["all"] | None = None,
    answered: dict[str, Any] | None = None,
) -> dict[str, dict[str, Any]]:
    """Compute everything that `bake` packs. Results go into ``answered``; what fails is returned, by request key."""
    failed, answered = {}, {} if answered is None else answered
    for request in in_steps(requests, traces, steps):
        try:
            answered[request.key] = answer(answerer, request)
        except Absent:
            continue
        except FAILURES as failure:
            failed[request.key] = _failure(request.analysis, failure)
    return failed


def in_steps(requests: Iterable[Request], traces: Traces, steps: Literal["all"] | None) -> list[Request]:
    """The requests as they are, or with ``"all"`` at every step where they have one."""
    if steps not in (None, "all"):
        raise ValueError(f"steps is None (what the views ask now) or 'all', got {steps!r}")
    wanted = list(requests)
    return wanted if steps is None else [each for request in wanted for each in _at_every_step(request, traces)]


def _failure(what: str, failure: BaseException) -> dict[str, Any]:
    warnings.warn(f"{what} is not in what was saved: {sentence_of(failure)}", stacklevel=5)
    told = described(failure)
    return {"$error": told["error"], **({"absent": True} if told["absent"] else {})}


def answer(answerer: Answerer, request: Request) -> Any:
    """Ask and wait."""
    done = threading.Event()
    outcome: list[Any] = [None, None]

    def finish(slot: int, value: Any) -> None:
        outcome[slot] = value
        done.set()

    job = Job(lambda *_: None, lambda result: finish(0, result), lambda failure: finish(1, failure))
    # The worker may need this cell to be at rest: it does nothing but wait here.
    with cells.lend():
        try:
            answerer.ask(request, job)
        except BaseException:
            job.cancel()
            raise
        try:
            done.wait()
        except BaseException:
            # After an interrupt the model is as it was: first the worker takes down what it put up.
            job.cancel()
            if job.begun.is_set():
                done.wait(LETS_GO)
            raise
    if outcome[1] is not None:
        raise outcome[1]
    return outcome[0]


def _at_every_step(request: Request, traces: Traces) -> list[Request]:
    trace = traces.of(request)
    steps = range(0) if trace is None else trace.steps
    return list({each.key: each for each in (request.at(step) for step in steps)}.values()) or [request]
