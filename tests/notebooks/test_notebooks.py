"""Every notebook runs from top to bottom, is committed without outputs, and leaves something true for readers without a kernel."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbconvert import HTMLExporter

#: The step that each selects, by what was said there.
SELECTED = {"01_first_look": "“·France” with p = 0.900", "02_four_views": "“,” with p = 0.604"}
NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_committed_without_outputs(path):
    book = nbformat.read(path, 4)
    nbformat.validate(book)
    assert all(not cell.outputs and cell.execution_count is None for cell in book.cells if cell.cell_type == "code")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_and_shows_something_true_without_widgets(path):
    book = nbformat.read(path, 4)
    NotebookClient(book, timeout=500, kernel_name="python3").execute()
    outputs = [output for cell in book.cells if cell.cell_type == "code" for output in cell.outputs]
    static = [o.data["text/html"] for o in outputs if "tracebench-static" in o.get("data", {}).get("text/html", "")]
    assert static
    assert "·Paris" in static[0]
    # An exported notebook (nbconvert, nbviewer) has no kernel and may have no network.
    exported, _ = HTMLExporter(exclude_input=True).from_notebook_node(book)
    assert f"The model said {SELECTED[path.stem]}" in exported
    widgets = [o for o in outputs if "application/vnd.jupyter.widget-view+json" in o.get("data", {})]
    assert widgets
