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
