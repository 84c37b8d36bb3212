from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_unet.core.clean_labels import clean_labels
from napari_unet.core.label_set import RIGHT_AND_LEFT, LabelSet, named_set
from napari_unet.core.masks import MaskRule, clean
from napari_unet.core.prediction import Prediction
from napari_unet.core.resize import resized
from napari_unet.core.uncertainty import entropy


def prediction(rule: MaskRule | None = None, spacing_mm: tuple[float, ...] | None = None) -> Prediction:
    probability = np.zeros((1, 40, 40), np.float32)
    probability[0, 5:30, 5:15] = 0.9
    probability[0, 5:30, 25:35] = 0.6
    probability[0, 36:38, 36:38] = 0.95  # a speck
    return Prediction(probability, spacing_mm=spacing_mm, rule=rule or MaskRule())


def test_the_mask_is_at_the_threshold_of_the_card_and_cleaned() -> None:
    mask = prediction().mask()
    assert mask.dtype == bool and mask.shape == (40, 40)
    assert mask.sum() == 2 * 25 * 10


def test_threshold_and_raw_mask_can_be_chosen() -> None:
    assert prediction().mask(0.7).sum() == 25 * 10
    assert prediction().mask(cleaned=False).sum() == 2 * 25 * 10 + 4
    assert not prediction().mask(1.0).any()
    assert prediction().mask(0.0, cleaned=False).all()


def test_smoothing_uses_the_spacing() -> None:
    rule = MaskRule(smoothing=2.0)
    raw = prediction().mask(cleaned=False)
    expected = clean(raw, rule, (0.5, 0.5))
    np.testing.assert_array_equal(prediction(rule, (0.5, 0.5)).mask(), expected)
    assert (expected != prediction(rule).mask()).any()


def test_a_stack_has_a_mask_per_slice() -> None:
    flat = prediction().probability
    stack = Prediction(np.stack([flat, flat * 0], axis=1), spacing_mm=(5.0, 1.0, 1.0))
    mask = stack.mask()
    assert mask.shape == (2, 40, 40)
    assert mask[0].any() and not mask[1].any()


def test_labels_are_those_of_the_set_and_lie_where_the_mask_is() -> None:
    one = prediction()
    assert one.labels().dtype == np.uint8
    np.testing.assert_array_equal(one.labels(), one.mask().astype(np.uint8))
    probability = np.zeros((2, 40, 40), np.float32)
    probability[0, 5:30, 5:20] = 0.9
    probability[1, 5:30, 18:35] = 0.95  # they overlap in two columns
    two = Prediction(probability, label_set=RIGHT_AND_LEFT)
    labels = two.labels()
    assert (labels[5:30, 5:18] == 1).all() and (labels[5:30, 18:35] == 2).all()
    np.testing.assert_array_equal(labels > 0, two.mask())
    np.testing.assert_array_equal(two.foreground, np.minimum(probability.sum(axis=0), 1))
    assert set(np.nonzero(two.labels(0.97).any(axis=0))[0]) == {18, 19}  # some label is there for sure


RIGHT_LEFT_HEART = named_set(("right lung", "left lung", "heart"))
SETS: dict[int, LabelSet] = {1: named_set(("lung",)), 3: RIGHT_LEFT_HEART}


def volume(
    labels: int, grid: tuple[int, int], rule: MaskRule, seed: int, boxes: bool = False, dtype: str = "f4"
) -> Prediction:
    """Blobs in four slices of 30 × 26 pixels, on a grid of their own, in boxes of their own."""
    rng = np.random.default_rng(seed)
    coarse = rng.random((labels, 4, 4, 4), dtype=np.float32)
    maps = resized(coarse, grid)
    if dtype == "u1":
        maps = np.rint(maps * 255).astype(np.uint8)
    rows = [slice(z, 30 - 2 * z) for z in range(4)]
    return Prediction(
        maps,
        shape=(4, 30, 26),
        boxes=tuple((one, slice(3, 20)) for one in rows) if boxes else (),
        label_set=SETS[labels],
        rule=rule,
        spacing_mm=(5.0, 0.7, 0.7),
        scores={"abnormal": 0.25},
    )


volumes = st.builds(
    volume,
    st.sampled_from([1, 3]),
    st.tuples(st.integers(3, 40), st.integers(3, 40)),
    st.builds(
        MaskRule,
        largest_parts=st.integers(0, 2),
        fill_holes=st.booleans(),
        smoothing=st.sampled_from([0.0, 1.0]),
        per_slice=st.booleans(),
    ),
    st.integers(0, 99),
    st.booleans(),
    st.sampled_from(["f4", "u1"]),
)


@settings(deadline=None, max_examples=60)
@given(volumes)
def test_slab_by_slab_is_the_whole(one: Prediction) -> None:
    np.testing.assert_array_equal(one.labels() > 0, one.mask())
    for z in range(4):
        np.testing.assert_array_equal(one.foreground_slab(z), one.foreground[z])
        np.testing.assert_array_equal(one.uncertainty_slab(z), one.uncertainty[z])
    np.testing.assert_array_equal(np.stack(list(one.foreground_slabs())), one.foreground)
    np.testing.assert_allclose(np.minimum(one.probability.sum(axis=0), 1), one.foreground, atol=1e-6)
    raw = one.mask(0.6, cleaned=False)
    np.testing.assert_array_equal(raw, one.foreground >= 0.6)
    assert not one.label_set.strays(one.labels())


@settings(deadline=None, max_examples=30)
@given(volumes)
def test_a_slice_is_what_it_is_alone(one: Prediction) -> None:
    for z in range(4):
        alone = Prediction(
            one.maps[:, z], shape=(30, 26), boxes=one.boxes[z : z + 1], label_set=one.label_set
        )
        np.testing.assert_array_equal(alone.probability, one.probability[:, z])
        np.testing.assert_array_equal(alone.uncertainty, one.uncertainty[z])


@settings(deadline=None, max_examples=30)
@given(volumes)
def test_it_travels_without_what_was_made_of_it(one: Prediction) -> None:
    before = len(pickle.dumps(one))
    assert one.probability.size and one.uncertainty.size
    sent = pickle.dumps(one)
    assert len(sent) == before
    there = pickle.loads(sent)
    np.testing.assert_array_equal(there.probability, one.probability)
    np.testing.assert_array_equal(there.labels(), one.labels())
    assert (there.scores, there.rule, there.boxes) == (one.scores, one.rule, one.boxes)


@settings(deadline=None, max_examples=40)
@given(volumes)
def test_in_8_bits_it_differs_by_half_a_step(one: Prediction) -> None:
    kept = one.kept()
    assert kept.maps.dtype == kept.grid_uncertainty.dtype == np.uint8 and not kept.boxes
    assert all(a <= b for a, b in zip(kept.maps.shape[-2:], one.shape[-2:], strict=True))
    half = 1 / 510 + 1e-6
    if not one.boxes and kept.maps.shape == one.maps.shape:
        assert np.abs(kept.probability - one.probability).max() <= half
        assert np.abs(kept.uncertainty - one.uncertainty).max() <= half
    np.testing.assert_array_equal(kept.kept().maps, kept.maps)


def test_maps_are_kept_with_at_most_1024_pixels_a_side() -> None:
    wide = Prediction(np.zeros((1, 40, 3000), np.float32))
    assert wide.kept().maps.shape == (1, 14, 1024) and wide.kept().shape == (40, 3000)
    coarse = Prediction(np.zeros((1, 64, 64), np.float32), shape=(500, 48))
    assert coarse.kept().maps.shape == (1, 64, 48)


def test_outside_its_box_there_is_nothing() -> None:
    one = Prediction(np.ones((1, 4, 4), np.float32), shape=(20, 20), boxes=((slice(3, 9), slice(5, 20)),))
    assert one.probability.sum() == one.mask().sum() == 6 * 15
    assert one.mask()[3:9, 5:].all()
    assert one.kept().mask().sum() == pytest.approx(90, abs=40)  # on a grid of 4 × 4 for the whole image


def test_uncertainty_is_that_of_the_class_nearest_to_undecided_on_the_grid() -> None:
    maps = np.random.default_rng(0).random((2, 5, 5), dtype=np.float32)
    one = Prediction(maps, shape=(9, 9), label_set=RIGHT_AND_LEFT)
    np.testing.assert_array_equal(one.uncertainty, resized(entropy(maps).max(axis=0), (9, 9)))
    assert entropy(np.float32([0.5]))[0] == 1


def test_labels_that_were_drawn_from_floats_stay_as_they_were() -> None:
    one = prediction()
    drawn = one.labels()
    drawn[0, 0] = 1
    kept = replace(one.kept(), drawn=drawn)
    np.testing.assert_array_equal(kept.labels(), drawn)
    np.testing.assert_array_equal(kept.labels(0.5), drawn)
    assert kept.labels(0.7)[0, 0] == 0


def test_a_classification_marks_nothing() -> None:
    heat = np.full((1, 7, 7), 0.9, np.float32)
    one = Prediction(heat, shape=(50, 40), task="classification", scores={"abnormal": 0.8})
    assert not one.mask().any() and not one.labels().any() and one.labels().shape == (50, 40)
    assert one.foreground.shape == (50, 40) and one.scores["abnormal"] == 0.8


def test_maps_that_are_not_of_the_image_are_refused() -> None:
    with pytest.raises(ValueError, match="not of an image"):
        Prediction(np.zeros((1, 3, 8, 8), np.float32), shape=(4, 8, 8))
    with pytest.raises(ValueError, match="float32 or uint8"):
        Prediction(np.zeros((1, 8, 8)))
    with pytest.raises(ValueError, match="2 boxes for 1 planes"):
        Prediction(np.zeros((1, 8, 8), np.float32), boxes=((slice(0, 8), slice(0, 8)),) * 2)


def test_each_label_is_cleaned_as_a_mask_of_its_own() -> None:
    labels = np.zeros((40, 60), np.uint8)
    labels[5:35, 5:25] = 1
    labels[5:35, 25:55] = 2  # they touch: together they are one part
    labels[10:12, 40:42] = 1  # a speck of the one in the other
    labels[20:24, 10:14] = 0  # a hole
    labels[20:23, 45:48] = 3  # a small third label inside the second: no hole of it
    found = clean_labels(labels, (1, 2, 3), MaskRule(largest_parts=1))
    expected = labels.copy()
    expected[10:12, 40:42] = 2
    expected[20:24, 10:14] = 1
    np.testing.assert_array_equal(found, expected)


def test_labels_of_a_volume_are_cleaned_in_three_dimensions_or_slice_by_slice() -> None:
    labels = np.zeros((3, 20, 20), np.uint8)
    labels[:, 2:8, 2:8] = 1
    labels[1, 12:14, 12:14] = 1
    labels[:, 12:18, 2:8] = 2
    for per_slice in (False, True):
        rule = MaskRule(largest_parts=1, per_slice=per_slice)
        found = clean_labels(labels, (1, 2), rule, (2.0, 1.0, 1.0))
        assert not found[1, 12:14, 12:14].any() and (found == 2).sum() == (labels == 2).sum()


def test_one_label_is_cleaned_as_ever() -> None:
    mask = np.random.default_rng(0).random((30, 30)) > 0.4
    found = clean_labels(mask * np.uint8(5), (5,), MaskRule())
    np.testing.assert_array_equal(found, clean(mask, MaskRule()) * 5)
