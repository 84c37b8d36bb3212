"""Lung segmentation with U-Nets. Importing this brings neither torch nor Qt nor napari."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from napari_unet.core.prediction import Prediction

try:
    from napari_unet._version import version as __version__
except ImportError:  # a checkout that was never installed
    __version__ = "0+unknown"

__all__ = ["__version__", "segment"]


def segment(
    image: np.ndarray,
    model: str = "cxr-lung",
    spacing_mm: tuple[float, ...] | None = None,
    *,
    threshold: float | None = None,
    device: str = "auto",
    **header: Any,
) -> Prediction:
    """Segments the lungs in an image array; `.mask()` of the result is the mask.

    image : numbers, (Y, X), or (Z, Y, X) as a stack of images. model : a name in the library, or a model's
    folder. spacing_mm : one per axis, or None where it is not known. threshold : None for the model's own.
    device : "auto", "cpu", "cuda" or "mps". header : further fields of `Raster` (modality, view, ...).
    Raises UserError, with the remedy, for images and models that cannot be used.
    """
    import numpy as np

    from napari_unet.core.raster import Raster
    from napari_unet.inference import segment as inference

    raster = Raster(np.asarray(image), spacing_mm=spacing_mm, **header)
    return inference.segment(raster, model=model, threshold=threshold, device=device)
