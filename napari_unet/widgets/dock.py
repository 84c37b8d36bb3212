"""What all docks have in common: how they come to life in a viewer, and how they end."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import Any

from qtpy.QtCore import QEvent
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_unet.widgets.forms import ScrollColumn
from napari_unet.widgets.session import Session, is_hidden, session_of


class Dock(QWidget):
    """A dock of one viewer. It is attached to the viewer's session until napari closes it.

    A dock says in `close_down` what it lets go of, and in `on_shown` what depends on its being shown.
    """

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        self._session = session_of(napari_viewer)
        self._viewer = self._session.viewer
        self._is_open = True
        self._key = object()  # stands for this dock, and holds nothing of it
        self._session.attach(self._key)
        self.destroyed.connect(partial(_detach, self._session, self._key))

    def fill(self, body: QWidget) -> ScrollColumn:
        """Make `body` the content of the dock; returns the area that scrolls it."""
        area = ScrollColumn(body)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(area)
        return area

    def close_down(self) -> None:
        """Let go of the viewer. Called once, while the dock is still attached."""

    def on_shown(self, shown: bool) -> None:
        """The dock was shown or hidden; one behind another tab counts as shown."""

    def event(self, event: QEvent) -> bool:
        """Close down when napari closes the dock: it takes the widget out and sends no close event."""
        if event.type() == QEvent.Type.ParentChange and self.parent() is None:
            self._end()
        elif event.type() in (QEvent.Type.Show, QEvent.Type.Hide) and self._is_open:
            shown = not is_hidden(self)
            self.on_shown(shown)
            self._session.show_dock(self._key, shown)
        return super().event(event)

    def _end(self) -> None:
        if self._is_open:
            self._is_open = False
            self.close_down()
            self._session.detach(self._key)


def _detach(session: Session, key: object, *_: object) -> None:
    with suppress(RuntimeError):  # at the end of the process Qt's objects go in any order
        session.detach(key)
