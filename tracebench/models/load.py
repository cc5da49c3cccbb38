"""Load a model by name: a hub id, a local folder, a ``.gguf`` file, or ``"demo"``."""

from __future__ import annotations

import ast
import os
import re
import textwrap
from pathlib import Path
from typing import Any

import torch

from tracebench.models.language_model import LanguageModel
from tracebench.models.naming import shown_name
from tracebench.models.source import EXPECTED, source

#: Options that say where a model comes from: the tokenizer must come from there too.
SOURCE_OPTIONS = (
    "cache_dir",
    "force_download",
    "local_files_only",
    "proxies",
    "revision",
    "subfolder",
    "token",
    "trust_remote_code",
)

#: Letters of another library's error that a sentence of ours takes in.
SHORT = 240

#: What says nothing about the files: a wrong option, a missing package, too little memory. Their own words are best.
NOT_THE_FILES = (TypeError, ImportError, MemoryError, torch.OutOfMemoryError)


def load(name: str | os.PathLike[str], **options: Any) -> LanguageModel:
    """A `LanguageModel` in eval mode, with its tokenizer.

    Args:
        name: a hub id (transformers' own download and cache), a local folder (``~`` is the home folder), a ``.gguf`` file, or ``"demo"``.
        options: go to ``AutoModelForCausalLM.from_pretrained`` (``dtype=torch.bfloat16``, ``device_map="auto"``,
            ``revision="..."``, ...).

    Raises:
        ValueError: not a causal language model, damaged, or nothing of that name.
    """
    from transformers import AutoModelForCausalLM, AutoTokenizer

    if not isinstance(name, (str, os.PathLike)):
        raise TypeError(
            f"tb.load takes {EXPECTED}, got a {type(name).__name__}; a model that is in memory goes to "
            "tb.LanguageModel(model, tokenizer)"
        )
    given = os.path.expanduser(os.fspath(name))  # noqa: PTH111 - a name may be no path, and is not changed then
    if not given:
        raise ValueError(f"the name is empty: expected {EXPECTED}")
    place, shown, extra = source(given, options, is_path=isinstance(name, os.PathLike))
    try:
        model = AutoModelForCausalLM.from_pretrained(place, **extra, **options)
    except NOT_THE_FILES:
        raise
    except Exception as error:
        if "trust_remote_code" in str(error):
            raise  # asks for a decision in words of its own
        no_model = ValueError(_no_model(given, place, extra, error))
        # That there is nothing of this name is said in full; what is wrong with files may be in the other error.
        raise no_model from (error if Path(place).is_dir() else None)
    model.eval()
    where = {key: value for key, value in options.items() if key in SOURCE_OPTIONS}
    try:
        tokenizer = AutoTokenizer.from_pretrained(place, **extra, **where)
    except NOT_THE_FILES:
        raise
    except Exception as error:
        raise ValueError(
            f"{given!r} has a model but no tokenizer that transformers can read: load the two yourself and give them to "
            f"tb.LanguageModel(model, tokenizer); tokenizer=None shows token ids. {_in_short(error)}"
        ) from error
    lm = LanguageModel(model, tokenizer, name=shown)
    lm.code = _code(given, options)
    return lm


def _no_model(given: str, place: str, extra: dict[str, str], error: Exception) -> str:
    """Why there is no model, in a sentence; transformers' readers raise nearly anything on a damaged file."""
    if "Unrecognized configuration class" in str(error):
        return (
            f"{given!r} is no causal language model that transformers knows (an encoder, or a model for another task): "
            "expected one that AutoModelForCausalLM loads"
        )
    if isinstance(error, PermissionError):
        where = error.filename or given
        return f"cannot load {given!r}: {where!r} may not be read or written by you; change its permissions"
    if Path(place).is_dir() or not isinstance(error, OSError):
        expected = "a whole file of a model" if extra else "config.json and whole weights"
        return (
            f"{given!r} is there, but its model cannot be loaded: {_in_short(error)}. Expected {expected}: "
            "download or save it again"
        )
    return (
        f"cannot load {given!r}: it is no local folder with a model, and the hub (or its cache, when offline) does not give it; "
        f"check the name, and load it once where the hub can be reached. {_in_short(error)}"
    )


def _in_short(error: Exception) -> str:
    """What an error says itself: of a long one the first sentences, whole."""
    said, *more = re.split(r"(?<=[.!?])\s+|\n+", str(error).strip())
    for sentence in more:
        if len(said) + len(sentence) >= SHORT:
            break
        said += f" {sentence}"
    return textwrap.shorten(said, SHORT, placeholder=" …").rstrip(".!:") or type(error).__name__


def _code(name: str, options: dict[str, Any]) -> str:
    """Python that loads it again. Secrets stay out of the record, and so does where things are on this machine."""
    shown, notes = shown_name(name) if _is_place(name) else name, []
    if _is_place(name) and "/" not in shown:
        # A bare name would be looked for on the hub, and could be found there.
        shown = f"path/to/{shown}"
        notes.append("put its folder here")
    public = {key: value for key, value in options.items() if key not in ("token", "proxies") and not _is_place(value)}
    told = {key: value for key, value in public.items() if _is_python(value)}
    notes += [f"{key} as it was" for key in public if key not in told]
    note = f"  # {', '.join(notes)}" if notes else ""
    code = f"lm = tb.load({', '.join([repr(shown), *(f'{key}={value!r}' for key, value in told.items())])}){note}\n"
    return f"import torch\n{code}" if "torch." in code else code


def _is_python(value: Any) -> bool:
    """Whether the repr of an option is Python that makes it again."""
    if isinstance(value, torch.dtype):
        return True
    try:
        return ast.literal_eval(repr(value)) == value
    except (ValueError, SyntaxError):
        return False


def _is_place(value: Any) -> bool:
    return isinstance(value, (str, os.PathLike)) and Path(value).is_absolute()
