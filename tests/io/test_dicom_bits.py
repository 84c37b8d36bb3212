"""Bits, numbers and functional groups: where the values of a DICOM image lie."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
from dicom_files import dataset, save
from pydicom import Dataset

from napari_unet.core.errors import UserError
from napari_unet.core.raster import Modality
from napari_unet.io.formats import read_raster

_CASES = Path(__file__).parents[1] / "data" / "cases"
_RNG = np.random.default_rng(0)


@pytest.fixture
def pixels():
    """12 bits, smooth with some noise."""
    y, x = np.mgrid[:48, :64]
    return (2000 + 1500 * np.sin(y / 9) * np.cos(x / 11) + _RNG.normal(0, 30, (48, 64))).astype(np.uint16)


def test_an_image_in_the_high_bits_keeps_all_its_grey_levels():
    raster = read_raster(_CASES / "highbit15_stored12.dcm")
    words = np.frombuffer(pydicom.dcmread(_CASES / "highbit15_stored12.dcm").PixelData, np.uint16)
    np.testing.assert_array_equal(raster.pixels.ravel(), words >> 4)
    assert raster.notes == ()


@pytest.mark.parametrize("dtype", [np.uint16, np.int16])
@pytest.mark.parametrize("shift", [0, 2, 4])
def test_any_place_of_the_bits_and_an_overlay_beside_them(tmp_path, pixels, dtype, shift):
    values = pixels.astype(np.int32) - (2000 if dtype is np.int16 else 0)
    words = (values << shift).astype(dtype)
    overlay = _RNG.integers(0, 2, words.shape).astype(bool)
    for bit in set(range(16)) - set(range(shift, shift + 12)):
        words = np.where(overlay, words ^ dtype(np.array(1 << bit, np.uint16).view(dtype)), words)
    path = save(tmp_path / "a.dcm", words.astype(dtype), BitsStored=12, HighBit=11 + shift)
    np.testing.assert_array_equal(read_raster(path).pixels, values)


def test_a_declared_overlay_is_not_worth_a_word(tmp_path, pixels):
    words = pixels | (_RNG.integers(0, 2, pixels.shape) << 13).astype(np.uint16)
    made = dataset(words, BitsStored=12, HighBit=11)
    made.add_new(0x60000100, "US", 16)
    made.add_new(0x60000102, "US", 13)
    made.save_as(tmp_path / "a.dcm")
    raster = read_raster(tmp_path / "a.dcm")
    np.testing.assert_array_equal(raster.pixels, pixels)
    assert raster.notes == ()


@pytest.mark.parametrize("dtype", [np.uint16, np.int16])
def test_more_bits_than_the_header_names_are_kept_and_told(tmp_path, pixels, dtype):
    deep = (pixels.astype(np.int32) * 4 - (8000 if dtype is np.int16 else 0)).astype(dtype)
    raster = read_raster(save(tmp_path / "a.dcm", deep, BitsStored=12, HighBit=11))
    np.testing.assert_array_equal(raster.pixels, deep)
    assert "12 bits" in raster.notes[0] and "all were used" in raster.notes[0]


@pytest.mark.parametrize("noise", [0, 400])
def test_far_too_few_bits_in_the_header_lose_no_grey_levels(tmp_path, pixels, noise):
    deep = (pixels // 16 * 256 + _RNG.normal(0, noise, pixels.shape)).clip(0, 65535).astype(np.uint16)
    raster = read_raster(save(tmp_path / "a.dcm", deep, BitsStored=8, HighBit=7))
    np.testing.assert_array_equal(raster.pixels, deep)
    assert "8 bits" in raster.notes[0] and "all were used" in raster.notes[0]


def test_negative_numbers_whose_sign_is_not_copied_upwards_are_no_overlay(tmp_path, pixels):
    values = pixels.astype(np.int16) - np.int16(2048)
    raster = read_raster(save(tmp_path / "a.dcm", values & np.int16(0x0FFF), BitsStored=12, HighBit=11))
    np.testing.assert_array_equal(raster.pixels, values)
    assert raster.notes == ()


def test_a_high_bit_that_cannot_be_is_told(tmp_path, pixels):
    raster = read_raster(save(tmp_path / "low.dcm", pixels, BitsStored=12, HighBit=7))
    np.testing.assert_array_equal(raster.pixels, pixels)
    assert "HighBit" in raster.notes[0]
    raster = read_raster(save(tmp_path / "data in the low bits.dcm", pixels, BitsStored=12, HighBit=15))
    np.testing.assert_array_equal(raster.pixels, pixels)
    assert "all were used" in raster.notes[0]


def test_32_bits_and_floats(tmp_path):
    large = _RNG.integers(2**30, 2**31, (20, 30)).astype(np.int32)
    raster = read_raster(save(tmp_path / "a.dcm", large, RescaleSlope=1, RescaleIntercept=-1000))
    np.testing.assert_array_equal(raster.pixels, large.astype(np.int64) - 1000)
    real = _RNG.normal(0, 1, (20, 30)).astype(np.float32)
    made = dataset(large, PixelData=None, BitsAllocated=32)
    made.FloatPixelData = real.tobytes()
    made.save_as(tmp_path / "b.dcm")
    np.testing.assert_array_equal(read_raster(tmp_path / "b.dcm").pixels, real)


def test_twelve_bits_packed_are_refused_in_words(tmp_path, pixels):
    with pytest.raises(UserError, match="12 bits a pixel, packed"):
        read_raster(save(tmp_path / "a.dcm", pixels, BitsAllocated=12, BitsStored=12, HighBit=11))


def _item(**tags):
    made = Dataset()
    for keyword, value in tags.items():
        setattr(made, keyword, value)
    return made


@pytest.mark.parametrize("group", ["SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"])
def test_an_enhanced_ct_of_one_frame(tmp_path, pixels, group):
    frame = _item(
        PixelValueTransformationSequence=[_item(RescaleSlope=1, RescaleIntercept=-1024)],
        FrameVOILUTSequence=[_item(WindowCenter=-600, WindowWidth=1500, VOILUTFunction="LINEAR_EXACT")],
        PixelMeasuresSequence=[_item(PixelSpacing=[0.7, 0.8], SliceThickness=1)],
        PlaneOrientationSequence=[_item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])],
    )
    made = dataset(pixels, BitsStored=12, HighBit=11, Modality="CT", NumberOfFrames=1, **{group: [frame]})
    made.SOPClassUID = pydicom.uid.EnhancedCTImageStorage
    made.save_as(tmp_path / "a.dcm")
    raster = read_raster(tmp_path / "a.dcm")
    np.testing.assert_array_equal(raster.pixels, pixels.astype(int) - 1024)
    assert (raster.modality, raster.window) == (Modality.CT, (-1350.0, 150.0))
    assert (raster.spacing_mm, raster.row_direction) == ((0.7, 0.8), "L")


def test_what_is_said_of_the_frame_itself_goes_first(tmp_path, pixels):
    groups = {
        "SharedFunctionalGroupsSequence": [_item(PixelMeasuresSequence=[_item(PixelSpacing=[0.1, 0.1])])],
        "PerFrameFunctionalGroupsSequence": [_item(PixelMeasuresSequence=[_item(PixelSpacing=[0.2, 0.2])])],
    }
    raster = read_raster(save(tmp_path / "a.dcm", pixels, RescaleIntercept=5, RescaleSlope=1, **groups))
    assert raster.spacing_mm == (0.2, 0.2)
    np.testing.assert_array_equal(raster.pixels, pixels.astype(int) + 5)


@pytest.mark.parametrize(
    ("photometric", "shape", "inverted"),
    [
        ("MONOCHROME1", "INVERSE", True),
        ("MONOCHROME1", None, True),
        ("MONOCHROME2", "IDENTITY", False),
        ("MONOCHROME2", "INVERSE", True),
    ],
)
def test_the_presentation_says_what_is_bright(tmp_path, pixels, photometric, shape, inverted):
    tags = {"PhotometricInterpretation": photometric} | ({"PresentationLUTShape": shape} if shape else {})
    assert read_raster(save(tmp_path / "a.dcm", pixels, **tags)).inverted is inverted


@pytest.mark.parametrize(
    "tags",
    [
        {"PixelPaddingValue": 4000},
        {"PixelPaddingValue": 4000, "PixelPaddingRangeLimit": 4095},
        {"PixelPaddingValue": 4000, "PhotometricInterpretation": "MONOCHROME1"},
        {"PixelPaddingValue": 0, "RescaleSlope": -1, "RescaleIntercept": 2048},
        {"PixelPaddingValue": 63536, "BitsStored": 12, "HighBit": 11},
        {"PixelPaddingValue": 0, "RescaleSlope": 0.5, "RescaleIntercept": 0},
    ],
)
def test_padding_is_darker_than_the_image_and_the_image_stays(tmp_path, pixels, tags):
    words = np.minimum(pixels, 3900)
    words[:5] = tags["PixelPaddingValue"]
    words[1, :9] = tags.get("PixelPaddingRangeLimit", tags["PixelPaddingValue"])
    raster = read_raster(save(tmp_path / "a.dcm", words, **tags))
    low, high = raster.padding
    assert ((raster.pixels[:5] >= low) & (raster.pixels[:5] <= high)).all()
    image = raster.pixels[5:]
    expected = words[5:].astype(float) * tags.get("RescaleSlope", 1) + tags.get("RescaleIntercept", 0)
    np.testing.assert_allclose(image, expected)
    assert low > image.max() if raster.inverted else high < image.min()
    assert raster.notes == ()


def test_no_padding_and_nothing_but_padding(tmp_path, pixels):
    assert read_raster(save(tmp_path / "a.dcm", pixels)).padding is None
    assert read_raster(save(tmp_path / "b.dcm", pixels, PixelPaddingValue=65535)).padding is None
    assert read_raster(save(tmp_path / "c.dcm", pixels * 0, PixelPaddingValue=0)).padding is None


def test_padding_of_signed_pixels_written_unsigned(tmp_path, pixels):
    signed = pixels.astype(np.int16) - 1000
    signed[:, :6] = -2000
    made = dataset(signed, RescaleIntercept=-24, RescaleSlope=1)
    made.add_new("PixelPaddingValue", "US", 2**16 - 2000)
    made.save_as(tmp_path / "a.dcm")
    raster = read_raster(tmp_path / "a.dcm")
    assert raster.padding and (raster.pixels[:, :6] == raster.padding[0]).all()
    np.testing.assert_array_equal(raster.pixels[:, 6:], signed[:, 6:].astype(int) - 24)


def test_padding_of_floats(tmp_path):
    real = _RNG.normal(0, 1, (20, 30)).astype(np.float32)
    real[:, :4] = -1000
    made = dataset(real.view(np.int32), PixelData=None, BitsAllocated=32)
    made.FloatPixelData, made.FloatPixelPaddingValue = real.tobytes(), -1000.0
    made.save_as(tmp_path / "a.dcm")
    raster = read_raster(tmp_path / "a.dcm")
    assert raster.padding and (raster.pixels[:, :4] == raster.padding[0]).all()
    np.testing.assert_array_equal(raster.pixels[:, 4:], real[:, 4:])
