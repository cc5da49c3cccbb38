"""The vocabulary files of tokenizer classes that are written in Python."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import sentencepiece

from tests.vocabularies.trained import SPECIAL, TEXT, WORDS, byte_level, spm_bytes, word_ends, word_pieces


def write(path: Path, data: Any) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(data, bytes):
        path.write_bytes(data)
    else:
        path.write_text(data if isinstance(data, str) else json.dumps(data, ensure_ascii=False), "utf-8")
    return str(path)


def spm(**options: Any) -> Callable[[type, Path], Any]:
    def make(kind: type, folder: Path) -> Any:
        return kind(vocab_file=write(folder / "spm.model", spm_bytes()), **options)

    return make


def spm_and_vocabulary(**options: Any) -> Callable[[type, Path], Any]:
    def make(kind: type, folder: Path) -> Any:
        model = write(folder / "spm.model", spm_bytes())
        loaded = sentencepiece.SentencePieceProcessor(model_proto=spm_bytes())
        pieces = ["<s>", "<pad>", "</s>", "<unk>", *(loaded.IdToPiece(i) for i in range(loaded.GetPieceSize()))]
        names = {piece: n for n, piece in enumerate(dict.fromkeys(pieces))}
        return kind(vocab_file=write(folder / "vocab.json", names), spm_file=model, **options)

    return make


def marian(kind: type, folder: Path) -> Any:
    model = write(folder / "spm.model", spm_bytes())
    loaded = sentencepiece.SentencePieceProcessor(model_proto=spm_bytes())
    pieces = ["</s>", "<unk>", "<pad>", *(loaded.IdToPiece(i) for i in range(loaded.GetPieceSize()))]
    names = write(folder / "vocab.json", {piece: n for n, piece in enumerate(dict.fromkeys(pieces))})
    return kind(source_spm=model, target_spm=model, vocab=names)


def bartpho(kind: type, folder: Path) -> Any:
    loaded = sentencepiece.SentencePieceProcessor(model_proto=spm_bytes())
    pieces = [loaded.IdToPiece(i) for i in range(3, loaded.GetPieceSize())]
    return kind(
        vocab_file=write(folder / "spm.model", spm_bytes()),
        monolingual_vocab_file=write(folder / "dict.txt", "".join(f"{piece} 1\n" for piece in pieces)),
    )


def lines(**options: Any) -> Callable[[type, Path], Any]:
    """BERT's: one piece a line."""

    def make(kind: type, folder: Path) -> Any:
        return kind(vocab_file=write(folder / "vocab.txt", "\n".join(word_pieces()) + "\n"), **options)

    return make


def letters(**options: Any) -> Callable[[type, Path], Any]:
    """One letter a token."""

    def make(kind: type, folder: Path) -> Any:
        letters = [*SPECIAL, "|", "[GO]", "[s]", *sorted(set(TEXT.lower()))]
        return kind(vocab_file=write(folder / "vocab.json", {it: n for n, it in enumerate(letters)}), **options)

    return make


def merged(word_end: str = "</w>", version: str = "#version: 0.2", **options: Any) -> Callable[[type, Path], Any]:
    """BPE in two files: names as JSON, and merges."""

    def make(kind: type, folder: Path) -> Any:
        names, merges = word_ends()
        if word_end == "@@":
            names = {at_signs(name): n for name, n in names.items()}
        if word_end == "Ġ":
            names, merges = byte_level()
        lines = [version, *(" ".join(merge) for merge in merges), ""]
        return kind(
            vocab_file=write(folder / "vocab.json", names),
            merges_file=write(folder / "merges.txt", "\n".join(lines)),
            **options,
        )

    return make


def counted(kind: type, folder: Path) -> Any:
    """fairseq's: a name and its count a line, and merges with theirs."""
    names, merges = word_ends()
    listed = [at_signs(name) for name in names if name not in SPECIAL]
    return kind(
        vocab_file=write(folder / "vocab.txt", "".join(f"{name} 1\n" for name in listed)),
        merges_file=write(folder / "bpe.codes", "".join(f"{a} {b} 1\n" for a, b in merges)),
    )


def at_signs(name: str) -> str:
    """ "to" continues and "wer</w>" ends: "to@@" and "wer"."""
    if name in SPECIAL:
        return name
    return name.removesuffix("</w>") if name.endswith("</w>") else f"{name}@@"


def two_languages(kind: type, folder: Path) -> Any:
    names, merges = word_ends()
    listed = write(folder / "vocab.json", names)
    lines = "".join(f"{a} {b} 1\n" for a, b in merges)
    return kind(
        langs=["en", "en"], src_vocab_file=listed, tgt_vocab_file=listed, merges_file=write(folder / "merges", lines)
    )


def counted_merges(**options: Any) -> Callable[[type, Path], Any]:
    def make(kind: type, folder: Path) -> Any:
        names, merges = word_ends()
        return kind(
            vocab_file=write(folder / "vocab.json", names),
            merges_file=write(folder / "merges.txt", "".join(f"{a} {b} 1\n" for a, b in merges)),
            **options,
        )

    return make


def myt5(kind: type, folder: Path) -> Any:
    rules = {"decompose_map": {}, "merge_map": {}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # it leaves its file open
        return kind(vocab_file=write(folder / "byte_maps.json", rules))


def cpm_ant(kind: type, folder: Path) -> Any:
    named = ["<d>", "</d>", "<s>", "</s>", "<pad>", "<unk>", "</n>", "</_>", *sorted(set(TEXT) - {" "}), *WORDS]
    return kind(vocab_file=write(folder / "vocab.txt", "\n".join(named) + "\n"))


def japanese(kind: type, folder: Path) -> Any:
    special = ["<|endoftext|>", "<|startoftext|>", "<SP>", "<BR>", "<TAB>", "<BLOCK>", "<KIGOU>", "<U2000U2BFF>"]
    named = [*special, *(f"<|byte{byte}|>" for byte in range(256)), *sorted(set(TEXT.lower()) - {" "}), "tower"]
    return kind(
        vocab_file=write(folder / "vocab.txt", "\n".join(named) + "\n"),
        emoji_file=write(folder / "emoji.json", {"emoji": {}, "emoji_inv": {}}),
    )


def chinese(kind: type, folder: Path) -> Any:
    shapes = word_pieces()
    return kind(
        vocab_file=write(folder / "vocab.txt", "\n".join(word_pieces()) + "\n"),
        word_shape_file=write(folder / "shape.json", shapes),
        word_pronunciation_file=write(folder / "sound.json", shapes),
    )
