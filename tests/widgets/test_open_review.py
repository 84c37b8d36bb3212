"""A window on a review project, as `review open` makes it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from qtpy.QtWidgets import QDockWidget

from napari_unet.io.formats import read_raster
from napari_unet.resources_path import resource
from napari_unet.review.add import add_found, gather
from napari_unet.review.store import ReviewProject
from napari_unet.review.types import Author, AuthorKind, NewCase
from napari_unet.widgets.open_review import open_review
from napari_unet.widgets.session import session_of


def test_both_docks_are_there_and_the_first_case_is_open(
    viewer: Any, engine: Any, qtbot: Any, tmp_path: Path
) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (60, 80), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    with ReviewProject.create(tmp_path / "project") as project:
        add_found(project, gather([tmp_path / "a.png"]), "Ann")
    casework = session_of(viewer).casework
    with qtbot.waitSignal(casework.case_opened, timeout=60_000):
        open_review(viewer, tmp_path / "project")
    assert len(viewer.layers) == 2
    docks = viewer.window._qt_window.findChildren(QDockWidget)
    found = {title: dock for title in ("Review", "Correct") for dock in docks if title in dock.windowTitle()}
    qtbot.waitUntil(lambda: not found["Review"].visibleRegion().isEmpty())
    assert found["Correct"].visibleRegion().isEmpty()  # behind Review
    with qtbot.waitSignal(casework.project_changed, timeout=60_000):
        casework.close_project()
    viewer.window.remove_dock_widget("all")
    qtbot.wait(500)


def test_the_docks_are_read_before_there_is_a_window() -> None:
    code = (
        "import sys, napari_unet.widgets.open_review\n"
        "wanted = {'napari_unet.widgets.review.dock', 'napari_unet.widgets.correct.dock'}\n"
        "sys.exit(not wanted <= set(sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


_CLOSING = """
import sys
from pathlib import Path
import napari
from qtpy.QtCore import QSettings, QTimer
from napari_unet.widgets.open_review import open_review
from napari_unet.widgets.session import session_of
folder = Path(sys.argv[1])
QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, str(folder))
viewer = napari.Viewer()
open_review(viewer, folder / "project")
def close(case):
    assert viewer.dims.ndim == 3 and len(viewer.layers) == 2
    print("open", flush=True)
    QTimer.singleShot(500, viewer.window._qt_window.close)
session_of(viewer).casework.case_opened.connect(close)
napari.run()
print("closed", flush=True)
"""


def test_the_window_can_be_closed_while_a_stack_is_open(tmp_path: Path) -> None:
    mask = read_raster(resource("samples", "lctsc_005_4mm_mask.nii.gz"))
    with ReviewProject.create(tmp_path / "project") as project:
        ((case, _),) = project.add([NewCase(str(resource("samples", "lctsc_005_4mm.nii.gz")))], "Ann")
        project.add_revision(case, mask.pixels.astype("uint8"), Author(AuthorKind.FILE, "sample"))
    command = [sys.executable, "-c", _CLOSING, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr[-3000:]
    assert {"open", "closed"} <= set(done.stdout.splitlines()), done.stderr[-3000:]
    assert "Traceback" not in done.stderr, done.stderr[-3000:]
