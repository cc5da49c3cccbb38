"""Counts in sentences: ``1 step``, ``2 steps``."""

from __future__ import annotations


def counted(number: int | str, noun: str) -> str:
    """The number (or "?") with its noun, which has an "s" unless the number is 1."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
