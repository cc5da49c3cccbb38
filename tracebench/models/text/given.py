"""What people give for a model, its tokenizer and a text: taken, or refused in a sentence that says what to give."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from torch import nn

from tracebench.models.eager import insist_on_eager
from tracebench.record.arrays import whole


def insist_on_model(model: Any) -> None:
    """A ``TypeError`` for what is no causal model whose parts are called one by one."""
    if not isinstance(model, nn.Module) or not hasattr(model, "generate"):
        raise TypeError(f"expected a transformers causal model, got a {type(model).__name__}; {_instead_of(model)}")
    insist_on_eager(model)


def insist_on_tokenizer(tokenizer: Any) -> None:
    """A ``TypeError`` for what is neither a tokenizer nor None."""
    if tokenizer is not None and not hasattr(tokenizer, "convert_ids_to_tokens"):
        raise TypeError(
            f"expected a transformers tokenizer or None, got {_said(tokenizer)}; AutoTokenizer.from_pretrained(name) "
            "loads one by name, and None shows token ids"
        )


def token_ids(
    given: str | Sequence[int] | Mapping[str, Any], encode: Callable[[str], list[int]], size: int, name: str
) -> list[int]:
    """The ids of a text, or those that were given.

    Args:
        given: text, token ids, or all that a tokenizer gave for one text.
        encode: the tokenizer.
        size: of the vocabulary.
        name: of the model.
    """
    if isinstance(given, str):
        if not given:
            raise ValueError("the prompt is empty: give a text, or the token ids to start from (e.g. BOS alone)")
        ids = encode(given)
    else:
        ids = _listed(given)
    if not ids:
        raise ValueError("the prompt has no tokens: give a text, or at least one token id")
    insist_on_ids(ids, size, name)
    return ids


def insist_on_ids(ids: Sequence[int], size: int, name: str) -> None:
    """A ``ValueError`` for ids that a vocabulary of this size has not."""
    wrong = [i for i in ids if not 0 <= i < size]
    if wrong:
        raise ValueError(f"token id {wrong[0]} is not in the vocabulary of {name} (0 to {size - 1})")


def listed_ids(given: Any) -> list[int]:
    """Token ids of a setting: None, one id, or several in a list, a tensor or an array; None among them is no id."""
    given = given.tolist() if hasattr(given, "tolist") else given
    listed = given if isinstance(given, (list, tuple, set, frozenset)) else [given]
    return [found for found in map(whole, listed) if found is not None]


def insist_on_logit(token_id: int, size: int, name: str) -> None:
    """A ``ValueError`` for a token that can be read and never said: a head may have fewer rows than the embedding."""
    if token_id >= size:
        raise ValueError(
            f"token id {token_id} has an embedding in {name} and no logit (those are 0 to {size - 1}): it can stand in a prompt, "
            "and cannot be said or explained; give another token"
        )


def _listed(given: Any) -> list[int]:
    """Token ids that were given as a list, an array, a tensor, a batch of one, or all that a tokenizer gave."""
    if isinstance(given, Mapping) and "input_ids" in given:
        return _unmasked(given)
    return _row(given, "token ids are")


def _unmasked(given: Mapping[Any, Any]) -> list[int]:
    """The ids of what a tokenizer gave, without those that its attention mask leaves out: padding."""
    ids, mask = _row(given["input_ids"], "token ids are"), given.get("attention_mask")
    if mask is None:
        return ids
    kept = _row(mask, "an attention mask is")
    if len(kept) != len(ids) or not set(kept) <= {0, 1}:
        raise ValueError(
            f"an attention mask has a 0 or a 1 for each of the {len(ids)} token ids, got {len(kept)} numbers from {min(kept, default=0)} "
            f"to {max(kept, default=0)}"
        )
    return [token_id for token_id, keep in zip(ids, kept, strict=True) if keep]


def _row(given: Any, what: str) -> list[int]:
    """One list of whole numbers."""
    listed = given.tolist() if hasattr(given, "tolist") else given
    if isinstance(listed, (str, bytes, bytearray, Mapping, set, frozenset)) or not isinstance(listed, Iterable):
        raise TypeError(
            f"expected a text or a list of token ids, got {_said(given)}; bytes are text after .decode(), and what a "
            'tokenizer gives has its ids in ["input_ids"]'
        )
    listed = list(listed)
    if len(listed) == 1 and isinstance(listed[0], list):
        listed = listed[0]
    ids = [found for found in map(whole, listed) if found is not None]
    if len(ids) < len(listed):
        wrong = next(i for i in listed if whole(i) is None)
        if isinstance(wrong, Mapping):
            raise ValueError("a prompt is text or token ids, got messages: lm.chat(messages) answers a conversation")
        raise ValueError(
            f"{what} one list of whole numbers, got {wrong!r} in it; a batch of texts is read one at a time"
        )
    return ids


def _instead_of(model: Any) -> str:
    """What to do with something that is no causal model."""
    if hasattr(getattr(model, "module", None), "generate"):
        return "give its .module"
    if isinstance(model, nn.Module) and hasattr(model, "config"):
        return (
            "it has no scores for a next token (a body without its head, an encoder, or a head for another task): load the "
            "causal model of these weights, with AutoModelForCausalLM.from_pretrained(name) or tb.load(name)"
        )
    return "tb.load(name) loads one by name"


def _said(given: Any) -> str:
    return repr(given) if isinstance(given, str) else f"a {type(given).__name__}"
