from __future__ import annotations

import warnings
from pathlib import Path

import nibabel
import numpy as np
import pydicom
import pytest
from dicom_files import save, save_multi_frame, save_series
from npe2 import PluginManifest
from pydicom.uid import MultiFrameGrayscaleByteSecondaryCaptureImageStorage, generate_uid

import napari_unet
from napari_unet.core.errors import UserError
from napari_unet.core.raster import Raster
from napari_unet.io.formats import read_mask, read_raster, write_mask
from napari_unet.npe2_io import HEADER, get_reader, read_layers, sample_1, write_labels
from napari_unet.samples import CT, CT_2, SAMPLES

layers = pytest.importorskip("napari.layers")

_PIXELS = np.random.default_rng(0).integers(0, 4000, (20, 30), dtype=np.uint16)
_AFFINE = np.array([[0, 0.5, 0, 10], [-0.4, 0, 0, 20], [0, 0, 2.0, -300], [0, 0, 0, 1]])


@pytest.fixture
def nifti(tmp_path):
    volume = np.random.default_rng(1).integers(-9, 9, (5, 6, 7), dtype=np.int16)
    image = nibabel.Nifti1Image(volume, _AFFINE)
    image.header.set_xyzt_units("mm")
    image.to_filename(tmp_path / "ct volume.nii.gz")
    return tmp_path / "ct volume.nii.gz"


def _layer(path):
    ((pixels, options, kind),) = get_reader(str(path))(str(path))
    assert kind == "image"
    return layers.Image(pixels, **options)


def test_a_dicom_becomes_a_layer_with_everything_the_header_says(tmp_path):
    tags = {
        "PhotometricInterpretation": "MONOCHROME1",
        "PixelSpacing": [0.2, 0.3],
        "WindowCenter": 2048,
        "WindowWidth": 1000,
        "PatientOrientation": ["R", "F"],
        "ViewPosition": "PA",
    }
    layer = _layer(save(tmp_path / "흉부 1.dcm", _PIXELS, **tags))
    np.testing.assert_array_equal(layer.data, _PIXELS)
    assert layer.name == "흉부 1"
    np.testing.assert_array_equal(layer.scale, [0.2, 0.3])
    assert [str(unit) for unit in layer.units] == ["millimeter", "millimeter"]
    np.testing.assert_allclose(layer.contrast_limits, (1548, 2547))
    assert layer.colormap.name == "gray_r"
    header = layer.metadata[HEADER]
    assert (header["row_direction"], header["view"], header["inverted"]) == ("R", "PA", True)
    assert Raster(layer.data, **header).spacing_source == "PixelSpacing"


def test_without_a_spacing_the_layer_stays_in_pixels(tmp_path):
    layer = _layer(save(tmp_path / "a.dcm", _PIXELS))
    np.testing.assert_array_equal(layer.scale, [1, 1])
    assert [str(unit) for unit in layer.units] == ["pixel", "pixel"]
    assert layer.colormap.name == "gray"


def test_a_volume_lies_where_the_patient_lay_with_its_spacing_once(nifti):
    layer = _layer(nifti)
    raster = read_raster(nifti)
    np.testing.assert_allclose(layer.scale, raster.spacing_mm)
    np.testing.assert_array_equal(layer.affine.affine_matrix, np.eye(4))
    for corner in ([0, 0, 0], [6, 4, 5]):
        np.testing.assert_allclose(layer.data_to_world(corner), (raster.affine @ [*corner, 1])[:3])
    assert layer.name == "ct volume"


def test_a_mask_becomes_a_labels_layer_and_goes_back(tmp_path, nifti):
    raster = read_raster(nifti)
    path = write_mask(tmp_path / "ct_mask.nii.gz", raster.pixels > 0, raster)
    ((pixels, options, kind),) = read_layers(str(path))
    assert kind == "labels"
    layer = layers.Labels(pixels, **options)
    np.testing.assert_allclose(layer.scale, raster.spacing_mm)
    data, meta, _ = layer.as_layer_data_tuple()
    write_labels(str(tmp_path / "again_mask.nii.gz"), data, meta)
    first, again = nibabel.load(path), nibabel.load(tmp_path / "again_mask.nii.gz")
    np.testing.assert_array_equal(again.get_fdata(), first.get_fdata())
    np.testing.assert_array_equal(again.affine, first.affine)


def test_any_file_can_be_opened_as_labels(nifti):
    """napari then takes over what a labels layer knows by the same name."""
    ((_, options, _),) = read_layers(str(nifti))
    assert "colormap" not in options


def test_several_files_become_a_layer_each(tmp_path, nifti):
    dicom = save(tmp_path / "a.dcm", _PIXELS)
    read = get_reader([str(dicom), str(nifti)])
    assert [options["name"] for _, options, _ in read([str(dicom), str(nifti)])] == ["a", "ct volume"]


def test_what_is_no_image_is_left_to_others(tmp_path):
    (tmp_path / "a.txt").write_text("text")
    assert get_reader(str(tmp_path / "a.txt")) is None
    assert get_reader([str(tmp_path / "a.txt"), str(save(tmp_path / "a.dcm", _PIXELS))]) is None


def test_a_bad_file_is_a_user_error(tmp_path):
    (tmp_path / "a.dcm").write_bytes(b"")
    with pytest.raises(UserError, match="empty"):
        read_layers(str(tmp_path / "a.dcm"))


def test_labels_of_a_nifti_go_back_into_its_order(tmp_path, nifti):
    image = _layer(nifti)
    labels = layers.Labels((image.data > 0).astype(int), metadata=dict(image.metadata), scale=image.scale)
    data, meta, _ = labels.as_layer_data_tuple()
    assert write_labels(str(tmp_path / "m.nii.gz"), data, meta) == [str(tmp_path / "m.nii.gz")]
    source, saved = nibabel.load(nifti), nibabel.load(tmp_path / "m.nii.gz")
    np.testing.assert_array_equal(np.asanyarray(saved.dataobj), np.asanyarray(source.dataobj) > 0)
    np.testing.assert_array_equal(saved.affine, source.affine)


def test_labels_without_a_header_lie_where_their_layer_lies(tmp_path, nifti):
    image = _layer(nifti)
    labels = layers.Labels(
        (image.data > 0).astype(int), scale=image.scale, translate=image.translate, units="mm"
    )
    data, meta, _ = labels.as_layer_data_tuple()
    write_labels(str(tmp_path / "m.nii.gz"), data, meta)
    back, raster = read_raster(tmp_path / "m.nii.gz"), read_raster(nifti)
    np.testing.assert_array_equal(back.pixels, image.data > 0)
    np.testing.assert_allclose(back.affine, raster.affine, rtol=1e-6)


def test_a_header_of_another_shape_is_not_used(tmp_path, nifti):
    image = _layer(nifti)
    flat = layers.Labels(np.ones((20, 30), int), metadata=dict(image.metadata))
    data, meta, _ = flat.as_layer_data_tuple()
    write_labels(str(tmp_path / "m.nii.gz"), data, meta)
    np.testing.assert_array_equal(read_mask(tmp_path / "m.nii.gz"), data)
    other = layers.Labels(np.ones((3, 4, 5), int), metadata=dict(image.metadata))
    data, meta, _ = other.as_layer_data_tuple()
    write_labels(str(tmp_path / "n.nii.gz"), data, meta)
    assert read_mask(tmp_path / "n.nii.gz").shape == (3, 4, 5)


def test_a_sample_is_a_radiograph():
    ((pixels, options, kind),) = sample_1()
    assert (pixels.shape, pixels.dtype, kind) == ((512, 512), np.uint8, "image")
    assert options["name"] == SAMPLES[0].key
    assert options["metadata"][HEADER]["view"] == "PA"


def test_the_manifest_names_functions_that_exist():
    from importlib import import_module

    manifest = PluginManifest.from_file(Path(napari_unet.__file__).with_name("napari.yaml"))

    named = [c.python_name for c in manifest.contributions.commands if "npe2_io" in c.python_name]
    for name in named:
        module, function = name.split(":")
        assert callable(getattr(import_module(module), function))
    keys = [sample.key for sample in manifest.contributions.sample_data]
    assert keys == [sample.key for sample in (*SAMPLES, CT, CT_2)]


def test_a_mask_with_a_scaling_factor_is_a_labels_layer(tmp_path):
    cases = Path(__file__).parents[1] / "data" / "cases"
    ((pixels, _, kind),) = read_layers(str(cases / "ct_mask_scaled.nii.gz"))
    assert kind == "image"  # not a mask by its name
    mask = tmp_path / "ct_mask.nii.gz"
    mask.write_bytes((cases / "ct_mask_scaled.nii.gz").read_bytes())
    ((labels, _, kind),) = read_layers(str(mask))
    assert kind == "labels" and labels.dtype.kind in "iu"
    np.testing.assert_array_equal(labels, np.rint(pixels))


def test_a_mask_over_a_series_is_saved_where_the_series_lies(tmp_path):
    volume = np.random.default_rng(2).integers(-1000, 300, (4, 6, 7)).astype(np.int16)
    files = save_series(tmp_path / "thorax", volume, orientation=(0.96, 0.28, 0, -0.28, 0.96, 0))
    image = _layer(tmp_path / "thorax")
    assert image.name == "thorax" and np.array_equal(image.data, volume)
    mask = np.zeros(volume.shape, np.uint8)
    mask[3, 1, 5] = 1
    labels = layers.Labels(mask, scale=image.scale, translate=image.translate, metadata=image.metadata)
    data, meta, _ = labels.as_layer_data_tuple()
    write_labels(str(tmp_path / "m.nii.gz"), data, meta)
    saved = nibabel.load(tmp_path / "m.nii.gz")
    (voxel,) = np.argwhere(np.asarray(saved.dataobj) == 1)
    first = pydicom.dcmread(files[3], stop_before_pixels=True)
    x, y = np.array(first.ImageOrientationPatient, float).reshape(2, 3)
    place = np.array(first.ImagePositionPatient, float) + x * 0.5 * 5 + y * 0.75 * 1
    assert np.allclose(nibabel.affines.apply_affine(saved.affine, voxel) * (-1, -1, 1), place, atol=1e-3)


def test_what_was_done_to_a_series_and_what_lies_beside_it_is_told(tmp_path):
    study = generate_uid()
    files = save_series(tmp_path / "ct", np.zeros((5, 6, 7), np.int16), StudyInstanceUID=study)
    files[2].unlink()
    tags = {"StudyInstanceUID": study, "ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]}
    (scout,) = save_series(tmp_path / "scout", np.zeros((1, 6, 7), np.int16), **tags)
    scout.rename(tmp_path / "ct" / "scout")
    with pytest.warns(UserWarning) as said:
        ((pixels, _, _),) = read_layers(str(tmp_path / "ct"))
    assert pixels.shape == (5, 6, 7)
    words = [str(one.message) for one in said]
    assert any("1 is the localizer of a series (scout)" in text for text in words)
    assert any(text.startswith("ct: 1 slice of the series is missing") for text in words)


def test_a_damaged_file_does_not_keep_the_others_from_opening(tmp_path):
    save_series(tmp_path / "ct", np.zeros((5, 6, 7), np.int16))
    (tmp_path / "ct" / "empty.dcm").write_bytes(b"")
    cut = save(tmp_path / "ct" / "cut.dcm", _PIXELS)
    cut.write_bytes(cut.read_bytes()[:-40])
    with pytest.warns(UserWarning) as said:
        ((pixels, options, _),) = read_layers(str(tmp_path / "ct"))
    assert (pixels.shape, options["name"]) == ((5, 6, 7), "ct")
    words = [str(one.message) for one in said]
    assert any(text.startswith("empty.dcm is empty (0 bytes).") for text in words)
    assert any(text.startswith("cut.dcm is damaged or incomplete") for text in words)
    only = [str(cut), str(tmp_path / "ct" / "empty.dcm")]
    with pytest.warns(UserWarning, match="empty"), pytest.raises(UserError, match="is damaged or incomplete"):
        read_layers(only)


def test_a_multi_frame_capture_beside_a_series_is_named_and_not_read(tmp_path):
    study = generate_uid()
    files = save_series(tmp_path / "ct", np.zeros((5, 6, 7), np.int16), StudyInstanceUID=study)
    film = {"SOPClassUID": MultiFrameGrayscaleByteSecondaryCaptureImageStorage, "NumberOfFrames": 3}
    slab = np.zeros((18, 7), np.uint8)
    save(files[0].parent / "film", slab, StudyInstanceUID=study, Rows=6, Modality="CT", **film)
    with pytest.warns(UserWarning, match=r"1 is a secondary capture beside a series \(film\)"):
        ((pixels, _, _),) = read_layers(str(tmp_path / "ct"))
    assert pixels.shape == (5, 6, 7)


def test_what_is_said_of_a_volume_in_one_file_is_a_warning(tmp_path):
    slices = save_series(tmp_path / "ct", np.full((5, 8, 8), 40, np.int16))
    gap = save_multi_frame(tmp_path / "gap.dcm", [*slices[:2], *slices[3:]])
    with pytest.warns(UserWarning, match="gap: 1 slice of the series is missing and left empty"):
        ((pixels, _, kind),) = read_layers(str(gap))
    assert (pixels.shape, kind) == ((5, 8, 8), "image")
    whole = save_multi_frame(tmp_path / "whole.dcm", slices)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read_layers(str(whole))
