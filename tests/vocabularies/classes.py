"""Every tokenizer class of transformers, with a vocabulary made here: no downloads.

Fast classes take a vocabulary as an object; which code it is spelled in (byte alphabet, ▁, ##, </w>) is tried in turn
until the class's own decoder fits. Python classes read files, which `FILES` writes for each of them.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import transformers
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

from tests.vocabularies import files
from tests.vocabularies.mistral import tekken
from tests.vocabularies.trained import SPECIAL, WORDS, byte_level, space_signs, unigram, word_ends, word_pieces


class CannotBuild(Exception):
    """A class that needs more than a vocabulary, and what it needs."""


def classes() -> dict[str, type]:
    """Every tokenizer class that transformers names, each once."""
    ends = ("Tokenizer", "TokenizerFast", "TokenizerLegacy", "Backend")
    named = [getattr(transformers, name) for name in dir(transformers) if name.endswith(ends)]
    found = [it for it in named if inspect.isclass(it) and issubclass(it, PreTrainedTokenizerBase)]
    return {it.__name__: it for it in sorted(found, key=lambda it: it.__name__)}


def build(kind: type, folder: Path) -> Any:
    """A tokenizer of this class; `CannotBuild` says what is missing."""
    name = kind.__name__
    if name in NEEDS_MORE:
        raise CannotBuild(NEEDS_MORE[name])
    if name in FILES:
        return FILES[name](kind, folder)
    if not issubclass(kind, PreTrainedTokenizerFast):
        raise CannotBuild("no vocabulary files are known for this class")
    return _fast(kind)


#: What a vocabulary may be, with what the class's decoder says of itself where it fits.
VOCABULARIES: tuple[tuple[str, Callable[[], dict[str, Any]]], ...] = (
    ("ByteLevel", lambda: {"vocab": dict(byte_level()[0]), "merges": list(byte_level()[1])}),
    ("ByteLevel", lambda: {"vocab": dict(word_ends(False)[0]), "merges": list(word_ends(False)[1])}),
    ("\\u2581", lambda: {"vocab": dict(space_signs()[0]), "merges": list(space_signs()[1])}),
    ("</w>", lambda: {"vocab": dict(word_ends()[0]), "merges": list(word_ends()[1])}),
    ("WordPiece", lambda: {"vocab": dict(word_pieces())}),
    ("\\u2581", lambda: {"vocab": list(unigram())}),
    ("", dict),
)


def _fast(kind: type) -> Any:
    refused = []
    takes = inspect.signature(kind.__init__).parameters
    for sign, make in VOCABULARIES:
        given = make()
        if "merges" in given and "merges" not in takes and not any(p.kind is p.VAR_KEYWORD for p in takes.values()):
            continue
        try:
            made = kind(**given)
            size = len(made)
            ids = made("the tower in paris", add_special_tokens=False)["input_ids"]
        except Exception as wrong:  # noqa: BLE001 - the next vocabulary is tried, and all reasons are told
            refused.append(f"{type(wrong).__name__}: {str(wrong)[:60]}")
            continue
        decoder = json.dumps(json.loads(made.backend_tokenizer.to_str()).get("decoder"))
        unknown = sum(i == made.unk_token_id for i in ids)
        if sign in decoder and size > 60 and len(ids) > 1 and not unknown:
            return made
        refused.append(f"{sign or 'its own'}: {size} tokens, {len(ids)} ids, {unknown} unknown")
    raise CannotBuild(f"no vocabulary fits ({'; '.join(refused)})")


def _of_object(kind: type, folder: Path) -> Any:
    made = Tokenizer(models.WordLevel({word: n for n, word in enumerate([*SPECIAL, *WORDS])}, unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    return kind(tokenizer_object=made, unk_token="<unk>")


def _python_object(kind: type, folder: Path) -> Any:
    """What people derive for a vocabulary of their own: words between spaces."""

    class Words(kind):
        def __init__(self, **options: Any) -> None:
            self.words = {word: n for n, word in enumerate([*SPECIAL, *WORDS])}
            super().__init__(unk_token="<unk>", **options)

        @property
        def vocab_size(self) -> int:
            return len(self.words)

        def get_vocab(self) -> dict[str, int]:
            return {**self.words, **self.added_tokens_encoder}

        def _tokenize(self, text: str, **_: Any) -> list[str]:
            return text.split()

        def _convert_token_to_id(self, token: str) -> int:
            return self.words.get(token, 0)

        def _convert_id_to_token(self, index: int) -> str:
            return list(self.words)[index]

    return Words()


FILES: dict[str, Callable[[type, Path], Any]] = {
    "MistralCommonBackend": lambda kind, folder: kind(tekken(folder)),
    "TokenizersBackend": _of_object,
    "ParakeetTokenizer": _of_object,
    # Its vocabulary is amino acids.
    "EsmcTokenizer": lambda kind, _: kind(),
    "MarkupLMTokenizer": lambda kind, _: kind(
        vocab=dict(byte_level()[0]), merges=list(byte_level()[1]), tags_dict={"html": 0}
    ),
    "PythonBackend": _python_object,
    "GPTSw3Tokenizer": files.spm(unk_token="<unk>", eos_token="</s>", bos_token="<s>", pad_token="<s>"),
    "BertGenerationTokenizer": files.spm(),
    "SiglipTokenizer": files.spm(),
    "SpeechT5Tokenizer": files.spm(),
    "PLBartTokenizer": files.spm(),
    "BartphoTokenizer": files.bartpho,
    "M2M100Tokenizer": files.spm_and_vocabulary(),
    "Speech2TextTokenizer": files.spm_and_vocabulary(),
    "MarianTokenizer": files.marian,
    "BertTokenizerLegacy": files.lines(),
    "ProphetNetTokenizer": files.lines(),
    "TapasTokenizer": files.lines(),
    "EsmTokenizer": files.lines(),
    "BertJapaneseTokenizer": files.lines(word_tokenizer_type="basic"),
    "RoCBertTokenizer": files.chinese,
    "CTRLTokenizer": files.merged("@@"),
    "BlenderbotSmallTokenizer": files.merged(
        "@@", unk_token="<unk>", pad_token="<pad>", bos_token="<s>", eos_token="</s>"
    ),
    "ClvpTokenizer": files.merged("Ġ"),
    "PhobertTokenizer": files.counted,
    "BertweetTokenizer": files.counted,
    "XLMTokenizer": files.counted_merges(),
    "FlaubertTokenizer": files.counted_merges(),
    "BioGptTokenizer": files.counted_merges(),
    "FSMTTokenizer": files.two_languages,
    "ByT5Tokenizer": lambda kind, _: kind(),
    "PerceiverTokenizer": lambda kind, _: kind(),
    "CanineTokenizer": lambda kind, _: kind(),
    "DiaTokenizer": lambda kind, _: kind(),
    "MyT5Tokenizer": files.myt5,
    "CpmAntTokenizer": files.cpm_ant,
    "GPTNeoXJapaneseTokenizer": files.japanese,
    "MgpstrTokenizer": files.letters(),
    "VitsTokenizer": files.letters(phonemize=False, add_blank=False),
    "Wav2Vec2CTCTokenizer": files.letters(),
    "Wav2Vec2PhonemeCTCTokenizer": files.letters(do_phonemize=False),
}

#: Classes that no vocabulary file can make here, and why.
NEEDS_MORE: dict[str, str] = {
    "PreTrainedTokenizerBase": "an abstract class",
    "SentencePieceBackend": "an abstract class",
    **dict.fromkeys(("CpmTokenizer", "CpmTokenizerFast", "CpmAntTokenizer", "RoFormerTokenizer"), "needs rjieba"),
    "FastSpeech2ConformerTokenizer": "needs g2p-en",
    "SiglipTokenizer": "needs protobuf",
    **dict.fromkeys(
        ("LayoutLMv2Tokenizer", "LayoutLMv3Tokenizer", "LayoutXLMTokenizer", "UdopTokenizer"),
        "reads words with boxes, no text",
    ),
}


def built(folder: Path) -> Iterator[tuple[str, Any]]:
    """Every class by name, with its tokenizer or the reason why there is none."""
    for name, kind in classes().items():
        try:
            yield name, build(kind, folder / name)
        except CannotBuild as reason:
            yield name, reason
