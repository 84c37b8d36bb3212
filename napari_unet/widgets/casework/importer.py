"""Images into a project: added, looked at in the background, given their first masks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, Signal

from napari_unet.core.answered import answer_in
from napari_unet.core.auto import AUTO
from napari_unet.core.errors import UserError
from napari_unet.core.image_kind import kind_of_modality
from napari_unet.core.source import Source
from napari_unet.core.wording import counted
from napari_unet.io.series_list import SeriesInfo, series_to_choose
from napari_unet.review.types import USABLE, Author, AuthorKind, CallKind, Case
from napari_unet.widgets.casework.case_list import CaseList
from napari_unet.widgets.casework.connection import ProjectConnection, there
from napari_unet.widgets.casework.first_masks import FirstMasks
from napari_unet.widgets.casework.opener import CaseOpener
from napari_unet.widgets.casework.presenter import CasePresenter
from napari_unet.widgets.common.jobs import Job, exhaust
from napari_unet.widgets.common.preferences import chosen_library
from napari_unet.widgets.common.series_dialog import ask_for_series
from napari_unet.widgets.napari_compat.history import undo_steps

if TYPE_CHECKING:
    from napari_unet.review.add import Attached, Found
    from napari_unet.review.scan import ScanDone, ScanResult
    from napari_unet.review.store import ReviewProject

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
        first_masks: FirstMasks,
        author: Callable[[], Author],
        model_for: Callable[[str], str],
        parent: QObject,
    ) -> None:
        """model_for : the name of the model in use for a kind of image; "" if there is none."""
        super().__init__(parent)
        self._connection = connection
        self._case_list = case_list
        self._presenter = presenter
        self._opener = opener
        self._author = author
        self._model_for = model_for
        self._scan: Job | None = None
        self._came: set[str] = set()  # cases that were added, and are not read yet
        self.first_masks = first_masks
        self.first_masks.failed.connect(self.failed)
        self.first_masks.stored.connect(self._on_first_mask)
        self.first_masks.ended.connect(self._case_list.sort)

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

    def make_first_masks(self, model: str, ids: Sequence[str] | None = None) -> None:
        """First masks by `model` in the background; None: for all cases without a mask.

        "auto" is the model in use for the kind of each image. Of a model with several answers the one that
        drew here last, so that all masks follow one protocol; if none did, its own choice.
        """
        if ids is None:
            ids = [id for id in self._case_list.queue if self._case_list.cases[id].revision is None]
        model_for = cache(self._model_for)  # it reads all cards, and there may be thousands of cases

        def named(id: str) -> str:
            """The model that "auto" means for a case; still "auto" for one that has not been read."""
            case = self._case_list.cases.get(id)
            if model != AUTO or case is None or case.shape is None:
                return model
            return model_for(kind_of_modality(case.modality)) or AUTO  # whose use says that there is none

        wanted: dict[str, list[str]] = {}
        for id in ids:
            wanted.setdefault(named(id), []).append(id)
        for name, cases in wanted.items():
            self._ask_as_before(name, cases)

    def _ask_as_before(self, model: str, ids: list[str]) -> None:
        def ask(answer: str | None) -> None:
            if answer is not None:
                self.reported.emit(f"First masks by the answer {answer} of {model}, as before.")
            self.first_masks.ask(ids, model, answer=answer)

        # behind the masks that are being stored
        self._connection.write(lambda project: project.answer_of(model), ask)

    def predict_again(self, model: str) -> None:
        """After a fine-tune: masks by `model` for the cases that nobody has touched, in the background.

        Masks that people made or decided about stay as they are, and so do cases of another kind of image. At
        the end the queue is sorted again.
        `first_masks` reports progress and can be stopped.
        """
        kind, cases = chosen_library().kind_of(model), self._case_list.cases

        def of_kind(ids: list[str]) -> list[str]:
            return [id for id in ids if kind_of_modality(cases[id].modality) == kind]

        usable = of_kind([id for id in self._case_list.queue if cases[id].status in USABLE])
        self.first_masks.change_model(model, set(of_kind(list(cases))))

        def ask(untouched: list[str]) -> None:
            self.first_masks.ask(of_kind(untouched), model, again=True)
            self.first_masks.ask(usable, model, again=True)  # their masks stay: only to compare others with

        self._connection.write(
            lambda project: project.untouched(), ask
        )  # behind the masks that are being stored

    def ask_for_map(self, id: str) -> None:
        """Make a model's map of a case that is not kept any more, with the model that was used last.

        Where no model has seen the case, with the one in use for its kind of image; where one has only scored
        it, none is made.
        """

        def ask(found: tuple[Author | None, bool]) -> None:
            author, is_scored = found
            if author is None and is_scored:
                self.reported.emit("The model of this case scores findings, and draws nothing.")
                return
            self.reported.emit("The model is looking at this case…")
            if author is None:
                self.first_masks.ask([id], AUTO)
            else:
                self.first_masks.ask([id], author.name, answer=answer_in(author.version))

        def used(project: ReviewProject) -> tuple[Author | None, bool]:
            made = [revision.author for revision in reversed(project.revisions(id))]
            drew = next((author for author in made if author.kind == AuthorKind.MODEL), None)
            return drew, any(call.kind == CallKind.FINDING for call in project.calls(id))

        self._connection.read(used).succeeded.connect(ask)

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
        self.first_masks.stop()

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
                now.succeeded.connect(self._show_first_mask)
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
            self.first_masks.ask(list(ids), model, answer=answer)

    def _on_first_mask(self, id: str) -> None:
        self._opener.forget(id)
        self._show_first_mask(self._case_list.cases[id])

    def _show_first_mask(self, case: Case) -> None:
        """Show a first mask at once if its case is open and had none."""
        layers = self._presenter.layers
        if layers is None or layers.id != case.id or layers.head is not None or case.revision is None:
            return
        untouched = not undo_steps(layers.mask)
        layers.head = case.revision
        if untouched:
            self._opener.restore(layers, case.revision)

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
