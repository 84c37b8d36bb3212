from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_unet.training.adapt_config import FASTER, GENTLE, PRESETS, VARIED, AdaptConfig
from napari_unet.training.augment_config import AugmentConfig

COUNTS = st.integers(0, 10_000)


@given(st.sampled_from(list(PRESETS)), COUNTS, COUNTS)
def test_more_images_never_get_fewer_steps(preset: str, few: int, many: int) -> None:
    config = PRESETS[preset]
    few, many = sorted((few, many))
    fewer, more = config.for_images(few), config.for_images(many)
    assert config.steps <= fewer.steps <= more.steps <= config.most
    assert more == replace(config, steps=more.steps, per_image=0)
    assert more.for_images(few) == more


def test_eight_images_are_what_quick_was_measured_with() -> None:
    assert PRESETS["quick"].for_images(8).steps == 46
    assert PRESETS["quick"].for_images(20).steps == 115


def test_steps_alone_are_what_was_asked_for() -> None:
    assert AdaptConfig(steps=7).for_images(1000).steps == 7
    assert AdaptConfig(steps=7, per_image=2, most=5).for_images(3).steps == 7


@pytest.mark.parametrize("wrong", [{"per_image": -1}, {"per_image": float("nan")}, {"steps": 0}])
def test_settings_that_cannot_be(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError):
        AdaptConfig(**wrong)  # type: ignore[arg-type]


def test_parts_of_their_own_learn_faster_from_varied_images_with_less_replay() -> None:
    further = PRESETS["quick"].for_further_answer()
    assert (further.replay, further.frozen) == (0.5, 0)
    assert replace(PRESETS["quick"], replay=0).for_further_answer().replay == 0
    assert further.learning_rate == FASTER * PRESETS["quick"].learning_rate
    assert further.augment == VARIED != GENTLE and VARIED.effusion == 0
    assert (further.for_images(8).steps, PRESETS["quick"].for_images(8).steps) == (65, 46)
    assert AdaptConfig(steps=7).for_further_answer().for_images(100).steps == 7
    own = AugmentConfig(strength=0.25)
    assert replace(PRESETS["quick"], augment=own).for_further_answer().augment == own
