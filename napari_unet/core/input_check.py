"""The input check: what must be true of an image before and after a model has looked at it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from napari_unet.core.body_part import may_hold_lung, names_other_part
from napari_unet.core.errors import UserError
from napari_unet.core.image_kind import CT, kind_of
from napari_unet.core.masks import MaskRule, bounding_box, clean
from napari_unet.core.padding import padded_pixels, without_padding
from napari_unet.core.raster import RADIOGRAPHS, Modality, Raster

SMALLEST, LARGEST = 32, 10_000
_SHAPE_SIDE = 256
_TOO_LARGE = float(np.finfo(np.float32).max)
_IN_WORDS = {"CR": "X-ray", "DX": "X-ray"}
_FEW = 32  # every so many pixels
_SOME_MASKS, _MOST_PASS = 64, 0.9  # so many training masks are looked at; the share that has a shape
_LISTED = 10  # so many images of a stack are named, the others counted


@dataclass(frozen=True)
class ShapePrior:
    """How the masks of a model's own training images look; kept in its card, made by `train`.

    shape : mean mask within its bounding box, rows of numbers in 0..1. flag, refuse : plausibility (see
    `plausibility`) under which an image is marked as suspect, or refused.
    """

    shape: tuple[tuple[float, ...], ...]
    flag: float = 0.3
    refuse: float = -0.5

    def __post_init__(self) -> None:
        widths = {len(row) for row in self.shape}
        if len(widths) > 1 or not all(1 <= n <= _SHAPE_SIDE for n in (len(self.shape) or 1, *widths)):
            raise ValueError(f"shape has 1 to {_SHAPE_SIDE} rows of one length, 1 to {_SHAPE_SIDE}")
        if not all(0 <= value <= 1 for row in self.shape for value in row):
            raise ValueError("shape has numbers in 0..1")
        if not -1 <= self.refuse <= self.flag <= 1:
            raise ValueError(f"refuse and flag are in -1..1, refuse first, got {self.refuse} and {self.flag}")


class NotForModel(UserError):
    """The input check refuses the image: no model, or not this one, can make anything of it."""


def check_pixels(raster: Raster) -> None:
    """Raises NotForModel, with the remedy, for images that no model can use: size, constant, not numbers."""
    in_plane = raster.shape[-2:]
    if 0 in raster.shape:
        raise NotForModel("The image has no pixels.", "Open another image.")
    if raster.pixels.ndim == 3 and raster.shape[-1] in (3, 4):
        raise NotForModel(
            f"The last axis, of {raster.shape[-1]}, looks like colour; images are (Y, X), stacks (Z, Y, X).",
            "Convert the image to grey.",
        )
    if min(in_plane) < SMALLEST or max(in_plane) > LARGEST:
        raise NotForModel(
            f"The image is {in_plane[1]} × {in_plane[0]} pixels.",
            f"Use one with {SMALLEST} to {LARGEST} pixels a side.",
        )
    if raster.padding is None and _few_differ(raster.pixels):
        return
    low, high = _range(raster)  # nan if any pixel is
    if np.isnan(low) or max(-low, high) > _TOO_LARGE:
        with np.errstate(over="ignore"):
            bad = sum(np.count_nonzero(~np.isfinite(part.astype(np.float32))) for part in _inside(raster))
        raise NotForModel(
            f"{bad} pixels of the image are not numbers (NaN or infinite).", "Export the image again."
        )
    if low == high:
        raise NotForModel(f"The image is empty: every pixel has the value {low:g}.", "Open another image.")


def check_kind(
    raster: Raster,
    modalities: Sequence[str],
    views: Sequence[str],
    body_parts: Sequence[str] = (),
    *,
    by_content: bool = False,
) -> None:
    """Raises NotForModel if the header says that the model is not for this image.

    Where no header names a modality, values only CT has say it.

    modalities, views, body_parts : what the model takes; () means anything (see core.body_part). by_content :
    what a CT shows decides (core.ct_content): its header alone refuses only what cannot hold lung.
    """
    expected = " or ".join(dict.fromkeys(_IN_WORDS.get(modality, modality) for modality in modalities))
    if modalities and raster.modality is Modality.MAP:
        raise NotForModel(
            f"The values of this map are not in Hounsfield units; the model is for {expected} images.",
            "Open the CT that it was computed from.",
        )
    if modalities and raster.modality and raster.modality not in modalities:
        raise NotForModel(
            f"This is a {raster.modality} image; the model is for {expected} images.",
            f"Open {expected} images, or choose a model for {raster.modality} if you have one.",
        )
    if modalities and Modality.CT.value not in modalities and kind_of(raster).name == CT:  # by its values
        lowest = _range(raster)[0]
        raise NotForModel(
            f"The image has values down to {lowest:.0f}, as CT has; the model is for {expected} images.",
            f"Open {expected} images, or choose a model for CT if you have one.",
        )
    if views and raster.view and raster.view not in views:
        raise NotForModel(
            f"This is a {raster.view} view; the model is for {' and '.join(views)} views.",
            f"Open a {' or '.join(views)} view.",
        )
    part = raster.body_part
    if names_other_part(part, body_parts) and not (by_content and may_hold_lung(part)):
        raise NotForModel(
            f"The header says {part}; the model is for {' or '.join(body_parts)}.",
            "Choose a model for this part of the body. If the header is wrong, correct its BodyPartExamined.",
        )


def _few_differ(pixels: np.ndarray) -> bool:
    """Whether they are whole numbers, of which a few already tell that they are not all the same."""
    few = pixels[..., ::_FEW, ::_FEW]
    return pixels.dtype.kind != "f" and bool(few.min() != few.max())


def _range(raster: Raster) -> tuple[float, float]:
    """Lowest and highest pixel that is not padding; nan if one is. Raises NotForModel as `_inside`."""
    ends = np.array([(float(part.min()), float(part.max())) for part in _inside(raster)])
    return float(ends[:, 0].min()), float(ends[:, 1].max())


def _inside(raster: Raster) -> Iterator[np.ndarray]:
    """The pixels of each plane that are not padding, of any shape; of all planes at once if none has padding.

    Raises NotForModel if too few are left. Slices that a volume lacks have none and are passed over; an X-ray
    has some in each image of a stack.
    """
    if raster.padding is None:
        yield raster.pixels
        return
    planes = raster.pixels if raster.pixels.ndim == 3 else raster.pixels[None]
    may_lack = raster.pixels.ndim == 3 and raster.modality not in RADIOGRAPHS
    seen = False
    for plane in planes:
        padded = padded_pixels(plane, raster.padding)
        if padded is not None and padded.all() and may_lack:
            continue
        inside = min(plane.shape)
        if padded is not None:
            inside = 0 if padded.all() else min(without_padding(padded, (1, 1))[0].shape)
        if inside < SMALLEST:
            break
        seen = True
        yield plane if padded is None else plane[~padded]
    else:
        if seen:
            return
    raise NotForModel("Nearly all of the image is padding, its header says.", "Open another image.")


def look_alike(masks: np.ndarray, prior: ShapePrior) -> bool:
    """Whether masks, bool (N, Y, X), have a shape in common: nearly all of some pass the check by their mean.

    Cells that fill an image have none: the check would say nothing, and its guess at the polarity be wrong.
    """
    some = masks[np.linspace(0, len(masks) - 1, min(len(masks), _SOME_MASKS)).astype(int)]
    passed = [plausibility(mask.astype(np.float32), prior) >= prior.flag for mask in some if mask.any()]
    return bool(passed) and float(np.mean(passed)) >= _MOST_PASS


def plausibility(probability: np.ndarray, prior: ShapePrior) -> float:
    """How much a prediction looks like the model's own training masks, at most 1; unusable ones are under 0.

    probability : (Y, X) at the network's own size. Correlation of the mask's shape within its bounding box
    with the mean shape (mirrored or not), less the area of undecided pixels (0.1 to 0.9) as a share of the
    mask.
    """
    raw = probability >= 0.5
    mask = clean(raw, MaskRule(fill_holes=False))
    box = bounding_box(mask)
    if box is None:
        return -1.0
    shape = np.asarray(prior.shape)
    if not shape.size:
        return -1.0
    inside = mask[box].astype(np.float32)
    zoom = [a / b for a, b in zip(shape.shape, inside.shape, strict=True)]
    seen = ndimage.zoom(
        ndimage.gaussian_filter(inside, [0.3 / z for z in zoom]),
        zoom,
        order=1,
        grid_mode=True,
        mode="nearest",
    )
    if min(seen.std(), shape.std()) < 1e-3:
        return -1.0
    correlation = max(np.corrcoef(seen.ravel(), s.ravel())[0, 1] for s in (shape, shape[:, ::-1]))
    undecided = np.count_nonzero((probability > 0.1) & (probability < 0.9)) / np.count_nonzero(raw)
    return float(max(-1.0, correlation - undecided))


_DARK_BONES = "The header says that bones are dark (MONOCHROME1, or white is 0); this was accounted for."


def polarity_note(header: bool | None, inverted: bool, measured: bool) -> tuple[str, ...]:
    """What to say about black and white: nothing in the usual case, else what was found and from where."""
    if header is not None and header != inverted:
        named = "dark" if header else "bright"
        return (
            f"The header says that bones are {named}, but the image shows the opposite: what the image shows "
            "was used.",
        )
    if header is not None:
        return (_DARK_BONES,) if header else ()
    if inverted:
        return ("Bones look dark in this image: it was inverted before segmentation.",)
    return () if measured else ("Bright bones are assumed.",)


def mixed_polarity_note(inverted: Sequence[bool]) -> tuple[str, ...]:
    """What to say of a stack in which bones look dark in some images only; () otherwise."""
    if all(inverted) or not any(inverted):
        return ()
    which = _images([k for k, dark in enumerate(inverted) if dark])
    return (f"Bones look dark in a part of the stack, inverted before segmentation: {which}.",)


def content_notes(
    found: Sequence[float], prior: ShapePrior, use: str, unusual: Sequence[str] = ()
) -> tuple[str, ...]:
    """What to say about images that do not look like what the model is for; () if all do.

    found : plausibility of each image. unusual : sentences on what is unusual in the mask of a single image:
    they are said in place of a guess at the image. Raises NotForModel for an image under `prior.refuse`, and
    for a stack without a single image that reaches `prior.flag`.
    """
    if found and max(found) < (prior.refuse if len(found) == 1 else prior.flag):
        raise NotForModel(
            "This does not look like an image for this model.", f"It is for {use}: open one." if use else ""
        )
    flagged = [k for k, value in enumerate(found) if value < prior.flag]
    if not flagged:
        return ()
    if len(found) == 1 and unusual:
        return (f"The mask does not look like normal lungs. {' '.join(unusual)} Check it with care.",)
    which = "The image" if len(found) == 1 else f"{_images(flagged)} of the stack"
    return (f"{which} may not be what the model is for: check the mask with care.",)


def mean_shape(masks: np.ndarray, side: int = 24) -> tuple[tuple[float, ...], ...]:
    """Mean of bool masks (N, Y, X), each within its bounding box: `side` rows of `side` numbers, 2 digits."""
    total, count = np.zeros((side, side)), 0
    for mask in masks:
        box = bounding_box(mask)
        if box is not None:
            inside = mask[box].astype(np.float32)
            total += ndimage.zoom(
                inside, [side / n for n in inside.shape], order=1, grid_mode=True, mode="nearest"
            )
            count += 1
    return tuple(tuple(round(float(v), 2) for v in row) for row in total / max(count, 1))


def _images(indices: list[int]) -> str:
    """As people count: Images 2, 5 for indices 1 and 4."""
    named = ", ".join(str(k + 1) for k in indices[:_LISTED])
    more = f" and {len(indices) - _LISTED} more" if len(indices) > _LISTED else ""
    return f"Image{'s' if len(indices) > 1 else ''} {named}{more}"
