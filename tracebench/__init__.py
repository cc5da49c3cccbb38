"""tracebench: a workbench, inside a notebook, for seeing why a language model said what it said.

The names below are imported when they are first used, so that ``import tracebench`` needs neither torch nor a browser
front end: a GPU box without Jupyter computes and saves, a laptop without torch opens and explores.
"""

from __future__ import annotations

from typing import Any

_NAMES = {
    "Attention": "tracebench.results.attention:Attention",
    "AttentionPatterns": "tracebench.analyses.attention.patterns:AttentionPatterns",
    "AttentionRollout": "tracebench.analyses.attention.rollout:AttentionRollout",
    "Bundle": "tracebench.bundle:Bundle",
    "Check": "tracebench.record.checks:Check",
    "InputXGradient": "tracebench.analyses.attribution.input_x_gradient:InputXGradient",
    "IntegratedGradients": "tracebench.analyses.attribution.integrated_gradients:IntegratedGradients",
    "LabeledArray": "tracebench.record.arrays:LabeledArray",
    "LanguageModel": "tracebench.models.language_model:LanguageModel",
    "LensTable": "tracebench.results.lens_table:LensTable",
    "LogitLens": "tracebench.analyses.lens.logit_lens:LogitLens",
    "Request": "tracebench.requests.request:Request",
    "Rollout": "tracebench.results.rollout:Rollout",
    "Selection": "tracebench.widgets.selection:Selection",
    "Target": "tracebench.record.target:Target",
    "TokenScores": "tracebench.results.token_scores:TokenScores",
    "Tokens": "tracebench.record.tokens:Tokens",
    "Trace": "tracebench.record.trace:Trace",
    "Workbench": "tracebench.bench.workbench:Workbench",
    "explore": "tracebench.facade:explore",
    "load": "tracebench.models.load:load",
    "open": "tracebench.bundle:open",
    "save": "tracebench.bundle:save",
    "snapshot": "tracebench.facade:snapshot",
}

__all__ = sorted(_NAMES)  # noqa: PLE0605 - the one table is the list


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("tracebench")
    if name in _NAMES:
        from importlib import import_module

        module, _, attribute = _NAMES[name].partition(":")
        return getattr(import_module(module), attribute)
    raise AttributeError(f"module 'tracebench' has no attribute {name!r}; it has {', '.join(__all__)}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
