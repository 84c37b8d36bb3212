"""Masks and report out of the open project: the dialog that asks, and the job that writes."""

# Without `from __future__ import annotations`: magicgui 0.10.2 cannot read annotations that are strings.

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from magicgui.signature import magic_signature
from magicgui.widgets import CheckBox
from qtpy.QtCore import QObject, Signal
from qtpy.QtWidgets import QDialog, QDialogButtonBox, QVBoxLayout, QWidget

from napari_unet.review.exporting.item import ExportResult
from napari_unet.review.exporting.kinds import Format
from napari_unet.widgets.casework.connection import there
from napari_unet.widgets.common.forms import Fields, WrappedLabel
from napari_unet.widgets.common.jobs import Job, exhaust
from napari_unet.widgets.review.add import PathLine

if TYPE_CHECKING:
    from napari_unet.review.store import ReviewProject
    from napari_unet.widgets.casework.work import CaseWork
    from napari_unet.widgets.review.page import ReviewPage

_WIDTH = 520
_REPORT = "report"


@dataclass(frozen=True)
class Outgoing:
    """What is to be written. folder : a new one. report : the table and the page too.

    source_names : files are called as their sources.
    """

    folder: Path
    formats: tuple[Format, ...]
    report: bool
    source_names: bool = False


def choices(
    report: Annotated[bool, {"text": "Report: a table, and a page to print"}] = True,
    source_names: Annotated[
        bool, {"text": "Name the files after their sources (may contain patients' names; asks first)"}
    ] = False,
) -> tuple[bool, bool]:
    """What is chosen beside the formats. magicgui makes the form from this signature."""
    return report, source_names


class ExportDialog(QDialog):
    """Asks where to, and in which formats. requested : an Outgoing.

    volumes : whether all cases are volumes, which PNG cannot hold: NIfTI is offered first.
    """

    requested = Signal(object)

    def __init__(self, parent: QWidget, project: Path, volumes: bool = False) -> None:
        super().__init__(parent)
        self.setWindowTitle("Export")
        self.setMinimumWidth(_WIDTH)
        self.folder = PathLine("A new folder", folder="Folder for the export")
        self.folder.choose(free_folder(project.with_name(f"{project.name} export")))
        self.form = magic_signature(choices).to_container(labels=False)
        usual = Format.NIFTI if volumes else Format.PNG
        for place, name in enumerate(Format):
            self.form.insert(place, CheckBox(name=name.value, text=name.words, value=name is usual))
        buttons = QDialogButtonBox.StandardButton
        self.buttons = QDialogButtonBox(buttons.Ok | buttons.Cancel)
        self.buttons.button(buttons.Ok).setText("Export")
        self.buttons.accepted.connect(self._on_ok)
        self.buttons.rejected.connect(self.reject)
        fields = Fields()
        fields.add("Folder", self.folder)
        column = QVBoxLayout(self)
        column.addLayout(fields)
        for box in self.form:
            column.addWidget(box.native)
        column.addWidget(
            WrappedLabel(
                "Accepted and corrected masks are exported with their images, without names. Images of the "
                "same known patient, and images that look the same, are kept in one split; README.txt says "
                "for how many cases the patient is not known. Names may be burned into the images: look at "
                "them before you share them. DICOM SEG for the archive is the exception: its files name the "
                "patient."
            )
        )
        column.addStretch()
        column.addWidget(self.buttons)
        self.folder.changed.connect(self._enable)
        self.form.changed.connect(lambda: self._enable())
        self._enable()

    def outgoing(self) -> Outgoing:
        """What the form says."""
        said = self.form.asdict()
        formats = tuple(name for name in Format if said.pop(name.value))
        return Outgoing(self.folder.path() or Path(), formats, *choices(**said))

    def _enable(self) -> None:
        out = self.outgoing()
        ready = self.folder.path() is not None and (out.formats or out.report)
        self.buttons.button(QDialogButtonBox.StandardButton.Ok).setEnabled(bool(ready))

    def _on_ok(self) -> None:
        self.accept()
        self.requested.emit(self.outgoing())


class Exporter(QObject):
    """Writes masks and report of the open project in a thread. done : str, what was written."""

    done = Signal(object)

    def __init__(
        self, casework: "CaseWork", page: "ReviewPage", dock: QWidget, ask_names: Callable[..., None]
    ) -> None:
        """ask_names : see FileNames.ask."""
        super().__init__(dock)
        self._ask_names = ask_names
        self._casework, self._page, self._dock = casework, page, dock

    def ask(self) -> ExportDialog:
        """Show the dialog that asks what is to be written."""
        shapes = [case.shape for case in self._casework.cases.values() if case.shape]
        volumes = bool(shapes) and all(len(shape) == 3 for shape in shapes)
        dialog = ExportDialog(self._dock, there(self._casework.project).folder, volumes)
        dialog.requested.connect(self.write)
        dialog.open()
        return dialog

    def write(self, out: Outgoing) -> None:
        """Write it, once all that was decided so far is saved; names of sources only after a question."""
        if out.source_names and out.formats:
            more = "The exported files, manifest.csv and the formats' own lists will contain these names."
            self._ask_names(more, "Export with these names", partial(self._write, out))
        else:
            self._write(out)

    def _write(self, out: Outgoing) -> None:
        self._page.say_work("Exporting…")
        self._casework.write(lambda project: project, lambda project: self._start(project, out))

    def _start(self, project: "ReviewProject", out: Outgoing) -> None:
        by = self._casework.author().name
        job = self._casework.connection.start(lambda job: _write(project, out, by, job))
        job.progressed.connect(self._on_progress)
        job.succeeded.connect(self.done)
        job.ended.connect(lambda: self._page.say_work(""))

    def _on_progress(self, event: Any) -> None:
        self._page.say_work(f"Exporting: {event.done:,} of {event.total:,}")


def _write(project: "ReviewProject", out: Outgoing, by: str, job: Job) -> str:
    from napari_unet.review.exporting.export import ExportOptions, export_steps
    from napari_unet.review.reporting.report import report_steps

    options = ExportOptions(source_names=out.source_names, by=by)
    reported = []
    if out.formats:
        reported.append(in_words(exhaust(export_steps(project, out.folder, out.formats, options), job)))
    if out.report:
        folder = out.folder / _REPORT if out.formats else out.folder
        at = exhaust(report_steps(project, folder, by), job)
        reported.append(f"The page to print is summary.html in {at.name}.")
    return " ".join(reported)


def in_words(result: ExportResult) -> str:
    """What was exported, what was skipped, and where letters were found."""
    number = len(result.exported)
    said = f"{number:,} {'mask was' if number == 1 else 'masks were'} exported to {result.folder.name}."
    if result.left_out:
        said += f" {len(result.left_out):,} not exported: README.txt says why."
    if result.text:
        said += f" {len(result.text):,} with text in the image, perhaps names: README.txt lists them."
    for note in result.notes:
        said += f" {note}"
    return said


def free_folder(folder: Path) -> Path:
    """`folder`, or the first with a number behind it that is not there yet."""
    found, number = folder, 2
    while found.exists():
        found = folder.with_name(f"{folder.name} {number}")
        number += 1
    return found
