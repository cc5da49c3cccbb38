"""Load a model by name: a hub id, a local folder, a ``.gguf`` file, or ``"demo"``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from tracebench.models.language_model import LanguageModel


def load(name: str | os.PathLike[str], **options: Any) -> LanguageModel:
    """A `LanguageModel` in eval mode, with its tokenizer.

    Args:
        name: a hub id (transformers' own download and cache), a local folder, a ``.gguf`` file, or ``"demo"``.
        options: go to ``AutoModelForCausalLM.from_pretrained`` (``dtype=torch.bfloat16``, ``device_map="auto"``, ...).

    Raises:
        ValueError: not a causal language model, or nothing of that name.
    """
    from transformers import AutoModelForCausalLM, AutoTokenizer

    name = os.fspath(name)
    if name == "demo":
        from tracebench.models import demo

        source, shown = str(demo.demo_folder()), demo.NAME
    else:
        source, shown = name, name
    extra = {}
    if name.endswith(".gguf"):
        file = Path(name)
        if not file.is_file():
            raise FileNotFoundError(f"there is no file {name!r}")
        source, shown, extra = str(file.parent), file.stem, {"gguf_file": file.name}
    try:
        model = AutoModelForCausalLM.from_pretrained(source, **extra, **options)
    except ValueError as error:
        if "Unrecognized configuration class" not in str(error):
            raise
        raise ValueError(
            f"{name!r} is no causal language model that transformers knows (an encoder, or a model for another task): "
            "expected one that AutoModelForCausalLM loads"
        ) from error
    except OSError as error:
        raise ValueError(
            f"cannot load {name!r}: it is no local folder with a model, and the hub (or its cache, when offline) does not "
            f"give it. {str(error).splitlines()[0]}"
        ) from error
    model.eval()
    tokenizer = AutoTokenizer.from_pretrained(source, **extra)
    return LanguageModel(model, tokenizer, name=shown)
