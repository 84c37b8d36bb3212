"""A series that somebody opens in a window is shown while it is read, and never stays there half read."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pydicom
import pytest
from dicom_files import save_series
from qtpy.QtCore import QTimer

from napari_unet.core.errors import UserError
from napari_unet.io.arriving import ArrivingSeries
from napari_unet.io.dicom_series import SeriesReading
from napari_unet.io.layer_data import HEADER
from napari_unet.widgets.common import jobs
from napari_unet.widgets.viewing import arriving

DEPTH = 9


def volume() -> np.ndarray:
    """int16 HU (Z, Y, X) that end in a corner without image; slice z has z·100 − 900 in its middle."""
    pixels = np.full((DEPTH, 16, 16), -950, np.int16)
    pixels[:, 4:12, 4:12] = (np.arange(DEPTH, dtype=np.int16) * 100 - 900)[:, None, None]
    return pixels


class Gate:
    """Lets slices be read one by one, as the test says, but for the first of a series."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._passes, self._read = threading.Semaphore(0), SeriesReading.read
        self.read: list[int] = []
        gate = self

        def read(reading: SeriesReading, z: int) -> np.ndarray:
            if reading.is_read.any():
                gate._passes.acquire()
            gate.read.append(z)
            return gate._read(reading, z)

        monkeypatch.setattr(SeriesReading, "read", read)

    def open(self, slices: int = DEPTH) -> None:
        self._passes.release(slices)


@pytest.fixture
def viewer(make_napari_viewer):
    """A viewer without anything in it."""
    return make_napari_viewer()


@pytest.fixture
def gate(monkeypatch):
    made = Gate(monkeypatch)
    yield made
    made.open(1000)


@pytest.fixture
def said(monkeypatch):
    """What napari was to show, by kind."""
    texts: list[tuple[str, str]] = []
    for kind in ("error", "info"):
        monkeypatch.setattr(arriving, f"show_{kind}", lambda text, kind=kind: texts.append((kind, text)))
    return texts


@pytest.fixture
def opened(viewer, gate, qtbot, tmp_path):
    """Open a series by hand, with an event loop running; returns its layer."""

    def open_it(files: list[Path] | None = None):
        folder = tmp_path / "thorax"
        files = files or save_series(folder, volume())
        QTimer.singleShot(0, lambda: viewer.open(str(files[0].parent), plugin="napari-unet-lung"))
        qtbot.waitUntil(lambda: len(viewer.layers) == 1)
        return viewer.layers[0]

    return open_it


def at_rest(qtbot) -> None:
    qtbot.waitUntil(lambda: not arriving._arrivals and not jobs._running)


def texts(viewer) -> list[str]:
    return [one.text for name, one in viewer.canvas.overlays.items() if name.startswith("arriving_")]


def test_a_slice_is_there_before_the_others_are_read(opened, viewer, gate, qtbot) -> None:
    layer = opened()
    assert isinstance(layer.data, ArrivingSeries) and gate.read == [DEPTH // 2]
    assert layer.data.shape == (DEPTH, 16, 16) and tuple(layer.scale) == pytest.approx((2.5, 0.75, 0.5))
    assert viewer.dims.current_step[0] == DEPTH // 2
    np.testing.assert_array_equal(np.asarray(layer._slice.image.raw), volume()[DEPTH // 2])
    qtbot.waitUntil(lambda: texts(viewer) != [""] and bool(texts(viewer)))
    assert texts(viewer)[0].startswith("Reading thorax\n1 of 9 slices\n")
    gate.open()
    at_rest(qtbot)
    assert isinstance(layer.data, np.ndarray) and np.array_equal(layer.data, volume())
    assert not texts(viewer)


def test_the_slider_says_what_is_read_next_and_it_is_shown_then(opened, viewer, gate, qtbot) -> None:
    layer = opened()
    viewer.dims.set_current_step(0, 8)
    shown = np.asarray(layer._slice.image.raw)
    assert len(np.unique(shown)) == 1  # grey
    gate.open(2)  # one was on its way already
    qtbot.waitUntil(lambda: np.array_equal(np.asarray(layer._slice.image.raw), volume()[8]))
    assert 8 in gate.read[1:3]
    gate.open()
    at_rest(qtbot)


def test_the_layer_has_its_whole_header_in_the_end(opened, gate, qtbot, tmp_path) -> None:
    pixels = volume()
    pixels[:, [0, 0, -1, -1], [0, -1, 0, -1]] = -2000
    files = save_series(tmp_path / "thorax", pixels + 1024, RescaleIntercept=-1024 - 1024)
    layer = opened(files)
    assert layer.metadata[HEADER]["padding"] is None
    layer.metadata["mine"] = 1
    gate.open()
    at_rest(qtbot)
    assert layer.metadata[HEADER]["padding"] == (-951.0, -951.0) and layer.metadata["mine"] == 1
    assert layer.data[0, 0, 0] == -951


def test_a_window_that_somebody_chose_stays(opened, gate, qtbot) -> None:
    layer = opened()
    layer.contrast_limits = (-1000, 77)
    gate.open()
    at_rest(qtbot)
    assert tuple(layer.contrast_limits) == (-1000, 77)


def test_a_damaged_slice_takes_the_image_away_with_a_word(
    opened, viewer, gate, qtbot, said, tmp_path
) -> None:
    files = save_series(tmp_path / "thorax", volume())
    files[7].write_bytes(files[7].read_bytes()[:-100])
    opened(files)
    gate.open()
    at_rest(qtbot)
    assert not viewer.layers and not texts(viewer)
    ((kind, text),) = said
    assert kind == "error" and files[7].name in text


def test_cancel_takes_the_image_away_with_a_word(opened, viewer, gate, qtbot, said) -> None:
    opened()
    (one,) = arriving._arrivals
    qtbot.waitUntil(lambda: one._bar is not None)
    one._bar.cancel()  # as the button in napari's activities does
    qtbot.waitUntil(lambda: "Cancelling" in texts(viewer)[0])
    gate.open(1)
    at_rest(qtbot)
    assert not viewer.layers and not texts(viewer)
    assert said == [("info", "thorax was closed again: reading was cancelled after 2 of 9 slices.")]


def test_a_layer_that_is_removed_is_not_read_on(opened, viewer, gate, qtbot, said) -> None:
    layer = opened()
    series = layer.data
    viewer.layers.remove(layer)
    gate.open(1)
    at_rest(qtbot)
    assert len(gate.read) <= 2 and not said and not texts(viewer)
    with pytest.raises(UserError, match="closed before"):
        series.result()


def test_two_series_at_once(opened, viewer, gate, qtbot, tmp_path) -> None:
    first = opened()
    more = save_series(tmp_path / "head", volume()[::-1])
    QTimer.singleShot(0, lambda: viewer.open(str(more[0].parent), plugin="napari-unet-lung"))
    qtbot.waitUntil(lambda: len(viewer.layers) == 2)
    gate.open(100)
    at_rest(qtbot)
    assert np.array_equal(first.data, volume())
    assert np.array_equal(viewer.layers[1].data, volume()[::-1])


def test_a_cut_through_all_slices_fills_up(opened, viewer, gate, qtbot) -> None:
    layer = opened()
    viewer.dims.order = (1, 0, 2)
    gate.open()
    at_rest(qtbot)
    np.testing.assert_array_equal(
        np.asarray(layer._slice.image.raw), volume()[:, viewer.dims.current_step[1]]
    )


def test_a_script_gets_all_of_it_at_once(viewer, tmp_path) -> None:
    files = save_series(tmp_path / "thorax", volume())
    (layer,) = viewer.open(str(files[0].parent), plugin="napari-unet-lung")
    assert isinstance(layer.data, np.ndarray) and np.array_equal(layer.data, volume())


def test_what_is_refused_by_its_headers_gives_no_layer(viewer, qtbot, tmp_path) -> None:
    files = save_series(tmp_path / "thorax", volume())
    other = pydicom.dcmread(files[2])
    other.ImagePositionPatient = pydicom.dcmread(files[3]).ImagePositionPatient
    other.save_as(files[2])
    refused: list[UserError] = []

    def open_it() -> None:
        try:
            viewer.open(list(map(str, files)), plugin="napari-unet-lung", stack=True)
        except UserError as error:
            refused.append(error)

    QTimer.singleShot(0, open_it)
    qtbot.waitUntil(lambda: bool(refused))
    assert not viewer.layers and not arriving._arrivals
