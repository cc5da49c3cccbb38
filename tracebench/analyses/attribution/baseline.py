"""What a text is compared with: the same number of tokens that say nothing."""

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
    """A text that is its own baseline, in one sentence."""


def check_baseline(name: str) -> None:
    """A ``ValueError`` in a sentence for a name that is none."""
    if name not in get_args(Baseline):
        raise ValueError(f"baseline is one of {', '.join(get_args(Baseline))}, got {name!r}")


def baseline_words(lm: LanguageModel, name: Baseline, *, keep_first: bool, keep_special: bool) -> str:
    """The baseline in words. A ``ValueError`` where the tokenizer has no such token."""
    if name == "zero":
        words = "zeros in place of every embedding"
    elif name == "mean":
        words = "the mean embedding of the vocabulary in place of every token"
    else:
        token_id = _token_id(lm, name)
        words = f"the {name} token {lm.vocabulary([token_id]).display(token_id)} in place of every token"
    kept = ["the first token"] * keep_first + ["special tokens"] * keep_special
    if not kept:
        return words
    return f"{words}; {' and '.join(kept)} {'keeps its' if kept == ['the first token'] else 'keep their'} own"


def baseline_embeddings(
    lm: LanguageModel, trace: Trace, own: torch.Tensor, name: Baseline, *, keep_first: bool, keep_special: bool
) -> torch.Tensor:
    """The baseline of a text.

    Args:
        lm: whose embeddings are used.
        trace: the text, of which the first ``len(own)`` tokens are explained.
        own: [token, feature], the text's own embeddings.
        name: the embedding of the end-of-sequence or padding token, of nothing (zeros), or the vocabulary's mean.
        keep_first: the first token keeps its own.
        keep_special: special tokens (BOS, the marks of a chat template) keep their own.

    Returns:
        [token, feature]

    Raises:
        ValueError: the tokenizer has no such token.
        NothingToExplain: the baseline is the text itself.
    """
    base = _one(lm, name, own).to(own).expand_as(own).clone()
    kept = [at for at in range(len(own)) if (keep_first and at == 0) or (keep_special and trace.tokens[at].special)]
    base[kept] = own[kept]
    if len(kept) == len(own):
        alone = (
            "the only token before it is the first, which keeps its own embedding in the baseline"
            if len(own) == 1
            else f"the {len(own)} tokens before it are special ones or the first, which keep their own embeddings in the baseline"
        )
        raise NothingToExplain(
            f"at this step there is nothing to explain: {alone}. Go on to a later step, or ask with keep_first=False and "
            "keep_special=False"
        )
    if torch.equal(base, own):
        words = baseline_words(lm, name, keep_first=keep_first, keep_special=keep_special)
        instead = ", or keep_first=False and keep_special=False" if kept else ""
        raise NothingToExplain(
            f"the baseline ({words}) is the text itself, so there is nothing to explain: choose another baseline{instead}"
        )
    return base


def _one(lm: LanguageModel, name: Baseline, own: torch.Tensor) -> torch.Tensor:
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
