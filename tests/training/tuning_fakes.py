"""A tiny model with a replay set, in a library, and cases of another hospital: a fine-tune takes seconds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from net_fakes import TINY, card, lungs, xray

from napari_unet.core.input_rule import InputRule
from napari_unet.core.raster import Raster
from napari_unet.core.training_pair import TrainingPair
from napari_unet.models.card import DataSource, NetSpec
from napari_unet.models.checkpoint import build_net, save_model
from napari_unet.models.library import ModelEntry, ModelLibrary
from napari_unet.models.replay_set import ReplayItem, ReplaySet
from napari_unet.training.adapt_config import AdaptConfig
from napari_unet.training.finetune import fine_tune
from napari_unet.training.outcome import FineTuneResult

SIDE = 32
QUICK = AdaptConfig(steps=8, batch=4, check_every=4, learning_rate=3e-2)
HOME = DataSource(name="Home", images=100, licence="CC0", attribution="Everybody")


def replay_set(replay: int = 3, gate: int = 2) -> ReplaySet:
    """Images of the parent's own domain."""
    mask = lungs(SIDE, SIDE)
    count = replay + gate
    images = np.stack([(xray(mask, 100 + k) * 255).astype(np.uint8) for k in range(count)])
    items = tuple(
        ReplayItem("replay" if k < replay else "gate", f"home-{k}", f"{k:064x}", 0, HOME.name)
        for k in range(count)
    )
    return ReplaySet(images, np.repeat(mask[None], count, axis=0).astype(np.uint8), items, (HOME,))


def parent(
    library: ModelLibrary, name: str = "tiny", with_replay_set: bool = True, **fields: Any
) -> ModelEntry:
    """A model in the library that has learnt nothing yet."""
    described = card(
        name=name,
        net=NetSpec(arguments=TINY),
        input=InputRule(size=(SIDE, SIDE)),
        protocol="lungs without the heart",
        data=(HOME,),
        **fields,
    )
    torch.manual_seed(0)
    weights = build_net(described.net).state_dict()
    folder = library.own / name
    return ModelEntry(
        save_model(weights, described, folder, replay_set=replay_set() if with_replay_set else None), folder
    )


def case(k: int, patient: str | None = None, **fields: Any) -> TrainingPair:
    """An X-ray of 40 × 48 pixels of half a millimetre, in memory."""
    mask = lungs(40, 48)
    raster = Raster(xray(mask, k), spacing_mm=(0.5, 0.5))
    pair = {
        "id": f"case-{k}",
        "image": raster,
        "mask": mask.astype(np.uint8),
        "patient": f"patient-{k}" if patient is None else patient,
        "content_hash": f"{1000 + k:064x}",
        "revision": f"{2000 + k:064x}",
    }
    return TrainingPair(**(pair | fields))


def cases(count: int = 4) -> list[TrainingPair]:
    """Cases of as many patients."""
    return [case(k) for k in range(count)]


def finish(
    steps: Any, word: Callable[[Any], str | None] = lambda event: None
) -> tuple[FineTuneResult, list[Any]]:
    """Runs a fine-tune to its end. word : what to say to an event."""
    events: list[Any] = []
    said = None
    while True:
        try:
            events.append(steps.send(said))
        except StopIteration as end:
            return end.value, events
        said = word(events[-1])


def tuned(library: ModelLibrary, pairs: list[TrainingPair] | None = None, **options: Any) -> FineTuneResult:
    """A quick fine-tune of "tiny"."""
    options = {"parent": "tiny", "config": QUICK, "device": "cpu"} | options
    return finish(fine_tune(cases() if pairs is None else pairs, library=library, **options))[0]


def files(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, by its path."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
