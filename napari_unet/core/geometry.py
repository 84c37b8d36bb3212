"""Where images and masks lie in the patient, and how a mask gets onto the grid of its image.

Affines here take the index (Z, Y, X) of an array as it is shown, in homogeneous coordinates, to mm towards
the patient's superior, posterior and left, as Raster.affine does. A 2D image is a volume of one slice.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from napari_unet.core.errors import UserError

SAME = 0.1
"""Grids are the same if no corner lies farther apart than this share of a voxel.

Headers round to less than a hundredth of a voxel, and up to half a voxel the nearest neighbour of each voxel
is the voxel itself."""
OUTSIDE = 0.01
"""Share of a mask's voxels that may fall outside its image."""

_TOWARDS = (("down", "up"), ("forwards", "backwards"), ("to the patient's right", "to the patient's left"))
_LIES = (("inferior", "superior"), ("anterior", "posterior"), ("right", "left"))
_UNIT = 1e-3  # how far an affine of whole steps may be from one
_TOLD_MM = 0.05  # shorter shifts along one axis are not reported
_HALF = 1e-4  # of a voxel: rounding errors
_PARALLEL = 0.9  # cosine between the planes of two 2D images


_AS_STORED = ((2, 1, 0), (False, False, False))

RAS_TO_SPL = np.array([[0, 0, 1, 0], [0, -1, 0, 0], [-1, 0, 0, 0], [0, 0, 0, 1]], float)
"""From mm towards right, anterior and superior, as NIfTI counts them, to those of the affines here."""
_LPS_TO_SPL = [2, 1, 0]


class MisplacedMask(UserError):
    """A mask and its image do not lie in one place; the words name no file."""


@dataclass(frozen=True)
class Geometry:
    """Where an array lies.

    shape : (Z, Y, X); Z is 1 where `flat`, for a 2D image. affine : see this module; None where the file
    does not say. placeless : the affine says nothing: steps of 1 from the origin, as programs write it that
    know no better. stored : letters of the directions in which the file's own axes run ("RAS"), "" if
    unknown. turns : how the array as it is shown comes from the file's own: its axis that each of Z, Y, X
    shows, and which of them are flipped. note : what is odd about it, in words. assumed : where there is no
    affine, the one that other programs write into a mask of such an image.
    """

    shape: tuple[int, int, int]
    affine: np.ndarray | None
    flat: bool = False
    placeless: bool = False
    stored: str = ""
    turns: tuple[tuple[int, int, int], tuple[bool, bool, bool]] = _AS_STORED
    note: str = ""
    assumed: np.ndarray | None = None

    @property
    def real(self) -> bool:
        """Whether it says where in the patient the array lies."""
        return self.affine is not None and not self.placeless

    def words(self) -> str:
        """For people: size, spacing, direction and place."""
        shape = self.shape[1:] if self.flat else self.shape
        size = " × ".join(map(str, shape)) + (" pixels" if self.flat else " voxels")
        if self.affine is None:
            return f"{size}, no place given (neither qform nor sform)"
        if self.placeless:
            return f"{size}, steps of 1 from the origin, which is no place (identity affine)"
        steps = np.linalg.norm(self.affine[:3, :3], axis=0)[1 if self.flat else 0 :]
        spacing = " × ".join(f"{step:.4g}" for step in steps)
        place = ", ".join(
            f"{abs(mm):.1f} mm {_LIES[axis][int(mm > 0)]}" for axis, mm in enumerate(self.centre())
        )
        stored = f", stored {self.stored}" if self.stored else ""
        return f"{size} of {spacing} mm{stored}, centre {place}"

    def centre(self) -> np.ndarray:
        """(3,): mm of the middle of the array; only where there is an affine."""
        assert self.affine is not None
        middle = (np.array(self.shape) - 1) / 2
        return np.asarray(self.affine[:3, :3] @ middle + self.affine[:3, 3])


def is_sound(affine: np.ndarray) -> bool:
    """Whether a (4, 4) affine is finite and not singular."""
    volume = np.prod(np.linalg.norm(affine[:3, :3], axis=0))
    return bool(
        np.isfinite(affine).all() and volume > 0 and abs(np.linalg.det(affine[:3, :3])) > 1e-6 * volume
    )


def is_placeless(affine: np.ndarray, shape: tuple[int, ...]) -> bool:
    """Whether a (4, 4) affine says nothing: steps of 1 along the axes with a corner voxel at the origin."""
    steps = np.abs(affine[:3, :3])
    along = np.allclose(steps, np.rint(steps), atol=_UNIT) and (np.rint(steps).sum(axis=0) == 1).all()
    if not along or (np.rint(steps).sum(axis=1) != 1).any():
        return False
    corners = product(*((0, length - 1) for length in shape[:3]))
    return any(np.allclose(affine[:3, :3] @ corner + affine[:3, 3], 0, atol=_UNIT) for corner in corners)


def apart(first: np.ndarray, second: np.ndarray, shape: tuple[int, ...]) -> float:
    """The longest distance in mm between the places that two affines give to a corner of an array."""
    corners = np.array(list(product(*((0, length - 1) for length in shape), (1,))), float)
    return float(np.linalg.norm((corners @ (first - second).T)[:, :3], axis=1).max())


def same_grid(first: Geometry, second: Geometry) -> bool:
    """Whether both have the same voxels, to `SAME`; what lies across a 2D image does not count."""
    if first.affine is None or second.affine is None or first.shape != second.shape:
        return False
    one, other = (_without_depth(each) for each in (first, second)) if first.flat else (first, second)
    assert one.affine is not None and other.affine is not None
    step = np.linalg.norm(one.affine[:3, :3], axis=0).min()
    return apart(one.affine, other.affine, first.shape) <= SAME * float(step)


def lie_together(mask: Geometry | None, image: Geometry | None) -> bool:
    """Whether a mask belongs onto its image pixel by pixel, as far as both say: as open layers must."""
    if mask is None or image is None or same_grid(mask, image):
        return True
    return not (mask.real or image.real) and mask.turns == image.turns


def on_grid_of(
    labels: np.ndarray, mask: Geometry | None, image: Geometry | None
) -> tuple[np.ndarray, tuple[str, ...]]:
    """A mask's labels on the grid of its image, and what was done, in words.

    labels : (Y, X) or (Z, Y, X), as shown. mask, image : None for files that have no such geometry.

    If both lie on one grid, or neither says where it lies, nothing changes. Otherwise each voxel of the image
    gets the label of the nearest voxel of the mask. Raises MisplacedMask with both geometries if only one
    says where it lies, if more than 1 % of the mask falls outside the image, or if it cannot be known how the
    mask is turned. Where one alone is a volume, the caller refuses them by their shapes.
    """
    if mask is None:
        return labels, ()
    notes = (mask.note,) if mask.note else ()
    if image is None:
        if not mask.real and mask.turns != _AS_STORED:
            raise MisplacedMask(
                f"The mask file gives no orientation ({mask.words()}), and its image is not a NIfTI file "
                "from which to take it.",
                "Save the mask as PNG or TIFF, or with its position and orientation.",
            )
        return labels, notes
    if mask.flat != image.flat:
        return labels, notes
    if same_grid(mask, image):
        return labels, notes + _turn_note(mask, image)
    if (pair := _assumed_alike(mask, image)) is not None:
        return _resampled(labels, *pair), notes
    if not (mask.real or image.real) and (mask.turns == image.turns or mask.shape != image.shape):
        return labels, notes
    if not (mask.real and image.real):
        raise MisplacedMask(
            f"{_which(mask, image)} Mask: {mask.words()}. Image: {image.words()}.",
            "Save the mask with the geometry of its image (its affine), as the program that drew it knew it.",
        )
    moved = _resampled(labels, mask, image)
    return moved, (*notes, *_shift_note(mask, image), *_turn_note(mask, image))


def _assumed_alike(mask: Geometry, image: Geometry) -> tuple[Geometry, Geometry] | None:
    """Both with affines, if only one has none and the other's is what programs assume in its place."""
    if (mask.affine is None) == (image.affine is None):
        return None
    one, other = (
        each if each.affine is not None else replace(each, affine=each.assumed) for each in (mask, image)
    )
    if one.affine is None or other.affine is None or not _same_voxels(one, other):
        return None
    return one, other


def _same_voxels(first: Geometry, second: Geometry) -> bool:
    """Whether both have the same voxels, in whatever order."""
    assert first.affine is not None and second.affine is not None
    between = np.linalg.inv(second.affine) @ first.affine
    corners = np.array(list(product(*((0, length - 1) for length in first.shape))))
    there = corners @ between[:3, :3].T + between[:3, 3]
    wanted = set(product(*((0, length - 1) for length in second.shape)))
    near = np.abs(there - np.rint(there)).max() <= SAME
    return bool(near and {tuple(map(int, np.rint(corner))) for corner in there} == wanted)


def _which(mask: Geometry, image: Geometry) -> str:
    if mask.real or image.real:
        which = "image" if mask.real else "mask"
        return f"Only one of mask and image says where it lies; the {which} does not."
    return "Neither mask nor image says where it lies, and they are stored in different ways."


def _resampled(labels: np.ndarray, mask: Geometry, image: Geometry) -> np.ndarray:
    if mask.flat:
        mask, image = _without_depth(mask), _without_depth(image)
        assert mask.affine is not None and image.affine is not None
        if abs(float(mask.affine[:3, 0] @ image.affine[:3, 0])) < _PARALLEL:
            raise MisplacedMask(
                f"Mask and image lie in different planes. Mask: {mask.words()}. Image: {image.words()}.",
                "Choose the mask of this image.",
            )
    assert mask.affine is not None and image.affine is not None
    stack = labels.reshape(mask.shape)
    to_image = np.linalg.inv(image.affine) @ mask.affine
    inside = sum(np.count_nonzero(stack[z][there]) for z, _, there in _nearest(mask, to_image, image.shape))
    outside = 1 - inside / max(np.count_nonzero(stack), inside, 1) if stack.any() else 0.0
    if outside > OUTSIDE:
        raise MisplacedMask(
            f"{outside:.0%} of the mask falls outside its image. Mask: {mask.words()}. "
            f"Image: {image.words()}.",
            "Choose the mask of this image, or save it with the geometry of its image.",
        )
    found = np.zeros(image.shape, labels.dtype)
    for z, index, there in _nearest(image, np.linalg.inv(to_image), mask.shape):
        found[z][there] = stack[index]
    return found[0] if image.flat else found


def _nearest(
    grid: Geometry, between: np.ndarray, shape: tuple[int, int, int]
) -> Iterator[tuple[int, tuple[np.ndarray, ...], tuple[np.ndarray, ...]]]:
    """For each slice of a grid that another one of `shape` covers: (its number, the nearest voxels of the
    other, which of its own these are), both as indices. between : from its indices to those of the other.
    """
    rows, columns = np.arange(grid.shape[1])[:, None], np.arange(grid.shape[2])[None, :]
    turned = np.abs(between[:3, :3] - np.diag(np.diag(between[:3, :3]))).max() * max(grid.shape)
    for z in range(grid.shape[0]):
        if turned > _HALF:
            lines = between[:3]
            index = [_whole(line[0] * z + line[1] * rows + line[2] * columns + line[3]) for line in lines]
        else:  # the axes agree: three short lines of indices instead of three slices
            places = (np.array([[z]]), rows, columns)
            index = [_whole(between[k, k] * at + between[k, 3]) for k, at in enumerate(places)]
        there = [(axis >= 0) & (axis < length) for axis, length in zip(index, shape, strict=True)]
        if turned > _HALF:
            own = np.nonzero(there[0] & there[1] & there[2])
            yield z, tuple(axis[own] for axis in index), own
        elif there[0].all():
            own = (np.flatnonzero(there[1])[:, None], np.flatnonzero(there[2])[None, :])
            yield z, (index[0], index[1][own[0][:, 0]], index[2][:, own[1][0]]), own


def _whole(index: np.ndarray) -> np.ndarray:
    """The nearest whole numbers; halves go up, also those that rounding errors have made a little less."""
    return np.floor(index + (0.5 + _HALF)).astype(np.int64)


def pixel_aspect(spacing: Sequence[float] | None) -> float:
    """Height of a pixel divided by its width; 1.0 where the spacing, (..., Y, X), is not known."""
    return 1.0 if spacing is None else spacing[-2] / spacing[-1]


def stack_affine(
    orientation: Sequence[float] | np.ndarray, spacing: Sequence[float], step: np.ndarray, origin: np.ndarray
) -> np.ndarray:
    """The affine of slices, (4, 4), by what DICOM says of them: in mm towards left, posterior and superior.

    orientation : directions of a row and of a column, six numbers. spacing : from row to row and from column
    to column. step : (3,) from one slice to the next. origin : (3,) the first pixel of the first one.
    """
    along_row, along_column = np.reshape(orientation, (2, 3))
    columns = (step, along_column * spacing[0], along_row * spacing[1], origin)
    affine = np.eye(4)
    affine[:3] = np.stack(columns, axis=1)[_LPS_TO_SPL]
    return affine


def _without_depth(geometry: Geometry) -> Geometry:
    """A 2D image laid into the plane through the origin: how far off it lies across itself has no meaning."""
    assert geometry.affine is not None
    affine = geometry.affine.copy()
    down, across = affine[:3, 1], affine[:3, 2]
    normal = np.cross(down, across)
    normal /= np.linalg.norm(normal)
    affine[:3, 0] = normal
    affine[:3, 3] -= normal * (normal @ affine[:3, 3])
    return replace(geometry, affine=affine)


def _shift_note(mask: Geometry, image: Geometry) -> tuple[str, ...]:
    """What is said of a mask that was moved: how far its middle lies from that of its image."""
    if mask.flat:
        mask, image = _without_depth(mask), _without_depth(image)
    shift = mask.centre() - image.centre()
    steps = [
        f"{abs(mm):.1f} mm {_TOWARDS[axis][int(mm > 0)]}"
        for axis, mm in enumerate(shift)
        if abs(mm) >= _TOLD_MM
    ]
    away = f"its centre {np.linalg.norm(shift):.1f} mm away ({', '.join(steps)})"
    moved = away if steps else "with the same centre"
    return (
        f"The mask had a different voxel grid from its image and was resampled to it, {moved}: "
        f"mask {mask.words()}; image {image.words()}.",
    )


def _turn_note(mask: Geometry, image: Geometry) -> tuple[str, ...]:
    if not (mask.stored and image.stored) or mask.stored == image.stored:
        return ()
    return (
        f"The mask's file runs in other directions than its image's ({mask.stored}, not {image.stored}): "
        "it was flipped or turned as its affine says.",
    )
