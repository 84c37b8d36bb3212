"""Old model against new model, case by case, through the same Predictor that users run."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from napari_unet.core.errors import UserError
from napari_unet.core.events import CaseDone, Familiar
from napari_unet.core.evidence import CaseScore, Evidence
from napari_unet.core.geometry import pixel_aspect
from napari_unet.core.groups import group_stacks
from napari_unet.core.intensity import IntensityRule
from napari_unet.core.label_set import BACKGROUND
from napari_unet.core.labels import IGNORE, lung
from napari_unet.core.leaks import Fingerprint
from napari_unet.core.prediction import Prediction
from napari_unet.core.protocol_difference import CaseDifference, case_difference
from napari_unet.core.raster import Raster
from napari_unet.core.steps import run
from napari_unet.core.training_pair import TrainingPair
from napari_unet.inference.device import pick_device
from napari_unet.inference.predictor import Predictor
from napari_unet.models.card import ModelCard
from napari_unet.models.checkpoint import load_model
from napari_unet.models.library import ModelEntry, ModelLibrary, default_library
from napari_unet.models.output import Output
from napari_unet.models.replay_set import ReplaySet, read_replay_set
from napari_unet.training.cases import image_fingerprints
from napari_unet.training.compared import ComparedCase, middle, shown_pixels
from napari_unet.training.measures import (
    Measure,
    Value,
    compared_outputs,
    mask_values,
    measures,
    score_values,
)
from napari_unet.training.pairs import chosen_slices, read_image, read_pair
from napari_unet.training.taught import taught_by


@dataclass(frozen=True)
class Measured:
    """One case by an old and a new model. values : see training.measures; distances are in pixels (along a
    row, where they are not square).

    pixel_mm : what a pixel measures, None where the spacing is not known. notes : what was assumed.
    fingerprints : what would give away each of its images in another set. group : see CaseScore. masks : what
    both models drew, to be looked at. difference : of the reference from the parent's mask, by zones of the
    chest.
    """

    id: str
    values: tuple[Value, ...]
    pixel_mm: float | None
    notes: tuple[str, ...] = ()
    fingerprints: tuple[Fingerprint, ...] = ()
    group: str = ""
    masks: ComparedCase | None = None
    difference: CaseDifference | None = None


def measure(old: Predictor, new: Predictor, pair: TrainingPair, answer: str | None = None) -> Measured:
    """Both models on one case, with the cards' thresholds and rules, at the image's own size.

    answer : the id of one output of the new model, None for all of them.
    Each of these for which the case has a reference: a mask, of which pixels marked IGNORE
    do not count, or findings; why a mask is none for an output is noted. Of a stack the chosen slices count:
    Dice over all of their pixels, HD95 as the mean over slices, in plane. A model that sees a slice alone
    gets no other than these. Raises UserError as `read_pair` does, and if there is no reference at all.
    """
    raster = read_image(pair)
    chosen = chosen_slices(pair, raster) if raster.pixels.ndim == 3 else None
    spacing = raster.spacing_mm
    values: list[Value] = []
    masks: list[ComparedCase] = []
    notes = [f"Case {pair.id}: {note}" for note in raster.notes]
    problems: list[UserError] = []
    difference = None
    for ours, theirs in compared_outputs(old.card, new.card, answer):
        said = [_Says(old, theirs), _Says(new, ours)]
        if ours.task == "classification":
            if any(name.casefold() in pair.findings for name in ours.findings):
                scores = [one.scores(raster, chosen) for one in said]
                values += score_values(ours, theirs, scores[0], scores[1], pair.findings)
        elif pair.mask is not None:
            try:
                read = read_pair(replace(pair, image=raster), _only(new.card, ours))
            except UserError as error:
                problems.append(error)
                continue
            labels = read.labels if chosen is None else read.labels[chosen]
            drawn = [one.labels(raster, chosen) for one in said]
            values += mask_values(ours, theirs, drawn, labels, _steps(spacing))
            masks.append(ComparedCase.of(*(one > BACKGROUND for one in drawn)))
            if ours == new.card.output:
                difference = _difference(ours, drawn[0], labels, spacing)
            notes += read.notes
    nothing = UserError(
        f"Case {pair.id} has no reference for what {new.card.name} says.",
        "Give it a mask, or say which findings it has.",
    )
    if not values:
        raise (*problems, nothing)[0]
    return Measured(
        pair.id,
        tuple(values),
        None if spacing is None else spacing[-1],
        tuple(dict.fromkeys((*notes, *(error.problem for error in problems)))),
        image_fingerprints(pair, raster, old.card),
        masks=masks[0] if masks else None,
        difference=difference,
    )


def measure_replay_set(
    old: Predictor, new: Predictor, replay_set: ReplaySet
) -> Generator[CaseDone, None, tuple[Measured, ...]]:
    """As `measure`, for the images of a replay set, which are inputs already. Yields CaseDone.

    An image whose mask follows the protocol of one answer says something about that one only.
    """
    told = new.card.output.labels
    said = [
        (ours, theirs, [_Says(_for_inputs(old), theirs), _Says(_for_inputs(new), ours)])
        for ours, theirs in compared_outputs(old.card, new.card)
        if ours.task == "segmentation" and ours.labels.takes(told)
    ]
    found: list[Measured] = []
    for image, labels, item in zip(replay_set.images, replay_set.labels, replay_set.items, strict=True):
        values: list[Value] = []
        masks: list[ComparedCase] = []
        seen = None if image.ndim == 2 else [len(image) // 2]  # the others are its neighbours
        truth = labels if seen is None else labels[None]
        for ours, theirs, models in said:
            if not item.follows(ours.id):
                continue
            drawn = [one.labels(Raster(image, inverted=False), seen) for one in models]
            values += mask_values(ours, theirs, drawn, truth, _steps(None))
            shown = [one > BACKGROUND for one in drawn]
            masks.append(ComparedCase.of(shown[0], shown[1], shown_pixels(middle(image))))
        name = f"{item.source} {len(found) + 1}".strip()
        found.append(Measured(name, tuple(values), None, masks=masks[0] if masks else None))
        yield CaseDone(name, len(found), len(replay_set.items))
    fingerprints = [
        Fingerprint("", item.patient, item.content_hash, item.phash or None) for item in replay_set.items
    ]
    owners = [item.patient or f"image {k}" for k, item in enumerate(replay_set.items)]
    return tuple(_in_groups(found, group_stacks(owners, range(len(fingerprints)), fingerprints)))


def gather(place: str, found: Sequence[Measured], card: ModelCard) -> tuple[Evidence, ...]:
    """The evidence of one place; distances in mm if all of the cases have a spacing.

    card : of the new model. Its output is what the first piece is about, also where there is no case.
    """
    scales = [case.pixel_mm for case in found if case.pixel_mm is not None]
    in_mm = bool(found) and len(scales) == len(found)
    order = [card.output.id, *(output.id for output in card.outputs)]
    cases: dict[Measure, list[CaseScore]] = {of: [] for of in measures(card.output)} if not found else {}
    for case, scale in zip(found, scales if in_mm else [1.0] * len(found), strict=True):
        for value in case.values:
            by = scale if value.of.metric.unit == "px" else 1.0
            score = CaseScore(case.id, value.old * by, value.new * by, case.group, value.truth)
            cases.setdefault(value.of, []).append(score)
    in_order = sorted(cases.items(), key=lambda item: order.index(item[0].output))
    return tuple(
        Evidence.of(
            of.metric,
            place,
            of.output,
            scores,
            unit="mm" if in_mm and of.metric.unit == "px" else of.metric.unit,
            label=of.label,
            against=of.against,
        )
        for of, scores in in_order
    )


def compare_models(
    old: str,
    new: str,
    pairs: Sequence[TrainingPair],
    device: str = "auto",
    name: str = "these images",
    library: ModelLibrary | None = None,
    answer: str | None = None,
) -> Generator[CaseDone | Familiar, None, tuple[Evidence, ...]]:
    """Two models of the library on the same cases. Yields CaseDone, with `error` for a case that is skipped.

    answer : which of the new model's, as in `ModelCard.output_named`; None for all of them.
    Yields a Familiar about each model at the end. Cases of one patient, file or look count once in the paired
    test. Raises UserError if a model or the device is not there, the models have no task in common, or no
    case can be used.
    """
    library, chosen = library or default_library(), pick_device(device)
    entries = [library.find(model) for model in (old, new)]
    answer = None if answer is None else entries[1].card.output_named(answer).id
    compared_outputs(entries[0].card, entries[1].card, answer)
    first, second = (Predictor(load_model(entry), entry.card, chosen) for entry in entries)
    found: list[Measured] = []
    owners: list[str] = []
    problem = UserError("There is nothing to compare.", "Give images with masks.")
    for done, pair in enumerate(pairs, start=1):
        try:
            found.append(measure(first, second, pair, answer))
            owners.append(pair.group)
        except UserError as error:
            problem = error
            yield CaseDone(pair.id, done, len(pairs), str(error))
        else:
            yield CaseDone(pair.id, done, len(pairs), notes=found[-1].notes)
    if not found:
        raise problem
    for model, entry in dict(zip((old, new), entries, strict=True)).items():
        taught = taught_by(entry.card, intact_replay_set(entry))
        count = taught.count([case.fingerprints for case in found])
        yield Familiar(model, count, len(found), taught.sentence())
    images = [(k, image) for k, case in enumerate(found) for image in case.fingerprints]
    groups = group_stacks(owners, [k for k, _ in images], [image for _, image in images])
    return gather(name, _in_groups(found, groups), entries[1].card)


def intact_replay_set(entry: ModelEntry) -> ReplaySet | None:
    """The replay set of a model; None if it is damaged, which `models verify` reports."""
    try:
        return read_replay_set(entry)
    except UserError:
        return None


def _in_groups(found: Sequence[Measured], groups: Sequence[int]) -> list[Measured]:
    return [replace(case, group=str(group)) for case, group in zip(found, groups, strict=True)]


def _for_inputs(model: Predictor) -> Predictor:
    """The same model for 8-bit images that went through its IntensityRule before."""
    return model.with_card(model.card.model_copy(update={"intensity": IntensityRule("window", 0, 255)}))


def _only(card: ModelCard, output: Output) -> ModelCard:
    """The same card as if it had no other output."""
    return card.model_copy(update={"outputs": (output,)})


@dataclass(frozen=True)
class _Says:
    """A model by one of its outputs."""

    model: Predictor
    output: Output

    def labels(self, raster: Raster, chosen: list[int] | None) -> np.ndarray:
        """What it draws on an image, or on the chosen slices of a stack."""
        rule = self.model.card.input
        if chosen is None or rule.neighbours or rule.axes == 3:
            labels = self._predict(raster).labels()
            return labels if chosen is None else labels[chosen]
        return self._predict(_slices(raster, chosen)).labels()

    def scores(self, raster: Raster, chosen: list[int] | None) -> Mapping[str, float]:
        """Of an image, or of the chosen slices of a stack."""
        return self._predict(raster if chosen is None else _slices(raster, chosen)).scores

    def _predict(self, raster: Raster) -> Prediction:
        return run(self.model.steps(raster, raster.inverted, self.output.id))


def _difference(
    output: Output, drawn: np.ndarray, labels: np.ndarray, spacing: tuple[float, ...] | None
) -> CaseDifference | None:
    """None where there are no zones: for other labels than lungs, and for stacks."""
    if not output.labels.of_lungs or drawn.ndim != 2:
        return None
    return case_difference(drawn > BACKGROUND, lung(labels), labels == IGNORE, pixel_aspect(spacing))


def _slices(raster: Raster, chosen: list[int]) -> Raster:
    header = raster.header() | {"affine": None, "frame": None}
    return Raster(raster.pixels[chosen], **header)


def _steps(spacing: tuple[float, ...] | None) -> tuple[float, float]:
    """The size of a pixel in the unit of distances before they are in mm: as wide as it is, 1."""
    return pixel_aspect(spacing), 1.0
