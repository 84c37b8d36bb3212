"""Zip files of images: unpacked as if a folder was given, or refused with nothing left behind."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from dicom_files import save_series

from napari_unet import npe2_io
from napari_unet.core.errors import UserError
from napari_unet.io import unpacked as module
from napari_unet.io.formats import read_raster
from napari_unet.io.opened import opened
from napari_unet.io.sources import sources_among
from napari_unet.io.unpacked import bundled, unpacked


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where zip files are unpacked in a test."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setattr(module, "_folders", {})
    yield folder


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    """Two series in folders of their own with the same names of files, and files that are no images."""
    for name in ("S1", "S2"):
        save_series(tmp_path / "in" / name, np.zeros((4, 8, 8), np.int16), SeriesNumber=int(name[1]))
    (tmp_path / "in" / "readme.txt").write_text("no image")
    (tmp_path / "in" / ".hidden").write_text("hidden")
    return Path(shutil.make_archive(str(tmp_path / "study"), "zip", tmp_path / "in"))


def test_a_zip_file_holds_its_series(packed: Path, temporary: Path) -> None:
    files = bundled(packed)
    assert files is not None and len(files) == 8
    sources = sources_among(files)
    assert [source.name for source in sources] == ["study", "study"]
    assert [read_raster(source).shape for source in sources] == [(4, 8, 8)] * 2
    names = {path.name for path in unpacked(packed).iterdir()}
    assert "readme.txt" in names and ".hidden" not in names
    assert stat.S_IMODE(unpacked(packed).parent.stat().st_mode) == 0o700
    assert len(list(temporary.iterdir())) == 1  # unpacked once
    packed.write_bytes(packed.read_bytes() + b"\0")
    os.utime(packed, ns=(1, 1))
    unpacked(packed)
    assert len(list(temporary.iterdir())) == 2


def test_napari_opens_the_series_in_a_zip_file(packed: Path, tmp_path: Path) -> None:
    assert npe2_io.get_reader(str(packed)) is npe2_io.read_layers
    assert len(opened([packed]).images) == 2
    other = tmp_path / "other.zip"
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr("readme.txt", "no image")
    assert npe2_io.get_reader(str(other)) is None
    with pytest.raises(UserError, match=r"no readable image in other\.zip"):
        bundled(other)


def refused(path: Path, words: str, temporary: Path) -> None:
    with pytest.raises(UserError, match=words) as error:
        unpacked(path)
    assert error.value.remedy and list(temporary.iterdir()) == []


@pytest.mark.parametrize("name", ["../out", "/etc/out", "a/../../out", "a\\\\b", "C:out"])
def test_paths_that_lead_out(name: str, tmp_path: Path, temporary: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("IM1", "x")
        archive.writestr(zipfile.ZipInfo(name), "x")
    refused(tmp_path / "a.zip", "a.zip is not safe: .* leads out of it", temporary)


def test_links_passwords_and_what_is_no_zip_file(tmp_path: Path, temporary: Path, packed: Path) -> None:
    link = zipfile.ZipInfo("link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(link, "/etc/passwd")
    refused(tmp_path / "a.zip", "is a link", temporary)
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.writestr("IM1", "x")
    with zipfile.ZipFile(tmp_path / "b.zip") as archive:
        at = archive.infolist()[0].header_offset
        directory = archive.start_dir
    data = bytearray((tmp_path / "b.zip").read_bytes())
    data[at + 6] |= 1
    data[directory + 8] |= 1
    (tmp_path / "b.zip").write_bytes(data)
    refused(tmp_path / "b.zip", "needs a password", temporary)
    (tmp_path / "c.zip").write_bytes(packed.read_bytes()[:-30])
    refused(tmp_path / "c.zip", "not a readable zip file", temporary)


def test_what_grows_out_of_proportion_is_not_written(tmp_path: Path, temporary: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("IM1", bytes(80 * 2**20))
    refused(tmp_path / "a.zip", "would unpack to 84 MB", temporary)


def test_too_many_files_and_too_little_room(
    packed: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_MOST_FILES", 5)
    refused(packed, "study.zip holds 10 files", temporary)
    monkeypatch.setattr(module, "_MOST_FILES", 50)
    monkeypatch.setattr(module, "_MOST", 100)
    refused(packed, "no room", temporary)


def test_a_disk_that_fills_up_leaves_nothing(
    packed: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "_copy", full)
    refused(packed, "could not be unpacked .No space left on device.", temporary)
