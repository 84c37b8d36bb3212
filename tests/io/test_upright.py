"""Orientation tags: what viewers show is what is read, for images and masks alike."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageOps

from napari_unet.core.frames import Turned
from napari_unet.core.geometry import MisplacedMask
from napari_unet.core.steps import run
from napari_unet.io.formats import read_labels, read_mask, read_raster, write_png
from napari_unet.io.upright import orientation_of, upright
from napari_unet.review.add import attach_masks
from napari_unet.review.store import ReviewProject
from napari_unet.review.types import NewCase

CASES = Path(__file__).parents[1] / "data" / "cases"
_STORED = np.random.default_rng(0).integers(0, 255, (24, 40), dtype=np.uint8)
_SMOOTH = np.add.outer(np.arange(24) * 3, np.arange(40) * 4).astype(np.uint8)


def _shown(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """As Pillow, a second reader of the tag, turns it."""
    stream = io.BytesIO()
    exif = Image.Exif()
    exif[274] = orientation
    Image.fromarray(pixels).save(stream, format="PNG", exif=exif)
    return np.asarray(ImageOps.exif_transpose(Image.open(stream)))


def _save(path: Path, pixels: np.ndarray, orientation: int) -> Path:
    if path.suffix == ".tif":
        tag = (274, "H", 1, orientation, True)
        tifffile.imwrite(path, pixels, photometric="minisblack", extratags=[tag])
        return path
    exif = Image.Exif()
    exif[274] = orientation
    options = {"lossless": True} if path.suffix == ".webp" else {"quality": 100}
    Image.fromarray(pixels).save(path, exif=exif, **options)
    return path


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif"])
def test_a_picture_and_its_mask_are_read_as_viewers_show_them(tmp_path, suffix, orientation):
    raster = read_raster(_save(tmp_path / f"a{suffix}", _SMOOTH, orientation))
    expected = _shown(_SMOOTH, orientation)
    assert raster.shape == expected.shape
    assert np.abs(raster.pixels.astype(int) - expected).max() <= 3
    assert bool(raster.notes) == (orientation != 1)
    mask = (_SMOOTH > 90).astype(np.uint8) * 255
    read = read_mask(_save(tmp_path / f"m{suffix}", mask, orientation))
    assert ((read > 0) != (_shown(mask, orientation) > 0)).mean() < 0.01
    notes = read_labels(tmp_path / f"m{suffix}").notes
    assert any("orientation tag" in note for note in notes) == (orientation != 1)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_upright_is_what_pillow_shows_and_works_on_stacks(orientation):
    np.testing.assert_array_equal(upright(_STORED, orientation), _shown(_STORED, orientation))
    stack = upright(np.stack([_STORED, _STORED[::-1]]), orientation)
    np.testing.assert_array_equal(stack[1], _shown(_STORED[::-1].copy(), orientation))


def test_16_bit_colour_is_turned_too(tmp_path):
    imagecodecs = pytest.importorskip("imagecodecs")
    wide = _STORED.astype(np.uint16) * 16
    exif = Image.Exif()
    exif[274] = 6
    plain = io.BytesIO()
    Image.fromarray(_STORED).save(plain, format="PNG", exif=exif)
    content = plain.getvalue()
    at = content.index(b"eXIf") - 4
    chunk = content[at : at + 12 + int.from_bytes(content[at : at + 4], "big")]
    encoded = imagecodecs.png_encode(np.dstack([wide] * 3))
    (tmp_path / "a.png").write_bytes(encoded[:33] + chunk + encoded[33:])
    raster = read_raster(tmp_path / "a.png")
    np.testing.assert_array_equal(raster.pixels, np.rot90(wide, -1))


@pytest.mark.parametrize("orientation", [3, 6])
def test_the_pixel_size_turns_with_the_picture(tmp_path, orientation):
    tag = (274, "H", 1, orientation, True)
    tifffile.imwrite(
        tmp_path / "a.tif",
        _STORED,
        imagej=True,
        resolution=(1 / 0.4, 1 / 0.5),
        metadata={"unit": "mm"},
        extratags=[tag],
    )
    raster = read_raster(tmp_path / "a.tif")
    assert raster.spacing_mm == pytest.approx((0.4, 0.5) if orientation == 6 else (0.5, 0.4))
    assert raster.frame == Turned(orientation, (24, 40))


@pytest.mark.parametrize(("orientation", "word"), [(2, "mirrored"), (6, "rotated by 90° to the right")])
def test_it_is_said_in_words(orientation, word):
    raster = read_raster(CASES / f"orientation{orientation}.jpg")
    assert word in raster.notes[0] and "orientation tag" in raster.notes[0]
    upright_picture = np.asarray(ImageOps.exif_transpose(Image.open(CASES / f"orientation{orientation}.jpg")))
    np.testing.assert_array_equal(raster.pixels, upright_picture)


def test_the_sample_that_was_mirrored_is_upright_again():
    upright_one = read_raster(CASES / "grey_alpha.png").pixels.astype(float)
    turned = read_raster(CASES / "orientation2.jpg").pixels.astype(float)
    assert np.corrcoef(turned.ravel(), upright_one.ravel())[0, 1] > 0.95


@pytest.mark.parametrize("tag", [0, 1, 9, 255, None, "6", 6.0, (6, 6)])
def test_other_tags_turn_nothing(tag):
    assert orientation_of(tag) == 1


def test_damaged_exif_is_no_reason_to_refuse_a_picture(tmp_path):
    Image.fromarray(_SMOOTH).save(tmp_path / "a.jpg", exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff" + b"\xff" * 30)
    assert read_raster(tmp_path / "a.jpg").shape == _SMOOTH.shape


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif"])
@pytest.mark.parametrize("as_raster", [True, False])
def test_a_mask_drawn_before_the_turn_is_refused_with_the_reason(tmp_path, suffix, as_raster):
    image = _save(tmp_path / f"a{suffix}", _SMOOTH, 6)
    write_png(tmp_path / "stored.png", _SMOOTH > 90)
    write_png(tmp_path / "upright.png", np.rot90(_SMOOTH > 90, -1))
    of = read_raster(image) if as_raster else image
    with pytest.raises(MisplacedMask, match=r"90° to the right.*size of the picture before") as caught:
        read_labels(tmp_path / "stored.png", of=of)
    assert "Turn the mask" in caught.value.remedy
    found = read_labels(tmp_path / "upright.png", of=of)
    np.testing.assert_array_equal(found.labels, np.rot90(_SMOOTH > 90, -1))
    assert found.notes == ()


@pytest.mark.parametrize("orientation", [2, 3, 4])
def test_where_the_size_cannot_tell_it_is_said(tmp_path, orientation):
    image = _save(tmp_path / "a.png", _SMOOTH, orientation)
    write_png(tmp_path / "m.png", _SMOOTH > 90)
    assert "drawn on the upright picture" in read_labels(tmp_path / "m.png", of=image).notes[0]
    _save(tmp_path / "turned.png", (_SMOOTH > 90).astype(np.uint8) * 255, orientation)
    (note,) = read_labels(tmp_path / "turned.png", of=image).notes
    assert note.startswith("The picture was")


def test_a_review_says_why_such_a_mask_is_left_out(tmp_path):
    image = _save(tmp_path / "a.jpg", _SMOOTH, 6)
    (tmp_path / "masks").mkdir()
    write_png(tmp_path / "masks" / "a_mask.png", _SMOOTH > 90)
    with ReviewProject.create(tmp_path / "project") as project:
        ids = [id_ for id_, _ in project.add([NewCase(str(image))], "me")]
        attached = run(attach_masks(project, ids, tmp_path / "masks", "me"))
        assert attached.attached == ()
        assert "before" in attached.problems[0] and "Turn the mask" in attached.problems[0]
