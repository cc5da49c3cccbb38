"""Bytes of single tokens in vocabularies of every spelling."""

import copy

import pytest
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers
from transformers import (
    AddedToken,
    BartphoTokenizer,
    BertGenerationTokenizer,
    CTRLTokenizer,
    GPTSw3Tokenizer,
    PreTrainedTokenizerFast,
    XLMTokenizer,
)

from tests import tiny
from tests.vocabularies import classes
from tracebench.models.text.tokenizer import Pieces


@pytest.mark.parametrize("word", ["naïve", "Ã©", "Ġé", "日本", " déjà vu", "\u200b\u200b", "··"])
@pytest.mark.parametrize(
    "scheme", [tiny.tokenizer, tiny.sentencepiece, tiny.metaspace], ids=["bytes", "bpe", "unigram"]
)
def test_an_added_token_is_the_text_that_it_matches(scheme, word):
    tokenizer = copy.deepcopy(scheme())
    tokenizer.add_tokens([AddedToken(word, normalized=False)])
    pieces = Pieces(tokenizer)
    added = len(tokenizer) - 1
    tokens = pieces.tokens(pieces.encode(f"the {word} tower"))
    assert tokens.pieces[tokens.ids.index(added)] == word.encode()
    assert pieces.find(word, len(tokenizer)) == added
    if scheme is tiny.tokenizer:
        assert tokens.text == f"the {word} tower"


def test_an_added_token_may_be_the_name_of_a_byte_as_well():
    """The vocabulary has "é" for the byte E9; added as a word, the same id is the letter too."""
    tokenizer = copy.deepcopy(tiny.tokenizer())
    tokenizer.add_tokens(["é"])
    pieces = Pieces(tokenizer)
    for text in ("a café", "風 tower"):
        assert pieces.tokens(pieces.encode(text)).text == text


def test_an_added_token_may_be_spelled_in_the_code_of_the_vocabulary():
    """Gemma's vocabulary has "▁▁", listed as an added token too, and its text has spaces there."""
    names = {name: n for n, name in enumerate(["<unk>", "▁", "▁▁", *"thetowr", "th"])}
    names = {name: n for n, name in enumerate(names)}
    made = Tokenizer(models.BPE(vocab=names, merges=[("▁", "▁"), ("t", "h")], unk_token="<unk>"))
    made.normalizer = normalizers.Replace(" ", "▁")
    made.decoder = decoders.Replace("▁", " ")
    made.add_tokens([AddedToken("▁▁", normalized=False)])
    pieces = Pieces(PreTrainedTokenizerFast(tokenizer_object=made, unk_token="<unk>"))
    tokens = pieces.tokens(pieces.encode("the  tower"))
    assert names["▁▁"] in tokens.ids
    assert tokens.text == "the  tower"
    assert pieces.piece(names["▁▁"]) == b"  "


@pytest.fixture(scope="module")
def slow(tmp_path_factory):
    return lambda kind: Pieces(classes.build(kind, tmp_path_factory.mktemp(kind.__name__)))


@pytest.mark.parametrize("kind", [BertGenerationTokenizer, BartphoTokenizer, GPTSw3Tokenizer])
def test_sentencepiece_without_a_fast_version_keeps_its_spaces(slow, kind):
    pieces = slow(kind)
    for text in ("the tower in paris", " the  tower ", "a 🗼 b"):
        assert pieces.tokens(pieces.encode(text, special=False)).text == text
    shown = pieces.vocabulary(pieces._codec.ids)
    assert b" to" in shown.pieces.values()
    assert pieces.piece(pieces.find(" to", 10**6)) == b" to"


@pytest.mark.parametrize(
    ("kind", "text", "parts"),
    [
        (CTRLTokenizer, "towers in", (b"tower", b"s ", b"in")),
        (XLMTokenizer, "towers in", (b"tower", b"s ", b"in")),
    ],
)
def test_marks_of_words_are_spaces_or_nothing(slow, kind, text, parts):
    pieces = slow(kind)
    tokens = pieces.tokens(pieces.encode(text, special=False))
    assert tokens.text == text
    assert tokens.pieces[-2:] == parts[-2:]
    assert b"".join(tokens.pieces[:-2]) == parts[0]


def test_a_name_in_angle_brackets_is_text_where_the_vocabulary_has_no_bytes():
    made = Tokenizer(models.WordLevel({"<0x41>": 0, "the": 1, "tower": 2, "<unk>": 3}, unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    pieces = Pieces(PreTrainedTokenizerFast(tokenizer_object=made, unk_token="<unk>"))
    assert pieces.tokens(pieces.encode("the <0x41> tower")).text == "the <0x41> tower"
    assert pieces.piece(0) == b" <0x41>"


def test_letters_of_the_byte_alphabet_are_letters_where_the_vocabulary_has_no_bytes():
    names = ["<unk>", "▁", "▁na", "ï", "ve", "Ã", "©", "e", *"abcdfghijklmno"]
    made = Tokenizer(models.Unigram([(name, -float(n)) for n, name in enumerate(names)], unk_id=0))
    made.pre_tokenizer, made.decoder = pre_tokenizers.Metaspace(), decoders.Metaspace()
    pieces = Pieces(PreTrainedTokenizerFast(tokenizer_object=made, unk_token="<unk>"))
    assert pieces.tokens(pieces.encode("naïve Ã©")).text == "naïve Ã©"


def test_a_rule_needs_a_spelling_that_it_changes():
    """Thousands of names in ASCII agree with every rule, and the letter that tells them apart may be in no sample."""
    names = ["<unk>", "▁", *(f"w{n}" for n in range(5000))]
    names[4], names[7], names[10] = "ï", "ve", "▁na"
    made = Tokenizer(models.Unigram([(name, -1.0 - n / 5000) for n, name in enumerate(names)], unk_id=0))
    made.pre_tokenizer, made.decoder = pre_tokenizers.Metaspace(), decoders.Metaspace()
    pieces = Pieces(PreTrainedTokenizerFast(tokenizer_object=made, unk_token="<unk>"))
    assert 4 not in pieces._spelling._sample
    assert pieces.piece(4) == "ï".encode()
    assert pieces.tokens(pieces.encode("naïve")).pieces == (b"na", "ï".encode(), b"ve")
