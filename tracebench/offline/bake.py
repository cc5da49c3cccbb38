"""The answers in a saved page: all known results, and the answers to the requests of its views."""

from __future__ import annotations

import threading
import warnings
import zlib
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from tracebench.offline.block import deflated
from tracebench.record.trace import Trace
from tracebench.record.traces import Traces
from tracebench.requests.aliases import other_keys
from tracebench.requests.request import Absent, Answerer, Job, Request, slice_key
from tracebench.runtime import cells
from tracebench.runtime.progress import part, tick
from tracebench.widgets.answers import described, sentence_of
from tracebench.widgets.trees import pack, slices

#: The form of large results in a page; None lets each view decide.
Detail = Literal["compact", "full"] | None

#: Exceptions of an analysis that cannot answer. torch raises RuntimeError when it runs out of memory.
FAILURES = (ValueError, LookupError, TypeError, ArithmeticError, RuntimeError, MemoryError)

#: The longest time, in seconds, to wait until a cancelled job has left the model.
CANCEL_TIMEOUT = 60

#: Seconds between two ticks while we wait for an answer.
TICKS = 0.1

#: Key of a part of a page that is inflated on request.
CHUNK = "$chunk"
#: Key of an alias: it holds the key of the answer.
SAME = "$same"
#: A slice of more than this many bytes becomes a chunk. Smaller slices compress better together.
CHUNK_BYTES = 4096


def bake(
    answerer: Answerer,
    requests: Iterable[Request],
    traces: Traces,
    steps: Literal["all"] | None = None,
    detail: Detail = None,
) -> dict[str, dict[str, Any]]:
    """The table of answers in a page: request key -> answer tree.

    A failed request has ``{"$error": sentence}``, with ``"absent": true`` if the question has no answer. We warn and go on,
    so that the other answers are not lost. A request that cannot be computed here is left out, and the page says so.
    An alias has ``{"$same": key}``. Slices have their own keys (`slice_key`); a large one is ``{"$chunk": deflated bytes}``.

    Args:
        answerer: computes the missing answers.
        requests: the requests of the views when the page opens.
        traces: the traces of the bench.
        steps: ``"all"`` asks each request with a step at every step.
        detail: the form of large results, see `Workbench.save`.
    """
    check_detail(detail)
    answered: dict[str, Any] = {}
    baked = ask_all(answerer, requests, traces, steps, answered)
    # Include the new answers, also if the answerer no longer has them in its cache.
    known = {**answered, **answerer.known()}
    baked |= {alias: tree for alias, tree in aliases(known, traces).items() if alias not in baked}
    for key, result in known.items():
        try:
            baked.update(entries(key, result, traces, detail))
        except FAILURES as failure:  # e.g. too large for a page
            baked[key] = _failure(repr(result), failure)
    return dict(sorted(baked.items()))


def entries(key: str, result: Any, traces: Traces, detail: Detail) -> dict[str, dict[str, Any]]:
    """The entries of a result in the table of a page: its answer, and its slices if its view requests any."""
    check_detail(detail)
    found = {key: pack(result, traces)}
    for coords, tree in slices(result, traces, detail):
        large = _bytes(tree) > CHUNK_BYTES
        found[slice_key(key, coords)] = {CHUNK: deflated(tree, zlib.Z_FILTERED)} if large else tree
    return found


def aliases(known: Mapping[str, Any], traces: Traces) -> dict[str, dict[str, Any]]:
    """The aliases of the known results: alias -> ``{"$same": key}``."""
    return {other: {SAME: key} for other, key in other_keys(known, traces).items()}


def check_detail(detail: Any) -> None:
    """Raise a ``ValueError`` for an unknown detail."""
    if detail not in (None, "compact", "full"):
        raise ValueError(
            "detail is 'compact' (attention at 16 levels, the largest weights exact), 'full' (every weight in a byte) or None "
            f"(full for small results, else compact), got {detail!r}"
        )


def _bytes(tree: dict[str, Any]) -> int:
    """The bytes of a tree's arrays."""
    return sum(len(node["$array"]) for node in tree.values() if isinstance(node, dict) and "$array" in node)


def ask_all(
    answerer: Answerer,
    requests: Iterable[Request],
    traces: Traces,
    steps: Literal["all"] | None = None,
    answered: dict[str, Any] | None = None,
) -> dict[str, dict[str, Any]]:
    """Answer requests. Results are added to ``answered``; the return value is request key -> error."""
    failed, answered = {}, {} if answered is None else answered
    wanted = in_steps(requests, traces, steps)
    for number, request in enumerate(wanted):
        try:
            with part(number, len(wanted)):
                tick(0, 1, request.analysis)
                result = answer(answerer, request)
            if not isinstance(result, Trace):  # a trace that a request gave is no answer of a page
                answered[request.key] = result
        except Absent:
            continue
        except FAILURES as failure:
            failed[request.key] = _failure(request.analysis, failure)
    return failed


def in_steps(requests: Iterable[Request], traces: Traces, steps: Literal["all"] | None) -> list[Request]:
    """The same requests, or with ``"all"`` each request with a step at every step."""
    if steps not in (None, "all"):
        raise ValueError(f"steps is None (the current requests of the views) or 'all', got {steps!r}")
    wanted = list({request.key: request for request in requests}.values())
    return wanted if steps is None else [each for request in wanted for each in _at_every_step(request, traces)]


def _failure(what: str, failure: BaseException) -> dict[str, Any]:
    warnings.warn(f"{what} was not saved: {sentence_of(failure)}", stacklevel=5)
    message = described(failure)
    return {"$error": message["error"], **({"absent": True} if message["absent"] else {})}


def answer(answerer: Answerer, request: Request) -> Any:
    """Ask and wait. Progress goes to the listener of this thread; if it raises, the job is cancelled.

    Raises:
        Exception: the error of the job.
    """
    done = threading.Event()
    outcome: list[Any] = [None, None]

    def finish(slot: int, value: Any) -> None:
        outcome[slot] = value
        done.set()

    def progress(*now: Any) -> None:
        newest[0] = now

    newest: list[tuple[Any, ...]] = [(0, 0, "")]
    job = Job(progress, lambda result: finish(0, result), lambda failure: finish(1, failure))
    # This cell only waits here, so the worker may use the model.
    with cells.lend():
        try:
            answerer.ask(request, job)
        except BaseException:
            job.cancel()
            raise
        try:
            while not done.wait(TICKS):
                finished, total, note = newest[0]
                tick(finished, total or 1, ": ".join(filter(None, (request.analysis, note))))
        except BaseException:
            # Wait until the worker has left the model, so that the model is unchanged after an interrupt.
            job.cancel()
            if job.started.is_set():
                done.wait(CANCEL_TIMEOUT)
            raise
    if outcome[1] is not None:
        raise outcome[1]
    return outcome[0]


def _at_every_step(request: Request, traces: Traces) -> list[Request]:
    trace = traces.first_of(request)
    steps = range(0) if trace is None else trace.steps
    return list({each.key: each for each in (request.at(step) for step in steps)}.values()) or [request]
