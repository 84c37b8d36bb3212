"""The acceptance test of today for a model that is there already, and was tested by an earlier version."""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence
from dataclasses import replace

from napari_unet.core.acceptance_report import AcceptanceReport
from napari_unet.core.errors import UserError
from napari_unet.core.events import CaseDone
from napari_unet.core.steps import changed
from napari_unet.core.training_pair import TrainingPair
from napari_unet.inference.device import pick_device
from napari_unet.inference.predictor import Predictor
from napari_unet.models.checkpoint import load_model
from napari_unet.models.library import ModelEntry, ModelLibrary, default_library
from napari_unet.models.record_test import record_test
from napari_unet.models.replay_set import ReplaySet
from napari_unet.training.acceptance import Measured, gather, intact_replay_set, measure_replay_set
from napari_unet.training.beginning import Parent
from napari_unet.training.derived import scores_of, unseen
from napari_unet.training.drift import MACHINES, look_elsewhere, looks
from napari_unet.training.finetune import REFERENCE, YOURS
from napari_unet.training.further import is_further
from napari_unet.training.machine import freed_memory_kept, memory_explained, using_threads
from napari_unet.training.outcome import FineTuneResult
from napari_unet.training.taught import taught_last


def retest(
    model: str,
    *,
    untouched: Sequence[TrainingPair] = (),
    device: str = "auto",
    threads: int | None = None,
    library: ModelLibrary | None = None,
) -> Generator[CaseDone, None, FineTuneResult]:
    """Tests a fine-tuned model against its parent as a new one is tested, and writes that on its card.

    What it was worth on held-out cases stays as it was found: the trainings that had not seen them were not
    kept. Measured now: the parent's reference images, the same under the simulated machines, the travel set,
    and images of the user's.

    Parameters
    ----------
    model : str
        Name or folder of a model of the user's own.
    untouched : sequence of TrainingPair
        Images without a mask by a person.
    device, threads, library
        As in `fine_tune`.

    Yields
    ------
    CaseDone
        Counted over everything; with `error` for an image that is skipped.

    Returns
    -------
    FineTuneResult
        With the card as it is written; nothing was trained. Nothing is written before the end, which has no
        events: whoever closes the generator leaves the card as it was.

    Raises
    ------
    UserError
        If the model has no parent, the parent is not on this computer, there is nothing to test on, or the
        card cannot be written.
    """
    library = library or default_library()
    entry, parent = _family(model, library)
    begun = time.perf_counter()
    with using_threads(threads), freed_memory_kept(), memory_explained():
        chosen = str(pick_device(device))
        old = Parent(parent, chosen)
        new = Predictor(load_model(entry), entry.card, pick_device(device))
        judges = _judges(entry, parent)
        total = len(judges or ()) + looks(parent.card, len(judges or ()), len(untouched))
        if not total:
            raise UserError(
                f"There is nothing to test {entry.card.name} on: {parent.card.name} keeps no reference "
                "images, and no other images were given.",
                "Open a project with images that nobody has corrected.",
            )
        found: tuple[Measured, ...] = ()
        before = 0
        if judges is not None and len(judges):
            found = yield from changed(
                measure_replay_set(old.predictor, new, judges),
                lambda done: CaseDone(done.name, done.done, total),
            )
            before = len(found)
        elsewhere = yield from changed(
            look_elsewhere(old.predictor, new, judges, untouched),
            lambda done: replace(done, done=before + done.done, total=total),
        )
    card, gate = entry.card, entry.card.gate
    held_out = gather(YOURS, (), card) if gate is None else gate.at(gate.places[0])
    report = AcceptanceReport(
        parent.card.name,
        card.name,
        (
            *held_out,
            *(gather(REFERENCE, found, card) if found else ()),
            *(gather(MACHINES, elsewhere.machines, card) if elsewhere.machines else ()),
        ),
        elsewhere.drift,
        () if gate is None else gate.asked,
        "" if gate is None else gate.difference,
    )
    took = time.perf_counter() - begun
    masks = {case.id: case.masks for case in found if case.masks is not None}
    card = record_test(entry, report, scores_of(report))
    return FineTuneResult(card, entry.folder, report, 0.0, took, reference=masks, drift=elsewhere.masks)


def _family(model: str, library: ModelLibrary) -> tuple[ModelEntry, ModelEntry]:
    """The model and its parent."""
    entry = library.find(model)
    name = entry.card.name
    if entry.card.parent is None:
        raise UserError(
            f"{name} was not made by a fine-tune: there is no model to test it against.",
            "Use `napari-unet-lung compare` with another model and images with masks.",
        )
    try:
        return entry, library.find(entry.card.parent)
    except UserError as error:
        raise UserError(
            f"{name} was made from {entry.card.parent}, which cannot be used here. {error.problem}",
            f"Import {entry.card.parent} first.",
        ) from error


def _judges(entry: ModelEntry, parent: ModelEntry) -> ReplaySet | None:
    """The parent's reference images that have not taught the model since."""
    inherited = intact_replay_set(parent)
    if inherited is None:
        return None
    if is_further(entry.card) and len(entry.card.outputs) > len(parent.card.outputs):
        inherited = inherited.answered(parent.card.output.id)
    return unseen(inherited, taught_last(entry.card).fingerprints)
