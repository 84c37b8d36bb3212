"""Which model is in use, the way back to the one before it, and forward again."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QPushButton, QVBoxLayout, QWidget

from napari_unet.core.errors import UserError
from napari_unet.core.image_kind import images_of
from napari_unet.models.library import ModelLibrary
from napari_unet.widgets.common.forms import WrappedLabel
from napari_unet.widgets.common.jobs import Job, run_in_thread
from napari_unet.widgets.common.preferences import chosen_library
from napari_unet.widgets.session import Session


class InUse(QWidget):
    """used : name of the model that is in use from now on. failed : a UserError."""

    used = Signal(str)
    failed = Signal(object)

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._job: Job | None = None
        self.says = WrappedLabel(name="in_use")
        self.back = QPushButton()
        self.back.clicked.connect(lambda: self.go_back())
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.says)
        self.forward = QPushButton("Use the new model again")
        self.forward.clicked.connect(lambda: self.go_forward())
        column.addWidget(self.back)
        column.addWidget(self.forward)
        session.model_changed.connect(self.refresh)
        session.library_changed.connect(self.refresh)
        self.refresh()

    def close_down(self) -> None:
        """Release the session."""
        self._session.model_changed.disconnect(self.refresh)
        self._session.library_changed.disconnect(self.refresh)
        if self._job is not None:
            self._job.abandon()

    def refresh(self, *_: Any) -> None:
        """Say what the library says now."""
        library = chosen_library()
        kind = self._kind(library)
        taken = library.history(kind)
        current = taken[-1] if taken else None
        before = next((name for name in reversed(taken) if name != current), None)
        ahead = library.ahead(kind)
        left = "" if ahead is None else f", after going back from {escape(ahead)}"
        self.says.say(
            "" if current is None else f"In use for {images_of(kind)}: <b>{escape(current)}</b>{left}"
        )
        self.forward.setVisible(ahead is not None)
        self.forward.setToolTip(f"{ahead}, which you went back from.")
        self.back.setVisible(before is not None)
        self.back.setText(f"Go back to {before}")
        self.back.setToolTip("Use the model before it again. No model is deleted.")

    def use(self, name: str, parent: str) -> None:
        """Make `name` the model in use; the way back to the present one is remembered, else to `parent`."""

        def change(library: ModelLibrary) -> str:
            if library.current(library.kind_of(name)) is None:
                library.use(parent)
            library.use(name)
            return name

        self._change(change)

    def go_back(self) -> None:
        """Use the model before the present one again."""
        self._change(lambda library: library.roll_back(self._kind(library)))

    def go_forward(self) -> None:
        """Use the model again that was gone back from."""

        def change(library: ModelLibrary) -> str | None:
            name = library.ahead(self._kind(library))
            if name is not None:
                library.use(name)
            return name

        self._change(change)

    def _kind(self, library: ModelLibrary) -> str:
        """The kind of image that the model chosen here is for."""
        return library.kind_of(self._session.model)

    def _change(self, change: Callable[[ModelLibrary], str | None]) -> None:
        if self._job is not None:
            return
        self.back.setEnabled(False)
        self.forward.setEnabled(False)
        library = chosen_library()
        job = self._job = run_in_thread(lambda: change(library), self)
        job.succeeded.connect(self._on_changed)
        job.failed.connect(self._on_failed)
        job.ended.connect(self._on_ended)

    def _on_changed(self, name: str | None) -> None:
        if name is not None:
            self._session.use_model(name)
            self.used.emit(name)

    def _on_failed(self, error: UserError) -> None:
        self.failed.emit(error)

    def _on_ended(self) -> None:
        self._job = None
        self.back.setEnabled(True)
        self.forward.setEnabled(True)
        self.refresh()
