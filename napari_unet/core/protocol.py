"""What counts as lung, in words: a model's protocol and a project's."""

from __future__ import annotations


def protocols_differ(one: str, other: str) -> bool:
    """Whether two protocols say different things; False where one of them is not known."""
    return bool(one.strip() and other.strip()) and _plain(one) != _plain(other)


def _plain(text: str) -> str:
    return " ".join(text.casefold().split()).rstrip(".")
