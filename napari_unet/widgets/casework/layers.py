"""A case in the viewer: its image and its mask, seen and corrected as the case before it was."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from weakref import WeakSet, ref

import numpy as np
from napari.layers import Image, Labels, Layer

from napari_unet.core.label_set import LabelSet
from napari_unet.core.raster import Modality
from napari_unet.io.layer_data import HEADER
from napari_unet.widgets.casework.load import LoadedCase
from napari_unet.widgets.common.colours import legend_of, mask_colormap
from napari_unet.widgets.common.layers import lies_over, placement
from napari_unet.widgets.common.mask_context import MaskContext
from napari_unet.widgets.common.sources import MAP
from napari_unet.widgets.napari_compat.history import one_step

_OPACITY = 0.4
_KEPT = ("brush_size", "selected_label", "contiguous", "preserve_labels", "n_edit_dimensions", "opacity")
_INVERSE = {"gray": "gray_r", "gray_r": "gray"}


@dataclass
class Habits:
    """How the user looks and works: carried from one case to the next.

    tool : settings of the mask layer. mode : its mouse mode. inverted : grey is the other way round than the
    file says. window : contrast limits as a share of those that the image began with.
    """

    tool: dict[str, Any]
    mode: str = "pan_zoom"
    inverted: bool = False
    window: tuple[float, float] = (0.0, 1.0)
    gamma: float = 1.0

    @classmethod
    def at_first(cls) -> Habits:
        """Before any case was open: no tool, so that the mouse moves the image."""
        return cls({"selected_label": 1, "brush_size": 20, "opacity": _OPACITY})

    def learn(self, image: Image, mask: Labels, loaded: LoadedCase, hidden_tool: str | None) -> None:
        """Take over how a case was left. hidden_tool : the mode of a mask that is hidden just now."""
        opacity = self.tool["opacity"]
        self.tool = {name: getattr(mask, name) for name in _KEPT}
        if mask.contour:  # shown as an outline it is opaque
            self.tool["opacity"] = opacity
        self.mode = hidden_tool or str(mask.mode)
        low, high = loaded.limits
        here = image.contrast_limits
        self.window = ((here[0] - low) / (high - low), (here[1] - low) / (high - low))
        self.gamma = image.gamma
        self.inverted = image.colormap.name == _INVERSE.get(_grey(loaded))

    def colormap(self, loaded: LoadedCase) -> str:
        """Of an image: as its file says, or inverted."""
        natural = _grey(loaded)
        return _INVERSE[natural] if self.inverted else natural

    def limits(self, loaded: LoadedCase) -> tuple[float, float]:
        """Contrast limits of an image."""
        low, high = loaded.limits
        return low + self.window[0] * (high - low), low + self.window[1] * (high - low)

    def use_tool(self, mask: Labels, labels: LabelSet) -> None:
        """Give a mask layer the tool of the last one. An outline keeps its own opacity.

        A setting that this mask cannot have is dropped, and so is a label that means nothing in `labels`.
        """
        if self.tool["selected_label"] not in labels.known:
            self.tool["selected_label"] = labels.values[0]
        for name, value in self.tool.items():
            if not (name == "opacity" and mask.contour):
                with suppress(ValueError, TypeError, OverflowError):
                    setattr(mask, name, min(value, mask.ndim) if name == "n_edit_dimensions" else value)
        mask.mode = self.mode


def image_layer(loaded: LoadedCase, habits: Habits) -> Image:
    """The image of a case; named by its number, so that no name of a file or patient is on the screen."""
    header = loaded.header
    spacing, affine = header.get("spacing_mm"), header.get("affine")
    where: dict[str, Any] = {}
    if spacing is not None:
        where = {"scale": spacing, "units": ("mm",) * loaded.pixels.ndim}
        if affine is not None:
            where["translate"] = tuple(affine[:-1, -1])
    limits = habits.limits(loaded)
    layer = Image(
        loaded.pixels,
        name=f"Case {loaded.case.number}",
        contrast_limits=limits,
        colormap=habits.colormap(loaded),
        gamma=habits.gamma,
        metadata={HEADER: header},
        **where,
    )
    layer.contrast_limits_range = (min(limits[0], loaded.limits[0]), max(limits[1], loaded.limits[1]))
    return layer


def mask_layer(loaded: LoadedCase, image: Image) -> Labels:
    """The mask of a case, over its image. The layer owns `loaded.labels` from now on."""
    layer = Labels(
        loaded.labels,
        name=f"Case {loaded.case.number}: mask",
        colormap=mask_colormap(legend_of(loaded.label_set, loaded.sides)),
        opacity=_OPACITY,
        metadata={MAP: "mask"},
        **placement(image),
    )
    lies_over(layer, image)
    return layer


def context_of(loaded: LoadedCase, image: Image, mark: Callable[[tuple[int, ...]], object]) -> MaskContext:
    """What the correcting tools need to know about the mask of a case. mark : as in MaskContext."""
    header, views = loaded.header, loaded.views
    return MaskContext(
        ref(image),
        None,
        header.get("spacing_mm"),
        header.get("row_direction"),
        header.get("modality", Modality.UNKNOWN),
        False,
        probability=views.probability,
        model_mask=views.first_mask,
        labels=loaded.label_set,
        marked=loaded.case.marked,
        mark=mark,
    )


def edit_to(mask: Labels, flat: np.ndarray, values: np.ndarray) -> None:
    """One undoable edit: `values` at the flat indices of the mask."""
    with one_step(mask):
        mask.data_setitem(np.unravel_index(flat, mask.data.shape), values)
    mask.refresh(extent=False)


def _grey(loaded: LoadedCase) -> str:
    return "gray_r" if loaded.header.get("inverted") else "gray"


class OtherLayers:
    """Hides the layers of a viewer, and shows again those that it hid."""

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        self._hidden: WeakSet[Layer] = WeakSet()

    def hide(self) -> None:
        """Hide what can be seen now."""
        for layer in self._viewer.layers:
            if layer.visible:
                layer.visible = False
                self._hidden.add(layer)

    def show(self) -> None:
        """Show again what was hidden and is still there."""
        for layer in self._viewer.layers:
            if layer in self._hidden:
                layer.visible = True
        self._hidden.clear()
