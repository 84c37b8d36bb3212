"""Slices of a series, and what a DICOMDIR lists: reported before anything is done with them."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from dicom_files import save
from pydicom.fileset import FileSet
from pydicom.uid import CTImageStorage, SecondaryCaptureImageStorage, generate_uid

from napari_unet.core.errors import UserError
from napari_unet.core.source import Source
from napari_unet.io.dicom_sets import listed_in, series_among, series_number
from napari_unet.io.formats import read_raster
from napari_unet.io.ignored import Ignored
from napari_unet.io.names import list_images, list_images_and_masks

PIXELS = np.zeros((8, 8), np.int16)


def slices(folder: Path, count: int, start: int = 0, **tags: object) -> list[Path]:
    """Files of one series of CT."""
    folder.mkdir(parents=True, exist_ok=True)
    tags = {"Modality": "CT", "SOPClassUID": CTImageStorage, "SeriesInstanceUID": generate_uid(), **tags}
    return [save(folder / f"IM{start + k:04}", PIXELS, InstanceNumber=k, **tags) for k in range(count)]


def test_a_ct_series_is_found_with_its_files(tmp_path: Path) -> None:
    first, second = slices(tmp_path, 3), slices(tmp_path, 2, start=10, Modality="MR", SOPClassUID="")
    one, other = series_among([*first, *second, tmp_path / "none.dcm"])
    assert (one.files, one.modality) == (tuple(first), "CT")
    assert (other.files, other.modality) == (tuple(second), "MR")
    assert one.source == Source.of(first) and series_number(first[0]) == ""


def test_x_rays_and_single_slices_are_no_series(tmp_path: Path) -> None:
    study = {"Modality": "DX", "SeriesInstanceUID": generate_uid(), "StudyInstanceUID": generate_uid()}
    films = [save(tmp_path / f"{k}.dcm", PIXELS.astype(np.uint16), **study) for k in range(3)]
    screens = slices(tmp_path, 2, SOPClassUID=SecondaryCaptureImageStorage)
    assert series_among([*films, *screens, *slices(tmp_path / "a", 1), *slices(tmp_path / "b", 1)]) == []


def test_slices_without_a_series_number_belong_together_by_their_folder(tmp_path: Path) -> None:
    here = slices(tmp_path / "a", 2, SeriesInstanceUID="")
    there = slices(tmp_path / "b", 3, SeriesInstanceUID="")
    assert [len(series.files) for series in series_among([*here, *there])] == [2, 3]


def test_a_series_that_was_copied_is_there_twice(tmp_path: Path) -> None:
    files = slices(tmp_path / "a", 3)
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    copies = sorted((tmp_path / "b").iterdir())
    assert [series.files for series in series_among([*files, *copies])] == [tuple(files), tuple(copies)]
    copies[0].unlink()  # which of both is whole, nobody can tell: reading them says what is wrong
    assert [len(series.files) for series in series_among([*files, *copies[1:]])] == [5]
    apart = tmp_path / "c"
    apart.mkdir()
    rest = shutil.move(files[2], apart)
    assert [len(series.files) for series in series_among([*files[:2], Path(rest)])] == [3]


@pytest.fixture
def disc(tmp_path: Path) -> Path:
    made = FileSet()
    for k in range(4):
        tags = {"StudyInstanceUID": "1.2.3", "SeriesInstanceUID": f"1.2.3.{k}", "StudyDate": "20261129"}
        tags |= {"StudyTime": "1200", "StudyID": "1", "SeriesNumber": k, "InstanceNumber": 1}
        made.add(save(tmp_path / f"{k}.dcm", PIXELS.astype(np.uint16), **tags))
    made.write(tmp_path / "disc")
    return tmp_path / "disc"


def test_a_dicomdir_names_what_it_lists(disc: Path) -> None:
    files = listed_in(disc / "DICOMDIR")
    assert len(files) == 4 and all(file.is_file() for file in files)
    with pytest.raises(UserError, match=r"lists 4 images \(.*, …\)") as error:
        read_raster(disc / "DICOMDIR")
    assert files[0].relative_to(disc).as_posix() in error.value.problem
    files[0].unlink()
    with pytest.raises(UserError, match="1 of them is not there"):
        read_raster(disc / "DICOMDIR")


def test_a_folder_with_a_dicomdir_says_what_it_lists(disc: Path) -> None:
    ignored = Ignored()
    assert list_images_and_masks(disc, ignored=ignored) == ([], 0)
    text = " ".join(ignored.sentences())
    assert "DICOMDIR lists 4 images" in text and "1 sub-folder was not looked into" in text
    assert "/" not in " ".join(ignored.sentences(names=False))
    assert len(list_images(disc, recursive=True)) == 4


def test_a_damaged_dicomdir(tmp_path: Path) -> None:
    (tmp_path / "DICOMDIR").write_bytes(b"\0" * 128 + b"DICM" + b"\xff" * 99)
    with pytest.raises(UserError):
        read_raster(tmp_path / "DICOMDIR")
    ignored = Ignored()
    shutil.copy(tmp_path / "DICOMDIR", tmp_path / "a.txt")
    list_images_and_masks(tmp_path, ignored=ignored)
    assert ignored.sentences()
