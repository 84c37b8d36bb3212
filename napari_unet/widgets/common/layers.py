"""The two doors between napari and the core: a layer becomes a Raster, a mask becomes a layer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any
from weakref import WeakKeyDictionary, ref

import numpy as np
from napari.layers import Image, Labels, Layer
from napari.utils.transforms import Affine

from napari_unet.core.errors import UserError
from napari_unet.core.geometry import Geometry
from napari_unet.core.orientation import in_plane
from napari_unet.core.raster import Raster
from napari_unet.io.arriving import ArrivingSeries
from napari_unet.io.formats import geometry_of
from napari_unet.io.grey import grey_from_channels
from napari_unet.io.layer_data import HEADER
from napari_unet.widgets.common.sources import MAP, Source, look_at_source

_FIELDS = {f.name for f in fields(Raster)} - {"pixels"}
_SHAPED = ("spacing_mm", "spacing_source", "affine", "frame")


_under: WeakKeyDictionary[Layer, ref[Image]] = WeakKeyDictionary()


def lies_over(layer: Layer, like: Layer | None) -> None:
    """Remember that `layer`, a mask or a map, was made of the image `like`, or of what `like` was made of."""
    image = like if like is None or is_image(like) else image_of(like)
    if image is not None:
        _under[layer] = ref(image)


def image_of(layer: Layer | None) -> Image | None:
    """The image that a mask or a map was made of; None if that is not known."""
    kept = None if layer is None else _under.get(layer)
    return None if kept is None else kept()


def is_image(layer: Layer) -> bool:
    """Whether a model can be run on the layer: an image, and not a map that a model made."""
    return isinstance(layer, Image) and MAP not in layer.metadata and layer.ndim >= 2


def raster_source(layer: Image, index: tuple[int, ...] | None = None) -> Callable[[], Raster]:
    """A function that makes the Raster of `layer`, a copy; it may run in any thread.

    index : position on the leading axes of the one slice (Y, X) that is meant, or None for the whole layer.
    What the layer's own file says and its reader dropped is looked up there (sources.py); where the
    layer is not what the file is, the raster is the file's and may have another shape than the layer.
    The layer itself is only looked at now; a later change of it is not seen. Of a series that is being read
    the function waits for the end. It raises UserError for what is not a grey image.
    """
    look = look_at_source(layer)
    own = own_raster_source(layer, index)

    def raster() -> Raster:
        found = Source() if look is None else look()
        if found.raster is None:
            return own(found.header)
        return found.raster.slice(index[0]) if index and found.raster.pixels.ndim == 3 else found.raster

    return raster


def own_raster_source(layer: Image, index: tuple[int, ...] | None = None) -> Callable[..., Raster]:
    """As `raster_source`, of the layer's own pixels. The function takes what its file says besides."""
    data = layer.data[0] if layer.multiscale else layer.data
    rgb, name, ndim, spacing = layer.rgb, layer.name, layer.ndim, spacing_of(layer)
    kept = layer.metadata.get(HEADER)

    def raster(file_header: dict[str, Any] | None = None) -> Raster:
        here, header = data, kept
        if isinstance(data, ArrivingSeries):  # what it holds, and its header, are known when all is read
            whole = data.result()
            here, header = whole.pixels, whole.header()
        pixels = np.array(here if index is None else here[index])
        known = _header(header if isinstance(header, dict) else file_header or {}, ndim, spacing)
        if index is not None:
            known |= in_plane(known.get("affine"))
            known = {key: value for key, value in known.items() if key not in ("affine", "frame")}
            in_mm = known.get("spacing_mm")
            known["spacing_mm"] = None if in_mm is None else in_mm[-2:]
        return Raster(grey_from_channels(pixels, name) if rgb else pixels, **{"source": name, **known})

    return raster


def volume_under(
    image: Image | None, shape: tuple[int, ...], header: dict[str, Any] | None = None
) -> Raster | None:
    """The volume that a mask of this shape lies over; None if `image` is none, or of another shape.

    Its pixels are the layer's own, no copy: for what only reads them. header : as in a layer's metadata, of
    which it is the default.
    """
    if image is None or image.rgb or image.multiscale or len(shape) != 3:
        return None
    pixels, known = image.data, image.metadata.get(HEADER) if header is None else header
    if not isinstance(pixels, np.ndarray) or pixels.shape != shape or pixels.dtype.kind not in "uif":
        return None
    fields_known = _header(known if isinstance(known, dict) else {}, image.ndim, spacing_of(image))
    return Raster(pixels, **{"source": image.name, **fields_known})


def geometry_of_layer(layer: Layer) -> Geometry | None:
    """Where the file that a layer was opened from says that it lies; None if it does not say."""
    header = layer.metadata.get(HEADER)
    if not isinstance(header, dict) or layer.multiscale:
        return None
    try:
        pixels = np.broadcast_to(np.uint8(0), layer.data.shape)
        return geometry_of(Raster(pixels, affine=header.get("affine"), frame=header.get("frame")))
    except UserError:
        return None


def slice_in_view(viewer: Any, layer: Layer) -> tuple[int, ...]:
    """Position on the layer's leading axes of the slice (Y, X) that the viewer shows.

    Raises UserError if the viewer shows other axes than the last two, or a slice that the layer has not.
    """
    shown = tuple(viewer.dims.displayed)
    if shown != tuple(range(viewer.dims.ndim))[-2:]:
        raise UserError(
            "The viewer does not show the slices as they were taken.",
            "Switch back to the 2D view of the last two axes (the buttons below the layer list).",
        )
    here = layer.world_to_data(viewer.dims.point)
    lead = np.round(here[: layer.ndim - 2]).astype(int)
    shape = layer.data.shape if not getattr(layer, "multiscale", False) else layer.data[0].shape
    if any(not 0 <= at < length for at, length in zip(lead, shape, strict=False)):
        raise UserError(
            f"“{layer.name}” has nothing in the slice in view.",
            "Move the slider to a slice that it covers.",
        )
    return tuple(int(at) for at in lead)


def show_mask(
    viewer: Any,
    labels: np.ndarray,
    like: Image,
    *,
    name: str,
    index: tuple[int, ...] | None = None,
    **options: Any,
) -> Labels:
    """Add `labels` over the image `like`, with all its transforms and units; returns the new, active layer.

    index : as in `raster_source`; then `labels` is (Y, X) and lies at that slice. options : for Labels.
    """
    options["metadata"] = {MAP: "mask"} | options.get("metadata", {})
    layer = Labels(_at_slice(labels, index), name=name, **placement(like, index), **options)
    lies_over(layer, like)
    return viewer.add_layer(layer)


def show_map(
    viewer: Any,
    values: np.ndarray,
    like: Layer,
    *,
    name: str,
    index: tuple[int, ...] | None = None,
    **options: Any,
) -> Image:
    """Add a result with continuous values (a probability) over the layer `like`; see `show_mask`."""
    options["metadata"] = {MAP: "map"}
    layer = Image(_at_slice(values, index), name=name, **placement(like, index), **options)
    lies_over(layer, like)
    return viewer.add_layer(layer)


def placement(like: Layer, index: tuple[float, ...] | None = None) -> dict[str, Any]:
    """Every transform of `like`, its units and axis labels, as arguments for a new layer.

    index : where in `like` the new layer's first pixel lies, on the leading axes: the place of a slice, say.
    """
    transforms = {"scale": like.scale, "rotate": like.rotate, "shear": like.shear}
    translate = like.translate
    if index is not None:
        corner = np.zeros(like.ndim)
        corner[: len(index)] = index
        translate = np.asarray(Affine(**transforms, translate=translate, ndim=like.ndim)(corner))
    return {
        **transforms,
        "translate": translate,
        "affine": like.affine.affine_matrix,
        "units": like.units,
        "axis_labels": like.axis_labels,
    }


def spacing_of(layer: Layer) -> tuple[float, ...] | None:
    """Distance of two pixels along each axis in mm, all transforms taken; None if a unit is not a length."""
    if not all(unit.is_compatible_with("millimeter") for unit in layer.units):
        return None
    to_mm = np.array([(1 * unit).to("millimeter").magnitude for unit in layer.units])
    origin = np.asarray(layer.data_to_world(np.zeros(layer.ndim)))
    steps = [np.asarray(layer.data_to_world(axis)) - origin for axis in np.eye(layer.ndim)]
    return tuple(float(np.linalg.norm(step * to_mm)) for step in steps)


def _at_slice(array: np.ndarray, index: tuple[int, ...] | None) -> np.ndarray:
    return array if index is None else array.reshape((1,) * len(index) + array.shape)


def _header(kept: dict[str, Any], ndim: int, spacing: tuple[float, ...] | None) -> dict[str, Any]:
    """A header without what no longer fits the layer, whose own spacing goes first."""
    header = {key: value for key, value in kept.items() if key in _FIELDS}
    known = header.get("spacing_mm")
    if known is not None and len(known) != ndim:
        header = {key: value for key, value in header.items() if key not in _SHAPED}
        known = None
    if spacing is not None and (known is None or not np.allclose(spacing, known, rtol=1e-3)):
        header |= {"spacing_mm": spacing, "spacing_source": "the layer's scale and units"}
    return header


def is_mask(layer: Any) -> bool:
    """Whether a layer can be corrected: a mask in memory, and not a preview of one."""
    return (
        isinstance(layer, Labels)
        and not layer.multiscale
        and layer.ndim in (2, 3)
        and layer.metadata.get(MAP) != "preview"
    )
