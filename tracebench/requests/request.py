"""What a view asks for, and who answers.

A `Request` is data: an analysis by name, its parameters, the hash of a trace, a target. Views and snapshots know
requests, never analyses. In a notebook a session answers them, in a snapshot a baked table, and nobody can tell which.
"""

from __future__ import annotations

import ast
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from tracebench.record.target import Target


@dataclass(frozen=True)
class Request:
    """One question.

    Args:
        analysis: registry name, e.g. ``"LogitLens"``.
        params: the fields of the analysis (text, whole numbers, booleans, None, lists of those).
        trace: hash of the trace.
        target: which number is explained; None where the analysis has no target.
        code: Python that computes the answer; it takes no part in the key.
    """

    analysis: str
    params: Mapping[str, Any]
    trace: str
    target: Target | None = None
    code: str = field(default="", compare=False)

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
            "params": dict(self.params),
            "trace": self.trace,
            "target": target,
            "code": self.code,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Request:
        target = Target.from_json(data["target"]) if data.get("target") else None
        params = {name: tuple(v) if isinstance(v, list) else v for name, v in data["params"].items()}
        return cls(data["analysis"], params, data["trace"], target, data.get("code", ""))


def canonical(value: Any) -> str:
    """JSON with sorted keys and no spaces, so that equal requests are equal text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def slice_key(request_key: str, coords: Mapping[str, Any]) -> str:
    """The key of a slice of an answer: that of the request, and the canonical JSON of the slice's coordinates."""
    return request_key + canonical(dict(coords))


def request_for(result: Any) -> Request:
    """The request that a result answers, read from its method."""
    analysis, params = parsed(result.method)
    target = getattr(result, "target", None)
    about = f", tb.{target!r}" if target is not None else ""
    return Request(analysis, params, result.trace, target, f"tb.{result.method}(lm, trace{about})\n")


def parsed(method: str) -> tuple[str, dict[str, Any]]:
    """``LogitLens(top=5)`` as a name and its parameters."""
    try:
        call = ast.parse(method, mode="eval").body
        if not isinstance(call, ast.Call) or call.args or not isinstance(call.func, ast.Name):
            raise ValueError("it is no call by keywords")
        return call.func.id, {word.arg: ast.literal_eval(word.value) for word in call.keywords if word.arg}
    except (ValueError, SyntaxError) as error:
        raise ValueError(
            f"a result's method is the repr of an analysis, Name(parameter=value, ...), got {method!r}"
        ) from error


class Absent(LookupError):  # noqa: N818 - the name of a state, as in data-state="absent"
    """Nothing here can compute the answer. ``code`` is the Python that would."""

    def __init__(self, sentence: str, code: str = "") -> None:
        super().__init__(sentence)
        self.code = code


class Unanswerable(ValueError):  # noqa: N818 - what is the case
    """A question that has no answer, whoever is asked. A view says why, and offers nothing to do again."""


@dataclass(eq=False)
class Job:
    """One asked request on its way. The callbacks may be called from any thread.

    Args:
        on_progress: ``(done, total, note)``.
        on_answer: called once with the result.
        on_error: called once with the exception instead.
    """

    on_progress: Callable[[int, int, str], None]
    on_answer: Callable[[Any], None]
    on_error: Callable[[BaseException], None]
    cancelled: threading.Event = field(default_factory=threading.Event)
    #: Set by who computes, when it begins: before, a cancelled job has nothing to leave.
    begun: threading.Event = field(default_factory=threading.Event)

    def cancel(self) -> None:
        self.cancelled.set()


class Answerer(Protocol):
    """Whoever turns requests into results."""

    def ask(self, request: Request, job: Job) -> None:
        """Take the request; answer through the job, at once or later. Never raises, never blocks."""
        ...

    def known(self) -> Mapping[str, Any]:
        """Request key -> result, of everything that has been answered so far."""
        ...

    def close(self) -> None:
        """No more answers are wanted."""
        ...
