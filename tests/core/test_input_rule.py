from __future__ import annotations

from typing import Any

import pytest

from napari_unet.core.errors import UserError
from napari_unet.core.input_rule import InputRule


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"size": (8, 8), "spacing_mm": (1, 1)}, "not both"),
        ({"size": (8, 8, 8)}, "2 numbers"),
        ({"size": (8, 8), "axes": 3}, "3 numbers"),
        ({"spacing_mm": (1, 1), "axes": 3}, "3 numbers"),
        ({"size": (0, 8)}, "1 to"),
        ({"size": (1000, 10_000, 10_000), "axes": 3}, "in all"),
        ({"spacing_mm": (0.001, 1)}, "mm"),
        ({"axes": 4}, "2 or 3 axes"),
        ({"neighbours": -1}, "neighbours"),
        ({"neighbours": 17}, "neighbours"),
        ({"neighbours": 1, "axes": 3}, "volumes none"),
    ],
)
def test_rules_that_cannot_be_are_refused(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        InputRule(**fields)


def test_the_last_slice_is_repeated_at_the_ends_of_a_stack() -> None:
    rule = InputRule(neighbours=2)
    assert rule.channels == 5
    assert rule.slices(0, 4) == (0, 0, 0, 1, 2)
    assert rule.slices(2, 4) == (0, 1, 2, 3, 3)
    assert rule.slices(0, 1) == (0,) * 5
    assert InputRule().slices(3, 4) == (3,)


def test_the_grid_of_a_field() -> None:
    assert InputRule(size=(4, 6)).grid((100, 50), None) == (4, 6)
    assert InputRule().grid((100, 50), None) == (100, 50)
    assert InputRule(spacing_mm=(2, 1)).grid((100, 50), (1, 1)) == (50, 50)
    volume = InputRule(spacing_mm=(5, 1, 1), axes=3)
    assert volume.grid((20, 100, 50), (2.5, 0.5, 2)) == (10, 50, 100)
    with pytest.raises(UserError, match="needs the pixel spacing"):
        volume.grid((20, 100, 50), None)
    with pytest.raises(UserError, match="10000 × 10000 × 1000 pixels"):
        InputRule(spacing_mm=(1, 1, 1), axes=3).grid((1000, 100, 100), (1, 100, 100))
    with pytest.raises(UserError, match="1 × 100000 × 20 pixels"):
        InputRule(spacing_mm=(1, 1, 1), axes=3).grid((20, 100, 1), (1, 1000, 1))


def test_a_larger_rule_keeps_everything_but_the_size() -> None:
    assert InputRule(size=(5, 6), neighbours=1).larger(1.5) == InputRule(size=(8, 9), neighbours=1)
    with pytest.raises(ValueError, match="no size"):
        InputRule().larger(1.5)


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (InputRule(size=(48, 64)), "the whole image at 64 × 48 pixels"),
        (InputRule(size=(8, 48, 64), axes=3), "the whole volume at 64 × 48 × 8 pixels"),
        (InputRule(spacing_mm=(0.5, 0.5)), "0.5 mm a pixel, in tiles"),
        (
            InputRule(spacing_mm=(2, 1), neighbours=3),
            "1 × 2 mm a pixel, in tiles, each slice with 3 on either side",
        ),
        (InputRule(), "native pixels, in tiles"),
    ],
)
def test_rules_in_words(rule: InputRule, words: str) -> None:
    assert rule.in_words() == words
