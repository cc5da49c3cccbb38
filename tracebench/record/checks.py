"""Checks: how a result proves its own numbers.

An *identity* must hold. If it fails, the numbers are wrong and every view shows it in red. A *measure* is shown with its
meaning and may turn amber. Each limit is relative to the range of the compared numbers. We never loosen a limit to pass.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["identity", "measure"]
State = Literal["holds", "amber", "broken"]


@dataclass(frozen=True)
class Check:
    """One proof with its number.

    Args:
        name: short and stable, e.g. ``"last row = the model"``.
        kind: ``identity`` or ``measure``.
        value: the measured number. NaN never holds.
        limit: the check holds if ``value <= limit``.
        meaning: one sentence for the reader.
        unit: the unit of ``value`` and ``limit``: ``"of the logit range"``, ``"nats"``, ...
    """

    name: str
    kind: Kind
    value: float
    limit: float
    meaning: str
    unit: str = ""

    def __post_init__(self) -> None:
        if self.kind not in ("identity", "measure"):
            raise ValueError(f"a check is an 'identity' or a 'measure', got {self.kind!r}")

    @property
    def state(self) -> State:
        if not math.isnan(self.value) and self.value <= self.limit:
            return "holds"
        return "broken" if self.kind == "identity" else "amber"

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "kind": self.kind,
            "value": self.value,
            "limit": self.limit,
            "unit": self.unit,
            "meaning": self.meaning,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Check:
        return cls(**data)

    def __str__(self) -> str:
        sign = {"holds": "✓", "amber": "!", "broken": "✗"}[self.state]
        unit = f" {self.unit}" if self.unit else ""
        return f"{sign} {self.name}: {self.value:.3g} (limit {self.limit:.3g}{unit})"
