"""Odd DICOM: files of other makers one by one and as folders, private tags, other alphabets."""

from __future__ import annotations

import logging
import warnings
from collections import Counter
from pathlib import Path

import numpy as np
import pydicom
import pydicom.data
import pytest
from dicom_files import change, save_series

from napari_unet.core.errors import UserError
from napari_unet.core.source import Source
from napari_unet.io.formats import geometry_of, read_raster
from napari_unet.io.names import list_images
from napari_unet.io.series_list import series_infos, thumbnail
from napari_unet.io.sources import named_paths, sources_among
from napari_unet.npe2_io import get_reader

_FEW = 20
FOLDER = Path(pydicom.data.__file__).parent


def files_of_pydicom() -> list[Path]:
    return sorted(path for path in FOLDER.rglob("*") if path.is_file() and path.suffix not in (".py", ".pyc"))


def outcome(source: Source | Path) -> str:
    """What reading ends in; anything but a raster or a UserError fails the test."""
    try:
        geometry_of(source)
    except UserError as error:
        assert error.problem and error.remedy
    try:
        return "volume" if read_raster(source).pixels.ndim == 3 else "image"
    except UserError as error:
        assert error.problem and error.remedy
        return "refused"


@pytest.mark.filterwarnings("error::UserWarning")
def test_each_file_ends_in_an_image_a_volume_or_words() -> None:
    found = Counter(map(outcome, files_of_pydicom()))
    assert found["image"] > 40 and found["refused"] > 20


def test_each_folder_too() -> None:
    folders = {path.parent for path in files_of_pydicom()}
    series = 0
    for folder in sorted(folders):
        sources = sources_among(list_images(folder))
        assert len(named_paths(sources)) == len(sources)
        series += sum(source.is_series for source in sources)
        ends = [outcome(source) for source in sources if source.is_series]
        assert set(ends) <= {"volume", "refused"}
        for info in series_infos(sources):
            picture = thumbnail(info.source)
            assert picture is None or (picture.dtype == np.uint8 and picture.ndim == 2)
    assert series >= 2


def by_reader(path: Path) -> str:
    """What napari's way to a file or a folder ends in, and all that is said on the way."""
    said = []
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            read = get_reader(str(path))
            layers = [] if read is None else read(str(path))
        except UserError as error:
            layers, said = [], [str(error)]
    assert all(layer[0] is None or np.asarray(layer[0]).ndim in (2, 3) for layer in layers)
    return " ".join([*said, *(str(one.message) for one in warned)])


def test_the_reader_of_napari_too_and_no_patient_is_named(caplog: pytest.LogCaptureFixture) -> None:
    """Each file of pydicom and the smaller folders; no name that is in them gets into a message or a log."""
    files, names = files_of_pydicom(), set()
    for path in files:
        try:
            names.add(str(pydicom.dcmread(path, stop_before_pixels=True, force=True).get("PatientName", "")))
        except Exception:  # pydicom's own broken files
            continue
    secrets = {part for name in names for part in name.split("^") if len(part) > 4}
    assert len(secrets) > 5
    folders = {path.parent for path in files}  # a large one takes as long as all of its files
    small = [folder for folder in sorted(folders) if len(list(folder.iterdir())) < _FEW]
    assert small
    with caplog.at_level(logging.DEBUG):
        said = [by_reader(path) for path in (*files, *small)]
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("napari_unet")]
    words = " ".join((*said, *ours))
    for path in (FOLDER, *files):  # the files' own names are no patient's
        words = words.replace(path.name, "")
    assert not {secret for secret in secrets if secret in words}


def test_larger_files_of_pydicom_too_where_they_are_installed() -> None:
    """The package pydicom-data, whose module is called data_store: each file, and each folder."""
    store = pytest.importorskip("data_store", reason="pydicom-data is not installed")
    files = [path for path in Path(store.__file__).parent.rglob("*.dcm") if path.is_file()]
    assert files and set(map(outcome, files)) <= {"image", "volume", "refused"}
    for folder in sorted({path.parent for path in files}):
        for source in sources_among(list_images(folder)):
            outcome(source)


@pytest.mark.parametrize(
    ("charset", "name", "description"),
    [
        ("ISO_IR 192", "홍^길동", "흉부 저선량"),
        (["", "ISO 2022 IR 149"], "Hong^Gildong=洪^吉洞=홍^길동", "흉부 CT"),
        (["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎=やまだ^たろう", "胸部単純"),
        ("ISO_IR 144", "Люкceмбypг", "Грудная клетка"),
        ("ISO_IR 100", "Müller^Jörg", "Thorax nüchtern"),
    ],
)
def test_descriptions_in_other_alphabets_and_no_names(
    charset: str | list[str],
    name: str,
    description: str,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    files = save_series(tmp_path / "ct", np.tile(np.arange(9, dtype=np.int16), (4, 7, 1)))
    for file in files:
        change(file, SpecificCharacterSet=charset)
        change(file, PatientName=name, SeriesDescription=description)
    with caplog.at_level(logging.DEBUG), warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        sources = sources_among(files)
        (info,) = series_infos(sources)
        raster = read_raster(sources[0])
    assert info.description == description
    said = " ".join([repr(info), caplog.text, repr(raster), *(str(one.message) for one in warned)])
    assert not any(part in said for part in name.replace("=", "^").split("^") if part)


def test_broken_and_private_tags_beside_good_ones(tmp_path: Path) -> None:
    files = save_series(tmp_path / "ct", np.tile(np.arange(9, dtype=np.int16), (4, 7, 1)))
    whole = read_raster(Source.of(files))
    for k, file in enumerate(files):
        dataset = pydicom.dcmread(file)
        block = dataset.private_block(0x0099, "SOME VENDOR", create=True)
        block.add_new(1, "UN", b"\xff\x00" * 9)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dataset.add_new(0x00180050, "DS", "12345")
            dataset.add_new(0x00080021, "DA", "2026-99-99")
            dataset.add_new(0x00200012, "IS", "1.5" if k else "")
            dataset.save_as(file)
        file.write_bytes(file.read_bytes().replace(b"12345", b"thick"))  # no number
    (source,) = sources_among(files)
    again = read_raster(source)
    assert np.array_equal(again.pixels, whole.pixels) and np.array_equal(again.affine, whole.affine)
    (info,) = series_infos([source])
    assert info.thickness_mm is None
