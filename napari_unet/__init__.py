"""Lung segmentation with U-Nets. Importing this package imports neither torch nor Qt nor napari."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

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

__all__ = ["__version__", "evaluate", "find", "fine_tune", "open_project", "segment"]


def segment(
    image: np.ndarray,
    model: str = "auto",
    spacing_mm: tuple[float, ...] | None = None,
    *,
    output: str | None = None,
    threshold: float | None = None,
    device: str = "auto",
    **header: Any,
) -> Prediction:
    """Segment the lungs in an image array.

    Parameters
    ----------
    image : ndarray of shape (Y, X) or (Z, Y, X)
        Any numeric type. (Z, Y, X) is a stack of images.
    model : str
        Name of a model in the library, or the path of a model folder. "auto" is the model in use for this
        kind of image, X-ray or CT: as `modality` says, without it by the values, and an X-ray if nothing
        tells. ``prediction.model`` and ``prediction.chosen`` say which it was and why.
    spacing_mm : tuple of float, optional
        Pixel size in mm, one value per axis. None if it is not known.
    output : str, optional
        For a model with several answers: the id of the answer, "old" (the first) or "new" (the last).
        By default the model's own choice, which is the last.
    threshold : float, optional
        Between 0 and 1. By default the model's own.
    device : {"auto", "cpu", "cuda", "mps"}
        Where to compute.
    **header
        Further fields of `Raster`, such as ``modality``, ``view`` or ``row_direction``. The earlier name
        ``columns_towards`` of ``row_direction`` still works.

    Returns
    -------
    Prediction
        ``prediction.mask()`` is the mask, ``prediction.probability`` the probability.

    Raises
    ------
    UserError
        If the image or the model cannot be used; with the remedy.

    Examples
    --------
    >>> prediction = napari_unet.segment(image, spacing_mm=(0.2, 0.2))
    >>> mask = prediction.mask()
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


def find(
    image: np.ndarray,
    model: str = "cxr-finding",
    spacing_mm: tuple[float, ...] | None = None,
    *,
    device: str = "auto",
    method: Literal["activation", "occlusion"] = "activation",
    **header: Any,
) -> Prediction:
    """Score findings in a frontal chest X-ray.

    A score is a rank among images, not a probability of disease, and nothing here is a diagnosis. The lungs
    are found first, by the shipped model cxr-lung-whole.

    Parameters
    ----------
    image : ndarray of shape (Y, X)
        Any numeric type.
    model : str
        Name of a model in the library that scores findings, or the path of a model folder.
    spacing_mm : tuple of float, optional
        Pixel size in mm, one value per axis. None if it is not known.
    device : {"auto", "cpu", "cuda", "mps"}
        Where to compute.
    method : {"activation", "occlusion"}
        How the heat maps are made: the network's own class activation map, or by hiding one patch of the
        image after another, which takes a hundred times as long.
    **header
        Further fields of `Raster`, such as ``modality``, ``view`` or ``row_direction``.

    Returns
    -------
    Prediction
        ``prediction.scores`` has a score from 0 to 1 for each finding, and ``prediction.reading`` the zones,
        the ranks among normal images and the thresholds. ``napari_unet.core.heat.heat(prediction, finding)``
        is the heat map of a finding at the size of the image.

    Raises
    ------
    UserError
        If the image gets no score, or the model cannot be used; with the reason.

    Examples
    --------
    >>> prediction = napari_unet.find(image)
    >>> prediction.scores["abnormal"], prediction.reading.zones
    """
    import numpy as np

    from napari_unet.core.raster import Raster
    from napari_unet.inference import find as inference

    raster = Raster(np.asarray(image), spacing_mm=spacing_mm, **header)
    return inference.find(raster, model=model, device=device, method=method)


def evaluate(
    mask: np.ndarray,
    reference: np.ndarray,
    spacing_mm: tuple[float, ...] | None = None,
    ignore: np.ndarray | None = None,
) -> Scores:
    """Compute Dice, IoU, HD95 and ASSD of two masks of one image.

    The values are read as in a file: 0/255 or 0/1 is background and lung, 0/1/2 is background, right and
    left lung, and 255 beside other labels is ignored. Right and left count together as lung. Assumptions
    about the values are issued as warnings.

    Parameters
    ----------
    mask, reference : ndarray of bool or int
        Both of the same shape, (Y, X) or (Z, Y, X).
    spacing_mm : tuple of float, optional
        Pixel size in mm, one value per axis. Without it, distances are in pixels.
    ignore : ndarray of bool, optional
        True where pixels are ignored, in addition to those with the label 255.

    Returns
    -------
    Scores
        ``dice``, ``iou``, ``hd95``, ``assd`` and ``unit`` ("mm" or "px"). nan where a score is undefined,
        for instance a distance to an empty mask.

    Raises
    ------
    UserError
        If the values are not those of a mask.
    ValueError
        If the shapes differ.
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
    """Open the review project in a folder.

    Parameters
    ----------
    folder : str or Path
        Folder of the project.

    Returns
    -------
    ReviewProject
        Use it in a ``with`` statement, which closes it.

    Raises
    ------
    UserError
        If there is no project in the folder, or it cannot be opened.

    Examples
    --------
    >>> with napari_unet.open_project("my-review") as project:
    ...     accepted = [case for case in project.cases() if case.status == "accepted"]
    """
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
    same_protocol: bool | None = None,
    device: str = "auto",
    threads: int | None = None,
    untouched: Sequence[TrainingPair] = (),
    on_event: Callable[[object], None] | None = None,
) -> FineTuneResult:
    """Train a copy of a model on images with masks, and add it to the model library.

    The parent is not changed. Trainings on parts of the cases test what the training achieves on patients
    that it has not seen; the final model is trained on all cases. The same pairs, settings, device and
    number of threads give the same weights on the CPU.

    Parameters
    ----------
    pairs : sequence of TrainingPair
        From ``open_project(folder).training_pairs()``, or made by hand. Pairs that cannot be used are
        reported as events and ignored.
    parent : str
        Name of the model to start from.
    name : str, optional
        Name of the new model. By default the parent's name with the date.
    preset : {"quick", "thorough"}
        Settings, unless `config` is given.
    config : AdaptConfig, optional
        Settings, instead of those of a preset.
    protocol : str
        What belongs to a mask, in words, if it differs from the parent's protocol.
    same_protocol : bool, optional
        True if the masks follow the parent's protocol: its answer is fitted to the new images. False if they
        follow another one: the new model has an additional answer, and the parent's answers stay exactly as
        they are. By default True, if neither the words nor the masks say that the protocols differ.
    device : {"auto", "cpu", "cuda", "mps"}
        Where to compute.
    threads : int, optional
        Number of processor threads. By default as many as there are.
    untouched : sequence of TrainingPair
        Your images without a corrected mask, from ``open_project(folder).untouched_pairs()``. Both models are
        compared on up to 24 of them.
    on_event : callable, optional
        Called with each event of ``training.finetune.fine_tune``. If it raises an exception, the training
        ends and leaves nothing behind.

    Returns
    -------
    FineTuneResult
        The card and the folder of the new model, and ``report``: how it compares with its parent.

    Raises
    ------
    UserError
        If the name is in use, if there are fewer than two usable cases or patients, if the protocols seem to
        differ and `same_protocol` is not given, if memory or disk space run out, or if the loss is not a
        number from the start.
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
        same_protocol=same_protocol,
        device=device,
        threads=threads,
        untouched=untouched,
    )
    return run(steps, on_event)
