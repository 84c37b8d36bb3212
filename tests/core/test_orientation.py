from __future__ import annotations

import pytest

from napari_unet.core.orientation import is_right_lung_on_the_left, sides


@pytest.mark.parametrize(
    ("towards", "letters", "assumed"), [("L", "RL", False), ("R", "LR", False), (None, "RL", True)]
)
def test_letters_at_the_edges(towards: str | None, letters: str, assumed: bool) -> None:
    one = sides(towards)
    assert one.at_left + one.at_right == letters
    assert one.assumed is assumed
    assert bool(one.note) is assumed
    assert is_right_lung_on_the_left(towards) is (letters == "RL")


@pytest.mark.parametrize("wrong", ["", "l", "A", "left"])
def test_anything_else_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="columns_towards"):
        sides(wrong)
