from __future__ import annotations

import io
import logging
import pickle
import traceback
import warnings

import numpy as np
import pydicom
import pytest
from dicom_files import NUMBER, PATIENT, dataset, save
from PIL import Image
from pydicom.encaps import encapsulate
from pydicom.uid import (
    JPEG2000,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    RLELossless,
)

from napari_unet.core.errors import UserError
from napari_unet.core.raster import Modality
from napari_unet.io.formats import read_raster

_RNG = np.random.default_rng(0)


@pytest.fixture
def pixels():
    """12 bits, smooth with some noise."""
    y, x = np.mgrid[:48, :64]
    return (2000 + 1500 * np.sin(y / 9) * np.cos(x / 11) + _RNG.normal(0, 30, (48, 64))).astype(np.uint16)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16])
def test_pixels_come_back_as_they_are_stored(tmp_path, dtype):
    stored = (_RNG.random((31, 45)) * 250 - (100 if dtype is np.int16 else 0)).astype(dtype)
    raster = read_raster(save(tmp_path / "흉부 a.dcm", stored))
    np.testing.assert_array_equal(raster.pixels, stored)
    assert raster.pixels.dtype == dtype
    assert (raster.modality, raster.spacing_mm, raster.window, raster.inverted) == (
        Modality.DX,
        None,
        None,
        False,
    )


@pytest.mark.parametrize(
    "syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian]
)
def test_uncompressed_transfer_syntaxes(tmp_path, pixels, syntax):
    made = dataset(pixels)
    made.file_meta.TransferSyntaxUID = syntax
    if syntax == ExplicitVRBigEndian:
        made.PixelData = pixels.byteswap().tobytes()
    pydicom.dcmwrite(tmp_path / "a.dcm", made, enforce_file_format=True)
    raster = read_raster(tmp_path / "a.dcm")
    np.testing.assert_array_equal(raster.pixels, pixels)
    assert raster.pixels.dtype.isnative


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless, JPEGLSLossless])
def test_lossless_compression(tmp_path, pixels, syntax):
    made = dataset(pixels)
    made.compress(syntax)
    made.save_as(tmp_path / "a.dcm")
    np.testing.assert_array_equal(read_raster(tmp_path / "a.dcm").pixels, pixels)


def test_lossy_compression(tmp_path, pixels):
    made = dataset(pixels)
    made.compress(JPEG2000, j2k_psnr=[70])
    made.save_as(tmp_path / "a.dcm")
    assert np.abs(read_raster(tmp_path / "a.dcm").pixels.astype(int) - pixels).max() < 100
    eight = (pixels // 16).astype(np.uint8)
    picture = io.BytesIO()
    Image.fromarray(eight).save(picture, format="JPEG", quality=95)
    made = dataset(eight)
    made.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    made.PixelData = encapsulate([picture.getvalue()])
    made.save_as(tmp_path / "b.dcm")
    assert np.abs(read_raster(tmp_path / "b.dcm").pixels.astype(int) - eight).max() < 12


def test_a_video_is_no_image(tmp_path, pixels):
    made = dataset(pixels)
    made.file_meta.TransferSyntaxUID = pydicom.uid.MPEG4HP41
    made.PixelData = encapsulate([b"video"])
    made.save_as(tmp_path / "a.dcm")
    with pytest.raises(UserError, match="cannot be read"):
        read_raster(tmp_path / "a.dcm")


def test_monochrome1_is_said_and_pixels_stay(tmp_path, pixels):
    raster = read_raster(save(tmp_path / "a.dcm", pixels, PhotometricInterpretation="MONOCHROME1"))
    np.testing.assert_array_equal(raster.pixels, pixels)
    assert raster.inverted is True


@pytest.mark.parametrize(
    ("slope", "intercept", "dtype"),
    [(1, -1024, np.int32), (2, 0, np.int32), (-1, 4095, np.int32), (0.5, 3, np.float32)],
)
def test_rescale(tmp_path, pixels, slope, intercept, dtype):
    raster = read_raster(save(tmp_path / "a.dcm", pixels, RescaleSlope=slope, RescaleIntercept=intercept))
    assert raster.pixels.dtype == dtype
    np.testing.assert_array_equal(raster.pixels, pixels.astype(float) * slope + intercept)


def test_modality_table(tmp_path):
    stored = _RNG.integers(0, 4, (10, 12)).astype(np.uint8)
    table = pydicom.Dataset()
    table.LUTDescriptor, table.LUTData, table.ModalityLUTType = [4, 0, 16], [100, 50, 20, 0], "US"
    table["LUTDescriptor"].VR = table["LUTData"].VR = "US"
    raster = read_raster(save(tmp_path / "a.dcm", stored, ModalityLUTSequence=[table]))
    np.testing.assert_array_equal(raster.pixels, np.array([100, 50, 20, 0])[stored])


@pytest.mark.parametrize(
    ("tags", "window"),
    [
        ({"WindowCenter": 2048, "WindowWidth": 4096}, (0.0, 4095.0)),
        ({"WindowCenter": [50, 900], "WindowWidth": [401, 2000]}, (-150.5, 249.5)),
        ({"WindowCenter": 100, "WindowWidth": 50, "VOILUTFunction": "LINEAR_EXACT"}, (75.0, 125.0)),
        ({"WindowCenter": 100, "WindowWidth": 0}, None),
        ({"WindowCenter": 100}, None),
    ],
)
def test_the_window_is_for_display_only(tmp_path, pixels, tags, window):
    raster = read_raster(save(tmp_path / "a.dcm", pixels, **tags))
    np.testing.assert_array_equal(raster.pixels, pixels)
    assert raster.window == window


def test_a_voi_table_gives_the_window_in_which_it_rises(tmp_path, pixels):
    table = pydicom.Dataset()
    rise = np.clip(np.arange(-500, 3596), 0, 1000)
    table.LUTDescriptor, table.LUTData = [4096, 10, 16], rise.tolist()
    table["LUTDescriptor"].VR = table["LUTData"].VR = "US"
    raster = read_raster(save(tmp_path / "a.dcm", pixels, VOILUTSequence=[table]))
    assert raster.window == pytest.approx((10 + 500 + 20, 10 + 500 + 980), abs=2)


@pytest.mark.parametrize(
    ("tags", "spacing", "source"),
    [
        ({"PixelSpacing": [0.2, 0.3], "ImagerPixelSpacing": [0.4, 0.5]}, (0.2, 0.3), "PixelSpacing"),
        ({"ImagerPixelSpacing": [0.4, 0.5]}, (0.4, 0.5), "ImagerPixelSpacing"),
        ({"NominalScannedPixelSpacing": [0.1, 0.1]}, (0.1, 0.1), "NominalScannedPixelSpacing"),
        ({"PixelSpacing": [0, 0], "ImagerPixelSpacing": [0.4, 0.5]}, (0.4, 0.5), "ImagerPixelSpacing"),
        ({}, None, ""),
    ],
)
def test_spacing_and_where_it_comes_from(tmp_path, pixels, tags, spacing, source):
    raster = read_raster(save(tmp_path / "a.dcm", pixels, **tags))
    assert (raster.spacing_mm, raster.spacing_source) == (spacing, source)


def test_a_spacing_that_is_no_number_is_none(tmp_path, pixels):
    save(tmp_path / "a.dcm", pixels, PixelSpacing=["0.25", "0.25"])
    content = (tmp_path / "a.dcm").read_bytes()
    (tmp_path / "a.dcm").write_bytes(content.replace(b"0.25\\0.25", b"0,25\\0,25"))
    assert read_raster(tmp_path / "a.dcm").spacing_mm is None


@pytest.mark.parametrize(
    ("tags", "towards"),
    [
        ({"PatientOrientation": ["L", "F"]}, "L"),
        ({"PatientOrientation": ["R", "F"]}, "R"),
        ({"PatientOrientation": ["LA", "F"]}, "L"),
        ({"PatientOrientation": ["A", "F"]}, None),
        ({"ImageOrientationPatient": [1, 0, 0, 0, 1, 0], "Modality": "CT"}, "L"),
        ({"ImageOrientationPatient": [-1, 0, 0, 0, 0, -1]}, "R"),
        ({"ImageOrientationPatient": [0, 1, 0, 0, 0, -1]}, None),
        ({}, None),
    ],
)
def test_the_side_that_columns_run_to(tmp_path, pixels, tags, towards):
    assert read_raster(save(tmp_path / "a.dcm", pixels, **tags)).row_direction == towards


@pytest.mark.parametrize(
    ("cosines", "towards"),
    [
        ([1, 0, 0, 0, 1, 0], "P"),
        ([-1, 0, 0, 0, -1, 0], "A"),
        ([1, 0, 0, 0, 0, -1], None),
        ([0, 1, 0, 0, 0, -1], None),
        (None, None),
    ],
)
def test_whether_rows_run_to_the_back_or_the_front(tmp_path, pixels, cosines, towards):
    tags = {} if cosines is None else {"ImageOrientationPatient": cosines}
    raster = read_raster(save(tmp_path / "a.dcm", pixels, Modality="CT", **tags))
    assert raster.column_direction == towards


def _code(meaning):
    code = pydicom.Dataset()
    code.CodeMeaning = meaning
    return code


@pytest.mark.parametrize(
    ("tags", "view"),
    [
        ({"ViewPosition": "PA"}, "PA"),
        ({"ViewPosition": "ap "}, "AP"),
        ({"ViewPosition": "AP SUPINE"}, "AP"),
        ({"ViewPosition": "LATERAL"}, "LL"),
        ({"ViewPosition": "LATERAL", "Laterality": "R"}, "RL"),
        ({"ViewCodeSequence": [_code("postero-anterior")]}, "PA"),
        ({"ViewCodeSequence": [_code("antero-posterior")]}, "AP"),
        ({"ViewCodeSequence": [_code("left lateral")]}, "LL"),
        ({"ViewCodeSequence": []}, ""),
        ({}, ""),
    ],
)
@pytest.mark.filterwarnings("ignore:Invalid value for VR CS")  # as machines write them
def test_views(tmp_path, pixels, tags, view):
    assert read_raster(save(tmp_path / "a.dcm", pixels, **tags)).view == view


@pytest.mark.parametrize(
    ("name", "modality"), [("CR", "CR"), ("RG", "CR"), ("CT", "CT"), ("OT", ""), ("US", "")]
)
def test_modalities_and_body_part(tmp_path, pixels, name, modality):
    raster = read_raster(save(tmp_path / "a.dcm", pixels, Modality=name, BodyPartExamined="CHEST"))
    assert (raster.modality, raster.body_part) == (Modality(modality), "CHEST")


def test_colour_and_grey_secondary_captures(tmp_path):
    grey = _RNG.integers(0, 255, (20, 30), dtype=np.uint8)
    for name, photometric in (("rgb", "RGB"), ("ybr", "YBR_FULL")):
        stored = np.dstack([grey] * 3)
        if photometric == "YBR_FULL":
            stored[..., 1:] = 128
        save(tmp_path / f"{name}.dcm", stored, PhotometricInterpretation=photometric, Modality="OT")
        raster = read_raster(tmp_path / f"{name}.dcm")
        np.testing.assert_array_equal(raster.pixels, grey)
        assert raster.inverted is None
    save(
        tmp_path / "c.dcm",
        np.dstack([grey, grey.T.reshape(20, 30), 255 - grey]),
        PhotometricInterpretation="RGB",
    )
    with pytest.raises(UserError, match="colour picture"):
        read_raster(tmp_path / "c.dcm")


def test_a_grey_palette(tmp_path):
    stored = _RNG.integers(0, 4, (20, 30)).astype(np.uint8)
    made = dataset(stored, PhotometricInterpretation="PALETTE COLOR")
    for colour in ("Red", "Green", "Blue"):
        setattr(made, f"{colour}PaletteColorLookupTableDescriptor", [4, 0, 16])
        setattr(made, f"{colour}PaletteColorLookupTableData", np.array([0, 9, 99, 65535], "<u2").tobytes())
    made.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    np.testing.assert_array_equal(read_raster(tmp_path / "a.dcm").pixels, np.array([0, 9, 99, 65535])[stored])


@pytest.mark.parametrize("dtype", [np.uint16, np.int16])
def test_overlays_in_unused_bits_are_not_pixels(tmp_path, dtype):
    stored = _RNG.integers(0, 2000, (20, 30)).astype(dtype)
    with_overlay = stored | (_RNG.integers(0, 2, stored.shape) << 13).astype(dtype)
    raster = read_raster(save(tmp_path / "a.dcm", with_overlay, BitsStored=12, HighBit=11))
    np.testing.assert_array_equal(raster.pixels, stored)


def test_without_preamble_or_meta_information(tmp_path, pixels):
    made = dataset(pixels)
    whole = io.BytesIO()
    made.save_as(whole, implicit_vr=False, little_endian=True)
    (tmp_path / "no preamble.dcm").write_bytes(whole.getvalue()[132:])
    del made.file_meta.TransferSyntaxUID
    for name, implicit in (("explicit", False), ("implicit", True)):
        bare = io.BytesIO()
        pydicom.filewriter.write_dataset(
            _open(bare, implicit), pydicom.Dataset({e.tag: e for e in made}), "iso8859"
        )
        (tmp_path / f"{name}.dcm").write_bytes(bare.getvalue())
    for name in ("no preamble", "explicit", "implicit"):
        np.testing.assert_array_equal(read_raster(tmp_path / f"{name}.dcm").pixels, pixels)


def _open(buffer, implicit):
    file = pydicom.filebase.DicomBytesIO() if buffer is None else pydicom.filebase.DicomFileLike(buffer)
    file.is_little_endian, file.is_implicit_VR = True, implicit
    return file


def test_no_image_inside(tmp_path, pixels):
    report = dataset(pixels, PixelData=None, SOPClassUID=pydicom.uid.BasicTextSRStorage, Modality="SR")
    report.save_as(tmp_path / "report.dcm")
    with pytest.raises(UserError, match=r"report\.dcm contains no image \(Basic Text SR Storage\)"):
        read_raster(tmp_path / "report.dcm")


def test_several_frames(tmp_path, pixels):
    stack = np.stack([pixels] * 3)
    save(tmp_path / "multi.dcm", pixels, NumberOfFrames=3, PixelData=stack.tobytes())
    with pytest.raises(UserError, match=r"multi\.dcm contains 3 images") as caught:
        read_raster(tmp_path / "multi.dcm")
    assert "where each frame lies" in caught.value.remedy


@pytest.mark.parametrize("share", [0.02, 0.05, 0.2, 0.5, 0.99])
@pytest.mark.parametrize("syntax", [None, RLELossless, JPEG2000Lossless])
def test_truncated_files_are_named(tmp_path, pixels, share, syntax):
    made = dataset(pixels)
    if syntax:
        made.compress(syntax)
    made.save_as(tmp_path / "a.dcm")
    whole = (tmp_path / "a.dcm").read_bytes()
    (tmp_path / "cut.dcm").write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(UserError, match=r"cut\.dcm"):
        read_raster(tmp_path / "cut.dcm")


def test_empty_and_foreign_files_are_named(tmp_path):
    (tmp_path / "zero.dcm").write_bytes(b"")
    with pytest.raises(UserError, match=r"zero\.dcm is empty \(0 bytes\)"):
        read_raster(tmp_path / "zero.dcm")
    for content in (b"just a text", b"\0" * 5000, bytes(range(256)) * 40, b"\0" * 128 + b"DICM"):
        (tmp_path / "odd.dcm").write_bytes(content)
        with pytest.raises(UserError, match=r"odd\.dcm"):
            read_raster(tmp_path / "odd.dcm")


def test_the_patient_is_never_named(tmp_path, pixels, caplog):
    caplog.set_level(logging.DEBUG)
    broken = {
        "fine": {"PatientOrientation": ["L", "F"]},
        "report": {"PixelData": None},
        "frames": {"NumberOfFrames": 2},
        "short": {"PixelData": b"\0\0"},
        "name": {"PatientName": PATIENT + "\\" + PATIENT, "PatientBirthDate": NUMBER},
    }
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for name, tags in broken.items():
            path = save(tmp_path / f"{name}.dcm", pixels, **tags)
            caplog.clear()
            caught.clear()
            try:
                said = pickle.dumps(read_raster(path))
            except UserError as error:
                said = "".join(traceback.format_exception(error)).encode()
            assert PATIENT.encode() not in said and NUMBER.encode() not in said, name
            assert not caplog.records and not caught


def test_a_file_that_begins_as_a_tiff_is_still_dicom(tmp_path, pixels):
    made = dataset(pixels)
    made.preamble = b"II*\0" + b"\0" * 124
    made.save_as(tmp_path / "a.dcm")
    np.testing.assert_array_equal(read_raster(tmp_path / "a.dcm").pixels, pixels)
