"""What belongs to a mask layer that a model made: its prediction, its thresholds, its numbers in words."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from weakref import ref

import numpy as np
from napari.layers import Image

from napari_unet.core.checks import check_label_values, check_mask
from napari_unet.core.edits import ThresholdTrail, changes, follow_threshold, with_foreground
from napari_unet.core.label_set import LabelSet
from napari_unet.core.labels import LEFT, RIGHT, lung, values_in
from napari_unet.core.live import LiveNumbers, live_numbers
from napari_unet.core.lung_measures import LungMeasures, lung_measures
from napari_unet.core.lung_sides import split_left_right
from napari_unet.core.measure import Measures, measure
from napari_unet.core.prediction import Prediction
from napari_unet.core.raster import Modality, Raster, hounsfield
from napari_unet.core.wording import counted
from napari_unet.io.formats import write_mask
from napari_unet.widgets.common.layers import volume_under
from napari_unet.widgets.common.mask_context import MaskContext


@dataclass
class MaskResult:
    """A prediction and the state of the mask layer that shows it.

    header : Raster.header() of what was segmented. image : the layer that it came from. index : see
    layers.raster_source. threshold : the one that the mask was made with. left_right : whether the lungs have
    labels of their own. marked : slices, from 0, that were marked as right.
    """

    prediction: Prediction
    header: dict[str, Any]
    image: ref[Image]
    index: tuple[int, ...] | None = None
    left_right: bool = False
    threshold: float = 0.5
    trail: ThresholdTrail = field(default_factory=ThresholdTrail)
    marked: tuple[int, ...] = ()

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the mask, without the leading axes of a slice in a stack."""
        return self.prediction.shape

    @property
    def labels(self) -> LabelSet:
        """What the numbers in the mask mean."""
        return self.prediction.label_set

    @property
    def own(self) -> tuple[int, ...]:
        """The labels that the model draws, of lungs of either side; any others were painted by hand."""
        return (RIGHT, LEFT) if self.labels.of_lungs else self.labels.values

    @property
    def by_geometry(self) -> bool:
        """Whether right and left are distinguished here, and not by the model: of lungs with one label."""
        return self.labels.of_lungs and not self.labels.tells_sides

    @property
    def slices(self) -> int:
        """How many images were segmented one by one; 1 for one image or one volume."""
        return self.shape[0] if len(self.shape) == 3 and self.prediction.rule.per_slice else 1

    def probability_at(self, lead: tuple[int, ...]) -> np.ndarray:
        """float32 (Y, X) of the slice at `lead`, its place on the layer's leading axes."""
        return self.prediction.foreground_slab(lead[-1] if len(self.shape) == 3 else 0)

    def context(self) -> MaskContext:
        """What the correcting tools need to know."""
        prediction = self.prediction
        return MaskContext(
            self.image,
            self.index,
            prediction.spacing_mm,
            prediction.row_direction,
            self.header.get("modality", Modality.UNKNOWN),
            self.slices > 1,
            probability=self.probability_at,
            model_mask=lambda: _drawn(self, prediction.labels(), self.left_right),
            threshold=prediction.threshold,
            labels=self.labels,
            marked=self.marked,
            mark=self.mark,
        )

    def mark(self, slices: tuple[int, ...]) -> None:
        """Keep which slices are marked as right."""
        self.marked = slices


@dataclass(frozen=True)
class Edit:
    """One undoable change of a mask layer: where, the new labels there, and the state that comes with it."""

    where: tuple[np.ndarray, ...]
    values: np.ndarray
    threshold: float
    left_right: bool


@dataclass(frozen=True)
class Summary:
    """What to say about a mask: its measures, what to look at, and the threshold that it was made with.

    measures : of lungs; lungs : what they measure in a volume; numbers : of other labels.
    left_right : whether the lungs have labels of their own now; undo changes it too.
    part : which slice of a stack this is about, in words; "" for all of it.
    """

    measures: Measures | None
    check_results: tuple[str, ...]
    threshold: float
    left_right: bool
    part: str = ""
    numbers: LiveNumbers | None = None
    lungs: LungMeasures | None = None


def first_labels(result: MaskResult) -> np.ndarray:
    """The labels (uint8) of a new result at its threshold."""
    labels = result.prediction.labels(result.threshold)
    result.trail.add(result.threshold, labels > 0)
    return _drawn(result, labels, result.left_right)


def edit_to(result: MaskResult, data: np.ndarray, threshold: float) -> Edit:
    """The edit that brings the layer's `data` to `threshold`.

    Only what the threshold changes is changed: strokes of the brush elsewhere stay, and so do the sides that
    pixels were given by hand.
    """
    labels = data.reshape(result.shape)
    painted = _marked(result, labels)
    _, before = result.trail.nearest(painted)
    said = result.prediction.labels(threshold)
    after = said > 0
    result.trail.add(threshold, after)
    mask = follow_threshold(painted, before, after)
    left_right = has_sides(result, labels)
    automatic = _drawn(result, mask if result.by_geometry else said, left_right)
    drawn = np.where(mask, np.where(painted, labels, automatic), 0)
    new = with_foreground(labels, drawn, result.own)
    return Edit(*changes(data, new.reshape(data.shape)), threshold, left_right)


def relabel(result: MaskResult, data: np.ndarray, left_right: bool) -> Edit:
    """The edit that gives the lungs in the layer's `data` labels of their own, or one label."""
    labels = data.reshape(result.shape)
    new = with_foreground(labels, _drawn(result, _marked(result, labels), left_right), result.own)
    return Edit(*changes(data, new.reshape(data.shape)), result.threshold, left_right)


def has_sides(result: MaskResult, labels: np.ndarray) -> bool:
    """Whether `labels` tell left from right: what they hold goes first, as undo changes them alone.

    `result.left_right` decides where the labels can be read in both ways (a right lung only). What the model
    itself distinguishes is not asked for here.
    """
    if not result.by_geometry:
        return result.labels.tells_sides
    is_left = labels == LEFT
    if result.left_right and is_left.any():
        return True
    should_be_left = _drawn(result, _marked(result, labels), True) == LEFT
    wanted = np.count_nonzero(should_be_left)
    if not wanted:
        return result.left_right
    return bool(2 * np.count_nonzero(should_be_left & is_left) > wanted)  # a stroke of 2 makes no left lung


def summarise(result: MaskResult, data: np.ndarray, slice_in_view: int) -> Summary:
    """Size and check results of the layer's `data`; of a stack of X-rays, those of one slice."""
    labels = np.array(data).reshape(result.shape)
    painted = _marked(result, labels)
    left_right = has_sides(result, labels)
    threshold, _ = result.trail.nearest(painted)
    spacing, direction = result.prediction.spacing_mm, result.prediction.row_direction
    part = ""
    if result.slices > 1:
        number = min(max(slice_in_view, 0), result.slices - 1)
        painted, labels, part = painted[number], labels[number], f"Slice {number}"
        spacing = None if spacing is None else spacing[1:]
    modality = result.header.get("modality", Modality.UNKNOWN)
    if not result.labels.of_lungs:
        numbers = live_numbers(labels, None, spacing, direction, modality, result.labels)
        texts = (*_incomplete(result), *(one.text for one in numbers.check_results))
        return Summary(None, texts, threshold, left_right, part, numbers)
    sides = np.where(painted, labels, 0) if left_right else None
    checked = painted if sides is None else sides
    volume = volume_under(result.image(), labels.shape, result.header) if result.slices == 1 else None
    lungs = None
    if volume is not None:
        sides = split_left_right(painted, direction, per_slice=False) if sides is None else sides
        lungs = lung_measures(sides, volume, result.prediction.stopped_at)
    measures = measure(painted, spacing, direction, modality=modality, labels=sides)
    found = (
        *check_label_values(labels, direction, labels=result.labels),
        *check_mask(checked, spacing, direction, pixels=None if volume is None else hounsfield(volume)),
    )
    incomplete = _incomplete(result) if lungs is None else ()  # `lungs` says so itself
    check_results = (*incomplete, *(one.text for one in found))
    return Summary(measures, check_results, threshold, left_right, part, lungs=lungs)


def _incomplete(result: MaskResult) -> tuple[str, ...]:
    """What to say of a volume of which only some slices were segmented."""
    seen = result.prediction.stopped_at
    if seen is None:
        return ()
    of = counted(result.prediction.planes, "slice")
    return (f"Only {seen:,} of {of} have a mask: all volumes are underestimated.",)


def shown_map(result: MaskResult, what: Literal["probability", "uncertainty"]) -> np.ndarray:
    """The whole map of a result to look at: float32, of a volume float16, which takes half the memory."""
    prediction = result.prediction
    slab = prediction.foreground_slab if what == "probability" else prediction.uncertainty_slab
    if len(result.shape) == 2:
        return slab()
    shown = np.empty(result.shape, np.float16)
    for z, plane in enumerate(shown):
        plane[...] = slab(z)
    return shown


def save(result: MaskResult, data: np.ndarray, path: Path) -> Path:
    """Write the layer's `data` to `path`, in the format of its suffix; 0 and 255 if it has one label only."""
    labels = np.array(data).reshape(result.shape)
    one = len(result.labels.labels) == 1 and set(values_in(labels)) <= {0, *result.labels.values}
    plain = one and not has_sides(result, labels)
    return write_mask(path, lung(labels) if plain else labels, Raster(labels, **result.header))


def as_made(result: MaskResult, labels: np.ndarray) -> bool:
    """Whether a mask is what the model makes at a threshold that was chosen, and nobody painted."""
    return np.array_equal(labels, made_labels(result, labels))


def made_labels(result: MaskResult, labels: np.ndarray) -> np.ndarray:
    """What the model makes at the threshold that `labels` came from, painted on or not; of its `shape`."""
    threshold, _ = result.trail.nearest(_marked(result, labels))
    return _drawn(result, result.prediction.labels(threshold), has_sides(result, labels))


def _marked(result: MaskResult, labels: np.ndarray) -> np.ndarray:
    """bool: what the model's labels are on."""
    return np.isin(labels, result.own)


def _drawn(result: MaskResult, mask: np.ndarray, left_right: bool) -> np.ndarray:
    """uint8: the labels of a mask; of lungs with one label any mask will do, and geometry tells the sides."""
    if not result.by_geometry:
        return mask.astype(np.uint8)
    mask = mask > 0
    if not left_right:
        return mask.astype(np.uint8)
    prediction = result.prediction
    return split_left_right(mask, prediction.row_direction, per_slice=prediction.rule.per_slice)
