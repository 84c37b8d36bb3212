from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_unet.core.intensity import IntensityRule

IMAGE = np.random.default_rng(0).integers(0, 4096, (31, 47), dtype=np.uint16)


def test_a_window_is_taken_as_it_is() -> None:
    hu = np.array([[-2000, -1000, -300, 400, 3000]], np.int16)
    rule = IntensityRule("window", -1000, 400)
    np.testing.assert_allclose(rule.apply(hu), [[0, 0, 0.5, 1, 1]])
    np.testing.assert_allclose(rule.apply(hu, inverted=True), [[1, 1, 0.5, 0, 0]])


def test_percentiles_are_those_of_the_image() -> None:
    rule = IntensityRule("percentiles", 1, 99)
    assert rule.limits(IMAGE) == pytest.approx(tuple(np.percentile(IMAGE, [1, 99])))
    scaled = rule.apply(IMAGE)
    assert scaled.dtype == np.float32 and scaled.shape == IMAGE.shape
    assert scaled.min() == 0 and scaled.max() == 1


@given(gain=st.floats(0.1, 10), offset=st.floats(-1000, 1000))
def test_percentiles_undo_gain_and_offset(gain: float, offset: float) -> None:
    rule = IntensityRule("percentiles", 1, 99)
    np.testing.assert_allclose(rule.apply(IMAGE * gain + offset), rule.apply(IMAGE), atol=1e-3)


def test_inversion_is_black_for_white() -> None:
    rule = IntensityRule("percentiles", 0, 100)
    np.testing.assert_allclose(rule.apply(IMAGE.max() - IMAGE, inverted=True), rule.apply(IMAGE), atol=1e-6)
    assert rule.apply(IMAGE, inverted=True).dtype == np.float32


def test_a_constant_image_becomes_zero() -> None:
    assert not IntensityRule("percentiles", 1, 99).apply(np.full((5, 5), 7)).any()


@pytest.mark.parametrize("shape", [(3000, 2000), (40, 300, 300)])
def test_a_sample_of_a_large_image_is_enough(shape: tuple[int, ...]) -> None:
    ramp = np.broadcast_to(np.linspace(0, 1000, shape[-1], dtype=np.float32), shape)
    low, high = IntensityRule("percentiles", 5, 95).limits(ramp)
    assert low == pytest.approx(50, abs=5) and high == pytest.approx(950, abs=5)


@pytest.mark.parametrize(
    ("kind", "low", "high"),
    [("window", 5, 5), ("window", 9, 5), ("percentiles", -1, 99), ("percentiles", 1, 101)],
)
def test_a_rule_checks_itself(kind: str, low: float, high: float) -> None:
    with pytest.raises(ValueError):
        IntensityRule(kind, low, high)  # type: ignore[arg-type]
