"""The slices of a series as one upright, even stack: their order, what is missing, what has to be moved.

What is not as it should be is said in words, and the stack is right in mm, or it is refused: a volume that is
wrong in millimetres looks like any other.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from napari_unet.core.errors import UserError
from napari_unet.core.even_slices import EVEN, EVEN_MM, EvenStack, Level, even_stack
from napari_unet.core.frames import DicomFrame, Instance
from napari_unet.core.geometry import stack_affine
from napari_unet.core.source import Source
from napari_unet.core.straighten import UprightGrid, upright_grid
from napari_unet.io import dicom_header as header
from napari_unet.io.dicom_slices import COMPLETE, Slice, same_pixels, slices_of

_SHIFT_MM = 0.1  # by how much slices may be shifted
_TILT_DEGREES = 0.1  # and how steeply the last against the first
_TILT_TOLD = 0.5  # degrees: what is less is not worth a word
_EXACT_MM = 0.0101  # slices that are no farther from where they are shown are not worth one either
_ROUNDED_MM = 0.0501  # nor if headers round places to tenths
_STEEPEST = 45.0  # degrees: what is steeper is no tilt of a gantry
_SAME_PLACE = 0.02  # share of the spacing below which two slices lie at one place
_NO_SLICE = Instance("", "")
_SHARED = (
    "Several slices share one identifier (SOPInstanceUID), which should be unique: all of them were used. "
    "No DICOM segmentation can say which of them it belongs to."
)


@dataclass(frozen=True)
class Stack:
    """slices : stored ones, in their order along the normal of their plane. even : the slices of the array.

    grid : rows and columns of the array; None where they are those of each slice. step : (3,) from one slice
    of the array to the next, origin : (3,) its first pixel, in mm (L, P, S). notes : what was done, in words.
    shared_uids : as of DicomFrame.
    """

    slices: tuple[Slice, ...]
    even: EvenStack
    grid: UprightGrid | None
    step: np.ndarray
    origin: np.ndarray
    notes: tuple[str, ...]
    shared_uids: bool

    @property
    def spacing(self) -> tuple[float, float, float]:
        """In mm (Z, Y, X)."""
        return (float(np.linalg.norm(self.step)), *self.slices[0].spacing)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of the array (Z, Y, X)."""
        return (len(self.even.levels), *(self.grid.shape if self.grid else self.slices[0].shape))

    def affine(self) -> np.ndarray:
        """(4, 4): index (Z, Y, X) to mm towards superior, posterior, left."""
        first = self.slices[0]
        return stack_affine(first.orientation, first.spacing, self.step, self.origin)

    def frame(self) -> DicomFrame:
        """What objects that refer to the series need."""
        first = self.slices[0]
        sources = [self.even.source_of(z) for z in range(len(self.even.levels))]
        places = [
            self.origin + z * self.step if self.grid or k is None else self.slices[k].position
            for z, k in enumerate(sources)
        ]
        return DicomFrame(
            first.uids["StudyInstanceUID"],
            first.uids["SeriesInstanceUID"],
            first.uids["FrameOfReferenceUID"],
            tuple(_NO_SLICE if k is None else self.slices[k].instance for k in sources),
            tuple(map(float, first.orientation.ravel())),
            tuple(tuple(map(float, place)) for place in places),
            first.spacing,
            resampled=self.grid is not None or None in sources,
            shared_uids=self.shared_uids,
        )


def stack_of(source: Source) -> Stack:
    """The stack that a series is, by its headers alone. Raises UserError for what cannot be made one."""
    slices = slices_of(source)
    notes = []
    if not any(one.rescaled for one in slices):
        notes.append(f"No slice says {header.UNSAID_RESCALE}")
    notes += header.note_on_unit(slices[0].unit)
    shared = _share_uids(slices)
    if shared:
        notes.append(_SHARED)
    stored, slices = len(slices), _once(slices, shared, source.name)
    if len(slices) < stored:
        notes.append(_said_of_copies(stored - len(slices)))
    normal = np.cross(*slices[0].orientation)
    heights = np.array([one.position @ normal for one in slices])
    order = np.argsort(heights, kind="stable")
    ordered, heights = tuple(slices[k] for k in order), heights[order]
    even, said = _evenly(ordered, heights, source.name)
    grid, origin, tilt = _upright(ordered, heights, normal, source.name)
    if grid is None:
        step = (ordered[-1].position - ordered[0].position) / (len(even.levels) - 1)
    else:
        step = even.step_mm * normal
    stack = Stack(ordered, even, grid, step, origin, (), shared)
    return replace(stack, notes=(*notes, *tilt, *said, *_said_of_tilt(stack), *_said_of_places(stack)))


def _share_uids(slices: Sequence[Slice]) -> bool:
    """Whether files that lie at different places have the same instance UID."""
    places: dict[str, set[tuple[float, ...]]] = defaultdict(set)
    for one in slices:
        if one.frame is None and (uid := one.instance.sop_instance):
            places[uid].add(tuple(one.position))
    return any(len(several) > 1 for several in places.values())


def _once(slices: Sequence[Slice], shared_uids: bool, name: str) -> list[Slice]:
    """Slices without those that are stored twice at one place: under one UID, or with the same pixels.

    Raises UserError as soon as two at one place differ: there may be thousands.
    """
    places: dict[tuple[float, ...], list[Slice]] = defaultdict(list)
    for one in slices:
        places[tuple(one.position)].append(one)
    for first, *others in places.values():
        for other in others:
            uid = first.instance.sop_instance
            same_uid = uid and uid == other.instance.sop_instance and not shared_uids
            if not (same_uid or same_pixels(first, other)):
                raise _at_one_place(first, other, len(slices) - len(places), name)
    return [together[0] for together in places.values()]


def _at_one_place(one: Slice, other: Slice, pairs: int, name: str) -> UserError:
    """Names of folders are left out: they may be those of patients."""
    first, second = one.path.name, other.path.name
    which = f"{first} and {second}" if first != second else f"two files called {first}, in different folders"
    several = f", and there are {pairs - 1} more such pairs" if pairs > 1 else ""
    return UserError(
        f"Two slices of the series {name} have the same position: {which}{several}.",
        "Remove copies from the folder. If there are several volumes (phases), export each by itself.",
    )


def _said_of_copies(copies: int) -> str:
    if copies == 1:
        return "1 slice is there twice and was taken once."
    return f"{copies} files are copies of other slices and were ignored."


def _evenly(slices: Sequence[Slice], heights: np.ndarray, name: str) -> tuple[EvenStack, tuple[str, ...]]:
    """The array's slices, and what to say. Raises UserError for slices at one place, and with too few."""
    if len(slices) < 2:
        raise UserError(f"The files of {name} are copies of one slice.", "Open one of the files.")
    gaps = np.diff(heights)
    usual = float(np.median(gaps))
    same = gaps <= _SAME_PLACE * usual
    if same.any():
        at = int(np.argmax(same))
        raise _at_one_place(slices[at], slices[at + 1], int(same.sum()), name)
    off = np.abs(heights - np.linspace(heights[0], heights[-1], len(heights))).max()
    if off <= max(EVEN_MM, EVEN * usual):
        step = float(heights[-1] - heights[0]) / (len(heights) - 1)
        levels = tuple(Level(k, k, 0.0) for k in range(len(heights)))
        return EvenStack(step, levels, float(gaps.min()), float(gaps.max())), ()
    even = even_stack(heights.tolist())
    if even is None:
        raise UserError(
            f"The slices of the series {name} are not evenly spaced, and too few to fill the gaps: "
            f"{gaps.min():.4g} to {gaps.max():.4g} mm lie between them.",
            COMPLETE,
        )
    return even, tuple(_said_of_gaps(gaps, even))


def _said_of_gaps(gaps: np.ndarray, even: EvenStack) -> list[str]:
    """Without names of files: notes go into reports."""
    said = []
    if even.missing:
        z = next(z for z, level in enumerate(even.levels) if level is None)
        one = even.missing == 1
        said.append(
            f"{even.missing} slice{'' if one else 's'} of the series {'is' if one else 'are'} missing and "
            f"left empty, the first after slice {z}: measurements are too low. There are up to "
            f"{even.farthest:.4g} mm between slices, elsewhere {np.median(gaps):.4g} mm."
        )
    if even.computed:
        said.append(
            f"The slices are not evenly spaced ({even.nearest:.4g} to {even.farthest:.4g} mm): "
            f"{even.computed} of {len(even.levels)} were computed from their neighbours, at a spacing of "
            f"{even.step_mm:.4g} mm."
        )
    return said


def _said_of_tilt(stack: Stack) -> tuple[str, ...]:
    """Where the header has a tilt that neither the places of the slices nor their plane show."""
    degrees = max(abs(one.tilt) for one in stack.slices)
    normal = np.abs(np.cross(*stack.slices[0].orientation))
    seen = float(np.degrees(np.arccos(min(1.0, normal.max()))))
    if degrees <= _TILT_TOLD or stack.grid is not None or seen > degrees / 2:
        return ()
    return (
        f"The header also says that the gantry was tilted by {degrees:.3g}°. The places of the slices say "
        "that it was not, and they are shown so: check the shape of the body from the side.",
    )


def _said_of_places(stack: Stack) -> tuple[str, ...]:
    """Where slices that are shown as they are stored lie elsewhere than the array says."""
    normal = np.cross(*stack.slices[0].orientation)
    off = 0.0
    for z in range(len(stack.even.levels)):
        if (k := stack.even.source_of(z)) is not None:
            apart = stack.slices[k].position - stack.origin - z * stack.step
            off = max(off, float(np.linalg.norm(apart if stack.grid is None else apart @ normal)))
    places = np.array([one.position for one in stack.slices])
    if off <= _EXACT_MM or (off <= _ROUNDED_MM and np.allclose(places, places.round(1), rtol=0, atol=1e-6)):
        return ()
    return (f"Stored slices lie up to {off:.2g} mm beside the evenly spaced places at which they are shown.",)


def _upright(
    slices: Sequence[Slice], heights: np.ndarray, normal: np.ndarray, name: str
) -> tuple[UprightGrid | None, np.ndarray, tuple[str, ...]]:
    """The common grid where slices are shifted against each other, its first pixel, and what to say of it."""
    first = slices[0]
    along_row, along_column = first.orientation
    apart = np.array([one.position for one in slices]) - first.position
    offsets = np.stack([apart @ along_column, apart @ along_row], axis=1)  # in mm: down, across
    rise = heights - heights[0]
    slope = offsets[-1] / rise[-1]
    degrees = float(np.degrees(np.arctan(np.linalg.norm(slope))))
    bent = float(np.linalg.norm(offsets - rise[:, None] * slope, axis=1).max())
    if np.linalg.norm(offsets, axis=1).max() <= _SHIFT_MM or (degrees <= _TILT_DEGREES and bent <= _SHIFT_MM):
        return None, first.position, ()
    if degrees > _STEEPEST:
        raise UserError(
            f"The slices of the series {name} are shifted relative to each other too far to be straightened "
            f"({degrees:.1f}°).",
            "Have it reconstructed without tilt.",
        )
    grid = upright_grid(offsets / first.spacing, first.shape)
    down, across = np.multiply(grid.first, first.spacing)
    origin = first.position + down * along_column + across * along_row
    why = (
        f"The gantry was tilted by {degrees:.1f}°"
        if bent <= _SHIFT_MM
        else f"The slices lie up to {np.ptp(offsets, axis=0).max():.4g} mm beside each other"
    )
    return grid, origin, (f"{why}: the series was straightened, each slice shifted within its own plane.",)
