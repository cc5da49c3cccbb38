"""Pass all layers of one text through the unembedding, some positions and one slice of the vocabulary at a time."""

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
    """Statistics of every layer at some positions. The last layer has the model's own logits.

    Args:
        ids: [layer, token, rank], the top tokens.
        log_probs: [layer, token, rank], their log-probabilities.
        kept: [layer, token, kept], log-probabilities of the last layer's top tokens, then of the other kept ids.
        entropy: [layer, token], nats.
        kl: [layer, token], nats, KL(last layer || this layer).
        lse: [layer, token], log of the sum of exp(logit); NaN or infinite where the logits are no distribution.
    """

    ids: torch.Tensor
    log_probs: torch.Tensor
    kept: torch.Tensor
    entropy: torch.Tensor
    kl: torch.Tensor
    lse: torch.Tensor


class Sweep:
    """Reads the layers of one text.

    Args:
        lm: the model.
        normed: for every layer, the input of its unembedding: [1, token, feature].
        logits: [token, vocabulary], the model's own.
        top: number of top tokens to keep.
        kept_ids: [token, any], ids whose probabilities are also kept.

    Attributes:
        last_row: the comparison of the last layer with the model's logits.
        rows: maximum positions to read at once.
    """

    def __init__(
        self, lm: LanguageModel, normed: list[torch.Tensor], logits: torch.Tensor, top: int, kept_ids: torch.Tensor
    ) -> None:
        self._lm, self._normed, self._logits, self._top, self._kept_ids = lm, normed, logits, top, kept_ids
        self._unembedding = Unembedding(lm, logits.shape[-1])
        self.last_row = LastRow(logits)
        self.rows = self._unembedding.rows

    def read(self, part: slice, rows: int) -> Swept:
        """Read every layer at these positions.

        Args:
            part: the positions.
            rows: maximum rows per call of the unembedding.
        """
        last = len(self._normed) - 1
        final = self._final(part)
        kept_ids = torch.cat([final.leading_ids[0], self._kept_ids[part]], -1)
        # With few positions, several layers go through at once.
        deep = max(1, rows // len(kept_ids)) if self._unembedding.deep else 1
        groups = [range(first, min(first + deep, last)) for first in range(0, last, deep)]
        found = [Statistics((len(group), len(kept_ids)), self._top, kept_ids) for group in groups]
        for tokens in self._unembedding.slices:
            self.last_row.add(self._read([last], part, tokens)[0], part.start, tokens)
            pieces = [tokens] if self._unembedding.deep else even_slices(tokens.start, tokens.stop)
            probs = [final.log_probs(self._logits[None, part, piece].float())[0].exp_() for piece in pieces]
            for group, statistics in zip(groups, found, strict=True):
                logits = self._read(group, part, tokens)
                for piece, other in zip(pieces, probs, strict=True):
                    values = logits[..., piece.start - tokens.start : piece.stop - tokens.start]
                    # `add` overwrites them. Copy a module's output, because a hook may keep it.
                    statistics.add(values.to(torch.float32, copy=not self._unembedding.deep), piece.start, other)
                del logits, values  # free them before the next group allocates as much
                self._breathe(part, tokens, group)
        size = self._logits.shape[-1]
        own = self._logits[None, part].gather(-1, kept_ids[None].clamp_max(size - 1)).float()
        # A token of the prompt may have no logit: no layer predicts it.
        own = final.log_probs(own.masked_fill_(kept_ids[None] >= size, LOWEST))
        rows_of_all = (*found, final)
        return Swept(
            ids=torch.cat([rows.leading_ids for rows in rows_of_all]),
            log_probs=torch.cat([rows.log_probs(rows.leading) for rows in rows_of_all]),
            kept=torch.cat([*(rows.log_probs(rows.kept) for rows in found), own]),
            entropy=torch.cat([-rows.inner for rows in rows_of_all]),
            kl=torch.cat([*(final.inner - rows.cross for rows in found), torch.zeros_like(final.inner)]),
            lse=torch.cat([rows.lse for rows in rows_of_all]),
        )

    def _final(self, part: slice) -> Statistics:
        """Statistics of the model's own logits at these positions."""
        logits = self._logits[None, part]
        no_ids = torch.empty(logits.shape[1], 0, dtype=torch.long, device=logits.device)
        statistics = Statistics((1, logits.shape[1]), self._top, no_ids)
        for piece in even_slices(0, logits.shape[-1]):
            statistics.add(logits[..., piece].to(torch.float32, copy=True), piece.start)
        return statistics

    def _read(self, layers: Sequence[int], part: slice, tokens: slice) -> torch.Tensor:
        """Logits [layer, token, slice]."""
        normed = [self._normed[layer][:, part] for layer in layers]
        read = self._unembedding(normed[0] if len(normed) == 1 else torch.cat(normed), tokens)
        # A model spread over devices may give logits on one device while its unembedding is on another.
        return read.to(self._logits.device)

    def _breathe(self, part: slice, tokens: slice, group: range) -> None:
        length, layers, size = len(self._logits), len(self._normed), self._logits.shape[-1]
        rows = part.stop - part.start
        share = (tokens.start + (tokens.stop - tokens.start) * group.stop / (layers - 1)) / size
        self._lm.breathe(round((part.start + rows * share) * layers), length * layers, "reading layers")
