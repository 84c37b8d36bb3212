"""NIfTI masks and their images: the same patient in whatever order, place and code the files are stored."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nibabel.orientations import apply_orientation, inv_ornt_aff
from PIL import Image

from napari_unet.core.geometry import MisplacedMask
from napari_unet.io.formats import geometry_of, read_labels, read_raster, write_mask

CASES = Path(__file__).parents[1] / "data" / "cases"
AFFINE = np.array([[-1.5, 0, 0, 30], [0, -1.6, 0, 40], [0, 0, 4.0, -90], [0, 0, 0, 1.0]])
SHAPE = (14, 12, 5)


def labels() -> np.ndarray:
    """(X, Y, Z), no symmetry: the patient's right is where X begins."""
    found = np.zeros(SHAPE, np.uint8)
    found[2:5, 3:9, 1:4], found[8:12, 4:10, 2:5] = 1, 2
    return found


def put(path: Path, data: np.ndarray, affine: np.ndarray | None = AFFINE, **codes: object) -> Path:
    image = nibabel.Nifti1Image(data, affine)
    if affine is not None:
        image.set_sform(codes.get("sform", affine), int(codes.get("sform_code", 1)))
        image.set_qform(codes.get("qform", affine), int(codes.get("qform_code", 1)))
    image.header.set_xyzt_units("mm")
    nibabel.save(image, path)
    return path


@pytest.fixture
def ct(tmp_path: Path) -> Path:
    return put(tmp_path / "ct.nii.gz", np.arange(np.prod(SHAPE), dtype=np.int16).reshape(SHAPE))


@pytest.fixture
def expected(ct: Path, tmp_path: Path) -> np.ndarray:
    return read_labels(put(tmp_path / "expected.nii.gz", labels()), of=ct).labels


def test_equal_affines_change_nothing(ct: Path, tmp_path: Path, expected: np.ndarray) -> None:
    raster = read_raster(ct)
    found = read_labels(write_mask(tmp_path / "m.nii.gz", expected, raster), of=ct)
    assert found.notes == ()
    np.testing.assert_array_equal(found.labels, expected)
    np.testing.assert_array_equal(read_labels(tmp_path / "m.nii.gz", of=raster).labels, expected)
    assert geometry_of(ct).words() == geometry_of(raster).words()


@given(order=st.permutations(range(3)), flips=st.tuples(*[st.sampled_from([1, -1])] * 3))
def test_any_order_of_storage_with_its_own_affine_gives_the_same_mask(
    tmp_path_factory: pytest.TempPathFactory, order: list[int], flips: tuple[int, ...]
) -> None:
    folder = tmp_path_factory.mktemp("order")
    orientation = np.array(list(zip(order, flips, strict=True)))
    image = put(folder / "ct.nii.gz", np.zeros(SHAPE, np.int16))
    turned = apply_orientation(labels(), orientation)
    mask = put(folder / "m.nii.gz", turned, AFFINE @ inv_ornt_aff(orientation, SHAPE))
    found = read_labels(mask, of=image)
    straight = read_labels(put(folder / "s.nii.gz", labels()), of=image)
    np.testing.assert_array_equal(found.labels, straight.labels)
    as_it_is = order == [0, 1, 2] and flips == (1, 1, 1)
    assert bool(found.notes) != as_it_is and straight.notes == ()


def test_the_sample_with_an_identity_affine_is_refused_with_both_geometries() -> None:
    with pytest.raises(MisplacedMask, match="the mask does not") as error:
        read_labels(CASES / "ct_mask_identity_affine.nii.gz", of=CASES / "ct.nii.gz")
    assert "identity affine" in str(error.value) and "4 × 1.5 × 1.5 mm" in str(error.value)
    assert read_labels(CASES / "ct_mask_scaled.nii.gz", of=CASES / "ct.nii.gz").notes == ()


def test_without_a_code_beside_a_real_one(ct: Path, tmp_path: Path) -> None:
    mask = put(tmp_path / "m.nii.gz", labels(), None)
    with pytest.raises(MisplacedMask, match="neither qform nor sform"):
        read_labels(mask, of=ct)
    image = put(tmp_path / "i.nii.gz", np.zeros(SHAPE, np.int16), None)
    np.testing.assert_array_equal(read_labels(mask, of=image).labels, read_labels(mask).labels)
    with pytest.raises(MisplacedMask, match="the image does not"):
        read_labels(put(tmp_path / "r.nii.gz", labels()), of=image)
    with pytest.raises(MisplacedMask, match="stored in different ways"):
        read_labels(put(tmp_path / "id.nii.gz", labels(), np.eye(4)), of=image)


def test_thirty_mm_off_is_moved_and_told(tmp_path: Path) -> None:
    """The world decides: the two files hold the same box, one in a larger field."""
    wide = np.zeros((40, 12, 5), np.uint8)
    wide[22:25, 3:9, 1:4], wide[28:32, 4:10, 2:5] = 1, 2
    affine = AFFINE.copy()
    affine[0, 3] += 20 * 1.5
    image = put(tmp_path / "ct.nii.gz", np.zeros(SHAPE, np.int16))
    found = read_labels(put(tmp_path / "m.nii.gz", wide, affine), of=image)
    np.testing.assert_array_equal(
        found.labels, read_labels(put(tmp_path / "s.nii.gz", labels()), of=image).labels
    )
    assert "was resampled to it" in found.notes[-1] and "mm" in found.notes[-1]
    affine[0, 3] += 900
    with pytest.raises(MisplacedMask, match="100% of the mask falls outside"):
        read_labels(put(tmp_path / "far.nii.gz", wide, affine), of=image)


def test_sform_and_qform(ct: Path, tmp_path: Path, expected: np.ndarray) -> None:
    moved = AFFINE.copy()
    moved[0, 3] += 1.5
    odd = read_labels(put(tmp_path / "odd.nii.gz", labels(), qform=moved), of=ct)
    np.testing.assert_array_equal(odd.labels, expected)
    assert any("sform and qform" in note and "1.5 mm apart" in note for note in odd.notes)
    for codes in ({"sform": np.eye(4)}, {"sform_code": 0}, {"qform_code": 0}):
        found = read_labels(put(tmp_path / "m.nii.gz", labels(), **codes), of=ct)
        np.testing.assert_array_equal(found.labels, expected)
        assert found.notes == ()


def test_a_mask_with_a_fourth_axis_of_one(ct: Path, tmp_path: Path, expected: np.ndarray) -> None:
    found = read_labels(put(tmp_path / "m.nii.gz", labels()[..., None]), of=ct)
    np.testing.assert_array_equal(found.labels, expected)
    assert found.notes == ()


def test_2d_images(tmp_path: Path) -> None:
    flat = labels()[:, :, 2:3]
    real, ras = np.diag([-0.14, -0.14, 1, 1.0]), np.diag([0.14, 0.14, 1, 1.0])
    real[:2, 3], ras[:2, 3] = 50, (50 - 13 * 0.14, 50 - 11 * 0.14)
    image = put(tmp_path / "i.nii.gz", np.zeros((14, 12, 1), np.int16), real)
    straight = read_labels(put(tmp_path / "m.nii.gz", flat, real), of=image)
    assert straight.notes == ()
    turned = read_labels(put(tmp_path / "t.nii.gz", flat[::-1, ::-1], ras), of=image)
    np.testing.assert_array_equal(turned.labels, straight.labels)
    with pytest.raises(MisplacedMask):
        read_labels(put(tmp_path / "e.nii.gz", flat, np.eye(4)), of=image)
    two = read_labels(put(tmp_path / "two.nii.gz", flat[..., 0], real), of=image)
    np.testing.assert_array_equal(two.labels, straight.labels)


def test_a_picture_s_nifti_mask(tmp_path: Path) -> None:
    """What this program writes goes on being read; an identity that turns the mask upside down is refused."""
    Image.fromarray(np.zeros((12, 14), np.uint8)).save(tmp_path / "x.png")
    raster, flat = read_raster(tmp_path / "x.png"), np.ascontiguousarray(labels()[:, :, 2].T)
    mask = write_mask(tmp_path / "x_mask.nii.gz", flat, raster)
    np.testing.assert_array_equal(read_labels(mask, of=tmp_path / "x.png").labels, flat)
    with pytest.raises(MisplacedMask, match="gives no orientation"):
        read_labels(put(tmp_path / "e.nii.gz", labels()[:, :, 2:3], np.eye(4)), of=tmp_path / "x.png")


def test_a_mask_as_tiff_or_png_of_a_nifti_image_lies_as_it_is_shown(ct: Path, tmp_path: Path) -> None:
    shown = (read_raster(ct).pixels > 400).astype(np.uint8)
    mask = write_mask(tmp_path / "m.tif", shown, read_raster(ct))
    np.testing.assert_array_equal(read_labels(mask, of=ct).labels, shown)


@pytest.mark.parametrize("shape", [SHAPE, (14, 12, 1)])
def test_nibabel_s_mask_of_an_image_without_a_code(tmp_path: Path, shape: tuple[int, ...]) -> None:
    """nibabel reads an affine of its own making from such an image, and saves the mask with it and a code."""
    data = labels()[:, :, : shape[2]] if shape[2] > 1 else labels()[:, :, 2:3]
    plain = nibabel.Nifti1Image(data, None)
    plain.header.set_zooms((0.7, 0.8, 2.5))
    nibabel.save(plain, tmp_path / "i.nii.gz")
    image = nibabel.load(tmp_path / "i.nii.gz")
    nibabel.save(nibabel.Nifti1Image(data, image.affine), tmp_path / "m.nii.gz")
    assert int(nibabel.load(tmp_path / "m.nii.gz").header["sform_code"]) > 0
    found = read_labels(tmp_path / "m.nii.gz", of=tmp_path / "i.nii.gz")
    np.testing.assert_array_equal(found.labels, read_raster(tmp_path / "i.nii.gz").pixels)
    moved = image.affine.copy()
    moved[0, 3] += 7
    nibabel.save(nibabel.Nifti1Image(data, moved), tmp_path / "n.nii.gz")
    with pytest.raises(MisplacedMask, match="the image does not"):
        read_labels(tmp_path / "n.nii.gz", of=tmp_path / "i.nii.gz")
