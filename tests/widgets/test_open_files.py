"""Files and folders from hospitals, opened in napari by its own menu and by dropping them."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from dicom_files import save, save_series
from npe2 import PluginManager
from pydicom.uid import generate_uid
from qtpy.QtCore import QMimeData, QPointF, Qt, QUrl
from qtpy.QtGui import QDropEvent

from napari_unet.io import opened
from napari_unet.npe2_io import get_reader

CASES = Path(__file__).parents[1] / "data" / "cases"
OURS = "napari-unet-lung"


def ct(folder: Path, count: int) -> list[str]:
    """Files of a series in the order of its slices; slice z holds the value z."""
    volume = np.zeros((count, 16, 16), np.int16) + np.arange(count, dtype=np.int16)[:, None, None]
    return [str(file) for file in save_series(folder, volume)]


def films(folder: Path, count: int) -> list[str]:
    folder.mkdir()
    pixels, uid = np.arange(256, dtype=np.uint16).reshape(16, 16), generate_uid()
    return [str(save(folder / f"IM{k:06}", pixels, SeriesInstanceUID=uid)) for k in range(count)]


def readers(*names: str) -> list[list[str]]:
    known = PluginManager.instance()
    return [sorted(reader.plugin_name for reader in known.iter_compatible_readers([name])) for name in names]


def test_dicom_is_dragged_in_whatever_it_is_called(make_napari_viewer, tmp_path: Path) -> None:
    viewer = make_napari_viewer()
    names = ("IM000001", "DICOM-0123456789abcdef0123456789", "1.2.840.99.55", "scan.IMA", "a.acr", "b.dc3")
    for name in names:
        shutil.copy(CASES / "scan.IMA", tmp_path / name)
        viewer.open(str(tmp_path / name), plugin=None)  # by the only reader there is for it
    assert len(viewer.layers) == len(names)
    assert all(layer.metadata["napari_unet"]["view"] is not None for layer in viewer.layers)


def test_no_other_file_gets_a_second_reader(make_napari_viewer) -> None:
    make_napari_viewer()
    names = ("a.png", "scan.2026.png", "b.tif", "c.jpg", "d.mp4", "e.1.jp2", "f.csv", "no.suffix", "g.zarr")
    assert all(OURS not in found for found in readers(*names))


@pytest.mark.parametrize("how", ["folder", "files", "stack"])
def test_a_ct_series_is_one_layer_however_it_is_opened(make_napari_viewer, tmp_path: Path, how: str) -> None:
    viewer, files = make_napari_viewer(), ct(tmp_path / "thorax", 5)
    opened = [str(tmp_path / "thorax")] if how == "folder" else files
    viewer.open(opened, plugin=OURS, stack=how == "stack")
    (layer,) = viewer.layers
    assert (layer.name, layer.data.shape) == ("thorax", (5, 16, 16)) and layer.data[:, 0, 0].tolist() == [
        *range(5)
    ]
    assert tuple(layer.scale) == pytest.approx((2.5, 0.75, 0.5))


def test_a_ct_series_and_x_rays_together(make_napari_viewer, tmp_path: Path) -> None:
    viewer, files = make_napari_viewer(), ct(tmp_path / "thorax", 3)
    viewer.open([*files, *films(tmp_path / "films", 2)], plugin=OURS)
    assert [layer.data.ndim for layer in viewer.layers] == [3, 2, 2]
    viewer.open(files[:1], plugin=OURS)  # one slice by itself
    assert [layer.data.ndim for layer in viewer.layers] == [3, 2, 2, 2]


def test_a_dropped_ct_series_is_one_layer(make_napari_viewer, tmp_path: Path) -> None:
    viewer = make_napari_viewer(show=True)
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(file) for file in ct(tmp_path / "ct", 5)])
    left, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    viewer.window._qt_viewer.dropEvent(
        QDropEvent(QPointF(50, 50), Qt.DropAction.CopyAction, data, left, none)
    )
    assert [layer.data.shape for layer in viewer.layers] == [(5, 16, 16)]


def test_a_series_that_lacks_a_slice_opens_with_an_empty_one_and_says_so(
    make_napari_viewer, tmp_path: Path
) -> None:
    viewer, files = make_napari_viewer(), ct(tmp_path / "ct", 5)
    with pytest.warns(UserWarning, match="ct: 1 slice of the series is missing and left empty"):
        viewer.open([files[0], *files[2:]], plugin=OURS)
    (layer,) = viewer.layers
    np.testing.assert_array_equal(layer.data[[0, 2, 3, 4], 0, 0], [0, 2, 3, 4])
    assert np.unique(layer.data[1]) < 0  # darker than all that was measured


def test_one_slice_and_a_folder_of_x_rays_open(make_napari_viewer, tmp_path: Path) -> None:
    viewer = make_napari_viewer()
    viewer.open(ct(tmp_path / "ct", 3)[:1], plugin=OURS)
    assert len(viewer.layers) == 1
    viewer.open(films(tmp_path / "films", 3), plugin=OURS)
    viewer.open(str(tmp_path / "films"), plugin=OURS)
    assert len(viewer.layers) == 7


def test_a_study_opens_by_its_folder(tmp_path: Path) -> None:
    """No image lies in the folder itself: its series are in folders below, as archives send them."""
    ct(tmp_path / "study" / "ct" / "images", 3)
    (tmp_path / "study" / "report.txt").write_text("text")
    read = get_reader(str(tmp_path / "study"))
    assert read is not None
    ((pixels, options, _),) = read(str(tmp_path / "study"))
    assert (pixels.shape, options["name"]) == ((3, 16, 16), "images")


def test_a_tree_that_is_no_study_is_left_to_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ct(tmp_path / "a" / "b" / "c" / "d" / "e", 3)
    assert get_reader(str(tmp_path)) is None
    ct(tmp_path / "ct", 3)
    assert get_reader(str(tmp_path)) is not None
    monkeypatch.setattr(opened, "_MOST_LOOKED", 5)
    assert get_reader(str(tmp_path)) is None


def test_the_reader_by_itself(tmp_path: Path) -> None:
    files = ct(tmp_path / "ct", 3)
    read = get_reader(files)
    assert read is not None
    ((pixels, options, kind),) = read(files)
    assert (pixels.shape, options["name"], kind) == ((3, 16, 16), "ct", "image")
    (tmp_path / "none" / "below").mkdir(parents=True)
    assert get_reader(str(tmp_path / "none")) is None  # a folder without images: left to others
    (tmp_path / "IM1").write_text("text")
    assert get_reader(str(tmp_path / "IM1")) is None
