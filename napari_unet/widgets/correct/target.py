"""What the correcting tools work on: a mask layer, the slice of it in view, and what is known about both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from napari.layers import Image, Labels
from qtpy.QtCore import QObject, Signal

from napari_unet.core.errors import UserError
from napari_unet.core.label_set import LUNGS, LabelSet
from napari_unet.core.raster import Modality, Raster
from napari_unet.widgets.common.jobs import Job, run_in_thread
from napari_unet.widgets.common.layers import is_image, slice_in_view, spacing_of, volume_under
from napari_unet.widgets.common.mask_context import MaskContext
from napari_unet.widgets.common.sources import Source, adopt_header, look_at_source
from napari_unet.widgets.correct.edits import Lead, as_labels, plane_of
from napari_unet.widgets.correct.under_mask import plane_source, shape_of, shown_pixels, slice_of
from napari_unet.widgets.session import Session
from napari_unet.widgets.viewing.layers_in_view import header_of, images_in_view


@dataclass(frozen=True)
class Plane:
    """One slice (Y, X) of a mask and what belongs to it; None for what is not known.

    image : its grey values. probability : 0..1. model : the labels that the model gave, or the file had.
    spacing : mm down and across. towards, modality : as in Raster. threshold, label_set : see MaskContext.
    """

    layer: Labels
    lead: Lead
    image: np.ndarray | None
    probability: np.ndarray | None
    model: np.ndarray | None
    spacing: tuple[float, ...] | None
    towards: str | None
    modality: Modality
    threshold: float = 0.5
    label_set: LabelSet = LUNGS

    def labels(self) -> np.ndarray:
        """The slice's labels now, as uint8; a view where the layer holds uint8."""
        return as_labels(plane_of(self.layer, self.lead))

    def probability_of_one(self) -> np.ndarray | None:
        """The probability where it is that of any label that can be painted: maps of several are of all."""
        several = len(self.label_set.labels) > 1 and not self.label_set.of_lungs
        return None if several else self.probability


@dataclass(frozen=True)
class _Known:
    """What was loaded outside the GUI thread: image and probability of one slice, model's labels of all.

    source : what the image's file says and its reader did not say.
    """

    lead: Lead
    image: np.ndarray | None = None
    probability: np.ndarray | None = None
    model: np.ndarray | None = None
    source: Source = field(default_factory=Source)


class Target(QObject):
    """The mask that is corrected. It loads what belongs to it, also when another slice is in view.

    changed : another mask, another slice, or something was loaded. failed : a UserError.
    """

    changed = Signal()
    failed = Signal(object)

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._viewer = session.viewer
        self._layer: Labels | None = None
        self._context: MaskContext | None = None
        self._known: _Known | None = None
        self._loaded: _Known | None = None  # the last slice: the model's labels there are those of the next
        self._job: Job | None = None
        self._read: tuple[Image | None, Any] = (None, None)  # the image and its pixels, when last looked at
        self._file: tuple[Image | None, Any, Source] = (None, None, Source())  # what their file is
        self._viewer.layers.events.inserted.connect(self._on_layers)
        self._viewer.layers.events.removed.connect(self._on_layers)
        self._viewer.dims.events.current_step.connect(self._on_step)
        self._viewer.dims.events.order.connect(self._on_axes)
        self._viewer.dims.events.ndisplay.connect(self._on_axes)

    @property
    def layer(self) -> Labels | None:
        """The mask's layer."""
        return self._layer

    @property
    def context(self) -> MaskContext | None:
        """What is known about the mask; None for one that somebody drew over an image."""
        return self._context

    @property
    def slices(self) -> int:
        """How many slices the mask has, all of one image or of images of their own; 1 for a 2D mask."""
        layer = self._layer
        return int(layer.data.shape[0]) if layer is not None and layer.ndim == 3 else 1

    @property
    def is_volume(self) -> bool:
        """Whether neighbouring slices belong together: those of a CT, not those of a stack of X-rays."""
        return self.slices > 1 and not (self._context is not None and self._context.per_slice)

    @property
    def spacing(self) -> tuple[float, ...] | None:
        """Of the whole mask, mm per axis; None where it is not known."""
        layer = self._layer
        if layer is None:
            return None
        if self._context is not None:
            spacing = self._context.spacing_mm
        else:
            spacing = spacing_of(layer) or self._header().get("spacing_mm")
        known = spacing is not None and len(spacing) in (2, layer.ndim)
        return spacing if known else None

    @property
    def label_set(self) -> LabelSet:
        """What can be painted; lungs in a mask of which nothing is known."""
        return LUNGS if self._context is None else self._context.labels

    def choose(self, layer: Labels | None) -> None:
        """Work on `layer` from now on. The same one again: look again at what is known about it."""
        self._layer = layer
        self._context = self._session.context_of(layer) if layer is not None else None
        self._load(again=True)

    def lead(self) -> Lead:
        """Position of the slice in view. Raises UserError if none is, or other axes are in view."""
        layer = self._layer
        if layer is None:
            raise UserError("No mask is chosen.", "Choose one above, or add a Labels layer.")
        if self._viewer.dims.ndisplay != 2:
            raise UserError("The viewer shows a volume.", "Switch back to the 2D view (the button below).")
        return slice_in_view(self._viewer, layer)

    def plane(self) -> Plane | None:
        """The slice in view with all that belongs to it; None while it is being loaded, or there is none."""
        layer, known = self._layer, self._known
        if layer is None or known is None:
            return None
        image, pixels = self._read
        if image is not None and not image.multiscale and image.data is not pixels:
            self._load(again=False)
            return None
        try:
            lead = self.lead()
        except UserError:
            return None
        if lead != known.lead:
            return None
        shape = layer.data.shape[-2:]
        probability, model = (slice_of(map_, lead, shape) for map_ in (known.probability, known.model))
        image = known.image if known.image is not None and known.image.shape == shape else None
        spacing = self.spacing
        towards, modality = self.sides()
        in_plane = None if spacing is None else tuple(spacing[-2:])
        threshold = Plane.threshold if self._context is None else self._context.threshold
        return Plane(
            layer, lead, image, probability, model, in_plane, towards, modality, threshold, self.label_set
        )

    def obstacle(self) -> UserError | None:
        """Why nothing can be done to the slice in view; None if it can, or could once it is loaded."""
        try:
            self.lead()
        except UserError as error:
            return error
        return None

    def whole_model(self) -> np.ndarray | None:
        """The model's labels of the whole mask, once loaded; None if there are none."""
        return None if self._known is None else self._known.model

    def volume(self) -> Raster | None:
        """The volume under the mask, its own pixels; None where there is none, or of another shape."""
        layer = self._layer
        return None if layer is None else volume_under(self._image(), layer.data.shape)

    def sides(self) -> tuple[str | None, Modality]:
        """(row direction, modality), as in Raster."""
        if self._context is not None:
            return self._context.row_direction, self._context.modality
        header = self._header()
        return header.get("row_direction"), header.get("modality", Modality.UNKNOWN)

    def close_down(self) -> None:
        """Release the viewer."""
        self._viewer.dims.events.current_step.disconnect(self._on_step)
        self._viewer.dims.events.order.disconnect(self._on_axes)
        self._viewer.dims.events.ndisplay.disconnect(self._on_axes)
        self._viewer.layers.events.inserted.disconnect(self._on_layers)
        self._viewer.layers.events.removed.disconnect(self._on_layers)
        if self._job is not None:
            self._job.abandon()
        self._layer = self._context = self._known = None

    def _header(self) -> dict[str, Any]:
        image = self._image()
        return {} if image is None else header_of(image)

    def _image(self) -> Image | None:
        """The image under the mask: the one it was made of, otherwise one of its size that is in view."""
        layer = self._layer
        if layer is None:
            return None
        if self._context is not None:
            image = self._context.image()
            return image if image in self._viewer.layers else None
        for image in images_in_view(self._viewer):
            if is_image(image) and shape_of(image) == layer.data.shape:
                return image
        return None

    def _on_step(self) -> None:
        if self._layer is not None and self._layer.ndim > 2:
            self._load(again=False)

    def _on_axes(self) -> None:
        """Other axes are in view, or the volume as a whole."""
        if self._layer is not None:
            self._load(again=False)

    def _on_layers(self) -> None:
        """An image may have come or gone."""
        if self._layer is not None and self._image() is not self._read[0]:
            self._load(again=self._known is None)

    def _load(self, again: bool) -> None:
        """Load for the slice in view; the model's labels of the whole mask only if `again`."""
        if self._job is not None:
            self._job.abandon()
        if again:
            self._loaded = None
        self._known = None
        before, layer = self._loaded, self._layer
        try:
            lead = None if layer is None else self.lead()
        except UserError:
            lead = None
        if layer is None or lead is None:
            self._job = None
            self.changed.emit()
            return
        under = self._image()
        self._read = (under, None if under is None else under.data)
        index = lead if self._context is None or self._context.index is None else self._context.index
        image = plane_source(under, index)
        context, look = self._context, self._look_at_file()

        def work() -> _Known:
            probability = model = None
            if context is not None:
                probability = context.probability(lead)
                model = context.model_mask() if before is None else before.model
            found = look()
            pixels = image() if found.raster is None else shown_pixels(found.raster, image())
            return _Known(lead, pixels, probability, model, found)

        job = self._job = run_in_thread(work, self)
        job.succeeded.connect(self._on_loaded)
        job.failed.connect(lambda error: self._on_not_loaded(lead, error))
        self.changed.emit()

    def _on_not_loaded(self, lead: Lead, error: UserError) -> None:
        """What needs neither image nor map can still be done; the next slice tries again."""
        self._job = None
        self._known = _Known(lead)
        self.changed.emit()
        self.failed.emit(error)

    def _on_loaded(self, known: _Known) -> None:
        self._job = None
        self._known = self._loaded = known
        self._file = (*self._read, known.source)
        image = self._read[0]
        if image is not None:
            adopt_header(image, known.source.header)
        self.changed.emit()

    def _look_at_file(self) -> Callable[[], Source]:
        """To look at the file of the image under the mask: once for each image, as it takes a while."""
        image, pixels = self._read
        before, those, found = self._file
        if before is image and those is pixels:
            return lambda: found
        return (None if image is None else look_at_source(image)) or Source
