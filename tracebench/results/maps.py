"""Maps of query x key: one layer or head of them, and their plotly picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tracebench.record.arrays import LabeledArray

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

#: Weights that the colour bar names. Colours follow the square root: most weights are small, and would be one colour.
TICKS = (0.0, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0)


def just_one(array: LabeledArray, name: str, coord: int) -> slice:
    """The slice of offsets with one coordinate alone, which keeps the axis."""
    offset = array.axis(name).index(coord)
    return slice(offset, offset + 1)


def heatmap(values: np.ndarray, title: str, unit: str) -> Figure:
    """Query x key, the first query on top, coloured by the square root; hovering tells the value."""
    import plotly.graph_objects as go

    seen = np.where(np.tri(*values.shape, dtype=bool), values, np.nan)
    heat = go.Heatmap(
        z=np.sqrt(seen),
        customdata=seen,
        colorscale="Teal",
        zmin=0.0,
        zmax=1.0,
        colorbar={"title": unit, "tickvals": np.sqrt(TICKS).tolist(), "ticktext": [f"{tick:g}" for tick in TICKS]},
        hovertemplate="query %{y}, key %{x}: %{customdata:.4f}<extra></extra>",
    )
    axis = {"title": "key (token position)", "constrain": "domain"}
    down = {"title": "query (token position)", "autorange": "reversed", "scaleanchor": "x"}
    return go.Figure(heat, {"title": title, "xaxis": axis, "yaxis": down})
