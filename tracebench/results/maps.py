"""Maps of query x key: one layer or head of them, and their plotly picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tracebench.record.arrays import LabeledArray
from tracebench.record.tokens import Tokens
from tracebench.results import palette
from tracebench.results.pictures import labels, token_axis

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

#: Weights that the colour bar names. Colours follow the square root: most weights are small, and would be one colour.
TICKS = (0.0, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0)


def just_one(array: LabeledArray, name: str, coord: int) -> slice:
    """The slice of offsets with one coordinate alone, which keeps the axis."""
    offset = array.axis(name).index(coord)
    return slice(offset, offset + 1)


def heatmap(values: np.ndarray, tokens: Tokens, title: dict[str, Any], unit: str) -> Figure:
    """Query x key, the first query on top, coloured by the square root; hovering tells the value."""
    import plotly.graph_objects as go

    seen = np.where(np.tri(*values.shape, dtype=bool), values, np.nan)
    names = labels(tokens)
    heat = go.Heatmap(
        z=np.sqrt(seen),
        x=names,
        y=names,
        customdata=seen,
        colorscale=palette.sequential(),
        zmin=0.0,
        zmax=1.0,
        colorbar={"title": {"text": unit}, "tickvals": np.sqrt(TICKS).tolist(), "ticktext": [f"{t:g}" for t in TICKS]},
        hovertemplate=f"query %{{y}}<br>key %{{x}}<br>{unit} %{{customdata:.4f}}<extra></extra>",
    )
    across = token_axis("key (looked at)") | {"constrain": "domain"}
    down = token_axis("query (reads)") | {"autorange": "reversed", "scaleanchor": "x", "constrain": "domain"}
    return go.Figure(heat, {"title": title, "xaxis": across, "yaxis": down})
