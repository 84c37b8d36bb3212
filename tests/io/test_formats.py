from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
from contextlib import suppress

import numpy as np
import pydicom
import pytest
import tifffile
from dicom_files import dataset, save

from napari_unet.core.errors import UserError
from napari_unet.core.raster import Raster
from napari_unet.io import formats
from napari_unet.io.formats import (
    mask_suffix,
    read_mask,
    read_raster,
    write_mask,
    write_png,
    write_probability,
)

_PIXELS = np.random.default_rng(0).integers(0, 255, (20, 30), dtype=np.uint8)


def test_importing_it_is_light():
    heavy = ("torch", "qtpy", "napari", "nibabel", "pydicom", "tifffile", "PIL")
    code = f"import sys, napari_unet.io.formats; print([m for m in {heavy} if m in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


def test_the_content_counts_and_not_the_name(tmp_path):
    write_png(tmp_path / "a.png", _PIXELS)
    tifffile.imwrite(tmp_path / "b.tif", _PIXELS)
    save(tmp_path / "c.dcm", _PIXELS)
    for real, named in (("a.png", "x.tif"), ("b.tif", "x.dcm"), ("c.dcm", "IM0001"), ("c.dcm", "x.png")):
        (tmp_path / named).write_bytes((tmp_path / real).read_bytes())
        np.testing.assert_array_equal(read_raster(tmp_path / named).pixels, _PIXELS)


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif", "nii", "nii.gz", "dcm"])
def test_empty_rubbish_and_missing_files_are_named(tmp_path, suffix):
    path = tmp_path / f"사진 1.{suffix}"
    with pytest.raises(UserError, match="does not exist"):
        read_raster(path)
    path.write_bytes(b"")
    with pytest.raises(UserError, match=rf"사진 1\.{suffix} is empty \(0 bytes\)"):
        read_raster(path)
    path.write_bytes(b"rubbish " * 100)
    with pytest.raises(UserError, match=rf"사진 1\.{suffix}") as caught:
        read_raster(path)
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("name", "start", "problem", "remedy"),
    [
        ("IMG_1.HEIC", b"\0\0\0\x24ftypheic\0\0\0\0mif1heic", "HEIC picture", "Most Compatible"),
        ("IMG_1.jpg", b"\0\0\0\x24ftypmif1\0\0\0\0mif1heic", "HEIC picture", "as PNG"),
        ("a.avif", b"\0\0\0\x1cftypavif\0\0\0\0avifmif1", "AVIF picture", "as PNG"),
        ("a.jxl", b"\xff\x0a\x01\x02", "JPEG XL", "as PNG"),
        ("a.psd", b"8BPS\0\1", "Photoshop", "as PNG"),
        ("a.pdf", b"%PDF-1.7", "PDF", "PNG or DICOM"),
        ("a.zip", b"PK\x03\x04", "ZIP", "Unpack"),
        ("a.nrrd", b"NRRD0004", "NRRD", "NIfTI"),
        ("a.gz", b"\x1f\x8b\x08rubbish", "gzip", "Unpack"),
    ],
)
def test_known_kinds_that_are_not_read_are_refused_by_their_name_with_the_remedy(
    tmp_path, name, start, problem, remedy
):
    (tmp_path / name).write_bytes(start + bytes(400))
    with pytest.raises(UserError, match=problem) as caught:
        read_raster(tmp_path / name)
    assert name in caught.value.problem and remedy in caught.value.remedy
    with pytest.raises(UserError, match=problem):
        read_mask(tmp_path / name)


def test_a_text_that_begins_as_a_bitmap_does_is_no_picture(tmp_path):
    (tmp_path / "BMI.txt").write_text("BMI of the patients, one a line\n" * 20)
    with pytest.raises(UserError, match="not in a known image format"):
        read_raster(tmp_path / "BMI.txt")


def test_other_kinds_and_folders(tmp_path):
    (tmp_path / "notes.txt").write_text("no image")
    with pytest.raises(UserError, match=r"notes\.txt is not in a known image format\. Open PNG"):
        read_raster(tmp_path / "notes.txt")
    with pytest.raises(UserError, match="is a folder"):
        read_raster(tmp_path)


@pytest.mark.skipif(os.name != "posix", reason="POSIX permissions")
def test_a_file_that_may_not_be_read_is_named():
    code = (
        "import os, pathlib, sys\n"
        "from napari_unet.io.formats import read_raster\n"
        "from napari_unet.core.errors import UserError\n"
        "if os.getuid() == 0: os.setuid(65534)\n"
        "try: read_raster(pathlib.Path(sys.argv[1]))\n"
        "except UserError as error: print(error)\n"
    )
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        path = os.path.join(folder, "a.png")
        with open(path, "wb") as file:
            file.write(b"x")
        os.chmod(path, 0)
        ran = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=False)
    assert "a.png cannot be read" in ran.stdout, ran.stderr


def test_running_out_of_memory_is_said(tmp_path, monkeypatch):
    def too_large(path):
        raise MemoryError

    write_png(tmp_path / "a.png", _PIXELS)
    monkeypatch.setattr(formats, "read_picture", too_large)
    with pytest.raises(UserError, match="memory"):
        read_raster(tmp_path / "a.png")


@pytest.mark.parametrize("suffix", [".png", ".tif", ".tiff", ".nii", ".nii.gz", ".PNG"])
def test_masks_and_labels_come_back(tmp_path, suffix):
    like = Raster(_PIXELS)
    path = tmp_path / f"폐 x_mask{suffix}"
    assert write_mask(path, _PIXELS > 99, like) == path
    np.testing.assert_array_equal(read_mask(path) > 0, _PIXELS > 99)
    labels = (_PIXELS % 3).astype(np.int64)
    np.testing.assert_array_equal(read_mask(write_mask(path, labels, like)), labels)
    np.testing.assert_array_equal(read_mask(write_mask(path, labels * 500, like)), labels * 500)
    assert os.listdir(tmp_path) == [path.name]


def test_a_mask_png_is_8_bit_grey_0_and_255(tmp_path):
    mask = read_mask(write_mask(tmp_path / "m.png", _PIXELS > 99, Raster(_PIXELS)))
    assert mask.dtype == np.uint8 and set(np.unique(mask)) == {0, 255} and mask.shape == _PIXELS.shape


def test_what_cannot_be_saved_is_said(tmp_path):
    flat, stack = Raster(_PIXELS), Raster(np.zeros((3, 4, 5)))
    with pytest.raises(UserError, match="cannot store stacks"):
        write_mask(tmp_path / "m.png", stack.pixels > 0, stack)
    with pytest.raises(UserError, match=r'not saved as "\.jpg"'):
        write_mask(tmp_path / "m.jpg", flat.pixels > 0, flat)
    with pytest.raises(UserError, match="whole numbers from 0 to 65535"):
        write_mask(tmp_path / "m.png", flat.pixels.astype(np.int32) * 1000, flat)
    with pytest.raises(UserError, match="whole numbers"):
        write_mask(tmp_path / "m.png", -flat.pixels.astype(np.int32), flat)
    with pytest.raises(ValueError, match="shape"):
        write_mask(tmp_path / "m.png", np.zeros((4, 4), bool), flat)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("link", [None, "symbolic", "hard"])
def test_the_image_is_never_overwritten(tmp_path, link):
    image = tmp_path / "a.png"
    write_png(image, _PIXELS)
    target = image if link is None else tmp_path / "b.png"
    if link == "symbolic":
        target.symlink_to(image)
    elif link == "hard":
        target.hardlink_to(image)
    with pytest.raises(UserError, match="not overwritten"):
        write_mask(target, _PIXELS > 9, read_raster(image))
    np.testing.assert_array_equal(read_raster(image).pixels, _PIXELS)


def test_a_link_to_another_image_is_replaced_and_not_followed(tmp_path):
    write_png(tmp_path / "other.png", _PIXELS)
    (tmp_path / "m.png").symlink_to(tmp_path / "other.png")
    write_mask(tmp_path / "m.png", _PIXELS > 9, Raster(_PIXELS, source=str(tmp_path / "a.png")))
    np.testing.assert_array_equal(read_raster(tmp_path / "other.png").pixels, _PIXELS)


def test_probabilities(tmp_path):
    like = Raster(_PIXELS, spacing_mm=(0.2, 0.3))
    probability = np.linspace(0, 1, _PIXELS.size, dtype=np.float32).reshape(_PIXELS.shape)
    with pytest.raises(UserError, match="or probabilities"):
        write_probability(tmp_path / "p.png", probability, like)
    for name in ("p.tif", "p.nii.gz"):
        back = read_raster(write_probability(tmp_path / name, probability, like))
        np.testing.assert_array_equal(back.pixels, probability)
        assert back.spacing_mm == pytest.approx(like.spacing_mm)


def test_the_suffix_of_a_mask_follows_its_image():
    assert mask_suffix(Raster(_PIXELS)) == ".png"
    assert mask_suffix(Raster(np.zeros((3, 4, 5)))) == ".tif"


def test_a_raster_and_its_header_are_equal(tmp_path):
    raster = read_raster(save(tmp_path / "a.dcm", _PIXELS, PixelSpacing=[0.2, 0.2], ViewPosition="PA"))
    again = Raster(raster.pixels, **raster.header())
    assert again.header() == raster.header()


def test_ten_thousand_squared_is_read_and_more_than_twice_that_is_refused(tmp_path):
    from PIL import Image

    Image.new("1", (10_000, 10_000)).save(tmp_path / "large.png")
    assert read_raster(tmp_path / "large.png").shape == (10_000, 10_000)
    Image.new("1", (15_000, 15_000)).save(tmp_path / "huge.png")
    with pytest.raises(UserError, match="too large"):
        read_raster(tmp_path / "huge.png")


_NO_ROOM = """
import pathlib, resource, sys
import numpy as np
import pydicom
from napari_unet.core.errors import UserError
from napari_unet.core.raster import Raster
from napari_unet.io.formats import write_mask
path = pathlib.Path(sys.argv[1])
labels = np.random.default_rng(0).integers(0, 250, (300, 300))
write_mask(path.with_name("warm_up" + path.name), labels, Raster(labels))
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
try:
    write_mask(path, labels, Raster(labels))
except UserError as error:
    print(error)
"""


@pytest.mark.skipif(os.name != "posix", reason="POSIX limits")
@pytest.mark.parametrize("suffix", [".png", ".tif", ".nii", ".nii.gz"])
def test_a_mask_that_does_not_fit_leaves_the_old_one(tmp_path, suffix):
    path = tmp_path / f"a_mask{suffix}"
    path.write_bytes(b"old")
    ran = subprocess.run(
        [sys.executable, "-c", _NO_ROOM, str(path)], capture_output=True, text=True, check=False
    )
    assert "could not be written" in ran.stdout, ran.stderr
    assert path.read_bytes() == b"old"
    assert sorted(os.listdir(tmp_path)) == [path.name, "warm_up" + path.name]


def _files(folder):
    """One small file of every family."""
    import nibabel
    from PIL import Image

    for name in ("a.png", "a.jpg"):
        Image.fromarray(_PIXELS).save(folder / name)
    tifffile.imwrite(folder / "a.tif", np.stack([_PIXELS] * 2), compression="zlib")
    for name in ("a.nii", "a.nii.gz"):
        nibabel.Nifti1Image(np.stack([_PIXELS] * 3), np.eye(4)).to_filename(folder / name)
    save(folder / "a.dcm", _PIXELS, PixelSpacing=[0.2, 0.2], WindowCenter=90, WindowWidth=50)
    for syntax in ("RLELossless", "JPEG2000Lossless"):
        made = dataset(np.tile(_PIXELS, (3, 3)))
        made.compress(getattr(pydicom.uid, syntax))
        made.save_as(folder / f"{syntax}.dcm")
    return sorted(folder.iterdir())


def test_flipped_bytes_never_raise_anything_but_user_errors(tmp_path):
    chance = random.Random(0)
    for path in _files(tmp_path):
        whole = path.read_bytes()
        for _ in range(25):
            damaged = bytearray(whole)
            for _ in range(chance.choice((1, 3, 10))):
                damaged[chance.randrange(min(len(whole), chance.choice((400, 10**6))))] = chance.randrange(
                    256
                )
            path.write_bytes(damaged)
            with suppress(UserError):
                read_raster(path)
            with suppress(UserError):
                read_mask(path)
