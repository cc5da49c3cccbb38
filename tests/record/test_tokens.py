import pytest

from tests.made import SPECIAL, VOCABULARY, tokens
from tracebench.record.tokens import Tokens, Vocabulary, display_piece, piece_kind


def test_two_halves_of_a_character_make_one_text():
    both = tokens(4, 5)
    assert both.text == "🗼"
    assert both.display == ("⟨F0 9F⟩", "⟨97 BC⟩")


def test_offsets_are_byte_ranges_of_the_text():
    some = tokens(0, 1, 4, 5)
    text = some.text.encode()
    assert [text[a:b] for a, b in some.offsets] == list(some.pieces)


@pytest.mark.parametrize(
    ("piece", "special", "shown", "kind"),
    [
        (b" Paris", False, "·Paris", "text"),
        (b"\n\t ", False, "↵⇥·", "space"),
        (b"\x00", False, "⟨00⟩", "text"),
        (b"", False, "∅", "space"),
        (b"<|im_end|>", True, "<|im_end|>", "special"),
        (b"a\xe2\x80", False, "a⟨E2 80⟩", "bytes"),
        ("é".encode(), False, "é", "text"),
    ],
)
def test_a_piece_is_shown_with_signs_and_codes(piece, special, shown, kind):
    assert display_piece(piece, special) == shown
    assert piece_kind(piece, special) == kind


def test_tokens_and_vocabularies_come_back_from_arrays():
    some = tokens(*VOCABULARY)
    assert Tokens.from_arrays(some.to_arrays()) == some
    known = Vocabulary(VOCABULARY, SPECIAL)
    assert Vocabulary.from_arrays(known.to_arrays()) == known


def test_an_unknown_id_raises_a_sentence():
    with pytest.raises(KeyError, match="token id 99 is not among the 12 pieces"):
        Vocabulary(VOCABULARY).text(99)


def test_ids_and_pieces_have_one_length():
    with pytest.raises(ValueError, match="2 ids, 1 piece and 2 special marks"):
        Tokens((1, 2), (b"a",), (False, False))
