from __future__ import annotations

import numpy as np
import pytest
import tifffile

from napari_unet.core.errors import UserError
from napari_unet.core.raster import Raster
from napari_unet.io.formats import read_labels, read_mask, read_raster, write_mask, write_probability

_RNG = np.random.default_rng(0)


def _pixels(shape, dtype=np.uint16):
    return _RNG.integers(0, np.iinfo(dtype).max, shape, dtype=dtype)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.float32])
@pytest.mark.parametrize("options", [{}, {"tile": (32, 32)}, {"bigtiff": True}, {"byteorder": ">"}])
def test_pixels_come_back_exactly(tmp_path, dtype, options):
    pixels = (_RNG.random((70, 90)) * 200).astype(dtype)
    tifffile.imwrite(tmp_path / "흉부 a.tif", pixels, **options)
    raster = read_raster(tmp_path / "흉부 a.tif")
    np.testing.assert_array_equal(raster.pixels, pixels)
    assert raster.pixels.dtype == np.dtype(dtype) and raster.pixels.dtype.isnative
    assert (raster.spacing_mm, raster.inverted) == (None, None)


@pytest.mark.parametrize("compression", ["zlib", "lzw", "packbits", "jpeg"])
def test_compressed_tiles(tmp_path, compression):
    if compression != "zlib":
        pytest.importorskip("imagecodecs")
    pixels = np.full((64, 96), 77, np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", pixels, tile=(32, 32), compression=compression)
    np.testing.assert_array_equal(read_raster(tmp_path / "a.tif").pixels, pixels)


@pytest.mark.parametrize("shape", [(300, 20, 24), (3, 20, 24), (4, 20, 24), (20, 24, 3), (2, 20, 24)])
@pytest.mark.parametrize("metadata", [{}, None])
def test_pages_are_slices_and_never_channels(tmp_path, shape, metadata):
    pixels = _pixels(shape, np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="minisblack", metadata=metadata)
    raster = read_raster(tmp_path / "a.tif")
    np.testing.assert_array_equal(raster.pixels, pixels)


def test_pages_written_one_by_one_are_slices(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        for _ in range(5):
            file.write(_pixels((20, 24)), contiguous=False, metadata=None)
    assert read_raster(tmp_path / "a.tif").shape == (5, 20, 24)


def test_rgb_with_equal_channels_is_grey(tmp_path):
    grey = _pixels((20, 24))
    for planar, axis in (("contig", -1), ("separate", 0)):
        stacked = np.stack([grey] * 3, axis=axis)
        tifffile.imwrite(tmp_path / "a.tif", stacked, photometric="rgb", planarconfig=planar)
        np.testing.assert_array_equal(read_raster(tmp_path / "a.tif").pixels, grey)
    rgba = np.dstack([grey] * 3 + [np.full_like(grey, 65535)])
    tifffile.imwrite(tmp_path / "a.tif", rgba, photometric="rgb", extrasamples=["unassalpha"])
    np.testing.assert_array_equal(read_raster(tmp_path / "a.tif").pixels, grey)


def test_colour_is_refused(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", _pixels((20, 24, 3), np.uint8), photometric="rgb")
    with pytest.raises(UserError, match="colour picture"):
        read_raster(tmp_path / "a.tif")


def test_two_stacked_axes_are_refused_with_their_sizes(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", _pixels((2, 5, 20, 24)), imagej=True, metadata={"axes": "TZYX"})
    with pytest.raises(UserError, match=r"2 \(T\) x 5 \(Z\) x 20 \(Y\) x 24 \(X\)"):
        read_raster(tmp_path / "a.tif")
    tifffile.imwrite(tmp_path / "a.tif", _pixels((2, 20, 24)), imagej=True, metadata={"axes": "CYX"})
    with pytest.raises(UserError, match="one channel"):
        read_raster(tmp_path / "a.tif")


def test_a_thumbnail_is_not_the_image_but_two_images_are_refused(tmp_path):
    pixels = _pixels((64, 64))
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        file.write(pixels)
        file.write(pixels[::4, ::4].copy(), subfiletype=1)
    np.testing.assert_array_equal(read_raster(tmp_path / "a.tif").pixels, pixels)
    with tifffile.TiffWriter(tmp_path / "b.tif") as file:
        file.write(pixels)
        file.write(pixels[::4, ::4].copy())
    with pytest.raises(UserError, match="2 images of different sizes"):
        read_raster(tmp_path / "b.tif")


@pytest.mark.parametrize("unit", ["INCH", "CENTIMETER"])
def test_resolution_tags_are_for_printers(tmp_path, unit):
    tifffile.imwrite(tmp_path / "a.tif", _pixels((20, 24)), resolution=(100, 100), resolutionunit=unit)
    assert read_raster(tmp_path / "a.tif").spacing_mm is None


@pytest.mark.parametrize(
    ("unit", "mm"),
    [("mm", 1), ("cm", 10), ("inch", 25.4), ("um", 1e-3), ("micron", 1e-3), ("\\u00B5m", 1e-3)],
)
def test_imagej_calibration_is_the_spacing(tmp_path, unit, mm):
    metadata = {"unit": unit, "spacing": 3.0, "axes": "ZYX"}
    pixels = _pixels((4, 20, 24))
    tifffile.imwrite(
        tmp_path / "a.tif", pixels, imagej=True, resolution=(1 / 0.4, 1 / 0.5), metadata=metadata
    )
    raster = read_raster(tmp_path / "a.tif")
    np.testing.assert_allclose(raster.spacing_mm, [3.0 * mm, 0.5 * mm, 0.4 * mm])
    assert raster.spacing_source == "ImageJ calibration"


@pytest.mark.parametrize("unit", ["pixel", "pixels", "sec", ""])
def test_imagej_units_that_are_no_length_give_no_spacing(tmp_path, unit):
    tifffile.imwrite(
        tmp_path / "a.tif", _pixels((20, 24)), imagej=True, resolution=(2, 2), metadata={"unit": unit}
    )
    raster = read_raster(tmp_path / "a.tif")
    assert (raster.spacing_mm, raster.spacing_source) == (None, "")


@pytest.mark.parametrize(
    ("unit", "mm"), [("mm", 1), ("µm", 1e-3), ("cm", 10), ("in", 25.4), ("nm", 1e-6), (None, 1e-3)]
)
@pytest.mark.parametrize("ndim", [2, 3])
def test_ome_physical_sizes_are_the_spacing(tmp_path, unit, mm, ndim):
    metadata = {"axes": "ZYX"[-ndim:]}
    for axis, size in zip("ZYX"[-ndim:], (3.0, 0.5, 0.4)[-ndim:], strict=True):
        metadata |= {f"PhysicalSize{axis}": size} | ({f"PhysicalSize{axis}Unit": unit} if unit else {})
    tifffile.imwrite(tmp_path / "a.ome.tif", _pixels((4, 20, 24)[-ndim:]), ome=True, metadata=metadata)
    raster = read_raster(tmp_path / "a.ome.tif")
    assert raster.spacing_mm == pytest.approx(tuple(mm * size for size in (3.0, 0.5, 0.4)[-ndim:]))
    assert raster.spacing_source == "OME physical size"


def test_ome_without_a_length_gives_no_spacing_and_a_missing_depth_is_said(tmp_path):
    sizes = {"PhysicalSizeX": 0.4, "PhysicalSizeY": 0.5}
    pixels = {f"{key}Unit": "pixel" for key in sizes} | {"axes": "YX"}
    tifffile.imwrite(tmp_path / "a.ome.tif", _pixels((20, 24)), ome=True, metadata=sizes | pixels)
    assert read_raster(tmp_path / "a.ome.tif").spacing_mm is None
    tifffile.imwrite(tmp_path / "b.ome.tif", _pixels((4, 20, 24)), ome=True, metadata=sizes | {"axes": "ZYX"})
    raster = read_raster(tmp_path / "b.ome.tif")
    assert raster.spacing_mm is None and "distance between slices" in raster.notes[0]


def test_damaged_ome_text_costs_the_spacing_only(tmp_path):
    text = '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image><Pixels '
    tifffile.imwrite(tmp_path / "a.tif", _pixels((20, 24)), description=text + "</OME>", metadata=None)
    assert read_raster(tmp_path / "a.tif").spacing_mm is None


def test_white_is_zero_is_said_and_not_applied(tmp_path):
    pixels = _pixels((20, 24))
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="miniswhite")
    raster = read_raster(tmp_path / "a.tif")
    np.testing.assert_array_equal(raster.pixels, pixels)
    assert raster.inverted is True


def test_one_bit(tmp_path):
    bits = _RNG.random((20, 24)) > 0.5
    tifffile.imwrite(tmp_path / "a.tif", bits, photometric="miniswhite")
    np.testing.assert_array_equal(read_raster(tmp_path / "a.tif").pixels, bits * 255)
    assert read_raster(tmp_path / "a.tif").inverted is True
    tifffile.imwrite(tmp_path / "b.tif", bits, photometric="minisblack")
    np.testing.assert_array_equal(read_mask(tmp_path / "b.tif") > 0, bits)


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.uint16])
def test_a_mask_in_which_white_is_zero_is_what_viewers_show(tmp_path, dtype):
    from PIL import Image

    white = _RNG.random((20, 24)) > 0.5
    stored = ~white if dtype is bool else np.where(white, 0, np.iinfo(dtype).max).astype(dtype)
    tifffile.imwrite(tmp_path / "m.tif", stored, photometric="miniswhite")
    np.testing.assert_array_equal(read_mask(tmp_path / "m.tif") > 0, white)
    assert any("viewers show as white" in note for note in read_labels(tmp_path / "m.tif").notes)
    if dtype is not np.uint16:  # a second reader of the same file, which shows 16 bit as they are stored
        np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "m.tif").convert("L")) > 0, white)


@pytest.mark.parametrize("values", [(0, 1, 2), (0, 1), (0, 1, 2, 255), (0, 1, 255)])
def test_label_numbers_stay_where_white_is_zero(tmp_path, values):
    labels = _RNG.choice(np.array(values, np.uint8), (20, 24))
    tifffile.imwrite(tmp_path / "m.tif", labels, photometric="miniswhite")
    np.testing.assert_array_equal(read_mask(tmp_path / "m.tif"), labels)
    assert any("label numbers" in note for note in read_labels(tmp_path / "m.tif").notes)


def test_palettes(tmp_path):
    labels = _RNG.integers(0, 3, (20, 24)).astype(np.uint8)
    grey = np.tile(np.arange(256, dtype=np.uint16) * 257, (3, 1))
    tifffile.imwrite(tmp_path / "g.tif", labels, photometric="palette", colormap=grey)
    np.testing.assert_array_equal(read_raster(tmp_path / "g.tif").pixels, labels)
    coloured = grey.copy()
    coloured[0] = coloured[0, ::-1]
    tifffile.imwrite(tmp_path / "c.tif", labels, photometric="palette", colormap=coloured)
    np.testing.assert_array_equal(read_mask(tmp_path / "c.tif"), labels)
    with pytest.raises(UserError, match="colour picture"):
        read_raster(tmp_path / "c.tif")


def test_nan_comes_through_for_the_input_check_to_judge(tmp_path):
    pixels = np.full((20, 24), np.nan, np.float32)
    tifffile.imwrite(tmp_path / "a.tif", pixels)
    assert np.isnan(read_raster(tmp_path / "a.tif").pixels).all()


@pytest.mark.parametrize("options", [{}, {"tile": (16, 16)}, {"compression": "zlib"}, {"bigtiff": True}])
@pytest.mark.parametrize("share", [0.1, 0.6])
def test_truncated_files_are_named(tmp_path, options, share):
    tifffile.imwrite(tmp_path / "a.tif", _pixels((64, 64)), **options)
    whole = (tmp_path / "a.tif").read_bytes()
    (tmp_path / "cut.tif").write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(UserError, match=r"cut\.tif"):
        read_raster(tmp_path / "cut.tif")


def test_a_missing_decoder_is_named(tmp_path, monkeypatch):
    pytest.importorskip("imagecodecs")
    tifffile.imwrite(tmp_path / "a.tif", _pixels((20, 24)), compression="lzw")

    def asarray(*_, **__):
        raise ValueError("<COMPRESSION.LZW: 5> requires the 'imagecodecs' package")

    monkeypatch.setattr(tifffile.TiffPageSeries, "asarray", asarray)
    with pytest.raises(UserError, match="pip install imagecodecs"):
        read_raster(tmp_path / "a.tif")


@pytest.mark.parametrize("spacing", [None, (0.143, 0.15), (2.5, 0.143, 0.15)])
def test_masks_carry_the_spacing(tmp_path, spacing):
    shape = (3, 20, 24) if spacing and len(spacing) == 3 else (20, 24)
    mask = _RNG.random(shape) > 0.5
    like = Raster(np.zeros(shape), spacing_mm=spacing)
    path = write_mask(tmp_path / "a_mask.tif", mask, like)
    np.testing.assert_array_equal(read_mask(path), mask * np.uint8(255))
    back = read_raster(path).spacing_mm
    assert back is None if spacing is None else np.allclose(back, spacing)


def test_labels_and_probabilities(tmp_path):
    like = Raster(np.zeros((2, 20, 24)))
    labels = _RNG.integers(0, 3, like.shape)
    np.testing.assert_array_equal(read_mask(write_mask(tmp_path / "l.tif", labels, like)), labels)
    many = labels * 400
    np.testing.assert_array_equal(read_mask(write_mask(tmp_path / "m.tif", many, like)), many)
    probability = _RNG.random(like.shape)
    path = write_probability(tmp_path / "p.tif", probability, like)
    np.testing.assert_array_equal(read_raster(path).pixels, probability.astype(np.float32))
    in_turn = write_probability(tmp_path / "q.tif", iter(probability), like)
    assert in_turn.read_bytes() == path.read_bytes()
    with pytest.raises(UserError, match="not whole numbers"):
        read_mask(path)
