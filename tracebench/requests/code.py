"""Python to copy: code that makes a trace, and code that answers a request."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any

from tracebench import registry
from tracebench.record.target import Target
from tracebench.record.trace import Trace
from tracebench.requests.parameters import parsed
from tracebench.requests.request import Request


def trace_code(trace: Trace, variable: str = "trace") -> str:
    """Python that makes this trace, from the settings in its provenance."""
    settings = dict(trace.provenance.settings)
    how = settings.pop("how", "read")
    load = f"import tracebench as tb\n\n{trace.provenance.code}"
    if how == "chat":
        given = settings.pop("messages", [])
        settings.pop("continue_final_message", None)  # follows from the messages
    elif how == "generate":
        given = settings.pop("prompt", trace.prompt)
    else:
        given = settings.pop("text", list(trace.tokens.ids))
    arguments = "".join(f", {name}={value!r}" for name, value in settings.items() if value is not None)
    seed = f", seed={trace.provenance.seed}" if trace.provenance.seed is not None else ""
    return f"{load}{variable} = lm.{how}({given!r}{arguments}{seed})\n"


def result_code(result: Any, traces: Sequence[Trace]) -> str:
    """Python that makes the traces of a result and then the result."""
    call = call_code(result.method, len(traces), getattr(result, "target", None), assign="result = ")
    if len(traces) == 1:
        return trace_code(traces[0]) + call
    # Each trace loads its own model: two models may have made them.
    return "".join(trace_code(trace, f"trace_{n}") for n, trace in enumerate(traces)) + call


def call_code(method: str, traces: int = 1, target: Target | None = None, assign: str = "") -> str:
    """``tb.LogitLens(top=5)(lm, trace)``. The analysis of a third party is imported from its module.

    Args:
        method: repr of the analysis.
        traces: number of traces. One trace is called ``trace``; several are ``trace_0``, ``trace_1``, ...
        target: the target of the call; None if there is none.
        assign: text before the call, e.g. ``"result = "``.
    """
    names = ["trace"] if traces == 1 else [f"trace_{n}" for n in range(traces)]
    about = "".join(f", {name}" for name in names) + (f", tb.{target!r}" if target is not None else "")
    imports, call = public_code(method)
    return f"{imports}{assign}{call}(lm{about})\n"


def public_code(method: str) -> tuple[str, str]:
    """The repr of an analysis as (imports, call), with public names: ``tb.X(patch=tb.Patch(...))``.

    Raises:
        ValueError: the text is not Python.
    """
    try:
        tree = ast.parse(method, mode="eval")
    except SyntaxError as error:
        raise ValueError(f"the repr of an analysis is Python, Name(parameter=value, ...), got {method!r}") from error
    outer = tree.body.func.id if isinstance(tree.body, ast.Call) and isinstance(tree.body.func, ast.Name) else ""
    module = "" if registry.is_ours(outer) else _module_of(outer)
    line = method.encode()
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
    imported = set()
    # Edit from the end, so that the offsets of earlier calls stay valid. Columns of the syntax tree count bytes.
    for call in sorted(calls, key=lambda call: call.col_offset, reverse=True):
        name = call.func.id  # ty: ignore[missing-attribute] - filtered above
        if module and not registry.is_public(name):
            imported.add(name)
        else:
            line = line[: call.col_offset] + b"tb." + line[call.col_offset :]
    imports = f"from {module} import {', '.join(sorted(imported))}\n" if imported else ""
    return imports, line.decode()


def request_for(result: Any) -> Request:
    """The request that a result answers, read from its method."""
    analysis, params = parsed(result.method)
    target = getattr(result, "target", None)
    return Request(analysis, params, result.traces, target, call_code(result.method, len(result.traces), target))


def _module_of(name: str) -> str:
    """The module of a third party's analysis; "" if no installed package has it."""
    try:
        return registry.analysis(name).ref.partition(":")[0]
    except KeyError:
        return ""
