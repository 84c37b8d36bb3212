"""What all docks have in common: how they come to life in a viewer, and how they end."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import Any

from qtpy.QtCore import QEvent, QTimer
from qtpy.QtWidgets import QDockWidget, QLabel, QMainWindow, QVBoxLayout, QWidget

from napari_unet.widgets.common.canvas_focus import CanvasFocus
from napari_unet.widgets.common.forms import Notices, ScrollColumn
from napari_unet.widgets.session import Session, frame_of, is_hidden, session_of


def menu_name(title: str) -> str:
    """What napari's menus call a dock of ours. One of this name is the one that the menu shows and hides."""
    return f"{title} (U-Net Lung)"


class Dock(QWidget):
    """A dock of one viewer. It is attached to the viewer's session until napari closes it.

    A dock says in `close_down` what it releases, and in `on_shown` what depends on its being shown.
    TITLE : is shown above it, on its tab and in the docs.
    """

    TITLE = ""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        self._session = session_of(napari_viewer)
        self._viewer = self._session.viewer
        self._is_open = True
        self.is_placed = False
        self._frame: QDockWidget | None = None
        self._canvas_focus = CanvasFocus(self, self._viewer)
        self._key = object()  # stands for this dock, and holds nothing of it
        self._session.attach(self._key)
        self.destroyed.connect(partial(_detach, self._session, self._key))

    def fill(self, body: QWidget, *notices: QWidget) -> ScrollColumn:
        """Make `body` the content of the dock; returns the area that scrolls it.

        notices : what comes and goes. It lies below the area, so that nothing moves under the pointer.
        """
        area = ScrollColumn(body)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(0)
        whole.addWidget(area, stretch=1)
        whole.addWidget(Notices(*notices))
        return area

    def close_down(self) -> None:
        """Release the viewer. Called once, while the dock is still attached."""

    def on_shown(self, shown: bool) -> None:
        """The dock was shown or hidden; one behind another tab counts as shown."""

    def event(self, event: QEvent) -> bool:
        """Close down when napari closes the dock: it takes the widget out and sends no close event."""
        if event.type() == QEvent.Type.ParentChange and self.parent() is None:
            self._end()
        elif event.type() in (QEvent.Type.Show, QEvent.Type.Hide) and self._is_open:
            shown = not is_hidden(self)
            self.on_shown(shown)
            if shown:
                self._canvas_focus.watch()
            self._session.show_dock(self._key, shown)
            self._name_frame()
            if shown and not self.is_placed:
                QTimer.singleShot(0, self._join_others)
        return super().event(event)

    def _name_frame(self) -> None:
        """Title and tab say TITLE: napari's own name is too long for four tabs in a row."""
        frame = frame_of(self)
        if frame is None:
            return
        if frame is not self._frame:
            self._frame = frame
            for moved in (frame.topLevelChanged, frame.dockLocationChanged):  # napari makes a new title then
                moved.connect(lambda *_: QTimer.singleShot(0, self._write_title))
        self._write_title()

    def _write_title(self) -> None:
        frame = self._frame if self._is_open else None
        if frame is None or frame_of(self) != frame:
            return
        frame.setWindowTitle(self.TITLE)
        label = getattr(frame.titleBarWidget(), "title", None)
        if isinstance(label, QLabel):
            label.setText(self.TITLE)

    def _join_others(self) -> None:
        """Become a tab beside another dock of ours in the same place: stacked, neither could be read."""
        mine = frame_of(self) if self._is_open and not self.is_placed else None
        window = None if mine is None else mine.parentWidget()
        if mine is None or not isinstance(window, QMainWindow):
            return
        self.is_placed = True
        area = window.dockWidgetArea(mine)
        placed = (frame_of(other) for other in window.findChildren(Dock) if other.is_placed)
        for frame in placed:
            if frame is None or frame is mine or frame.isFloating() or frame.isHidden():
                continue
            if not mine.isFloating() and window.dockWidgetArea(frame) == area:
                if mine not in window.tabifiedDockWidgets(frame):
                    window.tabifyDockWidget(frame, mine)
                    QTimer.singleShot(0, self._come_forward)  # Qt lays out tabs on the next turn
                return

    def _come_forward(self) -> None:
        frame = frame_of(self)
        if frame is not None:
            frame.raise_()

    def _end(self) -> None:
        if self._is_open:
            self._is_open = False
            self._frame = None
            self.close_down()
            self._session.detach(self._key)


def _detach(session: Session, key: object, *_: object) -> None:
    with suppress(RuntimeError):  # at the end of the process Qt's objects go in any order
        session.detach(key)
