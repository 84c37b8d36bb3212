"""The Fine-tune dock on a small screen: nothing is cut, one scroll bar at most, and buttons stay."""

from __future__ import annotations

import pytest
from finetune_fakes import fold, result_of
from looks import cut_texts, nested, on_small_screen, places, scroll_bars
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel
from test_finetune_dock import project, started  # noqa: F401  (fixtures)

from napari_unet.core.drift import Drift, DriftCase


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_the_acceptance_page_has_room_for_its_table(dock, started, library, viewer, qtbot, theme):  # noqa: F811
    viewer.theme = theme
    on_small_screen(viewer, qtbot)
    job, _ = started(accepted=24, protocol="Whole thorax without the spine", other_protocol=True)
    travel = Drift("the travel set", (DriftCase("NIH 1", 0.97), DriftCase("Child 1", 0.6, leaks=(0.1,))))
    own = Drift("your untouched images", (DriftCase("c1", 0.9, checks=("holes",)),))
    machines = Drift("the reference set with simulated equipment", (DriftCase("Montgomery 1", 0.9),))
    added = "The corrected masks add the lung behind the heart in 8 of 8 cases (11 % of the lungs' area)."
    looked_at = {"drift": (machines, travel, own), "difference": added}
    job.end(result_of(job, library, forgets=0.05, earlier_change=0.0, **looked_at))
    qtbot.waitUntil(dock.acceptance.isVisible)
    qtbot.wait(200)
    assert "&#" not in "".join(label.text() for label in dock.findChildren(QLabel) if "<" not in label.text())
    assert scroll_bars(dock) == [dock.acceptance.table]
    assert dock.acceptance.table.height() >= 6 * 23  # with every warning there is
    assert cut_texts(dock) == []
    for button in (dock.acceptance.take, dock.acceptance.keep):
        assert button.visibleRegion().boundingRect() == button.rect()


def test_few_cases_leave_no_gap_and_no_scroll_bar(dock, started, library, viewer, qtbot):  # noqa: F811
    on_small_screen(viewer, qtbot)
    job, _ = started()
    job.end(result_of(job, library))
    qtbot.waitUntil(dock.acceptance.isVisible)
    qtbot.wait(200)
    assert scroll_bars(dock) == []
    gap = dock.acceptance.take.y() - dock.acceptance.explained.geometry().bottom()
    assert gap < 20, "the words above the buttons are no higher than their text"


def test_buttons_stay_while_it_trains(dock, started, viewer, qtbot):  # noqa: F811
    on_small_screen(viewer, qtbot)
    job, ids = started(new=2)
    qtbot.wait(100)
    before = places(dock)
    assert {"Pause", "Stop and keep the best", "Cancel"} <= set(before)
    dock.run.watch.setChecked(True)
    job.tell(*fold(1, ids[1]))
    qtbot.waitUntil(lambda: "0.900" in dock.run.curves.legend.text())
    qtbot.wait(400)
    assert places(dock) == before
    assert cut_texts(dock) == [] and nested(scroll_bars(dock)) == []


def test_return_in_the_name_does_nothing_else(dock, project, viewer, qtbot):  # noqa: F811
    project()
    pressed = []
    viewer.bind_key("Enter", lambda _: pressed.append("Enter"))
    viewer.bind_key("Escape", lambda _: pressed.append("Escape"))
    dock.setup.name.setFocus()
    for key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Escape):
        qtbot.keyClick(dock.setup.name, key)
    assert pressed == []
