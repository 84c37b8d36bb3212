"""Reading one case, outside the GUI thread: everything that takes time before its layers are shown."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_unet.core.errors import UserError
from napari_unet.core.label_set import LUNGS, LabelSet
from napari_unet.core.prediction import Prediction
from napari_unet.core.raster import hounsfield
from napari_unet.core.window import display_window, full_window
from napari_unet.io.formats import read_raster
from napari_unet.review.saving.recovery import unsaved_work
from napari_unet.review.types import Case
from napari_unet.widgets.casework.warm_up import warm_up

if TYPE_CHECKING:
    from napari_unet.review.store import ReviewProject


@dataclass
class LoadedCase:
    """A case as it lies on disk.

    header : of the Raster. limits : contrast limits to begin with. labels : uint8, of the current revision;
    zeros where there is none. recorded : a copy of them for the recorder. revision : its id, or None. views :
    see ModelViews. label_set : of its mask. sides : the mask has left and right. unsaved : labels that
    were painted and never saved, because the process was killed, or None. hounsfield : the pixels of a CT;
    None for anything else.
    """

    case: Case
    pixels: np.ndarray
    header: dict[str, Any]
    limits: tuple[float, float]
    labels: np.ndarray
    recorded: np.ndarray
    revision: str | None
    views: ModelViews
    label_set: LabelSet = LUNGS
    sides: bool = False
    unsaved: np.ndarray | None = None
    hounsfield: np.ndarray | None = None

    @property
    def nbytes(self) -> int:
        """What the arrays take in memory."""
        return self.pixels.nbytes + self.labels.nbytes


class ModelViews:
    """What a model (or a file) said about a case, read when it is first asked for; not on the GUI thread."""

    def __init__(self, project: ReviewProject, case: str, shape: tuple[int, ...]) -> None:
        self._project = project
        self._case = case
        self._shape = shape

    def first_mask(self) -> np.ndarray | None:
        """Labels (uint8) as the model or a file had them, or None."""
        first = self._project.first_mask(self._case)
        return None if first is None else self._project.read_mask(first.id)

    def probability(self, lead: tuple[int, ...]) -> np.ndarray | None:
        """float32 0..1 (Y, X) of the slice at `lead`, or None."""
        return None if self._map is None else self._map.foreground_slab(*lead)

    @cached_property
    def _map(self) -> Prediction | None:
        found = self._project.map(self._case)
        return None if found is None else replace(found, shape=self._shape)


def load_case(project: ReviewProject, id: str) -> LoadedCase:
    """Everything that is shown of a case. Raises UserError, without the file's name, if it cannot be read."""
    warming = warm_up()
    case = project.case(id)
    raster = read_raster(project.source(id))
    labels = np.zeros(raster.shape, np.uint8) if case.revision is None else project.read_mask(case.revision)
    if labels.shape != raster.shape:
        raise UserError(
            f"The image of case {case.number} is not the one that its mask was made for.",
            "Decide in the queue which one counts.",
        )
    window = display_window(raster)
    if raster.window is None and raster.pixels.dtype == np.uint8:  # stretched to what they hold
        window = full_window(raster.pixels.astype(np.int16), raster.padding)
    unsaved = None if project.is_elsewhere(id) else unsaved_work(project, id)  # another window's strokes
    if unsaved is not None and unsaved.shape != raster.shape:
        unsaved = None
    views = ModelViews(project, id, raster.shape)
    label_set = project.label_set_of(case.revision)
    sides = label_set.of_mask(labels).tells_sides
    warming.join()
    return LoadedCase(
        case,
        raster.pixels,
        raster.header(),
        (window.low, window.high),
        labels,
        labels.copy(),
        case.revision,
        views,
        label_set,
        sides,
        unsaved,
        hounsfield(raster),
    )
