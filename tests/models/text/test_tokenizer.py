import numpy as np
import pytest

from tests import tiny
from tracebench.models.language_model import LanguageModel
from tracebench.models.text.tokenizer import Pieces

TEXTS = [
    "The Eiffel Tower is in Paris.",
    " leading and trailing ",
    "two  spaces\n\nand\tlines\r\n",
    "🗼👩‍👩‍👧 naïve café",
    "שלום عليكم",
    "</script><img onerror=alert(1)>${x}",
    "nul \x00 bell \x07",
    "<|im_start|>user\nhello<|im_end|>",
    "mixed: <s> and 🗼<|im_end|>🗼",
]
SCHEMES = {
    "bytes": tiny.tokenizer,
    "sentencepiece": tiny.sentencepiece,
    "metaspace": tiny.metaspace,
    "wordpiece": tiny.wordpiece,
}


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_pieces_of_a_text_are_what_the_tokenizer_decodes(scheme, text):
    tokenizer = SCHEMES[scheme]()
    pieces = Pieces(tokenizer)
    ids = pieces.encode(text)
    tokens = pieces.tokens(ids)
    assert list(tokens.ids) == ids
    assert tokens.text == tokenizer.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False)


@pytest.mark.parametrize("text", TEXTS)
def test_byte_level_pieces_are_the_bytes_of_the_text(text):
    pieces = Pieces(tiny.tokenizer())
    tokens = pieces.tokens(pieces.encode(text))
    assert b"".join(tokens.pieces) == text.encode()


def test_a_character_of_several_tokens_is_its_bytes():
    pieces = Pieces(tiny.tokenizer())
    tokens = pieces.tokens(pieces.encode("🗼"))
    assert tokens.pieces == (b"\xf0", b"\x9f", b"\x97", b"\xbc")
    assert tokens.display == ("⟨F0⟩", "⟨9F⟩", "⟨97⟩", "⟨BC⟩")
    pieces = Pieces(tiny.sentencepiece())
    assert pieces.tokens(pieces.encode("x🗼")).pieces[-4:] == (b"\xf0", b"\x9f", b"\x97", b"\xbc")


def test_part_of_a_sequence_keeps_its_half_characters():
    """A generation may end in the middle of an emoji: its bytes are kept, no matter what decoding makes of them."""
    pieces = Pieces(tiny.tokenizer())
    ids = pieces.encode("a 🗼")
    assert b"".join(pieces.tokens(ids[:-1]).pieces) == "a 🗼".encode()[:-1]
    assert pieces.tokens(ids[-2:]).pieces == (b"\x97", b"\xbc")


@pytest.mark.parametrize(
    ("scheme", "text", "pieces"),
    [
        ("sentencepiece", "Paris", (b"Par", b"is")),
        ("metaspace", "tower", (b"to", b"w", b"er")),
        ("wordpiece", "tower in paris", (b"tower", b" in", b" par", b"i", b"s")),
    ],
)
def test_the_space_that_a_scheme_puts_before_a_text_is_not_the_texts(scheme, text, pieces):
    found = Pieces(SCHEMES[scheme]())
    tokens = found.tokens(found.encode(text))
    assert tuple(piece for piece in tokens.pieces if piece) == pieces


def test_special_tokens_are_marked_and_keep_their_name():
    pieces = Pieces(tiny.tokenizer())
    tokens = pieces.tokens([1, 87, 3])
    assert tokens.pieces == (b"<s>", b"t", b"<|im_end|>")
    assert tokens.special == (True, False, True)
    assert pieces.vocabulary([3, 87]).kind(3) == "special"


def test_an_id_past_the_vocabulary_is_shown_as_an_id():
    """Embeddings are often padded: the model can predict an id that no text has."""
    pieces = Pieces(tiny.tokenizer())
    assert pieces.tokens([87, 9999]).pieces == (b"t", b"[9999]")
    assert pieces.vocabulary([9999]).display(9999) == "[9999]"


def test_without_a_tokenizer_ids_are_shown():
    pieces = Pieces(None)
    assert pieces.tokens([5, 6]).text == "[5][6]"
    with pytest.raises(ValueError, match="this model has no tokenizer: give token ids instead of text"):
        pieces.encode("text")
    with pytest.raises(ValueError, match="'x' is text, but this model has no tokenizer: give a vocabulary id"):
        pieces.find("x", 10)
    assert pieces.find(5, 10) == 5


def test_a_token_is_found_by_its_exact_text():
    lm = tiny.lm()
    assert lm.token_id(" tower") == lm.encode("The tower")[1]
    assert lm.token_id("<|im_end|>") == 3
    assert lm.token_id(7) == lm.token_id(np.int64(7)) == 7
    sentencepiece = Pieces(tiny.sentencepiece())
    assert sentencepiece.piece(sentencepiece.find(" ", 500)) == b" "


def test_a_text_that_is_not_one_token_says_which_tokens_it_is():
    lm = tiny.lm()
    parts = lm.tokens(lm.encode(" Paris"))
    with pytest.raises(ValueError, match="' Paris' is not one token of this vocabulary; it is “·”") as failure:
        lm.token_id(" Paris")
    for part in parts:
        assert f"({part.id})" in str(failure.value)
    with pytest.raises(ValueError, match="Try ' tower', with its space"):
        lm.token_id("tower")


@pytest.mark.parametrize("scheme", SCHEMES)
def test_no_text_is_no_token(scheme):
    with pytest.raises(ValueError, match="'' is no token at all: give a token's exact text with its space"):
        Pieces(SCHEMES[scheme]()).find("", 500)


def test_a_text_that_the_tokenizer_drops_is_no_token():
    with pytest.raises(ValueError, match="' ' is not one token of this vocabulary; its tokenizer drops it"):
        Pieces(tiny.wordpiece()).find(" ", 500)


@pytest.mark.parametrize(
    ("scheme", "text", "meant"),
    [
        ("wordpiece", "Tower", "' tower'"),
        ("wordpiece", "tower", "' tower', with its space"),
        ("wordpiece", "[SPE]", r"'\[SEP\]'"),
        ("bytes", "<|im_strat|>", r"'<\|im_start\|>'"),
        ("bytes", "<|im_end>", r"'<\|im_end\|>'"),
    ],
)
def test_what_was_nearly_a_token_is_told(scheme, text, meant):
    with pytest.raises(ValueError, match=f"is not one token of this vocabulary; .* Try {meant}\\.$"):
        Pieces(SCHEMES[scheme]()).find(text, 500)


@pytest.mark.parametrize(("scheme", "text"), [("wordpiece", "x\n"), ("bytes", "<x>"), ("bytes", "twoer")])
def test_where_nothing_is_near_nothing_is_proposed(scheme, text):
    with pytest.raises(ValueError, match=r"Give one of those, or an id\.$"):
        Pieces(SCHEMES[scheme]()).find(text, 500)


def test_an_id_that_is_not_there_is_a_sentence():
    lm = tiny.lm()
    with pytest.raises(ValueError, match=r"token id 320 is not in the vocabulary \(0 to 319\)"):
        lm.token_id(320)
    with pytest.raises(ValueError, match="token id -1"):
        lm.token_id(-1)
    with pytest.raises(TypeError, match="a token is exact text"):
        lm.token_id(True)
    with pytest.raises(TypeError, match="a token is exact text"):
        lm.token_id(1.0)


def test_a_lone_surrogate_is_a_sentence():
    lm = tiny.lm()
    with pytest.raises(ValueError, match=r"lone surrogate \(U\+D83D\) at character 3, which no tokenizer can hold"):
        lm.generate("hi \ud83d there")
    with pytest.raises(ValueError, match="lone surrogate"):
        lm.read("\udfff")
    with pytest.raises(ValueError, match="lone surrogate"):
        lm.chat([{"role": "user", "content": "\ud83d"}])
    with pytest.raises(ValueError, match="lone surrogate"):
        lm.token_id("\ud83d")


def test_the_digest_tells_tokenizers_apart():
    assert Pieces(tiny.tokenizer()).digest == Pieces(tiny.tokenizer()).digest
    assert len({Pieces(make()).digest for make in SCHEMES.values()}) == 4
    assert Pieces(None).digest == ""


def test_an_unknown_scheme_is_read_by_decoding_beginnings():
    class Odd:
        """Says nothing about itself, and writes a dash between tokens."""

        all_special_ids = ()
        words = ("zero", "one", "two")

        def get_vocab(self):
            return {word: n for n, word in enumerate(self.words)}

        def convert_ids_to_tokens(self, token_id):
            return self.words[token_id]

        def decode(self, ids, **_):
            return "-".join(self.words[i] for i in ids)

    pieces = Pieces(Odd())
    assert pieces.tokens([2, 0, 1]).pieces == (b"two", b"-zero", b"-one")
    assert pieces.find("one", 3) == 1


def test_the_demo_models_pieces(demo_lm):
    text = "Paris, 🗼 naïve\n  x = 1"
    tokens = demo_lm.tokens(demo_lm.encode(text))
    assert b"".join(tokens.pieces) == text.encode()
    assert isinstance(demo_lm, LanguageModel)
    assert demo_lm.tokens([demo_lm.token_id(" Paris")]).text == " Paris"


def test_an_id_past_the_vocabulary_changes_no_other_piece():
    pieces = Pieces(tiny.sentencepiece())
    ids = pieces.encode("Paris")
    whole = pieces.tokens(ids).pieces
    assert pieces.tokens([9999, *ids, 9999]).pieces == (b"[9999]", *whole, b"[9999]")
