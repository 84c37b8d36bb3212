"""What is measured on one case, by label and as a whole."""

from __future__ import annotations

from math import isnan

import numpy as np
import pytest

from napari_unet.core.label_set import LUNGS, RIGHT_AND_LEFT, Label, LabelSet
from napari_unet.core.labels import IGNORE
from napari_unet.core.metrics import dice, hd95
from napari_unet.models.output import Output
from napari_unet.training.measures import Value, mask_values, measures

THREE = LabelSet("chest", (Label(1, "lungs"), Label(3, "heart"), Label(7, "trachea")))
SQUARE = (1.0, 1.0)


def blocks(*values: int) -> np.ndarray:
    """uint8 (20, 10 × values): a block of 10 × 10 each, with background above and below."""
    labels = np.zeros((20, 10 * len(values)), np.uint8)
    for k, value in enumerate(values):
        labels[5:15, 10 * k : 10 * k + 10] = value
    return labels


def measured(
    known: LabelSet, old: np.ndarray, new: np.ndarray, truth: np.ndarray
) -> dict[tuple[str, str], Value]:
    output = Output(labels=known)
    found = mask_values(output, output, (old, new), truth, SQUARE)
    return {(value.of.label, value.of.metric.name): value for value in found}


def test_each_label_is_measured_alone_and_three_as_their_mean() -> None:
    truth, old, new = blocks(1, 3, 7), blocks(1, 3, 3), blocks(1, 7, 3)
    found = measured(THREE, old, new, truth)
    assert list(found) == [(name, metric) for name in ("", *THREE.names) for metric in ("dice", "hd95")]
    for name, value in (("lungs", 1), ("heart", 3), ("trachea", 7)):
        one = found[name, "dice"]
        assert (one.old, one.new) == tuple(dice(drawn == value, truth == value) for drawn in (old, new))
        assert found[name, "hd95"].new == pytest.approx(hd95(new == value, truth == value), nan_ok=True)
    whole = found["", "dice"]
    assert whole.old == pytest.approx((1 + 2 / 3 + 0) / 3)
    assert whole.new == pytest.approx(1 / 3)  # where the heart is the trachea, nothing is right as a whole
    assert found["", "hd95"].old == pytest.approx((0 + found["heart", "hd95"].old) / 2)


def test_both_lungs_are_the_lungs_as_a_whole() -> None:
    truth, swapped = blocks(1, 0, 2), blocks(2, 0, 1)
    found = measured(RIGHT_AND_LEFT, swapped, truth, truth)
    assert (found["", "dice"].old, found["", "dice"].new) == (1.0, 1.0)
    assert [found[name, "dice"].old for name in ("right lung", "left lung")] == [0.0, 0.0]


def test_one_label_is_the_whole_and_told_once() -> None:
    found = measured(LUNGS, blocks(1, 0), blocks(1, 1), blocks(1, 2))  # both sides are lung
    assert list(found) == [("", "dice"), ("", "hd95")]
    assert found["", "dice"].new == 1.0


def test_what_nobody_can_tell_counts_nowhere() -> None:
    truth = blocks(1, 3, 7)
    truth[:, 20:] = IGNORE
    found = measured(THREE, blocks(1, 3, 7), blocks(1, 3, 3), truth)
    assert found["heart", "dice"].new == 1.0
    assert isnan(found["trachea", "dice"].old) and isnan(found["trachea", "dice"].new)
    assert found["", "dice"].new == 1.0  # the mean of the labels that have an answer


def test_a_parent_that_has_not_the_label_has_no_answer() -> None:
    parent, child = Output(id="old"), Output(id="new", labels=RIGHT_AND_LEFT)
    drawn = (blocks(1, 0, 1), blocks(1, 0, 2))
    found = mask_values(child, parent, drawn, blocks(1, 0, 2), SQUARE)
    values = {(value.of.label, value.of.metric.name): value for value in found}
    assert (values["", "dice"].old, values["", "dice"].new) == (1.0, 1.0)
    for name in RIGHT_AND_LEFT.names:
        assert isnan(values[name, "dice"].old) and values[name, "dice"].new == 1.0
    assert {value.of.against for value in found} == {"old"}
    assert {of.against for of in measures(child, child)} == {""}


def test_empty_masks_have_no_answer() -> None:
    nothing = np.zeros((20, 20), np.uint8)
    found = measured(THREE, nothing, nothing, nothing)
    assert all(isnan(value.old) and isnan(value.new) for value in found.values())
