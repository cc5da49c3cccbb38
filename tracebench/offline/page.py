"""A saved page: one HTML file with the widget states, the baked answers and the code that runs them.

States and answers are one deflated block. Large slices are separate blocks, which the page inflates on request. docs/wire.md
has the format; ``js/src/offline`` reads it. Widget ids are renumbered and the page has no date, so that equal traces and
results give equal bytes.
"""

from __future__ import annotations

import base64
import hashlib
import html
import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import ipywidgets
from ipywidgets.widgets.widget import _instances as _live_widgets

from tracebench.offline.bake import CHUNK
from tracebench.offline.block import deflated
from tracebench.offline.static import STATIC_CSS
from tracebench.record.files import FileError, write_atomically
from tracebench.widgets.base import static_text

#: The browser enforces this policy: no request of any kind. Modules are imported from blobs.
CSP = (
    "default-src 'none'; script-src 'unsafe-inline' blob:; style-src 'unsafe-inline'; "
    "img-src data: blob:; font-src data:; base-uri 'none'; form-action 'none'"
)

#: Version of the block in a page. 2: several traces, each in its own widget.
FORMAT = 2

_REFERENCE = re.compile(r"^(?:anywidget:|IPY_MODEL_)([0-9a-f]{32})$")
#: Traits of every DOMWidget that a saved page does not need.
_HOST_ONLY = {*ipywidgets.DOMWidget.class_trait_names(sync=True), "_anywidget_id"}


class SavedPage(type(Path())):  # ty: ignore[unsupported-base] - the platform's concrete Path, as 3.11 wants it
    """The path of a saved page; its repr states the size."""

    def __repr__(self) -> str:
        size = f", {readable_size(self.stat().st_size)}" if self.exists() else ""
        return f"{type(self).__name__}({str(self)!r}{size})"


def write_page(
    path: str | os.PathLike[str],
    bench: Any,
    baked: dict[str, Any],
    max_bytes: int | None = None,
    refusal: Callable[[int], str] = "the page would be {} bytes".format,
) -> SavedPage:
    """Write the page of a bench, atomically.

    Raises:
        FileError: the page is larger than ``max_bytes``, with the text ``refusal(size)``; or it cannot be written.
    """
    # A path may contain bytes that are not text (lone surrogates). They are written as their codes.
    content = page_html(bench, baked).encode("utf-8", "backslashreplace")
    if max_bytes is not None and len(content) > max_bytes:
        raise FileError(refusal(len(content)))
    return SavedPage(write_atomically(path, content))


def page_html(bench: Any, baked: dict[str, Any]) -> str:
    """The whole page as text."""
    chunks: list[bytes] = []
    state = _base64(deflated(_contents(bench, _without_chunks(baked, chunks))))
    return _framed(bench, state, chunks)


def _framed(bench: Any, state: str, chunks: Iterable[bytes]) -> str:
    host = static_text("offline.js")
    title = html.escape(bench.title)
    return "".join(
        (
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n',
            f'<meta http-equiv="Content-Security-Policy" content="{CSP}">\n',
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n',
            f"<title>{title} · tracebench</title>\n<style>{STATIC_CSS}</style>\n</head>\n<body>\n",
            f"<main>{bench._static_body()}</main>\n",
            f'<script type="application/tracebench" id="tracebench-state">{state}</script>\n',
            *(_chunk(number, chunk) for number, chunk in enumerate(chunks)),
            # Escaped, "</script" cannot end the script early and "<!--" cannot open a comment. Their meaning in JS stays.
            f"<script>{escape_script(host)}</script>\n</body>\n</html>\n",
        )
    )


def _chunk(number: int, chunk: bytes) -> str:
    return f'<script type="application/tracebench" id="tracebench-chunk-{number}">{_base64(chunk)}</script>\n'


def tree_size(tree: Any) -> int:
    """The bytes of a tree in a page: deflated, in base64, with its chunks."""
    chunks: list[bytes] = []
    block = _base64(deflated(_without_chunks(tree, chunks)))
    return len(block) + sum(len(_chunk(number, chunk)) for number, chunk in enumerate(chunks))


def code_size(bench: Any) -> int:
    """The bytes of the code of the views, the host, and the static part."""
    return tree_size(_contents(bench, {})["code"]) + len(_framed(bench, "", ()).encode("utf-8", "backslashreplace"))


def views_size(bench: Any) -> int:
    """The bytes of the widget states, without code and answers."""
    return tree_size({**_contents(bench, {}), "code": {}})


def escape_script(source: str) -> str:
    """JavaScript for a ``<script>`` element: the two sequences that HTML would interpret are escaped."""
    return re.sub(r"<(?=/script|!--)", r"\\x3c", source, flags=re.IGNORECASE)


def readable_size(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{max(size, 1) / 1e3:.0f} kB"


def _contents(bench: Any, baked: dict[str, Any]) -> dict[str, Any]:
    widgets = _reachable(bench)
    names = {widget.model_id: f"w{number}" for number, widget in enumerate(widgets)}
    code: dict[str, str] = {}
    entries = {}
    for widget in widgets:
        state = {k: v for k, v in widget.get_state().items() if k not in _HOST_ONLY}
        esm, css = state.pop("_esm", None), state.pop("_css", None)
        if "_offline" in state:
            state["_offline"] = True
        entries[names[widget.model_id]] = {
            "esm": _stored(code, esm),
            "css": _stored(code, css),
            "state": _renamed(state, names),
        }
    return {
        "format": FORMAT,
        "root": names[bench.model_id],
        "widgets": entries,
        "code": code,
        "baked": baked,
        "provenance": [trace.provenance.to_json() for trace in bench.traces],
        "title": bench.title,
    }


def _reachable(root: Any) -> list[Any]:
    """The root, and every widget that a state refers to, breadth first."""
    found, waiting = [root], [root]
    while waiting:
        for model_id in _references(waiting.pop(0).get_state()):
            widget = _live_widgets.get(model_id)
            if widget is not None and widget not in found and "_esm" in widget.keys:
                found.append(widget)
                waiting.append(widget)
    return found


def _references(node: Any) -> list[str]:
    if isinstance(node, str):
        match = _REFERENCE.match(node)
        return [match[1]] if match else []
    if isinstance(node, dict):
        return [model_id for value in node.values() for model_id in _references(value)]
    if isinstance(node, (list, tuple)):
        return [model_id for value in node for model_id in _references(value)]
    return []


def _renamed(node: Any, names: dict[str, str]) -> Any:
    if isinstance(node, str):
        match = _REFERENCE.match(node)
        return f"anywidget:{names[match[1]]}" if match and match[1] in names else node
    if isinstance(node, dict):
        return {key: _renamed(value, names) for key, value in node.items()}
    if isinstance(node, (list, tuple)):
        return [_renamed(value, names) for value in node]
    return node


def _stored(code: dict[str, str], text: str | None) -> str | None:
    if not text:
        return None
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    code[digest] = text
    return digest


def _without_chunks(node: Any, chunks: list[bytes]) -> Any:
    """Move the chunks of a tree to the list. The tree keeps their numbers."""
    if isinstance(node, dict):
        if CHUNK in node:
            chunks.append(node[CHUNK])
            return {CHUNK: len(chunks) - 1}
        return {key: _without_chunks(value, chunks) for key, value in node.items()}
    return node


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
