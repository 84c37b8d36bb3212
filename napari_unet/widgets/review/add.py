"""Dialogs: make a project, add images to it, and say where first masks come from."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from qtpy.QtCore import QUrl, Signal
from qtpy.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_unet.core.auto import AUTO
from napari_unet.core.image_kind import KINDS, images_of
from napari_unet.core.label_set import LUNGS, LabelSet
from napari_unet.io.first_kind import first_kind
from napari_unet.models.library import ModelLibrary
from napari_unet.models.output import Output
from napari_unet.widgets.common.forms import Fields, Foldable, WrappedLabel
from napari_unet.widgets.common.run_on import RunOnBox
from napari_unet.widgets.common.text_fields import TextBox

_GLOB = set("*?[")
_NOTHING, _FOLDER, _MODEL = "nothing", "folder", "model"
_BREAKS = re.compile("[;\\n\\u2028\\u2029]")
_QUOTES = " '\"\t"
_WIDTH = 520
_PROTOCOL = "Both lungs as far as they are visible; the heart is left out."


@dataclass(frozen=True)
class Addition:
    """What is to be added. folder : of a new project, None for the open one. labels : of its masks.

    answer : which of the model's answers draws, None for its own choice.
    """

    inputs: tuple[Path, ...]
    manifest: Path | None = None
    masks: Path | None = None
    model: str | None = None
    folder: Path | None = None
    protocol: str = ""
    labels: LabelSet = LUNGS
    answer: str | None = None


class PathLine(QWidget):
    """A path that can be typed or looked for. changed : the text is another."""

    changed = Signal()

    def __init__(self, hint: str = "", *, files: str = "", folder: str = "", several: bool = False) -> None:
        """files, folder : titles of the dialogs that look for them; "" for no such button."""
        super().__init__()
        self._paths: tuple[Path, ...] = ()
        self._named = ""  # what stands for them
        self._several = several
        self.line = QLineEdit()
        self.line.setPlaceholderText(hint)
        self.line.textChanged.connect(lambda: self.changed.emit())
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.line, stretch=1)
        if folder:
            button = QPushButton("Folder…")
            button.clicked.connect(lambda: self._ask_folder(folder))
            row.addWidget(button)
        if files:
            button = QPushButton("Files…" if several else "File…")
            button.clicked.connect(lambda: self._ask_files(files, several))
            row.addWidget(button)

    def paths(self) -> tuple[Path, ...]:
        """What was chosen, typed or pasted; several are parted by semicolons or line breaks."""
        text = self.line.text()
        if text == self._named:
            return self._paths
        parts = _BREAKS.split(text) if self._several else [text]
        return tuple(_as_path(part) for part in parts if part.strip(_QUOTES))

    def path(self) -> Path | None:
        """The one path, or None."""
        return next(iter(self.paths()), None)

    def choose(self, *paths: Path) -> None:
        """Show these paths."""
        self._paths = paths
        self._named = str(paths[0]) if len(paths) == 1 else f"{len(paths):,} files in {paths[0].parent}"
        self.line.setText(self._named)

    def _ask_folder(self, title: str) -> None:
        found = QFileDialog.getExistingDirectory(self, title)
        if found:
            self.choose(Path(found))

    def _ask_files(self, title: str, several: bool) -> None:
        if several:
            found, _ = QFileDialog.getOpenFileNames(self, title)
        else:
            found = [path for path in QFileDialog.getOpenFileName(self, title)[:1] if path]
        if found:
            self.choose(*map(Path, found))


def _as_path(text: str) -> Path:
    """A path as file managers copy it: plain, in quotes, or as a file:// address."""
    text = text.strip(_QUOTES)
    return Path(QUrl(text).toLocalFile() if text.startswith("file://") else text).expanduser()


class AddDialog(QDialog):
    """Asks for images and their first masks; `new` : for a new project too. requested : an Addition."""

    requested = Signal(object)

    def __init__(self, parent: QWidget, *, new: bool, library: ModelLibrary) -> None:
        """library : the models that are offered, and which of them are in use."""
        super().__init__(parent)
        self.setWindowTitle("New review project" if new else "Add images")
        self.setMinimumWidth(_WIDTH)
        self._new = new
        self._own_folder = False
        self.images = PathLine(
            "Choose, or paste paths",
            files="Images",
            folder="Folder with images",
            several=True,
        )
        self.folder = PathLine("A new folder", folder="Folder for the project")
        self.protocol = TextBox()
        self.protocol.setPlaceholderText("What counts as lung in these masks")
        self.first = QComboBox()
        self._outputs: dict[tuple[str, str | None], Output] = {}  # by model and answer
        self._used: dict[str, Output] = {}  # of the models in use, by the kind of image
        self._own_protocol = False
        self._offer_models(library)
        self.run_on = RunOnBox()
        self.masks = PathLine("Masks named like the images", folder="Folder with masks")
        self.manifest = PathLine("CSV with the columns file, patient", files="Manifest (CSV)")
        buttons = QDialogButtonBox.StandardButton
        self.buttons = QDialogButtonBox(buttons.Ok | buttons.Cancel)
        self.buttons.button(buttons.Ok).setText("Create project" if new else "Add")
        self.buttons.accepted.connect(self._on_ok)
        self.buttons.rejected.connect(self.reject)
        self.why = WrappedLabel(name="why_not")
        self._lay_out()
        for part in (self.images, self.folder, self.masks):
            part.changed.connect(self._enable)
        self.images.changed.connect(self._suggest)
        self.images.changed.connect(self._on_images)
        self.folder.line.textEdited.connect(self._on_own_folder)
        self.first.currentIndexChanged.connect(lambda: self._on_first())
        self.protocol.textEdited.connect(self._on_own_protocol)
        self._on_first()

    def _lay_out(self) -> None:
        fields = Fields()
        fields.add("Images", self.images)
        fields.add("First masks", self.first)
        self._run_on_label = fields.add("Run on", self.run_on)
        self._masks_label = fields.add("Masks", self.masks)
        if self._new:
            fields.add("Project", self.folder)
            fields.add("Protocol", self.protocol)
            self.protocol.setToolTip("What counts as lung in this project, for all reviewers.")
        more = QWidget()
        more_fields = Fields()
        more_fields.add("Manifest", self.manifest)
        more_fields.add_wide(
            WrappedLabel("Names the patient of each image where the files do not (PNG, JPEG).")
        )
        more.setLayout(more_fields)
        column = QVBoxLayout(self)
        column.addLayout(fields)
        column.addWidget(Foldable("More", more))
        column.addWidget(WrappedLabel("The images stay where they are; the project stores their paths."))
        column.addStretch()
        column.addWidget(self.why)
        column.addWidget(self.buttons)

    def _offer_models(self, library: ModelLibrary) -> None:
        entries, _ = library.offered()
        used = {kind: library.for_kind(kind).card for kind in KINDS if any(x.kind == kind for x in entries)}
        if used:
            self._used = {kind: (card.drawing or (card.output,))[-1] for kind, card in used.items()}
            self._outputs[AUTO, None] = next(iter(self._used.values()))
            named = " or ".join(f"{card.name} for {images_of(kind)}" for kind, card in used.items())
            self.first.addItem(f"Drawn by the model in use, {named}", (_MODEL, AUTO, None))
        for entry in entries:
            name, drawing = entry.card.name, entry.card.drawing
            for output in drawing or (entry.card.output,):
                answer = output.id if len(drawing) > 1 else None
                which = "" if answer is None else f", answer {answer}"
                self._outputs[name, answer] = output
                what = (
                    "Drawn by the model" if drawing else "No mask; finding scores kept hidden, by the model"
                )
                self.first.addItem(f"{what} {name}{which}", (_MODEL, name, answer))
        self.first.addItem("From a folder of masks (PNG, TIFF, NIfTI, DICOM SEG)", (_FOLDER, "", None))
        self.first.addItem("None: start with empty masks", (_NOTHING, "", None))

    def _suggest(self) -> None:
        """A folder beside the images, until the user has named one."""
        image = self.images.path()
        if not self._new or self._own_folder or image is None:
            return
        source = image if image.is_dir() else image.parent
        if not source.name:  # the root of a disk: somebody is still typing
            return
        beside = source.with_name(f"{source.name} review")
        number = 2
        while beside.exists():
            beside = source.with_name(f"{source.name} review {number}")
            number += 1
        self.folder.choose(beside)

    def _on_images(self) -> None:
        """The protocol and the labels are those of the model in use for the images that were chosen."""
        image = self.images.path()
        output = None if image is None else self._used.get(first_kind(image))
        if output is not None:
            self._outputs[AUTO, None] = output
            self._on_first()

    def _on_own_folder(self) -> None:
        self._own_folder = True

    def _on_own_protocol(self) -> None:
        self._own_protocol = True

    def _on_first(self) -> None:
        """Masks that a model draws first follow its protocol, until the user has named another one.

        What masks from a folder hold, only the user can know.
        """
        if not self._own_protocol:
            kind, *drawn_by = self.first.currentData()
            own = self._outputs[tuple(drawn_by)].protocol if kind == _MODEL else ""
            self.protocol.setText("" if kind == _FOLDER else own or _PROTOCOL)
        self._enable()

    def _enable(self) -> None:
        kind = self.first.currentData()[0]
        for part in (self.masks, self._masks_label):
            part.setVisible(kind == _FOLDER)
        for part in (self.run_on, self._run_on_label):
            part.setVisible(kind == _MODEL)
        why = self._lacks()
        ok = self.buttons.button(QDialogButtonBox.StandardButton.Ok)
        ok.setEnabled(not why)
        ok.setToolTip(why)
        self.why.say(why)

    def _lacks(self) -> str:
        """What is still to be given, in a sentence; "" if nothing is."""
        images = self.images.paths()
        if not images and not self._new:
            return "Choose images first."
        gone = next((path for path in images if not (_GLOB & set(str(path)) or path.exists())), None)
        if gone is not None:
            return f"There is no file or folder {gone}."
        if self.first.currentData()[0] == _FOLDER and self.masks.path() is None:
            return "Choose the folder with the masks."
        if self._new and self.folder.path() is None:
            return "Choose images, or name a folder for the project."
        return ""

    def addition(self) -> Addition:
        """What the form says."""
        kind, model, answer = self.first.currentData()
        return Addition(
            self.images.paths(),
            self.manifest.path(),
            self.masks.path() if kind == _FOLDER else None,
            model if kind == _MODEL else None,
            self.folder.path() if self._new else None,
            self.protocol.text().strip(),
            self._outputs[model, answer].labels if kind == _MODEL else LUNGS,
            answer,
        )

    def _on_ok(self) -> None:
        self.accept()
        self.requested.emit(self.addition())
