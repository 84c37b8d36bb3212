"""What is known about the open case, and what can be looked up: note, masks of before, who it is."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC
from html import escape

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QComboBox, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from napari_unet.io.identity import Identity
from napari_unet.review.queue import SHAPE_PASSED, SHAPE_TIP
from napari_unet.review.record import Revision
from napari_unet.review.types import AuthorKind, Case, FileState, Order
from napari_unet.widgets.common.forms import Fields, WrappedLabel
from napari_unet.widgets.common.text_fields import TextLine
from napari_unet.widgets.review.queue_rows import patient_words, status_words, why_words

_TIP = Qt.ItemDataRole.ToolTipRole


class CaseTitle(WrappedLabel):
    """One or two lines on the open case, and its file's name where somebody asked for it."""

    _names: Mapping[str, str] = {}
    _shown: tuple[Case | None, Order] = (None, Order.ID)

    def use_names(self, names: Mapping[str, str]) -> None:
        """Names of files by case, to be shown; none to hide them."""
        self._names = names
        self.show_case(*self._shown)

    def show_case(self, case: Case | None, order: Order) -> None:
        """None while no case is open. order : of the queue."""
        self._shown = case, order
        if case is None:
            self.say("No case is open. Click one, or press Next.")
            return
        parts = [f"<b>Case {case.number}</b>", status_words(case), modality_words(case), case.view]
        if case.file_state is not FileState.UNCHECKED and case.spacing_mm is None:
            parts.append("pixel size unknown")
        lines = [" · ".join(part for part in parts if part), why_words(case, order)]
        if case.id in self._names:
            lines.append(f"File: {escape(self._names[case.id])}")
        self.setToolTip(SHAPE_TIP if lines[1] == SHAPE_PASSED else "")
        self.say("<br>".join(line for line in lines if line))


def modality_words(case: Case) -> str:
    """For instance "CT, 4 mm slices"; without the modality where the file does not say it."""
    if case.shape is None or len(case.shape) < 3:
        return case.modality
    if case.spacing_mm is None or len(case.spacing_mm) < 3:
        return _joined(case.modality, f"{case.shape[0]} slices")
    return _joined(case.modality, f"{case.spacing_mm[0]:.3g} mm slices")


def _joined(*parts: str) -> str:
    return ", ".join(part for part in parts if part)


class CaseBox(QWidget):
    """noted : the text of the note. look_requested : id of a revision to show, None to take it away.

    restore_requested : id of a revision. identity_requested : the user asks whose image this is.
    """

    noted = Signal(str)
    look_requested = Signal(object)
    restore_requested = Signal(str)
    identity_requested = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.note = TextLine()
        self.note.setPlaceholderText("A note on this case")
        self.note.editingFinished.connect(self.flush_note)
        self.note.left.connect(self.flush_note)
        self.identity = QPushButton("Show name, ID, date")
        self.identity.setToolTip("Read from the file now; not stored in the project.")
        self.identity.clicked.connect(lambda: self.identity_requested.emit())
        self.who = WrappedLabel(name="identity")
        self.patient = WrappedLabel(name="patient")
        self.masks = QComboBox()
        self.masks.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.masks.setMinimumContentsLength(12)
        self.masks.currentIndexChanged.connect(lambda: self._on_selected())
        self.look = QPushButton("Show")
        self.look.setCheckable(True)
        self.look.setToolTip("Show this mask as an outline over the current mask.")
        self.look.toggled.connect(self._on_look)
        self.restore = QPushButton("Restore")
        self.restore.setToolTip("Replace the current mask with this one. Ctrl+Z undoes it.")
        self.restore.clicked.connect(lambda: self.restore_requested.emit(self._selected()))
        fields, earlier, whose = Fields(), QHBoxLayout(), QHBoxLayout()
        earlier.addWidget(self.masks, stretch=1)
        earlier.addWidget(self.look)
        earlier.addWidget(self.restore)
        whose.addWidget(self.patient, stretch=1)
        whose.addWidget(self.identity)
        fields.setVerticalSpacing(4)
        fields.add("Note", self.note)
        fields.add("Masks", earlier)
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(0, 0, 0, 0)
        self.column.setSpacing(4)
        self.column.addLayout(fields)
        self.column.addLayout(whose)
        self.column.addWidget(self.who)
        self._case: Case | None = None
        self.show_case(None)

    def show_case(self, case: Case | None) -> None:
        """Another case is open, or none."""
        self._case = case
        self.setEnabled(case is not None)
        self.note.setText("" if case is None else case.note)
        self._show_patient(case)
        self.who.say("")
        self.show_revisions([])

    def update_case(self, case: Case) -> None:
        """The open case is not as it was."""
        is_other_note = self._case is None or self._case.note != case.note
        self._case = case
        self._show_patient(case)
        if is_other_note and not self.note.hasFocus():
            self.note.setText(case.note)

    def _show_patient(self, case: Case | None) -> None:
        whole = "" if case is None else patient_words(case)
        self.patient.say(whole.partition(":")[0])  # one line; what follows from it is in the tool tip
        self.patient.setToolTip(whole)

    def flush_note(self) -> None:
        """Emit the note that was typed, if it is another."""
        if self._case is not None and self.note.text() != self._case.note:
            self.noted.emit(self.note.text())

    def show_revisions(self, revisions: list[Revision]) -> None:
        """The masks of the case, given in the order in which they were made."""
        self.look.setChecked(False)
        self.masks.blockSignals(True)
        self.masks.clear()
        self.masks.addItem(f"{len(revisions)} so far: choose one")
        for revision in reversed(revisions):
            self.masks.addItem(revision_words(revision), revision.id)
            self.masks.setItemData(self.masks.count() - 1, revision_tip(revision), _TIP)
        self.masks.blockSignals(False)
        self._on_selected()

    def show_identity(self, identity: Identity) -> None:
        """Name, ID and dates as they are in the file."""
        said = {
            "Name": identity.name,
            "ID": identity.patient_id,
            "Born": identity.birth_date,
            "Taken": identity.study_date,
        }
        known = [f"{title}: {value}" for title, value in said.items() if value]
        self.who.say("\n".join(known) or "The file does not name the patient.")

    def _selected(self) -> str:
        return self.masks.currentData() or ""

    def _on_selected(self) -> None:
        chosen = bool(self._selected())
        self.look.setEnabled(chosen)
        self.restore.setEnabled(chosen)
        if self.look.isChecked():
            self.look_requested.emit(self._selected() or None)

    def _on_look(self, on: bool) -> None:
        self.look_requested.emit((self._selected() or None) if on else None)


def revision_words(revision: Revision) -> str:
    """For instance "3  14:02  A. Reviewer (strokes)"."""
    time = revision.time if revision.time.tzinfo else revision.time.replace(tzinfo=UTC)
    kind = revision.author.kind
    who = {AuthorKind.MODEL: f"model {revision.author.name}", AuthorKind.FILE: "from a file"}.get(
        kind, revision.author.name
    )
    note = f" ({revision.note})" if revision.note not in ("", who) else ""
    return f"{revision.number}   {time.astimezone():%d %b %H:%M}   {who}{note}"


def revision_tip(revision: Revision) -> str:
    """What changed against the mask before."""
    lines = [revision_words(revision)]
    if revision.changed_mm2 is not None:
        lines.append(f"{revision.changed_mm2:,.0f} mm² changed from the previous mask")
    elif revision.changed_pixels is not None:
        lines.append(f"{revision.changed_pixels:,} pixels changed from the previous mask")
    if revision.dice is not None:
        lines.append(f"Dice {revision.dice:.3f}")
    return "\n".join(lines)
