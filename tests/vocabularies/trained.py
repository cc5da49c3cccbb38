"""Vocabularies in every spelling, trained on the paragraph of `tests.tiny`."""

from __future__ import annotations

import io
import json
from functools import cache
from typing import Any

import sentencepiece
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from tests.tiny import PARAGRAPH

TEXT = PARAGRAPH.replace("\n", " ") + " the tower in paris . naïve café ."
SPECIAL = [
    # In fairseq's order, which many classes take for granted.
    *("<s>", "<pad>", "</s>", "<unk>", "<mask>", "[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]"),
    *("<|endoftext|>", "<|startoftext|>", "<bos>", "<eos>", "<cls>", "<sep>"),
]
WORDS = ["the", "tower", "in", "paris", "iron", "lady", "a", "is", "on", "of", "France", "1889"]


@cache
def byte_level() -> tuple[dict[str, int], list[tuple[str, str]]]:
    return _bpe(pre_tokenizers.ByteLevel(add_prefix_space=False), pre_tokenizers.ByteLevel.alphabet())


@cache
def space_signs() -> tuple[dict[str, int], list[tuple[str, str]]]:
    return _bpe(pre_tokenizers.Metaspace(), [], [f"<0x{byte:02X}>" for byte in range(256)])


@cache
def word_ends(letters: bool = True) -> tuple[dict[str, int], list[tuple[str, str]]]:
    made = pre_tokenizers.BertPreTokenizer() if letters else pre_tokenizers.ByteLevel(add_prefix_space=False)
    return _bpe(made, [] if letters else pre_tokenizers.ByteLevel.alphabet(), ending="</w>")


def _bpe(pre: Any, alphabet: list[str], more: list[str] | None = None, ending: str | None = None) -> Any:
    made = Tokenizer(models.BPE(end_of_word_suffix=ending) if ending else models.BPE())
    made.pre_tokenizer = pre
    endings = {"end_of_word_suffix": ending} if ending else {}
    trainer = trainers.BpeTrainer(
        vocab_size=700 + len(more or ()),
        special_tokens=[*SPECIAL, *(more or ())],
        initial_alphabet=alphabet,
        show_progress=False,
        **endings,
    )
    made.train_from_iterator([TEXT, TEXT.lower()], trainer)
    data = json.loads(made.to_str())["model"]
    return data["vocab"], [tuple(merge) for merge in data["merges"]]


@cache
def unigram() -> list[tuple[str, float]]:
    made = Tokenizer(models.Unigram())
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=200, special_tokens=SPECIAL, unk_token="<unk>", initial_alphabet=[], show_progress=False
    )
    made.train_from_iterator([TEXT, TEXT.lower()], trainer)
    return [(piece, score) for piece, score in json.loads(made.to_str())["model"]["vocab"]]


@cache
def word_pieces() -> dict[str, int]:
    letters = sorted(set(TEXT + TEXT.lower()) - {" "})
    named = [*SPECIAL, "[QUESTION]", *letters, *(f"##{letter}" for letter in letters), *WORDS, "##er", "##ïve"]
    return {piece: n for n, piece in enumerate(dict.fromkeys(named))}


@cache
def spm_bytes(algorithm: str = "unigram", fallback: bool = True) -> bytes:
    """A SentencePiece model, trained on the paragraph."""
    out = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([TEXT, TEXT.lower()] * 4),
        model_writer=out,
        model_type=algorithm,
        vocab_size=420 if fallback else 160,
        byte_fallback=fallback,
        hard_vocab_limit=False,
        user_defined_symbols=["[SEP]", "[CLS]"],
        minloglevel=2,
        normalization_rule_name="identity",
        remove_extra_whitespaces=False,
        control_symbols=["[INST]", "[/INST]"],
        character_coverage=1.0,
    )
    return out.getvalue()
