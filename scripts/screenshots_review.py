"""The pictures of the Review and the Correct dock: twelve X-rays from the folder to the report, and a CT."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from desk import SCREEN, Desk, keep  # isort: skip  # before Qt and napari

from PIL import Image
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QDialogButtonBox, QDockWidget

from napari_unet.review.reporting.report import report_steps
from napari_unet.review.store import ReviewProject
from napari_unet.review.types import Order, Reason
from napari_unet.samples import CT

XRAYS = Path(__file__).parents[1] / "tests" / "data" / "covid" / "images"
_REVIEWER = "A. Example"
_MODEL = "cxr-lung"
WIDTH = 430  # of the docks, as `review open` has them
_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

Place = tuple[float, float]
"""Row and column of a mask, in pixels."""


class ReviewDesk(Desk):
    """A window with the docks Review and Correct, Review in front."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.review = self.dock("Review", WIDTH)
        self.correct = self.dock("Correct", WIDTH, tabify=True)
        self.work, self.page = self.review.casework, self.review.page
        self.front(self.review)
        self.settle()

    def front(self, widget: Any) -> None:
        """Bring one of the docks to the front of its tabs."""
        dock = widget
        while not isinstance(dock, QDockWidget):
            dock = dock.parentWidget()
        dock.raise_()
        self.wait(0.3)
        self.window.resizeDocks([dock], [WIDTH], Qt.Orientation.Horizontal)
        self.wait(0.7)

    def rest(self) -> None:
        """Wait until no work is left in the background and all is saved."""
        header = self.page.header

        def is_still() -> bool:
            busy = header.work.text() or self.work.masks.first_masks.running
            return not busy and "Saving" not in header.saved.text() and self.work.current is not None

        self.wait(1.0)
        self.wait_until(is_still, "rest")
        self.wait(1.0)

    def open(self, number: int) -> None:
        """Open a case by its number."""
        (id,) = (case.id for case in self.work.cases.values() if case.number == number)
        self.work.navigator.open_case(id)
        self.wait_until(lambda: self.work.current is not None and self.work.current.id == id, "case")
        self.rest()

    def place(self, at: Place) -> QPoint:
        """Where a pixel of the open mask is on the canvas."""
        node = self.viewer.window._qt_viewer.canvas.layer_to_visual[self.work.current_layer].node
        column, row = node.get_transform("visual", "canvas").map([at[1] + 0.5, at[0] + 0.5])[:2]
        return QPoint(round(column), round(row))

    def stroke(self, places: Sequence[Place], *, release: bool = True) -> None:
        """The mouse over places of the open mask, left button down."""
        self.drag([self.place(at) for at in places], release=release)


def take(folder: Path) -> None:
    """All pictures. folder : where they go, absolute."""
    home = Path(tempfile.mkdtemp(prefix="clinic-"))
    os.chdir(home)  # so that the pictures show no path of this computer
    shutil.copytree(XRAYS, "X-rays")
    _xrays(folder)
    _stack(folder)
    _report(home / "X-rays review", folder)


def _xrays(folder: Path) -> None:
    """Twelve X-rays: the project is made, decisions are made by key, one mask is corrected."""
    desk = ReviewDesk(folder)
    QTest.keyClicks(desk.review.start.reviewer, _REVIEWER)
    dialog = desk.review.ask_images(new=True)
    dialog.images.choose(Path("X-rays"))
    dialog.first.setCurrentIndex(dialog.first.findText(_MODEL, Qt.MatchFlag.MatchContains))
    dialog.move(desk.canvas.mapToGlobal(QPoint(60, 200)))
    desk.picture("review-new")
    desk.click(dialog.buttons.button(QDialogButtonBox.StandardButton.Ok))
    every = len(list(XRAYS.iterdir()))
    desk.wait_until(lambda: len(desk.work.cases) == every, "cases")
    desk.wait_until(lambda: all(case.revision for case in desk.work.cases.values()), "first masks")
    desk.rest()
    box = desk.page.table.order_box
    box.setCurrentIndex(box.findData(Order.CHECKS))
    box.activated.emit(box.currentIndex())

    desk.open(8)
    desk.press("S")
    desk.rest()
    desk.front(desk.correct)  # case 6 comes next
    desk.click(desk.correct.tools.buttons[1])
    for line in ([(330, 110), (365, 140), (398, 165)], [(375, 150), (412, 142)]):
        desk.stroke(line)
        desk.wait(2.0)
    desk.picture("review-correct")
    desk.click(desk.correct.tools.buttons[1])
    desk.front(desk.review)
    desk.press("A")
    desk.rest()
    desk.press("R")  # case 12
    desk.press(str(list(Reason).index(Reason.POOR_QUALITY) + 1))
    desk.rest()
    for _ in range(4):
        desk.wait(2.0)
        desk.press("A")
        desk.rest()
    desk.page.table.view.scrollToTop()
    desk.picture("review")
    desk.work.close_project()
    desk.wait(2.0)
    desk.close()


def _stack(folder: Path) -> None:
    """The CT with its mask: two slices are corrected, so that those between them can be filled in."""
    for name, file in (("CT", CT.image), ("CT masks", CT.mask)):
        Path(name).mkdir()
        shutil.copy(file, name)
    desk = ReviewDesk(folder)
    desk.work.set_reviewer(_REVIEWER)
    desk.work.create_project(Path("CT review"), CT.protocol)
    desk.wait_until(lambda: desk.work.project is not None, "project")
    desk.work.importer.add_images([Path("CT")], masks=Path("CT masks"))
    desk.wait_until(lambda: desk.work.current is not None, "case")
    desk.rest()
    desk.front(desk.correct)
    desk.work.current_layer.mode = "paint"
    desk.work.current_layer.brush_size = 5
    desk.click(desk.correct.labels.lung)
    for at in (42, 46):
        desk.viewer.dims.set_current_step(0, at)
        desk.wait(0.5)
        desk.stroke([(68, 80), (78, 83)])
    desk.wait(2.0)
    desk.picture("review-stack")
    desk.work.close_project()
    desk.wait(2.0)
    desk.close()


def _report(project: Path, folder: Path) -> None:
    """The page of the report, in a browser."""
    browser = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if browser is None:
        print("The picture of the report was left as it is: Chromium is not installed.")
        return
    with ReviewProject.open(project) as opened:
        for _ in report_steps(opened, Path("summary")):
            pass
    shot = Path("report.png").absolute()
    size = f"--window-size={SCREEN[0]},{SCREEN[1]}"
    page = (Path("summary") / "summary.html").absolute().as_uri()
    arguments = ["--headless", "--no-sandbox", "--hide-scrollbars", size, f"--screenshot={shot}", page]
    subprocess.run([browser, *arguments], check=True, capture_output=True)
    keep(Image.open(shot), folder / "review-report.png")
