"""A tiny model, texts that are hard to show, and what every analysis finds on them."""

from __future__ import annotations

import copy
import types
import typing
from collections.abc import Iterator
from dataclasses import MISSING, Field, fields
from functools import cache
from typing import Any

import tracebench as tb
from tests import tiny
from tests.contracts import rows
from tracebench.record.files import Record
from tracebench.record.trace import Trace
from tracebench.requests.request import Unanswerable

#: Tokens that a page, a picture or a table could misread.
HARD = ("<b>", "<img>", "</script>", "<!--", "&amp;", "🗼", "שלום", '"', "=1+1")


@cache
def lm() -> tb.LanguageModel:
    """A random model that has the hard tokens."""
    tokenizer = copy.deepcopy(tiny.tokenizer())
    tokenizer.add_tokens(list(HARD))
    return tb.LanguageModel(tiny.model(vocab_size=len(tokenizer)), tokenizer, name="tiny llama")


#: What a trace may be like.
TEXTS = {
    "generated": lambda: lm().generate("The Eiffel", max_new_tokens=3, seed=0),
    "hard": lambda: lm().read('The<b><b><img></script><!--&amp;🗼é שלום=1+1"', prompt_length=12),
    "one step": lambda: lm().read([5, 6, 7], prompt_length=2),
    "two tokens": lambda: lm().read([5, 6], prompt_length=1),
    "one token": lambda: lm().read([5]),
}
#: Every analysis answers about these. About the others it may say that there is nothing to explain.
ORDINARY = ("generated", "hard", "one step")


@cache
def trace(name: str) -> Trace:
    return TEXTS[name]()


@cache
def found(analysis: rows.Analysis, text: str) -> tuple[Any, ...]:
    """What an analysis with its default parameters finds: of its default target and, where it has one, of every step.

    Empty only where the text is so short that there is nothing to explain.
    """
    run = analysis.type()
    try:
        result = run(lm(), trace(text))
    except (IndexError, Unanswerable):
        if text in ORDINARY:
            raise
        return ()
    if getattr(result, "target", None) is None:
        return (result,)
    return (result, run(lm(), trace(text), tb.Target(step=None)))


@cache
def results(kind: rows.Kind, text: str) -> tuple[Any, ...]:
    """Every result of a kind that there is on a text."""
    if kind == rows.TRACE:
        return (trace(text),)
    giving = [analysis for analysis in rows.ANALYSES if analysis.gives == kind.name]
    assert giving, f"no analysis gives a {kind}: say here how one is made"
    return tuple(result for analysis in giving for result in found(analysis, text))


def arrays(record: Record) -> dict[str, tuple[Any, ...]]:
    """Every array of a record as something to compare: its type, its axes and its bytes."""
    return {
        name: (getattr(array, "values", array).dtype.str, getattr(array, "axes", array.shape), _bytes(array))
        for name, array in record.arrays.items()
    }


def _bytes(array: Any) -> bytes:
    return bytes(getattr(array, "values", array).tobytes())


def others(field: Field[Any], cls: type) -> Iterator[Any]:
    """Values of a parameter's type that are not its default. An analysis may refuse some of them."""
    default = MISSING if field.default is MISSING else field.default
    for value in _of_type(typing.get_type_hints(cls)[field.name], default):
        if type(value) is not type(default) or value != default:
            yield value


def _of_type(hint: Any, default: Any) -> Iterator[Any]:
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        for each in inner:
            yield from _of_type(each, default)
    elif origin is typing.Literal:
        yield from inner
    elif origin is tuple:
        yield from ((value,) for value in _of_type(inner[0], None))
    elif hint is bool:
        yield from (True, False)
    elif hint is int:
        yield default + 1 if isinstance(default, int) else 1
    elif hint is float:
        yield from (0.25, 1e-7, 1.0)
    elif hint is str:
        yield " tower"


def sequences(cls: type) -> list[tuple[str, tuple[Any, ...]]]:
    """The parameters that are sequences, each with a tuple that it may be."""
    return [(f.name, value) for f in fields(cls) for value in others(f, cls) if isinstance(value, tuple)]
