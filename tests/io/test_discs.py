"""Discs of hospitals as they come out of a drive: other spellings, files that are gone, viewer programs."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from dicom_files import save_series
from PIL import Image
from pydicom.fileset import FileSet

from napari_unet.core.errors import UserError
from napari_unet.io.dicomdir import count_and_names, listed_in
from napari_unet.io.formats import read_raster
from napari_unet.io.ignored import Ignored
from napari_unet.io.names import list_images
from napari_unet.io.opened import opened
from napari_unet.io.sources import sources_among
from napari_unet.io.unpacked import bundled
from napari_unet.npe2_io import get_reader, read_layers

SHAPE = (5, 6, 7)


@pytest.fixture
def disc(tmp_path: Path) -> Path:
    """A disc with one series of CT, as pydicom writes it: names in upper case."""
    made = FileSet()
    tags = {"StudyDate": "20261129", "StudyTime": "1200", "StudyID": "1"}
    for file in save_series(tmp_path / "in", np.zeros(SHAPE, np.int16), **tags):
        made.add(file)
    made.write(tmp_path / "disc")
    return tmp_path / "disc"


def picture(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.eye(8, dtype=np.uint8) * 200).save(path)
    return path


def images(disc: Path) -> list[Path]:
    """All files but the index."""
    files = (file for file in disc.rglob("*") if file.is_file())
    return sorted(file for file in files if not file.name.upper().startswith("DICOMDIR"))


def respell(disc: Path, spelled: Callable[[Path], str]) -> None:
    """Renames all files and folders of a disc."""
    for path in sorted(disc.rglob("*"), key=lambda path: -len(path.parts)):
        path.rename(path.with_name(spelled(path)))


def lower(path: Path) -> str:
    return path.name.lower()


def versioned(path: Path) -> str:
    return path.name if path.is_dir() else f"{path.name};1"


def with_dot(path: Path) -> str:
    return path.name.lower() + ("" if path.is_dir() else ".")


@pytest.mark.parametrize("spelled", [lower, versioned, with_dot])
def test_names_in_another_spelling_are_found(spelled: Callable[[Path], str], disc: Path) -> None:
    respell(disc, spelled)
    index = next(path for path in disc.iterdir() if path.name.upper().startswith("DICOMDIR"))
    if spelled is with_dot:
        index = index.rename(disc / "dicomdir")
    files = bundled(index)
    assert files is not None and sorted(files) == images(disc)
    for opens in (index, disc):
        (layer,) = read_layers(str(opens))
        assert layer[0].shape == SHAPE


def test_what_is_gone_is_told_and_the_rest_opens(disc: Path) -> None:
    gone = images(disc)[2]
    gone.unlink()
    files = bundled(disc / "DICOMDIR")
    assert files is not None and sorted(files) == images(disc)
    ignored = Ignored()
    assert len(sources_among(files, ignored)) == 1
    assert ignored.sentences() == [f"1 image that a DICOMDIR lists is not there ({gone.name})."]
    assert gone.name not in " ".join(ignored.sentences(names=False))
    part = Ignored()
    sources_among(files[:2], part)
    assert part.sentences() == []  # nobody asked for the whole disc
    for opens in (disc / "DICOMDIR", disc):
        with pytest.warns(UserWarning) as said:
            ((pixels, *_),) = read_layers(str(opens))
        assert pixels.shape == SHAPE
        words = " ".join(str(one.message) for one in said)
        assert "1 image that a DICOMDIR lists is not there" in words and "left empty" in words


def test_a_disc_whose_index_leads_nowhere_opens_as_a_folder(disc: Path, tmp_path: Path) -> None:
    for file in images(disc):
        shutil.move(file, file.with_name(f"X{file.name}"))
    with pytest.raises(UserError, match=r"lists 5 images, but none of them is there.* Open the folder"):
        bundled(disc / "DICOMDIR")
    assert get_reader(str(disc)) is read_layers
    assert [image.files for image in opened([disc]).images] == [tuple(images(disc))]
    (disc / "DICOMDIR").write_bytes(b"\0" * 128 + b"DICM" + b"\xff" * 99)
    assert len(opened([disc]).images) == 1
    for file in images(disc):
        file.unlink()
    with pytest.raises(UserError, match=r"DICOMDIR lists no image\. Copy the whole disc again"):
        opened([disc])


@pytest.mark.filterwarnings("ignore:Invalid value")
@pytest.mark.parametrize("bad", ["/DICOM/IM1", ["..", "..", "etc", "IM1"], ["C:", "IM1"], ["", "IM1"]])
def test_what_leads_out_of_a_disc_is_left_out(bad: str | list[str], disc: Path) -> None:
    dataset = pydicom.dcmread(disc / "DICOMDIR")
    records = [one for one in dataset.DirectoryRecordSequence if one.DirectoryRecordType == "IMAGE"]
    records[1].ReferencedFileID = bad
    dataset.save_as(disc / "DICOMDIR")
    files = listed_in(disc / "DICOMDIR")
    assert len(files) == 4 and all(file.is_relative_to(disc) for file in files)
    assert count_and_names(files, disc).startswith("4 images (")
    with pytest.raises(UserError, match="lists 4 images"):
        read_raster(disc / "DICOMDIR")
    assert len(opened([disc]).images) == 1


def test_a_picture_beside_the_index_is_not_what_is_opened(disc: Path) -> None:
    logo = picture(disc / "logo.png")
    assert get_reader(str(disc)) is read_layers
    with pytest.warns(UserWarning, match=rf"1 is a picture beside the DICOM images .*\({logo.name}\)"):
        ((pixels, *_),) = read_layers(str(disc))
    assert pixels.shape == SHAPE
    (disc / "DICOMDIR").unlink()
    with pytest.warns(UserWarning, match="1 is a picture beside"):
        ((pixels, *_),) = read_layers(str(disc))
    assert pixels.shape == SHAPE


def test_icons_of_a_viewer_program_are_no_x_rays(disc: Path, tmp_path: Path) -> None:
    icons = [picture(disc / "viewer" / "icons" / f"{k}.png") for k in range(2)]
    ignored = Ignored()
    (only,) = sources_among(list_images(disc, recursive=True), ignored)
    assert only.files == tuple(images(disc)[: SHAPE[0]])
    (told,) = ignored.sentences()
    assert "2 are pictures beside the DICOM images of a disc or a zip file (0.png, 1.png)" in told
    assert [source.files for source in sources_among(icons)] == [(icon,) for icon in icons]  # alone
    with zipfile.ZipFile(tmp_path / "disc.zip", "w") as archive:
        for file in disc.rglob("*"):
            archive.write(file, file.relative_to(disc))
    with pytest.warns(UserWarning, match="2 are pictures beside the DICOM images of a disc or a zip file"):
        ((pixels, *_),) = read_layers(str(tmp_path / "disc.zip"))
    assert pixels.shape == SHAPE


def test_pictures_in_a_zip_file_without_dicom_are_images(tmp_path: Path) -> None:
    picture(tmp_path / "in" / "a.png")
    files = bundled(Path(shutil.make_archive(str(tmp_path / "a"), "zip", tmp_path / "in")))
    assert files is not None and len(sources_among(files)) == 1


def test_a_folder_of_pictures_is_left_to_napari(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    picture(tmp_path / "below" / "b.tif")
    assert get_reader(str(tmp_path)) is None
    save_series(tmp_path / "below", np.zeros(SHAPE, np.int16))
    assert get_reader(str(tmp_path)) is read_layers and get_reader(str(tmp_path / "below")) is read_layers


def test_dicom_beside_pictures_is_opened_with_them(tmp_path: Path) -> None:
    save_series(tmp_path, np.zeros(SHAPE, np.int16))
    picture(tmp_path / "a.png")
    assert [pixels.ndim for pixels, *_ in read_layers(str(tmp_path))] == [3, 2]
