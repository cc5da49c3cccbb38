"""Canonical JSON: equal data gives equal text, in Python and in the browser (``canonical.ts``).

It has no spaces, and its keys are sorted by code point. Numbers follow ECMAScript and RFC 8785: ``1`` for 1.0, ``1e-7`` for
1e-07. So a whole float and the equal int have one spelling, and -0.0 is ``0``.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

#: The largest whole number that a browser holds exactly (``Number.MAX_SAFE_INTEGER``).
LARGEST = 2**53 - 1
_SURROGATE = re.compile("[\ud800-\udfff]")


def canonical(value: Any) -> str:
    """The canonical JSON of text, finite numbers, booleans, None, sequences, and mappings with text as keys.

    Raises:
        TypeError: another type.
        ValueError: NaN, an infinity, or a whole number past 2**53 - 1.
    """
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, (int, float)):
        return number(value)
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{_text(key)}:{canonical(value[key])}" for key in sorted(value)) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(map(canonical, value)) + "]"
    raise TypeError(
        f"text, a number, a bool, None, a list or a mapping was expected, got {type(value).__name__} {value!r}"
    )


def number(value: float) -> str:
    """A number as ``String(value)`` writes it in a browser.

    Raises:
        ValueError: NaN, an infinity, or a whole number past 2**53 - 1.
    """
    if isinstance(value, int):
        if abs(value) > LARGEST:
            raise ValueError(f"a browser holds whole numbers up to 2**53 - 1 exactly, got {value}: write it as text")
        return str(value)
    if not math.isfinite(value):
        raise ValueError(f"JSON cannot hold the number {value}: give a finite number, or None")
    if value == 0:
        return "0"
    # Python's repr has the shortest digits that give the number back, as in ECMAScript. Only their layout differs.
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    written, point = "".join(map(str, digits)), len(digits) + int(exponent)
    return "-" * sign + _laid_out(written, point)


def _laid_out(digits: str, point: int) -> str:
    """The number ``0.digits * 10**point`` in the layout of ECMAScript's Number::toString."""
    if len(digits) <= point <= 21:
        return digits.ljust(point, "0")
    if 0 < point <= 21:
        return f"{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return f"0.{'0' * -point}{digits}"
    fraction = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{digits[0]}{fraction}e{point - 1:+d}"


def _text(text: str) -> str:
    if not isinstance(text, str):
        raise TypeError(f"the keys of a mapping are text, got {text!r}")
    if _SURROGATE.search(text):
        # In a browser, two surrogates in a row are one character, and a surrogate alone is escaped.
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
    return _SURROGATE.sub(lambda found: f"\\u{ord(found.group()):04x}", json.dumps(text, ensure_ascii=False))
