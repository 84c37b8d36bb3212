"""All docks in one window on a small screen: their names, and the Segment dock's buttons."""

from __future__ import annotations

import numpy as np
import pytest
from dock_fakes import settle
from looks import cut_texts, nested, on_small_screen, places, scroll_bars, tab_texts
from qtpy.QtWidgets import QDockWidget

from napari_unet.core.errors import UserError
from napari_unet.widgets.correct import CorrectWidget
from napari_unet.widgets.dock import menu_name
from napari_unet.widgets.explore import ExploreWidget
from napari_unet.widgets.finding import FindingWidget
from napari_unet.widgets.finetune import FineTuneWidget
from napari_unet.widgets.open_review import open_review
from napari_unet.widgets.review import ReviewWidget
from napari_unet.widgets.segment import SegmentWidget

DOCKS = {
    "Segment": SegmentWidget,
    "Review": ReviewWidget,
    "Correct": CorrectWidget,
    "Fine-tune": FineTuneWidget,
    "Finding": FindingWidget,
    "Inside the network": ExploreWidget,
}


def frame_with(viewer, title):
    frames = viewer.window._qt_window.findChildren(QDockWidget)
    return next(frame for frame in frames if frame.windowTitle() == title)


def test_tabs_and_titles_have_the_whole_names(viewer, engine, models, qtbot):
    on_small_screen(viewer, qtbot)
    for title, kind in DOCKS.items():
        viewer.window.add_dock_widget(kind(viewer), name=menu_name(title), area="right")
        qtbot.wait(100)
    qtbot.waitUntil(lambda: sorted(tab_texts(viewer)) == sorted(DOCKS))
    for title in DOCKS:
        frame = frame_with(viewer, title)
        assert frame.titleBarWidget().title.text() == title
        frame.setFloating(True)
        qtbot.waitUntil(lambda f=frame, t=title: f.titleBarWidget().title.text() == t)
        frame.setFloating(False)
        qtbot.waitUntil(lambda f=frame, t=title: f.titleBarWidget().title.text() == t)


def test_review_open_makes_the_docks_that_the_menu_shows_and_hides(viewer, engine, models, qtbot, tmp_path):
    job = open_review(viewer, tmp_path / "nowhere")
    job.abandon()
    assert {menu_name("Review"), menu_name("Correct")} <= set(viewer.window._wrapped_dock_widgets)
    qtbot.wait(100)


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_segment_on_a_small_screen(dock, segmented, viewer, qtbot, theme):
    viewer.theme = theme
    on_small_screen(viewer, qtbot)
    segmented(scale=(0.2, 0.2))
    dock.result.left_right.click()
    settle(qtbot, dock)
    qtbot.wait(100)
    assert cut_texts(dock) == [] and scroll_bars(dock) == []
    before = places(dock)
    assert {"Segment", "Save mask…", "Separate left and right lung"} <= set(before)
    dock._on_failed(UserError("This is said about a mask in two lines at least.", "Do something about it."))
    dock._on_reported("Saved mask.png in a folder with a long name.")
    dock._on_failed(UserError("This is said about a mask in two lines at least.", "Do something about it."))
    qtbot.wait(100)
    assert dock.message.isVisible()
    after = places(dock)
    assert {name: after[name] for name in before} == before
    assert nested(scroll_bars(dock)) == []


def test_what_segment_said_about_an_image_goes_with_it(dock, viewer, qtbot):
    viewer.add_image(np.zeros((30, 30)), name="one")
    dock._on_failed(UserError("This is no chest X-ray.", "Choose another image."))
    assert dock.message.isVisible()
    viewer.add_image(np.zeros((30, 30)), name="two")
    assert dock.image.layer().name == "two" and not dock.message.text()
