"""Lung segmentation with U-Nets. Importing this brings neither torch nor Qt nor napari."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import numpy as np

    from napari_unet.core.metrics import Scores
    from napari_unet.core.prediction import Prediction
    from napari_unet.core.training_pair import TrainingPair
    from napari_unet.review.store import ReviewProject
    from napari_unet.training.adapt_config import AdaptConfig
    from napari_unet.training.outcome import FineTuneResult

try:
    from napari_unet._version import version as __version__
except ImportError:  # a checkout that was never installed
    __version__ = "0+unknown"

__all__ = ["__version__", "evaluate", "fine_tune", "open_project", "segment"]


def segment(
    image: np.ndarray,
    model: str = "cxr-lung",
    spacing_mm: tuple[float, ...] | None = None,
    *,
    output: str | None = None,
    threshold: float | None = None,
    device: str = "auto",
    **header: Any,
) -> Prediction:
    """Segments the lungs in an image array; `.mask()` of the result is the mask.

    image : numbers, (Y, X), or (Z, Y, X) as a stack of images. model : a name in the library, or a model's
    folder. spacing_mm : one per axis, or None where it is not known. output : which of the model's answers,
    by its id or as "old" or "new"; None for the one it gives by itself. threshold : None for the model's own.
    device : "auto", "cpu", "cuda" or "mps". header : further fields of `Raster` (modality,
    view, ...); `columns_towards`, the earlier name of `row_direction`, goes on working.
    Raises UserError, with the remedy, for images and models that cannot be used.
    """
    import warnings

    import numpy as np

    from napari_unet.core.raster import Raster
    from napari_unet.inference import segment as inference

    if "columns_towards" in header:
        warnings.warn("columns_towards is now called row_direction.", DeprecationWarning, stacklevel=2)
        header.setdefault("row_direction", header.pop("columns_towards"))
    raster = Raster(np.asarray(image), spacing_mm=spacing_mm, **header)
    return inference.segment(raster, model=model, output=output, threshold=threshold, device=device)


def evaluate(
    mask: np.ndarray,
    reference: np.ndarray,
    spacing_mm: tuple[float, ...] | None = None,
    ignore: np.ndarray | None = None,
) -> Scores:
    """Dice, IoU, HD95 and ASSD of two masks of one image: `core.metrics.scores`.

    mask, reference : of equal shape; True, or the numbers of a mask (0/255, 0/1/2, ...), read as in a file by
    `core.labels.label_map`: 255 beside other labels is left out, all others together are lung. What was
    assumed is a warning. ignore : True or above 0 where pixels are left out too. Distances are in mm with a
    spacing, otherwise in pixels; nan where there is no answer. Raises UserError for values that are not those
    of a mask.
    """
    import warnings

    import numpy as np

    from napari_unet.core.labels import ignored, label_map, lung
    from napari_unet.core.metrics import scores

    found = [label_map(np.asarray(array)) for array in (mask, reference)]
    for which, one in zip(("mask", "reference"), found, strict=True):
        for note in one.notes:
            warnings.warn(f"{which}: {note}", stacklevel=2)
    labels, truth = (one.labels for one in found)
    unknown = ignored(labels, truth) if labels.shape == truth.shape else None
    if unknown is not None:
        ignore = unknown if ignore is None else unknown | np.asarray(ignore, bool)
    return scores(lung(labels), lung(truth), spacing_mm, ignore)


def open_project(folder: str | Path) -> ReviewProject:
    """The review project in a folder; use it in a `with` statement. Raises UserError if there is none."""
    from pathlib import Path

    from napari_unet.review.store import ReviewProject

    return ReviewProject.open(Path(folder))


def fine_tune(
    pairs: Sequence[TrainingPair],
    parent: str = "cxr-lung",
    name: str | None = None,
    *,
    preset: str = "quick",
    config: AdaptConfig | None = None,
    protocol: str = "",
    device: str = "auto",
    threads: int | None = None,
    on_event: Callable[[object], None] | None = None,
) -> FineTuneResult:
    """Fits a copy of the model `parent` to images with masks and puts it into the library; the old one stays.

    pairs : `open_project(folder).training_pairs()`, or made by hand. on_event : called with each event of
    `training.finetune.fine_tune`, where everything else is described. An exception in it ends the training
    and leaves nothing behind.
    """
    from napari_unet.core.steps import run
    from napari_unet.training import finetune

    steps = finetune.fine_tune(
        pairs,
        parent,
        name,
        preset=preset,
        config=config,
        protocol=protocol,
        device=device,
        threads=threads,
    )
    return run(steps, on_event)
