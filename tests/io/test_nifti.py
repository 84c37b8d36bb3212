from __future__ import annotations

import gzip
import itertools
import pickle

import nibabel
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_unet.core.errors import UserError
from napari_unet.core.raster import Raster
from napari_unet.io.formats import (
    list_images,
    mask_suffix,
    read_mask,
    read_raster,
    write_mask,
    write_probability,
)

_GEOMETRY = (
    *("qform_code", "sform_code", "pixdim", "xyzt_units", "srow_x", "srow_y", "srow_z"),
    *("quatern_b", "quatern_c", "quatern_d", "qoffset_x", "qoffset_y", "qoffset_z"),
)
_RNG = np.random.default_rng(0)
_ORIENTATIONS = [
    (order, signs)
    for order in itertools.permutations(range(3))
    for signs in itertools.product((1, -1), repeat=3)
]


def _affine(order, signs, spacing=(0.7, 0.9, 2.5), origin=(-11.0, 7.0, 130.5)):
    affine = np.eye(4)
    affine[:3, :3] = 0
    for axis, (world, sign) in enumerate(zip(order, signs, strict=True)):
        affine[world, axis] = sign * spacing[axis]
    affine[:3, 3] = origin
    return affine


def _turned(affine, angles):
    a, b, c = angles
    about_z = [[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]]
    about_y = [[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]]
    about_x = [[1, 0, 0], [0, np.cos(c), -np.sin(c)], [0, np.sin(c), np.cos(c)]]
    turned = affine.copy()
    turned[:3, :3] = np.array(about_z) @ about_y @ about_x @ affine[:3, :3]
    return turned


def _save(path, volume, affine, codes=(1, 1), unit="mm", kind=nibabel.Nifti1Image):
    image = kind(volume, affine)
    image.set_qform(affine, code=codes[0])
    image.set_sform(affine, code=codes[1])
    image.header.set_xyzt_units(unit)
    image.to_filename(path)
    return path


def _law(folder, volume, affine, codes, suffix=".nii.gz", kind=nibabel.Nifti1Image):
    """What is shown, thresholded and saved lies over the file's own voxels, its geometry equal to the bit."""
    path = _save(folder / f"a{suffix}", volume, affine, codes, kind=kind)
    raster = read_raster(path)
    saved = nibabel.load(write_mask(folder / f"a_mask{suffix}", raster.pixels > 0, raster))
    source = nibabel.load(path)
    np.testing.assert_array_equal(np.asanyarray(saved.dataobj), volume > 0)
    assert saved.shape == source.shape and type(saved) is type(source)
    np.testing.assert_array_equal(saved.affine, source.affine)
    for field in _GEOMETRY:
        np.testing.assert_array_equal(saved.header[field], source.header[field], err_msg=field)
    np.testing.assert_array_equal(read_mask(folder / f"a_mask{suffix}"), raster.pixels > 0)
    return raster


@pytest.mark.parametrize(("order", "signs"), _ORIENTATIONS)
def test_every_orientation_goes_back_exactly(tmp_path, order, signs):
    volume = _RNG.integers(-3, 3, (5, 6, 7), dtype=np.int16)
    raster = _law(tmp_path, volume, _affine(order, signs), (1, 2))
    # and the same voxel is found by its place in the patient
    z, y, x = 2, 3, 4
    up, back, left, _ = raster.affine @ [z, y, x, 1]
    stored = np.linalg.inv(_affine(order, signs)) @ [-left, -back, up, 1]
    assert raster.pixels[z, y, x] == volume[tuple(np.rint(stored[:3]).astype(int))]


@settings(max_examples=40, deadline=None)
@given(
    orientation=st.sampled_from(_ORIENTATIONS),
    angles=st.tuples(*[st.floats(-0.7, 0.7)] * 3),
    shape=st.tuples(*[st.integers(1, 6)] * 3),
    codes=st.sampled_from([(0, 0), (0, 1), (1, 0), (1, 1), (2, 4), (3, 2)]),
    kind=st.sampled_from([nibabel.Nifti1Image, nibabel.Nifti2Image]),
)
def test_oblique_volumes_of_any_size_and_code_go_back_exactly(
    tmp_path_factory, orientation, angles, shape, codes, kind
):
    volume = _RNG.integers(-3, 3, shape, dtype=np.int16)
    affine = _turned(_affine(*orientation), angles)
    _law(tmp_path_factory.mktemp("law"), volume, affine, codes, ".nii", kind)


@pytest.mark.parametrize("shape", [(6, 7), (6, 7, 1), (6, 1, 7), (1, 6, 7), (5, 6, 7, 1), (6, 7, 1, 1)])
def test_shapes_with_axes_of_length_one_go_back_exactly(tmp_path, shape):
    for order, signs in _ORIENTATIONS:
        raster = _law(tmp_path, _RNG.integers(-3, 3, shape, dtype=np.int16), _affine(order, signs), (1, 1))
        assert raster.pixels.ndim == (3 if shape == (5, 6, 7, 1) else 2)


@pytest.mark.parametrize(("order", "signs"), _ORIENTATIONS)
def test_a_volume_is_shown_in_radiological_convention(tmp_path, order, signs):
    """A bright voxel near the patient's right, front and head lands at the end of Z, the top and the left."""
    affine = _affine(order, signs, spacing=(1.0, 2.0, 3.0))
    volume = np.zeros((8, 9, 10), np.uint8)
    corners = np.array(list(itertools.product(*[(0, n - 1) for n in volume.shape])))
    world = corners @ affine[:3, :3].T + affine[:3, 3]
    volume[tuple(corners[np.argmax(world.sum(axis=1))])] = 1
    raster = read_raster(_save(tmp_path / "a.nii", volume, affine))
    assert raster.pixels[-1, 0, 0] == 1
    by_world = dict(zip(order, (1.0, 2.0, 3.0), strict=True))
    assert raster.spacing_mm == (by_world[2], by_world[1], by_world[0])
    assert raster.row_direction == "L"
    assert (np.diag(raster.affine)[:3] > 0).all()


@pytest.mark.parametrize(
    ("order", "signs", "top_left", "towards"),
    [
        ((0, 1, 2), (-1, -1, 1), "first", "L"),  # axial: x to the left, y to the back
        (
            (0, 2, 1),
            (-1, 1, 1),
            "second end",
            "L",
        ),  # coronal, as a chest X-ray: the file's y runs to the head
        ((0, 2, 1), (1, -1, 1), "first end", "L"),
        ((1, 2, 0), (-1, -1, 1), "first", None),  # sagittal: front on the left
    ],
)
def test_a_flat_image_is_shown_with_the_head_or_the_front_on_top(tmp_path, order, signs, top_left, towards):
    volume = np.zeros((6, 7, 1), np.uint8)
    volume[{"first": (0, 0), "second end": (0, -1), "first end": (-1, 0)}[top_left]] = 1
    raster = read_raster(_save(tmp_path / "a.nii", volume, _affine(order, signs)))
    assert raster.shape == (7, 6) and raster.pixels[0, 0] == 1
    assert raster.spacing_mm == pytest.approx((0.9, 0.7))
    assert (raster.row_direction, raster.affine) == (towards, None)


def test_without_codes_a_flat_image_is_shown_as_stored(tmp_path):
    stored = _RNG.integers(0, 9, (6, 7), dtype=np.int16)
    nibabel.Nifti1Image(stored, None).to_filename(tmp_path / "a.nii")
    raster = read_raster(tmp_path / "a.nii")
    np.testing.assert_array_equal(raster.pixels, stored.T)
    assert (raster.row_direction, raster.affine, raster.spacing_mm) == (None, None, None)


def test_without_codes_a_volume_is_left_anterior_superior(tmp_path):
    stored = _RNG.integers(0, 9, (4, 5, 6), dtype=np.int16)
    image = nibabel.Nifti1Image(stored, None)
    image.header.set_zooms((0.5, 0.6, 2.0))
    image.to_filename(tmp_path / "a.nii")
    raster = read_raster(tmp_path / "a.nii")
    np.testing.assert_array_equal(raster.pixels, stored.transpose(2, 1, 0)[:, ::-1])
    assert (raster.row_direction, raster.affine) == (None, None)
    assert raster.spacing_mm == pytest.approx((2.0, 0.6, 0.5))
    assert raster.spacing_source == "NIfTI (no unit: mm)"


@pytest.mark.parametrize(("unit", "mm"), [("mm", 1.0), ("meter", 1000.0), ("micron", 0.001)])
def test_units(tmp_path, unit, mm):
    raster = read_raster(
        _save(tmp_path / "a.nii", np.zeros((4, 5, 6), np.uint8), _affine((0, 1, 2), (1, 1, 1)), unit=unit)
    )
    np.testing.assert_allclose(raster.spacing_mm, [2.5 * mm, 0.9 * mm, 0.7 * mm], rtol=1e-6)
    np.testing.assert_allclose(np.diag(raster.affine)[:3], raster.spacing_mm)
    assert raster.spacing_source == "NIfTI"


def test_scaled_values_and_window(tmp_path):
    stored = _RNG.integers(0, 4000, (4, 5, 6), dtype=np.uint16)
    image = nibabel.Nifti1Image(stored, np.diag([-1, -1, 1, 1]))
    image.header["cal_min"], image.header["cal_max"] = -600, 1500
    image.to_filename(tmp_path / "a.nii")
    content = bytearray((tmp_path / "a.nii").read_bytes())
    content[112:120] = np.array([1, -1024], "<f4").tobytes()  # scl_slope, scl_inter
    (tmp_path / "a.nii").write_bytes(content)
    raster = read_raster(tmp_path / "a.nii")
    assert raster.pixels.dtype == np.float32
    np.testing.assert_array_equal(raster.pixels, stored.T - 1024.0)
    assert raster.window == (-600, 1500)
    mask = nibabel.load(write_mask(tmp_path / "m.nii.gz", raster.pixels > 0, raster))
    np.testing.assert_array_equal(np.asanyarray(mask.dataobj), stored > 1024)
    assert mask.get_data_dtype() == np.uint8


def test_big_endian_files(tmp_path):
    stored = _RNG.integers(-3, 3, (4, 5, 6)).astype(">i2")
    header = nibabel.Nifti1Header(endianness=">")
    nibabel.Nifti1Image(stored, np.diag([-1, -1, 2, 1]), header).to_filename(tmp_path / "a.nii")
    raster = read_raster(tmp_path / "a.nii")
    np.testing.assert_array_equal(raster.pixels, stored.T)
    assert raster.pixels.dtype.isnative
    saved = nibabel.load(write_mask(tmp_path / "m.nii", raster.pixels > 0, raster))
    np.testing.assert_array_equal(saved.affine, nibabel.load(tmp_path / "a.nii").affine)


def test_nothing_about_the_patient_goes_into_a_mask(tmp_path):
    image = nibabel.Nifti1Image(np.ones((4, 5, 6), np.uint8), np.eye(4))
    for field in ("descrip", "db_name", "aux_file", "intent_name"):
        image.header[field] = b"KIM"
    image.header.extensions.append(nibabel.nifti1.Nifti1Extension("comment", b"KIM YUNA"))
    image.to_filename(tmp_path / "a.nii")
    raster = read_raster(tmp_path / "a.nii")
    assert b"KIM" in (tmp_path / "a.nii").read_bytes()
    assert b"KIM" not in write_mask(tmp_path / "m.nii", raster.pixels > 0, raster).read_bytes()
    assert b"KIM" not in pickle.dumps(raster)


def test_the_header_survives_a_process_boundary(tmp_path):
    path = _save(tmp_path / "a.nii", np.ones((4, 5, 6), np.uint8), _affine((2, 0, 1), (1, -1, 1)))
    raster = pickle.loads(pickle.dumps(read_raster(path)))
    saved = nibabel.load(write_mask(tmp_path / "m.nii", raster.pixels > 0, raster))
    np.testing.assert_array_equal(saved.affine, nibabel.load(path).affine)


def test_probabilities_keep_their_values_and_are_no_mask(tmp_path):
    path = _save(tmp_path / "a.nii", np.zeros((4, 5, 6), np.int16), _affine((1, 0, 2), (1, 1, -1)))
    raster = read_raster(path)
    probability = _RNG.random(raster.shape, np.float32)
    probability[0], probability[1] = 0, 1
    write_probability(tmp_path / "p.nii.gz", iter(probability), raster)
    saved = nibabel.load(tmp_path / "p.nii.gz")
    assert saved.get_data_dtype() == np.uint8 and np.array_equal(saved.affine, nibabel.load(path).affine)
    values = read_raster(tmp_path / "p.nii.gz").pixels
    assert values.dtype == np.float32 and values.min() == 0 and values.max() == pytest.approx(1)
    np.testing.assert_allclose(values, probability, atol=1 / 510 + 1e-6)
    same = write_probability(tmp_path / "q.nii.gz", probability, raster)
    np.testing.assert_array_equal(read_raster(same).pixels, values)
    with pytest.raises(ValueError, match="shorter"):
        write_probability(tmp_path / "p.nii.gz", iter(probability[1:]), raster)
    with pytest.raises(UserError, match="not whole numbers"):
        read_mask(tmp_path / "p.nii.gz")


def test_masks_stored_as_floats_are_masks(tmp_path):
    labels = _RNG.integers(0, 3, (4, 5, 6))
    _save(tmp_path / "m.nii", labels.astype(np.float64), np.diag([-1, -1, 1, 1]))
    mask = read_mask(tmp_path / "m.nii")
    np.testing.assert_array_equal(mask, labels.T)
    assert mask.dtype.kind == "i"


@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("ndim", [2, 3])
def test_other_images_are_written_so_that_they_are_shown_the_same(tmp_path, ndim, affine):
    shape, spacing = ((5, 6, 7), (2.0, 0.5, 0.4)) if ndim == 3 else ((6, 7), (0.5, 0.4))
    matrix = None
    if affine and ndim == 3:
        matrix = np.diag([*spacing, 1.0])
        matrix[:3, 3] = 5, 6, 7
    like = Raster(_RNG.random(shape), spacing_mm=spacing, affine=matrix)
    mask = like.pixels > 0.5
    back = read_raster(write_mask(tmp_path / "m.nii.gz", mask, like))
    np.testing.assert_array_equal(back.pixels, mask)
    assert back.spacing_mm == pytest.approx(spacing)
    if matrix is not None:
        np.testing.assert_allclose(back.affine, matrix, rtol=1e-6)
    assert (mask_suffix(back), mask_suffix(like)) == (".nii.gz", ".tif" if ndim == 3 else ".png")


def test_unknown_spacing_stays_unknown(tmp_path):
    like = Raster(_RNG.random((6, 7)))
    back = read_raster(write_mask(tmp_path / "m.nii", like.pixels > 0.5, like))
    assert back.spacing_mm is None


@pytest.mark.parametrize("shape", [(4, 5, 6, 3), (4, 5, 6, 1, 3), (6,)])
def test_several_volumes_are_refused(tmp_path, shape):
    nibabel.Nifti1Image(np.zeros(shape, np.uint8), np.eye(4)).to_filename(tmp_path / "series.nii")
    with pytest.raises(UserError, match=r"series\.nii is not one grey image or volume") as caught:
        read_raster(tmp_path / "series.nii")
    assert caught.value.remedy


def test_rgb_records(tmp_path):
    grey = _RNG.integers(0, 255, (4, 5, 6), dtype=np.uint8)
    records = np.zeros(grey.shape, [("R", "u1"), ("G", "u1"), ("B", "u1")])
    for name in "RGB":
        records[name] = grey
    nibabel.Nifti1Image(records, np.diag([-1, -1, 1, 1])).to_filename(tmp_path / "a.nii")
    np.testing.assert_array_equal(read_raster(tmp_path / "a.nii").pixels, grey.T)
    records["R"] = 255 - grey
    nibabel.Nifti1Image(records, np.eye(4)).to_filename(tmp_path / "a.nii")
    with pytest.raises(UserError, match="colour picture"):
        read_raster(tmp_path / "a.nii")


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
@pytest.mark.parametrize("share", [0.01, 0.3, 0.9])
def test_truncated_files_are_named(tmp_path, suffix, share):
    path = _save(tmp_path / f"a{suffix}", _RNG.integers(0, 99, (20, 21, 22), dtype=np.int16), np.eye(4))
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(UserError, match=path.name):
        read_raster(path)


def test_rubbish_is_named(tmp_path):
    for name in ("a.nii", "a.nii.gz"):
        (tmp_path / name).write_bytes(b"rubbish" * 100)
        with pytest.raises(UserError, match="damaged"):
            read_raster(tmp_path / name)


def test_a_singular_affine_is_no_affine(tmp_path):
    image = nibabel.Nifti1Image(np.zeros((4, 5, 6), np.uint8), np.eye(4))
    image.header.set_zooms((1, 2, 3))
    image.header["sform_code"], image.header["srow_x"] = 1, 0
    image.header["srow_y"] = image.header["srow_z"] = 0
    with open(tmp_path / "a.nii", "wb") as file:
        image.header.write_to(file)
        file.write(b"\0" * 4 + image.dataobj.tobytes())
    raster = read_raster(tmp_path / "a.nii")
    assert (raster.affine, raster.spacing_mm) == (None, (3, 2, 1))


@pytest.mark.parametrize("kind", [nibabel.Nifti1Image, nibabel.Nifti2Image])
@pytest.mark.parametrize("is_zipped", [True, False])
@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "a.gz", "IM0001"])
def test_zipped_or_not_is_told_by_the_content(tmp_path, kind, is_zipped, name):
    voxels = np.random.default_rng(0).integers(0, 99, (5, 6, 7), dtype=np.int16)
    image = kind(voxels, np.diag([-2.0, -1.5, 3.0, 1.0]))
    image.header.set_slope_inter(2, 1)
    content = image.to_bytes()
    (tmp_path / name).write_bytes(gzip.compress(content) if is_zipped else content)
    (tmp_path / "as_named.nii").write_bytes(content)
    expected, raster = read_raster(tmp_path / "as_named.nii"), read_raster(tmp_path / name)
    np.testing.assert_array_equal(raster.pixels, expected.pixels)
    assert (raster.spacing_mm, raster.row_direction) == (expected.spacing_mm, expected.row_direction)
    np.testing.assert_array_equal(raster.affine, expected.affine)


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
def test_a_zip_that_is_cut_is_named(tmp_path, name):
    content = gzip.compress(nibabel.Nifti1Image(np.zeros((30, 30, 30), np.int16), np.eye(4)).to_bytes())
    (tmp_path / name).write_bytes(content[: len(content) // 2])
    with pytest.raises(UserError, match=name):
        read_raster(tmp_path / name)


def test_a_pair_of_hdr_and_img_is_read_and_analyze_is_refused(tmp_path):
    volume = np.random.default_rng(0).integers(-9, 9, (5, 6, 7), dtype=np.int16)
    affine = np.diag([-0.5, -0.7, 2.0, 1.0])
    nibabel.save(nibabel.Nifti1Image(volume, affine), tmp_path / "one.nii")
    nibabel.save(nibabel.Nifti1Pair(volume, affine), tmp_path / "two.img")
    one = read_raster(tmp_path / "one.nii")
    for name in ("two.img", "two.hdr"):
        two = read_raster(tmp_path / name)
        np.testing.assert_array_equal(two.pixels, one.pixels)
        np.testing.assert_allclose(two.affine, one.affine)
    assert list_images(tmp_path) == [tmp_path / "one.nii", tmp_path / "two.img"]
    path = write_mask(tmp_path / "m.nii.gz", two.pixels > 0, two)
    np.testing.assert_allclose(read_raster(path).affine, one.affine)
    nibabel.save(nibabel.AnalyzeImage(volume, affine), tmp_path / "old.img")
    with pytest.raises(UserError, match="Analyze"):
        read_raster(tmp_path / "old.img")
