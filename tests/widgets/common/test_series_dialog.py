"""Several series opened at once: the window asks which, once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dicom_files import NUMBER, PATIENT, save_multi_frame, save_series
from napari.components import ViewerModel
from pydicom.uid import generate_uid
from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import QApplication, QDialogButtonBox

from napari_unet.widgets.common.series_dialog import SeriesDialog

PLUGIN = "napari-unet-lung"


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """A folder with series 3 (soft, 4 slices), 5 (sharp, 6 slices) and a multi-frame 8 (2 slices)."""
    made = {"StudyInstanceUID": generate_uid()}
    for number, count, kernel in ((3, 4, "B30f"), (5, 6, "B70f")):
        hu = np.tile(np.arange(20, dtype=np.int16) * 100 - 1000, (count, 16, 1))
        tags = made | {"SeriesNumber": number, "ConvolutionKernel": kernel, "SliceThickness": "2.5"}
        files = save_series(tmp_path / "ct" / str(number), hu, SeriesDescription=f"Chest {kernel}", **tags)
        for file in files:
            file.rename(tmp_path / "ct" / f"{number}{file.name}")
        (tmp_path / "ct" / str(number)).rmdir()
    few = sorted((tmp_path / "ct").glob("3IM*"))[:2]
    save_multi_frame(tmp_path / "ct" / "multi.dcm", few, SeriesNumber=8)
    return tmp_path / "ct"


@pytest.fixture
def answer(qtbot: Any) -> Callable[[Callable[[SeriesDialog], None]], list[SeriesDialog]]:
    """Does something to the dialog when it is open; returns a list of those that were."""
    seen: list[SeriesDialog] = []

    def when_open(act: Callable[[SeriesDialog], None]) -> list[SeriesDialog]:
        def look() -> None:
            dialog = QApplication.activeModalWidget()
            if isinstance(dialog, SeriesDialog):
                seen.append(dialog)
                act(dialog)
            else:
                QTimer.singleShot(20, look)

        QTimer.singleShot(20, look)
        return seen

    return when_open


def click(qtbot: Any, dialog: SeriesDialog, button: QDialogButtonBox.StandardButton) -> None:
    qtbot.mouseClick(dialog.buttons.button(button), Qt.MouseButton.LeftButton)


def test_the_window_lists_the_series_and_opens_those_that_are_chosen(
    viewer: Any, study: Path, answer: Any, qtbot: Any
) -> None:
    texts: list[list[str]] = []

    def act(dialog: SeriesDialog) -> None:
        table = dialog.table
        texts.extend(
            [table.item(row, column).text() for column in range(table.columnCount())]
            for row in range(table.rowCount())
        )
        qtbot.waitUntil(lambda: all(not table.item(row, 0).icon().isNull() for row in range(3)))
        assert [info.number for info in dialog.selected()] == ["5"]
        open_button = dialog.buttons.button(QDialogButtonBox.StandardButton.Open)
        table.clearSelection()
        assert not open_button.isEnabled()
        place = table.visualItemRect(table.item(0, 1)).center()
        qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=place)
        assert open_button.isEnabled()
        click(qtbot, dialog, QDialogButtonBox.StandardButton.Open)

    seen = answer(act)
    viewer.open(str(study), plugin=PLUGIN)
    assert len(seen) == 1
    assert texts[0] == ["3", "Chest B30f", "4", "2.5 mm", "B30f", "16 × 20"]
    assert texts[1][:3] == ["5", "Chest B70f", "6"] and texts[2][:3] == ["8", "CT", "2"]
    assert not any(word in " ".join(row) for row in texts for word in (PATIENT, NUMBER))
    (layer,) = viewer.layers
    assert layer.data.shape == (4, 16, 20)


def test_asked_once_where_napari_opens_file_by_file(
    viewer: Any, study: Path, answer: Any, qtbot: Any
) -> None:
    def act(dialog: SeriesDialog) -> None:
        dialog.table.selectAll()
        click(qtbot, dialog, QDialogButtonBox.StandardButton.Open)

    seen = answer(act)
    viewer.open(sorted(map(str, study.iterdir())), plugin=PLUGIN, stack=False)
    assert len(seen) == 1
    assert sorted(layer.data.shape[0] for layer in viewer.layers) == [2, 4, 6]


def test_cancel_opens_nothing(viewer: Any, study: Path, answer: Any, qtbot: Any) -> None:
    seen = answer(lambda dialog: click(qtbot, dialog, QDialogButtonBox.StandardButton.Cancel))
    viewer.open(str(study), plugin=PLUGIN)
    assert len(seen) == 1 and len(viewer.layers) == 0


def test_one_series_and_a_viewer_without_a_window_are_not_asked(viewer: Any, study: Path) -> None:
    model = ViewerModel()
    model.open(str(study), plugin=PLUGIN)
    assert len(model.layers) == 3
    for file in [*study.glob("3*"), study / "multi.dcm"]:
        file.unlink()
    viewer.open(str(study), plugin=PLUGIN)
    (layer,) = viewer.layers
    assert layer.data.shape == (6, 16, 20)
