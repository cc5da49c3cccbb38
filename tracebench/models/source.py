"""Where a model is loaded from: a name as the user gave it, and a sentence where there is no model under it."""

from __future__ import annotations

import difflib
import re
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from tracebench.models.naming import shown_name

#: What may be loaded, for sentences.
EXPECTED = 'a hub id, a local folder, a .gguf file or "demo"'

#: A name that the hub can have.
_HUB_ID = re.compile(r"[A-Za-z0-9._-]{1,96}(/[A-Za-z0-9._-]{1,96})?")

#: Addresses of the hub, whose end is a hub id.
_HUB = re.compile(r"https?://(?:www\.)?(?:huggingface\.co|hf\.co)/(?P<name>[^/?#]+(?:/[^/?#]+)?)")

#: What a folder with a model has: what transformers reads first, or what PEFT reads.
_CONFIGURATIONS = ("config.json", "adapter_config.json")

#: How files with weights end.
_WEIGHTS = (".safetensors", ".bin", ".index.json", ".gguf", ".pt", ".pth", ".ckpt", ".h5", ".msgpack")


class Source(NamedTuple):
    """Where transformers finds a model.

    Args:
        place: the folder or the hub id.
        name: what to call it.
        options: what else transformers takes.
    """

    place: str
    name: str
    options: dict[str, str]


def source(name: str, options: dict[str, Any], *, is_path: bool) -> Source:
    """Where the model of this name is; a sentence where it cannot be.

    Args:
        name: as the user gave it, with the tilde written out.
        options: that go to transformers.
        is_path: whether it was given as a path: then it is no hub id.
    """
    if name == "demo":
        from tracebench.models import demo

        return Source(str(demo.demo_folder()), demo.NAME, {})
    path = Path(name)
    if path.is_dir():
        # These say that the model is elsewhere in it.
        if not any(options.get(key) for key in ("subfolder", "gguf_file", "config")):
            _insist_on_model(path, name)
        return Source(name, shown_name(name), {})
    if name.lower().endswith(".gguf"):
        if not path.is_file():
            raise FileNotFoundError(f"there is no file {name!r}{_nearest(path)}")
        return Source(str(path.parent), path.stem, {"gguf_file": path.name})
    if path.is_file():
        raise ValueError(f"{name!r} is a file: expected the folder it is in, a .gguf file, a hub id, or 'demo'")
    address = _HUB.match(name)
    if address:
        raise ValueError(f"cannot load {name!r}: expected {EXPECTED}, got an address; try tb.load({address['name']!r})")
    if is_path or _is_spelled_as_path(name):
        text = f"; a hub id is given as text: tb.load({name!r})" if _HUB_ID.fullmatch(name) else ""
        raise ValueError(f"cannot load {name!r}: there is no such folder{_nearest(path)}{text}")
    if not _HUB_ID.fullmatch(name):
        raise ValueError(
            f"cannot load {name!r}: it is no local folder, and the hub has no such names (letters, digits, '-', '_', '.', and one "
            f"'/' at most); expected {EXPECTED}"
        )
    return Source(name, name, {})


def _insist_on_model(folder: Path, name: str) -> None:
    """A ``ValueError`` for a folder without a saved model. One that cannot be read is left to transformers."""
    with suppress(OSError):
        files = sorted(entry.name for entry in folder.iterdir())
        if not files:
            raise ValueError(f"cannot load {name!r}: the folder is empty; expected one with config.json and weights")
        if not any(each in files for each in _CONFIGURATIONS):
            raise ValueError(
                f"cannot load {name!r}: the folder has no config.json, so there is no saved model in it; {_inside(folder, files)}"
            )
        if not any(each.endswith(_WEIGHTS) for each in files):
            raise ValueError(
                f"cannot load {name!r}: the folder has a configuration and no weights (model.safetensors, or several with an "
                "index); download or save it again"
            )


def _inside(folder: Path, files: list[str]) -> str:
    """What to load instead of a folder without a model: what is in it."""
    packed = [each for each in files if each.lower().endswith(".gguf")]
    if packed:
        return f"load the file: {str(folder / packed[0])!r}"
    inner = sorted(str(found.parent) for found in folder.glob("*/config.json"))
    inner += sorted(
        str(found.parent) for found in folder.glob("snapshots/*/config.json")
    )  # a folder of the hub's cache
    return f"load the folder in it: {inner[0]!r}" if inner else f"expected {EXPECTED}"


def _is_spelled_as_path(name: str) -> bool:
    """Whether a name is spelled as a path, which no hub id is."""
    return (
        Path(name).is_absolute()
        or name.startswith((".", "~"))
        or name.endswith("/")
        or "\\" in name
        or name.count("/") > 1
    )


def _nearest(path: Path) -> str:
    """The part of a path that is there, and what is like the part that is not."""
    with suppress(OSError, ValueError):
        missing, parent = path, path.parent
        while not parent.is_dir() and parent != parent.parent:
            missing, parent = parent, parent.parent
        if parent.is_dir():
            like = difflib.get_close_matches(missing.name, [each.name for each in parent.iterdir()], 1)
            there = (
                f"did you mean {str(parent / like[0])!r}?" if like else f"{missing.name!r} is not in {str(parent)!r}"
            )
            return f"; {there}"
    return ""
