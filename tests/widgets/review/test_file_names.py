"""Names of files in the window: hidden until somebody asks, has seen the first three and agrees."""

from __future__ import annotations

import stat

import pytest
from casework_fakes import write_images
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def opened(review, review_dock, tmp_path):
    """The dock on a project of six; case 5 is called Meier.png."""
    images = write_images(tmp_path / "images", 6)
    images[4] = images[4].rename(tmp_path / "images" / "Meier.png")
    ids = review.start(images)
    review.open(ids[4])
    review.settle()
    yield review_dock, review, ids
    review.viewer.window.remove_dock_widget(review_dock)


def asked(dock, review):
    review.qtbot.waitUntil(lambda: dock.files.question is not None and dock.files.question.isVisible())
    return dock.files.question


def press(dock, review, words):
    box = asked(dock, review)
    (button,) = [button for button in box.buttons() if words in button.text().replace("&", "")]
    QTest.mouseClick(button, LEFT)
    review.qtbot.waitUntil(lambda: dock.files.question is None)


def rows(dock):
    model = dock.page.table.model
    return [model.case_at(row).number for row in range(model.rowCount())]


def search(dock, review, text):
    dock.page.table.search.clear()
    QTest.keyClicks(dock.page.table.search, text)
    review.qtbot.wait(250)


def test_names_are_shown_and_found_only_after_a_question(opened):
    dock, review, _ = opened
    search(dock, review, "meier")
    assert rows(dock) == [] and "Meier" not in dock.page.title.text()
    dock.page.header.entries["names"].trigger()
    box = asked(dock, review)
    assert all(name in box.text() for name in ("0.png", "1.png", "2.png")) and "Meier" not in box.text()
    QTest.keyClick(box, Qt.Key.Key_Escape)
    review.qtbot.waitUntil(lambda: dock.files.question is None)
    assert "Meier" not in dock.page.title.text()
    dock.page.header.entries["names"].trigger()
    press(dock, review, "Show file names")
    review.qtbot.waitUntil(lambda: "File: Meier.png" in dock.page.title.text())
    assert rows(dock) == [5]
    dock.page.header.entries["names"].trigger()  # it now says: hide
    assert "Meier" not in dock.page.title.text() and rows(dock) == []


def test_another_project_hides_them_again(opened):
    dock, review, ids = opened
    dock.page.header.entries["names"].trigger()
    press(dock, review, "Show file names")
    review.qtbot.waitUntil(lambda: "Meier" in dock.page.title.text())
    review.reopen()
    review.settle()
    review.open(ids[4])
    assert "Meier" not in dock.page.title.text()


def test_the_key_is_written_after_a_question(opened, tmp_path, monkeypatch):
    dock, review, ids = opened
    path = tmp_path / "key.csv"
    monkeypatch.setattr(
        "napari_unet.widgets.review.file_names.QFileDialog.getSaveFileName", lambda *_: (str(path), "")
    )
    dock.page.header.entries["key"].trigger()
    press(dock, review, "Choose a file")
    review.qtbot.waitUntil(lambda: "The linking table is key.csv" in dock.page.news.text())
    assert f"5,{ids[4]},Meier.png" in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    dock.files.write_to(review.folder / "key.csv")
    review.qtbot.waitUntil(lambda: "must not be inside a review project" in dock.message.text())
    assert not (review.folder / "key.csv").exists()


def test_an_export_with_the_sources_names_asks(opened, tmp_path):
    dock, review, _ = opened
    review.work.decisions.accept()
    review.settle()
    dialog = dock.exporter.ask()
    dialog.folder.choose(tmp_path / "out")
    dialog.form.source_names.value = True
    dialog.form.report.value = False
    dialog.buttons.button(dialog.buttons.StandardButton.Ok).click()
    press(dock, review, "Export with these names")
    review.qtbot.waitUntil(lambda: (tmp_path / "out" / "png" / "masks" / "Meier.png").is_file())


def test_searching_a_number_puts_that_case_first(opened):
    dock, review, _ = opened
    review.work.decisions.set_note("seen on the 3rd")
    review.settle()
    search(dock, review, "3")
    assert rows(dock)[0] == 3 and 5 in rows(dock)
