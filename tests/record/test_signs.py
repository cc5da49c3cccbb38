"""The signs of a text show every character, and no two texts look alike."""

import itertools
import sys
import unicodedata

import pytest

from tracebench.record.signs import VISIBLE, visible
from tracebench.record.tokens import display_piece

UNSEEN = [
    *"\u200b\u200c\u200d\u2060\ufeff",  # zero width
    *"\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c",  # direction
    *"\u3000\u2000\u2009\u202f\u205f\u1680\u2028\u2029\x85\x0b\x0c",  # spaces and line ends
    *"\ufe0f\ufe0e\U000e0100\u180b",  # variation selectors
    *"\u00ad\u034f\u115f\u3164\uffa0\u2800\u17b4\U000e0041",  # soft hyphen, fillers, joiners, blanks, tags
    *"\x00\x07\x1b\x7f\x9f\ue000\uffff",  # controls, private use, no character
]


@pytest.mark.parametrize("char", UNSEEN, ids=ascii)
def test_an_invisible_character_has_a_code(char):
    shown = visible(char)
    assert shown == f"⟨{ord(char):04X}⟩" or (ord(char) < 0x80 and shown == f"⟨{ord(char):02X}⟩")
    assert visible(f"a{char}b") == f"a{shown}b"


def test_every_character_is_shown_and_no_two_alike():
    shown: dict[str, str] = {}
    for number in range(sys.maxunicode + 1):
        if 0x30000 <= number < 0xE0000 or number >= 0xE0200 or 0xD800 <= number < 0xE000:
            continue
        char = chr(number)
        sign = unicodedata.normalize("NFC", visible(char))
        assert sign not in shown, f"{char!a} and {shown[sign]!a} are both {sign}"
        shown[sign] = char
        unseen = [c for c in sign if unicodedata.category(c) in ("Cc", "Cf", "Zs", "Zl", "Zp", "Cn", "Co")]
        assert not unseen, ascii(char)


def test_no_two_pieces_look_alike():
    """The pieces hold real signs and codes, separate and composed accents, and bytes of cut characters."""
    parts = [c.encode() for c in (*VISIBLE, *VISIBLE.values(), *"∅⟨⟩07e\u0301é◌\u200b\u1100\u1161가")]
    parts += [b"\x07", b"\x85", "\x85".encode(), b"\xc3", b"\xa9", b"\xe2\x80", "⟨07⟩".encode(), b"<0x07>"]
    pieces = {b"".join(some) for length in range(4) for some in itertools.product(parts, repeat=length)}
    by_look: dict[str, bytes] = {}
    for piece in pieces:
        look = unicodedata.normalize("NFC", display_piece(piece))
        assert look not in by_look, f"{piece!r} and {by_look[look]!r} are both {look}"
        by_look[look] = piece


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("e\u0301", "e⟨0301⟩"),
        ("\u0301", "◌\u0301"),
        (" \u0301", "·◌\u0301"),
        ("é", "é"),
        ("नमस्ते", "नमस्ते"),
        ("l·l", "l⟨00B7⟩l"),
        ("⟨07⟩", "⟨27E8⟩07⟩"),
        ("∅", "⟨2205⟩"),
        (" ∅", "·∅"),
        ("\u212b", "⟨212B⟩"),
        ("👩\u200d👧", "👩⟨200D⟩👧"),
    ],
)
def test_signs_and_letters_stay_readable(text, shown):
    assert visible(text) == shown


def test_spaces_around_a_special_token_do_not_belong_to_its_name():
    assert display_piece(b" [SEP]", special=True) == "[SEP]"
    assert display_piece(b"<|a b|>", special=True) == "<|a·b|>"
