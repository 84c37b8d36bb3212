"""The one kind of error that people see."""

from __future__ import annotations


class UserError(Exception):
    """An error that the user can fix.

    ``str(error)`` is problem and remedy together, ready to be shown in the window or on the command line.

    Parameters
    ----------
    problem : str
        What is wrong: one plain sentence without jargon.
    remedy : str
        What to do about it. May be empty.
    """

    def __init__(self, problem: str, remedy: str = "") -> None:
        super().__init__(problem, remedy)
        self.problem = problem
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.problem} {self.remedy}".strip()


IN_THE_LOG = "The log has the details; please report it with them."
"""The remedy for what nobody has foreseen, where it is logged."""

_MEMORY_SIGNS = ("out of memory", "can't allocate memory", "not enough memory", "ALLOC_FAILED")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out. torch says it in several ways: a class of its own on CUDA, RuntimeError
    elsewhere and in cuDNN.
    """
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    return isinstance(error, RuntimeError) and any(sign in str(error) for sign in _MEMORY_SIGNS)
