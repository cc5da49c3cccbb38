"""Names to ``"module:attr"``: what exists, without importing it.

Third parties add to the three tables by entry points of the groups ``tracebench.analyses``, ``tracebench.results`` and
``tracebench.views``. Adding an analysis of a known result kind is one file and one line here.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

ANALYSES = {
    "AttentionPatterns": "tracebench.analyses.attention.patterns:AttentionPatterns",
    "AttentionRollout": "tracebench.analyses.attention.rollout:AttentionRollout",
    "InputXGradient": "tracebench.analyses.attribution.input_x_gradient:InputXGradient",
    "IntegratedGradients": "tracebench.analyses.attribution.integrated_gradients:IntegratedGradients",
    "LogitLens": "tracebench.analyses.lens.logit_lens:LogitLens",
}

#: Analysis -> the kind of its result, known without importing torch. Of a third party's it is the attribute ``gives``.
GIVES = {
    "AttentionPatterns": "attention",
    "AttentionRollout": "rollout",
    "InputXGradient": "token_scores",
    "IntegratedGradients": "token_scores",
    "LogitLens": "lens_table",
}

#: Record kind -> the class that reads it.
RESULTS = {
    "trace": "tracebench.record.trace:Trace",
    "lens_table": "tracebench.results.lens_table:LensTable",
    "attention": "tracebench.results.attention:Attention",
    "rollout": "tracebench.results.rollout:Rollout",
    "token_scores": "tracebench.results.token_scores:TokenScores",
}

#: Result kind -> the view that shows it.
VIEWS = {
    "trace": "tracebench.views.generation:GenerationView",
    "lens_table": "tracebench.views.lens_table:LensTableView",
    "token_scores": "tracebench.views.token_scores:TokenScoresView",
    "attention": "tracebench.views.attention:AttentionView",
    "rollout": "tracebench.views.rollout:RolloutView",
}

_TABLES = {"analyses": ANALYSES, "results": RESULTS, "views": VIEWS}


def find(table: str, name: str) -> Any:
    """The object registered under a name, imported now.

    Args:
        table: ``"analyses"``, ``"results"`` or ``"views"``.
        name: its registry name; a ``KeyError`` says which names there are.
    """
    known = _TABLES[table]
    if name in known:
        return resolve(known[name])
    others = {entry.name: entry for entry in entry_points(group=f"tracebench.{table}")}
    if name in others:
        return others[name].load()
    raise KeyError(f"there is no {name!r} among the {table}: {', '.join(sorted({*known, *others}))}")


def result_kind(analysis: str) -> str:
    """The kind of what an analysis gives, by its registry name."""
    return GIVES[analysis] if analysis in GIVES else find("analyses", analysis).gives


def resolve(reference: str) -> Any:
    """The object that ``"module:attr"`` names."""
    module, _, attribute = reference.partition(":")
    return getattr(import_module(module), attribute)
