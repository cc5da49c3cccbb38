"""Two tables, of the analyses and of the kinds of results. Reading them imports nothing.

They give the names in ``tb``, the menus of methods, the views of a bench and the list of bundles. Third parties add rows
by entry points: in the group ``tracebench.analyses`` an analysis class (its attribute ``gives`` is the kind of its result),
in the group ``tracebench.kinds`` a `Kind`.

``question`` and ``group`` are for the question bar of the bench's next version. Nothing reads them yet.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

Group = Literal["look", "change", "judge"]


@dataclass(frozen=True)
class Analysis:
    """One analysis.

    Args:
        name: its name in ``tb``, in requests and in files.
        ref: ``"module:attr"`` of its class.
        gives: the kind of its result.
        label: its label in menus.
        group: the group of its question.
        methods: (label, repr of the analysis) for menus: the default parameters first, then variants.
    """

    name: str
    ref: str
    gives: str
    label: str
    group: Group = "look"
    methods: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Kind:
    """One kind of result.

    Args:
        name: its name in requests and in files.
        result: ``"module:attr"`` of the result class.
        view: ``"module:attr"`` of its view.
        question: the label of its question in the bar of a bench.
        group: the group of that question.
        continues: whether its sentence continues that of the trace in the head of a bench, also if its view is hidden.
    """

    name: str
    result: str
    view: str
    question: str
    group: Group = "look"
    continues: bool = False


def _integrated(points: int, quadrature: str) -> str:
    return f"IntegratedGradients(n_steps={points}, baseline='eos', keep_first=True, keep_special=True, quadrature='{quadrature}')"


ANALYSES = (
    Analysis("LogitLens", "tracebench.analyses.lens.logit_lens:LogitLens", "lens_table", "logit lens"),
    Analysis(
        "IntegratedGradients",
        "tracebench.analyses.attribution.integrated_gradients:IntegratedGradients",
        "token_scores",
        "integrated gradients",
        methods=(
            ("integrated gradients", _integrated(64, "gauss-legendre")),
            ("integrated gradients, 256 points", _integrated(256, "gauss-legendre")),
            ("integrated gradients, 64 adaptive points", _integrated(64, "adaptive")),
            ("integrated gradients, 256 adaptive points", _integrated(256, "adaptive")),
        ),
    ),
    Analysis(
        "InputXGradient",
        "tracebench.analyses.attribution.input_x_gradient:InputXGradient",
        "token_scores",
        "input × gradient",
        methods=(("input × gradient", "InputXGradient()"),),
    ),
    Analysis(
        "AttentionPatterns",
        "tracebench.analyses.attention.patterns:AttentionPatterns",
        "attention",
        "attention patterns",
    ),
    Analysis(
        "AttentionRollout",
        "tracebench.analyses.attention.rollout:AttentionRollout",
        "rollout",
        "rollout",
        methods=(("rollout", "AttentionRollout(residual=0.5, heads='mean', first=0, last=None)"),),
    ),
)

KINDS = (
    Kind("trace", "tracebench.record.trace:Trace", "tracebench.views.generation:GenerationView", "Decision"),
    Kind(
        "lens_table",
        "tracebench.results.lens_table:LensTable",
        "tracebench.views.lens_table:LensTableView",
        "Layers",
        continues=True,
    ),
    Kind(
        "token_scores",
        "tracebench.results.token_scores:TokenScores",
        "tracebench.views.token_scores:TokenScoresView",
        "Tokens",
    ),
    Kind(
        "attention", "tracebench.results.attention:Attention", "tracebench.views.attention:AttentionView", "Attention"
    ),
    Kind("rollout", "tracebench.results.rollout:Rollout", "tracebench.views.rollout:RolloutView", "Attention"),
)

#: ``"module:attr"`` of classes for parameters of analyses. They are public names too.
PARAMETERS = ("tracebench.record.target:Target",)

#: Entry-point groups for third parties.
ANALYSES_GROUP = "tracebench.analyses"
KINDS_GROUP = "tracebench.kinds"


def analyses() -> Iterator[Analysis]:
    """Every analysis: ours first, then those of installed packages."""
    yield from ANALYSES
    yield from _others(ANALYSES_GROUP, _names(ANALYSES), analysis)


def kinds() -> Iterator[Kind]:
    """Every kind of result: ours first, then those of installed packages."""
    yield from KINDS
    yield from _others(KINDS_GROUP, _names(KINDS), kind)


def analysis(name: str) -> Analysis:
    """The row of an analysis. Raises a ``KeyError`` that lists them if there is no such analysis."""
    for row in ANALYSES:
        if row.name == name:
            return row
    if (entry := _entry(ANALYSES_GROUP, name)) is not None:
        loaded = entry.load()
        return Analysis(
            name,
            entry.value,
            loaded.gives,
            getattr(loaded, "label", name),
            getattr(loaded, "group", "look"),
            getattr(loaded, "methods", ()),
        )
    raise KeyError(f"there is no analysis {name!r}; there are {_listed(ANALYSES, ANALYSES_GROUP)}")


def kind(name: str) -> Kind:
    """The row of a kind of result. Raises a ``KeyError`` that lists them if there is no such kind."""
    for row in KINDS:
        if row.name == name:
            return row
    if (entry := _entry(KINDS_GROUP, name)) is not None:
        row = entry.load()
        if not isinstance(row, Kind) or row.name != name:
            raise TypeError(
                f"the entry point {name!r} of {KINDS_GROUP} must be a registry.Kind({name!r}, ...), got {row!r}"
            )
        return row
    raise KeyError(f"there is no kind of result {name!r}; there are {_listed(KINDS, KINDS_GROUP)}")


def analysis_class(name: str) -> Any:
    """The class of an analysis, imported now."""
    return resolve(analysis(name).ref)


def result_class(name: str) -> Any:
    """The class of a kind of result, imported now."""
    return resolve(kind(name).result)


def view_class(name: str) -> Any:
    """The view of a kind of result, imported now."""
    return resolve(kind(name).view)


def result_kind(name: str) -> str:
    """The kind of result that an analysis gives."""
    return analysis(name).gives


def methods_of(result_kind: str) -> list[tuple[str, str]]:
    """The entries of a menu for a kind of result: (label, repr of the analysis)."""
    return [method for row in analyses() if row.gives == result_kind for method in row.methods]


def is_ours(name: str) -> bool:
    """Whether this analysis is ours, so that ``tb.NAME`` exists."""
    return name in _names(ANALYSES)


def is_public(name: str) -> bool:
    """Whether ``tb.NAME`` is an analysis, or a class for parameters of analyses."""
    return is_ours(name) or name in {reference.partition(":")[2] for reference in PARAMETERS}


def resolve(reference: str) -> Any:
    """The object that ``"module:attr"`` names."""
    module, _, attribute = reference.partition(":")
    return getattr(import_module(module), attribute)


def _others(group: str, ours: set[str], load: Callable[[str], Any]) -> Iterator[Any]:
    """The rows of installed packages. A package that fails is left out with a warning: it must not break our own rows."""
    for name in _entries(group):
        if name in ours:
            warnings.warn(
                f"an installed package names {name!r} in {group}, which is ours: its own is left out", stacklevel=4
            )
            continue
        try:
            yield load(name)
        except Exception as failure:  # noqa: BLE001 - whatever a stranger's module raises
            warnings.warn(f"{name!r} of {group} cannot be loaded and is left out: {failure!r}", stacklevel=4)


@cache
def _found(group: str) -> dict[str, EntryPoint]:
    # Imported here: it takes most of the time that `import tracebench` would take.
    from importlib.metadata import entry_points

    return {entry.name: entry for entry in entry_points(group=group)}


def _entries(group: str) -> dict[str, EntryPoint]:
    """The entry points of a group, from a cache: looking through all installed packages takes 25 ms."""
    return _found(group)


def _entry(group: str, name: str) -> EntryPoint | None:
    """One entry point. One that is not cached is looked up anew, because a package may be installed meanwhile."""
    if name not in _found(group):
        _found.cache_clear()
    return _found(group).get(name)


def _listed(rows: tuple[Analysis, ...] | tuple[Kind, ...], group: str) -> str:
    return ", ".join(sorted({*_names(rows), *_entries(group)}))


def _names(rows: tuple[Analysis, ...] | tuple[Kind, ...]) -> set[str]:
    return {row.name for row in rows}
