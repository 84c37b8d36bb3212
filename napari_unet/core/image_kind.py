"""X-ray or CT: what an image is, and a model is for. The model in use is kept for each kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from napari_unet.core.padding import padded_pixels
from napari_unet.core.raster import AIR_HU, RADIOGRAPHS, Modality, Raster

XRAY, CT = "X-ray", "CT"
"""The kinds that models ship for. An image of another modality is of a kind of that name ("MR")."""

KINDS = (XRAY, CT)
_HEADER, _VALUES, _NOTHING = (
    "its header says so",
    "it has values that only CT has",
    "nothing says what it is",
)


@dataclass(frozen=True)
class Kind:
    """What kind of image one is (`XRAY`, `CT` or a modality), and how that is known, as half a sentence.

    known : False if it was assumed, because neither header nor values say anything.
    """

    name: str
    why: str

    @property
    def known(self) -> bool:
        """Whether header or values tell."""
        return self.why != _NOTHING

    def sentence(self) -> str:
        """Return "The image is a CT: its header says so.", or what is assumed."""
        named = f"{'a' if self.name == CT else 'an'} {self.name}"
        return f"The image is {named if self.known else f'taken for {named}'}: {self.why}."


def kind_of(raster: Raster) -> Kind:
    """Return the kind of an image: by its header, without one by its values; an X-ray if nothing tells."""
    return kind_in(raster.pixels, raster.modality, raster.padding)


def kind_in(
    pixels: np.ndarray,
    modality: Modality = Modality.UNKNOWN,
    padding: tuple[float, float] | None = None,
) -> Kind:
    """`kind_of` for pixels of any shape. modality, padding : as in Raster."""
    if modality is not Modality.UNKNOWN:
        return Kind(kind_of_modality(modality), _HEADER)
    return Kind(CT, _VALUES) if has_air_in_hu(pixels, padding) else Kind(XRAY, _NOTHING)


def has_air_in_hu(pixels: np.ndarray, padding: tuple[float, float] | None = None) -> bool:
    """Return whether values lie so far under zero as those of air do in CT; padding and NaN do not count."""
    if pixels.dtype.kind in "ub":
        return False
    padded = padded_pixels(pixels, padding)
    inside = pixels if padded is None else pixels[~padded]
    floating = inside.dtype.kind == "f"
    lowest = np.fmin.reduce(inside, axis=None, initial=0) if floating else inside.min(initial=0)
    return bool(lowest < AIR_HU)


def images_of(kind: str) -> str:
    """Return what images of a kind are called: "X-rays", "CT"."""
    return f"{kind}s" if kind == XRAY else kind


def kind_of_modality(modality: str) -> str:
    """Return the kind of the images of one modality; of an unknown one ("") X-ray."""
    if not modality or modality in RADIOGRAPHS:
        return XRAY
    return str(modality)


def kind_of_model(modalities: Sequence[str]) -> str:
    """Return the kind that a model is for: that of the first modality on its card, X-ray if it names none."""
    return kind_of_modality(modalities[0] if modalities else "")
