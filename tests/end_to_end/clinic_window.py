"""A napari window in a process of its own, used by mouse and keys as its parent says.

Run as `python clinic_window.py [PROJECT]`. With a project it is the very program that `review open` starts,
without one it is napari with the docks Review and Correct. Importing torch fails in this process. The parent
writes one request a line, {"do": method of `Hands`, "with": arguments}, and reads one answer a line.
"""

# ruff: noqa: E402 (torch is kept out before anything of ours is imported)
from __future__ import annotations

import base64
import json
import os
import random
import signal
import sys
import threading
import time
import traceback
import zlib
from collections.abc import Callable, Sequence
from io import FileIO
from itertools import pairwise
from typing import Any


class _NoTorch:
    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        if name.split(".")[0] == "torch":
            raise ImportError("torch is not to be imported here")


sys.meta_path.insert(0, _NoTorch())

import napari
import numpy as np
from qtpy.QtCore import QAbstractListModel, QEvent, QMimeData, QObject, QPoint, QPointF, Qt, QUrl, Signal
from qtpy.QtGui import QDropEvent, QMouseEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QDialog,
    QFileDialog,
    QLabel,
    QLineEdit,
    QPushButton,
    QWidget,
)

from napari_unet.widgets.correct import CorrectWidget
from napari_unet.widgets.finding import FindingWidget
from napari_unet.widgets.review import ReviewWidget
from napari_unet.widgets.session import session_of

_PATIENCE_S = 90.0
_ALL = 20  # places on the way between two points of a stroke, at most
LEFT, NONE = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton
PLAIN = Qt.KeyboardModifier.NoModifier
_MODIFIERS = {
    "Shift": Qt.KeyboardModifier.ShiftModifier,
    "Ctrl": Qt.KeyboardModifier.ControlModifier,
}


class Hands(QObject):
    """What a person does at the window, and what they see. Places are (row, column) in pixels of the mask."""

    _asked = Signal(str)

    def __init__(self, viewer: Any, answers: Any) -> None:
        super().__init__()
        self.viewer, self._answers = viewer, answers
        self.work = session_of(viewer).casework
        self._asked.connect(self._obey)
        self.window.activateWindow()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        for line in sys.stdin:
            self._asked.emit(line)
        os._exit(3)  # nobody is there any more

    def _obey(self, line: str) -> None:
        request = json.loads(line)
        try:
            answer = {"answer": getattr(self, request["do"])(*request["with"])}
        except Exception:
            answer = {"problem": traceback.format_exc()}
        self._answers.write(json.dumps(answer) + "\n")
        self._answers.flush()

    # -- parts of the window --

    @property
    def window(self) -> Any:
        return self.viewer.window._qt_window

    @property
    def canvas(self) -> Any:
        return self.viewer.window._qt_viewer.canvas.native

    @property
    def review(self) -> ReviewWidget:
        return self.window.findChild(ReviewWidget)

    @property
    def correct(self) -> CorrectWidget:
        return self.window.findChild(CorrectWidget)

    @property
    def mask(self) -> Any:
        return self.work.current_layer

    # -- looking --

    def see(self) -> dict[str, Any]:
        """What the window says, in words and numbers."""
        case, page = self.work.current, self.review.page
        return {
            "open": None if case is None else case.number,
            "cases": len(self.work.cases),
            "project": page.isVisible(),
            "saved": page.header.saved.text(),
            "progress": page.header.bar.format(),
            "message": self.review.message.text(),
            "news": page.news.text(),
            "reviewer": page.header.reviewer.text(),
            "reasons": page.decide.reasons[next(iter(page.decide.reasons))].isVisible(),
            "steps": 0 if case is None else len(self.mask._undo_history),
            "lung": case is not None and bool(np.any(self.mask.data)),
            "mode": "" if case is None else str(self.mask.mode),
            "busy": self.correct.editor.is_busy,
            "focus": QApplication.focusWidget() is self.canvas,
            "torch": "torch" in sys.modules,
        }

    def look(self) -> list[Any]:
        """The mask that is on the screen: its shape, and its pixels as text."""
        return _as_text(self.mask.data)

    def wait(self, name: str, value: Any) -> dict[str, Any]:
        """Wait until `see` returns this; a text is looked for within the text."""

        def is_so() -> bool:
            now = self.see()[name]
            return value in now if isinstance(value, str) else now == value

        self._until(is_so, f"{name} never became {value!r}")
        return self.see()

    def wait_for_mask(self, pixels: str) -> None:
        """Wait until the mask on the screen is this one, as `look` returns it."""
        self._until(lambda: self.mask is not None and self.look()[1] == pixels, "the mask never came")

    def safe(self) -> None:
        """Wait until everything that was done is on the disk."""
        link = self.work.connection
        self._until(lambda: not link._jobs, "a job never ended")
        for _ in range(2):
            assert link.worker.flush(_PATIENCE_S) and link.saver.flush(_PATIENCE_S)
            QApplication.processEvents()

    def _until(self, is_so: Callable[[], bool], otherwise: str) -> None:
        end = time.monotonic() + _PATIENCE_S
        while not is_so():
            if time.monotonic() > end:
                raise TimeoutError(f"{otherwise}; seen: {self.see()}")
            QTest.qWait(5)

    # -- keyboard --

    def key(self, name: str) -> None:
        """Press a key, for instance "A" or "Ctrl+Z", wherever the focus is."""
        *held, key = name.split("+")
        modifiers = PLAIN
        for one in held:
            modifiers |= _MODIFIERS[one]
        QTest.keyClick(QApplication.focusWidget() or self.canvas, getattr(Qt.Key, f"Key_{key}"), modifiers)

    def give_name(self, name: str) -> None:
        """Answer the line that asks who reviews; nothing to do if that is known."""
        line = self.review.page.header.name
        self._until(lambda: self.work.reviewer or line.isVisible(), "nobody asked for the name")
        if not self.work.reviewer:
            QTest.keyClicks(line, name)
            QTest.keyClick(line, Qt.Key.Key_Return)
            self._until(lambda: self.work.reviewer == name, "the name was not taken")

    # -- mouse on the canvas --

    def place(self, row: float, column: float) -> QPoint:
        node = self.viewer.window._qt_viewer.canvas.layer_to_visual[self.mask].node
        x, y = node.get_transform("visual", "canvas").map([column + 0.5, row + 0.5])[:2]
        return QPoint(round(x), round(y))

    def press(self, row: float, column: float) -> None:
        """The left button goes down."""
        QTest.mouseMove(self.canvas, self.place(row, column))
        QTest.mousePress(self.canvas, LEFT, PLAIN, self.place(row, column))

    def move(self, row: float, column: float) -> None:
        """The mouse moves with the button down."""
        here = self.place(row, column)  # QTest's own moves forget the button
        at, on_screen = QPointF(here), QPointF(self.canvas.mapToGlobal(here))
        event = QMouseEvent(QEvent.Type.MouseMove, at, on_screen, NONE, LEFT, PLAIN)
        QApplication.sendEvent(self.canvas, event)
        QTest.qWait(10)  # napari takes a move at most every 5 ms

    def release(self, row: float, column: float) -> None:
        """The left button goes up."""
        QTest.mouseRelease(self.canvas, LEFT, PLAIN, self.place(row, column))
        QApplication.processEvents()

    def drag(self, points: Sequence[tuple[float, float]], let_go: bool = True) -> None:
        """One stroke along `points`; without releasing it is still under way."""
        self.press(*points[0])
        for start, end in pairwise(points):
            far = float(np.hypot(*np.subtract(end, start)))
            count = max(4, min(_ALL, round(far / 6)))
            for share in np.linspace(0, 1, count + 1)[1:]:
                self.move(*np.add(start, np.subtract(end, start) * share))
        self.move(*points[-1])  # had the last one come too soon, it was passed over
        if let_go:
            self.release(*points[-1])

    # -- slices of a volume --

    def go_to_slice(self, number: int) -> None:
        """Go there by PageUp and PageDown; counted from 0."""
        dims = self.viewer.dims
        while dims.current_step[0] != number:
            before = dims.current_step[0]
            QTest.keyClick(self.canvas, Qt.Key.Key_PageUp if before > number else Qt.Key.Key_PageDown)
            assert dims.current_step[0] != before, f"slice {number} is not there"

    # -- the dock Finding --

    @property
    def finding(self) -> FindingWidget:
        return self.window.findChild(FindingWidget)

    def open_finding(self, model: str) -> None:
        """Open the dock and choose a model."""
        self.viewer.window.add_plugin_dock_widget("napari-unet-lung", "Finding", tabify=True)
        self.finding.model.setCurrentText(model)

    def wait_for_reading(self, number: int) -> None:
        """Wait until the dock knows how far the reader is with this case, and does nothing more."""
        standing = self.finding.reading
        self._until(
            lambda: standing.standing is not None and standing.standing.number == number, "no case is read"
        )
        link = self.work.connection
        self._until(lambda: not link._jobs and self.finding._job is None, "the dock never came to rest")

    def reading(self) -> dict[str, Any]:
        """All that the dock and the window show of a score, in words, layers and lists."""
        dock = self.finding
        return {
            "findings": dock.form.findings,
            "scores": dock.scores.text(),
            "heat": [layer.name for layer in self.viewer.layers if "heat map" in layer.name],
            "heat_of": dock.heat.finding.currentData(),
            "page": dock.page.isVisible(),
            "listed": [dock.cases.cases.item(row).text() for row in range(dock.cases.cases.count())],
            "words": self._all_words(),
        }

    def call(self, confidences: Sequence[int], button: str) -> None:
        """Say how sure one is of each finding, by its key, and press the button."""
        for (_, sure, _), confidence in zip(self.finding.form._rows.values(), confidences, strict=True):
            sure.setFocus()
            QTest.keyClick(sure, str(confidence))
        pressed = getattr(self.finding, button)
        self._until(pressed.isEnabled, f"{button} never became ready")
        QTest.mouseClick(pressed, LEFT)

    def wait_for_score(self) -> None:
        """Wait until the score is shown."""
        self._until(lambda: bool(self.finding.scores.text()), "the score never came")
        link = self.work.connection
        self._until(lambda: not link._jobs, "it was never kept")

    def _all_words(self) -> list[str]:
        """Of every label and table of the window, their tooltips too, seen or not."""
        found = [one.text() for one in self.window.findChildren(QLabel)]
        found += [one.toolTip() for one in self.window.findChildren(QWidget)]
        for view in self.window.findChildren(QAbstractItemView):
            model = view.model()
            if model is not None:
                cells = [
                    model.index(row, column)
                    for row in range(model.rowCount())
                    for column in range(1 if isinstance(model, QAbstractListModel) else model.columnCount())
                ]
                for role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
                    found += [str(cell.data(role) or "") for cell in cells]
        return [words for words in found if words]

    # -- the dock Segment --

    def drop(self, files: Sequence[str]) -> None:
        """Drag these files into the window."""
        data = QMimeData()
        data.setUrls([QUrl.fromLocalFile(file) for file in files])
        event = QDropEvent(QPointF(50, 50), Qt.DropAction.CopyAction, data, LEFT, PLAIN)
        self.viewer.window._qt_viewer.dropEvent(event)
        self._until(lambda: bool(self.viewer.layers), "nothing was opened")
        layer = self.viewer.layers[-1]
        self._until(lambda: isinstance(layer.data, np.ndarray), "the series was never read")

    def segment_all(self) -> dict[str, Any]:
        """Open the dock, choose all slices, press Segment and wait for the mask; what the dock says."""
        _, dock = self.viewer.window.add_plugin_dock_widget("napari-unet-lung", "Segment", tabify=True)
        self._until(lambda: dock.device.count() > 1, "the engine never came")
        dock.slices.setCurrentText("All slices")
        QTest.mouseClick(dock.run, LEFT)
        self._until(lambda: dock._job is None, "the model never ended")
        result = dock.result
        self._until(lambda: not result._jobs and not result._calm.isActive(), "it was never measured")
        said = {part.objectName(): part.text() for part in dock.findChildren(QLabel) if part.objectName()}
        layer = result.picker.layer()
        return said | {"mask": None if layer is None else _as_text(layer.data)}

    # -- mouse in the docks --

    def click(self, text: str) -> None:
        """Click the button that begins with these words."""
        found = (button for button in self._front().findChildren(QPushButton) if button.isVisible())
        button = next(button for button in found if button.text().startswith(text))
        QTest.mouseClick(button, LEFT)

    def click_case(self, number: int) -> None:
        """Click a case in the queue, and wait until it is open."""
        table = self.review.page.table
        (id,) = (case.id for case in self.work.cases.values() if case.number == number)
        self._until(lambda: table.model.row_of(id) >= 0, f"case {number} is not in the table")
        index = table.model.index(table.model.row_of(id), 1)
        table.view.scrollTo(index)
        QTest.mouseClick(table.view.viewport(), LEFT, PLAIN, table.view.visualRect(index).center())
        self.wait("open", number)

    def choose_order(self, text: str) -> None:
        """Choose how the queue is sorted."""
        box = self.review.page.table.order_box
        box.setCurrentText(text)
        box.activated.emit(box.currentIndex())

    def set_brush(self, size: int) -> None:
        """Choose the width of the brush, in pixels of the mask."""
        self.mask.brush_size = size

    def raise_dock(self, name: str) -> None:
        """Bring a dock to the front of its tabs."""
        part: Any = self.review if name == "Review" else self.correct
        while not hasattr(part, "toggleViewAction"):
            part = part.parentWidget()
        part.raise_()
        self._until(lambda: not part.widget().visibleRegion().isEmpty(), f"{name} never came to the front")

    def new_project(self, name: str, images: str, masks: str, manifest: str, project: str) -> None:
        """On the start page: give one's name, then make a project of folders that are looked for."""
        start = self.review.start
        QTest.keyClicks(start.reviewer, name)
        self.click("New project")
        self._until(lambda: self._front() is not self.window, "the dialog never came")
        dialog = self._front()
        where = iter((images, masks, project))
        QFileDialog.getExistingDirectory = staticmethod(lambda *a, **k: next(where))
        QTest.mouseClick(dialog.images.findChild(QPushButton), LEFT)
        first = [dialog.first.itemText(row) for row in range(dialog.first.count())]
        dialog.first.setCurrentIndex(next(n for n, text in enumerate(first) if "folder" in text))
        QTest.mouseClick(dialog.masks.findChild(QPushButton), LEFT)
        QTest.mouseClick(dialog.folder.findChild(QPushButton), LEFT)
        dialog.manifest.findChild(QLineEdit).setText(manifest)
        self.click("Create project")

    def new_project_by_model(self, name: str, images: str, model: str, project: str) -> None:
        """As `new_project`, with paths that are typed and first masks by a model, with its newest answer."""
        QTest.keyClicks(self.review.start.reviewer, name)
        self.click("New project")
        self._until(lambda: self._front() is not self.window, "the dialog never came")
        dialog = self._front()
        dialog.images.line.setText(images)
        first = [dialog.first.itemText(row) for row in range(dialog.first.count())]
        rows = [row for row, text in enumerate(first) if text.split(", answer ")[0].endswith(f" {model}")]
        dialog.first.setCurrentIndex(rows[-1])  # the model's own choice is its last answer
        dialog.folder.line.setText(project)
        self.click("Create project")

    def wait_for_masks(self) -> None:
        """Wait until all images are read and the model has looked at each."""
        masks = self.work.masks
        self._until(
            lambda: (
                len(self.work.cases) > 0
                and all(case.content_hash for case in self.work.cases.values())
                and not masks.first_masks.running
                and not self.work.connection._jobs
            ),
            "the model never ended",
        )

    def _front(self) -> Any:
        """The dialog that is open, else the window."""
        dialogs = (one for one in QApplication.topLevelWidgets() if isinstance(one, QDialog))
        return next((dialog for dialog in dialogs if dialog.isVisible() and dialog.isModal()), self.window)

    # -- the end --

    def close(self) -> None:
        """Close the window as its menu does."""
        self.viewer.close()

    def die_in_database(self, statement: int) -> None:
        """Kill this process at so many statements from now, in the middle of a transaction."""
        from sqlalchemy import Engine, event

        left = iter(range(statement - 1, -1, -1))

        @event.listens_for(Engine, "after_cursor_execute")
        def count(*_: Any) -> None:
            if next(left) == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    def die_on_disk(self, touch: int, seed: float) -> None:
        """Kill this process when it touches files of the project for so many times from now.

        A write is done by half first; whether the others are done first is drawn by `seed`.
        """
        draw, left = random.Random(seed), iter(range(touch - 1, -1, -1))

        def die() -> None:
            os.kill(os.getpid(), signal.SIGKILL)

        class Killed(FileIO):
            def write(self, data: Any) -> int:
                if next(left) == 0:
                    super().write(bytes(data)[: len(data) // 2])
                    die()
                return super().write(data)

        def killed(call: Callable[..., Any]) -> Callable[..., Any]:
            def replaced(*arguments: Any, **options: Any) -> Any:
                now, before = next(left) == 0, draw.random() < 0.5
                if now and before:
                    die()
                result = call(*arguments, **options)
                if now:
                    die()
                return result

            return replaced

        for name, module in list(sys.modules.items()):
            if name.startswith("napari_unet.review") and getattr(module, "FileIO", None) is FileIO:
                module.FileIO = Killed
        for name in ("fsync", "replace", "rename", "unlink"):
            setattr(os, name, killed(getattr(os, name)))


def _as_text(labels: Any) -> list[Any]:
    """Shape and pixels of a mask."""
    data = np.asarray(labels, np.uint8)
    return [list(data.shape), base64.b64encode(zlib.compress(data.tobytes(), 1)).decode()]


def main() -> None:
    """Opens the window and serves it until it is closed."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever else is printed is not an answer
    run = napari.run
    hands: list[Hands] = []

    def serve(*arguments: Any, **options: Any) -> None:
        hands.append(Hands(napari.current_viewer(), answers))
        run(*arguments, **options)

    napari.run = serve
    if len(sys.argv) > 1:
        from napari_unet.widgets import open_review

        open_review.main()
    else:
        viewer = napari.Viewer()
        viewer.window.resize(1400, 900)
        viewer.window.add_plugin_dock_widget("napari-unet-lung", "Correct")
        viewer.window.add_plugin_dock_widget("napari-unet-lung", "Review", tabify=True)
        napari.run()


if __name__ == "__main__":
    main()
