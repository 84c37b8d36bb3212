"""Multi-frame CT: the same volume as the same slices in single files."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pydicom
import pytest
from dicom_files import change, save_multi_frame, save_series
from pydicom.uid import DeflatedExplicitVRLittleEndian, RLELossless

from napari_unet.core.errors import UserError
from napari_unet.core.raster import Raster
from napari_unet.core.source import Source
from napari_unet.io.formats import geometry_of, mask_suffix, read_labels, read_raster, write_mask
from napari_unet.io.series_list import SeriesChoice, chosen, series_to_choose
from napari_unet.io.sources import sources_among


def volume(depth: int = 6) -> np.ndarray:
    return (np.arange(depth * 7 * 9, dtype=np.int16).reshape(depth, 7, 9) * 3 - 1000).astype(np.int16)


def same(one: Raster, other: Raster) -> None:
    assert np.array_equal(one.pixels, other.pixels) and one.pixels.dtype == other.pixels.dtype
    assert one.affine is not None and np.abs(one.affine - other.affine).max() < 1e-9
    assert (one.spacing_mm, one.window, one.modality) == (other.spacing_mm, other.window, other.modality)
    assert (one.row_direction, one.notes) == (other.row_direction, other.notes)


@pytest.mark.parametrize("packed", [False, True])
def test_a_multi_frame_is_the_volume_of_its_slices(packed: bool, tmp_path: Path) -> None:
    orientation = (0.96, 0.28, 0, -0.28, 0.96, 0)
    files = save_series(tmp_path / "ct", volume(), orientation=orientation)
    change(files[1], RescaleSlope=2, RescaleIntercept=-500)
    order = [files[k] for k in (3, 0, 5, 1, 4, 2)]
    multi = save_multi_frame(tmp_path / "multi.dcm", order)
    if packed:
        dataset = pydicom.dcmread(multi)
        dataset.compress(RLELossless, generate_instance_uid=False)
        dataset.save_as(multi)
    raster = read_raster(multi)
    same(raster, read_raster(Source.of(files)))
    geometry = geometry_of(multi)
    assert geometry is not None and np.array_equal(geometry.affine, raster.affine)
    assert len(raster.frame.instances) == 6 and len(set(raster.frame.instances)) == 1
    mask = np.zeros(raster.shape, np.uint8)
    mask[2, 3, 4] = 1
    assert mask_suffix(raster) == ".nii.gz"
    saved = write_mask(tmp_path / "m.nii.gz", mask, raster)
    assert np.array_equal(read_labels(saved, of=multi).labels, mask)


def test_multi_frame_files_are_images_of_their_own(tmp_path: Path) -> None:
    files = save_series(tmp_path / "ct", volume())
    multi = [save_multi_frame(tmp_path / f"{k}.dcm", files, SeriesInstanceUID="1.2.3") for k in range(2)]
    assert sources_among([*files, *multi]) == [Source.of(files), *map(Source.of, multi)]


def test_a_tilted_multi_frame_is_straightened(tmp_path: Path) -> None:
    files = save_series(tmp_path / "ct", volume())
    for k, file in enumerate(files):
        change(file, ImagePositionPatient=[-100, -120 + k * 0.8, -300 + k * 2.5])
    raster = read_raster(save_multi_frame(tmp_path / "multi.dcm", files))
    assert "tilted by 17.7°" in raster.notes[0]
    same(raster, read_raster(Source.of(files)))


def test_several_volumes_in_one_file_are_refused_in_words(tmp_path: Path) -> None:
    files = save_series(tmp_path / "ct", volume())
    multi = save_multi_frame(tmp_path / "multi.dcm", [*files, *files, *files])
    with pytest.raises(UserError, match=r"multi\.dcm contains 3 volumes in one place, such as phases"):
        read_raster(multi)


def test_several_planes_in_one_file_are_refused_in_words(tmp_path: Path) -> None:
    """Also where their first frames lie at one place."""
    axial = save_series(tmp_path / "a", volume())
    coronal = save_series(tmp_path / "b", volume(), orientation=(1, 0, 0, 0, 0, -1))
    multi = save_multi_frame(tmp_path / "multi.dcm", [*axial, *coronal])
    with pytest.raises(UserError, match=r"multi\.dcm contains slices of several orientations") as error:
        read_raster(multi)
    assert error.value.remedy == "Have the archive export each stack by itself."


def test_several_multi_frame_files_in_a_folder_are_a_choice(tmp_path: Path) -> None:
    files = save_series(tmp_path / "ct", volume())
    multi = [save_multi_frame(tmp_path / f"{k}.dcm", files, SeriesNumber=k) for k in (1, 2, 3)]
    sources = sources_among(multi)
    assert [info.number for info in series_to_choose(sources)] == ["1", "2", "3"]
    kept, ((path, error),) = chosen(sources, SeriesChoice())
    assert kept == [] and path == tmp_path
    assert "There are: 1 (6 slices); 2 (6 slices); 3 (6 slices)." in error.problem
    assert chosen(sources, SeriesChoice(("2",))) == ([sources[1]], [])
    assert chosen(sources[:1], SeriesChoice()) == (sources[:1], []) and series_to_choose(sources[:1]) == []
    beside = sources_among([*files, multi[0]])
    kept, problems = chosen(beside, SeriesChoice())
    assert kept == beside and problems == []  # in folders of their own
    packed = tmp_path / "a.zip"
    kept, ((path, _),) = chosen(sources, SeriesChoice(), lambda one: packed)
    assert kept == [] and path == packed


def test_reading_needs_little_more_memory_than_the_volume(tmp_path: Path) -> None:
    hu = np.random.default_rng(0).integers(-900, 900, (24, 512, 512)).astype(np.int16)
    multi = save_multi_frame(tmp_path / "multi.dcm", save_series(tmp_path / "ct", hu))
    tracemalloc.start()
    try:
        raster = read_raster(multi)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert np.array_equal(raster.pixels, hu)
    assert peak < raster.pixels.nbytes + 16 * 2**20


def test_a_deflated_multi_frame(tmp_path: Path) -> None:
    hu = np.random.default_rng(0).integers(-900, 900, (6, 512, 512)).astype(np.int16)
    multi = save_multi_frame(tmp_path / "multi.dcm", save_series(tmp_path / "ct", hu))
    dataset = pydicom.dcmread(multi)
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    dataset.save_as(multi)
    assert np.array_equal(read_raster(multi).pixels, hu)


def test_what_is_cut_off_is_named(tmp_path: Path) -> None:
    multi = save_multi_frame(tmp_path / "multi.dcm", save_series(tmp_path / "ct", volume()))
    _cut(multi, 150)
    large = np.zeros((6, 512, 512), np.int16)
    _cut(save_multi_frame(tmp_path / "large.dcm", save_series(tmp_path / "b", large)), 2**20)
    with pytest.raises(UserError, match=r"large\.dcm is damaged or incomplete"):
        read_raster(tmp_path / "large.dcm")
    with pytest.raises(UserError, match=r"multi\.dcm is damaged or incomplete"):
        read_raster(multi)


def _cut(path: Path, count: int) -> None:
    path.write_bytes(path.read_bytes()[:-count])


@pytest.mark.parametrize(
    ("multi", "slices"),
    [
        ("enhanced_ct/volume.dcm", "enhanced_ct_as_slices"),
        ("dcmqi_seg/23x38x3/multiframe/mf.dcm", "dcmqi_seg/23x38x3/image"),  # legacy converted
        ("dcmqi_seg/24x38x3/multiframe/mf.dcm", "dcmqi_seg/24x38x3/image"),
    ],
)
def test_real_multi_frames_are_their_slices(hard: Path, multi: str, slices: str) -> None:
    same(read_raster(hard / multi), read_raster(Source.of(list((hard / slices).iterdir()))))


def test_each_time_of_a_series_over_time_is_a_volume(hard: Path) -> None:
    sources = sources_among(sorted((hard / "enhanced_4d_tiny").iterdir()))
    assert [read_raster(source).shape for source in sources] == [(4, 2, 3)] * 4
