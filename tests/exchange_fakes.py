"""Models with a replay set, and zip files as strangers make them."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import torch
from net_fakes import TINY, card

from napari_unet.models.card import NetSpec
from napari_unet.models.checkpoint import build_net, save_model
from napari_unet.models.library import ModelEntry
from napari_unet.models.replay_set import ReplayItem, ReplaySet


def with_replay_set(folder: Path, name: str = "mine") -> ModelEntry:
    """A tiny model with an image for replay and one for the acceptance test."""
    described = card(name=name, net=NetSpec(arguments=TINY))
    images = np.arange(2 * 8 * 8, dtype=np.uint8).reshape(2, 8, 8)
    replay_set = ReplaySet(images, (images > 60).astype(np.uint8), (ReplayItem("replay"), ReplayItem("gate")))
    torch.manual_seed(0)
    weights = build_net(described.net).state_dict()
    return ModelEntry(save_model(weights, described, folder, replay_set=replay_set), folder)


def zipped(path: Path, folder: Path, top: str = "m/", **more: bytes) -> Path:
    """A zip file of the files in `folder`, under `top`, and of `more`: name and content."""
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.iterdir()):
            archive.write(file, f"{top}{file.name}")
        for name, content in more.items():
            archive.writestr(name, content)
    return path


def contents(folder: Path) -> dict[str, bytes]:
    """Name and bytes of each file in a folder."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}
