"""What the numbers in a mask mean, as a value."""

from __future__ import annotations

import numpy as np
import pytest

from napari_unet.core.label_set import LUNGS, RIGHT_AND_LEFT, Label, LabelSet, named_set
from napari_unet.core.labels import IGNORE

MASK = np.array([[0, 1, 2], [3, IGNORE, 1]], np.uint8)


def test_strays_are_what_the_set_does_not_know() -> None:
    assert LUNGS.strays(MASK) == (2, 3) and RIGHT_AND_LEFT.strays(MASK) == (3,)
    sure = LabelSet("sure", LUNGS.labels, not_sure=False)
    assert sure.strays(MASK) == (2, 3, IGNORE)


def test_names() -> None:
    assert RIGHT_AND_LEFT.in_words() == "1 right lung, 2 left lung"
    assert named_set(("lung",)) is LUNGS and named_set(("right lung", "left lung")) is RIGHT_AND_LEFT
    assert named_set(("heart", "lung")).values == (1, 2)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Label(0, "background"),
        lambda: Label(IGNORE, "not sure"),
        lambda: Label(1, ""),
        lambda: LabelSet("none", ()),
        lambda: LabelSet("twice", (Label(1, "a"), Label(1, "b"))),
        lambda: LabelSet("twice", (Label(1, "a"), Label(2, "a"))),
    ],
)
def test_what_cannot_be_a_label_or_a_set(make) -> None:
    with pytest.raises(ValueError):
        make()
