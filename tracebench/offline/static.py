"""Static HTML without scripts: the sentences of a bench, the text tinted by probability, and the checks.

It is in the cell's output for readers without a kernel (a reopened notebook, nbviewer, nbconvert), and at the top of a saved
page. It has inline styles only, because hosts strip style sheets from untrusted output.
"""

from __future__ import annotations

import html
from collections.abc import Sequence

import numpy as np

from tracebench.record.counts import counted
from tracebench.record.trace import Trace

#: Style of a saved page until the bench has loaded, and without scripts.
STATIC_CSS = (
    ":root{color-scheme:light dark}"
    "body{margin:0;font:14px/1.5 system-ui,sans-serif}"
    "main{max-width:1480px;margin:14px auto;padding:0 16px}"
)

#: A reopened notebook shows "Error displaying widget: model not found" instead of the widget. This hides the message, which
#: is an element of the widget class without children.
_HIDE_LOST_WIDGET = ".jp-OutputArea:has(.tracebench-static) .jupyter-widgets:not(:has(*)){display:none}"

_TEAL = "0,109,119"


def static_html(body: str) -> str:
    """The static HTML for a cell's output. The live bench hides it by its class."""
    return (
        f'<style>{_HIDE_LOST_WIDGET}</style><div class="tracebench-static">{body}'
        '<p style="opacity:.75">This is the static part of a bench. Run the cell again for the linked views.</p></div>'
    )


def static_body(trace: Trace | None, step: int, sentences: Sequence[str], checks: str) -> str:
    """HTML with the sentences, the text and the checks.

    Args:
        trace: the selected trace; None if the bench has none.
        step: the step of the sentences. Its token is framed.
        sentences: the sentences about this step, the first one bold; empty for a trace without steps.
        checks: the checks in one sentence.
    """
    if trace is None:
        return f'<p><strong>Results about no text.</strong></p><p style="opacity:.75">{html.escape(checks)}.</p>'
    lead, *more = map(_ended, sentences or [f"A text of {counted(len(trace.tokens), 'token')}, nothing generated."])
    about = f"{trace.provenance.model} · {trace.provenance.dtype} · {checks}"
    return (
        f"<p><strong>{lead}</strong></p>"
        + "".join(f"<p>{sentence}</p>" for sentence in more)
        + f'<p style="font-family:ui-monospace,monospace;line-height:1.9;overflow-wrap:anywhere">{_tinted(trace, step)}</p>'
        f'<p style="opacity:.75">{html.escape(about)}. '
        "Tokens after the prompt are tinted by their probability.</p>"
    )


def _ended(text: str) -> str:
    sentence = html.escape(text)
    return sentence if sentence.endswith(".") else sentence + "."


def _tinted(trace: Trace, step: int) -> str:
    probs = np.asarray(trace.candidates.chosen_probs.values)
    out = []
    for at, shown in enumerate(trace.tokens.display):
        if at < trace.prompt_length:
            out.append(f'<span style="opacity:.75">{html.escape(shown)}</span>')
        else:
            p = float(probs[at - trace.prompt_length])
            style = f"background:rgba({_TEAL},{0.05 + 0.35 * p:.2f});border-radius:3px;padding:1px 2px"
            if at == trace.prompt_length + step:
                style += f";outline:1.5px solid rgba({_TEAL},.8)"
            out.append(
                f'<span style="{style}" title="step {at - trace.prompt_length}: p = {p:.3f}">{html.escape(shown)}</span>'
            )
    return "<wbr>".join(out)
