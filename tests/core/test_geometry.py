"""A mask gets onto the grid of its image, or is refused in words."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_unet.core.geometry import (
    Geometry,
    MisplacedMask,
    is_placeless,
    is_sound,
    lie_together,
    on_grid_of,
    same_grid,
)

SHAPE = (4, 20, 24)


def geometry(
    spacing: tuple[float, ...] = (4, 1.5, 1.5), at: tuple[float, ...] = (-60, 30, 9), **more: object
) -> Geometry:
    affine = np.diag([*spacing, 1.0])
    affine[:3, 3] = at
    return replace(Geometry(SHAPE, affine), **more)


def box() -> np.ndarray:
    labels = np.zeros(SHAPE, np.uint8)
    labels[1:3, 6:12, 6:10], labels[1:3, 6:12, 14:18] = 1, 2
    return labels


def test_one_grid_changes_nothing() -> None:
    labels = box()
    for at in ((-60, 30, 9), (-60.01, 30.1, 9.05)):  # rounding, and up to a tenth of a voxel
        found, notes = on_grid_of(labels, geometry(at=at), geometry())
        assert found is labels and notes == ()
    assert on_grid_of(labels, None, geometry()) == (labels, ())


@pytest.mark.parametrize(("axis", "voxels"), [(0, 1), (1, -3), (2, 4)])
def test_a_shifted_mask_is_moved_and_the_shift_is_told_in_mm(axis: int, voxels: int) -> None:
    at = np.array([-60.0, 30.0, 9.0])
    at[axis] += voxels * (4, 1.5, 1.5)[axis]
    found, (note,) = on_grid_of(box(), geometry(at=tuple(at)), geometry())
    np.testing.assert_array_equal(found, np.roll(box(), voxels, axis))
    assert f"its centre {abs(voxels) * (4, 1.5, 1.5)[axis]:.1f} mm away" in note
    assert ("up", "forwards", "left")[axis] in note


def test_half_a_voxel_loses_and_doubles_nothing() -> None:
    for shift in (0.75, 0.75 - 1e-7, 0.75 + 1e-7):
        found, _ = on_grid_of(box(), geometry(at=(-60, 30, 9 + shift)), geometry())
        assert np.count_nonzero(found) == np.count_nonzero(box())


def test_another_resolution() -> None:
    fine = box().repeat(2, 1).repeat(2, 2)
    mask = replace(geometry((4, 0.75, 0.75), (-60, 30 - 0.375, 9 - 0.375)), shape=fine.shape)
    found, (note,) = on_grid_of(fine, mask, geometry())
    np.testing.assert_array_equal(found, box())
    assert "4 × 0.75 × 0.75 mm" in note and "4 × 1.5 × 1.5 mm" in note and found.dtype == np.uint8


def test_an_oblique_mask_goes_where_its_affine_says() -> None:
    turn = np.eye(4)
    turn[1:3, 1:3] = [[np.cos(0.2), -np.sin(0.2)], [np.sin(0.2), np.cos(0.2)]]
    image = geometry((1, 1, 1), (-2, -10, -12))
    mask = replace(image, affine=turn @ image.affine)
    labels = np.zeros(SHAPE, np.uint8)
    labels[:, 4:16, 8:16] = 1
    found, _ = on_grid_of(labels, mask, image)
    for z, y, x in ((1, 10, 12), (2, 3, 12), (0, 12, 20), (3, 7, 9)):
        there = np.rint(np.linalg.inv(mask.affine) @ image.affine @ [z, y, x, 1]).astype(int)[:3]
        inside = all(0 <= i < n for i, n in zip(there, SHAPE, strict=True))
        assert found[z, y, x] == (labels[tuple(there)] if inside else 0)


def test_more_than_a_hundredth_outside_is_refused_with_both_geometries() -> None:
    labels = np.zeros(SHAPE, np.uint8)
    labels[:, :, 3:23] = 1
    inside = geometry(at=(-60, 30, 9 - 4.5))
    assert on_grid_of(labels, inside, geometry())[0].sum() == labels.sum()
    with pytest.raises(MisplacedMask, match="5% of the mask falls outside") as error:
        on_grid_of(labels, geometry(at=(-60, 30, 9 - 6)), geometry())
    assert error.value.problem.count("4 × 1.5 × 1.5 mm") == 2 and error.value.remedy
    with pytest.raises(MisplacedMask, match="100% of the mask"):
        on_grid_of(labels, geometry(at=(900, 30, 9)), geometry())


@pytest.mark.parametrize("other", [Geometry(SHAPE, None), Geometry(SHAPE, np.eye(4), placeless=True)])
def test_what_tells_nothing_is_refused_beside_what_does(other: Geometry) -> None:
    for mask, image, which in ((other, geometry(), "mask"), (geometry(), other, "image")):
        with pytest.raises(MisplacedMask, match=f"the {which} does not") as error:
            on_grid_of(box(), mask, image)
        assert geometry().words() in error.value.problem and other.words() in error.value.problem


def test_where_neither_tells_only_the_way_of_storing_counts() -> None:
    plain, identity = Geometry(SHAPE, None), Geometry(SHAPE, np.eye(4), placeless=True)
    turned = replace(identity, turns=((2, 1, 0), (False, True, True)))
    labels = box()
    assert on_grid_of(labels, plain, identity) == (labels, ()) == on_grid_of(labels, plain, plain)
    with pytest.raises(MisplacedMask, match="stored in different ways"):
        on_grid_of(labels, turned, plain)
    assert on_grid_of(labels, identity, None) == (labels, ())  # a picture
    with pytest.raises(MisplacedMask, match="gives no orientation"):
        on_grid_of(labels, turned, None)


def test_how_far_off_a_2d_image_lies_across_itself_does_not_count() -> None:
    flat = replace(geometry((1, 0.2, 0.2)), shape=(1, 20, 24), flat=True)
    labels = box()[1]
    deep = replace(flat, affine=flat.affine + np.diag([4.0, 0, 0, 0]))
    deep.affine[0, 3] += 700
    assert same_grid(flat, deep) and on_grid_of(labels, deep, flat) == (labels, ())
    right = replace(flat, affine=flat.affine.copy())
    right.affine[2, 3] += 0.4
    found, (note,) = on_grid_of(labels, right, flat)
    np.testing.assert_array_equal(found, np.roll(labels, 2, 1))
    assert "its centre 0.4 mm away" in note
    across = replace(flat, affine=flat.affine[[1, 0, 2, 3]])
    with pytest.raises(MisplacedMask, match="different planes"):
        on_grid_of(labels, across, flat)


def test_an_empty_mask_may_lie_anywhere() -> None:
    found, _ = on_grid_of(np.zeros(SHAPE, np.uint8), geometry(at=(900, 0, 0)), geometry())
    assert not found.any() and found.shape == SHAPE


def test_a_mask_in_another_order_is_said_to_be_turned() -> None:
    labels, (note,) = on_grid_of(box(), geometry(stored="RAS"), geometry(stored="LPS"))
    np.testing.assert_array_equal(labels, box())
    assert "RAS, not LPS" in note


@given(st.permutations(range(3)), st.tuples(*[st.booleans()] * 3), st.integers(2, 9), st.booleans())
def test_an_identity_in_any_order_is_no_place(
    order: list[int], flips: tuple[bool, ...], length: int, moved: bool
) -> None:
    affine, shape = np.zeros((4, 4)), (length, length + 1, length + 2)
    affine[3, 3] = 1
    for axis, flip in zip(range(3), flips, strict=True):
        affine[order[axis], axis] = -1 if flip else 1
        affine[order[axis], 3] = shape[axis] - 1 if flip and moved else 0
    assert is_sound(affine) and is_placeless(affine, shape)
    affine[0, 3] += 0.5
    assert not is_placeless(affine, shape)


def test_affines_that_are_not_sound() -> None:
    assert not is_sound(np.diag([1.0, 1, 0, 1])) and not is_sound(np.diag([1.0, np.nan, 1, 1]))
    flat = np.eye(4)
    flat[:3, 1] = flat[:3, 0]
    assert not is_sound(flat) and not is_placeless(flat, SHAPE)


def test_open_layers_lie_together_unless_their_files_say_otherwise() -> None:
    real, identity = geometry(), Geometry(SHAPE, np.eye(4), placeless=True)
    assert lie_together(None, real) and lie_together(real, None) and lie_together(real, geometry())
    assert lie_together(identity, identity) and lie_together(identity, Geometry(SHAPE, None))
    assert not lie_together(identity, real) and not lie_together(geometry(at=(0, 0, 0)), real)


@given(
    st.tuples(*[st.integers(3, 7)] * 6),
    st.tuples(*[st.floats(0.6, 2.5)] * 6),
    st.tuples(*[st.floats(-2, 2)] * 3),
    st.sampled_from([0.0, 0.25, -0.1]),
)
def test_each_voxel_gets_the_label_of_the_nearest_one(
    lengths: tuple[int, ...], steps: tuple[float, ...], shift: tuple[float, ...], turn: float
) -> None:
    image = Geometry(lengths[:3], np.diag([*steps[:3], 1.0]))
    rotation = np.eye(4)
    rotation[1:3, 1:3] = [[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]
    mask = Geometry(lengths[3:], rotation @ np.diag([*steps[3:], 1.0]))
    mask.affine[:3, 3] = shift
    labels = np.zeros(mask.shape, np.uint8)
    labels[1:-1, 1:-1, 1:-1] = 1 + np.indices(tuple(n - 2 for n in mask.shape)).sum(axis=0) % 3
    try:
        found, _ = on_grid_of(labels, mask, image)
    except MisplacedMask:
        return
    between = np.linalg.inv(mask.affine) @ image.affine
    expected = np.zeros(image.shape, np.uint8)
    for index in np.ndindex(*image.shape):
        there = np.floor(between[:3, :3] @ index + between[:3, 3] + 0.5 + 1e-4).astype(int)
        if all(0 <= k < n for k, n in zip(there, mask.shape, strict=True)):
            expected[index] = labels[tuple(there)]
    np.testing.assert_array_equal(found, labels if same_grid(mask, image) else expected)
