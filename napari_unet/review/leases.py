"""Which window has a case open: a lease belongs to a session, not to the name of its reviewer."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from napari_unet.core.errors import UserError
from napari_unet.io.processes import machine, runs

if TYPE_CHECKING:
    from sqlalchemy import Row

LEASE = timedelta(minutes=10)
"""A case that nobody renewed for this long is free again: the window that had it is gone."""

FREE: dict[str, Any] = {
    "lease": "",
    "lease_renewed": None,
    "lease_session": "",
    "lease_computer": "",
    "lease_process": None,
}
"""Columns of a case that nobody has open."""

_living: set[str] = set()  # sessions of this process


class CaseTaken(UserError):
    """Somebody else has the case open, or has had it since this session opened it. who : "" if unknown."""

    def __init__(self, problem: str, remedy: str, number: int, who: str) -> None:
        super().__init__(problem, remedy)
        self.number = number
        self.who = who


@dataclass(frozen=True)
class Session:
    """One open project: two windows of one program are two. taken : ids of cases that it has opened."""

    id: str = field(default_factory=lambda: f"{_of_here()}{uuid4().hex[:22]}")
    computer: str = field(default_factory=platform.node)
    process: int = field(default_factory=os.getpid)
    taken: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        _living.add(self.id)

    def end(self) -> None:
        """What it had open is free for others of this computer from now on."""
        _living.discard(self.id)

    def lease(self, by: str, time: datetime) -> dict[str, Any]:
        """Columns of a case that `by` has open in this session."""
        return {
            "lease": by,
            "lease_renewed": time,
            "lease_session": self.id,
            "lease_computer": self.computer,
            "lease_process": self.process,
        }

    def refuse_taken(self, row: Row[Any], by: str, time: datetime) -> None:
        """Raises CaseTaken if another session has the case open. row : of `cases`."""
        if row.lease_session == self.id or not is_leased(row, time):
            return
        if row.lease != by:
            told = f"{row.lease} has case {row.number} open.", "Take the next one, or ask them to leave it."
        elif is_of_this_machine(row.lease_computer, row.lease_session):
            told = f"You have case {row.number} open in another window.", "Close it there first."
        else:
            told = f"{row.lease} has case {row.number} open on another computer.", "Close it there first."
        raise CaseTaken(*told, row.number, row.lease)

    def refuse_lost(self, row: Row[Any], by: str, time: datetime) -> None:
        """As `refuse_taken`, also if another session has had the case since this one opened it."""
        if not self.has_lost(row):
            self.refuse_taken(row, by, time)
            return
        who = row.lease if is_leased(row, time) else ""
        raise CaseTaken(
            f"Case {row.number} was opened elsewhere{f' ({who})' if who else ''} since you opened it.",
            "What you painted is kept among its masks. Open it again to see what became of it.",
            row.number,
            who,
        )

    def has_lost(self, row: Row[Any]) -> bool:
        """Whether this session opened the case, and another one has had it since."""
        return row.id in self.taken and row.lease_session != self.id


def is_of_this_machine(computer: str, session: str) -> bool:
    """Whether a session is of this machine: two machines of one host name are two.

    Sessions of earlier versions do not say; they count as another machine's, whose leases run out.
    """
    return computer == platform.node() and session.startswith(_of_here())


def _of_here() -> str:
    """How the ids of this machine's sessions begin; they have 32 signs at most."""
    return f"{machine()[:9]}."


def is_leased(row: Row[Any], time: datetime) -> bool:
    """True if somebody has the case open. row : with the columns of `FREE`.

    A clock that went back a little frees none, one far off does. So does the end of the process, where it
    can be seen: on this computer.
    """
    if not row.lease or row.lease_renewed is None or abs(time - row.lease_renewed) >= LEASE:
        return False
    if not is_of_this_machine(row.lease_computer, row.lease_session) or row.lease_process is None:
        return True
    if row.lease_process == os.getpid():
        return row.lease_session in _living
    return runs(row.lease_process)
