"""The dock as a newcomer meets it: from the menu, on a sample, with the shipped model in the real engine."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from dock_fakes import settle
from napari.layers import Labels
from qtpy.QtCore import Qt, QTimer

from napari_unet.core.errors import UserError
from napari_unet.core.metrics import dice
from napari_unet.io.formats import read_mask
from napari_unet.models.library import default_library
from napari_unet.resources_path import resource

_SAMPLE = "hannover_1052b0fe"
_CASES = Path(__file__).parents[2] / "data" / "cases"


@pytest.fixture
def model():
    try:
        entry = default_library().find("cxr-lung")
        entry.verify()
    except UserError as error:
        pytest.skip(f"no shipped model: {error}")
    return entry


@pytest.fixture
def opened(make_napari_viewer, model, qtbot):
    viewer = make_napari_viewer(show=True)
    viewer.open_sample("napari-unet-lung", _SAMPLE)
    _, dock = viewer.window.add_plugin_dock_widget("napari-unet-lung", "Segment")
    yield viewer, dock
    viewer.window.remove_dock_widget(dock)


def test_a_sample_is_segmented(opened, qtbot):
    viewer, dock = opened
    assert dock.model.currentText().startswith("cxr-lung")
    dock.run.click()
    qtbot.waitUntil(lambda: dock._job is None, timeout=120_000)
    settle(qtbot, dock)
    masks = [layer for layer in viewer.layers if isinstance(layer, Labels)]
    assert len(masks) == 1
    assert dice(masks[0].data > 0, read_mask(resource("samples") / f"{_SAMPLE}_mask.png") > 0) > 0.85


def test_a_picture_that_napari_s_own_reader_shows_otherwise_is_segmented(opened, qtbot):
    viewer, dock = opened
    viewer.layers.clear()
    viewer.open(str(_CASES / "grey_alpha.png"), plugin="napari")
    qtbot.mouseClick(dock.run, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: dock._job is None, timeout=120_000)
    settle(qtbot, dock)
    image, mask = viewer.layers
    assert image.data.shape == mask.data.shape == (256, 256)
    assert dice(mask.data > 0, read_mask(_CASES / "mask_hard.png") > 0) > 0.85
    assert "opened again" in dock.result.notes.text()


def test_a_photograph_is_refused(opened, qtbot, told):
    viewer, dock = opened
    y, x = np.mgrid[:200, :300]
    viewer.add_image((np.sin(x / 3) * np.cos(y / 5) * 127 + 128).astype(np.uint8), name="curtain")
    dock.run.click()
    qtbot.waitUntil(lambda: dock._job is None, timeout=120_000)
    assert told, "the curtain was segmented"
    assert not any(isinstance(layer, Labels) for layer in viewer.layers)


def test_cancel_ends_the_work(opened, qtbot):
    viewer, dock = opened
    viewer.add_image(np.random.default_rng(0).integers(0, 255, (40, 1200, 1200), np.uint8), name="stack")
    dock.slices.setCurrentText("All slices")
    dock.run.click()
    qtbot.wait(300)
    dock.cancel.click()
    qtbot.waitUntil(lambda: dock._job is None, timeout=60_000)
    assert not any(isinstance(layer, Labels) for layer in viewer.layers)
    assert dock.run.isEnabled()


def test_a_big_request_does_not_hold_the_window(viewer, dock, engine, qtbot):
    """0.2 s is what is asked of a loaded test machine; copying 200 MB here would take longer."""
    viewer.add_image(np.ones((10_000, 10_000), np.uint16), contrast_limits=(0, 1))
    qtbot.wait(300)
    gaps, last = [], time.perf_counter()

    def beat() -> None:
        nonlocal last
        now = time.perf_counter()
        gaps.append(now - last)
        last = now

    timer = QTimer()
    timer.timeout.connect(beat)
    timer.start(2)
    last = time.perf_counter()
    dock.run.click()
    qtbot.waitUntil(lambda: bool(engine.jobs), timeout=20_000)
    timer.stop()
    assert max(gaps) < 0.2
