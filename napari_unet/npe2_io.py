"""What the manifest names for files: the reader of DICOM and NIfTI, the writer of masks, the samples."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from napari_unet.core.errors import UserError
from napari_unet.core.labels import NotLabels
from napari_unet.core.raster import Modality, Raster
from napari_unet.core.source import Source
from napari_unet.core.window import display_window
from napari_unet.io.arriving import ArrivingSeries
from napari_unet.io.dicom_frames import is_multi_frame
from napari_unet.io.dicom_seg_read import is_seg, read_seg
from napari_unet.io.formats import is_mask_name, is_readable_image, read_labels, read_raster, stem, write_mask
from napari_unet.io.layer_data import HEADER, LayerData, image_layer
from napari_unet.io.names import is_index
from napari_unet.io.opened import Opened, holds_medical, opened
from napari_unet.io.sources import named_paths
from napari_unet.io.unpacked import has_dicom, is_bundle
from napari_unet.samples import CT, CT_2, SAMPLES, SampleImage
from napari_unet.widgets.napari_compat.opened import opened_by_hand, opened_in_window, opened_together

_T = TypeVar("_T")
_FOR_ALL_LAYERS = ("name", "metadata", "scale", "units", "translate")


def get_reader(path: str | list[str]) -> Callable[[str | list[str]], list[LayerData]] | None:
    """A reader if all of these files are images that this package reads.

    Of a folder, if it holds such an image that is not a picture; of a zip file, if it holds DICOM. A DICOMDIR
    stands for the images that it lists.
    """
    return read_layers if all(map(_is_read, _each(path))) else None


def _is_read(given: Path) -> bool:
    if given.is_dir():
        return holds_medical(given)
    return is_index(given) or has_dicom(given) if is_bundle(given) else is_readable_image(given)


def read_layers(path: str | list[str]) -> list[LayerData]:
    """One layer an image, with spacing, place, units, window and header.

    Of several, those that cannot be read are told, and the others open; raises UserError if there are none.

    The files of a series of CT, MR or PET are one image. What is named `*_mask.*` and holds the numbers of a
    mask (see core.labels) becomes a labels layer, and so does a DICOM segmentation. A file of a series that
    was opened with another one gives no layer, which napari calls `[(None,)]`.

    Where a person opens a series in a window, its pixels are read while it is shown (io.arriving). A script
    gets a layer with all of them.
    """
    together, viewer = opened_together(), opened_by_hand()
    found = _meanwhile(viewer, lambda: opened(_each(path), together))
    images = _chosen(found, viewer)
    for sentence in found.told if images else ():
        warnings.warn(sentence, stacklevel=2)  # napari shows it
    layers = _layers(images, viewer)
    _read_on(viewer, [layer[0] for layer in layers])
    return layers or [(None,)]  # type: ignore[list-item]


def write_labels(path: str, data: Any, meta: dict[str, Any]) -> list[str]:
    """Saves a labels layer as PNG, TIFF or NIfTI; NIfTI in the order of the file that its image came from."""
    labels = np.asarray(data)
    return [str(write_mask(Path(path), labels, _like(labels, meta)))]


def sample_1() -> list[LayerData]:
    """Chest X-ray 1 (PA)."""
    return _sample(0)


def sample_2() -> list[LayerData]:
    """Chest X-ray 2 (PA)."""
    return _sample(1)


def sample_3() -> list[LayerData]:
    """Chest X-ray 3 (PA)."""
    return _sample(2)


def sample_4() -> list[LayerData]:
    """Chest X-ray 4 (PA)."""
    return _sample(3)


def sample_ct() -> list[LayerData]:
    """A chest CT, seen through a lung window, and its mask."""
    return [*_ct(CT), _layer(Source.of(CT.mask), stem(CT.mask))]


def sample_ct_2() -> list[LayerData]:
    """Another chest CT, without a mask."""
    return _ct(CT_2)


_answer: list[Source] = []  # the series that were chosen when somebody was asked last


def _chosen(found: Opened, viewer: Any) -> list[Source]:
    """The images without the series that nobody wants to see: asked once, with the first of several."""
    is_seen = bool(found.images) and opened_in_window()
    infos = _meanwhile(viewer, lambda: found.series) if is_seen else ()
    if len(infos) < 2:
        return found.images
    if infos[0].source in found.images:
        from napari_unet.widgets.common.series_dialog import ask_for_series

        _answer[:] = ask_for_series(infos)
    unwanted = {info.source for info in infos} - set(_answer)
    return [image for image in found.images if image not in unwanted]


def _meanwhile(viewer: Any, work: Callable[[], _T]) -> _T:
    """What `work` gives, while the window of `viewer` goes on drawing; without a viewer it is just done."""
    if viewer is None:
        return work()
    from napari_unet.widgets.common.jobs import wait_in_window

    return wait_in_window(work)


def _arriving_layer(image: Source, name: str, viewer: Any) -> LayerData:
    """A series of which the headers are known and the pixels are read while it is shown."""
    from napari_unet.widgets.casework.warm_up import ready_units, warm_up

    warming = warm_up()
    ready_units()

    def begin() -> ArrivingSeries:
        series = ArrivingSeries(image)
        warming.join()
        return series

    series = _meanwhile(viewer, begin)
    _warn(name, series.preview.notes)
    _, options, kind = image_layer(series.preview, name)
    window = display_window(series.preview)
    return series, {"contrast_limits": (window.low, window.high)} | options, kind  # type: ignore[return-value]


def _read_on(viewer: Any, data: Sequence[Any]) -> None:
    """Read series in the background as soon as their layers are there: once it is sure that they will be."""
    several = [one for one in data if isinstance(one, ArrivingSeries)]
    if several:
        from napari_unet.widgets.viewing.arriving import read_while_shown

        for series in several:
            read_while_shown(viewer, series)


def _layers(images: Sequence[Source], viewer: Any) -> list[LayerData]:
    """The layers of those that can be read. Raises the first UserError if none can."""
    layers, errors = [], []
    for image, name in zip(images, map(stem, named_paths(images)), strict=True):
        try:
            layers.append(_layer(image, name, viewer))
        except UserError as error:
            errors.append(error)
    for failed in errors if layers else errors[1:]:
        warnings.warn(str(failed), stacklevel=3)  # napari shows it
    if errors and not layers:
        raise errors[0]
    return layers


def _layer(image: Source, name: str, viewer: Any = None) -> LayerData:
    """viewer : in whose window somebody opens it, if somebody does."""
    if not image.is_series and is_seg(image.first):
        return _seg_layer(image.first, name)
    if viewer is not None and (image.is_series or is_multi_frame(image.first)):
        return _arriving_layer(image, name, viewer)
    raster = _meanwhile(viewer, lambda: read_raster(image))
    pixels, options, kind = image_layer(raster, name)
    path = image.path
    if not image.is_series and is_mask_name(path):
        with suppress(NotLabels):
            found = read_labels(path, any_label=True)
            _warn(path.name, found.notes)
            return _labels_layer(found.labels, options)
    if image.is_series or raster.pixels.ndim == 3:  # what is said of a volume is said of its mm
        _warn(name, raster.notes)
    return pixels, options, kind


def _seg_layer(path: Path, name: str) -> LayerData:
    """A DICOM segmentation, in its place in the patient."""
    found, seg = read_labels(path, any_label=True), read_seg(path)
    _warn(path.name, found.notes)
    affine = None if seg.geometry is None or found.labels.ndim == 2 else seg.geometry.affine
    like = Raster(found.labels, seg.spacing_mm, affine=affine, source=str(path))
    _, options, _ = image_layer(like, name)
    return _labels_layer(found.labels, options)


def _labels_layer(labels: np.ndarray, options: dict[str, Any]) -> LayerData:
    """options : of an image layer in the same place."""
    return labels, {key: options[key] for key in options if key in _FOR_ALL_LAYERS}, "labels"


def _warn(name: str, notes: tuple[str, ...]) -> None:
    for note in notes:
        warnings.warn(f"{name}: {note}", stacklevel=3)  # napari shows it


def _sample(number: int) -> list[LayerData]:
    sample = SAMPLES[number]
    return [image_layer(replace(read_raster(sample.image), view="PA"), sample.key)]


def _ct(sample: SampleImage) -> list[LayerData]:
    raster = replace(read_raster(sample.image), modality=Modality.CT)
    return [image_layer(raster, sample.key)]


def _each(path: str | list[str]) -> list[Path]:
    return list(map(Path, [path] if isinstance(path, str) else path))


def _like(labels: np.ndarray, meta: dict[str, Any]) -> Raster:
    """The image that a labels layer belongs to: from its header if it has one, else from its transforms."""
    header = (meta.get("metadata") or {}).get(HEADER) or {}
    known = {f.name for f in fields(Raster)} - {"pixels"}
    try:
        return Raster(
            labels, **{key: value for key, value in header.items() if key in known} or _placed(meta)
        )
    except UserError:
        return Raster(labels, **_placed(meta))


def _placed(meta: dict[str, Any]) -> dict[str, Any]:
    """Spacing and affine from the layer's transforms where all units are lengths, otherwise nothing."""
    units = meta.get("units") or ()
    if not units or not all(unit.is_compatible_with("millimeter") for unit in units):
        return {}
    ndim = len(units)
    affine = np.eye(ndim + 1)
    affine[:ndim, :ndim] = np.asarray(meta.get("rotate", np.eye(ndim))) @ np.diag(meta["scale"])
    affine[:ndim, ndim] = meta.get("translate", 0)
    affine = np.asarray(meta.get("affine", np.eye(ndim + 1))) @ affine
    affine[:ndim] *= np.array([[(1 * unit).to("millimeter").magnitude] for unit in units])
    spacing = tuple(float(length) for length in np.linalg.norm(affine[:ndim, :ndim], axis=0))
    return {"spacing_mm": spacing, "spacing_source": "the layer's scale and units", "affine": affine}
