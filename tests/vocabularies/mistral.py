"""The files of Mistral's own tokenizers."""

from __future__ import annotations

import base64
from pathlib import Path

from tests.vocabularies.files import write
from tests.vocabularies.trained import spm_bytes


def tekken(folder: Path) -> str:
    """Mistral's own file: bytes, then what was merged from them, and special tokens before all."""
    pieces = [bytes([byte]) for byte in range(256)]
    for word in (b"th", b"the", b" t", b"to", b"we", b"wer", b"er", b" the", b" to", b" tower", b"in", b" in", b"ar"):
        pieces.append(word)
    special = ["<unk>", "<s>", "</s>", "[INST]", "[/INST]", "[AVAILABLE_TOOLS]", "[/AVAILABLE_TOOLS]"]
    special += ["[TOOL_RESULTS]", "[/TOOL_RESULTS]", "[TOOL_CALLS]", "[IMG]", "<pad>", "[IMG_BREAK]", "[IMG_END]"]
    special += ["[PREFIX]", "[MIDDLE]", "[SUFFIX]", "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]", "[TOOL_CONTENT]"]
    data = {
        "config": {
            "pattern": r"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s+",
            "num_vocab_tokens": len(pieces),
            "default_vocab_size": len(pieces) + len(special),
            "default_num_special_tokens": len(special),
            "version": "v7",
        },
        "vocab": [
            {"rank": n, "token_bytes": base64.b64encode(piece).decode(), "token_str": None}
            for n, piece in enumerate(pieces)
        ],
        "special_tokens": [{"rank": n, "token_str": it, "is_control": True} for n, it in enumerate(special)],
    }
    return write(folder / "tekken.json", data)


def mistral_spm(folder: Path) -> str:
    """The file of Mistral's first models: SentencePiece, with the version in its name."""
    return write(folder / "tokenizer.model.v3", spm_bytes("bpe"))
