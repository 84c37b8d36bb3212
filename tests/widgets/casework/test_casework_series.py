"""Several series in a folder that is added to a review: the window asks once which of them are cases."""

from __future__ import annotations

import numpy as np
import pytest
from casework_fakes import write_images
from dicom_files import save_series
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QApplication

from napari_unet.widgets.common.series_dialog import SeriesDialog


@pytest.fixture
def study(tmp_path):
    """A folder with series 3 and 5, and an X-ray."""
    folder = tmp_path / "study"
    write_images(folder, 1)
    for number, count in ((3, 4), (5, 6)):
        hu = np.tile(np.arange(20, dtype=np.int16) * 100 - 1000, (count, 16, 1))
        for file in save_series(tmp_path / "made", hu, SeriesNumber=number):
            file.rename(folder / f"{number}{file.name}")
    return folder


def answer(act):
    """Does something to the dialog once it is open; returns a list of those that were."""
    seen = []

    def look():
        dialog = QApplication.activeModalWidget()
        if isinstance(dialog, SeriesDialog):
            seen.append([info.number for info in dialog._infos])
            act(dialog)
        else:
            QTimer.singleShot(20, look)

    QTimer.singleShot(20, look)
    return seen


def shapes(review):
    return sorted(case.shape for case in review.work.cases.values() if case.shape)


def test_the_series_that_was_chosen_becomes_a_case(review, study):
    review.start([])
    seen = answer(lambda dialog: dialog.accept())  # the larger one is selected
    review.work.importer.add_images([study])
    review.qtbot.waitUntil(lambda: len(shapes(review)) == 2)
    assert seen == [["3", "5"]] and shapes(review)[0] == (6, 16, 20)
    assert any(text.startswith("2 images added.") for text in review.news)


def test_all_of_them(review, study):
    review.start([])
    answer(lambda dialog: (dialog.table.selectAll(), dialog.accept()))
    review.work.importer.add_images([study])
    review.qtbot.waitUntil(lambda: len(shapes(review)) == 3)


def test_none_of_them(review, study):
    review.start([])
    answer(lambda dialog: dialog.reject())
    review.work.importer.add_images([study])
    review.qtbot.waitUntil(lambda: len(shapes(review)) == 1)  # the X-ray
    ended = []
    review.work.importer.added.connect(ended.append)
    answer(lambda dialog: dialog.reject())
    review.work.importer.add_images(sorted(study.glob("*IM*")))
    review.qtbot.waitUntil(lambda: bool(ended))
    assert review.news[-1] == "Nothing was added: no series was chosen." and ended[0].new == ()
    assert len(shapes(review)) == 1
