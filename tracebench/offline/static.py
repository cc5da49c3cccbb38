"""What is true without any script: its summary in sentences, the text tinted by probability, the checks.

It stands in a cell's output for readers without a kernel (a reopened notebook, nbviewer, nbconvert) and at the top of a
saved page. Inline styles only: hosts strip style sheets from untrusted output.
"""

from __future__ import annotations

import html
from collections.abc import Sequence

import numpy as np

from tracebench.record.trace import Trace

#: For the saved page, until the bench is up (and where scripts are off).
STATIC_CSS = (
    ":root{color-scheme:light dark}"
    "body{margin:0;font:14px/1.5 system-ui,sans-serif}"
    "main{max-width:1480px;margin:14px auto;padding:0 16px}"
)

#: JupyterLab writes "Error displaying widget: model not found" where a reopened notebook had a widget. Beside the
#: static part that is noise: an element of the widget class without any child is that message.
_HIDE_LOST_WIDGET = ".jp-OutputArea:has(.tracebench-static) .jupyter-widgets:not(:has(*)){display:none}"

_TEAL = "0,109,119"


def static_html(body: str) -> str:
    """The static part for a cell's output. The live bench hides it by its class."""
    return (
        f'<style>{_HIDE_LOST_WIDGET}</style><div class="tracebench-static">{body}'
        '<p style="opacity:.75">This is what stays without a kernel. Run the cell again for the linked views.</p></div>'
    )


def static_body(trace: Trace | None, step: int, sentences: Sequence[str], proved: str) -> str:
    """The sentences, the text, the checks.

    Args:
        trace: what it is about; None where the bench has none.
        step: what the sentences are about; its token is framed.
        sentences: the one that leads first; a trace without steps has none.
        proved: what the checks say.
    """
    if trace is None:
        return f'<p><strong>Results about no text.</strong></p><p style="opacity:.75">{html.escape(proved)}.</p>'
    lead, *more = map(_ended, sentences or [f"A text of {len(trace.tokens)} tokens, nothing generated."])
    about = f"{trace.provenance.model} · {trace.provenance.dtype} · {proved}"
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
