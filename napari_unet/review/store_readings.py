"""The part of `ReviewProject` for second reading: calls on findings, before and after a model's score."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from napari_unet.core.calibration import Calibration, Truth
from napari_unet.core.second_reading import FindingCall, Reading
from napari_unet.review import calibrating, second_reader
from napari_unet.review.record import Call, CallKind
from napari_unet.review.second_reader import ModelScore
from napari_unet.review.store_models import ModelStore


class ReadingStore(ModelStore):
    """First calls, scores and final calls; see `ReviewProject`."""

    def first_call(self, case: str, by: str, said: Mapping[str, FindingCall]) -> None:
        """Lock the first call of a reader on a case; from then on they may see its scores.

        Parameters
        ----------
        case : str
            Id of the case.
        by : str
            The reader.
        said : mapping of str to FindingCall
            By finding.

        Raises
        ------
        UserError
            If it says nothing, or if this reader has seen the score of the case. Until then a further call
            mends the first.
        """
        with self._database.writing() as connection:
            second_reader.first_call(connection, case, by, said)

    def show_scores(self, case: str, by: str) -> list[ModelScore]:
        """Return the scores of models for a case, and record that this reader has seen them, and when.

        Raises `NotCalled` (UserError) if this reader has made no first call, unless the project is in triage.
        """
        with self._database.writing() as connection:
            return second_reader.show_scores(connection, case, by)

    def final_call(self, case: str, by: str, said: Mapping[str, FindingCall]) -> None:
        """State what a reader thinks after the score was shown, in place of an earlier final call.

        Arguments as in `first_call`. Raises UserError if the score was not shown to this reader yet.
        """
        with self._database.writing() as connection:
            second_reader.final_call(connection, case, by, said)

    def reader_call(self, case: str, by: str, final: bool = False) -> dict[str, FindingCall]:
        """Return what a reader's first (or final) call on a case says, by finding; {} without one."""
        kind = CallKind.FINAL if final else CallKind.FIRST
        with self._database.reading() as connection:
            return second_reader.calls_of(connection, case, by, kind)

    def visible_scores(self, by: str) -> dict[str, list[ModelScore]]:
        """Return by case the scores that a reader may see: of cases with their first call; in triage, all."""
        with self._database.reading() as connection:
            return second_reader.visible_scores(connection, by)

    def visible_calls(self, by: str) -> list[Call]:
        """Return all calls as `calls` does, without the scores that this reader may not see yet."""
        with self._database.reading() as connection:
            open_to = second_reader.cases_open_to(connection, by)
        return second_reader.without_hidden(self.calls(), open_to)

    def readings(self) -> list[Reading]:
        """Return what each reader said of each finding, before and after the score."""
        with self._database.reading() as connection:
            return second_reader.readings(connection)

    def put_references(self, known: Iterable[tuple[str, str, bool, str]], by: str) -> None:
        """Store (case, finding, whether it is there, source) from elsewhere; all of them or none."""
        with self._database.writing() as connection:
            for case, finding, present, source in known:
                second_reader.add_reference(connection, case, finding, present, source, by)

    def references(self) -> dict[tuple[str, str], bool]:
        """Return what is known of findings from elsewhere, by case and finding."""
        with self._database.reading() as connection:
            return second_reader.references(connection)

    def calibrate(
        self, by: str, truth: Truth, model: str, version: str, sensitivity: float = 0.9
    ) -> list[Calibration]:
        """Set the thresholds of a model's findings by the cases of this project, for this version of it.

        Raises UserError, and sets none, if there are too few cases for all findings (`core.calibration`).
        """
        with self._database.writing() as connection:
            return calibrating.calibrate_findings(connection, by, truth, model, version, sensitivity)

    def calibrations(self) -> list[Calibration]:
        """Return the thresholds set by cases of this project, the last one of each finding and version."""
        with self._database.reading() as connection:
            return calibrating.calibrations(connection)

    @property
    def in_triage(self) -> bool:
        """Whether scores are shown before any call, to sort cases by them."""
        with self._database.reading() as connection:
            return second_reader.in_triage(connection)

    def set_triage(self, on: bool, by: str) -> None:
        """Show scores before any call, or no longer.

        Nothing that anybody calls in this project from then on counts as second reading.
        """
        with self._database.writing() as connection:
            second_reader.set_triage(connection, on, by)
