from __future__ import annotations

import numpy as np

from napari_unet.core.label_set import RIGHT_AND_LEFT
from napari_unet.core.masks import MaskRule, clean
from napari_unet.core.prediction import Prediction


def prediction(rule: MaskRule | None = None, spacing_mm: tuple[float, ...] | None = None) -> Prediction:
    probability = np.zeros((1, 40, 40), np.float32)
    probability[0, 5:30, 5:15] = 0.9
    probability[0, 5:30, 25:35] = 0.6
    probability[0, 36:38, 36:38] = 0.95  # a speck
    return Prediction(probability, None, spacing_mm, threshold=0.5, rule=rule or MaskRule())


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
    stack = Prediction(np.stack([flat, flat * 0], axis=1), None, (5.0, 1.0, 1.0), threshold=0.5)
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
    two = Prediction(probability, None, None, threshold=0.5, label_set=RIGHT_AND_LEFT)
    labels = two.labels()
    assert (labels[5:30, 5:18] == 1).all() and (labels[5:30, 18:35] == 2).all()
    np.testing.assert_array_equal(labels > 0, two.mask())
    np.testing.assert_array_equal(two.foreground, probability.max(axis=0))
    assert not two.labels(0.97).any()
