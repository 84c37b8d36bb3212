from __future__ import annotations

import numpy as np
import pytest

from napari_unet.core.orientation import axes_towards, is_mirrored, is_right_lung_on_the_left, sides


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
    with pytest.raises(ValueError, match="row_direction"):
        sides(wrong)


@pytest.mark.parametrize(
    ("affine", "expected"),
    [
        (np.diag([4.0, 1, 1, 1]), ("S", "P", "L")),
        (np.diag([-4.0, 1, -1, 1]), ("I", "P", "R")),
        (np.array([[0, 0, 1.0, 5], [1, 0.2, 0, 5], [0, -1, 0, 5], [0, 0, 0, 1]]), ("P", "R", "S")),
        (np.diag([1.0, 1, 1]), None),
        (np.zeros((4, 4)), None),
        (np.array([[1.0, 1, 0, 0], [0, 0.1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]), None),
        (None, None),
    ],
)
def test_where_the_axes_of_a_volume_lead(affine, expected):
    assert axes_towards(affine) == expected


@pytest.mark.parametrize(
    ("steps", "mirrored"),
    [((4, 1, 1), True), ((-4, 1, 1), False), ((4, 1, -1), False), ((4, -1, -1), True)],
)
def test_a_volume_is_mirrored_in_3d_if_it_has_the_other_handedness(steps, mirrored):
    affine = np.diag([*map(float, steps), 1.0])
    assert is_mirrored(affine) is mirrored
    assert is_mirrored(affine, (1, 0, 2)) is not mirrored, "two axes have changed places"
    assert is_mirrored(affine, (1, 2, 0)) is mirrored
    oblique = affine.copy()
    turn = np.deg2rad(20)
    oblique[:3, :3] = (
        np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
        @ affine[:3, :3]
    )
    assert is_mirrored(oblique) is mirrored


def test_without_a_place_in_the_patient_nothing_is_called_mirrored():
    assert not is_mirrored(None) and not is_mirrored(np.eye(3)) and not is_mirrored(np.full((4, 4), np.nan))
    assert not is_mirrored(np.eye(4), (0, 1))
