"""Which side of the patient is which side of the image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SIDES_ASSUMED = "Right and left are assumed, as in a PA or AP view."
SIDES_ASSUMED_IN_VOLUME = "Right and left are assumed: nothing in the file tells them."
ASSUMED = "Left and right are assumed: the patient's right is on the image's left, as in a PA or AP view."


@dataclass(frozen=True)
class Sides:
    """The letters at the image's left and right edge ("R" and "L"), and whether they are only assumed."""

    at_left: str
    at_right: str
    assumed: bool

    @property
    def note(self) -> str:
        """What to show the user; empty if the header says which side is which."""
        return ASSUMED if self.assumed else ""


def sides(row_direction: str | None) -> Sides:
    """Letters for the edges of an image whose X increases to the patient's side `row_direction`.

    row_direction : "L", "R" or None, which means that nothing says so: "L" is assumed, which puts the
        patient's right on the image's left.
    """
    if row_direction not in ("L", "R", None):
        raise ValueError(f'row_direction must be "L", "R" or None, got {row_direction!r}')
    if row_direction == "R":
        return Sides(at_left="L", at_right="R", assumed=False)
    return Sides(at_left="R", at_right="L", assumed=row_direction is None)


def is_right_lung_on_the_left(row_direction: str | None) -> bool:
    """Whether the patient's right lung is on the image's left half."""
    return sides(row_direction).at_left == "R"


_WORLD = (("I", "S"), ("A", "P"), ("R", "L"))  # of the axes of Raster.affine: where less and where more leads
OPPOSITE = {"I": "S", "S": "I", "A": "P", "P": "A", "R": "L", "L": "R"}


def axes_towards(affine: np.ndarray | None) -> tuple[str, str, str] | None:
    """Where each axis (Z, Y, X) of a volume leads in the patient: "S" or "I", "A" or "P", "L" or "R".

    affine : of Raster, (4, 4). None if it is not that of a volume, or two axes would lead the same way.
    """
    if affine is None or np.shape(affine) != (4, 4):
        return None
    steps = np.asarray(affine, float)[:3, :3]
    if not np.isfinite(steps).all() or (np.linalg.norm(steps, axis=0) == 0).any():
        return None
    steps = steps / np.linalg.norm(steps, axis=0)
    world = np.abs(steps).argmax(axis=0)
    if len(set(world)) < 3:
        return None
    first, second, third = (_WORLD[way][int(steps[way, axis] > 0)] for axis, way in enumerate(world))
    return first, second, third


def in_plane(affine: np.ndarray | None) -> dict[str, str]:
    """`row_direction` and `column_direction` of each slice of a volume, as in Raster.

    Empty if the affine says nothing, or slices are not axial.
    """
    towards = axes_towards(affine)
    if towards is None or towards[1] not in "AP" or towards[2] not in "LR":
        return {}
    return {"row_direction": towards[2], "column_direction": towards[1]}


def is_mirrored(affine: np.ndarray | None, order: tuple[int, ...] = (0, 1, 2)) -> bool:
    """Whether a volume is mirrored where its axes lead towards the viewer, down and to the right.

    affine : of Raster, (4, 4), whose world axes (superior, posterior, left) form a left-handed system; the
    three directions on the screen, in that order, a right-handed one. order : which axis leads which way.
    False if the affine is missing or not that of a volume.
    """
    if affine is None or np.shape(affine) != (4, 4) or sorted(order) != [0, 1, 2]:
        return False
    turned = np.asarray(affine, float)[:3, :3][:, list(order)]
    return bool(np.isfinite(turned).all() and np.linalg.det(turned) > 0)
