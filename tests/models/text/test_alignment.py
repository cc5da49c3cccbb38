"""Tokens are placed in the text by their bytes, also by tokenizers that give no offsets."""

import pytest

from tracebench.models.text.alignment import aligned


def no_offsets(*_, **__):
    raise NotImplementedError("slow tokenizers have no offsets")


@pytest.mark.parametrize(
    ("text", "pieces", "expected"),
    [
        ("the tower", ["the", " tower"], ["the", " tower"]),
        ("<a>\n\nthe<b>\u3000\u00a0", ["<a>", "the", "<b>"], ["<a>", "the", "<b>"]),  # marks that eat white space
        ("  <a>the", ["<a>", "the"], ["<a>", "the"]),
        ("<a>the", ["<a>", " the"], ["<a>", "the"]),  # a space that the tokenizer adds
        ("<a>\nthe in", ["<a>", " the", " in"], ["<a>", "the", " in"]),
        ("a  b", ["a", " ", " b"], ["a", " ", " b"]),
        ("the", ["", "the", ""], ["", "the", ""]),
    ],
)
def test_pieces_are_placed_one_after_another(text, pieces, expected):
    spans = aligned(text, range(len(pieces)), [piece.encode() for piece in pieces], no_offsets)
    assert [text.encode()[a:b].decode() for a, b in spans] == expected
    assert spans == sorted(spans)


def test_parts_of_a_character_have_their_own_bytes():
    assert aligned("é!", (1, 2, 3), [b"\xc3", b"\xa9", b"!"], no_offsets) == [(0, 1), (1, 2), (2, 3)]


@pytest.mark.parametrize("pieces", [["the", "?"], ["the"], ["tower", "the"], ["the", " tower", "s"]])
def test_a_text_that_the_pieces_do_not_spell_is_not_placed(pieces):
    assert aligned("the tower", range(len(pieces)), [piece.encode() for piece in pieces], no_offsets) is None


def test_offsets_of_other_tokens_do_not_count():
    def offsets(*_, **__):
        return {"input_ids": [1, 2], "offset_mapping": [(0, 1), (1, 2)]}

    assert aligned("é!", (1, 2), [b"e", b"!"], offsets) == [(0, 2), (2, 3)]
    assert aligned("é!", (1, 3), [b"e", b"!"], offsets) is None
