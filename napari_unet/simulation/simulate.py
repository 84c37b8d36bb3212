"""What fine-tuning saves: a simulated annotator corrects all cases of a set, with and without it.

Cases come one after the other. The annotator (strokes.py) paints on the model's mask until it is good enough;
after some numbers of cases a model is fitted to all that are corrected, and the cases that nobody touched get
its masks.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass

import numpy as np

from napari_unet.core.core_set import UNCERTAINTY_WEIGHT, most_useful
from napari_unet.core.events import CaseDone
from napari_unet.core.raster import Raster
from napari_unet.core.simulated import Arm, Cost, Outcome
from napari_unet.simulation.strokes import Correction, Hand

AFTER = (4, 8, 14, 20, 28, 35)
"""Numbers of corrected cases after which a model is fitted to them."""


@dataclass(frozen=True)
class Subject:
    """One case to be corrected. raster : (Y, X). reference : bool of its shape.

    ignore : bool of its shape, or None: what nobody could say, and what does not count.
    """

    id: str
    patient: str
    raster: Raster
    reference: np.ndarray
    ignore: np.ndarray | None = None


@dataclass(frozen=True)
class Look:
    """What a model says about an image. mask : bool. features, uncertainty : as in core.core_set."""

    mask: np.ndarray
    features: np.ndarray
    uncertainty: float


@dataclass(frozen=True)
class Corrected:
    """A subject with the mask that the annotator left it with, bool."""

    subject: Subject
    mask: np.ndarray


Model = Callable[[Raster], Look]
Retrain = Callable[[Sequence[Corrected], int], Model]
"""(all that is corrected so far, seed) → a model fitted to it."""


def kept(model: Model) -> Model:
    """The same model; what it says about a raster object is computed once."""
    found: dict[int, tuple[Raster, Look]] = {}

    def look(raster: Raster) -> Look:
        if id(raster) not in found:
            found[id(raster)] = raster, model(raster)
        return found[id(raster)][1]

    return look


def simulate(
    subjects: Sequence[Subject],
    arm: Arm,
    model: Model,
    retrain: Retrain,
    hand: Hand | None = None,
    after: Sequence[int] = AFTER,
    seed: int = 0,
    weight: float = UNCERTAINTY_WEIGHT,
) -> Generator[CaseDone, None, Outcome]:
    """Works through all subjects; yields each, returns what it took.

    model : makes the first masks. after : numbers of corrected cases, increasing. weight : of uncertainty,
    see core.core_set. seed : of the random order, of the hand's tremble and of `retrain`.
    Raises ValueError if two subjects have one id.
    """
    if len({subject.id for subject in subjects}) != len(subjects):
        raise ValueError("each subject needs an id of its own")
    hand = hand or Hand()
    looks = {subject.id: model(subject.raster) for subject in subjects}
    left = {subject.id: subject for subject in subjects}
    random = [subjects[k].id for k in np.random.default_rng(seed).permutation(len(subjects))]
    done: list[Corrected] = []
    costs: list[Cost] = []
    models, queue = 0, _queue(arm, left, [], looks, random, weight)
    while left:
        subject = left.pop(queue.pop(0))
        first, own = looks[subject.id].mask, _seed(seed, subject.id)
        work = Correction(first, subject.reference, hand, own, subject.ignore)
        before = work.dice
        reached = work.finish()
        costs.append(
            Cost(
                subject.id,
                work.strokes,
                work.pixels,
                round(work.length, 1),
                round(before, 4),
                round(work.dice, 4),
                reached,
                models,
            )
        )
        done.append(Corrected(subject, work.mask))
        yield CaseDone(subject.id, len(done), len(subjects))
        if arm is not Arm.NONE and left and len(done) in after:
            fitted = retrain(done, seed)
            models += 1
            seen = subjects if arm is Arm.USEFUL else list(left.values())
            looks = {one.id: fitted(one.raster) for one in seen}
            queue = _queue(arm, left, done, looks, random, weight)
    return Outcome(arm, seed, tuple(costs))


def _queue(
    arm: Arm,
    left: dict[str, Subject],
    done: Sequence[Corrected],
    looks: dict[str, Look],
    random: Sequence[str],
    weight: float,
) -> list[str]:
    if arm is Arm.NONE:
        return list(left)
    if arm is Arm.RANDOM:
        return [id_ for id_ in random if id_ in left]
    ids = list(left)
    if arm is Arm.SURE:
        return sorted(ids, key=lambda id_: looks[id_].uncertainty)
    known = np.array([looks[one.subject.id].features for one in done]) if done else None
    picks = most_useful(
        np.array([looks[id_].features for id_ in ids]),
        np.array([looks[id_].uncertainty for id_ in ids]),
        known,
        weight,
    )
    return [ids[pick.index] for pick in picks]


def _seed(seed: int, id_: str) -> int:
    """The same tremble on the same case in every arm."""
    return int(np.random.SeedSequence([seed, *id_.encode()]).generate_state(1)[0])
