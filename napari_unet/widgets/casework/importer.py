"""Images into a project: added, with the masks that are there already, and read in the background."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, Signal

from napari_unet.core.errors import UserError
from napari_unet.core.source import Source
from napari_unet.core.wording import counted
from napari_unet.io.series_list import SeriesInfo, series_to_choose
from napari_unet.review.types import Author
from napari_unet.widgets.casework.case_list import CaseList
from napari_unet.widgets.casework.connection import ProjectConnection, there
from napari_unet.widgets.casework.mask_requests import MaskRequests
from napari_unet.widgets.casework.opener import CaseOpener
from napari_unet.widgets.casework.presenter import CasePresenter
from napari_unet.widgets.common.jobs import Job, exhaust
from napari_unet.widgets.common.series_dialog import ask_for_series

if TYPE_CHECKING:
    from napari_unet.review.add import Attached, Found
    from napari_unet.review.scan import ScanDone, ScanResult

_TOLD = 3  # of what was passed over or is wrong, when images are added


@dataclass(frozen=True)
class Added:
    """What came in: ids of new cases and of those that were there before; what was ignored, in words."""

    new: tuple[str, ...]
    known: tuple[str, ...]
    problems: tuple[str, ...]


@dataclass(frozen=True)
class _Found:
    """What there is to add, and the series of which some are to be chosen first."""

    found: Found
    infos: list[SeriesInfo]

    def without(self, wanted: list[Source]) -> Found:
        """What there is to add if of the series only those are wanted."""
        unwanted = {info.source for info in self.infos} - set(wanted)
        cases = [case for case in self.found.cases if Source.of(case.source) not in unwanted]
        return replace(self.found, cases=cases)


class Importer(QObject):
    """Adds images and scans them. All of it in threads; adding never waits for reading.

    added : Added. scanned : ScanDone, while files are read. scan_ended : ScanResult, or None if it was
    stopped. masks_attached : what attach_masks returned. failed : a UserError. reported : a sentence.
    """

    added = Signal(object)
    scanned = Signal(object)
    scan_ended = Signal(object)
    masks_attached = Signal(object)
    failed = Signal(object)
    reported = Signal(str)

    def __init__(
        self,
        connection: ProjectConnection,
        case_list: CaseList,
        presenter: CasePresenter,
        opener: CaseOpener,
        masks: MaskRequests,
        author: Callable[[], Author],
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._connection = connection
        self._case_list = case_list
        self._presenter = presenter
        self._opener = opener
        self._masks = masks
        self._author = author
        self._scan: Job | None = None
        self._came: set[str] = set()  # cases that were added, and are not read yet

    def add_images(
        self,
        inputs: Sequence[Path],
        manifest: Path | None = None,
        masks: Path | None = None,
        model: str | None = None,
        answer: str | None = None,
    ) -> None:
        """Add images by folder, file or glob; then read them, and make first masks, in the background.

        Where a folder holds several series, it is asked which of them are taken. masks : folder with masks
        that are there already. model : for cases that are without; answer : which of its answers, None for
        its own choice.
        """
        project, by = self._connection.project, self._author().name

        def work() -> Added | _Found:
            from napari_unet.review.add import gather

            found = gather(list(inputs), manifest=manifest, masks=masks)
            infos = series_to_choose([Source.of(case.source) for case in found.cases])
            return _Found(found, infos) if infos else added_to(found)

        def added_to(found: Found) -> Added:
            from napari_unet.review.add import add_found

            ids = add_found(there(project), found, by)
            return Added(
                tuple(id for id, new in ids if new),
                tuple(id for id, new in ids if not new),
                tuple(found.problems),
            )

        def go_on(result: Added | _Found) -> None:
            if isinstance(result, Added):
                added(result)
            elif (found := result.without(ask_for_series(result.infos))).cases:
                self._connection.run(lambda: added_to(found)).succeeded.connect(added)
            else:
                self.added.emit(Added((), (), ()))
                self.reported.emit("Nothing was added: no series was chosen.")

        def added(result: Added) -> None:
            self._case_list.reload()
            self.added.emit(result)
            self._came.update(result.new)
            self.reported.emit(_in_words(result))
            ids = (*result.new, *result.known)
            if masks is not None:
                self._attach(ids, masks, model, answer)
            else:
                self._go_on(result.new, model, answer)

        self._connection.run(work).succeeded.connect(go_on)

    def scan(self, ids: Sequence[str] | None = None, look_in: Sequence[Path] = ()) -> None:
        """Read files in the background: hash, header, what has changed, moved or gone. One scan at a time.

        ids : None for all cases. look_in : folders in which to look for files that are missing.
        """
        if self._scan is not None:
            self._scan.cancel()
        project, by = self._connection.project, self._author().name

        def work(job: Job) -> ScanResult:
            from napari_unet.review.scan import scan_steps

            return exhaust(scan_steps(there(project), ids, look_in, by), job)

        job = self._scan = self._connection.start(work)
        job.progressed.connect(self._on_scanned)
        job.succeeded.connect(self._on_all_scanned)
        job.cancelled.connect(lambda: self.scan_ended.emit(None))
        job.failed.connect(lambda error: self.scan_ended.emit(None))
        job.ended.connect(lambda: self._on_scan_ended(job))

    def resolve_change(self, id: str, keep: bool) -> None:
        """Decide about a changed file. keep : its new content is the case's from now on."""
        by = self._author().name
        if self._opener.is_open(id):
            self._opener.leave()
        self._opener.forget(id)
        self._connection.write(lambda project: project.resolve_change(id, keep, by))
        self._case_list.refresh(id)

    def stop(self) -> None:
        """The project is closed."""
        self._came.clear()
        if self._scan is not None:
            self._scan.cancel()

    def _attach(self, ids: Sequence[str], masks: Path, model: str | None, answer: str | None) -> None:
        project, by = self._connection.project, self._author().name

        def work(job: Job) -> Attached:
            from napari_unet.review.add import attach_masks

            return exhaust(attach_masks(there(project), ids, masks, by), job)

        def attached(result: Attached) -> None:
            self.masks_attached.emit(result)
            self._opener.forget_all()
            self._case_list.reload()
            layers = self._presenter.layers
            if layers is not None and layers.id in result.attached:  # its mask came after it was shown
                now = self._connection.read(lambda project: project.case(layers.id))
                now.succeeded.connect(self._masks.show)
            said = _attached_in_words(len(result.attached), len(result.without))
            more = f"({len(result.notes)} masks of this kind)" if len(result.notes) > 1 else ""
            self.reported.emit(" ".join(filter(None, [said, *result.notes[:1], more, *result.ignored])))
            for problem in result.problems[:1]:
                more = (
                    f" There are {len(result.problems)} problems of this kind."
                    if len(result.problems) > 1
                    else ""
                )
                self.failed.emit(UserError(problem, more.strip()))
            self._go_on(result.without, model, answer)

        job = self._connection.start(work)
        job.succeeded.connect(attached)

    def _go_on(self, ids: Sequence[str], model: str | None, answer: str | None) -> None:
        self.scan()
        if model and ids:
            self._masks.first_masks.ask(list(ids), model, answer=answer)

    def _on_scanned(self, event: ScanDone) -> None:
        self.scanned.emit(event)
        if event.cases:
            self._case_list.reload(event.cases)

    def _on_all_scanned(self, result: ScanResult) -> None:
        from napari_unet.review.scan import placeholder_words

        nameless = len(self._came.intersection(result.placeholders))
        self._came.clear()
        self.scan_ended.emit(result)
        if nameless:
            self.reported.emit(placeholder_words(nameless))

    def _on_scan_ended(self, job: Job) -> None:
        if self._scan is job:
            self._scan = None


def _in_words(added: Added) -> str:
    text = f"{counted(len(added.new), 'image')} added"
    text += f"; {len(added.known):,} there already." if added.known else "."
    more = len(added.problems) - _TOLD
    return " ".join([text, *added.problems[:_TOLD], *([f"And {more} more notes."] if more > 0 else [])])


def _attached_in_words(attached: int, without: int) -> str:
    taken = f"{counted(attached, 'mask')} taken from the folder"
    return f"{taken}; {counted(without, 'case')} without a mask." if without else f"{taken}."
