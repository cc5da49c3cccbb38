"""The one thing that views share: which step, token, layer, ... is looked at. Twin of ``js/src/selection.ts``.

The public traits (``selection.step``, ``selection.observe(print, "token")``) follow one synced trait, so that fields
that belong together (step and query) travel together. Each change has a sequence number. The browser sends it twice,
as the trait and as a message, because a host may hold traits back while a cell runs; the larger number wins.
"""

from __future__ import annotations

import threading
from typing import Any

import anywidget
import traitlets

from tracebench.record.arrays import LINKED, whole
from tracebench.record.trace import Trace
from tracebench.widgets.base import reject_unknown, static_text

FIELDS = LINKED
Fields = dict[str, Any]


class Selection(anywidget.AnyWidget):
    """The shared selection. A field holds a coordinate, or None for "all". ``token`` may be ``(start, stop)``."""

    _esm = static_text("selection.js")
    _state = traitlets.Dict().tag(sync=True, echo_update=False)

    step = traitlets.Any(None, help="generation step, from 0")
    token = traitlets.Any(None, help="token position, or a half-open (start, stop)")
    layer = traitlets.Any(None, help="-1 is the embedding, then 0 .. L-1")
    head = traitlets.Any(None)
    query = traitlets.Any(None, help="token position that is read")
    key = traitlets.Any(None, help="token position that is attended to")
    rank = traitlets.Any(None)
    site = traitlets.Any(None)
    sample = traitlets.Any(None)

    def __init__(self, trace: Trace | None = None, **fields: Any) -> None:
        """A selection over a trace. Without fields it starts at step 0 where there is one."""
        reject_unknown(type(self), fields, FIELDS)
        self._trace = trace
        self._layers = trace.provenance.layers if trace else None
        self._lock = threading.RLock()
        self._applying = False
        super().__init__()
        self.on_msg(self._on_message)
        if not fields and trace is not None and trace.steps:
            fields = {"step": 0}
        self._publish(self._complete(dict.fromkeys(FIELDS), fields))

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in FIELDS:
            super().__setattr__(name, value)
            return
        # Not while a message of the browser is applied on another thread: traitlets would take it for part of that.
        with self._lock:
            super().__setattr__(name, value)

    def select(self, **fields: Any) -> None:
        """Set several fields in one change: ``selection.select(layer=12, query=9)``."""
        reject_unknown(type(self), fields, FIELDS)
        with self._lock:
            self._publish(self._complete(self.fields, fields))

    @property
    def fields(self) -> Fields:
        """All fields as they are now."""
        return dict(self._state["fields"])

    def _complete(self, before: Fields, change: Fields) -> Fields:
        """The fields after a change, with what follows from it: a step reads at its position, and marks no token."""
        change = {name: self._checked(name, value) for name, value in change.items()}
        if change.get("step") is not None:
            change.setdefault("token", None)
            if self._trace is not None:
                change.setdefault("query", self._trace.position(change["step"]))
        return {**before, **change}

    def _checked(self, name: str, value: Any) -> Any:
        if value is None:
            return None
        if name == "token" and isinstance(value, (tuple, list)):
            ends = [end for end in map(whole, value) if end is not None]
            if not len(value) == len(ends) == 2 or not 0 <= ends[0] < ends[1] <= self._limit("token"):
                raise traitlets.TraitError(f"token={value!r} is no half-open range within 0 to {self._limit('token')}")
            return ends
        if name == "site":
            return str(value)
        number = whole(value)
        if number is None:
            raise traitlets.TraitError(f"{name} is a whole number or None, got {value!r}")
        low, limit = (-1 if name == "layer" else 0), self._limit(name)
        if not low <= number < limit:
            steps = (
                f"{low} and up" if limit == float("inf") else f"{low} to {int(limit) - 1}" if low < limit else "none"
            )
            raise traitlets.TraitError(f"{name}={value} is not there; {name} goes over: {steps}")
        return number

    def _limit(self, name: str) -> float:
        if self._trace is None:
            return float("inf")
        tokens = len(self._trace.tokens)
        limits = {"step": len(self._trace.steps), "token": tokens, "query": tokens, "key": tokens}
        if self._layers is not None:
            limits["layer"] = self._layers
        return limits.get(name, float("inf"))

    def _publish(self, fields: Fields) -> None:
        self._state = {"seq": self._state.get("seq", 0) + 1, "fields": fields}

    @traitlets.observe("_state")
    def _follow_state(self, change: dict[str, Any]) -> None:
        """The public traits follow the synced one, whoever set it."""
        with self._lock:
            old, new = change["old"] or {}, change["new"]
            # The browser's word is checked like a person's: an older or impossible state is answered with ours.
            if new["seq"] < old.get("seq", 0) or not self._possible(new["fields"]):
                self._state = {**old, "seq": max(old.get("seq", 0), new["seq"]) + 1}
                return
            self._applying = True
            try:
                with self.hold_trait_notifications():
                    for name in FIELDS:
                        value = new["fields"].get(name)
                        self.set_trait(name, tuple(value) if isinstance(value, list) else value)
            finally:
                self._applying = False

    def _possible(self, fields: Fields) -> bool:
        try:
            for name in FIELDS:
                self._checked(name, fields.get(name))
        except (traitlets.TraitError, TypeError, ValueError):
            return False
        return True

    @traitlets.validate(*FIELDS)
    def _validate_field(self, proposal: dict[str, Any]) -> Any:
        checked = self._checked(proposal["trait"].name, proposal["value"])
        return tuple(checked) if isinstance(checked, list) else checked

    @traitlets.observe(*FIELDS)
    def _lead_state(self, change: dict[str, Any]) -> None:
        """A public trait set by a person leads the synced one."""
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
                # Locked, so that what the browser said is not sent back to it.
                with self._lock_property(_state=state):
                    self._state = state

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """As a cell's last value it is its text: a widget without a view would show nothing."""
        return {"text/plain": repr(self)}, {}

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in FIELDS if getattr(self, name) is not None)
        return f"Selection({shown})"
