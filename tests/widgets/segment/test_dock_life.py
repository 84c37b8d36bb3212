"""Opening and closing the dock: nothing stays behind, nothing breaks, torch stays out."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from dock_fakes import two_lungs
from napari.layers import Labels
from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtGui import QWheelEvent
from qtpy.QtWidgets import QApplication, QLabel, QScrollArea

from napari_unet.core.errors import UserError
from napari_unet.widgets import session
from napari_unet.widgets.segment import SegmentWidget
from napari_unet.widgets.segment import dock as segment
from napari_unet.widgets.session import session_of


def close_like_the_user(viewer, dock) -> None:
    viewer.window.remove_dock_widget(dock)
    QApplication.processEvents()


def test_closing_the_dock_leaves_the_viewer_as_it_was(make_napari_viewer, engine, models, qtbot):
    viewer = make_napari_viewer()
    viewer.add_image(np.zeros((8, 8)))
    keys, drags = dict(viewer.keymap), list(viewer.mouse_drag_callbacks)
    inserted = len(viewer.layers.events.inserted.callbacks)
    dock = SegmentWidget(viewer)
    viewer.window.add_dock_widget(dock)
    qtbot.waitUntil(lambda: dock.device.count() == 2)
    assert dict(viewer.keymap) != keys
    close_like_the_user(viewer, dock)
    assert dict(viewer.keymap) == keys
    assert list(viewer.mouse_drag_callbacks) == drags
    assert len(viewer.layers.events.inserted.callbacks) == inserted
    assert engine.closed.wait(5)
    assert id(viewer) not in session._sessions


def test_closing_the_dock_in_the_middle_of_a_job(viewer, dock, click_segment, engine, qtbot):
    viewer.add_image(np.zeros((64, 80)))
    job = click_segment()
    close_like_the_user(viewer, dock)
    assert engine.closed.wait(5) and job.cancelled
    qtbot.wait(100)
    assert not any(isinstance(layer, Labels) for layer in viewer.layers)


def test_closing_the_dock_with_a_result_on_its_way(viewer, dock, click_segment, qtbot):
    viewer.add_image(np.zeros((64, 80)))
    click_segment().end(two_lungs((64, 80)))
    close_like_the_user(viewer, dock)
    qtbot.wait(200)
    assert not any(isinstance(layer, Labels) for layer in viewer.layers)


def test_closing_the_dock_in_the_middle_of_a_drag(viewer, dock, segmented):
    _, mask = segmented()
    dock.result.threshold.slider.setValue(30)
    assert not mask.visible
    close_like_the_user(viewer, dock)
    assert mask.visible
    assert len(viewer.layers) == 2


def test_closing_the_viewer_in_the_middle_of_a_job(viewer, dock, click_segment, engine, qtbot):
    viewer.add_image(np.zeros((64, 80)))
    job = click_segment()
    viewer.close()
    qtbot.waitUntil(lambda: engine.closed.is_set())
    assert job.cancelled
    assert id(viewer) not in session._sessions


def test_a_dock_closed_at_once(make_napari_viewer, engine, models, qtbot):
    viewer = make_napari_viewer()
    dock = SegmentWidget(viewer)
    viewer.window.add_dock_widget(dock)
    close_like_the_user(viewer, dock)
    qtbot.wait(200)
    assert id(viewer) not in session._sessions
    assert dock._session._engine is None


def test_a_second_dock_shares_the_session(viewer, dock, engine, qtbot):
    second = SegmentWidget(viewer)
    viewer.window.add_dock_widget(second)
    assert second._session is dock._session is session_of(viewer)
    close_like_the_user(viewer, second)
    assert not engine.closed.is_set()
    assert session_of(viewer) is dock._session


def test_the_dock_opens_again(viewer, dock, click_segment, qtbot):
    close_like_the_user(viewer, dock)
    again = SegmentWidget(viewer)
    viewer.window.add_dock_widget(again)
    assert again._session is session_of(viewer) is not dock._session
    viewer.add_image(np.zeros((64, 80)))
    assert again.image.layer() is viewer.layers[0]


def test_another_distribution_in_our_package_is_refused(viewer, engine, models, qtbot, told, monkeypatch):
    def refuse():
        raise UserError("Another package has installed its files in napari_unet.", "Make a new environment.")

    monkeypatch.setattr(segment, "_check_package", refuse)
    dock = SegmentWidget(viewer)
    viewer.window.add_dock_widget(dock)
    viewer.add_image(np.zeros((64, 80)))
    qtbot.waitUntil(lambda: bool(told))
    assert "Make a new environment" in dock.findChild(QLabel, "message").text()
    assert not dock.run.isEnabled()
    assert not engine.jobs


def test_the_dock_fits_a_small_screen(viewer, dock, segmented):
    segmented()
    dock.model.card._fold.button().click()
    viewer.window.resize(1366, 768)
    QApplication.processEvents()
    assert dock.minimumSizeHint().height() <= 200
    assert dock.minimumSizeHint().width() <= 360
    assert dock.height() < 768
    area = dock.findChild(QScrollArea)
    assert area.verticalScrollBar().maximum() > 0
    assert area.widget().width() <= area.viewport().width()


def test_the_wheel_scrolls_and_does_not_change_the_threshold(dock, segmented):
    segmented()
    slider = dock.result.threshold.slider
    dock.setFocus()
    middle = QPointF(slider.rect().center())
    wheel = QWheelEvent(
        middle,
        QPointF(slider.mapToGlobal(slider.rect().center())),
        QPoint(0, -120),
        QPoint(0, -120),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(slider, wheel)
    assert slider.value() == 50


_WITHOUT_TORCH = """
import sys
class NoTorch:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "torch":
            raise ImportError("torch is not to be imported here")
sys.meta_path.insert(0, NoTorch())
import napari
from qtpy.QtWidgets import QApplication
viewer = napari.Viewer(show=False)
from napari_unet.widgets import session
class Engine:
    def __init__(self, **options): pass
    def warm(self): pass
    def submit(self, kind, **arguments): raise RuntimeError
    def close(self): pass
session.Engine = Engine
from napari_unet.widgets.segment import SegmentWidget
dock = SegmentWidget(viewer)
viewer.window.add_dock_widget(dock)
for _ in range(50):
    QApplication.processEvents()
assert "torch" not in sys.modules
viewer.close()
print("opened")
"""


def test_the_dock_opens_in_a_process_without_torch():
    ran = subprocess.run([sys.executable, "-c", _WITHOUT_TORCH], capture_output=True, text=True, timeout=120)
    assert "opened" in ran.stdout, ran.stderr


@pytest.mark.parametrize("wanted, threads", [("cpu", 3), ("auto", None)])
def test_preferences(viewer, engine, models, qtbot, monkeypatch, wanted, threads):
    from napari_unet.widgets.common.preferences import Preferences

    chosen = Preferences(device=wanted, threads=threads)
    monkeypatch.setattr(segment, "preferences", lambda: chosen)
    monkeypatch.setattr(session, "preferences", lambda: chosen)
    made = []
    monkeypatch.setattr(session, "ChildEngine", lambda **options: made.append(options) or engine)
    dock = SegmentWidget(viewer)
    viewer.window.add_dock_widget(dock)
    qtbot.waitUntil(lambda: dock.device.count() == 2 and dock.device.itemText(1) == "Processor")
    assert dock.device.currentData() == wanted
    assert made == [{"threads": threads}]
