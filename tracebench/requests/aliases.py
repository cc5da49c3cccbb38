"""Which requests are the same question: a token is named by its text, by its id, or not at all where it is the one that was
taken.

The key of a request is what was written. Results are found under all the keys that mean the same; a result says itself which
targets those are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tracebench.record.traces import Traces
from tracebench.requests.code import request_for


def other_keys(known: Mapping[str, Any], traces: Traces) -> dict[str, str]:
    """Key -> the key in ``known`` of the result that answers it too. The keys of ``known`` are not among them.

    Args:
        known: request key -> result.
        traces: those of the bench.
    """
    found: dict[str, str] = {}
    for key, result in known.items():
        trace = traces.of(result)
        if trace is None or not (targets := result.other_targets(trace)):
            continue
        request = request_for(result)
        for other in (replace(request, target=target).key for target in targets):
            if other not in known:
                found.setdefault(other, key)
    return found


def by_all_names(known: Mapping[str, Any], traces: Traces) -> dict[str, Any]:
    """``known``, with every result under the other keys of its question too."""
    return {**known, **{other: known[key] for other, key in other_keys(known, traces).items()}}
