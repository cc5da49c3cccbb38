"""Baselines of an attribution: the text's embeddings replaced by uninformative ones, except those of kept tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

import torch

from tracebench.models.text.given import insist_on_ids
from tracebench.models.watch.embeddings import embed, mean_embedding
from tracebench.requests.request import Unanswerable

if TYPE_CHECKING:
    from tracebench.models.language_model import LanguageModel
    from tracebench.record.trace import Trace

Baseline = Literal["eos", "pad", "zero", "mean"]


class NothingToExplain(Unanswerable):
    """The baseline is the text itself, so all scores would be 0."""


def check_baseline(name: str) -> None:
    """Raise a ``ValueError`` for an unknown baseline."""
    if name not in get_args(Baseline):
        raise ValueError(f"baseline is one of {', '.join(get_args(Baseline))}, got {name!r}")


def baseline_words(lm: LanguageModel, name: Baseline, *, keep_first: bool, keep_special: bool) -> str:
    """The baseline in words, e.g. "each token replaced by <eos>, except the first and special tokens".

    Raises:
        ValueError: the tokenizer has no such token.
    """
    if name == "zero":
        words = "each embedding replaced by zeros"
    elif name == "mean":
        words = "each token replaced by the mean embedding of the vocabulary"
    else:
        token_id = _token_id(lm, name)
        words = f"each token replaced by {lm.vocabulary([token_id]).display(token_id)}"
    if keep_first and keep_special:
        return f"{words}, except the first and special tokens"
    if keep_first:
        return f"{words}, except the first"
    return f"{words}, except special tokens" if keep_special else words


def baseline_embeddings(
    lm: LanguageModel, trace: Trace, own: torch.Tensor, name: Baseline, *, keep_first: bool, keep_special: bool
) -> torch.Tensor:
    """The embeddings of the baseline of a text.

    Args:
        lm: the model.
        trace: the trace; its first ``len(own)`` tokens are the text.
        own: [token, feature], the text's own embeddings.
        name: the replacement: the end-of-sequence or padding token, zeros, or the vocabulary's mean embedding.
        keep_first: keep the embedding of the first token.
        keep_special: keep the embeddings of special tokens (BOS, the marks of a chat template).

    Returns:
        [token, feature]

    Raises:
        ValueError: the tokenizer has no such token.
        NothingToExplain: the baseline is the text itself.
    """
    base = _replacement(lm, name, own).to(own).expand_as(own).clone()
    kept = [at for at in range(len(own)) if (keep_first and at == 0) or (keep_special and trace.tokens[at].special)]
    base[kept] = own[kept]
    if len(kept) == len(own):
        reason = (
            "only the first token comes before it, and keeps its own embedding in the baseline"
            if len(own) == 1
            else "only the first token and special tokens come before it, and keep their own embeddings in the baseline"
        )
        raise NothingToExplain(
            f"at this step there is nothing to explain: {reason}. Choose a later step, or use keep_first=False and "
            "keep_special=False"
        )
    if torch.equal(base, own):
        words = baseline_words(lm, name, keep_first=keep_first, keep_special=keep_special)
        alternative = ", or keep_first=False and keep_special=False" if kept else ""
        raise NothingToExplain(
            f"the baseline ({words}) is the text itself, so there is nothing to explain: choose another baseline{alternative}"
        )
    return base


def _replacement(lm: LanguageModel, name: Baseline, own: torch.Tensor) -> torch.Tensor:
    """[feature], the embedding that replaces each token's own."""
    if name == "zero":
        return torch.zeros_like(own[0])
    return mean_embedding(lm) if name == "mean" else embed(lm, [_token_id(lm, name)])[0]


def _token_id(lm: LanguageModel, name: Baseline) -> int:
    token_id = getattr(lm.tokenizer, f"{name}_token_id", None)
    if token_id is None:
        others = "'eos', 'zero' or 'mean'" if name == "pad" else "'zero' or 'mean'"
        raise ValueError(f"the tokenizer of {lm.name} has no {name} token: choose baseline={others}")
    insist_on_ids([int(token_id)], lm.vocabulary_size, lm.name)
    return int(token_id)
