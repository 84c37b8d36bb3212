"""The one kind of error that people see."""

from __future__ import annotations


class UserError(Exception):
    """Something the person at the screen can mend: what is wrong, and what to do about it.

    problem : one plain sentence without jargon. remedy : what to do next; may be empty.
    `str(error)` is both, ready to be shown in the window or on the command line.
    """

    def __init__(self, problem: str, remedy: str = "") -> None:
        super().__init__(problem, remedy)
        self.problem = problem
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.problem} {self.remedy}".strip()
