from __future__ import annotations

from pathlib import Path

import pytest

from napari_unet.io.formats import is_readable_image, list_images, list_images_and_masks, stem


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
