"""How much a pixel counts in the loss."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from net_fakes import tiny_samples

from napari_unet.core.border_weights import BorderWeights, between_objects
from napari_unet.core.partition import objects_of
from napari_unet.training.pixel_weights import in_balance, with_border_weights
from napari_unet.training.samples import Samples

NARROW = BorderWeights(sigma=2.0)


def samples(*masks: np.ndarray, valid: np.ndarray | None = None) -> Samples:
    """One image with a label for each mask."""
    stacked = np.stack(masks)[None].astype(np.float32)
    counted = np.ones_like(stacked[:, :1]) if valid is None else valid[None, None].astype(np.float32)
    return Samples(np.zeros_like(counted), stacked, counted)


def test_the_first_term_balances_the_classes() -> None:
    mask = np.zeros((8, 8), bool)
    mask[:2] = True  # one object: there is no second term
    found = with_border_weights(samples(mask), NARROW, (8, 8)).weights
    assert found is not None and found.shape == (1, 1, 8, 8)
    assert found[0, 0][mask].sum() == pytest.approx(found[0, 0][~mask].sum())
    assert found.mean() == pytest.approx(1)


def test_pixels_that_do_not_count_do_not_balance() -> None:
    mask, valid = np.zeros((8, 8), bool), np.ones((8, 8), bool)
    mask[:2], valid[4:] = True, False
    found = with_border_weights(samples(mask, valid=valid), NARROW, (8, 8)).weights
    assert found is not None
    np.testing.assert_allclose(found[0, 0][:4], 1)  # as many of either


def test_the_second_term_is_added() -> None:
    mask = np.zeros((9, 12), bool)
    mask[:, :5] = mask[:, 6:] = True
    plain, found = (
        with_border_weights(samples(mask), replace(NARROW, w0=w0), (9, 12)).weights for w0 in (1e-9, 10)
    )
    assert plain is not None and found is not None
    expected = between_objects(objects_of(mask), NARROW)
    np.testing.assert_allclose((found - plain)[0, 0], expected, rtol=1e-5)


def test_objects_of_two_labels_are_two_though_they_touch_none_of_their_own() -> None:
    one, two = np.zeros((2, 6, 9), bool)
    one[:, :4], two[:, 5:] = True, True
    found = with_border_weights(samples(one, two), NARROW, (6, 9)).weights
    assert found is not None and (found[0, 0, :, 4] > 9).all()


def test_sigma_is_in_pixels_of_the_network_s_input() -> None:
    """Samples that are kept larger have a wider border by as much."""
    mask = np.zeros((40, 60), bool)
    mask[:, :27], mask[:, 33:] = True, True
    found = with_border_weights(samples(mask), NARROW, (20, 30)).weights
    assert found is not None
    rise = found[0, 0, :, 27:33] - found[0, 0, :, 27:33].min()
    term = between_objects(objects_of(mask), BorderWeights(sigma=4.0))[:, 27:33]
    np.testing.assert_allclose(rise, term - term.min(), rtol=1e-4, atol=1e-5)


def test_without_weights_samples_stay_and_batches_have_no_further_channel() -> None:
    plain = tiny_samples(2)
    assert with_border_weights(plain, None, (48, 48)) is plain
    assert plain.batch([0])[1].shape[1] == 2
    found = with_border_weights(plain, NARROW, (48, 48))
    labels = found.batch([1])[1]
    assert labels.shape[1] == 3 and found.weights is not None
    np.testing.assert_allclose(labels[0, 2] + 1, found.weights[1, 0])


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 99), labels=st.integers(1, 3), share=st.floats(0, 1))
def test_each_class_that_is_there_counts_as_often(seed: int, labels: int, share: float) -> None:
    rng = np.random.default_rng(seed)
    which = np.where(rng.random((2, 8, 9)) < share, rng.integers(1, labels + 1, (2, 8, 9)), 0)
    masks = torch.from_numpy(np.stack([which == k + 1 for k in range(labels)], axis=1)).float()
    valid = torch.from_numpy(rng.random((2, 1, 8, 9)) < 0.8).float()
    kept = in_balance(masks, valid, torch.Generator().manual_seed(seed))
    assert set(kept.unique().tolist()) <= {0.0, 1.0} and (kept <= valid).all()
    for image, there, chosen in zip(which, valid[:, 0].numpy() > 0, kept[:, 0].numpy() > 0, strict=True):
        counts = np.bincount(image[there], minlength=labels + 1)
        least = counts[counts > 0].min(initial=there.sum())
        found = np.bincount(image[chosen], minlength=labels + 1)
        assert found.tolist() == [least if count else 0 for count in counts]


def test_what_counts_is_drawn_again_and_by_its_generator() -> None:
    masks = torch.zeros(1, 1, 16, 16)
    masks[..., :2, :] = 1
    generator = torch.Generator().manual_seed(3)
    one, two = (in_balance(masks, torch.ones_like(masks), generator) for _ in range(2))
    again = in_balance(masks, torch.ones_like(masks), torch.Generator().manual_seed(3))
    assert not torch.equal(one, two) and torch.equal(one, again)
    assert (one[masks > 0] == 1).all() and one.sum() == 64
