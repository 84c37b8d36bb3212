"""What is shown beside the mask of the open case: the model's probability, its first mask, older masks."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image, Labels, Layer
from qtpy.QtCore import QObject, Signal
from superqt.utils import qdebounced

from napari_unet.core.errors import UserError
from napari_unet.core.palette import YELLOW
from napari_unet.review.record import Revision
from napari_unet.widgets.casework.cache import CaseLayers
from napari_unet.widgets.casework.connection import ProjectConnection
from napari_unet.widgets.casework.presenter import CasePresenter
from napari_unet.widgets.common.colours import legend_of, mask_colormap
from napari_unet.widgets.common.layers import lies_over, placement, slice_in_view
from napari_unet.widgets.common.sketch import Sketch
from napari_unet.widgets.common.sources import MAP

if TYPE_CHECKING:
    from napari_unet.core.prediction import Prediction
    from napari_unet.review.store import ReviewProject
    from napari_unet.widgets.viewing.outlines import MaskOutlines

_RING, _RING_MS = 0.04, 2500  # around an uncertain place: radius as a share of the image, and how long

FILLED, OUTLINE, OFF = "filled", "outline", "off"


class CaseViews(QObject):
    """Extra layers over the open case. They go when the case goes; what is chosen stays for the next one.

    reported : a sentence. map_requested : id of a case whose map is not kept, and is to be made again.
    """

    reported = Signal(str)
    map_requested = Signal(str)

    def __init__(
        self,
        connection: ProjectConnection,
        presenter: CasePresenter,
        viewer: Any,
        outlines: Callable[[], MaskOutlines | None],
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._connection = connection
        self._presenter = presenter
        self._viewer = viewer
        self._outlines = outlines
        self._probability: Layer | None = None
        self._before: Layer | None = None
        self._older: Layer | None = None
        self._places: list[tuple[int, ...]] = []
        self._place = -1
        self._off = False
        self.wants_probability = False
        self._ring = Sketch(self._viewer)
        self._fade = qdebounced(self._ring.clear, timeout=_RING_MS, parent=self)

    def opened(self) -> None:
        """Another case is open."""
        self._probability = self._before = self._older = None
        self._places, self._place = [], -1
        layers = self._presenter.layers
        if layers is None:
            return
        layers.set_visible(not self._off)
        if self.wants_probability:
            self._add_probability()

    def closed(self) -> None:
        """The case is no longer open."""
        self._ring.clear()

    def show_probability(self, on: bool) -> None:
        """Show or hide what the model thought of each pixel; for all cases that follow too."""
        self.wants_probability = on
        if not on:
            self._drop("_probability")
        elif self._probability is None and self._presenter.layers is not None:
            self._add_probability()

    @property
    def shows_first_mask(self) -> bool:
        """Whether the first mask is shown in place of the mask as it is now."""
        return self._before is not None and self._before in self._viewer.layers

    def flip(self) -> None:
        """Show the first mask in place of the mask as it is now, or go back."""
        layers = self._presenter.layers
        if layers is None:
            return
        if self._before is not None:
            self._drop("_before")
            layers.set_visible(not self._off)
            return

        def show(labels: np.ndarray | None) -> None:
            if labels is None:
                self.reported.emit("This case has no first mask.")
            elif self._before is None:
                layers.set_visible(False)
                self._before = self._presenter.add(
                    _older_mask(layers, labels, f"{layers.image.name}: first mask")
                )

        self._for_this_case(layers, lambda project: layers.loaded.views.first_mask(), show)

    def show_revision(self, revision: str | None) -> None:
        """Show an older mask as an outline over the mask; None takes it away."""
        self._drop("_older")
        layers = self._presenter.layers
        if layers is None or revision is None:
            return

        def read(project: ReviewProject) -> tuple[Revision, np.ndarray]:
            return project.revision(revision), project.read_mask(revision)

        def show(found: tuple[Revision, np.ndarray]) -> None:
            record, labels = found
            self._drop("_older")
            layer = _older_mask(layers, labels, f"{layers.image.name}: mask {record.number}")
            layer.contour = 2
            self._older = self._presenter.add(layer)

        self._for_this_case(layers, read, show)

    def mask_display(self, how: str) -> None:
        """The mask "filled", as "outline", or "off"; for all cases that follow too."""
        if how not in (FILLED, OUTLINE, OFF):
            raise ValueError(f"a mask is shown filled, outline or off, not {how}")
        self._off = how == OFF
        if self._presenter.layers is not None and self._before is None:
            self._presenter.layers.set_visible(not self._off)
        outlines = self._outlines()
        if outlines is not None and how != OFF and outlines.outlined != (how == OUTLINE):
            outlines.switch()

    def next_uncertain_place(self) -> None:
        """Go to the next place where the model is uncertain, the most uncertain one first."""
        layers = self._presenter.layers
        if layers is None:
            return
        if self._places:
            self._go(layers)
            return

        def find(project: ReviewProject) -> list[tuple[int, ...]]:
            from napari_unet.review.queue import uncertain_places

            found = project.map(layers.id)
            if found is None:
                return []
            return uncertain_places(found.grid_uncertainty, np.array(layers.mask.data))

        def go(places: list[tuple[int, ...]]) -> None:
            self._places = places
            if places:
                self._go(layers)
            else:
                self.reported.emit("The model is sure everywhere, or has not seen this case.")

        self._for_this_case(layers, find, go)

    def _go(self, layers: CaseLayers) -> None:
        self._place = (self._place + 1) % len(self._places)
        place = self._places[self._place]
        world = np.asarray(layers.image.data_to_world(place))
        viewer = self._viewer
        offset = viewer.dims.ndim - len(world)
        if len(place) > 2:
            viewer.dims.set_point(offset, world[0])
        viewer.scene.camera.center = (0.0, *world[-2:]) if viewer.dims.ndisplay == 2 else tuple(world)
        self._mark(layers, place)
        self.reported.emit(f"Place {self._place + 1} of {len(self._places)} where the model is unsure.")

    def _mark(self, layers: CaseLayers, place: tuple[int, ...]) -> None:
        """A ring around the place, for a moment."""
        try:
            slice_in_view(self._viewer, layers.image)
        except UserError:  # other planes, or the volume: the view alone goes there
            return
        turn = np.linspace(0, 2 * np.pi, 60, endpoint=False)
        radius = _RING * max(layers.image.data.shape[-2:])
        ring = np.array(place[-2:]) + radius * np.stack([np.sin(turn), np.cos(turn)], axis=1)
        self._ring.line(layers.image, ring, YELLOW, closed=True)
        self._fade()

    def _add_probability(self, ask: bool = True) -> None:
        """Shows the model's map. ask : for one to be made, if there is none."""
        layers = self._presenter.layers
        if layers is None:
            return

        def show(found: Prediction | None) -> None:
            if not self.wants_probability or self._probability is not None:
                return
            if found is None:
                if ask:
                    self.map_requested.emit(layers.id)
                return
            self._probability = self._presenter.add(_map_layer(layers, found.maps[0]))

        self._for_this_case(layers, lambda project: project.map(layers.id), show)

    def map_came(self, id: str) -> None:
        """The model has looked at a case."""
        if self._presenter.layers is not None and self._presenter.layers.id == id:
            self._places = []
            if self.wants_probability and self._probability is None:
                self._add_probability(ask=False)

    def _for_this_case(
        self, layers: CaseLayers, read: Callable[[ReviewProject], Any], then: Callable[[Any], None]
    ) -> None:
        """`then` what was read, unless another case is open by then."""
        job = self._connection.read(read)
        job.succeeded.connect(lambda found: then(found) if self._presenter.layers is layers else None)

    def _drop(self, name: str) -> None:
        layer = getattr(self, name)
        setattr(self, name, None)
        if layer is not None:
            self._presenter.drop(layer)


def _older_mask(layers: CaseLayers, labels: np.ndarray, name: str) -> Labels:
    layer = Labels(
        labels,
        name=name,
        colormap=mask_colormap(legend_of(layers.loaded.label_set, sides=True)),
        opacity=layers.mask.opacity,
        metadata={MAP: "preview"},
        **placement(layers.image),
    )
    layer.editable = False  # to look at: strokes on it would be lost
    lies_over(layer, layers.image)
    return layer


def _map_layer(layers: CaseLayers, values: np.ndarray) -> Image:
    """A map at the model's own size, stretched over the image by its scale: no pixel is computed."""
    where = placement(layers.image)
    ratio = np.array(layers.image.data.shape) / values.shape
    scale = np.asarray(where["scale"])
    where["translate"] = np.asarray(where["translate"]) + scale * (ratio - 1) / 2  # centres of pixels
    where["scale"] = scale * ratio
    layer = Image(
        values,
        name=f"{layers.image.name}: probability",
        colormap="magma",
        blending="translucent",
        contrast_limits=(0, 255),
        opacity=0.5,
        metadata={MAP: "map"},
        **where,
    )
    lies_over(layer, layers.image)
    return layer
