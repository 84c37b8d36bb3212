"""Which answer of a model something is by: behind the model's version, where masks and reports name it."""

from __future__ import annotations

_BEFORE = ", answer "
_LONGEST = 50  # letters, in a project's database


def with_answer(version: str, answer: str) -> str:
    """As in "1, answer lungs-2"."""
    return f"{version}{_BEFORE}{answer}"[:_LONGEST]


def answer_in(version: str) -> str | None:
    """The answer that `with_answer` put there; None for a model that has only one."""
    return version.partition(_BEFORE)[2] or None
