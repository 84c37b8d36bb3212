"""An encoder that learned from images without labels: it restores what is covered (He 2022, with a U-Net).

Only for the comparison in `compare.py`; it does not ship.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from napari_unet.models.card import ModelCard
from napari_unet.models.checkpoint import build_net, save_model

_PATCH = 16  # pixels of a covered square
_COVERED = 0.5  # share of them
_BATCH = 16


def restored(images: np.ndarray, card: ModelCard, folder: Path, epochs: int, seed: int = 0) -> Path:
    """Trains the network of `card` to restore covered squares; saves it in `folder`, which it returns.

    images : float (N, 1, Y, X) in 0..1, as the network sees them, sides multiples of 32. One that is there
    already is kept.
    """
    if folder.exists():
        return folder
    torch.manual_seed(seed)
    net = build_net(card.net).train()
    steps = epochs * (len(images) // _BATCH)
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=steps)
    generator = torch.Generator().manual_seed(seed)
    order = torch.cat([torch.randperm(len(images), generator=generator) for _ in range(epochs + 1)])
    for step in range(steps):
        x = torch.from_numpy(images[order[step * _BATCH : (step + 1) * _BATCH].numpy()].astype(np.float32))
        squares = (
            torch.rand((len(x), 1, *(side // _PATCH for side in x.shape[2:])), generator=generator) < _COVERED
        )
        covered = functional.interpolate(squares.float(), scale_factor=float(_PATCH))
        mean = x.mean(dim=(2, 3), keepdim=True)
        with torch.autocast("cpu", torch.bfloat16):
            found = net(x * (1 - covered) + mean * covered)[:, :1]
        loss = ((found.float() - x) ** 2 * covered).sum() / covered.sum()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % 50 == 0:
            print(f"restoring: step {step} of {steps}, squared error {loss.item():.4f}", flush=True)
    plain = card.model_copy(update={"name": folder.name, "scores": (), "data": ()})
    save_model(net.eval().state_dict(), plain, folder)
    return folder
