"""Aliases: different request keys that ask the same question.

A target can name a token by its text or its id, or the generated token by None. The key of a request keeps what was written,
so one question has several keys. A result lists its equal targets (`Result.other_targets`) and is found under all their keys.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tracebench.record.traces import Traces
from tracebench.requests.code import request_for


def other_keys(known: Mapping[str, Any], traces: Traces) -> dict[str, str]:
    """Alias -> the key in ``known`` whose result answers it. An alias is never a key of ``known``.

    Args:
        known: request key -> result.
        traces: the traces of the bench.
    """
    found: dict[str, str] = {}
    for key, result in known.items():
        trace = traces.first_of(result)
        if trace is None or not (targets := result.other_targets(trace)):
            continue
        request = request_for(result)
        for other in (replace(request, target=target).key for target in targets):
            if other not in known:
                found.setdefault(other, key)
    return found


def by_all_names(known: Mapping[str, Any], traces: Traces) -> dict[str, Any]:
    """``known`` with every result also under its aliases."""
    return {**known, **{other: known[key] for other, key in other_keys(known, traces).items()}}
