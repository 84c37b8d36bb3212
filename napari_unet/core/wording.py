"""Numbers and sizes as they are written in messages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence


def counted(number: int, noun: str) -> str:
    """Such as "1 case", "2 cases" or "1,200 cases"; for nouns with a regular plural."""
    return f"{number} {noun}" if number == 1 else f"{number:,} {noun}s"


def listed(words: Sequence[str], last: str = "and") -> str:
    """Such as "apex", "apex and base" or "apex, hilum and base"."""
    return f" {last} ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def first_of(words: Sequence[str], most: int) -> str:
    """Such as "a, b, …", where there are more than so many."""
    return ", ".join(words[:most]) + (", …" if len(words) > most else "")


def turns(keys: Sequence[Hashable]) -> list[int]:
    """For each key its turn among equal ones, from 1; 0 where no other is equal."""
    several, seen = Counter(keys), Counter[Hashable]()
    found = []
    for key in keys:
        seen[key] += 1
        found.append(seen[key] if several[key] > 1 else 0)
    return found


def size_in_words(shape: Iterable[int]) -> str:
    """Such as "512 × 400", in the order of `shape`."""
    return " × ".join(map(str, shape))
