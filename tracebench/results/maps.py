"""Maps [query, key]: select one layer or head, and draw it with plotly."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tracebench.record.arrays import LabeledArray
from tracebench.record.tokens import Tokens
from tracebench.results import palette
from tracebench.results.pictures import labels, token_axis

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

#: Weights with a tick in the colour bar. The scale is the square root, because most weights are small.
TICKS = (0.0, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0)


def one_slice(array: LabeledArray, name: str, coord: int) -> slice:
    """The offsets of one coordinate as a slice, which keeps its axis (an int would drop it)."""
    offset = array.axis(name).index(coord)
    return slice(offset, offset + 1)


def heatmap(values: np.ndarray, tokens: Tokens, title: dict[str, Any], unit: str) -> Figure:
    """A plotly heatmap of values [query, key] in [0, 1]. The first query is on top; hovering shows the exact value."""
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
