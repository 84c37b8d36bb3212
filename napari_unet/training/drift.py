"""A new model beside its parent: where no reference says which is right, and under other machines."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from napari_unet.core.checks import check_labels
from napari_unet.core.drift import Drift, DriftCase, drift_case
from napari_unet.core.errors import UserError
from napari_unet.core.events import CaseDone
from napari_unet.core.evidence import Evidence
from napari_unet.core.geometry import pixel_aspect
from napari_unet.core.label_set import BACKGROUND
from napari_unet.core.metrics import dice
from napari_unet.core.raster import Raster
from napari_unet.core.spread import spread
from napari_unet.core.steps import changed, run
from napari_unet.core.training_pair import TrainingPair
from napari_unet.inference.predictor import Predictor
from napari_unet.io.formats import read_raster
from napari_unet.models.card import ModelCard
from napari_unet.models.replay_set import ReplaySet
from napari_unet.training.acceptance import Measured, gather, measure_replay_set
from napari_unet.training.compared import ComparedCase, shown_pixels
from napari_unet.training.fit import simulated
from napari_unet.training.measures import Value, compared_outputs
from napari_unet.training.pairs import read_image
from napari_unet.training.samples import from_replay_set
from napari_unet.training.shifts import shifts_of
from napari_unet.training.travel import PLACE, travel_set, travels

YOURS, REFERENCE = "your images", "the reference set"
MACHINES = "the reference set with simulated equipment"
UNTOUCHED = "your untouched images"
MOST_REFERENCES = 8
"""Reference images that are looked at under each simulated machine."""
MOST_UNTOUCHED = 24
"""Of the user's untouched images so many are looked at, spread evenly over their order."""


class Elsewhere(NamedTuple):
    """What was looked at beside held-out cases and the reference set. machines : of `under_machines`.

    masks : what both models drew, by the place of the drift and the ids of its cases.
    """

    machines: tuple[Measured, ...]
    drift: tuple[Drift, ...]
    masks: dict[str, dict[str, ComparedCase]]


class BesideParent(NamedTuple):
    """What `beside_parent` found. reference : of the parent's reference images."""

    reference: tuple[Measured, ...]
    elsewhere: Elsewhere

    @property
    def masks(self) -> dict[str, ComparedCase]:
        """What both models drew on the reference images, by the ids of their cases."""
        return {case.id: case.masks for case in self.reference if case.masks is not None}

    def evidence(self, card: ModelCard) -> tuple[Evidence, ...]:
        """What the report holds beside held-out cases. card : of the new model."""
        places = ((REFERENCE, self.reference), (MACHINES, self.elsewhere.machines))
        return tuple(one for place, found in places if found for one in gather(place, found, card))


class Seen(NamedTuple):
    """The drift at one place, and what both models drew, by the ids of its cases."""

    drift: Drift
    masks: dict[str, ComparedCase]


def looks(card: ModelCard, references: int, untouched: int = 0) -> int:
    """How many events `look_elsewhere` yields, for so many reference images and images of the user's."""
    machines = len(shifts_of(card)) * min(references, MOST_REFERENCES)
    return machines + len(travel_set()) * travels(card) + min(untouched, MOST_UNTOUCHED)


def beside_parent(
    old: Predictor, new: Predictor, references: ReplaySet | None, untouched: Sequence[TrainingPair]
) -> Generator[CaseDone, None, BesideParent]:
    """Both models on the parent's reference images, and then wherever `look_elsewhere` looks.

    Yields CaseDone, counted over all of it: each reference image, and what `looks` says.
    """
    count = len(references or ())
    total = count + looks(old.card, count, len(untouched))
    found: tuple[Measured, ...] = ()
    if references is not None and count:
        steps = measure_replay_set(old, new, references)
        found = yield from changed(steps, lambda done: replace(done, total=total))
    elsewhere = yield from changed(
        look_elsewhere(old, new, references, untouched),
        lambda done: replace(done, done=count + done.done, total=total),
    )
    return BesideParent(found, elsewhere)


def look_elsewhere(
    old: Predictor, new: Predictor, references: ReplaySet | None, untouched: Sequence[TrainingPair]
) -> Generator[CaseDone, None, Elsewhere]:
    """Both models wherever there is something to look at. Yields CaseDone, counted over all of it.

    references : the parent's, for the simulated machines. untouched : images of the user's without a mask by
    a person.
    """
    total, before = looks(old.card, len(references or ()), len(untouched)), 0

    def counted(done: CaseDone) -> CaseDone:
        return replace(done, done=before + done.done, total=total)

    machines: tuple[Measured, ...] = ()
    drift: list[Drift] = []
    masks: dict[str, dict[str, ComparedCase]] = {}
    if references is not None and len(references):
        machines, alike = yield from changed(under_machines(old, new, references), counted)
        drift.append(alike)
        before += len(shifts_of(old.card)) * len(alike.cases)
    if travels(old.card):
        seen = yield from changed(on_travel_set(old, new), counted)
        drift.append(seen.drift)
        masks[PLACE] = seen.masks
        before += len(seen.drift.cases)
    if untouched:
        some = [untouched[k] for k in spread(len(untouched), MOST_UNTOUCHED)]
        seen = yield from changed(on_untouched(old, new, some), counted)
        drift.append(seen.drift)
        masks[UNTOUCHED] = seen.masks
    return Elsewhere(machines, tuple(drift), masks)


def under_machines(
    old: Predictor, new: Predictor, references: ReplaySet
) -> Generator[CaseDone, None, tuple[tuple[Measured, ...], Drift]]:
    """Both models on some reference images under each of the simulated machines (`training.shifts`).

    The truth moves with the image, so that each model is measured against it, as on the plain reference set;
    the drift is the Dice of the new masks against the old ones. A case is one image, with the mean of all
    machines. Yields CaseDone.
    """
    some = references.subset(spread(len(references), MOST_REFERENCES))
    shifts = len(shifts_of(old.card))
    samples = simulated(from_replay_set(some, old.card), old.card)
    moved = ReplaySet.of(
        samples.images, samples.labels(old.card.output.labels), some.items * shifts, some.sources
    )
    found = yield from measure_replay_set(old, new, moved)
    images = [found[k :: len(some)] for k in range(len(some))]
    names = [f"{item.source} {k}, {shifts} machines".strip() for k, item in enumerate(some.items, 1)]
    cases = [_mean(name, of_one) for name, of_one in zip(names, images, strict=True)]
    drift = [_mean_drift(name, of_one) for name, of_one in zip(names, images, strict=True)]
    return tuple(cases), Drift(MACHINES, tuple(drift))


def on_travel_set(old: Predictor, new: Predictor) -> Generator[CaseDone, None, Seen]:
    """Both models on the images of `resources/travel`. Yields CaseDone."""
    cases, masks = [], {}
    images = travel_set()
    for done, image in enumerate(images, start=1):
        raster = replace(read_raster(image.image), inverted=False)
        drawn = _drawn(old, new, raster)
        cases.append(_compared(image.title, raster, drawn, old))
        before, after = (one > BACKGROUND for one in drawn)
        masks[image.title] = ComparedCase.of(before, after, shown_pixels(raster.pixels))
        yield CaseDone(image.title, done, len(images))
    return Seen(Drift(PLACE, tuple(cases)), masks)


def on_untouched(
    old: Predictor, new: Predictor, pairs: Sequence[TrainingPair]
) -> Generator[CaseDone, None, Seen]:
    """Both models on images of the user's without a mask by a person, and the checks of both masks.

    Stacks are skipped: each of their slices is compared nowhere. Yields CaseDone, with `error` for an image
    that is skipped.
    """
    cases, masks = [], {}
    for done, pair in enumerate(pairs, start=1):
        problem = ""
        try:
            raster = read_image(pair)
            if raster.pixels.ndim == 2:
                drawn = _drawn(old, new, raster)
                cases.append(_compared(pair.id, raster, drawn, old, _newly_failing(drawn, raster, old)))
                before, after = (one > BACKGROUND for one in drawn)
                masks[pair.id] = ComparedCase.of(before, after)
        except UserError as error:
            problem = str(error)
        yield CaseDone(pair.id, done, len(pairs), problem)
    return Seen(Drift(UNTOUCHED, tuple(cases)), masks)


def _drawn(old: Predictor, new: Predictor, raster: Raster) -> tuple[np.ndarray, np.ndarray]:
    """Labels by the parent and by the new model's default answer."""
    ours, theirs = compared_outputs(old.card, new.card)[0]
    return (
        run(old.steps(raster, raster.inverted, theirs.id)).labels(),
        run(new.steps(raster, raster.inverted, ours.id)).labels(),
    )


def _compared(
    id: str,
    raster: Raster,
    drawn: tuple[np.ndarray, np.ndarray],
    model: Predictor,
    checks: Sequence[str] = (),
) -> DriftCase:
    return drift_case(
        id,
        *(one > BACKGROUND for one in drawn),
        in_zones=model.card.output.labels.of_lungs,
        aspect=pixel_aspect(raster.spacing_mm),
        checks=checks,
    )


def _newly_failing(drawn: tuple[np.ndarray, np.ndarray], raster: Raster, model: Predictor) -> tuple[str, ...]:
    labels = model.card.output.labels
    before, after = (
        check_labels(one, raster.spacing_mm, raster.row_direction, labels=labels) for one in drawn
    )
    return tuple(code for code in after if code not in before)


def _mean(name: str, of_one: Sequence[Measured]) -> Measured:
    """One image as the mean of what was measured under each machine."""
    values = [
        Value(same[0].of, float(np.mean([v.old for v in same])), float(np.mean([v.new for v in same])))
        for same in zip(*(case.values for case in of_one), strict=True)
    ]
    return replace(of_one[0], id=name, values=tuple(values), masks=None)


def _mean_drift(name: str, of_one: Sequence[Measured]) -> DriftCase:
    drawn = [case.masks.masks() for case in of_one if case.masks is not None]
    return DriftCase(name, float(np.mean([dice(after, before) for before, after in drawn])))
