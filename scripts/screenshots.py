"""Takes the pictures of the README and the docs in a real napari window: `make screenshots`.

Needs a screen of at least 1366×768; the Makefile gives it one under Xvfb. The page of the review report is
taken with Chromium, where that is installed.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from desk import Desk  # isort: skip  # first: it keeps the settings of whoever runs this out of the pictures

import screenshots_ct
import screenshots_finetune
import screenshots_review
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest

from napari_unet.core.steps import run
from napari_unet.review.add import add_found, gather
from napari_unet.review.scan import scan_steps
from napari_unet.review.store import ReviewProject
from napari_unet.samples import SAMPLES
from napari_unet.widgets.viewing.keys import OUTLINE, RESET

_WIDTH = 360  # of the dock


def segment(folder: Path) -> None:
    """The Segment dock on a sample."""
    desk = Desk(folder)
    desk.viewer.open_sample("napari-unet-lung", SAMPLES[1].key)
    dock = desk.dock("Segment", _WIDTH)
    desk.settle()
    desk.viewer.reset_view()
    desk.click(dock.run)
    desk.wait_until(lambda: dock.result.picker.layer() is not None, "mask")
    desk.wait(1.5)
    mask = dock.result.picker.layer()
    desk.picture("segment")

    desk.press(OUTLINE)
    dock.result.left_right.click()
    middle = QPoint(desk.canvas.width() // 2, desk.canvas.height() // 2)
    by = QPoint(-desk.canvas.width() // 3, -desk.canvas.height() // 24)
    desk.drag([middle, middle + by], Qt.MouseButton.RightButton)
    desk.picture("outline")

    desk.press(RESET)
    desk.press(OUTLINE)
    dock.result.left_right.click()
    desk.wait(1.0)
    slider = dock.result.threshold.slider
    settled = slider.value()
    slider.setSliderDown(True)
    slider.setValue(5)
    desk.picture("threshold")

    slider.setValue(settled)
    slider.setSliderDown(False)
    desk.wait(2.5)
    dock.result.uncertainty.click()
    desk.wait(1.0)
    mask.visible = False
    desk.picture("uncertainty")
    desk.close()


def inside(folder: Path) -> None:
    """The dock Inside the network on the same sample: skip connections cut, and a stop of the tour."""
    desk = Desk(folder)
    desk.viewer.open_sample("napari-unet-lung", SAMPLES[1].key)
    dock = desk.dock("Inside the network", _WIDTH)
    desk.settle()
    desk.viewer.reset_view()
    drawn = dock.network.network

    def answered() -> None:
        desk.wait(0.3)
        desk.wait_until(lambda: not dock.is_busy, "answer")

    answered()
    for level in range(5):
        desk.click(drawn.skip_button(level))
        answered()
    desk.picture("inside")
    desk.click(dock.network.put_back)
    answered()
    dock.tour.go(5)
    answered()
    dock.pages.setCurrentIndex(1)
    desk.picture("inside-tour")
    desk.close()


def finding(folder: Path) -> None:
    """The dock Finding on a sample: scores, the heat map of the first one, and zones."""
    desk = Desk(folder)
    desk.viewer.open_sample("napari-unet-lung", SAMPLES[1].key)
    dock = desk.dock("Finding", _WIDTH)
    desk.settle()
    desk.viewer.reset_view()
    desk.click(dock.run)
    desk.wait_until(lambda: bool(dock.scores.text()), "scores")
    dock.heat.zones.setChecked(True)
    desk.wait(1.0)
    desk.picture("finding")
    desk.close()


def reading(folder: Path) -> None:
    """A case of a review before the first call, and after it."""
    project = Path(tempfile.mkdtemp()) / "chest X-rays"
    with ReviewProject.create(project) as made:
        ids = [id for id, _ in add_found(made, gather([screenshots_review.XRAYS]), "A. Example")]
        run(scan_steps(made, by="A. Example"))
    desk = screenshots_review.ReviewDesk(folder)
    dock = desk.dock("Finding", screenshots_review.WIDTH, tabify=True)
    desk.work.set_reviewer("A. Example")
    desk.work.open_project(project)
    desk.wait_until(lambda: len(desk.work.cases) == len(ids), "cases")
    desk.open(3)
    desk.front(dock)
    desk.picture("finding-before")
    for _, sure, _ in dock.form._rows.values():
        sure.setFocus()
        QTest.keyClick(sure, "2")
    desk.click(dock.lock)
    desk.wait_until(lambda: bool(dock.scores.text()), "score")
    dock.heat.zones.setChecked(True)
    desk.wait(1.0)
    desk.picture("finding-after")
    desk.close()


def main() -> None:
    """All pictures, or those of one page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=Path("docs/images"))
    parser.add_argument(
        "--only", choices=["segment", "inside", "finding", "reading", "review", "finetune", "ct"]
    )
    options = parser.parse_args()
    folder = options.folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    pages = {
        "segment": segment,
        "inside": inside,
        "finding": finding,
        "reading": reading,
        "review": screenshots_review.take,
        "finetune": screenshots_finetune.take,
        "ct": screenshots_ct.take,
    }
    for name, take in pages.items():
        if options.only in (None, name):
            take(folder)


if __name__ == "__main__":
    main()
