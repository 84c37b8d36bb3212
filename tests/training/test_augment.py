from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
import torch
from net_fakes import lungs, xray
from torch import Tensor

from napari_unet.training.augment import Augment
from napari_unet.training.augment_config import AugmentConfig

NOTHING = AugmentConfig(0, *[0.0] * (len(fields(AugmentConfig)) - 1))
GEOMETRY = replace(NOTHING, strength=1.0, flip=0.5, reframe=0.6, elastic=1.0)
LOOKS = ("curve", "field", "random_convolution", "detail", "noise", "opacity", "cover")
SIZE = (48, 48)


def _batch(n: int = 6, side: int = 72) -> tuple[Tensor, Tensor]:
    mask = lungs(side, side)
    images = np.stack([xray(mask, k) for k in range(n)])[:, None]
    return torch.from_numpy(images), torch.from_numpy(mask).float().expand(n, 1, side, side).clone()


@pytest.mark.parametrize("n", [1, 6])
def test_shapes_ranges_and_kinds(n: int) -> None:
    images, masks = _batch(n)
    for seed in range(5):
        x, y = Augment(AugmentConfig(strength=2.0), seed)(images, masks, (48, 64))
        assert x.shape == y.shape == (n, 1, 48, 64)
        assert x.dtype == y.dtype == torch.float32
        assert x.isfinite().all() and x.min() >= 0 and x.max() <= 1
        assert set(y.unique().tolist()) <= {0.0, 1.0}


def test_the_same_seed_gives_the_same_and_the_global_generator_is_not_touched() -> None:
    images, masks = _batch()
    torch.manual_seed(0)
    before = torch.get_rng_state()
    one, other = Augment(AugmentConfig(), 7), Augment(AugmentConfig(), 7)
    for _ in range(3):
        (a, m), (b, k) = one(images, masks, SIZE), other(images, masks, SIZE)
        assert torch.equal(a, b) and torch.equal(m, k)
    assert torch.equal(torch.get_rng_state(), before)
    assert not torch.equal(a, Augment(AugmentConfig(), 8)(images, masks, SIZE)[0])


def test_inputs_are_left_alone() -> None:
    images, masks = _batch()
    copies = images.clone(), masks.clone()
    Augment(AugmentConfig(strength=2.0), 0)(images, masks, SIZE)
    assert torch.equal(images, copies[0]) and torch.equal(masks, copies[1])


@pytest.mark.parametrize("seed", range(8))
def test_image_and_mask_stay_aligned(seed: int) -> None:
    """An image that is the mask is moved as the mask is."""
    _, masks = _batch()
    x, y = Augment(GEOMETRY, seed)(masks, masks, SIZE)
    assert torch.equal((x >= 0.5).float(), y)
    assert not torch.equal(y[0], y[1])


@pytest.mark.parametrize("seed", range(4))
def test_looks_never_move_the_mask(seed: int) -> None:
    images, masks = _batch()
    _, still = Augment(NOTHING, seed)(images, masks, SIZE)
    looks = replace(NOTHING, **dict.fromkeys(LOOKS, 1.0))
    x, y = Augment(looks, seed)(images, masks, SIZE)
    assert torch.equal(y, still)
    assert (x - Augment(NOTHING, seed)(images, masks, SIZE)[0]).abs().mean() > 0.01


def test_nothing_switched_on_only_resizes() -> None:
    images, masks = _batch()
    x, y = Augment(NOTHING, 0)(images, masks, (72, 72))
    low, high = 0.2 - 0.03 * 3, 0.8 + 0.03 * 3  # about the percentiles that become 0 and 1
    assert (x - (images - low) / (high - low)).abs().mean() < 0.03
    assert torch.equal(y, masks)


def test_a_flip_mirrors_both() -> None:
    _, masks = _batch(1)
    masks[..., 36:] = 0  # one lung
    x, y = Augment(replace(NOTHING, flip=1.0), 0)(masks, masks, (72, 72))
    assert torch.equal(y, masks.flip(-1))
    assert torch.equal((x >= 0.5).float(), y)


def test_reframing_keeps_the_lungs_in_view() -> None:
    images, masks = _batch(8)
    for seed in range(4):
        _, y = Augment(replace(NOTHING, reframe=1.0), seed)(images, masks, SIZE)
        share = y.mean(dim=(1, 2, 3))  # margins of -2 to 32 % of the lungs' box on each side
        full = masks[0].sum() / (0.76 * 0.78 * 72**2)
        assert share.min() > full / 1.7**2 and share.max() < full / 0.93**2
        assert share.unique().numel() == len(share)


@pytest.mark.parametrize("name", LOOKS)
def test_each_change_can_be_switched_on_alone(name: str) -> None:
    images, masks = _batch()
    alone = Augment(replace(NOTHING, **{"strength": 1.0, name: 1.0}), 1)
    plain = Augment(replace(NOTHING, strength=1.0), 1)
    assert (alone(images, masks, SIZE)[0] - plain(images, masks, SIZE)[0]).abs().max() > 0.01


def test_an_effusion_whitens_what_it_takes_from_the_mask() -> None:
    images, masks = _batch(8)
    for seed in range(4):
        x, y = Augment(replace(NOTHING, effusion=1.0), seed)(images, masks, (72, 72))
        gone = (masks > 0) & (y == 0)
        assert torch.all(y <= masks)
        assert gone.flatten(1).any(dim=1).all()
        assert x[gone].mean() > images[gone].mean() + 0.3
        assert (x[y > 0] < 0.5).float().mean() > 0.95  # what is left is as dark as before


def test_an_image_without_a_mask_and_a_constant_image() -> None:
    images, masks = torch.full((2, 1, 72, 72), 0.5), torch.zeros(2, 1, 72, 72)
    for seed in range(4):
        x, y = Augment(AugmentConfig(), seed)(images, masks, SIZE)
        assert x.isfinite().all() and not y.any()


@pytest.mark.parametrize("wrong", [{"flip": 1.1}, {"noise": -0.1}, {"strength": 2.5}, {"strength": -1}])
def test_settings_check_themselves(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        AugmentConfig(**wrong)


def test_the_random_stream_is_the_one_of_the_shipped_model() -> None:
    """The recipe of the shipped model gives that model only as long as these numbers stay."""
    images, masks = _batch(2)
    augment = Augment(AugmentConfig(), 0)
    for _ in range(10):
        x, y = augment(images, masks, SIZE)
    assert int(augment.generator.get_state().sum()) == 313_811
    assert float(y.sum()) == pytest.approx(1271, abs=4)
    assert float(x.mean()) == pytest.approx(0.4624, abs=1e-3)


def test_what_does_not_count_goes_where_the_mask_goes() -> None:
    images, masks = _batch()
    for seed in range(5):
        x, y = Augment(GEOMETRY, seed)(images, masks.repeat(1, 2, 1, 1), SIZE)
        assert torch.equal(y[:, 0], y[:, 1])
        plain, alone = Augment(GEOMETRY, seed)(images, masks, SIZE)
        assert torch.equal(x, plain) and torch.equal(y[:, :1], alone)


def test_what_does_not_count_frames_nothing_and_stays_under_fluid() -> None:
    images, masks = _batch()
    both = torch.cat([masks, torch.ones_like(masks)], dim=1)
    for change in ("reframe", "effusion"):
        alone = replace(NOTHING, **{change: 1.0})
        x, y = Augment(alone, 3)(images, both, (72, 72))
        plain, mask = Augment(alone, 3)(images, masks, (72, 72))
        assert torch.equal(x, plain) and torch.equal(y[:, :1], mask)
        if change == "effusion":
            assert y[:, 1].all() and not torch.equal(mask, masks)


def test_displacements_are_those_of_the_paper_on_a_grid_of_three_by_three() -> None:
    """Standard deviation 10 pixels along both axes; between the grid's points bicubic (2015, section 3.1)."""
    config = replace(NOTHING, elastic=1.0, elastic_px=10.0)
    pixels = Augment(config, 0).bend(2000, (65, 129)) * torch.tensor([129 / 2, 65 / 2]).view(1, 2, 1, 1)
    points = pixels[:, :, ::32, ::64]
    assert points.shape == (2000, 2, 3, 3)
    torch.testing.assert_close(points.std(dim=0), torch.full((2, 3, 3), 10.0), rtol=0.08, atol=0)
    again = torch.nn.functional.interpolate(points, (65, 129), mode="bicubic", align_corners=True)
    torch.testing.assert_close(again, pixels, rtol=1e-4, atol=1e-3)


def test_images_bend_by_pixels_of_the_network_s_input() -> None:
    images = torch.linspace(0, 1, 64).expand(40, 1, 64, 64).clone()  # grey values tell columns
    config = replace(NOTHING, elastic=1.0, elastic_px=2.0)
    augment = Augment(config, 5, hounsfield=True)
    moved, _ = augment(images, torch.zeros(40, 1, 64, 64), (64, 64))
    shift = (moved - images)[:, 0, 16:48, 16:48] * 63
    assert 1.0 < float(shift.std()) < 2.5


@pytest.mark.parametrize("turn", [0.0, 1.0])
def test_turns_and_mirror_images_are_the_eight_of_a_square(turn: float) -> None:
    square = torch.rand(1, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    images = square.expand(200, 1, 16, 16).clone()
    config = replace(NOTHING, flip=0.5, upside_down=0.5, turn=turn)
    moved, _ = Augment(config, 1, hounsfield=True)(images, torch.zeros_like(images), (16, 16))
    eight = [torch.rot90(one, k, (2, 3)) for one in (square, square.flip(3)) for k in range(4)]
    near = torch.stack([(moved - one).abs().amax(dim=(1, 2, 3)) < 1e-4 for one in eight])
    assert (near.sum(dim=0) == 1).all()
    quarter = near[[1, 3, 5, 7]].any(dim=0).float().mean()
    assert (near.any(dim=1).all() and 0.5 < quarter < 0.85) if turn else quarter == 0


def test_weights_move_with_the_masks_and_are_not_rounded() -> None:
    _, masks = _batch()
    weights = masks * 3.5
    ignored = torch.zeros_like(masks)
    _, found = Augment(GEOMETRY, 2)(masks, torch.cat([masks, ignored, weights], dim=1), SIZE)
    assert set(found[:, :2].unique().tolist()) <= {0.0, 1.0}
    inner = found[:, 2:]
    assert ((inner > 0.1) & (inner < 3.4)).any() and inner.max() <= 3.5 + 1e-4
    assert ((inner >= 1.75) == (found[:, :1] > 0)).float().mean() > 0.999


def test_what_a_recipe_does_not_ask_for_draws_no_numbers() -> None:
    """Trainings of before go on as they began."""
    images, masks = _batch()
    one, other = Augment(AugmentConfig(), 3), Augment(AugmentConfig(), 3)
    for augment in (one, other):
        augment(images, masks, SIZE)
    other.config = replace(other.config, turn=0.5)
    a, b = (augment(images, masks, SIZE)[0] for augment in (one, other))
    assert not torch.equal(a, b)


@pytest.mark.parametrize("setting", [{"elastic_px": -1}, {"elastic_px": 101}, {"turn": 1.1}])
def test_settings_out_of_range_are_refused(setting: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=f"augment.{next(iter(setting))} must lie in"):
        AugmentConfig(**setting)
