"""Old model against new model, case by case, through the same Predictor that users run."""

from __future__ import annotations

import copy
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from math import isnan

import numpy as np

from napari_unet.core.errors import UserError
from napari_unet.core.events import CaseDone
from napari_unet.core.gate_report import CaseScore, GateSide
from napari_unet.core.groups import group_stacks
from napari_unet.core.intensity import IntensityRule
from napari_unet.core.labels import IGNORE, lung
from napari_unet.core.leaks import Known
from napari_unet.core.metrics import dice, hd95
from napari_unet.core.raster import Raster
from napari_unet.core.steps import run
from napari_unet.core.training_pair import TrainingPair
from napari_unet.inference.device import pick_device
from napari_unet.inference.predictor import Predictor
from napari_unet.models.checkpoint import load_model
from napari_unet.models.library import ModelEntry, ModelLibrary, default_library
from napari_unet.models.memory import Memory, read_memory
from napari_unet.training.cases import known_images
from napari_unet.training.compared import ComparedCase, thinned
from napari_unet.training.pairs import chosen_slices, read_pair
from napari_unet.training.taught import taught_by


@dataclass(frozen=True)
class Measured:
    """One case by an old and a new model: Dice, and HD95 in pixels (along a row, where they are not square).

    pixel_mm : what a pixel measures, None where the spacing is not known. notes : what was assumed. known :
    what would give away each of its images in another set. group : see CaseScore. masks : what
    both models drew, to be looked at.
    """

    id: str
    dice: tuple[float, float]
    hd95: tuple[float, float]
    pixel_mm: float | None
    notes: tuple[str, ...] = ()
    known: tuple[Known, ...] = ()
    group: str = ""
    masks: ComparedCase | None = None


@dataclass(frozen=True)
class Familiar:
    """What a model knows of the cases that it was compared on. cases : how many of `of` have taught it.

    unknown : a sentence if an earlier version has not kept what would tell, else "".
    """

    model: str
    cases: int
    of: int
    unknown: str = ""

    def sentence(self) -> str:
        """For people, "" if none has taught it."""
        if not self.cases:
            return ""
        return f"{self.model} knows {self.cases} of these {self.of} images from its training: no fair test."


def measure(old: Predictor, new: Predictor, pair: TrainingPair) -> Measured:
    """Both masks of one case against its own, with the cards' thresholds and rules, at the image's own size.

    Pixels marked IGNORE count nowhere. Of a stack the chosen slices count: Dice over all of their pixels,
    HD95 as the mean over slices, in plane. Raises UserError as `read_pair` does.
    """
    raster, labels, notes = read_pair(pair, old.card)
    known = known_images(pair, raster, old.card)
    if raster.pixels.ndim == 3:
        chosen = chosen_slices(pair, raster)
        header = raster.header() | {"affine": None, "frame": None}
        raster, labels = Raster(raster.pixels[chosen], **header), labels[chosen]
    masks = [run(model.steps(raster, raster.inverted)).mask() for model in (old, new)]
    found = _measured(pair.id, masks, labels, raster.spacing_mm)
    return replace(found, notes=notes, known=known, masks=ComparedCase.of(masks[0], masks[1]))


def measure_memory(
    old: Predictor, new: Predictor, memory: Memory
) -> Generator[CaseDone, None, tuple[Measured, ...]]:
    """As `measure`, for the images of a memory, which are inputs already. Yields CaseDone."""
    models = [_for_inputs(model) for model in (old, new)]
    found: list[Measured] = []
    for image, labels, item in zip(memory.images, memory.labels, memory.items, strict=True):
        masks = [run(model.steps(Raster(image), inverted=False)).mask() for model in models]
        case = _measured(f"{item.source} {len(found) + 1}".strip(), masks, labels, None)
        found.append(replace(case, masks=ComparedCase.of(masks[0], masks[1], thinned(image))))
        yield CaseDone(found[-1].id, len(found), len(memory.items))
    known = [Known("", item.patient, item.content_hash, item.phash or None) for item in memory.items]
    owners = [item.patient or f"image {k}" for k, item in enumerate(memory.items)]
    return tuple(_in_groups(found, group_stacks(owners, range(len(known)), known)))


def gate_side(name: str, found: Sequence[Measured]) -> GateSide:
    """The cases of one place; distances in mm if all of them have a spacing."""
    scales = [case.pixel_mm for case in found if case.pixel_mm is not None]
    in_mm = bool(found) and len(scales) == len(found)
    cases = (
        CaseScore(case.id, *case.dice, case.hd95[0] * scale, case.hd95[1] * scale, case.group)
        for case, scale in zip(found, scales if in_mm else [1.0] * len(found), strict=True)
    )
    return GateSide(name, tuple(cases), "mm" if in_mm else "px")


def compare_models(
    old: str,
    new: str,
    pairs: Sequence[TrainingPair],
    device: str = "auto",
    name: str = "these images",
    library: ModelLibrary | None = None,
) -> Generator[CaseDone | Familiar, None, GateSide]:
    """Two models of the library on the same cases. Yields CaseDone, with `error` for a case that is left out.

    Yields a Familiar about each model at the end. Cases of one patient, file or look count once in the paired
    test. Raises UserError if a model or the device is not there, or no case can be used.
    """
    library, chosen = library or default_library(), pick_device(device)
    entries = [library.find(model) for model in (old, new)]
    first, second = (Predictor(load_model(entry), entry.card, chosen) for entry in entries)
    found: list[Measured] = []
    owners: list[str] = []
    problem = UserError("There is nothing to compare.", "Give images with masks.")
    for done, pair in enumerate(pairs, start=1):
        try:
            found.append(measure(first, second, pair))
            owners.append(pair.group)
        except UserError as error:
            problem = error
            yield CaseDone(pair.id, done, len(pairs), str(error))
        else:
            yield CaseDone(pair.id, done, len(pairs), notes=found[-1].notes)
    if not found:
        raise problem
    for model, entry in dict(zip((old, new), entries, strict=True)).items():
        taught = taught_by(entry.card, remembered(entry))
        count = taught.count([case.known for case in found])
        yield Familiar(model, count, len(found), taught.sentence())
    known = [(k, image) for k, case in enumerate(found) for image in case.known]
    groups = group_stacks(owners, [k for k, _ in known], [image for _, image in known])
    return gate_side(name, _in_groups(found, groups))


def remembered(entry: ModelEntry) -> Memory | None:
    """What a model remembers; None if that is damaged: `models verify` tells."""
    try:
        return read_memory(entry)
    except UserError:
        return None


def _in_groups(found: Sequence[Measured], groups: Sequence[int]) -> list[Measured]:
    return [replace(case, group=str(group)) for case, group in zip(found, groups, strict=True)]


def _for_inputs(model: Predictor) -> Predictor:
    """The same model for 8-bit images that went through its IntensityRule before."""
    changed = copy.copy(model)
    changed.card = model.card.model_copy(update={"intensity": IntensityRule("window", 0, 255)})
    return changed


def _measured(
    case: str, masks: Sequence[np.ndarray], labels: np.ndarray, spacing: tuple[float, ...] | None
) -> Measured:
    reference, ignore = lung(labels), labels == IGNORE
    steps = (1.0, 1.0) if spacing is None else (spacing[-2] / spacing[-1], 1.0)
    old, new = ((dice(mask, reference, ignore), _hd95(mask, reference, ignore, steps)) for mask in masks)
    return Measured(case, (old[0], new[0]), (old[1], new[1]), None if spacing is None else spacing[-1])


def _hd95(mask: np.ndarray, reference: np.ndarray, ignore: np.ndarray, steps: tuple[float, float]) -> float:
    """In plane; of a stack the mean over the slices that have an answer."""
    if mask.ndim == 2:
        return hd95(mask, reference, steps, ignore)
    slices = zip(mask, reference, ignore, strict=True)
    known = [value for part in slices if not isnan(value := _hd95(*part, steps))]
    return float(np.mean(known)) if known else float("nan")
