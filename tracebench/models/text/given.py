"""What people give for a model, its tokenizer and a text: taken, or refused in a sentence that says what to give."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from torch import nn

from tracebench.record.arrays import whole


def insist_on_model(model: Any) -> None:
    """A ``TypeError`` for what is no causal model whose parts are called one by one."""
    if not isinstance(model, nn.Module) or not hasattr(model, "generate"):
        raise TypeError(f"expected a transformers causal model, got a {type(model).__name__}; {_instead_of(model)}")
    if _is_compiled(model):
        raise TypeError(
            f"expected a transformers causal model as it is in eager mode, got a compiled {type(model).__name__}, whose "
            "parts are not called one by one; give the model that was compiled (it is ._orig_mod, and shares its weights)"
        )


def insist_on_tokenizer(tokenizer: Any) -> None:
    """A ``TypeError`` for what is neither a tokenizer nor None."""
    if tokenizer is not None and not hasattr(tokenizer, "convert_ids_to_tokens"):
        raise TypeError(
            f"expected a transformers tokenizer or None, got {_said(tokenizer)}; AutoTokenizer.from_pretrained(name) "
            "loads one by name, and None shows token ids"
        )


def token_ids(given: str | Sequence[int], encode: Callable[[str], list[int]], size: int, name: str) -> list[int]:
    """The ids of a text, or those that were given.

    Args:
        given: text or token ids.
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


def _listed(given: Any) -> list[int]:
    """Token ids that were given as a list, an array, a tensor, or a batch of one, which a tokenizer makes."""
    listed = given.tolist() if hasattr(given, "tolist") else given
    if isinstance(listed, (bytes, bytearray, Mapping, set, frozenset)) or not isinstance(listed, Iterable):
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
            f"token ids are one list of whole numbers, got {wrong!r} in it; a batch of texts is read one at a time"
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


def _is_compiled(model: nn.Module) -> bool:
    return any(hasattr(m, "_orig_mod") or m._compiled_call_impl is not None for m in model.modules())


def _said(given: Any) -> str:
    return repr(given) if isinstance(given, str) else f"a {type(given).__name__}"
