"""Numbers and sizes as they are written in messages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def counted(number: int, noun: str) -> str:
    """Such as "1 case", "2 cases" or "1,200 cases"; for nouns with a regular plural."""
    return f"{number} {noun}" if number == 1 else f"{number:,} {noun}s"


def listed(words: Sequence[str], last: str = "and") -> str:
    """Such as "apex", "apex and base" or "apex, hilum and base"."""
    return f" {last} ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def first_of(words: Sequence[str], most: int) -> str:
    """Such as "a, b, …", where there are more than so many."""
    return ", ".join(words[:most]) + (", …" if len(words) > most else "")


def size_in_words(shape: Iterable[int]) -> str:
    """Such as "512 × 400", in the order of `shape`."""
    return " × ".join(map(str, shape))
