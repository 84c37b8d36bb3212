"""Every common transfer syntax, against known arrays and against other decoders."""

from __future__ import annotations

import imagecodecs
import numpy as np
import pydicom
import pytest
from dicom_files import dataset
from pydicom import uid
from pydicom.data import get_testdata_file
from pydicom.encaps import encapsulate
from pydicom.pixels.utils import pixel_array

from napari_unet.core.errors import UserError
from napari_unet.io.formats import read_raster

_RNG = np.random.default_rng(0)
_SPLIT = [uid.JPEGBaseline8Bit, uid.JPEGExtended12Bit, uid.JPEGLossless, uid.JPEGLosslessSV1]
_COMPRESSED = [
    *_SPLIT,
    uid.JPEGLSLossless,
    uid.JPEGLSNearLossless,
    uid.JPEG2000Lossless,
    uid.JPEG2000,
    uid.HTJ2KLossless,
    uid.HTJ2K,
    uid.RLELossless,
]


@pytest.fixture
def pixels():
    """12 bits, smooth with some noise."""
    y, x = np.mgrid[:48, :64]
    return (2000 + 1500 * np.sin(y / 9) * np.cos(x / 11) + _RNG.normal(0, 30, (48, 64))).astype(np.uint16)


def _save(path, pixels, frame, syntax, **tags):
    made = dataset(pixels, **tags)
    made.file_meta.TransferSyntaxUID = syntax
    made.PixelData = encapsulate([frame])
    made["PixelData"].VR = "OB"
    made.save_as(path)
    return path


def _stored(**tags):
    return {"BitsStored": 12, "HighBit": 11} | tags


def _lossless_jpeg(predictor):
    return lambda pixels: imagecodecs.jpeg8_encode(
        pixels, lossless=True, predictor=predictor, bitspersample=12
    )


@pytest.mark.parametrize(
    ("syntax", "encode"),
    [
        (uid.JPEGLosslessSV1, _lossless_jpeg(1)),
        (uid.JPEGLosslessSV1, lambda pixels: imagecodecs.ljpeg_encode(pixels, bitspersample=12)),
        *((uid.JPEGLossless, _lossless_jpeg(predictor)) for predictor in (1, 4, 6, 7)),
        (uid.JPEGLSLossless, imagecodecs.jpegls_encode),
        (uid.JPEG2000Lossless, lambda pixels: imagecodecs.jpeg2k_encode(pixels, codecformat="j2k")),
        (uid.HTJ2KLossless, imagecodecs.htj2k_encode),
        (uid.HTJ2KLosslessRPCL, imagecodecs.htj2k_encode),
        (uid.HTJ2K, imagecodecs.htj2k_encode),
        (uid.RLELossless, None),
    ],
)
def test_lossless_frames_come_back_as_they_were(tmp_path, pixels, syntax, encode):
    if encode is None:
        made = dataset(pixels, **_stored())
        made.compress(syntax)
        made.save_as(tmp_path / "a.dcm")
    else:
        _save(tmp_path / "a.dcm", pixels, encode(pixels), syntax, **_stored())
    np.testing.assert_array_equal(read_raster(tmp_path / "a.dcm").pixels, pixels)


@pytest.mark.parametrize("syntax", [uid.JPEGLosslessSV1, uid.JPEGLSLossless])
def test_negative_values_keep_their_sign(tmp_path, pixels, syntax):
    signed = pixels.astype(np.int16) - 2000
    unsigned = signed.view(np.uint16) & np.uint16(0x0FFF)  # 12 bits: the encoders know no sign
    encode = imagecodecs.jpegls_encode if syntax == uid.JPEGLSLossless else _lossless_jpeg(1)
    frame = encode(unsigned)
    path = _save(tmp_path / "a.dcm", signed, frame, syntax, **_stored(RescaleIntercept=-24, RescaleSlope=1))
    np.testing.assert_array_equal(read_raster(path).pixels, signed.astype(np.int32) - 24)


@pytest.mark.parametrize(("level", "off"), [(70, 80), (95, 16), (100, 2)])
def test_jpeg_extended_with_12_bits(tmp_path, pixels, level, off):
    frame = imagecodecs.jpeg8_encode(pixels, level=level, bitspersample=12)
    path = _save(tmp_path / "a.dcm", pixels, frame, uid.JPEGExtended12Bit, **_stored())
    read = read_raster(path).pixels
    assert np.abs(read.astype(int) - pixels).max() <= off
    assert _differs(path, read, "gdcm") <= 1  # decoders may round the transform otherwise


@pytest.mark.parametrize("near", [1, 3, 10])
def test_near_lossless_jpeg_ls(tmp_path, pixels, near):
    frame = imagecodecs.jpegls_encode(pixels, level=near)
    path = _save(tmp_path / "a.dcm", pixels, frame, uid.JPEGLSNearLossless, **_stored())
    read = read_raster(path).pixels
    assert 0 < np.abs(read.astype(int) - pixels).max() <= near
    assert _differs(path, read, "gdcm") == 0


def _differs(path, read, other):
    """The largest difference from another decoder: one of pydicom's, or GDCM itself."""
    if other == "gdcm":
        theirs = _gdcm(path, read.shape)
    else:
        theirs = pixel_array(pydicom.dcmread(path), decoding_plugin=other)
    return int(np.abs(theirs.astype(int) - read).max())


def _gdcm(path, shape):
    """By GDCM without pydicom, which does not let it decode 12-bit JPEG."""
    gdcm = pytest.importorskip("gdcm")
    reader = gdcm.ImageReader()
    reader.SetFileName(str(path))
    assert reader.Read()
    image = reader.GetImage()
    signed = image.GetPixelFormat().GetPixelRepresentation()
    whole = image.GetBuffer().encode("utf-8", "surrogateescape")
    kind = f"{'i' if signed else 'u'}{len(whole) // (shape[0] * shape[1])}"
    return np.frombuffer(whole, kind).reshape(shape)


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("JPGExtended.dcm", "gdcm"),
        ("JPEG-lossy.dcm", "gdcm"),
        ("JPEGLSNearLossless_16.dcm", "gdcm"),
        ("MR_small_jpeg_ls_lossless.dcm", "gdcm"),
        ("693_J2KI.dcm", "pillow"),
        ("J2K_pixelrep_mismatch.dcm", "pillow"),
        ("MR_small_jp2klossless.dcm", "pillow"),
        ("MR_small_RLE.dcm", "pydicom"),
        ("rtdose_rle_1frame.dcm", "pydicom"),
    ],
)
@pytest.mark.filterwarnings("ignore:The .* 'Pixel Data' value")
def test_files_of_other_makers_agree_with_another_decoder(tmp_path, name, other):
    made = pydicom.dcmread(get_testdata_file(name))
    made.RescaleSlope, made.RescaleIntercept = 1, 0
    made.Modality = "OT"  # the values of a CT's padding are set apart
    if "PixelPaddingValue" in made:
        del made.PixelPaddingValue
    made.save_as(tmp_path / name)
    assert _differs(tmp_path / name, read_raster(tmp_path / name).pixels, other) <= 1


@pytest.mark.parametrize(
    "name",
    [
        "SC_rgb_dcmtk_+eb+cr.dcm",
        "SC_rgb_dcmtk_+eb+cy+np.dcm",
        "SC_rgb_dcmtk_+eb+cy+s4.dcm",
        "SC_rgb_jpeg_app14_dcmd.dcm",
        "SC_jpeg_no_color_transform.dcm",
        "SC_rgb_small_odd_jpeg.dcm",
        "SC_rgb_rle_16bit.dcm",
        "SC_rgb_jls_lossy_line.dcm",
        "SC_rgb_jls_lossy_sample.dcm",
        "SC_rgb_gdcm_KY.dcm",
        "examples_jpeg2k.dcm",
    ],
)
def test_colours_and_planes_agree_with_another_decoder(name):
    from napari_unet.io import dicom_decoder

    dicom_decoder.register()
    made = pydicom.dcmread(get_testdata_file(name))
    ours = pixel_array(made, decoding_plugin=dicom_decoder.PLUGIN)
    syntax = made.file_meta.TransferSyntaxUID
    other = "pydicom" if syntax == uid.RLELossless else "gdcm" if "jls" in name else "pillow"
    if other == "gdcm":
        pytest.importorskip("gdcm")
    theirs = pixel_array(made, decoding_plugin=other)
    assert np.abs(ours.astype(int) - theirs).max() <= 1


@pytest.mark.parametrize("syntax", _COMPRESSED)
def test_nothing_is_left_to_install(tmp_path, pixels, syntax):
    path = _save(tmp_path / "a.dcm", pixels, b"\xff\xd8 unread", syntax, **_stored())
    with pytest.raises(UserError, match=r"a\.dcm is damaged") as caught:
        read_raster(path)
    assert "install" not in str(caught.value)


def test_fewer_bits_inside_than_the_header_says_are_told(tmp_path, pixels):
    eight = (pixels // 16).astype(np.uint8)
    frame = imagecodecs.jpeg8_encode(eight, lossless=True)
    raster = read_raster(_save(tmp_path / "a.dcm", pixels, frame, uid.JPEGLosslessSV1, **_stored()))
    np.testing.assert_array_equal(raster.pixels, eight)
    assert "12 bits" in raster.notes[0] and "has 8" in raster.notes[0]


def test_more_bits_inside_than_the_header_has_room_for(tmp_path, pixels):
    eight = (pixels // 16).astype(np.uint8)
    frame = imagecodecs.jpeg2k_encode(pixels, codecformat="j2k", bitspersample=12)
    raster = read_raster(_save(tmp_path / "a.dcm", eight, frame, uid.JPEG2000Lossless))
    np.testing.assert_array_equal(raster.pixels, pixels)
    assert "8 bits" in raster.notes[0]


@pytest.mark.parametrize("share", [0.2, 0.6, 0.98])
@pytest.mark.parametrize(
    ("syntax", "encode"),
    [
        (uid.JPEGBaseline8Bit, lambda pixels: imagecodecs.jpeg8_encode((pixels >> 4).astype(np.uint8))),
        (uid.JPEGExtended12Bit, lambda pixels: imagecodecs.jpeg8_encode(pixels, bitspersample=12)),
        (uid.JPEGLosslessSV1, _lossless_jpeg(1)),
        (uid.JPEGLossless, lambda pixels: imagecodecs.ljpeg_encode(pixels, bitspersample=12)),
        (uid.JPEGLSLossless, imagecodecs.jpegls_encode),
        (uid.JPEG2000Lossless, lambda pixels: imagecodecs.jpeg2k_encode(pixels, codecformat="j2k")),
        (uid.HTJ2KLossless, imagecodecs.htj2k_encode),
    ],
)
def test_a_frame_that_is_cut_is_refused_and_not_filled_with_grey(tmp_path, pixels, syntax, encode, share):
    frame = encode(pixels)
    path = _save(tmp_path / "cut.dcm", pixels, frame[: int(len(frame) * share)], syntax, **_stored())
    with pytest.raises(UserError, match=r"cut\.dcm is damaged"):
        read_raster(path)
