"""Numbers and sizes as they are written in messages."""

from __future__ import annotations

from collections.abc import Iterable


def counted(number: int, noun: str) -> str:
    """Such as "1 case", "2 cases" or "1,200 cases"; for nouns with a regular plural."""
    return f"{number} {noun}" if number == 1 else f"{number:,} {noun}s"


def size_in_words(shape: Iterable[int]) -> str:
    """Such as "512 × 400", in the order of `shape`."""
    return " × ".join(map(str, shape))
