"""The acceptance test of today for a model that is there already, and was tested by an earlier version."""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence

from napari_unet.core.acceptance_report import AcceptanceReport
from napari_unet.core.errors import UserError
from napari_unet.core.events import CaseDone
from napari_unet.core.training_pair import TrainingPair
from napari_unet.inference.device import pick_device
from napari_unet.inference.freed_memory import freed_memory_kept
from napari_unet.inference.predictor import Predictor
from napari_unet.models.checkpoint import load_model
from napari_unet.models.library import ModelEntry, ModelLibrary, default_library
from napari_unet.models.record_test import record_test
from napari_unet.models.replay_set import ReplaySet
from napari_unet.training.acceptance import gather, intact_replay_set
from napari_unet.training.derived import scores_of, unseen
from napari_unet.training.drift import YOURS, beside_parent, looks
from napari_unet.training.further import is_further
from napari_unet.training.machine import memory_explained, using_threads
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
        chosen = pick_device(device)
        old, new = (Predictor(load_model(one), one.card, chosen) for one in (parent, entry))
        judges = _judges(entry, parent)
        if not judges and not looks(parent.card, 0, len(untouched)):
            raise UserError(
                f"There is nothing to test {entry.card.name} on: {parent.card.name} keeps no reference "
                "images, and no other images were given.",
                "Open a project with images that nobody has corrected.",
            )
        found = yield from beside_parent(old, new, judges, untouched)
    card, gate = entry.card, entry.card.gate
    held_out = gather(YOURS, (), card) if gate is None else gate.at(gate.places[0])
    report = AcceptanceReport(
        parent.card.name,
        card.name,
        (*held_out, *found.evidence(card)),
        found.elsewhere.drift,
        () if gate is None else gate.asked,
        "" if gate is None else gate.difference,
    )
    took = time.perf_counter() - begun
    card = record_test(entry, report, scores_of(report))
    masks, places = found.masks, found.elsewhere.masks
    return FineTuneResult(card, entry.folder, report, 0.0, took, reference=masks, drift=places)


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
    return unseen(inherited, taught_last(entry.card))
