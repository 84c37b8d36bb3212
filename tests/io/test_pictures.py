from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from napari_unet.core.errors import UserError
from napari_unet.io.formats import read_labels, read_mask, read_raster, write_png


@pytest.fixture
def grey():
    """Smooth with some noise, as a radiograph is."""
    y, x = np.mgrid[:64, :80]
    noise = np.random.default_rng(0).normal(0, 4, (64, 80))
    return np.clip(120 + 80 * np.sin(y / 9) * np.cos(x / 11) + noise, 0, 255).astype(np.uint8)


def test_png_8_and_16_bit_come_back_exactly(tmp_path, grey):
    path = tmp_path / "흉부 사진 1.png"
    for pixels in (grey, grey.astype(np.uint16) * 257 + 3):
        Image.fromarray(pixels).save(path)
        raster = read_raster(path)
        np.testing.assert_array_equal(raster.pixels, pixels)
        assert raster.pixels.dtype == pixels.dtype
        assert (raster.spacing_mm, raster.inverted, raster.source) == (None, None, str(path))


def test_dots_per_inch_are_no_spacing(tmp_path, grey):
    Image.fromarray(grey).save(tmp_path / "a.png", dpi=(254, 254))
    Image.fromarray(grey).save(tmp_path / "a.jpg", dpi=(254, 254))
    assert read_raster(tmp_path / "a.png").spacing_mm is None
    assert read_raster(tmp_path / "a.jpg").spacing_mm is None


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA", "P", "1"])
def test_png_of_other_modes(tmp_path, grey, mode):
    Image.fromarray(grey).convert(mode).save(tmp_path / "a.png")
    pixels = read_raster(tmp_path / "a.png").pixels
    expected = np.asarray(Image.fromarray(grey).convert(mode).convert("L"))
    np.testing.assert_array_equal(pixels, expected)
    assert pixels.dtype == np.uint8


@pytest.mark.parametrize("channels", [2, 3, 4])
def test_16_bit_colour_keeps_its_bits(tmp_path, grey, channels):
    imagecodecs = pytest.importorskip("imagecodecs")
    pixels = grey.astype(np.uint16) * 16  # 12 bits, of which Pillow would leave 4
    opaque = np.full_like(pixels, 65535)
    stacked = np.dstack([pixels] * (channels if channels == 3 else channels - 1) + [opaque])[..., :channels]
    (tmp_path / "a.png").write_bytes(imagecodecs.png_encode(np.ascontiguousarray(stacked)))
    np.testing.assert_array_equal(read_raster(tmp_path / "a.png").pixels, pixels)
    whole = (tmp_path / "a.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match=r"cut\.png is damaged"):
        read_raster(tmp_path / "cut.png")


def test_opacity_is_dropped(tmp_path, grey):
    picture = Image.fromarray(np.dstack([grey] * 3 + [np.arange(80, dtype=np.uint8) + np.zeros_like(grey)]))
    picture.save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_raster(tmp_path / "a.png").pixels, grey)


@pytest.mark.parametrize("quality", [30, 90])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_jpeg_noise_is_not_colour(tmp_path, grey, mode, quality):
    Image.fromarray(grey).convert(mode).save(tmp_path / "a.jpeg", quality=quality)
    pixels = read_raster(tmp_path / "a.jpeg").pixels
    assert pixels.shape == grey.shape
    assert np.abs(pixels.astype(int) - grey).mean() < 6


def test_a_faint_tint_of_single_pixels_is_noise(tmp_path, grey):
    rgb = np.dstack([grey] * 3).astype(int)
    rgb[..., 0] += np.random.default_rng(1).integers(-3, 4, grey.shape)
    Image.fromarray(np.clip(rgb, 0, 255).astype(np.uint8)).save(tmp_path / "a.png")
    assert np.abs(read_raster(tmp_path / "a.png").pixels.astype(int) - grey).max() <= 2


def test_coloured_pictures_are_refused_with_a_remedy(tmp_path, grey):
    photograph = np.dstack([grey, grey[::-1], grey[:, ::-1]])
    for name in ("photo.jpg", "photo.png"):
        Image.fromarray(photograph).save(tmp_path / name)
        with pytest.raises(UserError, match="colour picture") as caught:
            read_raster(tmp_path / name)
        assert name in caught.value.problem and caught.value.remedy
    Image.fromarray(photograph).quantize(16).save(tmp_path / "palette.png")
    with pytest.raises(UserError, match="colour picture"):
        read_raster(tmp_path / "palette.png")


def test_a_blue_film_is_refused_with_a_remedy(tmp_path, grey):
    blue = np.dstack([grey // 2, grey // 2, grey])
    Image.fromarray(blue).save(tmp_path / "film.png")
    with pytest.raises(UserError, match="save it as a grey image"):
        read_raster(tmp_path / "film.png")


@pytest.mark.parametrize("suffix", ["png", "jpg"])
@pytest.mark.parametrize("share", [0.02, 0.5, 0.9])
def test_truncated_files_are_named(tmp_path, grey, suffix, share):
    whole = io.BytesIO()
    Image.fromarray(grey).save(whole, format={"png": "PNG", "jpg": "JPEG"}[suffix])
    path = tmp_path / f"cut.{suffix}"
    path.write_bytes(whole.getvalue()[: int(len(whole.getvalue()) * share)])
    with pytest.raises(UserError, match=path.name):
        read_raster(path)


def test_bytes_in_the_middle_may_be_wrong(tmp_path, grey):
    Image.fromarray(grey).save(tmp_path / "a.png")
    content = bytearray((tmp_path / "a.png").read_bytes())
    content[len(content) // 2] ^= 0xFF
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(UserError, match="damaged"):
        read_raster(tmp_path / "a.png")


def test_one_pixel_is_an_image(tmp_path):
    Image.fromarray(np.full((1, 1), 7, np.uint8)).save(tmp_path / "dot.png")
    assert read_raster(tmp_path / "dot.png").shape == (1, 1)


def test_animations_are_refused(tmp_path, grey):
    first, second = Image.fromarray(grey), Image.fromarray(grey[::-1].copy())
    first.save(tmp_path / "moves.png", save_all=True, append_images=[second])
    with pytest.raises(UserError, match="animation"):
        read_raster(tmp_path / "moves.png")


def test_masks_keep_labels_and_coloured_palettes_are_label_numbers(tmp_path):
    labels = np.zeros((20, 30), np.uint8)
    labels[4:10, 3:9], labels[4:10, 20:27] = 1, 2
    write_png(tmp_path / "a_mask.png", labels)
    np.testing.assert_array_equal(read_mask(tmp_path / "a_mask.png"), labels)
    coloured = Image.fromarray(labels, mode="P")
    coloured.putpalette([0, 0, 0, 255, 0, 0, 0, 0, 255])
    coloured.save(tmp_path / "palette.png")
    np.testing.assert_array_equal(read_mask(tmp_path / "palette.png"), labels)
    grey_palette = Image.fromarray(labels, mode="P")
    grey_palette.putpalette([0, 0, 0, 128, 128, 128, 255, 255, 255])
    grey_palette.save(tmp_path / "grey.png")
    np.testing.assert_array_equal(np.unique(read_mask(tmp_path / "grey.png")), [0, 128, 255])


def test_a_jpeg_mask_loses_its_ringing(tmp_path):
    mask = np.zeros((64, 64), bool)
    mask[10:50, 12:33] = True
    Image.fromarray(mask.astype(np.uint8) * 255).save(tmp_path / "m.jpg", quality=60)
    assert np.count_nonzero(np.asarray(Image.open(tmp_path / "m.jpg")) % 255) > 0
    found = read_labels(tmp_path / "m.jpg")
    np.testing.assert_array_equal(found.labels, mask)
    assert "JPEG" in found.notes[0]


def test_only_what_a_png_holds_is_written(tmp_path):
    with pytest.raises(ValueError, match="uint8 or uint16"):
        write_png(tmp_path / "a.png", np.zeros((4, 4), np.float32))
    write_png(tmp_path / "a.png", np.eye(4, dtype=bool))
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.mode == "L"
        assert np.array_equal(np.asarray(picture), np.eye(4) * 255)


def test_a_phone_s_mpo_is_its_first_picture_and_that_is_said(tmp_path, grey):
    small = Image.fromarray(grey[::2, ::2].copy())
    whole = io.BytesIO()
    Image.fromarray(grey).save(whole, format="MPO", save_all=True, append_images=[small], quality=95)
    for name in ("IMG_0001.jpg", "IMG_0001.mpo"):
        (tmp_path / name).write_bytes(whole.getvalue())
        raster = read_raster(tmp_path / name)
        assert raster.shape == grey.shape
        assert "2 pictures" in raster.notes[0] and "first" in raster.notes[0]


@pytest.mark.parametrize("name", ["a.bmp", "a.webp", "a.gif", "a.jp2"])
def test_pictures_of_office_programs_are_read(tmp_path, grey, name):
    Image.fromarray(grey).save(tmp_path / name, **({"lossless": True} if name == "a.webp" else {}))
    raster = read_raster(tmp_path / name)
    np.testing.assert_array_equal(raster.pixels, grey)
    assert raster.notes == ()
    mask = (grey > 120).astype(np.uint8) * 255
    Image.fromarray(mask).save(tmp_path / name, **({"lossless": True} if name == "a.webp" else {}))
    np.testing.assert_array_equal(read_mask(tmp_path / name) > 0, mask > 0)


@pytest.mark.parametrize("name", ["a.gif", "a.webp"])
def test_animations_of_other_kinds_are_refused(tmp_path, grey, name):
    Image.fromarray(grey).save(tmp_path / name, save_all=True, append_images=[Image.fromarray(255 - grey)])
    with pytest.raises(UserError, match="animation"):
        read_raster(tmp_path / name)


def test_16_bit_jpeg_2000_keeps_its_bits(tmp_path, grey):
    wide = grey.astype(np.uint16) * 200
    Image.fromarray(wide).save(tmp_path / "a.jp2")
    np.testing.assert_array_equal(read_raster(tmp_path / "a.jp2").pixels, wide)
