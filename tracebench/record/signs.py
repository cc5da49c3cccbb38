"""Make every character of a token's text visible, so that two different texts never look alike.

White space has signs, and every invisible character has its code: ⟨200B⟩. Both can be read back, because a sign or a
bracket that is part of the text shows its own code. Only letters that scripts share (a, а) still look alike.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from functools import lru_cache

#: White space -> its sign. A newline has a sign too, because a cell or a chip holds one line.
VISIBLE = {" ": "\u00b7", "\n": "\u21b5", "\t": "\u21e5", "\r": "\u240d", "\u00a0": "\u237d"}
#: The sign of an empty text.
NOTHING = "\u2205"
#: Carries a combining mark that has no letter before it.
CARRIER = "\u25cc"
OPEN, CLOSE = "\u27e8", "\u27e9"

#: Controls, format characters, separators, surrogates, private use and unassigned: a browser shows nothing, or one box.
_UNSEEN = {"Cc", "Cf", "Zs", "Zl", "Zp", "Cs", "Co", "Cn"}
#: Letters, marks and symbols that are blank too (Unicode's Default_Ignorable_Code_Point, the blank of Braille, ...).
_BLANK = (
    (0x034F, 0x034F),
    (0x115F, 0x1160),
    (0x17B4, 0x17B5),
    (0x180B, 0x180F),
    (0x2800, 0x2800),
    (0x3164, 0x3164),
    (0xFE00, 0xFE0F),
    (0xFFA0, 0xFFA0),
    (0x1D159, 0x1D159),
    (0xE0100, 0xE01EF),
)
#: Characters that are signs here. If a text contains one, its code is shown instead.
_RESERVED = {*VISIBLE.values(), CARRIER, OPEN}


def visible(text: str) -> str:
    """The text with signs and codes. Different texts give different results, also after Unicode normalisation."""
    if text.isascii() and text.isprintable():
        return text.replace(" ", VISIBLE[" "]) or NOTHING
    if text == NOTHING:
        return code(NOTHING)
    return "".join(_signs(text))


def code(char: str) -> str:
    """The code of a character, in hex. From 80 on it has four digits, because ⟨85⟩ is a byte of a cut character."""
    return f"{OPEN}{ord(char):02X}{CLOSE}" if ord(char) < 0x80 else f"{OPEN}{ord(char):04X}{CLOSE}"


def _signs(text: str) -> Iterator[str]:
    plain = ""
    for char in text:
        if char in VISIBLE or _unseen(char) or char in _RESERVED:
            plain = ""
            yield VISIBLE.get(char) or code(char)
        elif not unicodedata.is_normalized("NFC", plain + char):
            # "e" with an accent after it is another spelling of "é", and both look the same on the screen.
            plain = ""
            yield code(char)
        elif not plain and unicodedata.category(char).startswith("M"):
            plain = CARRIER + char
            yield plain
        else:
            plain += char
            yield char


@lru_cache(maxsize=4096)
def _unseen(char: str) -> bool:
    return unicodedata.category(char) in _UNSEEN or any(first <= ord(char) <= last for first, last in _BLANK)
