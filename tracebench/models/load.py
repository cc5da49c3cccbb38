"""Load a model by name: a hub id, a local folder, a ``.gguf`` file, or ``"demo"``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from tracebench.models.language_model import LanguageModel

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


def load(name: str | os.PathLike[str], **options: Any) -> LanguageModel:
    """A `LanguageModel` in eval mode, with its tokenizer.

    Args:
        name: a hub id (transformers' own download and cache), a local folder, a ``.gguf`` file, or ``"demo"``.
        options: go to ``AutoModelForCausalLM.from_pretrained`` (``dtype=torch.bfloat16``, ``device_map="auto"``,
            ``revision="..."``, ...).

    Raises:
        ValueError: not a causal language model, or nothing of that name.
    """
    from transformers import AutoModelForCausalLM, AutoTokenizer

    source, shown, extra = _source(os.fspath(name))
    try:
        model = AutoModelForCausalLM.from_pretrained(source, **extra, **options)
    except ValueError as error:
        if "Unrecognized configuration class" not in str(error):
            raise
        raise ValueError(
            f"{shown!r} is no causal language model that transformers knows (an encoder, or a model for another task): "
            "expected one that AutoModelForCausalLM loads"
        ) from error
    except OSError as error:
        raise ValueError(
            f"cannot load {shown!r}: it is no local folder with a model, and the hub (or its cache, when offline) does not "
            f"give it. {str(error).splitlines()[0]}"
        ) from error
    model.eval()
    where = {key: value for key, value in options.items() if key in SOURCE_OPTIONS}
    try:
        tokenizer = AutoTokenizer.from_pretrained(source, **extra, **where)
    except (OSError, ValueError) as error:
        raise ValueError(
            f"{shown!r} has a model but no tokenizer that transformers can read: load the two yourself and give them to "
            f"tb.LanguageModel(model, tokenizer); tokenizer=None shows token ids. {str(error).splitlines()[0]}"
        ) from error
    lm = LanguageModel(model, tokenizer, name=shown)
    lm.code = _code(os.fspath(name), options)
    return lm


def _code(name: str, options: dict[str, Any]) -> str:
    """Python that loads it again. Secrets stay out of the record."""
    said = [repr(name), *(f"{key}={value!r}" for key, value in options.items() if key not in ("token", "proxies"))]
    code = f"lm = tb.load({', '.join(said)})\n"
    return f"import torch\n{code}" if "torch." in code else code


def _source(name: str) -> tuple[str, str, dict[str, str]]:
    """Where transformers finds it, what to call it, and what else transformers must be told."""
    if name == "demo":
        from tracebench.models import demo

        return str(demo.demo_folder()), demo.NAME, {}
    if name.lower().endswith(".gguf"):
        file = Path(name)
        if not file.is_file():
            raise FileNotFoundError(f"there is no file {name!r}")
        return str(file.parent), file.stem, {"gguf_file": file.name}
    return name, name, {}
