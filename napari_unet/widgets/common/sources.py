"""What a layer's own file says: napari's readers drop the pixel size, and show some pictures as they are not.

An opacity channel becomes an axis of slices, CMYK becomes red, green and blue, 16 bit in colour become 8, and
no orientation tag is followed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from napari.layers import Image, Labels

from napari_unet.core.errors import UserError
from napari_unet.core.frames import Turned
from napari_unet.core.raster import Raster
from napari_unet.core.window import full_window
from napari_unet.io.formats import read_raster
from napari_unet.io.grey import grey_from_channels
from napari_unet.io.layer_data import HEADER, image_layer

MAP = "napari_unet_map"  # key in layer.metadata of a layer that shows a result, not an image


@dataclass(frozen=True)
class Source:
    """What a file says about the layer that was made of it.

    raster : the file's, where the layer is not what the file is, and nobody has changed the layer's pixels;
    else None. options : to show the raster as a layer. header : the fields of Raster that hold for the
    layer's own pixels; empty if none are known.
    """

    raster: Raster | None = None
    options: dict[str, Any] = field(default_factory=dict)
    header: dict[str, Any] = field(default_factory=dict)


def look_at_source(layer: Image) -> Callable[[], Source] | None:
    """A function that compares `layer` with its file; it may run in any thread, and takes as long as reading.

    None where there is nothing to look at: the layer came from no file, from a reader that says all about it
    or from somewhere else than one file.
    """
    path = layer.source.path
    if not path or HEADER in layer.metadata or MAP in layer.metadata or layer.multiscale:
        return None
    data, rgb, name, reader = layer.data, layer.rgb, layer.name, layer.source.reader_plugin

    def look() -> Source:
        file = Path(path)
        try:
            raster = read_raster(file) if file.is_file() else None
        except UserError:
            raster = None  # what the layer holds is judged as it is
        if raster is None:
            return Source()
        own = _grey(np.asarray(data), rgb, name)
        if own is not None and _equal(own, raster.pixels):
            return Source(header=raster.header() | {"notes": (*raster.notes, *_size_note(raster))})
        if _is_as_read(np.asarray(data), path, reader):
            shown = " × ".join(map(str, np.shape(data)))
            note = (
                f"napari had read this file differently ({shown}); it was opened again as it is in the file."
            )
            raster = replace(raster, notes=(note, *raster.notes, *_size_note(raster)))
            return Source(raster, _options(raster))
        if own is not None and own.shape == raster.shape and not isinstance(raster.frame, Turned):
            # Somebody changed the pixels: what they are is not known any more, but how large they are is.
            known = {"spacing_mm": raster.spacing_mm, "spacing_source": raster.spacing_source}
            return Source(header=known | {"notes": _size_note(raster)})
        return Source()

    return look


def adopt_header(layer: Image, header: dict[str, Any]) -> None:
    """Let `layer` know what its file says. An image in which white is 0 is shown so."""
    if not header:
        return
    layer.metadata = {**layer.metadata, HEADER: header}
    if header.get("inverted") and not layer.rgb and layer.colormap.name == "gray":
        layer.colormap = "gray_r"


def open_again(viewer: Any, layer: Image, found: Source) -> tuple[Image, list[str]]:
    """Show `found.raster` in the place of `layer`, which shows the same file otherwise.

    Returns the new layer, and the names of masks that were drawn over the old one: where there are any, these
    and the old layer are hidden; otherwise the old one is taken away.
    """
    assert found.raster is not None
    shape = layer.data.shape[: layer.ndim]
    drawn = [other for other in viewer.layers if isinstance(other, Labels) and other.data.shape == shape]
    new = Image(found.raster.pixels, **found.options | {"name": layer.name})
    at = viewer.layers.index(layer)
    if drawn:
        layer.name = f"{layer.name} (as napari opened it)"
        for other in (layer, *drawn):
            other.visible = False
    else:
        viewer.layers.remove(layer)
    viewer.layers.insert(at, new)
    viewer.layers.selection.active = new
    return new, [other.name for other in drawn]


def _options(raster: Raster) -> dict[str, Any]:
    """As `image_layer`, with contrast limits in any case: napari would look for them on the GUI thread."""
    _, options, _ = image_layer(raster, "")
    window = full_window(raster.pixels)
    return {"contrast_limits": (window.low, window.high)} | options


def _grey(pixels: np.ndarray, rgb: bool, name: str) -> np.ndarray | None:
    try:
        grey = grey_from_channels(pixels, name) if rgb else pixels
    except UserError:
        return None
    return grey * np.uint8(255) if grey.dtype == bool else grey


def _equal(one: np.ndarray, other: np.ndarray) -> bool:
    return np.array_equal(one, other, equal_nan=one.dtype.kind == other.dtype.kind == "f")


def _is_as_read(pixels: np.ndarray, path: str, reader: str | None) -> bool:
    """Whether a layer still holds what its reader makes of the file."""
    from napari.plugins.io import read_data_with_plugins

    if reader is None:
        return False
    try:
        layers, _ = read_data_with_plugins([path], plugin=reader)
        return layers is not None and len(layers) == 1 and _equal(np.asarray(layers[0][0]), pixels)
    except Exception:  # readers of other plug-ins raise anything
        return False


def _size_note(raster: Raster) -> tuple[str, ...]:
    if raster.spacing_mm is None:
        return ()
    size = " × ".join(f"{length:g}" for length in raster.spacing_mm)
    return (f"Pixel size from the file: {size} mm ({raster.spacing_source}).",)
