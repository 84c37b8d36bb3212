"""The part of `ReviewProject` for who works on a case and what is decided about it."""

from __future__ import annotations

from napari_unet.review import decisions, rows
from napari_unet.review.leases import Session, is_leased
from napari_unet.review.store_cases import CaseStore
from napari_unet.review.trail import now
from napari_unet.review.types import Case, Reason, Status


class DecisionStore(CaseStore):
    """Leases and decisions; see `ReviewProject`."""

    _session: Session

    def begin(self, case: str, by: str) -> Case:
        """Open a case for one person. A new case is then in progress.

        Raises CaseTaken, with the name, if another window has the case open. A lease ends with the process
        that holds it, as far as that can be seen, or if it was not renewed for ten minutes.
        """
        with self._database.writing() as connection:
            decisions.begin(connection, self._session, case, by)
            found = rows.one_case(connection, case, self._nobody)
        self._session.taken.add(case)
        return found

    def is_elsewhere(self, case: str) -> bool:
        """Return whether another window has the case open."""
        with self._database.reading() as connection:
            row = rows.case_row(connection, case)
        return row.lease_session != self._session.id and is_leased(row, now())

    def refuse_lost(self, case: str, by: str) -> None:
        """Raise CaseTaken as `renew` does, but change nothing."""
        with self._database.reading() as connection:
            self._session.refuse_lost(rows.case_row(connection, case), by, now())

    def renew(self, case: str, by: str) -> None:
        """Renew the lease of an open case; to be called every few minutes.

        Raises CaseTaken if another window has it, or has had it since `begin`.
        """
        with self._database.writing() as connection:
            decisions.renew(connection, self._session, case, by)

    def leave(self, case: str, by: str, active_seconds: float) -> None:
        """Release the case, and add the seconds of active work."""
        with self._database.writing() as connection:
            decisions.leave(connection, self._session, case, by, active_seconds)
        self._session.taken.discard(case)

    def decide(
        self, case: str, status: Status, by: str, reason: Reason | None = None, empty_ok: bool = False
    ) -> Case:
        """Accept or reject a case, or set it aside for a second look.

        ACCEPTED becomes CORRECTED if a person changed the mask.

        Parameters
        ----------
        case : str
            Id of the case.
        status : Status
            ACCEPTED, REJECTED or SECOND_LOOK.
        by : str
            Who decides.
        reason : Reason, optional
            Why it is rejected; required for REJECTED.
        empty_ok : bool
            Whether an empty mask may be accepted. A case without any mask gets an empty one.

        Returns
        -------
        Case
            The case after the decision.

        Raises
        ------
        UserError
            If the mask is empty and `empty_ok` is False, or (CaseTaken) if another window has the case open.
        """
        with self._database.writing() as connection:
            decisions.decide(connection, self._session, self.folder, case, status, by, reason, empty_ok)
            return rows.one_case(connection, case, self._nobody)

    def take_back(self, by: str) -> Case | None:
        """Undo the last decision of a person that is still valid.

        Status, reason and reviewer are then as they were before.

        Parameters
        ----------
        by : str
            Whose decision.

        Returns
        -------
        Case or None
            The case, or None if there is no such decision.

        Raises
        ------
        UserError
            If somebody else has decided about the case since, or has it open.
        """
        with self._database.writing() as connection:
            case = decisions.take_back(connection, self._session, by)
            return None if case is None else rows.one_case(connection, case, self._nobody)
