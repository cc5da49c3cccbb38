"""All layers of one text through the unembedding: some positions at a time, slice of the vocabulary by slice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from tracebench.analyses.lens.last_row import LastRow
from tracebench.analyses.lens.statistics import LOWEST, Statistics
from tracebench.models.language_model import LanguageModel
from tracebench.models.watch.unembedding import Unembedding, even_slices


@dataclass(frozen=True)
class Swept:
    """Some positions of every layer, the last one being the model's own logits.

    Args:
        ids: [layer, token, rank] of the leading tokens.
        log_probs: theirs.
        asked: [layer, token, asked] log-probabilities of the last layer's leading tokens, then of those that were asked for.
        entropy: [layer, token], nats.
        kl: [layer, token], nats, KL(last layer || this one).
        lse: [layer, token], NaN or infinite where the logits are no distribution.
    """

    ids: torch.Tensor
    log_probs: torch.Tensor
    asked: torch.Tensor
    entropy: torch.Tensor
    kl: torch.Tensor
    lse: torch.Tensor


class Sweep:
    """Reads the layers of one text.

    Args:
        lm: the model.
        normed: for every layer what its unembedding is fed with: [1, token, feature].
        logits: [token, vocabulary], the model's own.
        top: leading tokens that are kept.
        asked: [token, any] ids whose probabilities are kept too.

    Attributes:
        last_row: what is compared meanwhile.
        rows: positions that should be read at once, at the most.
    """

    def __init__(
        self, lm: LanguageModel, normed: list[torch.Tensor], logits: torch.Tensor, top: int, asked: torch.Tensor
    ) -> None:
        self._lm, self._normed, self._logits, self._top, self._asked = lm, normed, logits, top, asked
        self._unembedding = Unembedding(lm, logits.shape[-1])
        self.last_row = LastRow(logits)
        self.rows = self._unembedding.rows

    def read(self, part: slice, rows: int) -> Swept:
        """Every layer at these positions, so many rows at a time."""
        last = len(self._normed) - 1
        final = self._final(part)
        asked = torch.cat([final.leading_ids[0], self._asked[part]], -1)
        # Of a short text several layers go through at once.
        deep = max(1, rows // len(asked)) if self._unembedding.deep else 1
        blocks = [range(first, min(first + deep, last)) for first in range(0, last, deep)]
        found = [Statistics((len(block), len(asked)), self._top, asked) for block in blocks]
        for tokens in self._unembedding.slices:
            self.last_row.add(self._read([last], part, tokens)[0], part.start, tokens)
            pieces = [tokens] if self._unembedding.deep else even_slices(tokens.start, tokens.stop)
            probs = [final.log_probs(self._logits[None, part, piece].float())[0].exp_() for piece in pieces]
            for block, statistics in zip(blocks, found, strict=True):
                logits = self._read(block, part, tokens)
                for piece, other in zip(pieces, probs, strict=True):
                    mine = logits[..., piece.start - tokens.start : piece.stop - tokens.start]
                    # It is written to: what a module gave is copied, because a hook may keep it.
                    statistics.add(mine.to(torch.float32, copy=not self._unembedding.deep), piece.start, other)
                del logits, mine  # before the next block's take as much again
                self._breathe(part, tokens, block)
        size = self._logits.shape[-1]
        own = self._logits[None, part].gather(-1, asked[None].clamp_max(size - 1)).float()
        # A token of the prompt may have no logit: no layer says it.
        own = final.log_probs(own.masked_fill_(asked[None] >= size, LOWEST))
        return Swept(
            ids=torch.cat([each.leading_ids for each in (*found, final)]),
            log_probs=torch.cat([each.log_probs(each.leading) for each in (*found, final)]),
            asked=torch.cat([*(each.log_probs(each.asked) for each in found), own]),
            entropy=torch.cat([-each.inner for each in (*found, final)]),
            kl=torch.cat([*(final.inner - each.cross for each in found), torch.zeros_like(final.inner)]),
            lse=torch.cat([each.lse for each in (*found, final)]),
        )

    def _final(self, part: slice) -> Statistics:
        """Of the model's own logits at these positions."""
        logits = self._logits[None, part]
        nothing = torch.empty(logits.shape[1], 0, dtype=torch.long, device=logits.device)
        statistics = Statistics((1, logits.shape[1]), self._top, nothing)
        for piece in even_slices(0, logits.shape[-1]):
            statistics.add(logits[..., piece].to(torch.float32, copy=True), piece.start)
        return statistics

    def _read(self, layers: Sequence[int], part: slice, tokens: slice) -> torch.Tensor:
        """Logits [layer, token, slice]."""
        normed = [self._normed[layer][:, part] for layer in layers]
        read = self._unembedding(normed[0] if len(normed) == 1 else torch.cat(normed), tokens)
        # A model spread over devices gives its logits where the text went in, its unembedding where that is.
        return read.to(self._logits.device)

    def _breathe(self, part: slice, tokens: slice, block: range) -> None:
        length, layers, size = len(self._logits), len(self._normed), self._logits.shape[-1]
        rows = part.stop - part.start
        share = (tokens.start + (tokens.stop - tokens.start) * block.stop / (layers - 1)) / size
        self._lm.breathe(round((part.start + rows * share) * layers), length * layers, "reading layers")
