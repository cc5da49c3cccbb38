"""tracebench: a workbench, inside a notebook, for seeing why a language model said what it said.

Each name below is imported on first use, so ``import tracebench`` needs neither torch nor the front end. A GPU machine
without Jupyter can compute and save; a laptop without torch can open and explore.
"""

from __future__ import annotations

from typing import Any

from tracebench.registry import ANALYSES, KINDS, PARAMETERS

_NAMES = {
    "Bundle": "tracebench.bundle:Bundle",
    "Check": "tracebench.record.checks:Check",
    "LabeledArray": "tracebench.record.arrays:LabeledArray",
    "LanguageModel": "tracebench.models.language_model:LanguageModel",
    "Request": "tracebench.requests.request:Request",
    "Selection": "tracebench.widgets.selection:Selection",
    "Tokens": "tracebench.record.tokens:Tokens",
    "Workbench": "tracebench.bench.workbench:Workbench",
    "explore": "tracebench.facade:explore",
    "load": "tracebench.models.load:load",
    "open": "tracebench.bundle:open",
    "save": "tracebench.bundle:save",
    "snapshot": "tracebench.facade:snapshot",
    **{row.name: row.ref for row in ANALYSES},
    **{row.result.partition(":")[2]: row.result for row in KINDS},
    **{reference.partition(":")[2]: reference for reference in PARAMETERS},
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
