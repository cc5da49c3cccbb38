"""Small records made by hand, for tests that need no model (and must run without torch)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tracebench.record.arrays import LabeledArray
from tracebench.record.checks import Check
from tracebench.record.provenance import Provenance
from tracebench.record.target import Target
from tracebench.record.tokens import Tokens, Vocabulary
from tracebench.record.trace import Candidates, Trace
from tracebench.results.attention import Attention
from tracebench.results.lens_table import LensTable
from tracebench.results.rollout import Rollout
from tracebench.results.token_scores import TokenScores

#: id -> bytes. 4 and 5 are the two halves of one emoji; 6 is special; 8 would close a script; 9 is right-to-left.
VOCABULARY = {
    0: b"The",
    1: b" city",
    2: b" of",
    3: b" Paris",
    4: b"\xf0\x9f",
    5: b"\x97\xbc",
    6: b"<|im_end|>",
    7: b"\n",
    8: b"</script>",
    9: "שלום".encode(),
    10: b" Rome",
    11: b"\x00",
}
SPECIAL = frozenset({6})


def tokens(*ids: int) -> Tokens:
    return Tokens(ids, tuple(VOCABULARY[i] for i in ids), tuple(i in SPECIAL for i in ids))


def trace(*ids: int, prompt_length: int = 3, ranks: int = 4, seed: int = 0) -> Trace:
    """A trace over a 12-token vocabulary. Its scores are exact, because the logits of all tokens are drawn first."""
    ids = ids or (0, 1, 2, 3, 4, 5, 7, 6)
    steps = len(ids) - prompt_length
    logits = np.random.default_rng(seed).normal(size=(steps, len(VOCABULARY))).astype(np.float32) * 2
    lse = np.log(np.exp(logits.astype(np.float64)).sum(-1))
    logp = logits - lse[:, None]
    order = np.argsort(-logits, axis=-1, kind="stable")[:, :ranks].astype(np.int32)
    taken = np.asarray(ids[prompt_length:], np.int64)
    candidates = Candidates(
        token_ids=LabeledArray.of(order, step=range(steps), rank=range(ranks)),
        logits=LabeledArray.of(np.take_along_axis(logits, order.astype(int), -1), step=range(steps), rank=range(ranks)),
        logsumexp=LabeledArray.of(lse.astype(np.float32), step=range(steps)),
        entropy=LabeledArray.of((-(np.exp(logp) * logp).sum(-1)).astype(np.float32), step=range(steps)),
        realised=LabeledArray.of(logits[np.arange(steps), taken], step=range(steps)),
        vocabulary=Vocabulary(VOCABULARY, SPECIAL),
    )
    provenance = Provenance(
        model="made",
        layers=3,
        heads=2,
        dtype="float32",
        device="cpu",
        settings={"how": "read", "prompt_length": prompt_length},
    )
    checks = (
        Check("replay", "measure", 1e-6, 5e-5, "The replay agrees with what was recorded.", "of the logit range"),
    )
    return Trace(tokens(*ids), prompt_length, candidates, provenance, checks)


def lens(of: Trace, ranks: int = 3, watch: tuple[int, ...] = (10,), seed: int = 1) -> LensTable:
    """A lens over the trace ``of`` with random but consistent numbers: all arrays come from one table of logits."""
    layers, length = range(-1, of.provenance.layers), len(of.tokens)
    logits = np.random.default_rng(seed).normal(size=(len(layers), length, len(VOCABULARY))) * 2
    logp = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    order = np.argsort(-logp, axis=-1, kind="stable")[..., :ranks]
    final = np.broadcast_to(order[-1:], order.shape)
    following = np.asarray([*of.tokens.ids[1:], 0])
    realised = np.exp(
        np.take_along_axis(logp, np.broadcast_to(following[None, :, None], (len(layers), length, 1)), -1)[..., 0]
    )
    realised[:, -1] = np.nan
    axes = {"layer": layers, "token": range(length)}
    kl = (np.exp(logp[-1:]) * (logp[-1:] - logp)).sum(-1)
    return LensTable(
        token_ids=LabeledArray.of(order.astype(np.int32), **axes, rank=range(ranks)),
        probs=LabeledArray.of(
            np.exp(np.take_along_axis(logp, order, -1)).astype(np.float32), **axes, rank=range(ranks)
        ),
        entropy=LabeledArray.of((-(np.exp(logp) * logp).sum(-1)).astype(np.float32), **axes),
        kl=LabeledArray.of(kl.astype(np.float32), **axes),
        final_probs=LabeledArray.of(
            np.exp(np.take_along_axis(logp, final, -1)).astype(np.float32), **axes, rank=range(ranks)
        ),
        realised=LabeledArray.of(realised.astype(np.float32), **axes),
        watched=LabeledArray.of(np.exp(logp[..., list(watch)]).astype(np.float32), **axes, watched=watch)
        if watch
        else None,
        vocabulary=Vocabulary(VOCABULARY, SPECIAL),
        tokens=of.tokens,
        method=f"LogitLens(top={ranks}, watch={watch!r})",
        traces=(of.hash,),
        cost=0.1,
        checks=(Check("last row = the model", "identity", 0.0, 1e-6, "The last block's lens is the model's logits."),),
    )


def scores(
    about: Trace, step: int | None = 0, seed: int = 0, checks: tuple[Check, ...] | None = None, **target: Any
) -> TokenScores:
    """Random scores of one step, or of every step. ``target`` has fields of `Target` (``against=" Rome"``)."""
    steps = about.steps if step is None else (step,)
    values = np.random.default_rng(seed).normal(size=(len(steps), len(about.tokens))).astype(np.float32)
    for row, at in enumerate(steps):
        values[row, about.prompt_length + at :] = np.nan
    axes = {"token": range(len(about.tokens))}
    total = np.nansum(values, -1).astype(np.float32)
    explained = np.asarray([about.token_at(at).id for at in steps], np.int32)
    return TokenScores(
        LabeledArray.of(values, step=steps, **axes) if step is None else LabeledArray.of(values[0], **axes),
        values=LabeledArray.of(total + 1, step=steps),
        baseline_values=LabeledArray.of(np.ones_like(total), step=steps),
        explained=LabeledArray.of(explained, step=steps),
        vocabulary=about.candidates.vocabulary,
        tokens=about.tokens,
        target=Target(step, **target),
        baseline="each token replaced by the eos token",
        method="IntegratedGradients(n_steps=64)",
        traces=(about.hash,),
        checks=(Check("completeness", "measure", 0.01, 0.05, "They add up."),) if checks is None else checks,
    )


def attention(
    of: Trace, layers: Sequence[int] = (0, 1, 2), heads: Sequence[int] = (0, 1), sink: bool = True, seed: int = 0
) -> Attention:
    """Random attention patterns. Each row and its sink add up to 1."""
    length = len(of.tokens)
    shape = (len(layers), len(heads), length, length)
    scores = np.exp(np.random.default_rng(seed).normal(size=shape) * 2) * np.tri(length)
    share = 0.75 if sink else 1.0
    weights = (scores / scores.sum(-1, keepdims=True) * share).astype(np.float32)
    axes = {"layer": layers, "head": heads, "query": range(length)}
    sinks = LabeledArray.of(np.full(shape[:3], 0.25, np.float32), **axes) if sink else None
    check = Check("rows add up", "identity", 1e-7, 1e-5, "A row and its sink sum to one.")
    return Attention(
        LabeledArray.of(weights, **axes, key=range(length)),
        sinks,
        of.tokens,
        via="sdpa",
        method="AttentionPatterns(layers=None, heads=None)",
        traces=(of.hash,),
        checks=(check,),
    )


def rollout(of: Trace, layers: tuple[int, ...] = (0, 1, 2), residual: float = 0.5, seed: int = 3) -> Rollout:
    """The rollout of random patterns: the product of the mixing matrices of the layers so far."""
    length = len(of.tokens)
    scores = np.exp(np.random.default_rng(seed).normal(size=(len(layers), length, length)) * 2) * np.tri(length)
    mixes = residual * np.eye(length) + (1 - residual) * scores / scores.sum(-1, keepdims=True)
    flow = [mixes[0]]
    for mix in mixes[1:]:
        flow.append(mix @ flow[-1])
    back = Check(
        "followed back = followed up", "identity", 1e-8, 1e-5, "The shares are the same from the last layer down."
    )
    return Rollout(
        flow=LabeledArray.of(np.asarray(flow, np.float32), layer=layers, query=range(length), key=range(length)),
        tokens=of.tokens,
        via="sdpa",
        method=f"AttentionRollout(residual={residual}, heads='mean', first={layers[0]}, last=None)",
        traces=(of.hash,),
        checks=(back,),
    )
