"""The dock as a student meets it: from the menu, on the sample of the lecture, with the real engine."""

from __future__ import annotations

import subprocess
import sys

import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from napari_unet.core.errors import UserError
from napari_unet.models.library import default_library

SAMPLE = "hannover_1052b0fe"
ALT, PLAIN = Qt.KeyboardModifier.AltModifier, Qt.KeyboardModifier.NoModifier


@pytest.fixture
def opened(make_napari_viewer, own_preferences, qtbot):
    try:
        default_library().find("cxr-lung").verify()
    except UserError as error:
        pytest.skip(f"no shipped model: {error}")
    viewer = make_napari_viewer(show=True)
    viewer.open_sample("napari-unet-lung", SAMPLE)
    _, dock = viewer.window.add_plugin_dock_widget("napari-unet-lung", "Inside the network")
    yield viewer, dock
    viewer.window.remove_dock_widget(dock)


def test_skips_are_cut_by_key_and_the_tour_begins(opened, qtbot):
    viewer, dock = opened

    def calm() -> None:
        qtbot.waitUntil(lambda: not dock.is_busy, timeout=120_000)

    calm()
    network = dock.network.network
    network.skip_button(0).setFocus()
    for level in range(5):
        QTest.keyClick(network.skip_button(level), Qt.Key.Key_Space, PLAIN)
        calm()
    said = dock.network.difference.text()
    dice = float(said.split("Dice <b>")[1].split("<")[0])
    assert 0.3 < dice < 0.97, "a mask without skip connections is another one"
    QTest.keyClick(network, Qt.Key.Key_0, ALT)
    calm()
    assert not dock.network.alteration
    QTest.keyClick(network, Qt.Key.Key_Right, ALT)
    calm()
    assert dock.tour.stop.number == 1 and dock.message.text() == ""
    assert [layer.name for layer in viewer.layers if layer.visible] == ["Stop 1"]


_WITHOUT_TORCH = """
import sys
class NoTorch:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "torch":
            raise ImportError("torch is not to be imported here")
sys.meta_path.insert(0, NoTorch())
import napari, numpy
from qtpy.QtWidgets import QApplication
from napari_unet.core.inside import Look, Panel
from napari_unet.tour.picture import picture
from napari_unet.tour.words import Language
from napari_unet.widgets.explore import ExploreWidget
viewer = napari.Viewer(show=False)
dock = ExploreWidget(viewer)
viewer.window.add_dock_widget(dock)
for _ in range(50):
    QApplication.processEvents()
picture(Look("word", (Panel("image", numpy.zeros((4, 4), numpy.uint8)),)), "a", "b", Language.ENGLISH)
assert "torch" not in sys.modules
viewer.close()
print("opened")
"""


def test_the_dock_opens_in_a_process_without_torch():
    ran = subprocess.run([sys.executable, "-c", _WITHOUT_TORCH], capture_output=True, text=True, timeout=120)
    assert "opened" in ran.stdout, ran.stderr
