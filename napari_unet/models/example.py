"""An image that may go with an exported model: a sample of the package or a drawn one, never a patient's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from napari_unet.io.formats import read_raster
from napari_unet.models.card import ModelCard
from napari_unet.resources_path import resource

_SAMPLE = "hannover_1052b0fe.png"
_SAMPLE_DOI = "10.6084/m9.figshare.12275009"
_SAMPLE_CREDIT = (
    "COVID-19 image repository of the Institute for Diagnostic and Interventional Radiology, Hannover "
    f"Medical School, https://doi.org/{_SAMPLE_DOI}, licence CC BY 3.0 "
    "(https://creativecommons.org/licenses/by/3.0/). Changed: made smaller"
)
_SIDE, _DEPTH = 256, 16  # pixels


@dataclass(frozen=True)
class Example:
    """pixels : float32 (channels, *axes), raw values on the grid that the network sees. doi : "" if drawn."""

    pixels: np.ndarray
    credit: str
    doi: str = ""


def example_image(card: ModelCard, stride: int) -> Example:
    """A shipped, credited chest X-ray for models of X-rays; two drawn lungs for all others.

    Drawn slices lie one pixel lower each, so that they can be distinguished.
    """
    rule = card.input
    sides = [max(1, most // stride) * stride for most in (_DEPTH, _SIDE, _SIDE)[-rule.axes :]]
    grid = rule.size or tuple(sides)
    size = grid[-2], grid[-1]
    one = rule.axes == 2 and not rule.neighbours
    if one and card.intensity.kind == "percentiles" and {"CR", "DX"} & set(card.modalities):
        sample = read_raster(resource("samples", _SAMPLE)).pixels
        return Example(_sampled(sample, size)[None], _SAMPLE_CREDIT, _SAMPLE_DOI)
    low, high = (0.0, 255.0) if card.intensity.kind == "percentiles" else card.intensity.limits(np.zeros(1))
    drawn = _drawn(size) * np.float32(high - low) + np.float32(low)
    slices = grid[0] if rule.axes == 3 else rule.channels
    pixels = np.stack([np.roll(drawn, z, axis=0) for z in range(slices)])
    return Example(pixels[None] if rule.axes == 3 else pixels, "Drawn by a program")


def grey(card: ModelCard, pixels: np.ndarray) -> np.ndarray:
    """The network's input float32 (channels, *axes) of raw pixels on its grid: each channel by itself."""
    return np.stack([card.intensity.apply(channel) for channel in pixels])


def _sampled(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """float32 (*size): the mean of the pixels that fall into each new one, or the pixel that it lies in."""
    sums: np.ndarray = pixels.astype(np.float64)
    for axis, (old, new) in enumerate(zip(pixels.shape, size, strict=True)):
        edges = np.linspace(0, old, new + 1).astype(int)
        counts = np.maximum(1, np.diff(edges)).reshape(-1, *(1,) * (1 - axis))
        sums = np.add.reduceat(sums, edges[:-1], axis=axis) / counts
    return sums.astype(np.float32)


def _drawn(size: tuple[int, int]) -> np.ndarray:
    """float32 (*size) in 0..1: two dark ellipses on bright ground with soft rims."""
    y, x = np.meshgrid(*((np.arange(n) + 0.5) / n for n in size), indexing="ij")
    nearest = np.min([((y - 0.5) / 0.38) ** 2 + ((x - c) / 0.16) ** 2 for c in (0.27, 0.73)], axis=0)
    return np.asarray(0.15 + 0.7 / (1 + np.exp(-6 * (nearest - 1))), np.float32)
