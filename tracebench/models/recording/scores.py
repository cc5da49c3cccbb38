"""Rows of raw logits as the record keeps them: the top candidates, the normaliser, the entropy, the token taken."""

from __future__ import annotations

import numpy as np
import torch

from tracebench.models.text.tokenizer import Pieces
from tracebench.record.arrays import LabeledArray
from tracebench.record.trace import RANKS, Candidates


class ScoreRows:
    """Collects one row of logits per step and makes `Candidates` of them."""

    def __init__(self) -> None:
        self._ids: list[torch.Tensor] = []
        self._logits: list[torch.Tensor] = []
        self._lse: list[torch.Tensor] = []
        self._entropy: list[torch.Tensor] = []
        self._rows: list[torch.Tensor] = []

    def __len__(self) -> int:
        return len(self._ids)

    def add(self, rows: torch.Tensor) -> None:
        """Take in raw logits [step, vocabulary]. A row that is no distribution is a ``ValueError``."""
        rows = rows.detach().float()
        values, ids = leading(rows, min(RANKS, rows.shape[-1]))
        lse = rows.logsumexp(-1)
        if not bool(torch.isfinite(lse).all()):
            step = len(self) + int((~torch.isfinite(lse)).nonzero()[0])
            raise ValueError(
                f"the model gives NaN or infinite logits at step {step}: nothing after it means anything. Check its "
                "weights and its dtype (float16 overflows in many models; bfloat16 and float32 do not)"
            )
        logp = rows - lse[:, None]
        # 0 * -inf is 0 here: a token that cannot be said adds nothing to the entropy.
        entropy = -(logp.exp() * logp.nan_to_num(neginf=0.0)).sum(-1)
        for kept, row in (
            (self._ids, ids),
            (self._logits, values),
            (self._lse, lse),
            (self._entropy, entropy),
        ):
            kept.extend(row.cpu())

    def realise(self, rows: torch.Tensor, taken: torch.Tensor) -> None:
        """The raw logit of the tokens that were taken: logits [step, vocabulary], ids [step]."""
        self._rows.extend(rows.detach().float().gather(-1, taken[:, None].to(rows.device))[:, 0].cpu())

    def candidates(self, pieces: Pieces, steps: int) -> Candidates:
        """The first ``steps`` rows as a record."""
        ranks = len(self._ids[0]) if self._ids else 0

        def stacked(rows: list[torch.Tensor], dtype: type, *tail: int) -> np.ndarray:
            return torch.stack(rows[:steps]).numpy().astype(dtype) if steps else np.zeros((0, *tail), dtype)

        ids = stacked(self._ids, np.int32, ranks)
        by_step, by_rank = {"step": range(steps)}, {"step": range(steps), "rank": range(ranks)}
        return Candidates(
            token_ids=LabeledArray.of(ids, **by_rank),
            logits=LabeledArray.of(stacked(self._logits, np.float32, ranks), **by_rank),
            logsumexp=LabeledArray.of(stacked(self._lse, np.float32), **by_step),
            entropy=LabeledArray.of(stacked(self._entropy, np.float32), **by_step),
            realised=LabeledArray.of(stacked(self._rows, np.float32), **by_step),
            vocabulary=pieces.vocabulary(ids.reshape(-1).tolist()),
        )


def leading(rows: torch.Tensor, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The ``count`` largest of each row, as values and indices; of equals the lower index comes first.

    That is greedy decoding's choice, and equals are common: bfloat16 has few values, a softcap saturates.
    """
    ids = rows.topk(count, dim=-1).indices.sort(dim=-1).values
    # With more equals than places topk keeps any of them: the greedy choice must be there.
    first = rows.argmax(-1, keepdim=True)
    held = (ids == first).any(-1, keepdim=True)
    ids = torch.cat([torch.where(held, ids[..., :1], first), ids[..., 1:]], -1)
    values, order = rows.gather(-1, ids).sort(dim=-1, descending=True, stable=True)
    return values, ids.gather(-1, order)
