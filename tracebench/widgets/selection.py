"""The selection that all views share: trace, step, token, layer, ... Twin of ``js/src/selection.ts``.

The public traits (``selection.step``, ``selection.observe(print, "token")``) follow one synced trait, so that related fields
(step and query) travel together. Each change has a sequence number. The browser sends a change twice, as trait and as
message, because a host may delay traits while a cell runs. The larger number wins.
"""

from __future__ import annotations

import threading
from typing import Any

import anywidget
import traitlets

from tracebench.record.arrays import LINKED, whole
from tracebench.record.trace import Trace
from tracebench.record.traces import Traces
from tracebench.widgets.base import reject_unknown, static_text

FIELDS = LINKED
Fields = dict[str, Any]


class Selection(anywidget.AnyWidget):
    """The shared selection. A field is a coordinate, or None for "all". ``token`` may be a range ``(start, stop)``.

    Setting a coordinate that does not exist raises a ``traitlets.TraitError`` and changes nothing.
    """

    _esm = static_text("selection.js")
    #: Index of the trace that new values are checked against.
    _new_trace: int | None = None
    _state = traitlets.Dict().tag(sync=True, echo_update=False)

    trace = traitlets.Any(None, help="index of the trace in the bench, from 0")
    step = traitlets.Any(None, help="generation step, from 0")
    token = traitlets.Any(None, help="token position, or a half-open (start, stop)")
    layer = traitlets.Any(None, help="-1 is the embedding, then 0 .. L-1")
    head = traitlets.Any(None)
    query = traitlets.Any(None, help="token position that is read")
    key = traitlets.Any(None, help="token position that is attended to")
    rank = traitlets.Any(None)
    site = traitlets.Any(None)
    sample = traitlets.Any(None)

    def __init__(self, traces: Traces | Trace | None = None, **fields: Any) -> None:
        """A selection over traces. By default it starts at the first trace, at step 0 if there is one."""
        reject_unknown(type(self), fields, FIELDS)
        self._traces = Traces([traces]) if isinstance(traces, Trace) else traces or Traces()
        self._is_bound = traces is not None
        self._lock = threading.RLock()
        self._applying = False
        super().__init__()
        self.on_msg(self._on_message)
        first = {"trace": 0} if len(self._traces) else {}
        if not fields and first and self._traces[0].steps:
            fields = {"step": 0}
        self._publish(self._complete(dict.fromkeys(FIELDS), {**first, **fields}))

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in FIELDS:
            super().__setattr__(name, value)
            return
        # Wait while another thread applies a browser message, or traitlets would mix the two changes.
        with self._lock:
            super().__setattr__(name, value)

    def select(self, **fields: Any) -> None:
        """Set several fields in one change: ``selection.select(layer=12, query=9)``."""
        reject_unknown(type(self), fields, FIELDS)
        with self._lock:
            self._publish(self._complete(self.fields, fields))

    @property
    def fields(self) -> Fields:
        """The current value of every field."""
        return dict(self._state["fields"])

    def _complete(self, before: Fields, change: Fields) -> Fields:
        """The fields after a change. A new step also sets ``query`` to its position, and ``token`` to None."""
        if change.get("trace") is not None and change["trace"] != before.get("trace"):
            at = self._checked("trace", change["trace"], None)
            before = on_trace(before, at, self._traces[at]) if self._is_bound else {**before, "trace": at}
        trace = self._trace_at(before.get("trace"))
        change = {name: self._checked(name, value, trace) for name, value in change.items()}
        if change.get("step") is not None:
            change.setdefault("token", None)
            if trace is not None:
                change.setdefault("query", trace.position(change["step"]))
        return {**before, **change}

    def _trace_at(self, index: int | None) -> Trace | None:
        return self._traces[index] if index is not None and index < len(self._traces) else None

    def _checked(self, name: str, value: Any, trace: Trace | None) -> Any:
        if value is None:
            if name == "trace" and len(self._traces):
                raise traitlets.TraitError(f"trace=None selects nothing; trace goes over: 0 to {len(self._traces) - 1}")
            return None
        limit = self._limit(name, trace)
        if name == "token" and isinstance(value, (tuple, list)):
            ends = [end for end in map(whole, value) if end is not None]
            if not len(value) == len(ends) == 2 or not 0 <= ends[0] < ends[1] <= limit:
                raise traitlets.TraitError(f"token={value!r} is not a half-open range within 0 to {limit}")
            return ends
        if name == "site":
            return str(value)
        number = whole(value)
        if number is None:
            raise traitlets.TraitError(f"{name} is a whole number or None, got {value!r}")
        low = -1 if name == "layer" else 0
        if not low <= number < limit:
            there = (
                f"{low} and up" if limit == float("inf") else f"{low} to {int(limit) - 1}" if low < limit else "none"
            )
            raise traitlets.TraitError(f"{name}={value} is not there; {name} goes over: {there}")
        return number

    def _limit(self, name: str, trace: Trace | None) -> float:
        if name == "trace":
            return len(self._traces) if self._is_bound else float("inf")
        return float("inf") if trace is None else limits(trace).get(name, float("inf"))

    def _publish(self, fields: Fields) -> None:
        self._state = {"seq": self._state.get("seq", 0) + 1, "fields": fields}

    @traitlets.observe("_state")
    def _follow_state(self, change: dict[str, Any]) -> None:
        """Copy the synced trait to the public ones."""
        with self._lock:
            old, new = change["old"] or {}, change["new"]
            # Reject an older or invalid state of the browser, and send the current state back.
            if new["seq"] < old.get("seq", 0) or not self._possible(new["fields"]):
                self._state = {**old, "seq": max(old.get("seq", 0), new["seq"]) + 1}
                return
            self._applying = True
            self._new_trace = new["fields"].get("trace")
            try:
                with self.hold_trait_notifications():
                    for name in FIELDS:
                        value = new["fields"].get(name)
                        self.set_trait(name, tuple(value) if isinstance(value, list) else value)
            finally:
                self._applying = False

    def _possible(self, fields: Fields) -> bool:
        try:
            trace = self._trace_at(self._checked("trace", fields.get("trace"), None))
            for name in FIELDS:
                self._checked(name, fields.get(name), trace)
        except (traitlets.TraitError, TypeError, ValueError):
            return False
        return True

    @traitlets.validate(*FIELDS)
    def _validate_field(self, proposal: dict[str, Any]) -> Any:
        checked = self._checked(proposal["trait"].name, proposal["value"], self._trace_at(self._new_trace))
        return tuple(checked) if isinstance(checked, list) else checked

    @traitlets.observe(*FIELDS)
    def _lead_state(self, change: dict[str, Any]) -> None:
        """Copy a public trait that the user has set to the synced one."""
        with self._lock:
            value = list(change["new"]) if isinstance(change["new"], tuple) else change["new"]
            if self._applying or self.fields.get(change["name"]) == value:
                return
            self._publish(self._complete(self.fields, {change["name"]: value}))

    def _on_message(self, _widget: Any, content: dict[str, Any], _buffers: list[Any]) -> None:
        if content.get("kind") != "select":
            return
        state = {"seq": content["seq"], "fields": content["fields"]}
        with self._lock:
            if state["seq"] > self._state["seq"]:
                # Lock the property, so that the state is not sent back to the browser.
                with self._lock_property(_state=state):
                    self._state = state

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """Show the repr as a cell's last value, because a widget without a view would show nothing."""
        return {"text/plain": repr(self)}, {}

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in FIELDS if getattr(self, name) is not None)
        return f"Selection({shown})"


def on_trace(fields: Fields, index: int, trace: Trace) -> Fields:
    """The fields after a change to another trace. Twin of ``onTrace`` in ``js/src/selection.ts``.

    A coordinate stays if the new trace has it. Otherwise the step becomes 0, and other fields None. The query follows the step.
    """
    new_limits = limits(trace)

    def if_valid(name: str) -> Any:
        value = fields.get(name)
        if value is None:
            return None
        last = value[1] - 1 if isinstance(value, (list, tuple)) else value
        return value if last < new_limits.get(name, float("inf")) else None

    step = if_valid("step")
    if step is None and trace.steps:
        step = 0
    query = None if step is None else trace.position(step)
    kept = {name: if_valid(name) for name in ("token", "layer", "key")}
    heads = trace.provenance.heads  # 0 if it is not known
    if heads and (fields.get("head") or 0) >= heads:
        kept["head"] = None
    return {**fields, "trace": index, "step": step, **kept, "query": query}


def limits(trace: Trace) -> dict[str, int]:
    """Field -> exclusive upper limit of its coordinates in this trace."""
    tokens = len(trace.tokens)
    layers = {} if trace.provenance.layers is None else {"layer": trace.provenance.layers}
    return {"step": len(trace.steps), "token": tokens, "query": tokens, "key": tokens, **layers}
