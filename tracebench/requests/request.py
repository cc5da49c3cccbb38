"""What a view asks for, and who answers.

A `Request` is data: an analysis by name, its parameters, the hashes of the traces that it is about, a target. Views and
snapshots know requests, never analyses. In a notebook a session answers them, in a snapshot a baked table; a view cannot
tell which.
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
    """One question.

    Args:
        analysis: registry name, e.g. ``"LogitLens"``.
        params: the fields of the analysis as plain data, see ``parameters.py``. Sequences become tuples, and frozen
            dataclasses mappings with their name under ``$class``.
        traces: hashes of the traces that it is about; empty where it is about none.
        target: which number is explained; None where the analysis has no target.
        code: Python that computes the answer; it takes no part in the key.
        things: content hash -> the traces, arrays and tables among the parameters; they stay in the kernel.
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
        """The hash of its trace; None where it is about none or several."""
        return self.traces[0] if len(self.traces) == 1 else None

    def about(self, *traces: str) -> Request:
        """The same question about other traces."""
        return replace(self, traces=traces)

    @property
    def key(self) -> str:
        """Canonical JSON of everything but the code; its twin is ``js/src/requests/canonical.ts``."""
        return canonical({k: v for k, v in self.to_json().items() if k != "code"})

    def at(self, step: int) -> Request:
        """The same question at another step, where it is about one."""
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
    """The key of a slice of an answer: that of the request, and the canonical JSON of the slice's coordinates."""
    return request_key + canonical(dict(coords))


class Absent(LookupError):  # noqa: N818 - the name of a state, as in data-state="absent"
    """Nothing here can compute the answer. ``code`` is the Python that would."""

    def __init__(self, sentence: str, code: str = "") -> None:
        super().__init__(sentence)
        self.code = code


class Unanswerable(ValueError):  # noqa: N818 - the name of a state
    """A question that has no answer at all. A view says why, and offers no second try."""


@dataclass(eq=False)
class Job:
    """One asked request on its way. The callbacks may be called from any thread.

    Args:
        on_progress: ``(done, total, note)``.
        on_answer: called once with the result.
        on_part: called with what is known of the result so far, any number of times before the answer.
        on_error: called once with the exception instead.
    """

    on_progress: Callable[[int, int, str], None]
    on_answer: Callable[[Any], None]
    on_error: Callable[[BaseException], None]
    on_part: Callable[[Any], None] = lambda _: None
    cancelled: threading.Event = field(default_factory=threading.Event)
    #: Set when computing begins: before that, a cancelled job has nothing to leave.
    begun: threading.Event = field(default_factory=threading.Event)

    def cancel(self) -> None:
        self.cancelled.set()


class Answerer(Protocol):
    """What turns requests into results."""

    def ask(self, request: Request, job: Job) -> None:
        """Take the request; answer through the job, at once or later. Never raises, never blocks."""
        ...

    def known(self) -> Mapping[str, Any]:
        """Request key -> result, of everything that has been answered so far."""
        ...

    def add(self, trace: Trace, lm: Any = None) -> None:
        """Answer requests about this trace too, with this model or else the one that it has."""
        ...

    def close(self) -> None:
        """No more answers are wanted."""
        ...
