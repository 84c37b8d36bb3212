from __future__ import annotations

import os
import unicodedata
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from dicom_files import dataset, save
from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset, dcmwrite

from napari_unet.io.first_kind import first_kind
from napari_unet.io.formats import is_readable_image, list_images, list_images_and_masks, stem
from napari_unet.io.ignored import Ignored
from napari_unet.io.names import as_stored, expanded, files_at


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.png", "a"),
        ("a.b.png", "a.b"),
        ("volume.nii.gz", "volume"),
        ("VOLUME.NII.GZ", "VOLUME"),
        ("흉부 사진.dcm", "흉부 사진"),
        ("IM0001", "IM0001"),
        ("a.tar.gz", "a.tar"),
    ],
)
def test_stem(name, expected):
    assert stem(Path("some.folder") / name) == expected


def test_what_counts_as_an_image(tmp_path):
    dicom = b"\0" * 128 + b"DICM"
    for name in ("a.png", "B.JPG", "c.TIFF", "d.nii.gz", "e.nii", "f.dcm"):
        (tmp_path / name).write_bytes(b"x")
        assert is_readable_image(tmp_path / name), name
    for name in ("IM0001", "1.2.840.113"):
        (tmp_path / name).write_bytes(dicom)
        assert is_readable_image(tmp_path / name), name
    for name in ("README", "notes.txt", "x.gz", "1.2.840.114", "._a.png", ".hidden.png", "a.zip"):
        (tmp_path / name).write_bytes(b"x")
        assert not is_readable_image(tmp_path / name), name
    (tmp_path / "DICOMDIR").write_bytes(dicom)
    assert not is_readable_image(tmp_path / "DICOMDIR")
    (tmp_path / "folder.png").mkdir()
    assert not is_readable_image(tmp_path / "folder.png")
    assert not is_readable_image(tmp_path / "missing.png")


def test_a_folder_is_listed_without_masks_and_without_sub_folders(tmp_path):
    for name in (
        "b.png",
        "a.nii.gz",
        "a_mask.nii.gz",
        "b_MASK.png",
        "note.txt",
        "sub/c.png",
        "sub/c_mask.png",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    images, masks = list_images_and_masks(tmp_path)
    assert [path.name for path in images] == ["a.nii.gz", "b.png"]
    assert masks == 2
    images, masks = list_images_and_masks(tmp_path, recursive=True)
    assert [path.relative_to(tmp_path).as_posix() for path in images] == ["a.nii.gz", "b.png", "sub/c.png"]
    assert masks == 3
    assert list_images(tmp_path) == [tmp_path / "a.nii.gz", tmp_path / "b.png"]


def test_links_to_folders_are_not_followed(tmp_path):
    (tmp_path / "a.png").write_bytes(b"x")
    (tmp_path / "loop").symlink_to(tmp_path, target_is_directory=True)
    assert list_images(tmp_path, recursive=True) == [tmp_path / "a.png"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("1.2.840.99.55", "1.2.840.99.55"),
        ("1.2.840.99.56", "1.2.840.99.56"),
        ("IM.001", "IM.001"),
        ("study.v2", "study.v2"),
        ("scan.2026-11-29", "scan.2026-11-29"),
        ("1.2.840.99.55.dcm", "1.2.840.99.55"),
        ("scan.IMA", "scan"),
        ("scan.dc3", "scan"),
        ("a.DCM", "a"),
        ("scan.", "scan."),
    ],
)
def test_a_number_is_no_suffix(name, expected):
    assert stem(Path(name)) == expected


@given(st.text(st.sampled_from("ab.09é- "), min_size=1), st.sampled_from([".png", ".nii.gz", ".dcm", ".IMA"]))
def test_a_known_suffix_comes_off_and_nothing_else(name, suffix):
    assert stem(Path(f"x{name}x{suffix}")) == unicodedata.normalize("NFC", f"x{name}x")


@given(st.lists(st.integers(0, 999), min_size=2, max_size=6), st.integers(1, 99))
def test_dicom_uids_that_differ_have_stems_that_differ(uid, more):
    one, other = ".".join(map(str, uid)), ".".join(map(str, [*uid[:-1], uid[-1] + more]))
    assert stem(Path(one)) != stem(Path(other))


def test_names_are_the_same_however_their_letters_are_composed(tmp_path):
    decomposed = unicodedata.normalize("NFD", "Müller_André.png")
    assert stem(Path(decomposed)) == stem(Path("Müller_André.png")) == "Müller_André"
    stored = tmp_path / unicodedata.normalize("NFD", "Bé") / decomposed
    stored.parent.mkdir()
    stored.write_bytes(b"x")
    assert as_stored(tmp_path / "Bé" / "Müller_André.png") == stored
    assert as_stored(tmp_path / "Bé" / "Muller.png") == stored.parent / "Muller.png"
    assert list(expanded([str(tmp_path / "Bé" / "Müller*")])) == [stored]
    assert list(expanded([str(tmp_path / "Bé" / "Müller_André.png")])) == [stored]


def test_dicom_is_known_by_content_whatever_it_is_called(tmp_path):
    pixels = np.zeros((8, 8), np.uint16)
    whole = save(tmp_path / "whole.dcm", pixels).read_bytes()
    encoded = [whole]
    for implicit, little in ((True, True), (False, True), (False, False)):
        plain, stream = Dataset(), BytesIO()  # as old machines write it: no preamble, no meta information
        plain.update(dataset(pixels))
        dcmwrite(stream, plain, implicit_vr=implicit, little_endian=little)
        encoded.append(stream.getvalue())
    names = ("a.IMA", "b.img", "c.acr", "d.dc3", "IM000001", "1.2.840.113", "e.xyz", "f.txt")
    for name in names:
        for content in encoded:
            (tmp_path / name).write_bytes(content)
            assert is_readable_image(tmp_path / name), name
    for content in (b"", b"\x08\0", b"\x08\0\x05\0" * 40, bytes(range(256)), b"text " * 300, b"\0" * 999):
        (tmp_path / "IM000001").write_bytes(content)
        assert not is_readable_image(tmp_path / "IM000001")


def test_a_huge_file_is_not_read_to_know_what_it_is(tmp_path):
    with (tmp_path / "disc.bin").open("wb") as file:
        file.truncate(1 << 40)  # sparse
    assert not is_readable_image(tmp_path / "disc.bin")


def test_what_is_passed_over_is_counted_by_reason(tmp_path):
    for name in ("a.png", "notes.txt", "b.pdf", "c.xml", "d.doc", ".DS_Store", "sub/e.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    ignored = Ignored()
    list_images_and_masks(tmp_path, ignored=ignored)
    text = " ".join(ignored.sentences())
    assert (
        "5 files were ignored" in text
        and "4 are not readable images" in text
        and "(b.pdf, c.xml, d.doc, …)" in text
    )
    assert "1 is hidden (.DS_Store)" in text and "1 sub-folder was not looked into (sub)" in text
    assert "pdf" not in " ".join(ignored.sentences(names=False))
    silent = Ignored()
    list_images_and_masks(tmp_path / "sub", ignored=silent)
    assert silent.sentences() == []


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes in folders")
def test_a_pipe_in_a_folder_is_no_file(tmp_path):
    """Whoever read it would wait for ever, as with the devices below the root of a disk."""
    os.mkfifo(tmp_path / "a")
    (tmp_path / "b").write_bytes(b"x")
    assert list(files_at(tmp_path)) == [tmp_path / "b"]
    assert list(files_at(tmp_path / "a")) == []
    assert first_kind(tmp_path) == "X-ray"
