"""Zip files of images: unpacked as if a folder was given, or refused with nothing left behind."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
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
from napari_unet.io.temporary import sweep
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


def test_a_viewer_program_in_front_of_the_images_does_not_hide_them(packed: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(packed) as archive:
        files = {name: archive.read(name) for name in archive.namelist() if not name.endswith("/")}
    program = {f"viewer/{k}.{end}": b"MZ" * 9 for k in range(60) for end in ("dll", "dat", "")}
    disc = {"DICOMDIR": b"", "IM1": b"x"}
    for name, inside, reads in (
        ("a", program | files, True),
        ("b", program | disc, True),
        ("c", program, False),
        ("d", {}, False),
    ):
        with zipfile.ZipFile(tmp_path / f"{name}.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            for member, content in inside.items():
                archive.writestr(member, content)
        assert (npe2_io.get_reader(str(tmp_path / f"{name}.zip")) is not None) is reads


def test_a_zip_file_with_a_password_says_so_in_napari(packed: Path) -> None:
    encrypt(packed)
    assert npe2_io.get_reader(str(packed)) is npe2_io.read_layers
    with pytest.raises(UserError, match=r"study\.zip needs a password\. Unpack it yourself"):
        npe2_io.read_layers(str(packed))


def encrypt(path: Path) -> None:
    """Marks all files as encrypted, which is all that anybody looks at."""
    with zipfile.ZipFile(path) as archive:
        starts = [one.header_offset for one in archive.infolist()]
        directory = archive.start_dir
    data = bytearray(path.read_bytes())
    for at in starts:
        data[at + 6] |= 1
    for _ in starts:
        data[directory + 8] |= 1
        lengths = (data[directory + k : directory + k + 2] for k in (28, 30, 32))
        directory += 46 + sum(int.from_bytes(length, "little") for length in lengths)
    path.write_bytes(data)


def refused(path: Path, words: str, temporary: Path) -> None:
    with pytest.raises(UserError, match=words) as error:
        unpacked(path)
    assert error.value.remedy and list(temporary.iterdir()) == []


@pytest.mark.parametrize("name", ["../DOE/out", "/etc/DOE", "a/../../DOE", "..\\DOE", "a\\..\\..\\DOE"])
def test_paths_that_lead_out(name: str, tmp_path: Path, temporary: Path) -> None:
    """And no name is quoted: it may be that of a patient."""
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("IM1", "x")
        archive.writestr(zipfile.ZipInfo(name), "x")
    words = "^a.zip is not safe: a file in it leads out of it. Nothing was unpacked. Do not use it.$"
    refused(tmp_path / "a.zip", words, temporary)


_NAMES = {
    "DOE^JANE\\S1\\IM1": "IM1",  # as .NET writes it
    "\\S1\\IM2": "IM2",
    "C:\\S1\\IM3": "IM3",
    "scan 10:30/IM4": "IM4",
    '10:30 a?b*c<d>e|f"g': "10_30 a_b_c_d_e_f_g",
    "a/CON.dcm": "_CON.dcm",
    "b/IM5. ": "IM5",
    "b/IM\n6": "IM_6",
    "c/" + "長" * 150: "長" * 60,
}


def test_names_that_other_systems_forbid(tmp_path: Path) -> None:
    (file, *_) = save_series(tmp_path / "in", np.zeros((2, 8, 8), np.int16))
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(zipfile.ZipInfo("S1\\"), b"")  # a folder, as .NET writes it
        for name in _NAMES:
            info = zipfile.ZipInfo("x")
            info.filename = name
            archive.writestr(info, file.read_bytes())
    found = {path.name for path in unpacked(tmp_path / "a.zip").iterdir()}
    assert found == set(_NAMES.values())
    files = bundled(tmp_path / "a.zip")
    assert files is not None and len(files) == len(_NAMES)


def test_japanese_names_in_their_own_code(tmp_path: Path) -> None:
    """In Shift-JIS, the second byte of some letters is a backslash."""
    save_series(tmp_path / "in" / "SQQ", np.zeros((4, 8, 8), np.int16))
    packed = Path(shutil.make_archive(str(tmp_path / "a"), "zip", tmp_path / "in"))
    packed.write_bytes(packed.read_bytes().replace(b"SQQ", "S表".encode("cp932")))
    (source,) = sources_among(bundled(packed) or ())
    assert read_raster(source).shape == (4, 8, 8)
    assert npe2_io.get_reader(str(packed)) is npe2_io.read_layers


def test_links_passwords_and_what_is_no_zip_file(tmp_path: Path, temporary: Path, packed: Path) -> None:
    link = zipfile.ZipInfo("link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(link, "/etc/passwd")
    refused(tmp_path / "a.zip", "a file in it is a link", temporary)
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.writestr("IM1", "x")
    encrypt(tmp_path / "b.zip")
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


_UNPACKS = """
import sys, time
from pathlib import Path
from napari_unet.io.unpacked import unpacked
print(unpacked(Path(sys.argv[1])), flush=True)
time.sleep(600)
"""


def another(path: Path, temporary: Path) -> tuple[subprocess.Popen[str], Path]:
    """Another process that has unpacked a zip file, and where to."""
    other = subprocess.Popen(
        [sys.executable, "-c", _UNPACKS, path],
        env={**os.environ, "TMPDIR": str(temporary), "TMP": str(temporary)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert other.stdout is not None
    return other, Path(other.stdout.readline().strip())


def test_what_a_killed_process_left_is_removed_by_the_next(packed: Path, temporary: Path) -> None:
    (living, used), (killed, left) = another(packed, temporary), another(packed, temporary)
    try:
        killed.kill()
        killed.wait()
        foreign = temporary / "napari-unet-lung-link"
        foreign.symlink_to(packed.parent / "in")
        young = temporary / "napari-unet-lung-young"
        young.mkdir()
        assert len(list(left.iterdir())) == 9
        mine = unpacked(packed)
        assert not left.parent.exists() and len(list(used.iterdir())) == len(list(mine.iterdir())) == 9
        assert len(list((packed.parent / "in").iterdir())) == 4 and young.is_dir()
        os.utime(young, (1, 1))
        sweep()
        assert not young.exists() and mine.is_dir()
    finally:
        for process in (living, killed):
            process.kill()
            process.wait()
