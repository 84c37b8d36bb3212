"""Offers the acceptance test of today for a model that an earlier version has made."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QPushButton, QVBoxLayout, QWidget

from napari_unet.core.errors import UserError
from napari_unet.core.training_pair import TrainingPair
from napari_unet.models.library import ModelEntry, choose
from napari_unet.training.outcome import was_tested_less
from napari_unet.widgets.common.forms import WrappedLabel
from napari_unet.widgets.common.preferences import chosen_library
from napari_unet.widgets.finetune.requests import RetestRequest, names_of
from napari_unet.widgets.session import Session


class EarlierTest(QWidget):
    """Shown while the chosen model was tested less than a new one is, and its parent is there too.

    requested : a RetestRequest; the button was pressed. failed : a UserError.
    """

    requested = Signal(object)
    failed = Signal(object)

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._asked: ModelEntry | None = None  # while the project is asked for its images
        self._body = QWidget()
        self.says = WrappedLabel(name="tested_earlier")
        self.test = QPushButton()
        self.test.clicked.connect(lambda: self._on_test())
        inner, column = QVBoxLayout(self._body), QVBoxLayout(self)
        for layout in (inner, column):
            layout.setContentsMargins(0, 0, 0, 0)
        inner.addWidget(self.says)
        inner.addWidget(self.test)
        column.addWidget(self._body)
        self._wires = [
            (session.model_changed, self.refresh),
            (session.library_changed, self.refresh),
            (session.casework.project_changed, self._on_project),
        ]
        for signal, slot in self._wires:
            signal.connect(slot)
        self.refresh()

    def close_down(self) -> None:
        """Release the session."""
        for signal, slot in self._wires:
            signal.disconnect(slot)
        self._asked = None

    def refresh(self, *_: Any) -> None:
        """Look at the chosen model again."""
        entry = self._entry()
        self._body.setVisible(entry is not None)
        if entry is None:
            return
        name = entry.card.name
        self.says.say(
            f"<b>{escape(name)}</b> was tested by an earlier program version, without images from other "
            "hospitals."
        )
        self.test.setText("Test it on more images")
        self.test.setToolTip(
            f"{name} against {entry.card.parent}: the reference images, also with six simulated machines, "
            "X-rays of two other hospitals, and your untouched images. The result is added to the "
            "model's card."
        )
        self.test.setEnabled(self._asked is None)

    def _entry(self) -> ModelEntry | None:
        """The chosen model, if it can be tested on more."""
        entries = chosen_library().list()
        entry = choose(self._session.model, entries)
        if entry is None or entry.shipped or not was_tested_less(entry.card):
            return None
        return entry if entry.card.parent and choose(entry.card.parent, entries) else None

    def _on_test(self) -> None:
        entry = self._entry()
        if entry is None or self._asked is not None:
            return
        casework = self._session.casework
        if casework.project is None:
            self._request(entry, ())
            return
        self._asked = entry
        self.test.setEnabled(False)
        casework.write(lambda project: project.untouched_pairs(), self._on_untouched, self._on_unread)

    def _on_untouched(self, untouched: Sequence[TrainingPair]) -> None:
        entry, self._asked = self._asked, None
        if entry is not None:
            self._request(entry, untouched)
            self.refresh()

    def _on_unread(self, error: UserError) -> None:
        self._asked = None
        self.refresh()
        self.failed.emit(error)

    def _on_project(self, _project: object) -> None:
        """What a closed project was asked for is never answered."""
        self._asked = None
        self.refresh()

    def _request(self, entry: ModelEntry, untouched: Sequence[TrainingPair]) -> None:
        names = names_of(untouched, self._session.casework.cases)
        parent = entry.card.parent or ""
        self.requested.emit(RetestRequest(entry.folder, entry.card.name, parent, names, untouched))
