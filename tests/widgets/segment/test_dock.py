"""The life of a dock: attached while it is open, notified when it is shown, hidden and closed."""

from __future__ import annotations

import pytest
from qtpy.QtWidgets import QApplication, QLabel

from napari_unet.widgets import session
from napari_unet.widgets.dock import Dock


class Plain(Dock):
    def __init__(self, viewer) -> None:
        super().__init__(viewer)
        self.reported: list[object] = []
        self.fill(QLabel("content"))

    def close_down(self) -> None:
        self.reported.append(("closed", id(self._viewer) in session._sessions))

    def on_shown(self, shown: bool) -> None:
        self.reported.append(shown)


@pytest.fixture
def viewer(make_napari_viewer):
    return make_napari_viewer(show=True)


def test_a_dock_is_told_that_it_is_shown_hidden_and_closed(viewer, engine):
    dock = Plain(viewer)
    around = viewer.window.add_dock_widget(dock)
    QApplication.processEvents()
    assert dock.reported and all(dock.reported)
    around.hide()
    assert dock.reported[-1] is False
    around.show()
    assert dock.reported[-1] is True
    viewer.window.remove_dock_widget(dock)
    QApplication.processEvents()
    assert dock.reported[-1] == ("closed", True)
    assert id(viewer) not in session._sessions


def test_a_dock_closes_down_once_and_hears_nothing_afterwards(viewer, engine):
    dock = Plain(viewer)
    viewer.window.add_dock_widget(dock)
    viewer.window.remove_dock_widget(dock)
    told = list(dock.reported)
    dock.show()
    dock.setParent(None)
    dock.hide()
    assert dock.reported == told and [one for one in told if isinstance(one, tuple)] == [("closed", True)]


def test_the_last_dock_to_go_ends_the_session(viewer, engine):
    first, second = Plain(viewer), Plain(viewer)
    for dock in (first, second):
        viewer.window.add_dock_widget(dock)
    viewer.window.remove_dock_widget(first)
    assert id(viewer) in session._sessions
    viewer.window.remove_dock_widget(second)
    assert id(viewer) not in session._sessions


def test_a_second_dock_becomes_a_tab_beside_the_first_and_lies_in_front(viewer, engine, qtbot):
    first, second = Plain(viewer), Plain(viewer)
    around = [viewer.window.add_dock_widget(dock, area="right") for dock in (first, second)]
    window = viewer.window._qt_window
    qtbot.waitUntil(lambda: around[1] in window.tabifiedDockWidgets(around[0]))
    qtbot.waitUntil(lambda: first.visibleRegion().isEmpty() and not second.visibleRegion().isEmpty())


def test_a_dock_in_another_place_stays_there(viewer, engine, qtbot):
    first, second = Plain(viewer), Plain(viewer)
    around = [
        viewer.window.add_dock_widget(dock, area=area)
        for dock, area in ((first, "right"), (second, "bottom"))
    ]
    qtbot.wait(200)
    assert not viewer.window._qt_window.tabifiedDockWidgets(around[0])
    assert not second.visibleRegion().isEmpty()
