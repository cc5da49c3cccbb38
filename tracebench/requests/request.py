"""Requests, and the protocol of the objects that answer them.

A `Request` is data: the name of an analysis, its parameters, the hashes of its traces, a target. Views and saved pages know
requests, never analyses. A session answers them in a notebook, a table of baked answers in a saved page. A view cannot tell
the difference.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

from tracebench.record.target import Target
from tracebench.requests import parameters
from tracebench.requests.canonical import canonical

if TYPE_CHECKING:
    from tracebench.record.trace import Trace


@dataclass(frozen=True)
class Request:
    """One question: an analysis, its traces, and its target.

    Args:
        analysis: registry name, e.g. ``"LogitLens"``.
        params: the fields of the analysis. They become plain data, see ``parameters.py``.
        traces: hashes of the traces that the request is about; may be empty.
        target: the number to explain; None if the analysis has no target.
        code: Python that computes the answer. It is not part of the key.
        things: content hash -> trace, array or table among the parameters. These objects stay in the kernel.

    Raises:
        TypeError: a parameter of a type that cannot travel, or a trace that is not a hash.
        ValueError: a parameter that is NaN or infinite.
    """

    analysis: str
    params: Mapping[str, Any]
    traces: tuple[str, ...]
    target: Target | None = None
    code: str = field(default="", compare=False)
    things: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)

    def __post_init__(self) -> None:
        things = {**self.things, **parameters.things_in(self.params)}
        params = parameters.plain(self.params)
        if not isinstance(params, dict):
            raise TypeError(f"the parameters of a request are a mapping, got {self.params!r}")
        object.__setattr__(self, "params", params)
        object.__setattr__(self, "things", things)
        object.__setattr__(self, "traces", _hashes(self.traces))

    @property
    def trace(self) -> str | None:
        """The hash of its only trace; None if there are none or several."""
        return self.traces[0] if len(self.traces) == 1 else None

    def about(self, *traces: str) -> Request:
        """The same question about other traces."""
        return replace(self, traces=traces)

    @property
    def key(self) -> str:
        """Canonical JSON of everything except the code. Twin: ``js/src/requests/canonical.ts``."""
        return canonical({k: v for k, v in self.to_json().items() if k != "code"})

    def at(self, step: int) -> Request:
        """The same question at another step. Unchanged if its target has no step."""
        if self.target is None or self.target.step is None:
            return self
        return replace(self, target=replace(self.target, step=step))

    def to_json(self) -> dict[str, Any]:
        target = self.target.to_json() if self.target else None
        return {
            "analysis": self.analysis,
            "params": parameters.to_json(self.params),
            "traces": list(self.traces),
            "target": target,
            "code": self.code,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Request:
        target = Target.from_json(data["target"]) if data.get("target") else None
        params = parameters.from_json(data["params"])
        return cls(data["analysis"], params, _hashes(data["traces"]), target, data.get("code", ""))


def _hashes(given: Any) -> tuple[str, ...]:
    if isinstance(given, str) or not all(isinstance(each, str) for each in given):
        raise TypeError(f"a request is about a list of traces, given by their hashes, got {given!r}")
    return tuple(given)


def slice_key(request_key: str, coords: Mapping[str, Any]) -> str:
    """The key of a slice of an answer: the key of the request, then the canonical JSON of the slice's coordinates."""
    return request_key + canonical(dict(coords))


class Absent(LookupError):  # noqa: N818 - the name of a state, as in data-state="absent"
    """The answer cannot be computed here. ``code`` is Python that computes it elsewhere."""

    def __init__(self, sentence: str, code: str = "") -> None:
        super().__init__(sentence)
        self.code = code


class Unanswerable(ValueError):  # noqa: N818 - the name of a state
    """The question has no answer. A view shows the reason and offers no retry."""


@dataclass(eq=False)
class Job:
    """A request in progress. Its callbacks may be called from any thread.

    Args:
        on_progress: called with ``(done, total, note)``.
        on_answer: called once with the result.
        on_error: called once with the exception, if there is no result.
        on_part: called with a partial result, any number of times before the answer.
    """

    on_progress: Callable[[int, int, str], None]
    on_answer: Callable[[Any], None]
    on_error: Callable[[BaseException], None]
    on_part: Callable[[Any], None] = lambda _: None
    cancelled: threading.Event = field(default_factory=threading.Event)
    #: Set when computing starts. A job that is cancelled earlier has nothing to clean up.
    started: threading.Event = field(default_factory=threading.Event)

    def cancel(self) -> None:
        self.cancelled.set()


class Answerer(Protocol):
    """An object that turns requests into results."""

    def ask(self, request: Request, job: Job) -> None:
        """Answer a request through its job, now or later. Never raises, never blocks."""
        ...

    def known(self) -> Mapping[str, Any]:
        """Request key -> result, for all answers in the cache that are still valid."""
        ...

    def add(self, trace: Trace, lm: Any = None) -> None:
        """Answer requests about this trace too. ``lm`` is its model; None means the only model."""
        ...

    def close(self) -> None:
        """Stop working: no further answer is needed."""
        ...
