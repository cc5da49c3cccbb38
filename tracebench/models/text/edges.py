"""Marks around a prompt that change what the model says, and that are easy to miss: padding, an end mark, two start marks.

A tokenizer adds marks by itself, and a text that a chat template rendered has some already. A check says which were found
and how to leave them out; a prompt without such marks has no check.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

from tracebench.models.text.given import listed_ids
from tracebench.record.checks import Check

if TYPE_CHECKING:
    from tracebench.models.core import ModelCore


def prompt_checks(lm: ModelCore, ids: Sequence[int], text: str | None, *, how: str) -> tuple[Check, ...]:
    """What should be known of a prompt.

    Args:
        lm: the model, with its tokenizer.
        ids: the prompt.
        text: what it was made of; None for token ids and for a conversation.
        how: ``generate``, ``read`` or ``chat``.
    """
    found = (_two_starts(lm, ids, text, how), _closed(lm, ids, text, how), _padded(lm, ids))
    return tuple(check for check in found if check is not None)


def insist_on_no_padding(lm: ModelCore, ids: Sequence[int]) -> None:
    """A ``ValueError`` for token ids with padding around them, where a tokenizer has a token for nothing else."""
    pad = getattr(lm.tokenizer, "pad_token_id", None)
    if pad is None or pad in _others(lm, pad):
        return
    left, right = _around(ids, pad)
    if left or right:
        where = " and ".join([f"{left} at the start"] * bool(left) + [f"{right} at the end"] * bool(right))
        raise ValueError(
            f"the token ids have padding ({lm.vocabulary([pad]).display(pad)}, id {pad}: {where}), which the model would read as text: "
            "drop it, or give all that the tokenizer gave, with its attention mask: lm.generate(tokenizer(text))"
        )


def _two_starts(lm: ModelCore, ids: Sequence[int], text: str | None, how: str) -> Check | None:
    starts = _named(lm.tokenizer, "bos_token_id", "cls_token_id")
    marks, at = [], 0
    # A tokenizer may put a space between its own mark and the text's.
    while at < len(ids) and (ids[at] in starts or (marks and not lm.pieces.piece(ids[at]).strip())):
        marks += [at] if ids[at] in starts else []
        at += 1
    if len(marks) < 2:
        return None
    mark = lm.vocabulary([ids[0]]).display(ids[0])
    out = "token_ids[1:]"
    if text is not None and lm.pieces.encode(text, special=False) == list(ids[1:]):
        out = f"lm.encode(text)[1:]; the tokenizer adds {mark} to a text that begins with one"
    return Check(
        "one start mark",
        "measure",
        float(len(marks) - 1),
        0.0,
        f"The prompt begins with {len(marks)} start marks ({mark}); models are trained with one. Leave the others out: "
        f"lm.{'generate' if how == 'chat' else how}({out}).",
        "more start marks",
    )


def _closed(lm: ModelCore, ids: Sequence[int], text: str | None, how: str) -> Check | None:
    last = ids[-1]
    if len(ids) < 2 or last not in _ends(lm) or last in _named(lm.tokenizer, "bos_token_id"):
        return None
    plain = None if text is None else lm.pieces.encode(text, special=False)
    added = plain is not None and (not plain or plain[-1] != last)
    if how == "read" and not added:
        return None  # a text that ends with the mark it was given
    mark = lm.vocabulary([last]).display(last)
    who = (
        f"The tokenizer closes the text with the end mark {mark}"
        if added
        else f"The prompt ends with the end mark {mark}"
    )
    then = "its last step is that mark" if how == "read" else "the model continues after an end"
    out = "lm.encode(text)[:-1]" if text is not None else "token_ids[:-1]"
    return Check(
        "no end mark closes the prompt" if how != "read" else "no end mark closes the text",
        "measure",
        1.0,
        0.0,
        f"{who} (token id {last}), so {then}. Leave it out: lm.{'generate' if how == 'chat' else how}({out}).",
        "end marks",
    )


def _padded(lm: ModelCore, ids: Sequence[int]) -> Check | None:
    """Where the padding token means something else too, several around a text may be padding."""
    pad = getattr(lm.tokenizer, "pad_token_id", None)
    if pad is None:
        return None
    left, right = _around(ids, pad)
    # Of a start mark several are two starts, and an end mark is one.
    left = 0 if pad in _named(lm.tokenizer, "bos_token_id", "cls_token_id") else left
    if left + right < 2:
        return None
    return Check(
        "no padding around the prompt",
        "measure",
        float(left + right),
        0.0,
        f"The prompt begins with {left} and ends with {right} padding tokens ({lm.vocabulary([pad]).display(pad)}), which the model "
        "reads as text. Drop them, or give all that the tokenizer gave, with its attention mask: lm.generate(tokenizer(text)).",
        "padding tokens",
    )


def _around(ids: Sequence[int], pad: int) -> tuple[int, int]:
    """How many of a token stand at the start and at the end; where there is nothing else, all at the start."""
    left = next((n for n, token_id in enumerate(ids) if token_id != pad), len(ids))
    right = next((n for n, token_id in enumerate(reversed(ids)) if token_id != pad), 0)
    return left, right


def _others(lm: ModelCore, pad: int) -> Collection[int]:
    """What else the padding token is, if anything."""
    names = ("bos_token_id", "eos_token_id", "cls_token_id", "sep_token_id", "unk_token_id", "mask_token_id")
    return {pad} & (_named(lm.tokenizer, *names) | _ends(lm))


def _ends(lm: ModelCore) -> set[int]:
    own = getattr(getattr(lm.model, "generation_config", None), "eos_token_id", None)
    return _named(lm.tokenizer, "eos_token_id", "sep_token_id") | set(listed_ids(own))


def _named(tokenizer: Any, *names: str) -> set[int]:
    return {found for name in names if (found := getattr(tokenizer, name, None)) is not None}
