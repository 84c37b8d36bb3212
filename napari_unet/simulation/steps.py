"""A whole simulation: images with masks in, what each way of working took out. Nothing is saved."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from torch import nn

from napari_unet.core.errors import UserError
from napari_unet.core.events import CaseDone, Familiar, Note
from napari_unet.core.labels import ignored, lung
from napari_unet.core.simulated import Arm, ArmBegun, Outcome, Simulation
from napari_unet.core.training_pair import TrainingPair
from napari_unet.inference.device import pick_device
from napari_unet.inference.freed_memory import freed_memory_kept
from napari_unet.inference.prepare import resized
from napari_unet.io.formats import read_labels, read_raster
from napari_unet.models.card import ModelCard
from napari_unet.models.checkpoint import load_model
from napari_unet.models.library import ModelEntry, ModelLibrary, default_library
from napari_unet.models.replay_set import read_replay_set
from napari_unet.simulation.simulate import Model, Subject, kept, simulate
from napari_unet.simulation.simulated_model import Fitting, looking
from napari_unet.training.acceptance import intact_replay_set
from napari_unet.training.adapt_config import PRESETS
from napari_unet.training.cases import image_fingerprints
from napari_unet.training.further import following, up_to
from napari_unet.training.machine import using_threads
from napari_unet.training.samples import Samples, from_replay_set
from napari_unet.training.taught import taught_by

Steps = Generator[Note | ArmBegun | CaseDone | Outcome, None, Simulation]


def simulation_steps(
    pairs: Sequence[TrainingPair],
    model: str,
    *,
    preset: str,
    after: Sequence[int],
    seeds: int,
    side: int,
    device: str = "auto",
    threads: int | None = None,
    library: ModelLibrary | None = None,
    answer: str | None = None,
) -> Steps:
    """Works through `pairs` once for each seed and each Arm, with `model` to begin with.

    Yields Notes about what was assumed or ignored, ArmBegun, CaseDone for each case and the Outcome of each
    arm. after : numbers of corrected cases after which a model is fitted by `preset`. The others: as in
    `subjects_steps`. Raises UserError if fewer than two pairs can be used.
    """
    subjects = yield from subjects_steps(pairs, model, side=side, library=library, answer=answer)
    with using_threads(threads) as used, freed_memory_kept():
        beginning = _Beginning.of((library or default_library()).find(model), answer, device)
        outcomes = []
        for seed in range(seeds):
            for arm in Arm:
                yield ArmBegun(arm, seed)
                outcome = yield from beginning.work_through(subjects, arm, seed, preset, after)
                yield outcome
                outcomes.append(outcome)
    return Simulation(tuple(outcomes), len(subjects), used)


def subjects_steps(
    pairs: Sequence[TrainingPair],
    model: str,
    *,
    side: int,
    library: ModelLibrary | None = None,
    answer: str | None = None,
) -> Generator[Note, None, list[Subject]]:
    """The cases of a simulation, read and reduced: yields Notes about what was assumed or ignored.

    side : larger images are reduced to this longer side, in pixels. answer : of the model, as in
    `ModelCard.output_named`: what draws and what is fitted. Raises UserError if fewer than two can be used.
    """
    entry = (library or default_library()).find(model)
    entry.card.output_named(answer)
    if entry.card.warning:
        yield Note(entry.card.warning)
    subjects = []
    for pair in pairs:
        try:
            subjects.append((yield from _subject(pair, side)))
        except UserError as error:
            yield Note(f"{pair.id}: {error}")
    if len(subjects) < 2:
        raise UserError("Fewer than two X-rays have a mask with lung in it.", "Check the names of the masks.")
    if known := _known(entry, model, subjects):
        yield Note(known)
    return subjects


def outcome_steps(
    subjects: Sequence[Subject],
    model: str,
    *,
    arm: Arm,
    seed: int,
    preset: str,
    after: Sequence[int],
    device: str = "auto",
    threads: int | None = None,
    library: ModelLibrary | None = None,
    answer: str | None = None,
) -> Generator[CaseDone, None, Simulation]:
    """One arm with one seed of `simulation_steps`, by itself: a part of it that can run anywhere."""
    with using_threads(threads) as used, freed_memory_kept():
        beginning = _Beginning.of((library or default_library()).find(model), answer, device)
        outcome = yield from beginning.work_through(subjects, arm, seed, preset, after)
    return Simulation((outcome,), len(subjects), used)


@dataclass(frozen=True)
class _Beginning:
    """What every arm begins with. first : the model's own masks, each made once."""

    net: nn.Module
    card: ModelCard
    replayed: Samples | None
    first: Model
    device: str

    @classmethod
    def of(cls, entry: ModelEntry, answer: str | None, device: str) -> _Beginning:
        """By a model of the library and one of its answers."""
        device = str(pick_device(device))
        net, card = up_to(load_model(entry), entry.card, answer)
        replay_set = read_replay_set(entry)
        if replay_set is not None:
            replay_set = following(replay_set.answered(entry.card.output.id), card.output)
        replayed = from_replay_set(replay_set.part("replay"), card) if replay_set else None
        return cls(net, card, replayed, kept(looking(net, card, device)), device)

    def work_through(
        self, subjects: Sequence[Subject], arm: Arm, seed: int, preset: str, after: Sequence[int]
    ) -> Generator[CaseDone, None, Outcome]:
        """One arm with one seed."""
        fitting = Fitting(self.net, self.card, self.replayed, PRESETS[preset], self.device)
        return (yield from simulate(subjects, arm, self.first, fitting, after=after, seed=seed))


def _known(entry: ModelEntry, model: str, subjects: Sequence[Subject]) -> str:
    """What is to be said if X-rays have taught the model that is begun with; "" if nothing is."""
    taught = taught_by(entry.card, intact_replay_set(entry))
    pairs = (TrainingPair(one.id, one.raster, one.reference, one.patient) for one in subjects)
    seen = [
        image_fingerprints(pair, one.raster, entry.card) for pair, one in zip(pairs, subjects, strict=True)
    ]
    familiar = Familiar(model, taught.count(seen), len(seen), taught.sentence())
    return " ".join(text for text in (familiar.sentence(), familiar.unknown) if text)


def _subject(pair: TrainingPair, side: int) -> Generator[Note, None, Subject]:
    """An image and its mask at no more than `side` pixels. Raises UserError if it is none to correct."""
    raster = read_raster(pair.source)
    if not isinstance(pair.mask, Path):
        raise ValueError("the mask is in memory")
    found = read_labels(pair.mask, of=raster)
    reference, ignore = lung(found.labels), ignored(found.labels)
    for note in found.notes:
        yield Note(f"{pair.id}: {note}")
    if raster.pixels.ndim != 2 or raster.shape != reference.shape:
        raise UserError("It is not a single X-ray, or its mask has another size.", "Left out.")
    if not reference.any():
        raise UserError("There is no lung in its mask.", "Left out.")
    scale = min(1.0, side / max(raster.shape))
    height, width = (max(1, round(length * scale)) for length in raster.shape)
    if (height, width) != raster.shape:
        pixels = resized(raster.pixels, (height, width))[0, 0].numpy()
        raster = replace(raster, pixels=pixels, spacing_mm=None, affine=None, frame=None)
        reference = resized(reference, (height, width))[0, 0].numpy() >= 0.5
        ignore = None if ignore is None else resized(ignore, (height, width))[0, 0].numpy() >= 0.5
    return Subject(pair.id, pair.patient, raster, reference, ignore)
