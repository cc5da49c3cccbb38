"""Every tokenizer class of transformers, with a vocabulary made here: no downloads.

Fast classes take a vocabulary as an object; which code it is spelled in (byte alphabet, ▁, ##, </w>) is tried in turn
until the class's own decoder fits. Python classes read files, which `FILES` writes for each of them.
"""

from __future__ import annotations

import base64
import inspect
import io
import json
import warnings
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import sentencepiece
import transformers
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

from tests.tiny import PARAGRAPH

TEXT = PARAGRAPH.replace("\n", " ") + " the tower in paris . naïve café ."
SPECIAL = [
    # In fairseq's order, which many classes take for granted.
    *("<s>", "<pad>", "</s>", "<unk>", "<mask>", "[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]"),
    *("<|endoftext|>", "<|startoftext|>", "<bos>", "<eos>", "<cls>", "<sep>"),
]
WORDS = ["the", "tower", "in", "paris", "iron", "lady", "a", "is", "on", "of", "France", "1889"]


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


# --- fast classes ------------------------------------------------------------------------------------------------


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


# --- classes that read files ---------------------------------------------------------------------------------------


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


def _write(path: Path, data: Any) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(data, bytes):
        path.write_bytes(data)
    else:
        path.write_text(data if isinstance(data, str) else json.dumps(data, ensure_ascii=False), "utf-8")
    return str(path)


def _spm(**options: Any) -> Callable[[type, Path], Any]:
    def make(kind: type, folder: Path) -> Any:
        return kind(vocab_file=_write(folder / "spm.model", spm_bytes()), **options)

    return make


def _spm_and_vocabulary(**options: Any) -> Callable[[type, Path], Any]:
    def make(kind: type, folder: Path) -> Any:
        model = _write(folder / "spm.model", spm_bytes())
        loaded = sentencepiece.SentencePieceProcessor(model_proto=spm_bytes())
        pieces = ["<s>", "<pad>", "</s>", "<unk>", *(loaded.IdToPiece(i) for i in range(loaded.GetPieceSize()))]
        names = {piece: n for n, piece in enumerate(dict.fromkeys(pieces))}
        return kind(vocab_file=_write(folder / "vocab.json", names), spm_file=model, **options)

    return make


def _marian(kind: type, folder: Path) -> Any:
    model = _write(folder / "spm.model", spm_bytes())
    loaded = sentencepiece.SentencePieceProcessor(model_proto=spm_bytes())
    pieces = ["</s>", "<unk>", "<pad>", *(loaded.IdToPiece(i) for i in range(loaded.GetPieceSize()))]
    names = _write(folder / "vocab.json", {piece: n for n, piece in enumerate(dict.fromkeys(pieces))})
    return kind(source_spm=model, target_spm=model, vocab=names)


def _bartpho(kind: type, folder: Path) -> Any:
    loaded = sentencepiece.SentencePieceProcessor(model_proto=spm_bytes())
    pieces = [loaded.IdToPiece(i) for i in range(3, loaded.GetPieceSize())]
    return kind(
        vocab_file=_write(folder / "spm.model", spm_bytes()),
        monolingual_vocab_file=_write(folder / "dict.txt", "".join(f"{piece} 1\n" for piece in pieces)),
    )


def _lines(**options: Any) -> Callable[[type, Path], Any]:
    """BERT's: one piece a line."""

    def make(kind: type, folder: Path) -> Any:
        return kind(vocab_file=_write(folder / "vocab.txt", "\n".join(word_pieces()) + "\n"), **options)

    return make


def _letters(**options: Any) -> Callable[[type, Path], Any]:
    """One letter a token."""

    def make(kind: type, folder: Path) -> Any:
        letters = [*SPECIAL, "|", "[GO]", "[s]", *sorted(set(TEXT.lower()))]
        return kind(vocab_file=_write(folder / "vocab.json", {it: n for n, it in enumerate(letters)}), **options)

    return make


def _merged(word_end: str = "</w>", version: str = "#version: 0.2", **options: Any) -> Callable[[type, Path], Any]:
    """BPE in two files: names as JSON, and merges."""

    def make(kind: type, folder: Path) -> Any:
        names, merges = word_ends()
        if word_end == "@@":
            names = {_at_signs(name): n for name, n in names.items()}
        if word_end == "Ġ":
            names, merges = byte_level()
        lines = [version, *(" ".join(merge) for merge in merges), ""]
        return kind(
            vocab_file=_write(folder / "vocab.json", names),
            merges_file=_write(folder / "merges.txt", "\n".join(lines)),
            **options,
        )

    return make


def _counted(kind: type, folder: Path) -> Any:
    """fairseq's: a name and its count a line, and merges with theirs."""
    names, merges = word_ends()
    listed = [_at_signs(name) for name in names if name not in SPECIAL]
    return kind(
        vocab_file=_write(folder / "vocab.txt", "".join(f"{name} 1\n" for name in listed)),
        merges_file=_write(folder / "bpe.codes", "".join(f"{a} {b} 1\n" for a, b in merges)),
    )


def _at_signs(name: str) -> str:
    """ "to" continues and "wer</w>" ends: "to@@" and "wer"."""
    if name in SPECIAL:
        return name
    return name.removesuffix("</w>") if name.endswith("</w>") else f"{name}@@"


def _two_languages(kind: type, folder: Path) -> Any:
    names, merges = word_ends()
    listed = _write(folder / "vocab.json", names)
    lines = "".join(f"{a} {b} 1\n" for a, b in merges)
    return kind(
        langs=["en", "en"], src_vocab_file=listed, tgt_vocab_file=listed, merges_file=_write(folder / "merges", lines)
    )


def _counted_merges(**options: Any) -> Callable[[type, Path], Any]:
    def make(kind: type, folder: Path) -> Any:
        names, merges = word_ends()
        return kind(
            vocab_file=_write(folder / "vocab.json", names),
            merges_file=_write(folder / "merges.txt", "".join(f"{a} {b} 1\n" for a, b in merges)),
            **options,
        )

    return make


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
    return _write(folder / "tekken.json", data)


def mistral_spm(folder: Path) -> str:
    """The file of Mistral's first models: SentencePiece, with the version in its name."""
    return _write(folder / "tokenizer.model.v3", spm_bytes("bpe"))


def _myt5(kind: type, folder: Path) -> Any:
    rules = {"decompose_map": {}, "merge_map": {}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # it leaves its file open
        return kind(vocab_file=_write(folder / "byte_maps.json", rules))


def _cpm_ant(kind: type, folder: Path) -> Any:
    named = ["<d>", "</d>", "<s>", "</s>", "<pad>", "<unk>", "</n>", "</_>", *sorted(set(TEXT) - {" "}), *WORDS]
    return kind(vocab_file=_write(folder / "vocab.txt", "\n".join(named) + "\n"))


def _japanese(kind: type, folder: Path) -> Any:
    special = ["<|endoftext|>", "<|startoftext|>", "<SP>", "<BR>", "<TAB>", "<BLOCK>", "<KIGOU>", "<U2000U2BFF>"]
    named = [*special, *(f"<|byte{byte}|>" for byte in range(256)), *sorted(set(TEXT.lower()) - {" "}), "tower"]
    return kind(
        vocab_file=_write(folder / "vocab.txt", "\n".join(named) + "\n"),
        emoji_file=_write(folder / "emoji.json", {"emoji": {}, "emoji_inv": {}}),
    )


def _chinese(kind: type, folder: Path) -> Any:
    shapes = word_pieces()
    return kind(
        vocab_file=_write(folder / "vocab.txt", "\n".join(word_pieces()) + "\n"),
        word_shape_file=_write(folder / "shape.json", shapes),
        word_pronunciation_file=_write(folder / "sound.json", shapes),
    )


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
    "GPTSw3Tokenizer": _spm(unk_token="<unk>", eos_token="</s>", bos_token="<s>", pad_token="<s>"),
    "BertGenerationTokenizer": _spm(),
    "SiglipTokenizer": _spm(),
    "SpeechT5Tokenizer": _spm(),
    "PLBartTokenizer": _spm(),
    "BartphoTokenizer": _bartpho,
    "M2M100Tokenizer": _spm_and_vocabulary(),
    "Speech2TextTokenizer": _spm_and_vocabulary(),
    "MarianTokenizer": _marian,
    "BertTokenizerLegacy": _lines(),
    "ProphetNetTokenizer": _lines(),
    "TapasTokenizer": _lines(),
    "EsmTokenizer": _lines(),
    "BertJapaneseTokenizer": _lines(word_tokenizer_type="basic"),
    "RoCBertTokenizer": _chinese,
    "CTRLTokenizer": _merged("@@"),
    "BlenderbotSmallTokenizer": _merged("@@", unk_token="<unk>", pad_token="<pad>", bos_token="<s>", eos_token="</s>"),
    "ClvpTokenizer": _merged("Ġ"),
    "PhobertTokenizer": _counted,
    "BertweetTokenizer": _counted,
    "XLMTokenizer": _counted_merges(),
    "FlaubertTokenizer": _counted_merges(),
    "BioGptTokenizer": _counted_merges(),
    "FSMTTokenizer": _two_languages,
    "ByT5Tokenizer": lambda kind, _: kind(),
    "PerceiverTokenizer": lambda kind, _: kind(),
    "CanineTokenizer": lambda kind, _: kind(),
    "DiaTokenizer": lambda kind, _: kind(),
    "MyT5Tokenizer": _myt5,
    "CpmAntTokenizer": _cpm_ant,
    "GPTNeoXJapaneseTokenizer": _japanese,
    "MgpstrTokenizer": _letters(),
    "VitsTokenizer": _letters(phonemize=False, add_blank=False),
    "Wav2Vec2CTCTokenizer": _letters(),
    "Wav2Vec2PhonemeCTCTokenizer": _letters(do_phonemize=False),
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
