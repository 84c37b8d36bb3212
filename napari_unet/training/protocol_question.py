"""Whether corrected masks follow the parent's protocol: both in words, and where the masks differ."""

from __future__ import annotations

from collections.abc import Generator, Sequence

import numpy as np

from napari_unet.core.errors import UserError
from napari_unet.core.events import CaseDone
from napari_unet.core.geometry import pixel_aspect
from napari_unet.core.labels import IGNORE, lung
from napari_unet.core.metrics import dice
from napari_unet.core.protocol import ProtocolQuestion
from napari_unet.core.protocol_difference import CaseDifference, case_difference, protocol_difference
from napari_unet.core.steps import run
from napari_unet.core.training_pair import TrainingPair
from napari_unet.inference.device import pick_device
from napari_unet.inference.predictor import Predictor
from napari_unet.models.checkpoint import load_model
from napari_unet.models.library import ModelLibrary, default_library
from napari_unet.training.machine import using_threads
from napari_unet.training.pairs import read_pair

Steps = Generator[CaseDone, None, ProtocolQuestion]
ALIKE = 0.6
"""Dice of model and correction under which the model failed, which says nothing about protocols.

cxr-lung has at least 0.7 on `cxr/covid` adapt, whose protocol is another one.
"""


def protocol_question(
    pairs: Sequence[TrainingPair],
    parent: str = "cxr-lung",
    protocol: str = "",
    device: str = "auto",
    threads: int | None = None,
    library: ModelLibrary | None = None,
) -> Steps:
    """What is to be asked before a fine-tune of `parent` with `pairs`. Yields CaseDone for each of them.

    protocol : of the pairs' masks, in words. Pairs that cannot be read are not measured. Raises UserError if
    the model or the device is not there.
    """
    entry = (library or default_library()).find(parent)
    with using_threads(threads):
        predictor = Predictor(load_model(entry), entry.card, pick_device(device))
        return (yield from asked(predictor, pairs, protocol))


def asked(parent: Predictor, pairs: Sequence[TrainingPair], protocol: str) -> Steps:
    """As `protocol_question`, with a model that is loaded.

    Only masks of lungs in single images are measured: there are zones for frontal chest X-rays alone. And
    only where the model did not fail.
    """
    output = parent.card.output
    measurable = output.task == "segmentation" and output.labels.of_lungs
    found: list[CaseDifference | None] = []
    failed = 0
    for done, pair in enumerate(pairs, start=1):
        masks = _masks(parent, pair) if measurable else None
        if masks is not None:
            drawn, corrected, ignore, aspect = masks
            if dice(drawn, corrected, ignore) < ALIKE:
                failed += 1
            else:
                found.append(case_difference(drawn, corrected, ignore, aspect))
        yield CaseDone(pair.id, done, len(pairs))
    difference = protocol_difference(found)
    sentence = difference.sentence() if found else ""
    if not found and measurable and failed:
        sentence = (
            "Where the masks differ is not informative: the model's are too far from yours in all cases."
        )
    return ProtocolQuestion(protocol.strip(), output.protocol, sentence, difference.differs)


def _masks(parent: Predictor, pair: TrainingPair) -> tuple[np.ndarray, np.ndarray, np.ndarray, float] | None:
    """(the model's lungs, the corrected ones, what does not count, height of a pixel in widths) of a case.

    None for a stack, and for what cannot be read.
    """
    try:
        raster, labels, _ = read_pair(pair, parent.card)
        if raster.pixels.ndim != 2:
            return None
        drawn = run(parent.steps(raster, raster.inverted)).labels()
    except UserError:
        return None
    return lung(drawn), lung(labels), labels == IGNORE, pixel_aspect(raster.spacing_mm)
